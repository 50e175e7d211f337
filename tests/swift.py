"""Stores for tests that make thousands of transactions: everything real, but nothing waits for the disk."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event

from hub.store.attribution import attribute, forget
from hub.store.database import Connection, Database
from hub.store.order import draw_stamp, keep_order


def swift(url: str, samples: Path | str | None = None, options: Mapping[str, str] | None = None) -> Database:
    """Give a store that does not wait for its writes to reach the disk."""
    return _hurried(Database(url, samples=samples, samples_options=options))


def rehearsal(url: str) -> "Rehearsal":
    """Give such a store of which nothing stays."""
    return _hurried(Rehearsal(url))


D = TypeVar("D", bound=Database)


def _hurried(database: D) -> D:
    event.listen(database.engine, "connect", _hurry_sqlite if database.dialect == "sqlite" else _hurry)
    return database


def _hurry_sqlite(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _hurry(connection: Any, _record: Any) -> None:
    connection.execute("SET synchronous_commit = off")
    connection.commit()


class Rehearsal(Database):
    """A store of which nothing stays: what is written between `start` and `end` is taken back.

    Each writing transaction is a savepoint inside one that never commits, with its actor and instant as ever, so that
    a thousand examples begin at the same store and none of them pays for making it new.
    """

    _held: Connection | None = None

    def start(self) -> None:
        """Begin."""
        self._held = self.engine.connect().execution_options(writes=True)
        self._held.begin()

    def end(self) -> None:
        """Take everything back."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def close(self) -> None:
        """Take everything back and close all connections."""
        self.end()
        super().close()

    @contextmanager
    def begin(
        self,
        actor: str | None = None,
        *,
        at: datetime | None = None,
        reason: str | None = None,
        alone: bool = False,
    ) -> Generator[Connection]:
        """Give a writing transaction that stays until the end."""
        if self._held is None:
            with super().begin(actor, at=at, reason=reason, alone=alone) as connection:
                yield connection
            return
        with self._held.begin_nested():
            try:
                if actor is not None and self.dialect == "postgresql":
                    at = draw_stamp(self._held, at or datetime.now(UTC))
                act = None if actor is None else attribute(self._held, actor, at=at, reason=reason)
                yield self._held
                if act is not None and self.dialect == "postgresql":
                    keep_order(self._held, act.at)
            finally:
                forget(self._held)

    @contextmanager
    def read(self, *, as_known_at: datetime | None = None) -> Generator[Connection]:
        """Give a view of what has been written so far."""
        if self._held is None or as_known_at is not None:
            with super().read(as_known_at=as_known_at) as connection:
                yield connection
            return
        yield self._held
