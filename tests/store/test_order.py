"""Whoever has read up to an instant has read all that counts as known at it, however writers overlap."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, func, insert, select, update

from hub.store.arrivals import note_arrival
from hub.store.attribution import attribute
from hub.store.database import Database
from hub.store.order import draw_stamp, newest_known
from hub.store.tables import audit_event, overtaken_act, scheme_group
from tests.databases import is_waiting
from tests.swift import swift

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Rows = list[tuple[Any, ...]]


def add(connection: Connection, number: int) -> int:
    """Write a row."""
    row = {"entity_type": "batch", "group_no": number, "scheme": f"s{number}", "recorded_at": NOW}
    return int(connection.scalar(insert(scheme_group).values(**row).returning(scheme_group.c.id)) or 0)


def look(connection: Connection) -> Rows:
    """Give all rows."""
    return [tuple(row) for row in connection.execute(select(scheme_group).order_by(scheme_group.c.id))]


def look_back(database: Database, then: datetime) -> Rows:
    """Give the rows that were known at an instant."""
    with database.read(as_known_at=then) as connection:
        return look(connection)


@pytest.fixture
def store(migrated_postgres_url: str) -> Iterator[Database]:
    database = swift(migrated_postgres_url)
    yield database
    database.close()


def test_a_writer_overtaken_by_another_becomes_known_after_it(store: Database) -> None:
    with store.begin("slow", at=NOW) as slow:
        add(slow, 1)
        with store.begin("quick", at=NOW + timedelta(seconds=1)) as quick:
            add(quick, 2)
        with store.read() as connection:
            between, seen = newest_known(connection), look(connection)
    with store.read() as connection:
        after, both = newest_known(connection), look(connection)
    assert (len(seen), len(both)) == (1, 2)
    assert between is not None
    assert after is not None
    assert between < after
    assert look_back(store, between) == seen
    assert look_back(store, after) == both
    assert look_back(store, NOW) == []


def test_writers_at_one_instant_have_stamps_of_their_own(store: Database) -> None:
    with ExitStack() as open_at_once:
        for number in range(5):
            add(open_at_once.enter_context(store.begin("test", at=NOW)), number)
    with store.read() as connection:
        stamps = connection.scalar(select(func.count(audit_event.c.recorded_at.distinct())))
    assert stamps == 5


def test_who_waits_for_a_row_with_samples_in_hand_keeps_nobody_from_committing(store: Database) -> None:
    spans = np.array([[1, 0, 1, 1]], dtype=np.int64)
    with store.begin("test") as connection:
        row = add(connection, 1)
    renamed = update(scheme_group).where(scheme_group.c.id == row)

    def put() -> None:
        with store.begin("put") as connection:
            note_arrival(connection, spans, now=NOW)
            connection.execute(renamed.values(scheme="second"))

    with ThreadPoolExecutor(1) as pool:
        with store.begin("test") as connection:
            connection.execute(renamed.values(scheme="first"))
            putting = pool.submit(put)
            while not putting.done() and not is_waiting(store):
                pass
        putting.result()
    with store.read() as connection:
        assert [scheme for *_, scheme in connection.execute(select(scheme_group.c.scheme))] == ["second"]


def test_writers_keep_the_stamps_they_drew_whoever_commits_before_they_begin_to_write(
    store: Database,
) -> None:
    writers = store.engine.execution_options(writes=True)
    with writers.begin() as one, writers.begin() as other:
        drawn = [draw_stamp(connection, NOW) for connection in (one, other)]
        with store.begin("quick", at=NOW + timedelta(seconds=1)) as quick:
            add(quick, 1)
        acts = [attribute(c, "slow", at=stamp) for c, stamp in zip((one, other), drawn, strict=True)]
    assert [act.at for act in acts] == drawn
    assert len(set(drawn)) == 2


def test_a_writer_that_changes_what_another_wrote_meanwhile_is_known_after_it(store: Database) -> None:
    with store.begin("test", at=NOW) as connection:
        row = add(connection, 1)
    with store.begin("slow", at=NOW) as slow:
        with store.begin("quick", at=NOW) as quick:
            quick.execute(update(scheme_group).where(scheme_group.c.id == row).values(scheme="quick"))
        with store.read() as connection:
            between, seen = newest_known(connection), look(connection)
        slow.execute(update(scheme_group).where(scheme_group.c.id == row).values(scheme="slow"))
    assert between is not None
    scheme = scheme_group.c.keys().index("scheme")
    assert [one[scheme] for one in seen] == ["quick"]
    assert look_back(store, between) == seen


def test_what_writes_nothing_is_not_waited_for_and_not_noted(store: Database) -> None:
    with store.begin("idle", at=NOW), store.begin("quick", at=NOW + timedelta(seconds=1)) as quick:
        add(quick, 1)
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(overtaken_act)) == 0


class Overlaps(RuleBasedStateMachine):
    """Writers begin, write, commit and give up in any order; each reading must stay what it was."""

    url: str
    overlap: bool

    def __init__(self) -> None:
        super().__init__()
        self.database = swift(self.url)
        self.writers: dict[int, ExitStack] = {}
        self.connections: dict[int, Connection] = {}
        self.held: dict[int, int] = {}
        self.rows: list[int] = []
        self.readings: list[tuple[datetime, Rows]] = []
        self.number = 0

    @initialize()
    def begin(self) -> None:
        """Start with an empty table."""
        with self.database.begin("test", at=NOW) as connection:
            connection.execute(scheme_group.delete())

    @precondition(lambda self: len(self.writers) < (3 if self.overlap else 1))
    @rule(lag=st.integers(-2, 2))
    def open(self, lag: int) -> None:
        """Somebody begins, with a clock that may be behind or ahead."""
        self.number += 1
        stack = ExitStack()
        at = NOW + timedelta(microseconds=self.number + lag)
        self.connections[self.number] = stack.enter_context(self.database.begin("test", at=at))
        self.writers[self.number] = stack

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        """Somebody writes: a new row, or one that nobody else holds."""
        writer = data.draw(st.sampled_from(sorted(self.writers)))
        self.number += 1
        free = [row for row in self.rows if self.held.get(row, writer) == writer]
        if free and data.draw(st.booleans()):
            row = data.draw(st.sampled_from(free))
            changed = update(scheme_group).where(scheme_group.c.id == row).values(scheme=f"u{self.number}")
            self.connections[writer].execute(changed)
        else:
            row = add(self.connections[writer], self.number)
        self.held[row] = writer

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), keeps=st.booleans())
    def close(self, data: st.DataObject, keeps: bool) -> None:
        """Somebody commits, or gives up."""
        writer = data.draw(st.sampled_from(sorted(self.writers)))
        stack = self.writers.pop(writer)
        self.connections.pop(writer)
        if keeps:
            stack.close()
        else:
            error = RuntimeError("gives up")
            stack.__exit__(type(error), error, None)
        mine = [row for row, holder in self.held.items() if holder == writer]
        for row in mine:
            del self.held[row]
        with self.database.read() as connection:
            self.rows = [row[0] for row in look(connection)]

    @invariant()
    def read(self) -> None:
        """Somebody reads."""
        with self.database.read() as connection:
            known, rows = newest_known(connection), look(connection)
        if known is not None and (known, rows) not in self.readings:
            self.readings.append((known, rows))

    def teardown(self) -> None:
        """Every reading, asked for again, is what it was."""
        for stack in self.writers.values():
            stack.close()
        try:
            for known, rows in self.readings:
                assert look_back(self.database, known) == rows
            assert len({known for known, _ in self.readings}) == len(self.readings)
        finally:
            self.database.close()


FEW = settings(
    max_examples=max(3, settings().max_examples // 5),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_every_reading_can_be_repeated_however_writers_overlap(migrated_postgres_url: str) -> None:
    run_state_machine_as_test(
        type("Many", (Overlaps,), {"url": migrated_postgres_url, "overlap": True}), settings=FEW
    )


def test_every_reading_can_be_repeated_where_one_writes_at_a_time(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    run_state_machine_as_test(
        type("One", (Overlaps,), {"url": f"sqlite:///{path}", "overlap": False}), settings=FEW
    )


def test_readings_beside_busy_writers_can_be_repeated(migrated_url: str) -> None:
    database = swift(migrated_url)
    readings: list[tuple[datetime, Rows]] = []
    done, failures = Event(), list[BaseException]()

    def write(first: int) -> None:
        try:
            for number in range(first, first + 40):
                with database.begin("test") as connection:
                    row = add(connection, number)
                    connection.execute(
                        update(scheme_group).where(scheme_group.c.id == row).values(scheme=f"u{number}")
                    )
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    def read() -> None:
        while not done.is_set():
            with database.read() as connection:
                known, rows = newest_known(connection), look(connection)
            if known is not None:
                readings.append((known, rows))

    writers = [Thread(target=write, args=(1000 * n,)) for n in range(4)]
    reader = Thread(target=read)
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert failures == []
    assert len(readings) > 3
    for known, rows in readings:
        assert look_back(database, known) == rows
    database.close()
