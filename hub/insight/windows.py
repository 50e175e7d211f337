"""Windows of time: a span cut every so many seconds, or into days, weeks and months of a place."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

CALENDAR: Mapping[str, Callable[[date], date]] = {
    "day": lambda at: at + timedelta(days=1),
    "week": lambda at: at + timedelta(days=7),
    "month": lambda at: (at.replace(day=1) + timedelta(days=32)).replace(day=1),
}
"""The next beginning of each calendar window after one that begins on a date."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TooManyWindows(ValueError):
    """The span would be cut into more windows than allowed; ask for longer windows or less time."""


def cut_evenly(
    start: datetime, end: datetime, *, every: timedelta, most: int
) -> list[tuple[datetime, datetime]]:
    """Cut [start, end) at whole multiples of `every` since 1970 (UTC); the first and last may be shorter.

    Raises `TooManyWindows`.
    """
    if (end - start) / every > most:
        raise TooManyWindows(f"this makes more than {most} windows; ask for longer ones or for less time")
    first = _EPOCH + (start - _EPOCH) // every * every
    edges = [start, *_steps(first + every, end, every), end]
    return list(pairwise(edges))


def cut_by_calendar(
    start: datetime, end: datetime, *, unit: str, zone: ZoneInfo, most: int
) -> list[tuple[datetime, datetime]]:
    """Cut [start, end) at local midnights of a place: a day is 23 or 25 hours long when clocks change.

    `unit` is `day`, `week` (from Monday) or `month`. Raises `TooManyWindows`, `KeyError`.
    """
    following = CALENDAR[unit]
    day = start.astimezone(zone).date()
    day -= timedelta(days={"day": 0, "week": day.weekday(), "month": day.day - 1}[unit])
    edges = [start]
    while (edge := _midnight(day := following(day), zone)) < end:
        if edge > start:
            edges.append(edge)
        if len(edges) > most:
            raise TooManyWindows(f"this makes more than {most} windows; ask for longer ones or for less time")
    return list(zip(edges, [*edges[1:], end], strict=True))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Give the first instant of a local day; where clocks skip midnight, the instant they skip it."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _steps(first: datetime, end: datetime, every: timedelta) -> Iterator[datetime]:
    while first < end:
        yield first
        first += every
