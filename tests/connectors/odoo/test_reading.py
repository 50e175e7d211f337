"""Reading Odoo: the promises of the door, names that drift between versions, and errors that come with a 200."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.odoo import Odoo, OdooConfig
from hub.sdk import Cursor, Document, Misconfigured, Unauthorized, Unavailable
from hub.sdk.testing import RecordSuite
from tests.connectors.odoo.odoo_server import DATABASE, PASSWORD, USER, Database, serve
from tests.connectors.odoo.plant import HARVEST, line, models, move, production, stamp

EVERYTHING = [
    *("products", "lots", "work_centers", "boms", "bom_lines", "bom_operations", "productions"),
    *("work_orders", "moves", "productivity", "quality_points", "quality_checks"),
]

HELD_IN = {
    "products": "product.product",
    "lots": "stock.lot",
    "work_centers": "mrp.workcenter",
    "boms": "mrp.bom",
    "bom_lines": "mrp.bom.line",
    "bom_operations": "mrp.routing.workcenter",
    "productions": "mrp.production",
    "work_orders": "mrp.workorder",
    "moves": "stock.move.line",
    "productivity": "mrp.workcenter.productivity",
    "quality_points": "quality.point",
    "quality_checks": "quality.check",
}
"""The model of each stream."""


def connect(odoo: Database, **settings: Any) -> Odoo:
    given = {
        "url": odoo.url,
        "database": DATABASE,
        "user": USER,
        "password": PASSWORD,
        "page_size": 2,
        "streams": EVERYTHING,
        **settings,
    }
    return Odoo(OdooConfig.model_validate(given))


@pytest.fixture
def odoo() -> Iterator[Database]:
    with serve(Database(models())) as server:
        yield server


def read(odoo: Database, stream: str, cursor: Cursor | None = None, **settings: Any) -> list[Document]:
    with connect(odoo, **settings) as connector:
        return [d for page in connector.read(stream, cursor) for d in page.documents]


class _Suite(RecordSuite):
    api = "jsonrpc"

    @pytest.fixture(autouse=True)
    def world(self, odoo: Database) -> None:
        self.odoo = odoo

    def make(self) -> Odoo:
        return connect(self.odoo, api=self.api)

    def make_exact(self) -> Odoo:
        return connect(self.odoo, api=self.api, overlap_s=0)

    def make_refused(self) -> Odoo:
        return connect(self.odoo, api=self.api, password="stolen-key")

    def holds(self) -> dict[str, int]:
        held = {stream: len(self.odoo.models[HELD_IN[stream]]) for stream in EVERYTHING}
        return held | {"moves": held["moves"] - 2}  # a delivery, and what is not done yet

    def make_large(self, factor: int) -> Odoo:
        self.odoo.models["mrp.production"] = [
            production(
                [n, f"WH/MO/{n:05d}"], "confirmed", write_date=f"2026-03-01 09:{n // 60:02d}:{n % 60:02d}"
            )
            for n in range(1, 300 * factor + 1)
        ]
        return connect(self.odoo, api=self.api, page_size=100)

    def grow(self) -> bool:
        tables = self.odoo.models
        tables["mrp.production"] += [
            production([9, "WH/MO/00009"], "confirmed", write_date=stamp(5)),
            production([10, "WH/MO/00010"], "confirmed", write_date=stamp(30)),
        ]
        tables["mrp.production"][0]["write_date"] = stamp(31)
        tables["stock.move.line"].append(line(99, 61, write_date=stamp(20)))
        return True


class TestOdooOverJsonRpc(_Suite):
    pass


class TestOdooOverJson2(_Suite):
    api = "json2"


# --------------------------------------------------------------------------------- errors that say 200


def test_a_wrong_password_is_refused_although_odoo_answers_200(odoo: Database) -> None:
    with connect(odoo, password="nope") as connector, pytest.raises(Unauthorized, match="does not let"):
        connector.check()


def test_a_database_that_is_not_there_is_a_wrong_setting(odoo: Database) -> None:
    with connect(odoo, database="other") as connector, pytest.raises(Misconfigured, match="does not exist"):
        connector.check()


def test_an_app_that_is_not_installed_is_named(odoo: Database) -> None:
    del odoo.models["quality.check"]
    with connect(odoo) as connector, pytest.raises(Misconfigured, match=r"quality\.check.*install its app"):
        connector.check()


def test_a_model_that_is_closed_to_the_user_is_a_matter_of_rights(odoo: Database) -> None:
    odoo.closed.add("mrp.production")
    with connect(odoo) as connector, pytest.raises(Unauthorized, match="not allowed to access"):
        connector.check()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (("psycopg2.errors.SerializationFailure", "could not serialize access"), Unavailable),
        (("builtins.ValueError", "Invalid field 'x'"), Misconfigured),
    ],
)
def test_a_fault_says_what_the_hub_shall_do(
    odoo: Database, fault: tuple[str, str], error: type[Exception]
) -> None:
    odoo.faults = [fault]
    with connect(odoo) as connector, pytest.raises(error) as caught:
        list(connector.read("lots", None))
    assert fault[1] in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_an_address_that_is_no_odoo_is_told(odoo: Database) -> None:
    with connect(odoo, url=f"{odoo.url}/web") as connector, pytest.raises((Misconfigured, Unavailable)):
        connector.check()


def test_json_rpc_needs_a_user() -> None:
    with pytest.raises(ValidationError, match="give `user`"):
        OdooConfig.model_validate({"url": "http://x", "database": "d", "password": "p"})


# ------------------------------------------------------------------------------- names that drift


def test_fields_of_another_version_are_not_asked_for(odoo: Database) -> None:
    read(odoo, "moves")
    asked = next(n for m, k, n in odoo.asked if (m, k) == ("stock.move.line", "search_read"))
    assert "qty_done" in asked["fields"]
    assert "quantity" not in asked["fields"]


def test_lots_are_found_under_their_older_name(odoo: Database) -> None:
    odoo.models["stock.production.lot"] = odoo.models.pop("stock.lot")
    assert [d.key for d in read(odoo, "lots")] == ["20", "21"]


def test_archived_rows_are_asked_for_too(odoo: Database) -> None:
    read(odoo, "products")
    contexts = [n["context"] for _, kind, n in odoo.asked if kind == "search_read"]
    assert contexts
    assert all(context == {"active_test": False} for context in contexts)


# ------------------------------------------------------------------------------------------- movements


def test_only_movements_of_manufacturing_are_read(odoo: Database) -> None:
    assert [d.key for d in read(odoo, "moves")] == ["44", "48", "49", "60", "61"]


def test_one_question_a_page_completes_its_movements(odoo: Database) -> None:
    read(odoo, "moves", page_size=100)
    kinds = [model for model, kind, _ in odoo.asked if kind == "search_read"]
    assert kinds == ["stock.move.line", "stock.move", "mrp.unbuild", "stock.move.line"]


def test_orders_tell_which_movements_are_theirs_when_stock_moves_are_closed(odoo: Database) -> None:
    odoo.closed.add("stock.move")
    odoo.models["stock.move.line"] = [line(44, 61), line(48, 63, product_id=HARVEST)]
    sides = {d.key: d.payload for d in read(odoo, "moves")}
    assert '"side":"move_raw_ids"' in sides["44"]
    assert '"side":"move_finished_ids"' in sides["48"]
    assert '"order":[4,"WH/MO/00004"]' in sides["48"]


def test_a_movement_taken_back_in_two_lines_reverses_neither_by_guess(odoo: Database) -> None:
    odoo.models["stock.move.line"].append(line(45, 61))
    (told,) = (d for d in read(odoo, "moves") if d.key == "61")
    assert '"reverses":null' in told.payload


def test_a_bulk_import_of_one_second_is_read_whole(odoo: Database) -> None:
    odoo.models["stock.move.line"] = [line(n, 61) for n in range(100, 120)]
    odoo.models["stock.move"] = [move(61, raw_material_production_id=[4, "WH/MO/00004"])]
    assert sorted(d.key for d in read(odoo, "moves")) == [str(n) for n in range(100, 120)]
