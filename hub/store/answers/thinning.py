"""Fewer samples that look the same: extremes of good numbers, ends of bad stretches."""

from typing import Any

import numpy as np
import pyarrow as pa
import tsdownsample

MIN_POINTS = 10

_keep_extremes: Any = tsdownsample.MinMaxDownsampler()


def thin(samples: pa.Table, points: int) -> pa.Table:
    """Give at most about `points` rows of one tag's sorted samples; rows are chosen, never made up.

    Good numbers keep the least and greatest of each stretch of time, and the first and last of all: no
    excursion is lost. Texts and what is not good keep the first and last row of each run.
    """
    if samples.num_rows <= points:
        return samples
    quality: Any = samples["quality"].to_numpy()
    value: Any = samples["value"].to_numpy()
    times: Any = samples["ts"].cast(pa.int64()).to_numpy()
    is_plain = ((quality >> 30) == 0) & np.isfinite(value)
    plain = np.flatnonzero(is_plain)
    chosen = plain
    if plain.size > points:
        x = np.ascontiguousarray(times[plain])
        y = np.ascontiguousarray(value[plain])
        kept = np.asarray(_keep_extremes.downsample(x, y, n_out=(points - 2) // 2 * 2), dtype=np.int64)
        chosen = plain[np.union1d(kept, [0, plain.size - 1])]
    others = _ends_of_runs(~is_plain)
    if others.size > points:
        others = others[np.linspace(0, others.size - 1, points, dtype=np.int64)]
    rows: Any = pa.array(np.union1d(chosen, others))
    return samples.take(rows)


def _ends_of_runs(mask: Any) -> Any:
    """Give the first and last index of each run of true values."""
    padded = np.concatenate(([False], mask, [False])).astype(np.int8)
    steps = np.diff(padded)
    return np.union1d(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1)
