"""A store as it stands for one question: the first reading settles the instant, the others see the same."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection

from hub.store.database import Database
from hub.store.order import newest_known
from hub.store.questions.scope import RowScope, list_gone, narrow_connection


class NotYetKnown(ValueError):
    """The instant lies in the future: nobody knows yet what will be known then; ask for an earlier one."""


class Snapshot(Database):
    """One moment of a store: `known_at` is the newest instant that it knows of.

    Every reading sees what was known at that instant, also when others write meanwhile. Whoever reads the
    store again as known at that instant sees the same.
    """

    def __init__(
        self,
        database: Database,
        *,
        asked: datetime | None = None,
        clock: Callable[[], datetime],
        scope: RowScope | None = None,
    ) -> None:
        self.url = database.url
        self.engine = database.engine
        self.presence = database.presence
        self.past = database.past
        self.read_seconds = database.read_seconds
        self.asked = asked
        self.known_at: datetime | None = None
        self._clock = clock
        self._scope = scope
        self._scopes: dict[datetime, RowScope] = {}

    @contextmanager
    def read(self, *, as_known_at: datetime | None = None) -> Generator[Connection]:
        """Give a read-only view of this moment, or of an earlier one. Raises `NotYetKnown`."""
        if as_known_at is not None:
            with super().read(as_known_at=as_known_at) as connection:
                yield self._narrow_past(connection, as_known_at)
            return
        if self.asked is None:
            with super().read() as connection:
                newest = newest_known(connection)
                if self.known_at is None or newest == self.known_at:
                    self.known_at = newest
                    yield narrow_connection(connection, self._scope)
                    return
        elif self.asked > self._clock():
            self._refuse_future(self.asked)
        with super().read(as_known_at=self.known_at or self.asked) as connection:
            self.known_at = self.known_at or newest_known(connection)
            yield (
                narrow_connection(connection, self._scope)
                if self.asked is None
                else self._narrow_past(connection, self.asked)
            )

    def _narrow_past(self, connection: Connection, then: datetime) -> Connection:
        """Narrow a past to what the one who asks sees of it, and may still see today."""
        if self._scope is None or not self._scope.is_limited:
            return connection
        if then not in self._scopes:
            with super().read() as present:
                self._scopes[then] = list_gone(connection, present, self._scope)
        return narrow_connection(connection, self._scopes[then])

    def now(self) -> datetime:
        """Give the time by which answers about this moment measure what has not ended: when it was known."""
        if self.known_at is None:
            with self.read():
                pass
        return self.known_at or self.asked or self._clock()

    def _refuse_future(self, asked: datetime) -> None:
        """Refuse an instant that neither our clock nor anybody's stamp has reached."""
        with super().read() as connection:
            newest = newest_known(connection)
        if newest is None or newest < asked:
            msg = "this instant lies in the future: nobody knows yet what will be known then"
            raise NotYetKnown(msg)
