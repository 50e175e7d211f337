"""Where something stands among all that can be told: the id of an event, and how far a reader has come."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_WRITTEN = re.compile(r"(\d{1,18})-(\d{1,18})-(\d{1,2})", re.ASCII)
LONGEST = 40
"""Characters of a position as text, at most."""


class UnknownPosition(ValueError):
    """This is the id of no event; take one that an event had, or begin without it."""


class Position(NamedTuple):
    """An instant at which acts became known (µs since 1970), a row of the trail, and which event of that row.

    Positions are compared in this order. No two acts become known at one instant, and an act that commits
    later becomes known later (`hub.store.order`): whoever has read up to a position has missed nothing.
    """

    at: int
    row: int = 0
    part: int = 0

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read a position. Raises `UnknownPosition`."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise UnknownPosition(
                "an event's id looks like 1776686400000000-812-1; take one that an event had"
            )
        position = cls(*(int(part) for part in found.groups()))
        if position.at > _LAST:
            raise UnknownPosition("an event's id begins with an instant before the year 10000")
        return position

    @classmethod
    def of(cls, known_at: datetime, row: int = 0, part: int = 0) -> "Position":
        """Give the position of an event."""
        return cls((known_at - _EPOCH) // _TICK, row, part)

    @classmethod
    def past(cls, known_at: datetime | None) -> "Position":
        """Give the position after all that became known up to an instant; None: before everything."""
        return cls(0) if known_at is None else cls.of(known_at + _TICK)

    @property
    def instant(self) -> datetime:
        """When it became known."""
        return _EPOCH + self.at * _TICK

    def __str__(self) -> str:
        return f"{self.at}-{self.row}-{self.part}"


_LAST = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // _TICK
