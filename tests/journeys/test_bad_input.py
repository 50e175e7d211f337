"""Bad input of every kind at once: each is named with what, where and the remedy, and the rest goes on."""

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.engine import URL

from hub.ingest.runner import Desk
from hub.ingest.sources import Project as Loaded
from hub.ingest.sources import load_project
from hub.resolve.resolution import resolve
from hub.shift.cycle import run_cycle
from hub.store.database import Database, StoreFull
from hub.store.dump import dump_canonical
from hub.store.tables import source_record, statement, stream
from tests.databases import ENGINES, fresh_postgres
from tests.journeys import held
from tests.journeys.disks import Disk, small_disk
from tests.journeys.projects import Failing, Project, Store, files_of, serving, write_project

BROKEN = {
    "broken.xml": "<BatchProductionRecord xmlns='http://www.mesa.org/xml/B2MML'><BatchID>B26-9",
    "bomb.xml": "<!DOCTYPE a [<!ENTITY b 'c'>]><BatchProductionRecord>&b;</BatchProductionRecord>",
}
FAULTY = {
    "naive.xml": ("EBR-naive", "<ActualStartTime>2026-03-02T06:11:04</ActualStartTime>", "12"),
    "unit.xml": ("EBR-unit", "<ActualStartTime>2026-03-02T06:11:04Z</ActualStartTime>", "furlong"),
}
RECORD = """<BatchProductionRecord xmlns="http://www.mesa.org/xml/B2MML"><ID>{0}</ID><EntryID>1</EntryID>
<PublishedDate>2026-03-29T08:12:00Z</PublishedDate><BatchID>{0}</BatchID><OperationsPerformances>
<OperationsPerformanceRecord><OperationsPerformance><OperationsResponse><ID>R</ID><SegmentResponse><ID>S</ID>
{1}<MaterialActual><ID>M</ID><MaterialUse>Consumed</MaterialUse><Quantity><QuantityString>5</QuantityString>
<UnitOfMeasure>{2}</UnitOfMeasure></Quantity></MaterialActual></SegmentResponse></OperationsResponse>
</OperationsPerformance></OperationsPerformanceRecord></OperationsPerformances></BatchProductionRecord>"""
REST = """code: {code}
kind: LIMS
connector: rest
settings:
  base_url: http://127.0.0.1:{port}/{status}
  streams:
    samples:
      path: /samples
      key: id
      records: [{{record: sample, fields: {{key: id, code: id}}}}]
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "project"
    write_project(folder, batches=2)
    for name, text in BROKEN.items():
        (folder / "mes" / name).write_text(text)
    for name, parts in FAULTY.items():
        unit = "kg" if parts[2] == "12" else parts[2]
        (folder / "mes" / name).write_text(RECORD.format(parts[0], parts[1], unit))
    with serving(files_of(folder)) as port:
        yield Project(folder, port)


@pytest.fixture
def ailing(project: Project) -> Iterator[Project]:
    """The project with sources that do not answer as they should."""
    with serving(Failing) as port:
        for code, status in (("down", 503), ("busy", 429), ("locked", 401)):
            text = REST.format(code=code, port=port, status=status)
            (project.folder / "sources" / f"{code}.yaml").write_text(text)
        yield project


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store in which nothing is, not even a table; on SQLite and PostgreSQL."""
    return tmp_path / "data" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


def sync(project: Project, store: Store) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    done = project.run("source", "sync", "--all", "--json", store=store)
    told = json.loads(done.stdout)
    return done.returncode, {(s["source"], s["stream"]): s for s in told["streams"]}


def test_every_kind_of_bad_input_is_told_and_the_rest_goes_on(ailing: Project, store: Store) -> None:
    code, streams = sync(ailing, store)
    assert code == 1
    assert "answered 503" in streams["down", "samples"]["error"]
    assert streams["busy", "samples"]["state"] == "waiting"
    assert "answered 429" in streams["busy", "samples"]["error"]
    assert streams["locked", "samples"]["state"] == "paused"
    assert "check the user, the key" in streams["locked", "samples"]["error"]
    assert streams["lims", "samples"]["error"] == ""
    assert streams["press", "samples"]["samples"] == 3 * 1440 * 2
    assert streams["mes", "documents"]["documents"] == 4  # two whole ones, and two without one part
    done = ailing.run("quarantine", "list", store=store)
    for words in (
        ("broken.xml",),
        ("bomb.xml", "DOCTYPE"),
        ("EBR-naive", "ActualStartTime", "has no zone", "set the source's `timezone`"),
        ("EBR-unit", "furlong", "map it to a UCUM code"),
    ):
        assert all(word in done.stdout for word in words), (words, done.stdout)
    assert "4 open" in done.stdout


def test_what_was_mended_at_the_source_leaves_quarantine(project: Project, store: Store) -> None:
    sync(project, store)
    (project.folder / "mes" / "bomb.xml").unlink()
    (project.folder / "mes" / "broken.xml").write_text(
        RECORD.format("EBR-mended", "<ActualStartTime>2026-03-02T06:11:04Z</ActualStartTime>", "kg")
    )
    mes = project.folder / "sources" / "mes.yaml"
    mes.write_text(mes.read_text() + "  timezone: Europe/Dublin\n  units: {furlong: m}\n")
    sync(project, store)
    done = project.run("quarantine", "replay", store=store)
    assert done.returncode == 0, done.stderr
    left = project.run("quarantine", "list", store=store).stdout
    assert "EBR-naive" not in left
    assert "EBR-unit" not in left
    assert "broken.xml" not in left


def test_a_tag_that_vanished_keeps_its_history_and_the_others_go_on(project: Project, store: Store) -> None:
    sync(project, store)
    (project.folder / "press" / "day4.csv").write_text("timestamp,speed\n2026-03-04T00:00:00Z,5\n")
    press = project.folder / "sources" / "press.yaml"
    press.write_text(press.read_text().replace("        - {column: force, unit: kN}\n", ""))
    _, streams = sync(project, store)
    assert streams["press", "samples"]["error"] == ""
    assert streams["press", "samples"]["samples"] >= 1
    told = project.run("quarantine", "list", store=store).stdout
    assert "the source press no longer lists the tag press.force" in told
    assert "what was read of it is kept" in told
    lines = [json.loads(line) for line in project.dump(store).splitlines()]
    counts = {line[1]: line[2][0] for line in lines if line[0] == "samples"}
    assert counts == {"press:tag|press.force": 3 * 1440, "press:tag|press.speed": 3 * 1440 + 1}


# -------------------------------------------------------------------------------------- a full disk
@pytest.fixture
def healthy(tmp_path: Path) -> Iterator[Loaded]:
    folder = tmp_path / "healthy"
    write_project(folder, batches=4)
    with serving(files_of(folder)) as port:
        yield load_project(folder, {"port": port})


def dump(database: Database) -> list[bytes]:
    with database.read() as connection:
        return list(dump_canonical(connection))


def pages_of(database: Database) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql("PRAGMA page_count").scalar() or 0)


def opened(path: Path, *, pages: int = 0) -> Database:
    """Open a store that may grow by so many pages of 4 KiB, or without limit."""
    with sqlite3.connect(path) as connection:
        size = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.close()
    database = Database(f"sqlite:///{path}")
    if pages:

        @event.listens_for(database.engine, "connect")
        def limit(connection: Any, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction]
            connection.execute(f"PRAGMA max_page_count={size + pages}")

    return database


def holds_no_halves(database: Database) -> bool:
    """Tell whether every document is there with what it states, and every one that was counted is there."""
    with database.read() as connection:
        records = connection.scalar(select(func.count()).select_from(source_record)) or 0
        stated = connection.scalar(select(func.count(func.distinct(statement.c.source_record_id)))) or 0
        counted = connection.scalar(select(func.coalesce(func.sum(stream.c.documents), 0))) or 0
    return records == counted >= stated


def read_until_full(database: Database, project: Loaded) -> str:
    """Read into a store that has no room for it all; give what is said about that."""
    try:
        cycle = run_cycle(Desk(database, sleep=lambda _: None), project)
    except StoreFull as error:
        return str(error)
    return " ".join(outcome.error for outcome in cycle.failed)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.45, 0.7, 0.9])
def test_a_full_disk_stores_nothing_by_halves_and_the_next_run_completes(
    healthy: Loaded, migrated_sqlite: Path, tmp_path: Path, share: float
) -> None:
    expected, path = tmp_path / "expected.db", tmp_path / "full.db"
    for copy in (expected, path):
        shutil.copyfile(migrated_sqlite, copy)
    whole = opened(expected)
    run_cycle(Desk(whole), healthy)
    grown = pages_of(whole) - pages_of(opened(path))
    full = opened(path, pages=max(1, int(share * grown)))
    said = read_until_full(full, healthy)
    full.close()
    assert "free space on the disk" in said
    assert "nothing of the last step was stored" in said
    again = opened(path)
    assert holds_no_halves(again)
    assert run_cycle(Desk(again), healthy).failed == []
    resolve(again)
    assert dump(again) == dump(whole)
    again.close()
    whole.close()


@pytest.fixture
def disk(postgres_server: URL) -> Iterator[Disk]:
    """A small file system under a tablespace of the server."""
    if os.geteuid() != 0:
        pytest.skip("a small file system needs root to be mounted")
    with small_disk(postgres_server, megabytes=64) as one:
        if one is None:
            pytest.skip(
                "a small file system can be put only under a server on this machine, by its superuser"
            )
        yield one


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_a_full_disk_of_the_server_stores_nothing_by_halves_and_the_next_run_completes(
    healthy: Loaded, postgres_server: URL, migrated_postgres: str, disk: Disk, share: float
) -> None:
    """The tables lie on a file system of their own; the server's log of writes and all else do not."""
    make = partial(fresh_postgres, postgres_server, template=migrated_postgres, tablespace=disk.tablespace)
    with make() as url, held.opened(url) as whole:
        assert dump(whole) == []  # the server's own small files of a first visit are there now
        before = disk.settled()
        run_cycle(Desk(whole), healthy)
        grown, expected = before - disk.settled(), dump(whole)
    with make() as url, held.opened(url) as database:
        assert dump(database) == []
        with disk.filled(leaving=int(share * grown)):
            said = read_until_full(database, healthy)
        assert "could not extend file" in said
        assert "free space on the disk" in said
        assert "nothing of the last step was stored" in said
        assert holds_no_halves(database)
        assert run_cycle(Desk(database), healthy).failed == []
        assert dump(database) == expected


@pytest.mark.nightly
@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system needs root to be mounted")
def test_a_file_system_that_is_really_full_is_told_and_the_next_run_completes(
    project: Project, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], check=True)
    try:
        done = project.run("source", "sync", "--all", store=small / "data")
        assert done.returncode == 1
        assert "free space" in done.stdout + done.stderr
        subprocess.run(["mount", "-o", "remount,size=300m", str(small)], check=True)
        project.run("source", "sync", "--all", store=small / "data")
        undisturbed = tmp_path / "undisturbed"
        project.run("source", "sync", "--all", store=undisturbed)
        assert project.dump(small / "data") == project.dump(undisturbed)
    finally:
        subprocess.run(["umount", str(small)], check=True)
