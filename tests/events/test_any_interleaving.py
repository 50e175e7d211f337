"""However commits, deliveries, failures and crashes fall together: each event comes at least once, in order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, update

from hub.events.delivering import Delivery
from hub.events.sending import Receipt
from hub.store.database import Database
from hub.store.outbox.position import Position
from hub.store.outbox.reading import newest_position, read_events
from hub.store.tables import ENTITY_TABLES, webhook, webhook_delivery, webhook_progress
from hub.store.webhooks import add_webhook
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

    def _note(self, *arguments: Any, **named: Any) -> None:
        super()._note(*arguments, **named)
        self.wire.step()

    def _let_go(self, *arguments: Any, **named: Any) -> None:
        if self.wire.dies != 0:
            super()._let_go(*arguments, **named)


@dataclass
class Play:
    """Writers that write beside each other, and processes that deliver, one after another."""

    database: Database
    writers: dict[int, tuple[ExitStack, Connection]] = field(
        default_factory=dict[int, tuple[ExitStack, Connection]]
    )
    wire: Wire = field(default_factory=Wire)
    number: int = 0
    now: datetime = NOW

    def begin(self) -> None:
        """Start with a webhook that has been told all there was."""
        with self.database.begin("test") as connection:
            for table in (webhook_delivery, webhook_progress, webhook):
                connection.execute(delete(table))
            self.start = newest_position(connection)
            kept: dict[str, Any] = {"url": "", "types": [], "description": "", "salt": "", "key_id": ""}
            self.key = add_webhook(connection, position=self.start, now=self.now, created_by="test", **kept)
        self.restart()

    def write(self, writer: int, twice: int) -> None:
        """Somebody, who may have to begin first, writes of a new batch; sometimes twice."""
        if writer not in self.writers:
            if self.writers and self.database.dialect == "sqlite":
                return  # there one writes at a time
            stack = ExitStack()
            self.writers[writer] = (stack, stack.enter_context(self.database.begin("test")))
        _, connection = self.writers[writer]
        self.number += 1
        key = add_thing(connection, "batch", f"B-{self.number}", has_conflict=bool(twice % 2))
        if twice > 1:
            connection.execute(update(BATCH).where(BATCH.c.id == key).values(description="twice"))

    def close(self, writer: int, keeps: int) -> None:
        """Somebody commits, or gives up."""
        stack, _ = self.writers.pop(writer, (ExitStack(), None))
        if keeps:
            stack.close()
        else:
            stack.__exit__(RuntimeError, RuntimeError("gives up"), None)

    def deliver(self, refuses: int, dies: int) -> None:
        """A process delivers; the receiver may refuse, the process may die."""
        if self.writers and self.database.dialect == "sqlite":
            return
        self.wire.refuses, self.wire.dies = refuses, dies or -1
        self.now += timedelta(hours=1)  # whatever was refused is due again
        try:
            asyncio.run(self.delivery.deliver(self.key))
        except Dies:
            self.restart()

    def restart(self) -> None:
        """Let a new process take over, of another name where names tell processes apart."""
        self.number += 1
        owner = "embedded" if self.database.dialect == "sqlite" else f"node {self.number}"
        wire: Any = self.wire
        self.delivery = Mortal(self.database, wire, owner, lambda: self.now)
        self.delivery.wire = self.wire

    def end(self) -> None:
        """Let all writers commit and everything be told."""
        for writer in list(self.writers):
            self.close(writer, 1)
        self.deliver(0, 0)

    def list_known(self) -> list[str]:
        """Give the ids of all that is known, in one reading."""
        with self.database.read() as connection:
            news = read_events(connection, self.start, limit=100_000)
        assert news.is_all
        return [str(one.position) for one in news.events]


WRITER = st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), WRITER, st.integers(0, 3)),
        st.tuples(st.just("close"), WRITER, st.sampled_from([1, 1, 1, 0])),
        st.tuples(st.just("deliver"), st.sampled_from([0, 0, 1]), st.integers(0, 7)),
    ),
    min_size=12,
    max_size=40,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_each_event_is_told_at_least_once_and_in_order(
    module_url: str, steps: list[tuple[str, int, int]]
) -> None:
    database = swift(module_url)
    play = Play(database)
    try:
        play.begin()
        for what, one, other in steps:
            getattr(play, what)(one, other)
        play.end()
        assert list(dict.fromkeys(play.wire.took)) == play.list_known()
        places = [Position.parse(one) for one in play.wire.took]
        assert places == sorted(places)  # what came twice came twice on end
    finally:
        for stack, _ in play.writers.values():
            stack.close()
        database.close()
