"""A receiver of webhooks on loopback, and a store with batches to tell it of."""

import asyncio
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import update

from hub.events.delivering import Delivery
from hub.events.gatekeeping import Gatekeeper
from hub.events.herald import Herald
from hub.events.master import MasterPlace
from hub.events.sending import LIMITS, Sending
from hub.sdk.http import HttpLimits
from hub.sdk.testing.loopback import Answered, Asked, serve
from hub.store.database import Database
from hub.store.outbox.position import Position
from hub.store.outbox.reading import newest_position
from hub.store.tables import ENTITY_TABLES
from hub.store.webhooks import add_webhook, list_attempts, list_webhooks
from tests.api.factories import add_thing
from tests.swift import swift

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OK = Answered(status=204)
LOOPBACK = ("127.0.0.0/8",)
BATCH = ENTITY_TABLES["batch"]


@dataclass
class Receiver:
    """What came, in its order; `reply` says what is answered to it."""

    url: str = ""
    came: list[Asked] = field(default_factory=list[Asked])
    reply: Callable[[Asked], Answered] = lambda _: OK

    @property
    def ids(self) -> list[str]:
        """The ids of the messages that came."""
        return [one.headers["webhook-id"] for one in self.came]

    @property
    def labels(self) -> list[str]:
        """What they were about."""
        return [orjson.loads(one.body)["data"]["label"] for one in self.came]


@contextmanager
def receiving(reply: Callable[[Asked], Answered] = lambda _: OK) -> Generator[Receiver]:
    """Serve a receiver inside the block."""
    receiver = Receiver(reply=reply)

    def take(asked: Asked) -> Answered:
        receiver.came.append(asked)
        return receiver.reply(asked)

    with serve(take) as base:
        receiver.url = f"{base}/hook"
        yield receiver


@dataclass
class Post:
    """A hub that tells of batches, with a clock that stands."""

    database: Database
    folder: Path
    now: datetime = NOW
    limits: HttpLimits = LIMITS
    networks: tuple[str, ...] = LOOPBACK

    @classmethod
    def on_postgres(cls, url: str, folder: Path) -> "Post":
        """Give a hub over a PostgreSQL store."""
        return cls(swift(url), folder)

    @classmethod
    def on_sqlite(cls, file: Path, folder: Path) -> "Post":
        """Give a hub over a copy of an SQLite file, `store/hub.db` in a folder."""
        (folder / "store").mkdir()
        shutil.copy(file, folder / "store" / "hub.db")
        return cls(swift(f"sqlite:///{folder / 'store' / 'hub.db'}"), folder)

    @property
    def herald(self) -> Herald:
        """Who tells."""
        sending = Sending(Gatekeeper.of(self.networks), limits=self.limits)
        return Herald(sending, MasterPlace(self.folder / "keys" / "webhooks.key"), "https://hub.example")

    def start(self, owner: str = "embedded") -> Delivery:
        """Give a process that delivers."""
        return Delivery(self.database, self.herald, owner, lambda: self.now)

    def subscribe(self, url: str, *types: str, after: Position | None = None) -> tuple[int, str]:
        """Make a webhook; give its id and its secret."""
        kept, secret = self.herald.draw_secret()
        with self.database.begin("test") as connection:
            key = add_webhook(
                connection,
                position=newest_position(connection) if after is None else after,
                now=self.now,
                url=url,
                types=list(types),
                description="",
                created_by="test",
                **kept,
            )
        return key, secret

    def make(self, *codes: str) -> None:
        """Let batches become known, each in an act of its own."""
        for code in codes:
            with self.database.begin("test") as connection:
                add_thing(connection, "batch", code)

    def rename(self, code: str, other: str) -> None:
        """Let a batch have another code."""
        with self.database.begin("test") as connection:
            connection.execute(update(BATCH).where(BATCH.c.code == code).values(code=other))

    def deliver(self, key: int, delivery: Delivery | None = None) -> int:
        """Deliver what is to be told now."""
        return asyncio.run((delivery or self.start()).deliver(key))

    def state(self, key: int) -> dict[str, Any]:
        """Give how far a webhook has come."""
        with self.database.read() as connection:
            return list_webhooks(connection, key)[0]

    def attempts(self, key: int) -> list[dict[str, Any]]:
        """Give the attempts that are kept, the newest first."""
        with self.database.read() as connection:
            return list_attempts(connection, key).items

    def pass_time(self, **time: float) -> None:
        """Move the clock on."""
        self.now += timedelta(**time)
