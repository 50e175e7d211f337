"""However commits, deliveries, failures and crashes fall together: each event comes at least once, in order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, delete, update

from hub.events.delivering import Delivery
from hub.events.sending import Receipt
from hub.store.outbox.position import Position
from hub.store.outbox.reading import newest_position, read_events
from hub.store.tables import ENTITY_TABLES, webhook, webhook_delivery, webhook_progress
from hub.store.webhooks import add_webhook, resume_webhook
from tests.api.factories import add_thing
from tests.swift import swift

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BATCH = ENTITY_TABLES["batch"]


class Dies(BaseException):
    """The process ends here."""


@dataclass
class Wire:
    """Stands where a herald stands, and a receiver behind it: takes messages, refuses some, and may be cut off.

    `dies` counts the steps to the end of the process: before a message is taken, after it, when that was noted.
    """

    took: list[str] = field(default_factory=list[str])
    refuses: int = 0
    dies: int = -1
    address: str = ""

    def step(self) -> None:
        """Come one step nearer to the end."""
        self.dies -= 1
        if self.dies == 0:
            raise Dies

    @asynccontextmanager
    async def open(self, _: Any) -> AsyncGenerator["Wire"]:
        yield self

    async def send(self, document: dict[str, Any], *, now: datetime) -> Receipt:
        self.step()
        if self.refuses > 0:
            self.refuses -= 1
            return Receipt(0.0, 500, "the receiver answered 500")
        self.took.append(document["id"])
        self.step()
        return Receipt(0.0, 204)


class Mortal(Delivery):
    """A process that may die at any step; then it gives nothing back."""

    wire: Wire

    def _note(self, *arguments: Any) -> None:
        super()._note(*arguments)
        self.wire.step()

    def _let_go(self, *arguments: Any) -> None:
        if self.wire.dies != 0:
            super()._let_go(*arguments)


class Interleavings(RuleBasedStateMachine):
    """Writers begin, write and commit; processes deliver, fail and die."""

    url: str
    overlap: bool

    def __init__(self) -> None:
        super().__init__()
        self.database = swift(self.url)
        self.writers: dict[int, tuple[ExitStack, Connection]] = {}
        self.wire = Wire()
        self.number = 0
        self.now = NOW

    @initialize()
    def begin(self) -> None:
        """Start with a webhook that has been told all there was."""
        with self.database.begin("test") as connection:
            for table in (webhook_delivery, webhook_progress, webhook):
                connection.execute(delete(table))
            self.start = newest_position(connection)
            kept: dict[str, Any] = {"url": "", "types": [], "description": "", "salt": "", "key_id": ""}
            self.key = add_webhook(connection, position=self.start, now=self.now, created_by="test", **kept)
        self.restart()

    @precondition(lambda self: len(self.writers) < (3 if self.overlap else 1))
    @rule()
    def open(self) -> None:
        """Somebody begins to write."""
        self.number += 1
        stack = ExitStack()
        self.writers[self.number] = (stack, stack.enter_context(self.database.begin("test")))

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        """Somebody writes of a new batch, and sometimes twice of it."""
        _, connection = self.writers[data.draw(st.sampled_from(sorted(self.writers)))]
        self.number += 1
        key = add_thing(connection, "batch", f"B-{self.number}", has_conflict=data.draw(st.booleans()))
        if data.draw(st.booleans()):
            connection.execute(update(BATCH).where(BATCH.c.id == key).values(description="twice"))

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), keeps=st.sampled_from([True, True, True, False]))
    def close(self, data: st.DataObject, keeps: bool) -> None:
        """Somebody commits, or gives up."""
        stack, _ = self.writers.pop(data.draw(st.sampled_from(sorted(self.writers))))
        if keeps:
            stack.close()
        else:
            stack.__exit__(RuntimeError, RuntimeError("gives up"), None)

    @precondition(lambda self: self.overlap or not self.writers)  # on SQLite one writes at a time
    @rule(refuses=st.integers(0, 2), dies=st.integers(-1, 7))
    def deliver(self, refuses: int, dies: int) -> None:
        """A process delivers; the receiver may refuse, the process may die."""
        self.wire.refuses, self.wire.dies = refuses, dies if dies > 0 else -1
        self.now += timedelta(hours=1)  # whatever was refused is due again
        try:
            asyncio.run(self.delivery.deliver(self.key))
        except Dies:
            self.restart()

    def restart(self) -> None:
        """Let a new process take over, of another name where names tell processes apart."""
        self.number += 1
        owner = f"node {self.number}" if self.overlap else "embedded"
        wire: Any = self.wire
        self.delivery = Mortal(self.database, wire, owner, lambda: self.now)
        self.delivery.wire = self.wire

    def teardown(self) -> None:
        """In the end all was told: each event, for the first time, in the order in which it became known."""
        try:
            for stack, _ in self.writers.values():
                stack.close()
            self.wire.refuses, self.wire.dies = 0, -1
            self.now += timedelta(hours=1)
            with self.database.begin() as connection:
                resume_webhook(connection, self.key, now=self.now)
            asyncio.run(self.delivery.deliver(self.key))
            assert list(dict.fromkeys(self.wire.took)) == self.list_known()
            assert self.is_never_back()
        finally:
            self.database.close()

    def list_known(self) -> list[str]:
        """Give the ids of all that is known, in one reading."""
        with self.database.read() as connection:
            news = read_events(connection, self.start, limit=100_000)
        assert news.is_all
        return [str(one.position) for one in news.events]

    def is_never_back(self) -> bool:
        """Tell whether what came again was always the last one, or what had come since it."""
        places = [Position.parse(one) for one in self.wire.took]
        return all(later >= earlier for earlier, later in pairwise(places))


FEW = settings(
    max_examples=max(10, settings().max_examples // 2),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_everything_is_told_in_order_however_writers_overlap(migrated_postgres_url: str) -> None:
    run_state_machine_as_test(
        type("Many", (Interleavings,), {"url": migrated_postgres_url, "overlap": True}), settings=FEW
    )


def test_everything_is_told_in_order_where_one_writes_at_a_time(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    run_state_machine_as_test(
        type("One", (Interleavings,), {"url": f"sqlite:///{path}", "overlap": False}), settings=FEW
    )
