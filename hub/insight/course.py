"""How a tag went: its samples as columns, and what its value was at any instant between them.

What is meant, edge by edge (names in brackets are OPC UA Part 13, Aggregates):

- A sample counts when its quality is good and it holds a number; a text counts as a value without a number.
  Uncertain and bad are not good (`TreatUncertainAsBad`); NaN and infinities are no number.
- A step tag (`is_step`; also every boolean and text) stands at a value until its next sample, whatever that
  is. Any other tag goes straight from a good sample to the next good one (`UseSlopedExtrapolation` false:
  before a sample that is not good, and after the last one, the value stands).
- A sample that is not good ends what stood before it; from there to the next good sample nothing is known.
- Before the first sample nothing is known.
- With `max_gap`, a stretch between two samples that is longer is not known at all, and after the last sample
  the value stands for so long only.
- Times are half-open: a sample at the start of a window is in it, one at its end is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Column = npt.NDArray[Any]
MICROS = 1_000_000
"""Microseconds in a second: instants are int64 microseconds since 1970 here."""
_EVER = np.iinfo(np.int64).max // 4
_UNCERTAIN = 1 << 30
"""The two highest bits of a status tell good (0) from uncertain and bad."""


@dataclass(frozen=True)
class Course:
    """The samples of one tag, or of several; each tag's are together, sorted by time, one an instant.

    `values` is NaN where a sample has no number that counts; `is_good` tells of which samples a value (also a
    text) counts. `texts` is an Arrow array, or None where there are none. `parts` are the rows of each tag in
    order; rows between them are nobody's. `steps` says which tags are step tags. `max_gap` in microseconds,
    None when a value stands however long. Nothing of one tag ever reaches into the next.
    """

    times: Column
    values: Column
    is_good: Column
    quality: Column
    texts: Any
    parts: Sequence[slice]
    steps: Column
    max_gap: int | None = None

    @property
    def is_step(self) -> bool:
        """Whether nothing here slopes."""
        return bool(self.steps.all())

    @cached_property
    def lasts(self) -> Column:
        """The last sample of each tag that has any."""
        return np.asarray([part.stop - 1 for part in self.parts if part.stop > part.start], np.int64)

    @cached_property
    def stretches(self) -> Column:
        """The time from each sample to the next one of its tag, in microseconds; `_EVER` after its last."""
        stretches = np.empty(len(self.times), np.int64)
        np.subtract(self.times[1:], self.times[:-1], out=stretches[:-1])
        stretches[self.lasts] = _EVER
        return stretches

    @cached_property
    def follows(self) -> Column:
        """How long the stretch after each sample is known, in microseconds: 0 where nothing is.

        The last one has no end of its own: a greatest value stands for "for ever".
        """
        stretches, known = self.stretches, self.is_good
        if self.max_gap is not None:
            known = known & ((stretches <= self.max_gap) | (stretches == _EVER))
            stretches = stretches.copy()
            stretches[self.lasts] = self.max_gap
        return stretches if known.all() else np.where(known, stretches, 0)

    @cached_property
    def slopes(self) -> Column:
        """How much the value changes a microsecond after each sample: 0 where it stands."""
        slopes = np.zeros(len(self.times))
        if not self.is_step and len(self.times) > 1:
            with np.errstate(all="ignore"):  # between two tags times do not rise; that is taken back
                np.divide(np.diff(self.values), self.stretches[:-1], out=slopes[:-1])
            slopes[self.lasts] = 0.0
            for part, stands in zip(self.parts, self.steps.tolist(), strict=True):
                if stands:
                    slopes[part] = 0.0
            if not (straight := np.isfinite(slopes)).all():  # one of its two samples has no number
                slopes[~straight] = 0.0
        return slopes

    def repeat(self, instants: Column) -> Column:
        """Give the same instants once for each tag."""
        return instants if len(self.parts) == 1 else np.tile(instants, len(self.parts))

    def before(self, instants: Column) -> Column:
        """Give the number of each tag's last sample at or before each instant; -1 where there is none."""
        found = np.empty((len(self.parts), len(instants)), np.int64)
        for row, part in zip(found, self.parts, strict=True):
            at = self.times[part].searchsorted(instants, side="right")
            np.copyto(row, np.where(at > 0, at + (part.start - 1), -1))
        return found.ravel()

    def at(self, instants: Column, *, stepped: bool = False) -> Column:
        """Give each tag's number at each instant, NaN where none is known; `stepped` has nothing slope."""
        at, instants = self.before(instants), self.repeat(instants)
        found = np.full(len(instants), np.nan)
        if not len(self.times):
            return found
        since = instants - self.times[at]
        known = (at >= 0) & ((since < self.follows[at]) | ((since == 0) & self.is_good[at]))
        rise = 0.0 if stepped else self.slopes[at] * since
        return np.where(known, self.values[at] + rise, found)


def make_course(samples: pa.Table, *, is_step: bool, max_gap: int | None = None) -> Course:
    """Give the course of one tag from its samples as `hub.store.samples.read_samples` gives them."""
    return join_course(samples, [slice(0, samples.num_rows)], steps=[is_step], max_gap=max_gap)


def join_course(
    samples: pa.Table, parts: Sequence[slice], *, steps: Sequence[bool], max_gap: int | None = None
) -> Course:
    """Give the course of several tags out of their samples; `parts` and `steps` as in `Course`.

    Where there are texts all count as step tags, so that a tag that has some needs a course of its own.
    """
    quality: Any = samples["quality"].to_numpy()
    raw: Any = samples["value"].to_numpy()
    times: Any = samples["ts"].cast(pa.int64()).to_numpy()
    texts = _texts(samples)
    has_number = np.isfinite(raw)
    counts = has_number & (quality < _UNCERTAIN)
    is_good = (
        counts if texts is None else (quality < _UNCERTAIN) & (has_number | np.asarray(texts.is_valid()))
    )
    return Course(
        times=times,
        values=raw if counts.all() else np.where(counts, raw, np.nan),
        is_good=is_good,
        quality=quality,
        texts=texts,
        parts=parts,
        steps=np.asarray(steps, dtype=bool) | (texts is not None),
        max_gap=max_gap,
    )


def _texts(samples: pa.Table) -> Any:
    """Give the texts, None where there are none or where the column was left out."""
    if "text" not in samples.column_names or samples["text"].null_count == samples.num_rows:
        return None
    return samples["text"].combine_chunks()
