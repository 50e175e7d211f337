"""The connector on what a real Odoo 16 with its manufacturing demonstration data said, pair by pair."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.odoo import Odoo, OdooConfig
from hub.model import Batch, Identifier, MaterialActual, MaterialLot, OperationsRequest, Record
from hub.sdk import ConnectorError, Document, Misconfigured, Rejected, Unauthorized
from tests.connectors.odoo.odoo_server import Database, serve

STREAMS = ["products", "lots", "work_centers", "boms", "bom_lines", "productions", "moves", "productivity"]
MODELS = {
    "product.product": "product_product",
    "stock.lot": "stock_lot",
    "mrp.workcenter": "mrp_workcenter",
    "mrp.bom": "mrp_bom",
    "mrp.bom.line": "mrp_bom_line",
    "mrp.production": "mrp_production",
    "stock.move.line": "stock_move_line",
    "mrp.workcenter.productivity": "mrp_workcenter_productivity",
}
LATER = "2026-11-22 23:29:11"
"""A change time for the models of which none was recorded; their rows came sorted by it."""


@pytest.fixture(scope="module")
def pair(shared_folder: Path) -> Callable[[str], Any]:
    folder = shared_folder / "data" / "recorded" / "odoo-16.0"
    return lambda name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def odoo(pair: Callable[[str], Any]) -> Iterator[Database]:
    """Serve the recorded rows; of the fields, those that were asked for when they were recorded."""
    rows = {model: pair(name)["body"]["result"] for model, name in MODELS.items()}
    recorded = Database(
        {model: [{"write_date": LATER, **row} for row in table] for model, table in rows.items()},
        version=pair("version")["body"]["result"]["server_version"],
        login=tuple(pair("authenticate")["request"]["params"]["args"][:3]),
    )
    with serve(recorded) as server:
        yield server


def connect(odoo: Database, **settings: Any) -> Odoo:
    database, user, password = odoo.login
    given = {"url": odoo.url, "database": database, "user": user, "password": password, "streams": STREAMS}
    return Odoo(OdooConfig.model_validate({**given, "page_size": 7, **settings}))


@pytest.fixture(scope="module")
def told(odoo: Database) -> dict[str, list[Record | Rejected]]:
    with connect(odoo) as connector:
        documents: list[tuple[str, Document]] = [
            (stream, document)
            for stream in STREAMS
            for page in connector.read(stream, None)
            for document in page.documents
        ]
        return {f"{stream} {d.key}": list(connector.parse(d)) for stream, d in documents}


def test_the_check_names_the_version_that_was_recorded(odoo: Database) -> None:
    with connect(odoo) as connector:
        assert connector.check().version == "16.0"


@pytest.mark.against("odoo", "Odoo 16", how="recorded")
def test_every_recorded_row_is_read_and_nothing_is_refused(
    told: dict[str, list[Record | Rejected]], odoo: Database
) -> None:
    read = Counter(name.split()[0] for name in told)
    recorded = {model: len(rows) for model, rows in odoo.models.items()}
    done = [row for row in odoo.models["stock.move.line"] if row["state"] == "done"]
    assert read["productions"] == recorded["mrp.production"] == 4
    assert read["lots"] == recorded["stock.lot"] == 8
    assert read["products"] == recorded["product.product"]
    assert read["moves"] == len(done)
    assert [part for parts in told.values() for part in parts if isinstance(part, Rejected)] == []


def test_the_order_that_was_done_is_traced_from_its_components_to_its_lot(
    told: dict[str, list[Record | Rejected]],
) -> None:
    parts = told["productions 4"]
    (request,) = (p for p in parts if isinstance(p, OperationsRequest))
    (batch,) = (p for p in parts if isinstance(p, Batch))
    assert (request.id.label, request.state, batch.status) == ("WH/MO/00004", "Completed", "Complete")
    assert batch.output_lot == Identifier(value="5", match="0000000000030")
    moved = {
        (m.use, m.lot.label if m.lot else None, m.quantity.value)
        for parts in told.values()
        for m in parts
        if isinstance(m, MaterialActual) and m.batch == batch.id and m.quantity
    }
    assert moved == {
        ("Consumed", "0000000010001", 5.0),
        ("Consumed", "0000000020045", 5.0),
        ("Produced", "0000000000030", 5.0),
    }
    assert any(isinstance(p, MaterialLot) and p.id == batch.output_lot for ps in told.values() for p in ps)


def test_movements_of_no_order_move_nothing(told: dict[str, list[Record | Rejected]]) -> None:
    kinds = Counter(len(parts) for name, parts in told.items() if name.startswith("moves"))
    assert kinds[1] == 3
    assert set(kinds) == {0, 1}


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("authenticate_wrong", Unauthorized, "does not let"),
        ("error_unknown_model", Misconfigured, "no.such.model doesn't exist"),
        ("error_unknown_field", Misconfigured, "no_such_field"),
    ],
)
def test_what_odoo_says_with_a_200_is_the_error_that_it_is(
    odoo: Database, pair: Callable[[str], Any], name: str, error: type[ConnectorError], said: str
) -> None:
    recorded = pair(name)
    assert recorded["status"] == 200
    odoo.scripted = [*([] if name.startswith("auth") else [pair("authenticate")["body"]]), recorded["body"]]
    with connect(odoo) as connector, pytest.raises(error) as caught:
        connector.check()
    assert said in str(caught.value)
    assert "/opt/odoo" not in str(caught.value)
