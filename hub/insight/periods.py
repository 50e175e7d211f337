"""Periods: the day of a fact belongs to a day, an ISO week, a month, a quarter, a year, all time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Grain = Literal["all", "year", "quarter", "month", "week", "day"]
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Period:
    """A span of whole UTC days, the end is out."""

    start: datetime
    end: datetime

    @property
    def days(self) -> tuple[int, int]:
        """Its first and its last day as yyyymmdd."""
        return _to_number(self.start), _to_number(self.end - timedelta(days=1))


ALWAYS = Period(_FIRST, _LAST)


def find_period(day: int | None, grain: Grain) -> Period:
    """Give the period of a grain in which a day (yyyymmdd) lies; of a day that nobody knows all time."""
    if day is None:
        return ALWAYS
    at = datetime(day // 10_000, day // 100 % 100, day % 100, tzinfo=UTC)
    match grain:
        case "all":
            return ALWAYS
        case "year":
            return Period(at.replace(month=1, day=1), at.replace(year=at.year + 1, month=1, day=1))
        case "quarter":
            first = at.replace(month=(at.month - 1) // 3 * 3 + 1, day=1)
            return Period(first, _months_on(first, 3))
        case "month":
            first = at.replace(day=1)
            return Period(first, _months_on(first, 1))
        case "week":
            monday = at - timedelta(days=at.weekday())
            return Period(monday, monday + timedelta(days=7))
        case "day":
            return Period(at, at + timedelta(days=1))


def list_periods(start: datetime, end: datetime, grain: Grain) -> Iterator[Period]:
    """Give the periods of a grain into which a stretch of time reaches, the one in which it begins first."""
    period = find_period(_to_number(start), grain)
    yield period
    while period.end < end:
        period = find_period(_to_number(period.end), grain)
        yield period


def _months_on(first: datetime, number: int) -> datetime:
    month = first.month - 1 + number
    return first.replace(year=first.year + month // 12, month=month % 12 + 1)


def _to_number(at: datetime) -> int:
    return at.year * 10_000 + at.month * 100 + at.day
