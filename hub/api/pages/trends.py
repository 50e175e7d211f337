"""Signals as drawings: extremes of every pixel column, bad stretches hatched, gaps left open."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from hub.api.pages.axis import Tick, TimeScale, number_ticks
from hub.api.pages.rendering import show_number, show_time, show_unit, show_words
from hub.store.answers.signals import Signal

WIDTH, HEIGHT = 620, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 8, 22
_GAP_FACTOR = 8
_NEAR = 0.4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stretch:
    """A time in which the source said that its values are not good."""

    x: float
    width: float
    title: str


@dataclass(frozen=True)
class Trend:
    """All that the template draws for one signal; sizes in pixels."""

    code: str
    name: str
    unit: str
    equipment: str
    path: str
    bad: list[Stretch]
    limits: list[Tick]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def draw_trend(signal: Signal, samples: pa.Table) -> Trend | None:
    """Lay out one signal from its first span to its last; None when it has no number of good quality.

    `samples` are those in its spans; between two of them nothing is drawn.
    """
    quality: Any = samples["quality"].to_numpy()
    value: Any = samples["value"].to_numpy()
    times: Any = samples["ts"].cast(pa.int64()).to_numpy()
    good = ((quality >> 30) == 0) & np.isfinite(value)
    if not good.any():
        return None
    begins: Any = np.asarray([_micros(start) for start, _ in signal.spans])
    of_span: Any = begins.searchsorted(times, side="right")
    scale = TimeScale(signal.start, signal.end, _LEFT, WIDTH - _RIGHT)
    low, high = _range(value[good], signal.tag["low"], signal.tag["high"])
    unit = show_unit(signal.tag["unit"]) or signal.tag["source_unit"] or ""

    def place(number: float) -> float:
        return HEIGHT - _BOTTOM - (number - low) / (high - low) * (HEIGHT - _BOTTOM - _TOP)

    bad = _stretches(times, ~good, of_span=of_span, scale=scale)
    not_good = int(np.count_nonzero(~good))
    return Trend(
        code=signal.tag["code"],
        name=show_words(signal.tag["property"] or "") or signal.tag["description"] or signal.tag["code"],
        unit=unit,
        equipment=signal.equipment["code"],
        path=_path(times, value, good, of_span=of_span, scale=scale, place=place),
        bad=bad,
        limits=[
            Tick(round(place(limit), 1), show_number(limit))
            for limit in (signal.tag["low"], signal.tag["high"])
            if limit is not None and low <= limit <= high
        ],
        x_ticks=scale.ticks(),
        y_ticks=number_ticks(low, high, place),
        summary=(
            f"{show_number(samples.num_rows)} samples, {show_number(float(value[good].min()))} to "
            f"{show_number(float(value[good].max()))} {unit}" + (f", {not_good} not good" if not_good else "")
        ),
    )


def _range(good: Any, low: float | None, high: float | None) -> tuple[float, float]:
    """Give the values to show: all good ones, limits when they are near, and a little air."""
    least, most = float(good.min()), float(good.max())
    span = (most - least) or abs(most) or 1.0
    shown_least, shown_most = least, most
    for limit in (low, high):
        if limit is not None and least - span * _NEAR <= limit <= most + span * _NEAR:
            shown_least, shown_most = min(shown_least, limit), max(shown_most, limit)
    air = (shown_most - shown_least) * 0.06 or 0.5
    return shown_least - air, shown_most + air


def _path(times: Any, value: Any, good: Any, *, of_span: Any, scale: TimeScale, place: Any) -> str:
    """Give the line: in each pixel column first, least, greatest and last value, in the order of time.

    It breaks where a span ends (`of_span` numbers that of each sample), where samples are missing for much
    longer than usual, and where bad ones lie between.
    """
    chosen = np.flatnonzero(good)
    start, end = _micros(scale.start), _micros(scale.end)
    width = scale.right - scale.left
    column = ((times[chosen] - start) / max(end - start, 1) * width).astype(np.int64)
    firsts = np.flatnonzero(np.diff(column, prepend=-1))
    lasts = np.append(firsts[1:], chosen.size) - 1
    numbers = value[chosen]
    least, most = np.minimum.reduceat(numbers, firsts), np.maximum.reduceat(numbers, firsts)
    usual = float(np.median(np.diff(times[chosen]))) if chosen.size > 1 else 0.0
    longest = max(usual * _GAP_FACTOR, (end - start) / width * 3)
    parts: list[str] = []
    for at, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
        x = round(scale.left + int(column[first]), 1)
        before = int(lasts[at - 1]) if at else first
        is_break = at == 0 or (
            of_span[chosen[first]] != of_span[chosen[before]]
            or times[chosen[first]] - times[chosen[before]] > longest
            or chosen[first] - chosen[before] > first - before
        )
        ys = (numbers[first], least[at], most[at], numbers[last])
        if numbers[first] > numbers[last]:
            ys = (numbers[first], most[at], least[at], numbers[last])
        marks = [f"{x:g} {place(float(y)):.1f}" for y in ys]
        unique = [mark for n, mark in enumerate(marks) if n == 0 or mark != marks[n - 1]]
        parts.append(("M" if is_break else "L") + "L".join(unique))
        if is_break and len(unique) == 1:
            parts.append("h1")
    return "".join(parts)


def _stretches(times: Any, bad: Any, *, of_span: Any, scale: TimeScale) -> list[Stretch]:
    """Give each run of bad samples in one span, from its first to the next good one there."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], np.where(bad, of_span, 0), [0]))))
    found: list[Stretch] = []
    for first, after in pairwise(edges.tolist()):
        if not bad[first]:
            continue
        start = _moment(int(times[first]))
        follows = after < times.size and of_span[after] == of_span[first]
        end = _moment(int(times[after])) if follows else _moment(int(times[after - 1]))
        x = scale.place(start)
        title = f"not good from {show_time(start)} to {show_time(end)} ({int(after - first)} samples)"
        found.append(Stretch(x, round(max(scale.place(end) - x, 1.0), 1), title))
    return found


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
