"""A document that comes again changes nothing, and that it came again is on record, once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from hub.store.database import Database
from hub.store.statements import Said, Stored, Told, store_documents
from hub.store.systems import ensure_system
from hub.store.tables import redelivery, source_record
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


def store(
    database: Database, *documents: Told, minute: int = 0, mapping: str = "t/1#1", **how: bool
) -> Stored:
    now = NOW + timedelta(minutes=minute)
    with database.begin("test") as connection:
        system = ensure_system(connection, "mes", "MES", now=now)
        return store_documents(
            connection,
            system_id=system.id,
            stream="s",
            connector=mapping,
            documents=documents,
            now=now,
            **how,
        )


def refused(database: Database) -> list[tuple[str, str, int, datetime]]:
    """Give what is on record: key, kind, version of what was refused, when that was first seen."""
    columns = redelivery.c
    query = select(columns.source_key, columns.kind, columns.source_version, columns.seen_at)
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(columns.id))]


def test_what_is_read_again_is_noted_the_first_time_only(database: Database) -> None:
    store(database, told(1))
    for minute in (1, 2, 3):
        assert store(database, told(1), minute=minute).unchanged == 1
    assert refused(database) == [("d", "overlap", 1, NOW + timedelta(minutes=1))]


def test_the_same_words_as_another_version_are_a_duplicate(database: Database) -> None:
    store(database, told(1))
    store(database, told(2))
    store(database, told(3))
    assert [row[:3] for row in refused(database)] == [("d", "duplicate", 2)]


def test_each_older_version_that_comes_late_is_noted(database: Database) -> None:
    store(database, told(5, "five"))
    assert store(database, told(3, "three")).stale == 1
    store(database, told(4, "four"))
    store(database, told(3, "three"))
    assert [row[:3] for row in refused(database)] == [("d", "stale", 3), ("d", "stale", 4)]


def test_a_delivery_that_says_a_document_twice_notes_what_it_did_not_take(database: Database) -> None:
    stored = store(database, told(1, "one"), told(2, "two"), told(2, "two"), told(7, "other", key="e"))
    assert (stored.documents, stored.stale, stored.unchanged) == (2, 1, 1)
    assert sorted(row[:3] for row in refused(database)) == [("d", "duplicate", 2), ("d", "stale", 1)]


def test_a_new_version_opens_a_new_account(database: Database) -> None:
    store(database, told(1, "one"))
    store(database, told(1, "one"))
    store(database, told(2, "two"))
    store(database, told(2, "two"))
    assert [row[:3] for row in refused(database)] == [("d", "overlap", 1), ("d", "overlap", 2)]


def test_what_the_hub_works_out_again_and_what_is_replayed_is_no_delivery(database: Database) -> None:
    store(database, told(1), own=True)
    store(database, told(2), own=True)
    store(database, told(2), again=True)
    assert refused(database) == []


def test_a_replay_by_another_mapping_is_a_record_of_its_own_and_one_by_the_same_is_not(
    database: Database,
) -> None:
    store(database, told(1))
    store(database, told(1), again=True)
    store(database, told(1), again=True, mapping="t/1#2")
    columns = source_record.c
    query = select(columns.seq, columns.mapping_version, columns.stream).order_by(columns.seq)
    with database.read() as connection:
        records = [tuple(row) for row in connection.execute(query)]
        hashes = set(connection.scalars(select(columns.content_hash)))
    assert records == [(1, "t/1#1", "s"), (2, "t/1#2", "s")]
    assert len(hashes) == 1


def test_what_is_on_record_cannot_be_changed(database: Database) -> None:
    store(database, told(1))
    store(database, told(1))
    with pytest.raises(DBAPIError), database.begin("test") as connection:
        connection.execute(redelivery.update().values(kind="stale"))
    with pytest.raises(DBAPIError), database.begin("test") as connection:
        connection.execute(redelivery.delete())
    assert len(refused(database)) == 1


deliveries = st.lists(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3)), min_size=1, max_size=4),
    min_size=1,
    max_size=8,
)
_worlds = count()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told_in_turn=deliveries)
def test_every_document_that_came_is_stored_or_counted_as_refused(
    database: Database, told_in_turn: list[list[tuple[str, int]]]
) -> None:
    """Whatever comes in whatever order: what came = stored + unchanged + stale, and a refusal has its row."""
    world = f"{next(_worlds)}/"
    done = [
        store(database, *(told(version, f"v{version}", key=world + key) for key, version in some))
        for some in told_in_turn
    ]
    for some, stored in zip(told_in_turn, done, strict=True):
        assert stored.documents + stored.unchanged + stored.stale == len(some)
    noted = [row for row in refused(database) if row[0].startswith(world)]
    assert bool(noted) == any(stored.unchanged or stored.stale for stored in done)
    with database.read() as connection:
        keys = {k for k in connection.scalars(select(source_record.c.source_key)) if k.startswith(world)}
    assert keys == {world + key for some in told_in_turn for key, _ in some}
