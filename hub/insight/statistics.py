"""Statistics of a tag over many spans of time at once, by search and reduction on sorted columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from hub.insight.course import MICROS, Column, Course

StatisticName = Literal[
    "count",
    "mean",
    "min",
    "max",
    "range",
    "std",
    "median",
    "first",
    "last",
    "changes",
    "time_mean",
    "time_std",
    "at_start",
    "at_end",
    "percent_good",
    "duration_good",
    "duration_in_state",
    "duration",
]


@dataclass(frozen=True)
class Statistic:
    """What a statistic means; `unit` is how its unit follows from the tag's: `same`, or a unit of its own."""

    name: str
    meaning: str
    unit: str


STATISTICS: Mapping[str, Statistic] = {
    one.name: one
    for one in (
        Statistic("count", "good samples in the span (Count)", "1"),
        Statistic("mean", "mean of the good samples (Average)", "same"),
        Statistic("min", "least good sample (Minimum)", "same"),
        Statistic("max", "greatest good sample (Maximum)", "same"),
        Statistic("range", "greatest less least good sample (Range)", "same"),
        Statistic("std", "standard deviation of the good samples, n-1 (StandardDeviationSample)", "same"),
        Statistic("median", "median of the good samples", "same"),
        Statistic("first", "first good sample", "same"),
        Statistic("last", "last good sample", "same"),
        Statistic("changes", "good samples that differ from the good one before them in the span", "1"),
        Statistic("time_mean", "mean weighted by time (TimeAverage)", "same"),
        Statistic("time_std", "standard deviation weighted by time", "same"),
        Statistic("at_start", "value at the start, from samples before it where needed (StartBound)", "same"),
        Statistic("at_end", "value just before the end (EndBound)", "same"),
        Statistic("percent_good", "part of the time for which a good value is known (PercentGood)", "%"),
        Statistic("duration_good", "time for which a good value is known (DurationGood)", "s"),
        Statistic("duration_in_state", "time in the state asked for (DurationInState)", "s"),
        Statistic("duration", "length of the span", "s"),
    )
}
"""By name. "Of samples" looks at those inside the span only, "of time" also at what stood at its edges."""


@dataclass(frozen=True)
class Spans:
    """Spans of time, half-open, in microseconds; `groups` says to which of `count` results each belongs.

    Spans of one group must not overlap; those of different groups may.
    """

    starts: Column
    ends: Column
    groups: Column
    count: int

    @classmethod
    def each(cls, starts: Column, ends: Column) -> "Spans":
        """Give spans that have a result each."""
        return cls(starts, ends, np.arange(len(starts)), len(starts))


def compute(
    course: Course, spans: Spans, names: Sequence[str], *, state: float | str | None = None
) -> dict[str, Column]:
    """Give each statistic as one number a group, NaN where it has none; counts and durations are 0 there.

    `state` is the number or text that `duration_in_state` counts. Raises `KeyError` for an unknown name.
    """
    working = _Working(course, spans, state)
    return {name: np.asarray(_WAYS[name](working), dtype=float) for name in names}


class _Working:
    """The parts that statistics share, each worked out once and only when it is asked for."""

    def __init__(self, course: Course, spans: Spans, state: float | str | None) -> None:
        self.course, self.spans, self.state = course, spans, state

    # ------------------------------------------------------------------ of samples
    @cached_property
    def plain(self) -> tuple[Column, Column]:
        """Times and numbers of the samples that count."""
        keep = np.isfinite(self.course.values)
        if keep.all():
            return self.course.times, self.course.values
        return self.course.times[keep], self.course.values[keep]

    @cached_property
    def centre(self) -> float:
        """What is taken off before squares are added up, so that small deviations survive."""
        values = self.plain[1]
        return float(values[0]) if len(values) else 0.0

    @cached_property
    def rows(self) -> tuple[Column, Column]:
        times = self.plain[0]
        return np.searchsorted(times, self.spans.starts), np.searchsorted(times, self.spans.ends)

    @cached_property
    def samples(self) -> Column:
        first, after = self.rows
        return self.add(np.maximum(after - first, 0))

    def add(self, parts: Column) -> Column:
        """Add up a number a span by group."""
        return np.bincount(self.spans.groups, weights=parts, minlength=self.spans.count)

    def reduce(self, ufunc: np.ufunc, values: Column, neutral: float) -> Column:
        """Reduce the rows of each span, neutral where it has none."""
        first, after = self.rows
        padded = np.append(values, neutral)
        edges = np.stack((first, np.maximum(first, after)), axis=1).ravel()
        found = ufunc.reduceat(padded, edges)[::2] if len(edges) else np.zeros(0)
        return np.where(after > first, found, neutral)

    def extreme(self, ufunc: np.ufunc, neutral: float) -> Column:
        found = np.full(self.spans.count, neutral)
        ufunc.at(found, self.spans.groups, self.reduce(ufunc, self.plain[1], neutral))
        return np.where(np.isfinite(found), found, np.nan)

    @cached_property
    def least(self) -> Column:
        return self.extreme(np.minimum, np.inf)

    @cached_property
    def greatest(self) -> Column:
        return self.extreme(np.maximum, -np.inf)

    @cached_property
    def sums(self) -> Column:
        return self.add(self.reduce(np.add, self.plain[1] - self.centre, 0.0))

    def mean(self) -> Column:
        return self.centre + _divide(self.sums, self.samples)

    def std(self) -> Column:
        """Two passes: deviations from each group's own mean, so that nothing cancels."""
        first, after = self.rows
        lengths = np.maximum(after - first, 0)
        rows = _list_rows(first, lengths)
        owner = np.repeat(self.spans.groups, lengths)
        deviations = self.plain[1][rows] - self.mean()[owner]
        squares = np.bincount(owner, weights=deviations * deviations, minlength=self.spans.count)
        flat = self.least == self.greatest
        return np.where(flat & (self.samples > 1), 0.0, np.sqrt(_divide(squares, self.samples - 1)))

    def by_group(self, ends: Callable[[Column], float]) -> Column:
        """Give a figure of all samples of each group, for what cannot be reduced."""
        first, after = self.rows
        parts: dict[int, list[Column]] = {}
        for group, one, other in zip(self.spans.groups.tolist(), first, after, strict=True):
            parts.setdefault(group, []).append(self.plain[1][one:other])
        whole = {group: np.concatenate(some) for group, some in parts.items()}
        figures = [ends(whole[g]) if len(whole.get(g, ())) else np.nan for g in range(self.spans.count)]
        return np.asarray(figures, dtype=float)

    def changes(self) -> Column:
        """Also of texts: what counts is that the value is another one."""
        course = self.course
        keep = np.flatnonzero(course.is_good)
        times, labels = course.times[keep], label(course)[keep]
        differs = np.append([False], labels[1:] != labels[:-1])
        turned = np.append([0], np.cumsum(differs))
        first = np.searchsorted(times, self.spans.starts)
        after = np.searchsorted(times, self.spans.ends)
        inside = turned[np.maximum(after, first)] - turned[np.minimum(first + 1, np.maximum(after, first))]
        return self.add(inside)

    def edge(self, instants: Column, *, last: bool) -> Column:
        """Give the value at the first start or the last end of each group."""
        order = np.argsort(instants, kind="stable")
        if not last:
            order = order[::-1]
        found = np.full(self.spans.count, np.nan)
        found[self.spans.groups[order]] = self.course.at(instants)[order]
        return found

    # --------------------------------------------------------------------- of time
    @cached_property
    def length(self) -> Column:
        return self.add((self.spans.ends - self.spans.starts) / MICROS)

    def integrate(self, known: Column, area: "Area") -> Column:
        """Add up `area(seconds, number of the sample)` over the known time (µs a sample) by group."""
        if not len(known):
            return np.zeros(self.spans.count)
        whole = known / MICROS
        whole[-1] = 0.0  # the last stretch has no end: only parts of it are asked for
        total = np.cumsum(area(whole, slice(None)))
        at, since = self.edges
        part = np.minimum(since, known[at]) / MICROS
        reached = np.where(at > 0, total[np.maximum(at - 1, 0)], 0.0) + area(part, at)
        starts, ends = np.split(np.where(at >= 0, reached, 0.0), 2)
        return self.add(ends - starts)

    @cached_property
    def edges(self) -> tuple[Column, Column]:
        """The last sample before each start and then each end, and how long ago it was (µs)."""
        instants = np.concatenate((self.spans.starts, self.spans.ends))
        at = self.course.before(instants)
        return at, np.maximum(instants - self.course.times[at], 0)

    @cached_property
    def good(self) -> Column:
        return self.integrate(self.course.follows, _time)

    @cached_property
    def numeric(self) -> Column:
        """How long each stretch has a number, in microseconds."""
        finite = np.isfinite(self.course.values)
        return self.course.follows if finite.all() else np.where(finite, self.course.follows, 0)

    @cached_property
    def numeric_time(self) -> Column:
        return self.integrate(self.numeric, _time)

    @cached_property
    def line(self) -> tuple[Column, Column]:
        """What each stretch begins with, less the centre, and how much it changes a second."""
        less = self.course.values - self.centre
        return np.where(np.isfinite(less), less, 0.0), self.course.slopes * MICROS

    @cached_property
    def mean_deviation(self) -> Column:
        value, slope = self.line
        area = self.integrate(self.numeric, lambda s, at: s * (value[at] + slope[at] * s / 2))
        return _divide(area, self.numeric_time)

    def time_mean(self) -> Column:
        return self.centre + self.mean_deviation

    def time_std(self) -> Column:
        """From squares of deviations from one centre; what they cancel below 0 is 0."""
        value, slope = self.line

        def square(seconds: Column, at: Any) -> Column:
            begin, rise = value[at], slope[at] * seconds
            return seconds * (begin * begin + begin * rise + rise * rise / 3)

        squares = _divide(self.integrate(self.numeric, square), self.numeric_time)
        return np.sqrt(np.maximum(squares - self.mean_deviation * self.mean_deviation, 0.0))

    def in_state(self) -> Column:
        return self.integrate(np.where(label(self.course) == self.state, self.course.follows, 0), _time)


Area = Callable[[Column, Any], Column]


def _time(seconds: Column, at: Any) -> Column:
    del at  # a second is a second, whatever the value
    return seconds


def label(course: Course) -> Column:
    """Give what a sample says as one comparable thing: its text where it has one, else its number."""
    if course.texts is None:
        return course.values
    texts: list[str | None] = course.texts.to_pylist()
    return np.asarray(
        [
            number if text is None else text
            for text, number in zip(texts, course.values.tolist(), strict=True)
        ],
        dtype=object,
    )


def _list_rows(first: Column, lengths: Column) -> Column:
    """Give the numbers of all rows of ranges one after another."""
    begins = np.append([0], np.cumsum(lengths)[:-1]) if len(lengths) else lengths
    total = int(np.sum(lengths))
    return np.repeat(first - begins, lengths) + np.arange(total)


def _divide(one: Column, other: Column) -> Column:
    return np.divide(one, other, out=np.full(len(one), np.nan), where=other > 0)


_WAYS: Mapping[str, Callable[[_Working], Any]] = {
    "count": lambda w: w.samples,
    "mean": _Working.mean,
    "min": lambda w: w.least,
    "max": lambda w: w.greatest,
    "range": lambda w: w.greatest - w.least,
    "std": _Working.std,
    "median": lambda w: w.by_group(lambda some: float(np.median(some))),
    "first": lambda w: w.by_group(lambda some: float(some[0])),
    "last": lambda w: w.by_group(lambda some: float(some[-1])),
    "changes": _Working.changes,
    "time_mean": _Working.time_mean,
    "time_std": _Working.time_std,
    "at_start": lambda w: w.edge(w.spans.starts, last=False),
    "at_end": lambda w: w.edge(w.spans.ends - 1, last=True),
    "percent_good": lambda w: 100 * _divide(w.good, w.length),
    "duration_good": lambda w: w.good,
    "duration_in_state": _Working.in_state,
    "duration": lambda w: w.length,
}
