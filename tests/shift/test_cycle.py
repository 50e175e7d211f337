"""One cycle: what the site declares is applied to all that is known, and withdrawn declarations are undone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.ingest.runner import Desk
from hub.ingest.sources import IdentityFile, Project
from hub.model import Identifier
from hub.sdk import Unavailable
from hub.shift.cycle import run_cycle
from hub.shift.folder import FolderInUse, locked_folder
from hub.shift.supervisor import Supervisor
from hub.store.dump import dump_canonical
from hub.store.statements import Said, Told, store_documents
from hub.store.systems import ensure_system
from hub.store.tables import ENTITY_TABLES, stream
from tests.ingest.ledgers import START, Ledger, LedgerSource, source_of
from tests.swift import swift

MES, ERP = "mes:batch", "erp:batch"


@pytest.fixture
def moment() -> list[timedelta]:
    return [timedelta()]


@pytest.fixture
def desk(migrated_url: str, moment: list[timedelta]) -> Iterator[Desk]:
    database = swift(migrated_url)
    yield Desk(database, clock=lambda: START + moment[0], sleep=lambda _: None)
    database.close()


@pytest.fixture
def sources() -> tuple[LedgerSource, ...]:
    return (
        source_of(Ledger([(0, "A-1", {}), (0, "X", {})]), "mes"),
        source_of(Ledger([(0, "A1", {}), (0, "Y", {})]), "erp"),
    )


def batches(desk: Desk) -> set[str]:
    table = ENTITY_TABLES["batch"]
    with desk.database.read() as connection:
        query = select(table.c.code).where(table.c.lifecycle == "active")
        return set(connection.scalars(query))


def project(sources: tuple[LedgerSource, ...], **identity: object) -> Project:
    return Project(Path(), sources, IdentityFile.model_validate(identity))


def test_a_changed_whitelist_is_applied_to_what_is_known_and_undone_again(
    desk: Desk, sources: tuple[LedgerSource, ...]
) -> None:
    run_cycle(desk, project(sources))
    before = dumped(desk)
    assert batches(desk) == {"A-1", "A1", "X", "Y"}
    run_cycle(desk, project(sources, normalised={"batch": [[MES, ERP]]}))
    assert batches(desk) == {"A-1", "X", "Y"}
    run_cycle(desk, project(sources))
    assert dumped(desk) == before


def test_a_crosswalk_joins_names_that_share_nothing_and_undoes_it_when_it_is_withdrawn(
    desk: Desk, sources: tuple[LedgerSource, ...]
) -> None:
    run_cycle(desk, project(sources))
    pair = [Identifier(scheme=MES, value="X"), Identifier(scheme=ERP, value="Y")]
    run_cycle(desk, project(sources, declared={"batch": [pair]}))
    assert batches(desk) == {"A-1", "A1", "X"}
    run_cycle(desk, project(sources, declared={"batch": []}))
    assert batches(desk) == {"A-1", "A1", "X", "Y"}


def test_a_crosswalk_whose_whole_part_is_removed_is_withdrawn_too(
    desk: Desk, sources: tuple[LedgerSource, ...]
) -> None:
    pair = [Identifier(scheme=MES, value="X"), Identifier(scheme=ERP, value="Y")]
    run_cycle(desk, project(sources, declared={"batch": [pair]}))
    run_cycle(desk, project(sources))
    assert batches(desk) == {"A-1", "A1", "X", "Y"}


def dumped(desk: Desk) -> list[bytes]:
    with desk.database.read() as connection:
        return list(dump_canonical(connection))


def test_the_supervisor_reads_what_is_due_and_nothing_else(
    desk: Desk, sources: tuple[LedgerSource, ...], moment: list[timedelta]
) -> None:
    run_cycle(desk, project(sources))
    supervisor = Supervisor(desk, project(sources))
    assert supervisor.tick() is None
    with desk.database.begin("test") as connection:
        connection.execute(stream.update().where(stream.c.id == 1).values(due_at=START))
    cycle = supervisor.tick()
    assert cycle is not None
    assert len(cycle.outcomes) == 1
    moment[0] = timedelta(seconds=61)
    cycle = supervisor.tick()
    assert cycle is not None
    assert {o.source for o in cycle.outcomes} == {"mes", "erp"}


def test_the_supervisor_reads_a_source_that_has_never_been_read(
    desk: Desk, sources: tuple[LedgerSource, ...], moment: list[timedelta]
) -> None:
    supervisor = Supervisor(desk, project(sources))
    cycle = supervisor.tick()
    assert cycle is not None
    assert {o.source for o in cycle.outcomes} == {"mes", "erp"}
    assert supervisor.tick() is None


def test_the_supervisor_leaves_streams_at_rest_when_another_of_the_source_is_due(
    desk: Desk, sources: tuple[LedgerSource, ...], moment: list[timedelta]
) -> None:
    run_cycle(desk, project(sources))
    with desk.database.begin("test") as connection:
        (system_id, name), *_ = connection.execute(select(stream.c.source_system_id, stream.c.name)).all()
        connection.execute(
            stream.insert().values(
                source_system_id=system_id,
                name="other",
                kind="records",
                state="idle",
                due_at=START,
                every_s=60,
                updated_at=START,
            )
        )
    cycle = Supervisor(desk, project(sources)).tick()
    assert cycle is not None
    assert name not in {o.stream for o in cycle.outcomes}


def test_the_supervisor_waits_as_long_as_a_source_asks(
    desk: Desk, sources: tuple[LedgerSource, ...], moment: list[timedelta]
) -> None:
    mes = sources[0]
    mes.ledger.fails_with = Unavailable("busy", retry_after=300)
    run_cycle(desk, project((mes,)))
    supervisor = Supervisor(desk, project((mes,)))
    moment[0] = timedelta(seconds=299)
    assert supervisor.tick() is None
    mes.ledger.fails_with = None
    moment[0] = timedelta(seconds=300)
    cycle = supervisor.tick()
    assert cycle is not None
    assert [o.error for o in cycle.outcomes] == [""]


def test_a_data_folder_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    with locked_folder(tmp_path / "data") as folder:
        assert (folder / "keys").stat().st_mode & 0o777 == 0o700
        with pytest.raises(FolderInUse, match="give another folder with --data"), locked_folder(folder):
            pass
    with locked_folder(tmp_path / "data"):
        pass


@pytest.mark.parametrize("has_project", [True, False])
def test_the_supervisor_resolves_what_agents_have_delivered(
    desk: Desk, sources: tuple[LedgerSource, ...], *, has_project: bool
) -> None:
    run_cycle(desk, project(sources))
    told = Told(
        object_type="row",
        source_key="k",
        payload="{}",
        media_type="application/json",
        version=1,
        source_time=None,
        said=[Said("batch", "edge:batch|E-1", {"id": {"scheme": "edge:batch", "value": "E-1"}, "also": []})],
    )
    with desk.begin() as connection:
        system = ensure_system(connection, "edge", "MES", now=START)
        store_documents(
            connection, system_id=system.id, stream="rows", connector="x", documents=[told], now=START
        )
    supervisor = Supervisor(desk, project(sources) if has_project else None)
    cycle = supervisor.tick()
    assert cycle is not None
    assert (cycle.outcomes, cycle.statements) == ([], 1)
    assert "E-1" in batches(desk)
    assert supervisor.tick() is None
