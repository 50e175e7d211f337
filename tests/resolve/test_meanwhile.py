"""What is stored in mass is resolved while more is being stored, where a second one can write."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from hub.ingest.failures import judge
from hub.resolve import resolution
from hub.resolve.meanwhile import resolved_meanwhile
from hub.resolve.resolution import prepare, resolve
from hub.store.database import Collided, Database
from hub.store.dump import dump_canonical
from hub.store.pending import count_pending
from hub.store.statements import store_documents
from hub.store.systems import ensure_system
from tests.bench.plant import KINDS, STATEMENTS, tell
from tests.swift import swift

NOW = datetime(2026, 5, 1, tzinfo=UTC)
CHUNK = 40
PATIENCE_S = 60


def at_now() -> datetime:
    return NOW


def opened(url: str) -> tuple[Database, dict[str, int]]:
    database = swift(url)
    prepare(database, now=NOW)
    with database.begin("test") as connection:
        return database, {c: ensure_system(connection, c, kind, now=NOW).id for c, kind in KINDS.items()}


def store(database: Database, systems: dict[str, int], number: int) -> None:
    for code, system_id in systems.items():
        with database.begin("test") as connection:
            store_documents(
                connection,
                system_id=system_id,
                stream="s",
                connector="test/1",
                documents=[document for system, document in tell(number) if system == code],
                now=NOW,
            )


def waiting(database: Database) -> int:
    with database.read() as connection:
        return count_pending(connection)


def dumped(database: Database) -> bytes:
    with database.read() as connection:
        return b"".join(dump_canonical(connection))


def told_at_once(empty: Path, path: Path) -> bytes:
    shutil.copyfile(empty, path)
    database, systems = opened(f"sqlite:///{path}")
    for number in (1, 0):
        store(database, systems, number)
    resolve(database, clock=at_now)
    told = dumped(database)
    database.close()
    return told


def is_postgres(url: str) -> bool:
    return make_url(url).get_backend_name() == "postgresql"


def test_full_chunks_are_resolved_while_more_is_stored_and_the_end_is_the_same(
    migrated_url: str, migrated_sqlite: Path, tmp_path: Path
) -> None:
    database, systems = opened(migrated_url)
    begun = Event()

    def clock() -> datetime:
        begun.set()
        return NOW

    try:
        with resolved_meanwhile(database, clock=clock, chunk=CHUNK) as done:
            store(database, systems, 0)
            if is_postgres(migrated_url):
                assert begun.wait(PATIENCE_S)
            store(database, systems, 1)
        assert waiting(database) == 2 * STATEMENTS - done.statements
        assert (done.statements >= CHUNK) == is_postgres(migrated_url)
        assert resolve(database, clock=at_now).statements == 2 * STATEMENTS - done.statements
        assert dumped(database) == told_at_once(migrated_sqlite, tmp_path / "other.db")
    finally:
        database.close()


def test_what_makes_up_no_chunk_is_left_until_all_is_read(migrated_postgres_url: str) -> None:
    database, systems = opened(migrated_postgres_url)
    try:
        with resolved_meanwhile(database, clock=at_now, chunk=STATEMENTS + 1) as done:
            store(database, systems, 0)
        assert (done.statements, waiting(database)) == (0, STATEMENTS)
    finally:
        database.close()


def test_what_fails_beside_reading_fails_no_reading_and_is_raised_after_it(
    migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, systems = opened(migrated_postgres_url)
    met = Event()

    def fail(*_: Any, **__: Any) -> int:
        met.set()
        raise ZeroDivisionError

    monkeypatch.setattr(resolution, "resolve_chunk", fail)
    try:
        with resolved_meanwhile(database, clock=at_now, chunk=CHUNK) as done:
            store(database, systems, 0)
            assert met.wait(PATIENCE_S)
            store(database, systems, 1)
        assert (done.statements, waiting(database)) == (0, 2 * STATEMENTS)
        with pytest.raises(ZeroDivisionError):
            resolve(database, clock=at_now)
    finally:
        database.close()


def test_of_two_transactions_that_wait_for_each_other_one_is_told_to_try_again(
    migrated_postgres_url: str,
) -> None:
    database = Database(migrated_postgres_url)
    told: list[Collided] = []
    first_held, second_held = Event(), Event()

    def take(mine: int, theirs: int, *, held: Event, other: Event) -> None:
        try:
            with database.begin() as connection:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({mine})")
                held.set()
                other.wait(PATIENCE_S)
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({theirs})")
        except Collided as error:
            told.append(error)

    beside = Thread(target=take, args=(1, 2), kwargs={"held": first_held, "other": second_held})
    beside.start()
    take(2, 1, held=second_held, other=first_held)
    beside.join(PATIENCE_S)
    database.close()
    assert [judge(error, attempts=0, now=NOW).due_at for error in told] == [NOW]


def test_a_chunk_that_had_to_give_way_is_resolved_again(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, systems = opened(migrated_url)
    store(database, systems, 0)
    resolve_chunk, tries = resolution.resolve_chunk, iter([True, True])

    def give_way(*given: Any, **named: Any) -> int:
        done = resolve_chunk(*given, **named)
        if next(tries, False):
            raise Collided("deadlock detected")
        return done

    monkeypatch.setattr(resolution, "resolve_chunk", give_way)
    try:
        assert resolve(database, clock=at_now).statements == STATEMENTS
        assert not waiting(database)
    finally:
        database.close()
