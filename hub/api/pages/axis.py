"""Axes that people can read: round steps of time and of numbers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_STEPS: tuple[tuple[timedelta, str], ...] = (
    (timedelta(seconds=10), "%H:%M:%S"),
    (timedelta(minutes=1), "%H:%M"),
    (timedelta(minutes=5), "%H:%M"),
    (timedelta(minutes=15), "%H:%M"),
    (timedelta(hours=1), "%H:%M"),
    (timedelta(hours=3), "%d %b %H:%M"),
    (timedelta(hours=6), "%d %b %H:%M"),
    (timedelta(hours=12), "%d %b %H:%M"),
    (timedelta(days=1), "%d %b"),
    (timedelta(days=2), "%d %b"),
    (timedelta(days=7), "%d %b"),
    (timedelta(days=30), "%d %b %Y"),
    (timedelta(days=365), "%Y"),
)

_EDGE = 30
_LETTER, _AIR = 6.4, 16


@dataclass(frozen=True)
class Tick:
    """A place on an axis (pixels) and what stands there."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True)
class TimeScale:
    """Maps times from `start` to `end` to pixels from `left` to `right`."""

    start: datetime
    end: datetime
    left: float
    right: float

    def place(self, moment: datetime) -> float:
        """Give the pixel of a time, kept inside the scale."""
        share = (moment - self.start) / max(self.end - self.start, timedelta(microseconds=1))
        return round(self.left + min(max(share, 0.0), 1.0) * (self.right - self.left), 1)

    def ticks(self) -> list[Tick]:
        """Give round times, as many as their labels leave room for."""
        span, width = self.end - self.start, self.right - self.left
        step, form = next(
            ((s, f) for s, f in _STEPS if span / s * (len(self.start.strftime(f)) * _LETTER + _AIR) <= width),
            _STEPS[-1],
        )
        since = datetime(1970, 1, 1, tzinfo=UTC)
        moment = since + step * math.ceil((self.start - since) / step)
        ticks: list[Tick] = []
        while moment <= self.end:
            place = self.place(moment)
            anchor = "end" if place > self.right - _EDGE else "middle"
            ticks.append(Tick(place, moment.strftime(form), anchor))
            moment += step
        return ticks


def number_ticks(low: float, high: float, place: Callable[[float], float], *, most: int = 4) -> list[Tick]:
    """Give round numbers between two values."""
    span = high - low
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step)
    digits = max(0, -math.floor(math.log10(step)) + (1 if step / power == 2.5 else 0))
    values = [step * at for at in range(first, first + most * 2) if step * at <= high + step * 1e-9]
    return [Tick(round(place(value), 1), f"{value:.{digits}f}") for value in values]
