"""One antibody batch as five systems tell it (worked_example/), in every order in which they can arrive.

The documents are read by the real connectors; B26-0117 makes drug substance, F26-0042 fills it. What must
come out is written down here once, and must come out whatever came first.
"""

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import permutations
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL

from connectors.b2mml import B2mml
from connectors.b2mml.config import B2mmlConfig
from connectors.sap_odata.readings import READINGS, Zones
from hub.ingest.bridge import Bridge
from hub.ingest.runner import Desk, register, utc_now
from hub.ingest.sources import Project, load_project
from hub.ingest.telling import tell
from hub.model import parse_instant
from hub.resolve.resolution import resolve, resolve_again
from hub.sdk import Document, RecordSource
from hub.shift.cycle import settle_project
from hub.store.database import Database
from hub.store.dump import dump_canonical
from hub.store.sets import AnySelect
from hub.store.statements import Told, store_documents
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, assertion, identifier, lot_genealogy, source_system
from tests.databases import empty, fresh_postgres
from tests.swift import swift

FOLDER = Path(__file__).parent / "worked_example"
SOURCES = ("lims", "sap.prd", "mes", "qms", "pi")
ORDERS = list(permutations(SOURCES))
Deliveries = dict[str, list[Told]]


# ------------------------------------------------------------------------------- reading what they say
class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    """The five sources; the three that speak JSON are served from their folders on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(FOLDER)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield load_project(FOLDER, {"port": str(server.server_port)})
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def deliveries(project: Project) -> Deliveries:
    """What each source tells, and apart from it the MES's corrected record."""
    told: Deliveries = {}
    for source in project.sources:
        with Bridge(source.open()) as bridge:
            connector = bridge.connector
            assert isinstance(connector, RecordSource)
            documents = _sap_rows() if source.code == "sap.prd" else _read(bridge, connector)
            told[source.code] = [tell(source.code, connector, document) for document in documents]
    mes = B2mml(B2mmlConfig(folder=FOLDER / "mes" / "corrected"))
    with Bridge(mes) as bridge:
        told["correction"] = [tell("mes", mes, document) for document in _read(bridge, mes)]
    return told


def _read(bridge: Bridge, connector: RecordSource[Any]) -> list[Document]:
    return [
        document
        for stream in connector.streams()
        for page in bridge.items(connector.read(stream.name, None))
        for document in page.documents
    ]


def _sap_rows() -> Iterator[Document]:
    """The rows of the four entity sets, named and dated as the connector does."""
    told = {path.stem for path in (FOLDER / "sap").glob("*.json")}
    for reading in (reading for reading in READINGS.values() if reading.entity_set in told):
        for row in orjson.loads((FOLDER / "sap" / f"{reading.entity_set}.json").read_bytes()):
            changed_at, seq = reading.version_of(row, Zones(of_stamps=None, of_system=None))
            yield Document(
                object_type=reading.entity_set,
                key=reading.key_of(row),
                payload=orjson.dumps(row).decode(),
                changed_at=changed_at,
                seq=seq,
            )


def test_every_document_of_the_example_is_read_whole(deliveries: Deliveries) -> None:
    assert [fault for told in deliveries.values() for document in told for fault in document.faults] == []
    assert {code: len(told) for code, told in deliveries.items()} == {
        "lims": 3,
        "mes": 3,
        "pi": 1,
        "qms": 2,
        "sap.prd": 10,
        "correction": 1,
    }


# ------------------------------------------------------------------------------------ arriving
class Arrivals:
    """A store into which deliveries arrive. What it was after a row of them is kept, to go on from there."""

    def __init__(
        self, folder: Path, project: Project, deliveries: Deliveries, database: Database | None = None
    ) -> None:
        self.folder = folder
        self.project = project
        self.deliveries = deliveries
        self.database = database or swift(f"sqlite:///{folder / 'hub.db'}")
        self.systems: dict[str, int] = {}
        self._kept: set[tuple[str, ...]] = set()

    def begin(self, template: Path) -> None:
        """Start from a migrated store that knows the site's whitelist and crosswalk."""
        shutil.copyfile(template, self.folder / "hub.db")
        self.settle()
        self._keep(())

    def settle(self) -> None:
        """Store what the site declares."""
        desk = Desk(self.database)
        settle_project(desk, self.project)
        self.systems = {source.code: register(desk, source).id for source in self.project.sources}
        self.resolve()

    def after(self, *row: str) -> None:
        """Be the store that took these deliveries one by one, resolving after each."""
        known = next(n for n in range(len(row), -1, -1) if row[:n] in self._kept)
        self.database.close()
        shutil.copyfile(self._file(row[:known]), self.folder / "hub.db")
        for n in range(known, len(row)):
            self.take(row[n])
            self.resolve()
            self._keep(row[: n + 1])

    def take(self, what: str) -> None:
        """Store a delivery."""
        code = "mes" if what == "correction" else what
        with self.database.begin("test") as connection:
            store_documents(
                connection,
                system_id=self.systems[code],
                stream="all",
                connector="test/1",
                documents=self.deliveries[what],
                now=utc_now(),
            )

    def resolve(self) -> None:
        """Resolve what waits."""
        resolve(self.database)

    def dump(self) -> list[str]:
        """Give the canonical dump."""
        with self.database.read() as connection:
            return [line.decode() for line in dump_canonical(connection)]

    def rows(self, query: AnySelect) -> list[Any]:
        """Give the rows of a query."""
        with self.database.read() as connection:
            return list(connection.execute(query))

    def _keep(self, row: tuple[str, ...]) -> None:
        self.database.close()  # the last connection folds SQLite's log into the file
        shutil.copyfile(self.folder / "hub.db", self._file(row))
        self._kept.add(row)

    def _file(self, row: tuple[str, ...]) -> Path:
        return self.folder / f"{'-'.join(('after', *row))}.db"


@pytest.fixture(scope="module")
def _store(
    migrated_sqlite: Path, project: Project, deliveries: Deliveries, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arrivals]:
    arrivals = Arrivals(tmp_path_factory.mktemp("worked"), project, deliveries)
    arrivals.begin(migrated_sqlite)
    yield arrivals
    arrivals.database.close()


@pytest.fixture
def arrivals(_store: Arrivals) -> Arrivals:
    """A store that has taken nothing yet."""
    _store.after()
    return _store


@pytest.fixture(scope="module")
def expected(_store: Arrivals) -> dict[str, list[str]]:
    """The dumps of the order in which the example is told, before and after the correction."""
    _store.after(*SOURCES)
    told = _store.dump()
    _store.after(*SOURCES, "correction")
    return {"told": told, "corrected": _store.dump()}


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_every_order_of_arrival_gives_the_same_state(
    order: tuple[str, ...], arrivals: Arrivals, expected: dict[str, list[str]]
) -> None:
    arrivals.after(*order)
    assert arrivals.dump() == expected["told"]


@pytest.mark.parametrize("order", ORDERS[::5], ids=" ".join)
def test_a_correction_gives_the_same_state_after_every_order(
    order: tuple[str, ...], arrivals: Arrivals, expected: dict[str, list[str]]
) -> None:
    arrivals.after(*order)
    arrivals.take("correction")
    arrivals.resolve()
    assert arrivals.dump() == expected["corrected"]


@pytest.mark.parametrize("order", ORDERS[::12], ids=" ".join)
def test_resolving_once_at_the_end_gives_the_same_state(
    order: tuple[str, ...], arrivals: Arrivals, expected: dict[str, list[str]]
) -> None:
    for code in order:
        arrivals.take(code)
    resolve(arrivals.database, chunk=7)
    assert arrivals.dump() == expected["told"]
    resolve_again(arrivals.database)
    assert arrivals.dump() == expected["told"]


def test_a_record_that_arrives_after_its_correction_changes_nothing(
    arrivals: Arrivals, expected: dict[str, list[str]]
) -> None:
    arrivals.after("correction", *SOURCES)
    assert arrivals.dump() == expected["corrected"]


def test_everything_told_twice_is_known_already(arrivals: Arrivals, expected: dict[str, list[str]]) -> None:
    arrivals.after(*SOURCES, *SOURCES)
    assert arrivals.dump() == expected["told"]


# ------------------------------------------------------------------------------------ what comes out
BATCH, LOT = ENTITY_TABLES["batch"].c, ENTITY_TABLES["material_lot"].c
RUN, MOVE = FACT_TABLES["segment_response"].c, FACT_TABLES["material_actual"].c
RESULT, EVENT = FACT_TABLES["test_result"].c, ENTITY_TABLES["quality_event"].c


def names_of(arrivals: Arrivals, entity_type: str, value: str) -> set[tuple[str, str]]:
    """Give scheme and value of all names of the thing that has this name."""
    c = identifier.c
    owner = select(c.entity_id).where(c.entity_type == entity_type, c.value == value).scalar_subquery()
    query = select(c.scheme, c.value).where(c.entity_type == entity_type, c.entity_id == owner)
    return {(scheme, value) for scheme, value in arrivals.rows(query)}


def the_batch(arrivals: Arrivals, code: str = "B26-0117") -> Any:
    (row,) = arrivals.rows(select(ENTITY_TABLES["batch"]).where(BATCH.code == code))
    return row


def test_a_result_before_its_batch_makes_a_stub(arrivals: Arrivals) -> None:
    arrivals.after("lims")
    rows = arrivals.rows(select(BATCH.code, BATCH.lifecycle, BATCH.version))
    assert [(r.code, r.lifecycle) for r in rows] == [("B26-0117", "stub")]
    assert names_of(arrivals, "batch", "b26 0117") == {("lims:batch", "b26 0117"), ("lims:batch", "B26-0117")}


def test_the_stub_becomes_the_batch_and_keeps_its_id(arrivals: Arrivals) -> None:
    arrivals.after("lims")
    stub = the_batch(arrivals)
    arrivals.after(*SOURCES)
    batch = the_batch(arrivals)
    assert (batch.id, batch.uid, batch.lifecycle) == (stub.id, stub.uid, "active")
    assert names_of(arrivals, "batch", "b26 0117") == {
        ("lims:batch", "b26 0117"),
        ("lims:batch", "B26-0117"),
        ("sap.prd:batch", "B260117"),
        ("sap.prd:process_order", "1004711"),
        ("mes:batch", "B26-0117"),
        ("qms:batch", "B26-0117"),
        ("pi:batch", "B26-0117"),
    }
    codes = arrivals.rows(select(BATCH.code).where(BATCH.lifecycle.in_(("active", "stub"))))
    assert {r.code for r in codes} == {"B26-0117", "F26-0042", "C26-03"}


def test_golden_values_come_from_whose_word_counts(arrivals: Arrivals) -> None:
    arrivals.after(*SOURCES)
    batch = the_batch(arrivals)
    assert (batch.status, batch.actual_size, batch.actual_size_unit, batch.planned_size) == (
        "Complete",
        118.2,
        "kg",
        120.0,
    )
    assert batch.actual_start == parse_instant("2026-03-02T06:11:04Z")
    assert batch.actual_end == parse_instant("2026-03-28T19:45:00Z")
    assert batch.recipe_id is not None
    assert not batch.has_conflict
    assert winners(arrivals, batch.id) >= {
        ("actual_size", "sap.prd"),
        ("planned_size", "sap.prd"),
        ("actual_start", "mes"),
        ("product", "sap.prd"),
        ("recipe", "mes"),
        ("status", "mes"),
    }


def winners(arrivals: Arrivals, batch_id: int) -> set[tuple[str, str]]:
    query = (
        select(assertion.c.attribute, source_system.c.code)
        .join(source_system, source_system.c.id == assertion.c.source_system_id)
        .where(
            assertion.c.entity_type == "batch",
            assertion.c.entity_id == batch_id,
            assertion.c.superseded_at.is_(None),
            assertion.c.is_winner,
        )
    )
    return {(attribute, code) for attribute, code in arrivals.rows(query)}


def test_a_correction_beyond_tolerance_is_a_conflict_and_the_posted_stock_stays(arrivals: Arrivals) -> None:
    arrivals.after(*SOURCES, "correction")
    batch = the_batch(arrivals)
    assert (batch.actual_size, batch.has_conflict) == (118.2, True)
    query = select(assertion.c.value, assertion.c.superseded_at, assertion.c.in_conflict).where(
        assertion.c.entity_type == "batch",
        assertion.c.entity_id == batch.id,
        assertion.c.attribute == "actual_size",
    )
    said = {(r.value["text"], r.superseded_at is None, r.in_conflict) for r in arrivals.rows(query)}
    assert said == {("118.200", True, False), ("118.20", False, False), ("117.30", True, True)}


def test_two_systems_saw_the_same_kilograms_and_they_count_once(arrivals: Arrivals) -> None:
    arrivals.after(*SOURCES)
    assert movements(arrivals, "B26-0117", "MP-26-0012") == {
        "B26-0117/SR-120/material/M8": (1500.0, "counted"),
        "2026/4900012201/1": (1550.0, "same_as"),
        "2026/4900012202/1": (-1550.0, "same_as"),
        "2026/4900012203/1": (1500.0, "same_as"),
    }
    assert movements(arrivals, "B26-0117", "B26-0117-DS") == {
        "B26-0117/SR-160/material/M21": (118.2, "counted"),
        "2026/4900012290/1": (118.2, "same_as"),
    }
    reversal = arrivals.rows(select(MOVE.reverses_key).where(MOVE.source_key == "2026/4900012202/1"))
    assert [r.reverses_key for r in reversal] == ["2026/4900012201/1"]


def test_a_receipt_that_the_corrected_record_contradicts_is_disputed(arrivals: Arrivals) -> None:
    arrivals.after(*SOURCES, "correction")
    assert movements(arrivals, "B26-0117", "B26-0117-DS") == {
        "B26-0117/SR-160/material/M21": (117.3, "disputed"),
        "2026/4900012290/1": (118.2, "disputed"),
    }
    assert movements(arrivals, "B26-0117", "MP-26-0012")["2026/4900012203/1"] == (1500.0, "same_as")


def movements(arrivals: Arrivals, batch: str, lot: str) -> dict[str, tuple[float, str]]:
    query = (
        select(MOVE.source_key, MOVE.quantity, MOVE.count_state)
        .join(ENTITY_TABLES["batch"], BATCH.id == MOVE.batch_id)
        .join(ENTITY_TABLES["material_lot"], LOT.id == MOVE.lot_id)
        .where(BATCH.code == batch, LOT.code == lot)
    )
    return {key: (round(amount, 6), state) for key, amount, state in arrivals.rows(query)}


def test_the_historian_saw_the_run_that_the_mes_recorded(arrivals: Arrivals) -> None:
    arrivals.after(*SOURCES)
    batch = the_batch(arrivals)
    runs = arrivals.rows(select(FACT_TABLES["segment_response"]).where(RUN.batch_id == batch.id))
    counted = [r for r in runs if r.same_as_id is None]
    assert [len(runs), len(counted)] == [9, 8]
    (seen,) = [r for r in runs if r.same_as_id is not None]
    (run,) = [r for r in counted if r.id == seen.same_as_id]
    assert (seen.source_key, seen.duration_s) == ("F1EmB26-0117-FB", 1_201_876.0)
    assert (run.source_key, run.duration_s) == ("B26-0117/SR-120", 1_201_800.0)


def edges(arrivals: Arrivals) -> dict[str, set[str]]:
    """Give the lots that each lot was made of."""
    codes = {r.id: r.code for r in arrivals.rows(select(LOT.id, LOT.code))}
    made: dict[str, set[str]] = {}
    for row in arrivals.rows(select(lot_genealogy.c.output_lot_id, lot_genealogy.c.input_lot_id)):
        made.setdefault(codes[row.output_lot_id], set()).add(codes[row.input_lot_id])
    return made


def test_the_genealogy_leads_from_the_vials_back_to_the_cell_bank(arrivals: Arrivals) -> None:
    arrivals.after(*SOURCES)
    made = edges(arrivals)
    assert made == {
        "F26-0042-DP": {"B26-0117-DS", "VIAL-26-011"},
        "B26-0117-DS": {"B26-0117-PL"},
        "B26-0117-PL": {"B26-0117-VI"},
        "B26-0117-VI": {"B26-0117-PA"},
        "B26-0117-PA": {"B26-0117-HC", "RPA-0019"},
        "B26-0117-HC": {"B26-0117-BR"},
        "B26-0117-BR": {"B26-0117-N1", "MP-26-0012", "FA-26-0008"},
        "B26-0117-N1": {"B26-0117-N2", "MG-26-0034"},
        "B26-0117-N2": {"WCB-214-07", "MG-26-0033"},
    }
    ancestors: set[str] = set()
    frontier = {"F26-0042-DP"}
    while frontier:
        frontier = {lot for one in frontier for lot in made.get(one, set())} - ancestors
        ancestors |= frontier
    assert len(ancestors) == 15
    assert "WCB-214-07" in ancestors


def test_filling_is_a_batch_of_its_own_on_a_line_that_nobody_described(arrivals: Arrivals) -> None:
    arrivals.after(*SOURCES)
    fill = the_batch(arrivals, "F26-0042")
    assert (fill.actual_size, fill.actual_size_unit) == (19742.0, "1")
    assert ("sap.prd:batch", "F260042") in names_of(arrivals, "batch", "F26-0042")
    table = ENTITY_TABLES["equipment"].c
    stubs = arrivals.rows(select(table.code).where(table.lifecycle == "stub"))
    assert {r.code for r in stubs} == {"FILL-01", "CRK-DP1"}


def test_two_names_of_one_order_s_output_are_one_lot(arrivals: Arrivals) -> None:
    arrivals.after(*SOURCES)
    assert names_of(arrivals, "material_lot", "B26-0117-DS") == {
        ("mes:material_lot", "B26-0117-DS"),
        ("lims:material_lot", "B26-0117-DS"),
        ("sap.prd:lot", "300214|1010|B260117"),
    }
    (lot,) = arrivals.rows(select(ENTITY_TABLES["material_lot"]).where(LOT.code == "B26-0117-DS"))
    assert (lot.disposition, lot.released_at) == ("UnRestricted", parse_instant("2026-04-14T11:06:36Z"))
    assert lot.expires_at is not None


def test_a_censored_result_keeps_its_sign_and_a_retest_points_at_what_it_repeats(arrivals: Arrivals) -> None:
    arrivals.after(*SOURCES)
    rows = {r.source_key: r for r in arrivals.rows(select(FACT_TABLES["test_result"]))}
    endotoxin = rows["R-91207"]
    assert (endotoxin.value_num, endotoxin.comparator, endotoxin.value_text) == (0.05, "<", "<0.05")
    assert rows["R-90877"].value_text == "3.10"
    assert rows["R-91240"].retest_of_id == rows["R-91203"].id
    assert [rows[key].verdict for key in ("R-91203", "R-91240")] == ["fail", "pass"]


def test_deviation_and_laboratory_error_are_of_the_batch(arrivals: Arrivals) -> None:
    arrivals.after(*SOURCES)
    batch = the_batch(arrivals)
    rows = arrivals.rows(select(EVENT.code, EVENT.kind, EVENT.root_cause).where(EVENT.batch_id == batch.id))
    assert {tuple(r) for r in rows} == {
        ("DEV-2026-0088", "deviation", "Sparger valve"),
        ("OOS-2026-0031", "OOS", "laboratory error"),
    }


# ------------------------------------------------------------------------------------ on PostgreSQL
@pytest.fixture(scope="module")
def on_postgresql(
    postgres_server: URL,
    migrated_postgres: str,
    project: Project,
    deliveries: Deliveries,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Arrivals]:
    with fresh_postgres(postgres_server, template=migrated_postgres) as url:
        arrivals = Arrivals(tmp_path_factory.mktemp("worked"), project, deliveries, swift(url))
        yield arrivals
        arrivals.database.close()


@pytest.mark.parametrize(
    "order",
    [pytest.param(o, marks=() if n % 10 == 0 else pytest.mark.nightly) for n, o in enumerate(ORDERS)],
    ids=" ".join,
)
def test_every_order_of_arrival_gives_the_bytes_of_sqlite_on_postgresql(
    order: tuple[str, ...], on_postgresql: Arrivals, expected: dict[str, list[str]]
) -> None:
    """A tenth of the orders by day, all of them by night."""
    empty(on_postgresql.database)
    on_postgresql.settle()
    for what in order:
        on_postgresql.take(what)
        on_postgresql.resolve()
    assert on_postgresql.dump() == expected["told"]
    on_postgresql.take("correction")
    on_postgresql.resolve()
    assert on_postgresql.dump() == expected["corrected"]
