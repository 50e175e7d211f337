"""Statistics of tags over many spans of time at once, by search and reduction on sorted columns."""

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

    Of a course of several tags all groups of the first tag come first, then those of the next. `state` is the
    number or text that `duration_in_state` counts. Raises `KeyError` for an unknown name.
    """
    working = _Working(course, spans, state)
    return {name: np.asarray(_WAYS[name](working), dtype=float) for name in names}


class _Working:
    """The parts that statistics share, each worked out once and only when it is asked for.

    All tags are gone through in one pass. What is a number a span here has the spans of the first tag first;
    nothing is ever added up across tags, so that great values of one leave small ones of another alone.
    """

    def __init__(self, course: Course, spans: Spans, state: float | str | None) -> None:
        self.course, self.spans, self.state = course, spans, state
        self.tags = len(course.parts)
        self.count = self.tags * spans.count

    @cached_property
    def groups(self) -> Column:
        """Which result each span of each tag belongs to."""
        first = np.arange(self.tags) * self.spans.count
        return (first[:, None] + self.spans.groups).ravel()

    @cached_property
    def is_each(self) -> bool:
        """Whether every span is a group of its own, in order: then there is nothing to add up."""
        return len(self.groups) == self.count and bool((self.groups == np.arange(self.count)).all())

    def add(self, parts: Column) -> Column:
        """Add up a number a span by group."""
        return parts if self.is_each else np.bincount(self.groups, weights=parts, minlength=self.count)

    def find(self, times: Column, parts: Sequence[slice]) -> tuple[Column, Column]:
        """Give the first row of each span and the one after its last, in times that have these rows a tag."""
        edges = np.concatenate((self.spans.starts, self.spans.ends))
        found = np.empty((self.tags, 2, len(self.spans.starts)), np.int64)
        for number, part in enumerate(parts):
            found[number] = (times[part].searchsorted(edges) + part.start).reshape(2, -1)
        first, after = found[:, 0].ravel(), found[:, 1].ravel()
        return first, np.maximum(first, after)

    def less_centre(self, values: Column, parts: Sequence[slice]) -> Column:
        """Take each tag's centre off."""
        less = np.zeros(len(values))
        for part, centre in zip(parts, self.centres.tolist(), strict=True):
            np.subtract(values[part], centre, out=less[part])
        return less

    # ------------------------------------------------------------------ of samples
    @cached_property
    def has_number(self) -> Column:
        return np.isfinite(self.course.values)

    @cached_property
    def is_whole(self) -> bool:
        """Whether every sample counts."""
        return bool(self.has_number.all())

    @cached_property
    def plain(self) -> tuple[Column, Column, Sequence[slice]]:
        """Times and numbers of the samples that count, and which rows each tag has there."""
        course = self.course
        if self.is_whole:
            return course.times, course.values, course.parts
        parts = _parts_of(course, self.has_number)
        return course.times[self.has_number], course.values[self.has_number], parts

    @cached_property
    def centres(self) -> Column:
        """What is taken off each tag before squares are added up, so that small deviations survive."""
        _, values, parts = self.plain
        return np.asarray([values[part.start] if part.stop > part.start else 0.0 for part in parts], float)

    @cached_property
    def centre(self) -> Column:
        """The centre that belongs to each result."""
        return np.repeat(self.centres, self.spans.count)

    @cached_property
    def rows(self) -> tuple[Column, Column]:
        times, _, parts = self.plain
        return self.find(times, parts)

    @cached_property
    def samples(self) -> Column:
        first, after = self.rows
        return self.add(after - first)

    def reduce(self, ufunc: np.ufunc, values: Column, neutral: float) -> Column:
        """Reduce the rows of each span, neutral where it has none."""
        return _reduce(ufunc, np.append(values, neutral), self.rows, neutral=neutral)

    def extreme(self, ufunc: np.ufunc, neutral: float) -> Column:
        found = self.reduce(ufunc, self.plain[1], neutral)
        if not self.is_each:
            parts, found = found, np.full(self.count, neutral)
            ufunc.at(found, self.groups, parts)
        return np.where(np.isfinite(found), found, np.nan)

    @cached_property
    def least(self) -> Column:
        return self.extreme(np.minimum, np.inf)

    @cached_property
    def greatest(self) -> Column:
        return self.extreme(np.maximum, -np.inf)

    @cached_property
    def deviations(self) -> Column:
        """The numbers that count, less the centre."""
        if self.is_whole:
            return self.line[0]
        _, values, parts = self.plain
        return self.less_centre(values, parts)

    @cached_property
    def sums(self) -> Column:
        return self.add(self.reduce(np.add, self.deviations, 0.0))

    def mean(self) -> Column:
        return self.centre + _divide(self.sums, self.samples)

    def std(self) -> Column:
        """Two passes: deviations from each group's own mean, so that nothing cancels."""
        first, after = self.rows
        rows = _list_rows(first, after - first)
        owner = np.repeat(self.groups, after - first)
        deviations = self.plain[1][rows] - self.mean()[owner]
        squares = np.bincount(owner, weights=deviations * deviations, minlength=self.count)
        flat = self.least == self.greatest
        return np.where(flat & (self.samples > 1), 0.0, np.sqrt(_divide(squares, self.samples - 1)))

    def by_group(self, ends: Callable[[Column], float]) -> Column:
        """Give a figure of all samples of each group, for what cannot be reduced."""
        first, after = self.rows
        values = self.plain[1]
        parts: dict[int, list[Column]] = {}
        for group, one, other in zip(self.groups.tolist(), first.tolist(), after.tolist(), strict=True):
            parts.setdefault(group, []).append(values[one:other])
        whole = {group: np.concatenate(some) for group, some in parts.items()}
        figures = [ends(whole[g]) if len(whole.get(g, ())) else np.nan for g in range(self.count)]
        return np.asarray(figures, dtype=float)

    def changes(self) -> Column:
        """Also of texts: what counts is that the value is another one."""
        course = self.course
        labels = label(course)[course.is_good]
        turned = np.append([0], np.cumsum(np.append([False], labels[1:] != labels[:-1])))
        first, after = self.find(course.times[course.is_good], _parts_of(course, course.is_good))
        return self.add(turned[after] - turned[np.minimum(first + 1, after)])

    def edge(self, instants: Column, *, last: bool) -> Column:
        """Give the value at the first start or the last end of each group."""
        order = np.argsort(self.course.repeat(instants), kind="stable")
        if not last:
            order = order[::-1]
        found = np.full(self.count, np.nan)
        found[self.groups[order]] = self.course.at(instants)[order]
        return found

    # --------------------------------------------------------------------- of time
    @cached_property
    def length(self) -> Column:
        return self.add(self.course.repeat((self.spans.ends - self.spans.starts) / MICROS))

    def integrate(self, known: Column, area: "Area") -> Column:
        """Add up `area(seconds, number of the sample)` over the known time (µs a sample) by group."""
        if not len(known):
            return np.zeros(self.count)
        whole = known / MICROS
        whole[self.course.lasts] = 0.0  # these stretches have no end: only parts of them are asked for
        at, since = self.edges
        missed, reached = np.where(at >= 0, area(np.minimum(since, known[at]) / MICROS, at), 0.0)
        begins = [min(part.start, len(known) - 1) for part in self.course.parts]
        first = np.where(at[0] >= 0, at[0], np.repeat(begins, len(self.spans.starts)))
        rows = first, np.maximum(at[1], first)
        between = _reduce(np.add, area(whole, slice(None)), rows, neutral=0.0)
        return self.add(between + reached - missed)

    @cached_property
    def edges(self) -> tuple[Column, Column]:
        """The last sample before each start and each end, and how long ago it was (µs); a row for each."""
        instants = np.concatenate((self.spans.starts, self.spans.ends))
        at = self.course.before(instants)
        since = np.maximum(self.course.repeat(instants) - self.course.times[at], 0)
        return self.turn(at), self.turn(since)

    def turn(self, found: Column) -> Column:
        """Give what was asked of starts and then ends, tag by tag, as a row of starts and a row of ends."""
        return found.reshape(self.tags, 2, -1).swapaxes(0, 1).reshape(2, -1)

    @cached_property
    def good(self) -> Column:
        return self.integrate(self.course.follows, _time)

    @cached_property
    def numeric(self) -> Column:
        """How long each stretch has a number, in microseconds."""
        return self.course.follows if self.is_whole else np.where(self.has_number, self.course.follows, 0)

    @cached_property
    def numeric_time(self) -> Column:
        return self.integrate(self.numeric, _time)

    @cached_property
    def line(self) -> tuple[Column, Column]:
        """What each stretch begins with, less the centre, and how much it changes a second."""
        less = self.less_centre(self.course.values, self.course.parts)
        return less if self.is_whole else np.where(self.has_number, less, 0.0), self.course.slopes * MICROS

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


def _parts_of(course: Course, keep: Column) -> list[slice]:
    """Give the rows of each tag among those that are kept."""
    kept = np.append([0], np.cumsum(keep))
    return [slice(int(kept[part.start]), int(kept[part.stop])) for part in course.parts]


def _reduce(ufunc: np.ufunc, values: Column, rows: tuple[Column, Column], *, neutral: float) -> Column:
    """Reduce the rows of each range, neutral where it is empty; first and after are both rows that exist."""
    first, after = rows
    if not len(first):
        return np.zeros(0)
    found = ufunc.reduceat(values, np.stack((first, after), axis=1).ravel())[::2]
    return np.where(after > first, found, neutral)


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
