"""What a reading of the past refuses, and what it leaves as it was."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from hub.store.audited import UNAUDITED
from hub.store.database import Database
from hub.store.order import newest_known
from hub.store.past.compiler import NotKept
from hub.store.past.reading import then_of
from hub.store.tables import (
    ENTITY_TABLES,
    audit_event,
    identifier,
    lot_genealogy,
    metadata,
    sample_frame,
    sample_put,
    scheme_group,
    unit,
)
from tests.api.factories import NOW, add, add_name, add_samples, add_thing
from tests.swift import swift

TIMELESS = {"audit_event", "unit", "sample_hot", "sample_lake"}
"""Of the last two those rows are read whose put was known."""


@pytest.fixture
def store(migrated_url: str) -> Iterator[Database]:
    database = swift(migrated_url)
    yield database
    database.close()


def known(store: Database) -> datetime:
    with store.read() as connection:
        instant = newest_known(connection)
    assert instant is not None
    return instant


@pytest.mark.parametrize("name", sorted(UNAUDITED - TIMELESS))
def test_a_table_that_is_not_under_audit_has_no_past(store: Database, name: str) -> None:
    table = metadata.tables[name]
    with store.read(as_known_at=NOW) as connection, pytest.raises(NotKept, match=name):
        connection.execute(select(table).limit(1))


def test_statements_written_as_text_are_refused(store: Database) -> None:
    with store.read(as_known_at=NOW) as connection:
        with pytest.raises(NotKept):
            connection.execute(text("SELECT count(*) FROM batch"))
        with pytest.raises(NotKept):
            connection.exec_driver_sql("SELECT count(*) FROM batch")


def test_the_past_cannot_be_written(store: Database) -> None:
    with store.begin("test") as connection:
        add_thing(connection, "batch", "B1")
    with store.read(as_known_at=known(store)) as connection, pytest.raises((DBAPIError, NotKept)):
        connection.execute(insert(scheme_group).values(entity_type="x", scheme="x", recorded_at=NOW))
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(scheme_group)) == 0


def test_units_and_the_trail_itself_can_be_read(store: Database) -> None:
    with store.begin("test") as connection:
        add_thing(connection, "batch", "B1")
    then = known(store)
    with store.begin("test") as connection:
        add_thing(connection, "batch", "B2")
    with store.read(as_known_at=then) as connection:
        assert connection.scalar(select(func.count()).select_from(unit))
        assert connection.scalar(select(func.count()).select_from(audit_event)) == 1
        assert newest_known(connection) == then
        assert then_of(connection) == then
    with store.read() as connection:
        assert then_of(connection) is None
        assert connection.scalar(select(func.count()).select_from(audit_event)) == 2


def test_bytes_that_are_gone_are_not_made_up(store: Database) -> None:
    with store.begin("test") as connection:
        tag = add_thing(connection, "tag", "T1")
        add(
            connection,
            sample_frame,
            stream="a",
            seq=1,
            tag_id=tag,
            first_at=NOW,
            last_at=NOW,
            count=1,
            frame=b"1",
            recorded_at=NOW,
        )
    then = known(store)
    with store.begin("test") as connection:
        connection.execute(delete(sample_frame))
    with store.read(as_known_at=then) as connection:
        with pytest.raises(NotKept, match="sample_frame"):
            connection.execute(select(sample_frame.c.frame)).all()
        assert connection.scalars(select(ENTITY_TABLES["tag"].c.code)).all() == ["T1"]


def test_frames_that_came_later_are_not_seen(store: Database) -> None:
    with store.begin("test") as connection:
        tag = add_thing(connection, "tag", "T1")
        add_samples(connection, tag, [1.0, 2.0], seq=1)
    then = known(store)
    with store.begin("test") as connection:
        add_samples(connection, tag, [3.0], seq=2)
    with store.read(as_known_at=then) as connection:
        assert connection.scalars(select(sample_put.c.seq)).all() == [1]


def test_a_thing_is_found_by_a_name_that_it_had_and_in_a_tree_that_stood(store: Database) -> None:
    """Queries of every form: joins by key, by value, of a table with itself, aggregates, recursion."""
    lot = ENTITY_TABLES["material_lot"]
    with store.begin("test") as connection:
        lots = [add_thing(connection, "material_lot", code, kind="lot") for code in "abc"]
        add_name(connection, "material_lot", lots[0], "first", scheme="mes:material_lot")
        for one, other in (lots[:2], lots[1:]):
            add(connection, lot_genealogy, input_lot_id=one, output_lot_id=other, kind="consume")
    then = known(store)
    before = look(store, None)
    with store.begin("test") as connection:
        connection.execute(update(lot).values(code="changed", kind="pool"))
        connection.execute(update(identifier).values(entity_id=lots[2], label="second"))
        connection.execute(delete(lot_genealogy).where(lot_genealogy.c.input_lot_id == lots[0]))
        add_thing(connection, "material_lot", "d", kind="lot")
    assert look(store, then) == before
    assert look(store, None) != before


def look(store: Database, then: datetime | None) -> list[object]:
    lot, edge = ENTITY_TABLES["material_lot"], lot_genealogy
    came, went = lot.alias(), lot.alias()
    walk = select(lot.c.id.label("lot_id")).where(lot.c.code == "a").cte("walk", recursive=True)
    walk = walk.union(select(edge.c.output_lot_id).join(walk, edge.c.input_lot_id == walk.c.lot_id))
    counted = select(lot.c.kind, func.count().label("lots")).group_by(lot.c.kind).subquery()
    queries = (
        select(identifier.c.label, lot.c.code).join(lot, lot.c.id == identifier.c.entity_id),
        select(lot.c.code).where(lot.c.id.in_(select(identifier.c.entity_id))),
        select(came.c.code, went.c.code)
        .select_from(edge.outerjoin(came, came.c.id == edge.c.input_lot_id))
        .join(went, went.c.id == edge.c.output_lot_id)
        .order_by(came.c.code),
        select(lot.c.code, counted.c.lots).join(counted, counted.c.kind == lot.c.kind).order_by(lot.c.code),
        select(walk.c.lot_id).order_by(walk.c.lot_id),
        select(func.count()).select_from(lot),
        select(lot.c.kind).distinct(),
        select(lot.c.code).where(~select(edge.c.id).where(edge.c.output_lot_id == lot.c.id).exists()),
    )
    with store.read(as_known_at=then) as connection:
        return [_all(connection, query) for query in queries]


def _all(connection: Connection, query: object) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(query)]  # type: ignore[call-overload]  # any of the queries


def test_a_store_that_was_closed_can_look_back_again(store: Database) -> None:
    with store.begin("test") as connection:
        add_thing(connection, "batch", "B1")
    then = known(store)
    for _ in range(2):
        with store.read(as_known_at=then) as connection:
            assert connection.scalar(select(func.count()).select_from(ENTITY_TABLES["batch"])) == 1
        store.close()


def test_two_readings_of_different_instants_do_not_mix(store: Database) -> None:
    instants: list[datetime] = []
    for number in range(3):
        with store.begin("test") as connection:
            add_thing(connection, "batch", f"B{number}")
        instants.append(known(store))
    count = select(func.count()).select_from(ENTITY_TABLES["batch"])
    with (
        store.read(as_known_at=instants[0]) as one,
        store.read(as_known_at=instants[1]) as two,
        store.read() as three,
    ):
        assert [reading.scalar(count) for reading in (one, two, three, one)] == [1, 2, 3, 1]
    with store.read(as_known_at=datetime(2020, 1, 1, tzinfo=UTC)) as connection:
        assert connection.scalar(count) == 0
