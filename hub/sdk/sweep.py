"""Rows that change under way come in by their change time, oldest first; none is lost, at ties neither."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from hub.model import format_instant, parse_instant
from hub.sdk.clock import is_astray, utc_now

Row: TypeAlias = dict[str, Any]
_TICK = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Which rows to ask for, and in which order.

    With `end` None: every row changed at `start` or later, ordered by change time, then by id. Else the rows
    of one tick, start <= time < end, whose id is above `after`, ordered by id.
    """

    start: datetime | None
    end: datetime | None = None
    after: int = -1


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Reads rows that have a number and a change time, at most `size` at once.

    Offsets are not used: a row that changes while it is read moves behind the others, and all between shift
    by one. Each question starts at the newest time seen instead, and many rows of one second (a bulk import)
    are read by their numbers. The mark follows the times seen, but not into the future: a row that is dated
    there would hide every change until then. `overlap` is how far a new reading looks back behind the last
    change seen: as long as a transaction may take at the source, whose rows bear the time at which it began.
    """

    ask: Callable[[Span], list[Row]]
    time_of: Callable[[Row], datetime]
    id_of: Callable[[Row], int]
    size: int
    overlap: timedelta

    def pages(self, mark: Mapping[str, Any]) -> Iterator[tuple[list[Row], dict[str, Any]]]:
        """Give rows with the mark that becomes true with them; `{}` starts at the beginning."""
        since = parse_instant(mark["since"]) if mark.get("since") else None
        since = None if since and is_astray(since) else since
        if since is not None and mark.get("after") is not None:
            yield from self._tie(since, int(mark["after"]), since)
            start: datetime | None = since + _TICK
        else:
            start = since - self.overlap if since else None
        known: dict[int, datetime] = {}
        while True:
            rows = self.ask(Span(start=start))
            if not rows:
                return
            times = [self.time_of(row) for row in rows]
            first, last = _floor(times[0]), _floor(times[-1])
            reached = max(filter(None, (since, *_past(times))), default=None)
            if len(rows) >= self.size and first == last:
                yield from self._tie(last, -1, reached)
                start, since = last + _TICK, reached
                continue
            timed = list(zip(rows, times, strict=True))
            fresh = [row for row, at in timed if known.get(self.id_of(row)) != at]
            known = {self.id_of(row): at for row, at in timed if at >= last}
            if fresh:
                since = reached
                yield fresh, _mark(since)
            if len(rows) < self.size:
                return
            start = last

    def _tie(
        self, tick: datetime, after: int, since: datetime | None
    ) -> Iterator[tuple[list[Row], dict[str, Any]]]:
        """Give the rows of one second by their numbers; `since` is the mark: that second if it has come."""
        while True:
            rows = self.ask(Span(start=tick, end=tick + _TICK, after=after))
            if len(rows) < self.size:
                yield rows, _mark(since)
                return
            after = max(self.id_of(row) for row in rows)
            yield rows, {**_mark(since), "after": after} if since == tick else _mark(since)


def _mark(since: datetime | None) -> dict[str, Any]:
    return {"since": format_instant(since)} if since else {}


def _past(times: list[datetime]) -> list[datetime]:
    """Give the seconds of those times that have come."""
    now = utc_now()
    return [_floor(at) for at in times if at <= now]


def _floor(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
