"""Fewer samples that look the same: extremes of good numbers, changes of states, ends of bad stretches.

What is kept follows from the samples and the number of points alone. In which pieces the samples came does
not matter, so that an answer can be given again when they lie elsewhere.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tsdownsample

from hub.store.lake.frames import STORED_SCHEMA
from hub.store.lake.runs import Longs, Mask, keep, longs, take

MOST_POINTS = 100_000
"""More points than that are not thinned to."""
_HELD = 2 * MOST_POINTS
"""So many rows of a kind are held while samples come: enough to choose any number of points from."""
_LEAST = 6
"""Two stretches have four extremes; the library cuts no fewer. With them the first and the last of all."""
_UNCERTAIN = 30
"""The bit of a status from which on it is not good."""

Choose = Callable[[pa.Table, int], pa.Table]
"""Gives what is kept of sorted rows in each stretch of so many microseconds. What is kept of parts, joined
and chosen from again, has to be what is kept of the whole, and never more for longer stretches."""
_keep_extremes: Any = tsdownsample.MinMaxDownsampler()
_BEGINS: Any = pa.field("begins", pa.bool_())
_FIELDS: list[Any] = [*STORED_SCHEMA, _BEGINS]
_MARKS = pa.schema(_FIELDS)


def find_plain(samples: pa.Table) -> Mask:
    """Tell which samples are good numbers."""
    quality: Any = samples["quality"].to_numpy()
    value: Any = samples["value"].to_numpy()
    return ((quality >> _UNCERTAIN) == 0) & np.isfinite(value)


class Sieve:
    """Keeps what `choose` keeps of each stretch of time; stretches double until that is `most` at most."""

    def __init__(self, choose: Choose, *, width: int = 1, most: int | None = _HELD) -> None:
        self._choose, self._width, self._most = choose, width, most
        self._parts: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        """Take further rows, none of them before those that it has."""
        if not rows.num_rows:
            return
        self._parts.append(self._choose(rows, self._width))
        if self._most is None or sum(part.num_rows for part in self._parts) <= self._most:
            return
        kept = self.take()
        if kept.num_rows > self._most:
            self._widen(longs(kept, "ts"), self._most)
        while kept.num_rows > self._most:
            kept = self._choose(kept, self._width)
            self._width *= 1 if kept.num_rows <= self._most else 2
        self._parts = [kept]

    def _widen(self, stamps: Longs, most: int) -> None:
        """Double stretches until there are no more than `most`: of each at least one row is kept."""

        def count(step: int) -> int:
            return -count_stretches(stamps, self._width << step)

        self._width <<= bisect_left(range(64 - self._width.bit_length()), -most, key=count)

    def take(self) -> pa.Table:
        """Give what was kept so far."""
        if not self._parts:
            return _MARKS.empty_table()
        return self._choose(pa.concat_tables(self._parts).combine_chunks(), self._width)


class Marks:
    """The first and last sample of each run of what is no good number: one text, or one status."""

    def __init__(self) -> None:
        self._sieve = Sieve(_choose_ends)
        self._prior: pa.Table | None = None

    def add(self, samples: pa.Table, plain: Mask) -> None:
        """Take the samples that follow, and which of them are good numbers."""
        rows, others = samples, ~plain
        if plain.all() and (self._prior is None or find_plain(self._prior).all()):
            self._prior = samples.slice(samples.num_rows - 1)
            return
        if self._prior is not None:
            rows = pa.concat_tables([self._prior, samples]).combine_chunks()
            others = np.concatenate((~find_plain(self._prior), others))
        turns = find_turns(rows, others)
        turns[0] = self._prior is None
        begins = turns & others
        ends = np.append(turns[1:], False) & others
        self._sieve.add(_mark(rows, begins | ends, begins))
        self._prior = rows.slice(rows.num_rows - 1)

    def end(self) -> None:
        """End the run that the last sample is of: what comes does not follow it."""
        if self._prior is not None:
            last = ~find_plain(self._prior)
            self._sieve.add(_mark(self._prior, last, np.zeros(1, np.bool_)))
        self._prior = None

    def take(self) -> pa.Table:
        """Give the ends of runs, with `begins` where one begins."""
        self.end()
        return self._sieve.take()


class Turns:
    """The first and last sample of each run of what is alike in all, while there are at most so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[pa.Table] | None = []
        self._prior: pa.Table | None = None

    def add(self, samples: pa.Table, plain: Mask) -> None:
        """Take the samples that follow, and which of them are good numbers."""
        if self._parts is None:
            return
        rows = samples
        if self._prior is not None:
            rows = pa.concat_tables([self._prior, samples]).combine_chunks()
            plain = np.concatenate((find_plain(self._prior), plain))
        value: Any = rows["value"].to_numpy()
        turns = find_turns(rows, ~plain)
        turns[1:] |= (value[1:] != value[:-1]) & ~(np.isnan(value[1:]) & np.isnan(value[:-1]))
        turns[0] = self._prior is None
        self._parts.append(keep(rows, turns | np.append(turns[1:], False)))
        self._prior = rows.slice(rows.num_rows - 1)
        if sum(part.num_rows for part in self._parts) > 2 * self._most:
            self._parts = [_join(self._parts)]
            if self._parts[0].num_rows > self._most:
                self._parts = None

    def take(self) -> pa.Table | None:
        """Give them, or None when there are more."""
        if self._parts is None or self._prior is None:
            return None
        rows = _join([*self._parts, self._prior])
        return rows if rows.num_rows <= self._most else None


class Thinner:
    """Takes the sorted samples of one tag piece by piece, then gives at most `points` of them.

    Rows are chosen, never made up. When there are no more samples than points, or runs of the same value,
    text and status have no more ends, nothing is lost. Else good numbers keep the least and greatest of each
    stretch of time and the first and last of all: no excursion is lost. Of texts and what is not good the
    ends of runs are kept: all while they fit into half of the points (more where numbers leave room), then
    where runs begin, then the first and last in each stretch of time.
    """

    def __init__(self, points: int) -> None:
        if not 10 <= points <= MOST_POINTS:
            msg = f"{points} points; thin to 10 at least, {MOST_POINTS} at most"
            raise ValueError(msg)
        self.rows = 0
        """How many samples it has taken."""
        self._points = points
        self._whole: list[pa.Table] = []
        self._turns, self._marks, self._extremes = Turns(points), Marks(), Sieve(choose_extremes)
        self._ends: list[pa.Table] = []

    def add(self, samples: pa.Table) -> None:
        """Take the samples that follow (`STORED_SCHEMA`)."""
        if not samples.num_rows:
            return
        self.rows += samples.num_rows
        self._whole = [*self._whole, samples] if self.rows <= self._points else []
        plain = find_plain(samples)
        self._turns.add(samples, plain)
        self._marks.add(samples, plain)
        numbers = keep(samples, plain)
        self._extremes.add(numbers)
        if numbers.num_rows:
            self._ends = [*self._ends[:1], numbers.slice(0, 1), numbers.slice(numbers.num_rows - 1)]
            self._ends = [self._ends[0], self._ends[-1]]

    def take(self) -> pa.Table:
        """Give the samples that are left, sorted by time."""
        if self.rows <= self._points:
            return pa.concat_tables([STORED_SCHEMA.empty_table(), *self._whole])
        turns = self._turns.take()
        if turns is not None:
            return turns
        numbers = self._extremes.take()
        if self._ends:
            numbers = _join([self._ends[0], numbers, self._ends[1]])
        return fit(numbers, self._marks.take(), self._points)


def fit(numbers: pa.Table, marks: pa.Table, points: int) -> pa.Table:
    """Give at most `points` of good numbers and marks, both sorted by time."""
    marks = _fewer_marks(marks, points - min(numbers.num_rows, max(points // 2, _LEAST)))
    numbers = _fewer_numbers(numbers, points - marks.num_rows)
    names = STORED_SCHEMA.names
    joined = pa.concat_tables([numbers.select(names), marks.select(names)]).combine_chunks()
    return take(joined, np.argsort(longs(joined, "ts"), kind="stable"))


def _fewer_numbers(numbers: pa.Table, points: int) -> pa.Table:
    if numbers.num_rows <= points:
        return numbers
    x = np.ascontiguousarray(longs(numbers, "ts"))
    y = np.ascontiguousarray(numbers["value"].to_numpy())
    kept = np.asarray(_keep_extremes.downsample(x, y, n_out=(points - 2) // 2 * 2), dtype=np.int64)
    return take(numbers, np.union1d(kept, [0, numbers.num_rows - 1]))


def _fewer_marks(marks: pa.Table, points: int) -> pa.Table:
    if marks.num_rows <= points:
        return marks
    begins: Any = marks["begins"].to_numpy(zero_copy_only=False).copy()
    begins[-1] = True  # the last of all is kept, though it only ends a run
    if np.count_nonzero(begins) <= points:
        return keep(marks, begins)
    stamps = longs(marks, "ts")
    width = int(stamps[-1] - stamps[0]) // (points // 2) + 1
    return keep(marks, _are_ends((stamps - stamps[0]) // width))


# ------------------------------------------------------------------------------------------- choosing
def count_stretches(stamps: Longs, width: int) -> int:
    """Give in how many stretches of so many microseconds sorted times lie."""
    return int(np.count_nonzero(np.diff(stamps // width))) + 1


def choose_extremes(numbers: pa.Table, width: int) -> pa.Table:
    """Give the first least and the first greatest of each stretch."""
    if width == 1:
        return numbers
    stretch = longs(numbers, "ts") // width
    firsts = np.flatnonzero(np.concatenate(([True], stretch[1:] != stretch[:-1])))
    value: Any = numbers["value"].to_numpy()
    which = np.repeat(np.arange(len(firsts)), np.diff(np.append(firsts, len(value))))
    chosen = np.zeros(len(value), np.bool_)
    for extreme in (np.minimum, np.maximum):
        hits = np.flatnonzero(value == extreme.reduceat(value, firsts)[which])
        chosen[hits[np.concatenate(([True], np.diff(which[hits]) > 0))]] = True
    return keep(numbers, chosen)


def _choose_ends(marks: pa.Table, width: int) -> pa.Table:
    """Give the first and the last mark of each stretch; one that was marked twice counts once."""
    stamps = longs(marks, "ts")
    once = np.concatenate(([True], stamps[1:] != stamps[:-1]))
    marks = keep(marks, once)
    return marks if width == 1 else keep(marks, _are_ends(stamps[once] // width))


def _are_ends(keys: Longs) -> Mask:
    """Tell which places are the first or the last of a run of the same key."""
    turns = keys[1:] != keys[:-1]
    return np.concatenate(([True], turns)) | np.append(turns, True)


def find_turns(rows: pa.Table, others: Mask) -> Mask:
    """Tell of each row whether text, status, or whether it is a good number, differs from the row before."""
    quality: Any = rows["quality"].to_numpy()
    turns = np.zeros(rows.num_rows, np.bool_)
    turns[1:] = (quality[1:] != quality[:-1]) | (others[1:] != others[:-1])
    texts: Any = rows["text"]
    if texts.null_count < len(texts):
        words: npt.NDArray[Any] = _number(texts)
        turns[1:] |= words[1:] != words[:-1]
    return turns


def _number(texts: Any) -> npt.NDArray[Any]:
    """Give each text a number, the same to the same; -1 to none."""
    return texts.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)


def _mark(rows: pa.Table, chosen: Mask, begins: Mask) -> pa.Table:
    column: Any = pa.array(begins[chosen])
    return keep(rows, chosen).append_column(_BEGINS, column)


def _join(tables: Sequence[pa.Table]) -> pa.Table:
    """Join rows of one tag that follow each other; those of one time, which are the same, are one."""
    rows = pa.concat_tables([table.select(STORED_SCHEMA.names) for table in tables]).combine_chunks()
    stamps = longs(rows, "ts")
    found = np.argsort(stamps, kind="stable")
    there = stamps[found]
    return take(rows, found[np.concatenate(([True], there[1:] != there[:-1]))])
