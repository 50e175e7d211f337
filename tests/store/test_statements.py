"""What documents state: the last version of the source wins, whenever it arrives, and nothing is written twice."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from hub.store.database import Database
from hub.store.quarantine import Fault, list_open
from hub.store.statements import Said, Stored, Told, list_live_keys, store_documents
from hub.store.systems import ensure_system
from hub.store.tables import source_record, statement
from tests.swift import swift

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    one = swift(migrated_url)
    yield one
    one.close()


def told(version: int, says: str = "x", *, key: str = "d") -> Told:
    said = Said("batch", "mes:batch|A", {"id": {"scheme": "mes:batch", "value": "A"}, "description": says})
    return Told(
        object_type="doc",
        source_key=key,
        payload=says,
        media_type="text/plain",
        version=version,
        source_time=None,
        said=[said],
    )


def gone(version: int) -> Told:
    return replace(told(version, ""), deleted=True, said=())


def broken(version: int, reason: str = "no XML") -> Told:
    one = told(version, f"broken {version}")
    fault = Fault(
        object_type="doc",
        source_key=one.source_key,
        part="",
        reason=reason,
        remedy="",
        payload=one.payload,
        media_type="text/plain",
        version=version,
        source_time=None,
    )
    return replace(one, said=(), faults=(fault,), unreadable=True)


def store(database: Database, *documents: Told) -> Stored:
    with database.begin("test") as connection:
        system = ensure_system(connection, "mes", "MES", now=NOW)
        return store_documents(
            connection, system_id=system.id, stream="s", connector="t/1", documents=documents, now=NOW
        )


def stands(database: Database) -> list[str]:
    """Give what is stated now."""
    with database.read() as connection:
        query = select(statement.c.body).where(statement.c.is_live)
        return [body["description"] for body in connection.scalars(query)]


def open_reasons(database: Database) -> list[str]:
    with database.read() as connection:
        return [entry["reason"] for entry in list_open(connection)]


def test_an_older_version_that_comes_late_changes_nothing(database: Database) -> None:
    store(database, told(2, "new"))
    assert store(database, told(1, "old")).stale == 1
    assert stands(database) == ["new"]


def test_of_one_page_the_newest_version_stands_wherever_it_is(database: Database) -> None:
    store(database, told(1, "a"), told(3, "c"), told(2, "b"))
    assert stands(database) == ["c"]


def test_a_value_that_comes_back_is_a_correction(database: Database) -> None:
    for version, says in ((1, "a"), (2, "b"), (3, "a")):
        assert store(database, told(version, says)).documents == 1
    assert stands(database) == ["a"]


def test_what_is_said_again_at_a_newer_version_makes_the_one_between_stale(database: Database) -> None:
    store(database, told(1, "a"))
    assert store(database, told(3, "a")).unchanged == 1
    assert store(database, told(2, "b")).stale == 1
    assert stands(database) == ["a"]
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(source_record)) == 1


@pytest.mark.parametrize("apart", [True, False])
def test_a_deletion_without_a_version_counts_and_late_versions_do_not_undo_it(
    database: Database, apart: bool
) -> None:
    if apart:
        store(database, told(5, "a"))
        store(database, gone(0))
    else:
        store(database, told(5, "a"), gone(0))
    assert stands(database) == []
    if apart:
        assert store(database, told(4, "old")).stale == 1
        assert store(database, told(5, "a")).documents == 1
        assert stands(database) == ["a"]


def test_a_deletion_that_is_older_than_what_stands_deletes_nothing(database: Database) -> None:
    store(database, told(5, "a"))
    assert store(database, gone(4)).stale == 1
    assert stands(database) == ["a"]


def test_where_the_newest_cannot_be_read_the_newest_that_can_stands(database: Database) -> None:
    store(database, told(1, "a"), broken(2))
    assert stands(database) == ["a"]
    assert open_reasons(database) == ["no XML"]


def test_a_fault_is_released_by_its_own_version_or_a_newer_one_only(database: Database) -> None:
    store(database, broken(5))
    store(database, told(4, "old"))
    assert open_reasons(database) == ["no XML"]
    store(database, told(6, "new"))
    assert open_reasons(database) == []


def test_an_older_fault_does_not_hide_a_newer_one(database: Database) -> None:
    store(database, broken(5, "newer"))
    assert store(database, broken(4, "older")).rejected == 0
    assert open_reasons(database) == ["newer"]


def test_a_fault_that_stays_the_same_is_of_the_newest_version_that_has_it(database: Database) -> None:
    same = broken(1)
    again = replace(same, version=3, faults=(replace(same.faults[0], version=3),))
    assert store(database, same).rejected == 1
    assert store(database, again).rejected == 0
    store(database, gone(2))  # it comes late, and is older than what cannot be read
    assert open_reasons(database) == ["no XML"]
    store(database, gone(4))
    assert open_reasons(database) == []


def test_what_could_be_read_before_releases_a_fault_when_it_comes_again(database: Database) -> None:
    store(database, told(1, "a"))
    store(database, broken(2))
    assert store(database, told(3, "a")).unchanged == 1
    assert open_reasons(database) == []


def test_live_keys_are_those_whose_last_word_is_no_deletion(database: Database) -> None:
    store(database, told(1, key="here"), told(1, key="there"))
    store(database, replace(gone(2), source_key="there"))
    with database.read() as connection:
        system = ensure_known(connection)
        assert list_live_keys(connection, system, ["doc"]) == {("doc", "here"): 1}


def ensure_known(connection: object) -> int:
    from hub.store.systems import list_systems

    (system_id,) = list_systems(connection)  # type: ignore[arg-type]
    return system_id


def test_what_was_said_can_be_neither_changed_nor_deleted(database: Database) -> None:
    store(database, told(1))
    for change in (source_record.update().values(payload="y"), source_record.delete()):
        with pytest.raises(DBAPIError, match="append-only"), database.begin("test") as connection:
            connection.execute(change)
