"""What is told of what was written: every act's events, in the order in which it became known, none twice."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, update

from hub.store.database import Database
from hub.store.outbox.catalogue import CATALOGUE
from hub.store.outbox.position import Position, UnknownPosition
from hub.store.outbox.reading import newest_position, read_events
from hub.store.outbox.telling import Event
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, link_decision, quarantine
from tests.api.factories import add_fact, add_held, add_link, add_name, add_record, add_system, add_thing
from tests.swift import swift

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BATCH = ENTITY_TABLES["batch"]


@pytest.fixture
def store(migrated_url: str) -> Iterator[Database]:
    database = swift(migrated_url)
    yield database
    database.close()


START = Position(0)


def read_all(database: Database, after: Position = START, limit: int = 100, **more: Any) -> list[Event]:
    """Give all events after a position, page by page."""
    found: list[Event] = []
    while True:
        with database.read() as connection:
            news = read_events(connection, after, limit=limit, **more)
        assert len(news.events) <= limit
        found += news.events
        if news.is_all:
            return found
        assert news.reached > after
        after = news.reached


def tell(database: Database, after: Position) -> list[tuple[str, str, tuple[str, ...]]]:
    """Give type without frills, change and attributes of what came after a position."""
    return [
        (one.type.removeprefix("plantwide.").removesuffix(".v1"), one.change, one.attributes)
        for one in read_all(database, after)
    ]


def end_of(database: Database) -> Position:
    with database.read() as connection:
        return newest_position(connection)


def change_batch(connection: Connection, key: int, **values: Any) -> None:
    connection.execute(update(BATCH).where(BATCH.c.id == key).values(**values))


def test_a_batch_is_told_of_when_what_counts_of_it_changes_and_only_then(store: Database) -> None:
    with store.begin("test", at=NOW) as connection:
        key = add_thing(connection, "batch", "B-1", status="Running")
    [new] = read_all(store)
    assert (new.type, new.change, new.label) == ("plantwide.batch.changed.v1", "new", "B-1")
    assert "status" in new.attributes
    assert new.href == "/v1/batches/" + new.subject.removeprefix("batch/")
    here = end_of(store)
    with store.begin("test") as connection:
        change_batch(connection, key, status="Complete", actual_size=5.0, actual_size_unit="kg")
    assert tell(store, here) == [("batch.changed", "changed", ("actual_size", "status"))]
    here = end_of(store)
    with store.begin("test") as connection:
        change_batch(connection, key, version=9)
    assert tell(store, here) == []


def test_what_an_act_does_to_a_row_in_several_steps_is_told_once(store: Database) -> None:
    with store.begin("test", at=NOW) as connection:
        key = add_thing(connection, "batch", "B-1", status="Running")
        change_batch(connection, key, status="Held")
    here = end_of(store)
    with store.begin("test") as connection:
        change_batch(connection, key, status="Running")
        change_batch(connection, key, status="Complete")
    with store.begin("test") as connection:
        change_batch(connection, key, status="Running", description="again")
    assert tell(store, here) == [
        ("batch.changed", "changed", ("status",)),
        ("batch.changed", "changed", ("description", "status")),
    ]
    here = end_of(store)
    with store.begin("test") as connection:
        change_batch(connection, key, status="Held")
        change_batch(connection, key, status="Running")
    assert tell(store, here) == []


def test_a_conflict_is_opened_and_resolved_beside_the_change(store: Database) -> None:
    with store.begin("test", at=NOW) as connection:
        key = add_thing(connection, "batch", "B-1")
        add_thing(connection, "equipment", "U-1")
    here = end_of(store)
    for state in (True, False):
        with store.begin("test") as connection:
            change_batch(connection, key, has_conflict=state, description=str(state))
    assert tell(store, here) == [
        ("batch.changed", "changed", ("description",)),
        ("conflict.opened", "opened", ()),
        ("batch.changed", "changed", ("description",)),
        ("conflict.resolved", "resolved", ()),
    ]
    told = read_all(store, here)
    assert [e.position for e in told] == sorted({e.position for e in told})
    assert read_all(store, told[0].position) == told[1:]


def test_links_documents_and_results_are_told_of(store: Database) -> None:
    with store.begin("test", at=NOW) as connection:
        one, other = (add_thing(connection, "material_lot", code) for code in "LM")
        names = [add_name(connection, "material_lot", key, str(key)) for key in (one, other)]
        system = add_system(connection)
        record = add_record(connection, system)
        sample = add_fact(connection, "sample", system=system, record=record, code="S")
    here = end_of(store)
    with store.begin("test") as connection:
        link = add_link(connection, "material_lot", *names)
        human = add_link(
            connection,
            "material_lot",
            *names,
            method="human",
            state="confirmed",
            decision="same",
            reason="so",
        )
        held = add_held(connection, system)
        result = add_fact(
            connection,
            "test_result",
            system=system,
            record=record,
            sample_id=sample,
            sample_key="S",
            test_code="PH",
            value_text="9",
            verdict="fail",
            kind="measured",
        )
    assert tell(store, here) == [
        ("link.proposed", "proposed", ()),
        ("link.decided", "same", ()),
        ("document.quarantined", "open", ()),
        ("result.failed", "failed", ()),
    ]
    assert [e.href for e in read_all(store, here)] == [
        f"/v1/links/{link}",
        f"/v1/links/{human}",
        f"/v1/quarantine/{held}",
        f"/v1/collections/results/{result}",
    ]
    here = end_of(store)
    results = FACT_TABLES["test_result"]
    with store.begin("test") as connection:
        connection.execute(update(link_decision).where(link_decision.c.id == human).values(state="reversed"))
        connection.execute(update(quarantine).values(state="resolved"))
        connection.execute(update(results).values(content_hash="1" * 64, verdict="pass"))
    with store.begin("test") as connection:
        connection.execute(update(results).values(is_retracted=True))
    assert tell(store, here) == [
        ("link.undone", "undone", ()),
        ("document.released", "resolved", ()),
        ("result.corrected", "corrected", ()),
        ("result.withdrawn", "withdrawn", ()),
    ]


def test_an_event_says_the_same_whenever_it_is_read(store: Database) -> None:
    with store.begin("test", at=NOW) as connection:
        key = add_thing(connection, "batch", "B-1", status="Running")
    first = read_all(store)
    for status in ("Held", "Running"):
        with store.begin("test") as connection:
            change_batch(connection, key, status=status, code=f"B-{status}")
    with store.begin("test") as connection:
        connection.execute(delete(BATCH))
    again = read_all(store)
    assert again[:1] == first
    assert [(e.label, e.change) for e in again] == [
        ("B-1", "new"),
        ("B-Held", "changed"),
        ("B-Running", "changed"),
        ("B-Running", "gone"),
    ]


def test_only_the_types_that_were_asked_for_are_told(store: Database) -> None:
    with store.begin("test", at=NOW) as connection:
        add_thing(connection, "batch", "B-1", has_conflict=True)
        add_thing(connection, "material_lot", "L-1")
    wanted = ["plantwide.conflict.opened.v1", "plantwide.lot.changed.v1"]
    assert [e.type for e in read_all(store, types=wanted)] == wanted
    assert len(read_all(store)) == 3


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_pages_of_any_size_tell_all_of_a_large_act_once_and_in_order(
    store: Database, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.store.outbox.reading.WINDOW", 3)
    monkeypatch.setattr("hub.store.outbox.reading._ROWS", 2)
    for act in range(3):
        with store.begin("test", at=NOW) as connection:
            for number in range(7):
                add_thing(connection, "batch", f"B-{act}-{number}")
                add_thing(connection, "equipment", f"U-{act}-{number}")
    labels = [e.label for e in read_all(store, limit=limit)]
    assert labels == [f"B-{act}-{number}" for act in range(3) for number in range(7)]


def test_what_was_overtaken_is_told_after_what_overtook_it(migrated_postgres_url: str) -> None:
    database = swift(migrated_postgres_url)
    with ExitStack() as stack:
        slow = stack.enter_context(database.begin("slow", at=NOW))
        add_thing(slow, "batch", "slow")
        with database.begin("quick", at=NOW + timedelta(seconds=1)) as quick:
            add_thing(quick, "batch", "quick")
        before, here = read_all(database), end_of(database)
    assert [e.label for e in before] == ["quick"]
    assert [e.label for e in read_all(database, here)] == ["slow"]
    assert [e.label for e in read_all(database, before[-1].position)] == ["slow"]
    assert [e.label for e in read_all(database)] == ["quick", "slow"]
    database.close()


def test_a_position_is_read_back_as_it_was_written_and_nothing_else_is_one() -> None:
    place = Position.of(NOW, 812, 1)
    assert Position.parse(str(place)) == place
    assert place.instant == NOW
    for wrong in ("", "1-2", "1-2-3-4", "-1-2-3", "1-2-x", "1-2-3 ", "9" * 18 + "-1-1", "１-2-3"):
        with pytest.raises(UnknownPosition):
            Position.parse(wrong)


def test_types_are_named_alike_and_those_of_one_table_have_numbers_of_their_own() -> None:
    assert all(name.startswith("plantwide.") and name.endswith(".v1") for name in CATALOGUE)
    numbered = [(table, kind.part) for kind in CATALOGUE.values() for table in kind.tables]
    assert len(numbered) == len(set(numbered))
