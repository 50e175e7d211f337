"""Reading Tryton: the promises of the door, two versions' paths, sessions that end, errors that come with a 200."""

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.tryton import Tryton, TrytonConfig
from connectors.tryton.models import MODELS
from hub.sdk import Cursor, Document, Misconfigured, Unauthorized, Unavailable
from hub.sdk.testing import RecordSuite
from tests.connectors.tryton.plant import models, move, production, row
from tests.connectors.tryton.tryton_server import DATABASE, PASSWORD, USER, Database, moment, serve


def connect(tryton: Database, **settings: Any) -> Tryton:
    given = {
        "url": tryton.url,
        "database": DATABASE,
        "user": USER,
        "password": PASSWORD,
        "page_size": 2,
        "streams": list(MODELS),
        "timezone": "Europe/Dublin",
        **settings,
    }
    return Tryton(TrytonConfig.model_validate(given))


@pytest.fixture(name="tryton")
def small_tryton() -> Iterator[Database]:
    with serve(Database(models())) as server:
        yield server


def read(tryton: Database, stream: str, cursor: Cursor | None = None, **settings: Any) -> list[Document]:
    with connect(tryton, **settings) as connector:
        return [d for page in connector.read(stream, cursor) for d in page.documents]


class TestTrytonKeepsThePromises(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, tryton: Database) -> None:
        self.tryton = tryton

    def make(self) -> Tryton:
        return connect(self.tryton)

    def make_exact(self) -> Tryton:
        return connect(self.tryton, overlap_s=0)

    def make_refused(self) -> Tryton:
        return connect(self.tryton, password="not-the-password")

    def holds(self) -> dict[str, int]:
        held = {stream: len(self.tryton.models[m.model]) for stream, m in MODELS.items()}
        # Neither a delivery nor a draft, and nothing that was taken from a patient; one model holds both the
        # limits of a test and the results of tests.
        return held | {"moves": held["moves"] - 2, "test_criteria": 1, "lab_tests": 1, "lab_results": 5}

    def make_large(self, factor: int) -> Tryton:
        self.tryton.models["production"] = [
            production(n, "draft", n // 60) for n in range(1, 300 * factor + 1)
        ]
        return connect(self.tryton, page_size=100)

    def grow(self) -> bool:
        tables = self.tryton.models
        tables["production"].append(production(9, "draft", 1))
        tables["stock.move"].append(move(99, 30))
        lot = tables["stock.lot"][0]
        lot["write_date"] = moment("2026-03-01 09:00:00")
        tables["stock.lot"].append({**row(50, 2), **{k: lot[k] for k in lot if k not in row(50, 2)}})
        return True


# ------------------------------------------------------------------------------ paths and sessions


@pytest.mark.parametrize("version", [7, 8])
def test_either_versions_path_is_found(tryton: Database, version: int) -> None:
    tryton.version = version
    with connect(tryton) as connector:
        assert connector.check().version == ("8.2" if version == 8 else "")
    assert len(read(tryton, "lots")) >= 7


def test_a_session_that_ends_while_reading_is_begun_anew(tryton: Database) -> None:
    with connect(tryton) as connector:
        pages = connector.read("lots", None)
        found = [d.key for d in next(pages).documents]
        tryton.sessions.clear()
        found += [d.key for page in pages for d in page.documents]
    assert set(found) == {str(n) for n in range(1, 8)}
    assert tryton.logins == 2


def test_the_session_is_ended_when_all_is_done(tryton: Database) -> None:
    read(tryton, "lots")
    assert tryton.sessions == set()


def test_a_wrong_password_is_refused(tryton: Database) -> None:
    with (
        connect(tryton, password="nope") as connector,
        pytest.raises(Unauthorized, match="does not let 'hub'"),
    ):
        connector.check()


def test_a_database_that_is_not_there_is_told(tryton: Database) -> None:
    with (
        connect(tryton, database="other") as connector,
        pytest.raises(Misconfigured, match="no database 'other'"),
    ):
        connector.check()


# --------------------------------------------------------------------------- errors that say 200


def test_a_module_that_is_not_activated_is_named(tryton: Database) -> None:
    del tryton.models["quality.control"]
    with (
        connect(tryton) as connector,
        pytest.raises(Misconfigured, match=r"no model quality\.control\. activate"),
    ):
        connector.check()


def test_a_model_that_is_closed_to_the_user_is_a_matter_of_rights(tryton: Database) -> None:
    tryton.closed.add("production")
    with connect(tryton) as connector, pytest.raises(Unauthorized):
        connector.check()


@pytest.mark.parametrize(
    ("fault", "error"), [("ConcurrencyException", Unavailable), ("'nofield'", Misconfigured)]
)
def test_a_fault_says_what_the_hub_shall_do(tryton: Database, fault: str, error: type[Exception]) -> None:
    tryton.faults = [[fault, ""]]
    with connect(tryton) as connector, pytest.raises(error):
        list(connector.read("lots", None))


# ------------------------------------------------------------------------------ what is asked for


def test_the_older_name_of_a_unit_is_asked_for_where_there_is_no_newer(tryton: Database) -> None:
    for table in tryton.models.values():
        for held in table:
            if "unit." in held:
                held["uom."] = held.pop("unit.")
    read(tryton, "moves")
    asked = next(p for m, p in tryton.asked if m == "model.stock.move.search_read")
    assert "uom.symbol" in asked[4]
    assert "unit.symbol" not in asked[4]


def test_nothing_that_was_taken_from_a_patient_is_asked_for(tryton: Database) -> None:
    with connect(tryton) as connector:
        connector.check()
    assert [d.key for d in read(tryton, "lab_tests")] == ["1"]
    assert {d.key for d in read(tryton, "lab_results")} == {"101", "102", "103", "104", "105"}
    asked = [p[0] for m, p in tryton.asked if m == "model.gnuhealth.lab.search_read"]
    assert asked
    assert all(["source_type", "=", "other_source"] in domain for domain in asked)


def test_only_movements_of_productions_are_read(tryton: Database) -> None:
    assert {d.key for d in read(tryton, "moves")} == {"44", "45"}


def test_a_row_that_changes_after_it_was_read_comes_again_in_its_last_state(tryton: Database) -> None:
    with connect(tryton) as connector:
        pages = list(connector.read("lots", None))
    tryton.models["stock.lot"][2].update(number="M-3b", write_date=moment("2026-03-01 09:00:00.000007"))
    (again,) = (d for d in read(tryton, "lots", pages[-1].cursor, overlap_s=0) if d.key == "3")
    assert "M-3b" in again.payload
    assert again.changed_at is not None
    assert again.changed_at.microsecond == 7
