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

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Column = npt.NDArray[Any]
MICROS = 1_000_000
"""Microseconds in a second: instants are int64 microseconds since 1970 here."""


@dataclass(frozen=True)
class Course:
    """The samples of one tag, sorted by time, one an instant.

    `values` is NaN where a sample has no number that counts; `is_good` tells of which samples a value (also a
    text) counts. `texts` is an Arrow array, or None for a
    tag without any. `max_gap` in microseconds, None when a value stands however long.
    """

    times: Column
    values: Column
    is_good: Column
    quality: Column
    texts: Any
    is_step: bool
    max_gap: int | None = None

    @cached_property
    def follows(self) -> Column:
        """How long the stretch after each sample is known, in microseconds: 0 where nothing is.

        The last one has no end of its own: a greatest value stands for "for ever".
        """
        ever = np.iinfo(np.int64).max // 4
        stretch = np.empty(len(self.times), np.int64)
        np.subtract(self.times[1:], self.times[:-1], out=stretch[:-1])
        stretch[-1:] = ever
        known = self.is_good
        if self.max_gap is not None:
            known = known & ((stretch <= self.max_gap) | (stretch == ever))
            stretch[-1:] = self.max_gap
        return stretch if known.all() else np.where(known, stretch, 0)

    @cached_property
    def slopes(self) -> Column:
        """How much the value changes a microsecond after each sample: 0 where it stands."""
        slopes = np.zeros(len(self.times))
        if not self.is_step and len(self.times) > 1:
            rises = np.diff(self.values) / np.diff(self.times)
            straight = self.is_good[:-1] & self.is_good[1:] & np.isfinite(rises)
            slopes[:-1] = np.where(straight, rises, 0.0)
        return slopes

    def before(self, instants: Column) -> Column:
        """Give the number of the last sample at or before each instant; -1 where there is none."""
        return np.searchsorted(self.times, instants, side="right") - 1

    def at(self, instants: Column, *, stepped: bool | None = None) -> Column:
        """Give the number at each instant, NaN where none is known. `stepped` overrules the tag's kind."""
        found = np.full(len(instants), np.nan)
        if not len(self.times):
            return found
        at = self.before(instants)
        since = instants - self.times[at]
        known = (at >= 0) & ((since < self.follows[at]) | ((since == 0) & self.is_good[at]))
        rise = 0.0 if (self.is_step if stepped is None else stepped) else self.slopes[at] * since
        return np.where(known, self.values[at] + rise, found)


def make_course(samples: pa.Table, *, is_step: bool, max_gap: int | None = None) -> Course:
    """Give the course of one tag from its samples as `hub.store.samples.read_samples` gives them."""
    quality: Any = samples["quality"].to_numpy()
    raw: Any = samples["value"].to_numpy()
    times: Any = samples["ts"].cast(pa.int64()).to_numpy()
    texts = samples["text"].combine_chunks() if samples["text"].null_count < samples.num_rows else None
    says_good = (quality >> 30) == 0
    has_number = np.isfinite(raw)
    has_text = False if texts is None else np.asarray(texts.is_valid())
    return Course(
        times=times,
        values=np.where(says_good & has_number, raw, np.nan),
        is_good=says_good & (has_number | has_text),
        quality=quality,
        texts=texts,
        is_step=is_step or texts is not None,
        max_gap=max_gap,
    )
