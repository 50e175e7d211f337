"""The aggregates of the press that the paper publishes, as data: which rows of a batch count, and what of them.

Žagar and Mihelič, Scientific Data 9:99 (2022), file Process.csv. Of its 26 numbers a batch, 24 follow from the
published series to 1e-6 for all 18 batches whose series is published. The two that do not:

- `SREL_production_max`: equal for 17 batches; for batch 368, which stood still over a weekend, the authors left
  out the three greatest values (49.2, 41.5 and 20.5 around standstills) by a rule that they do not state.
- `fom_change`: a count of changes of the feeder's speed which no threshold on the published speed gives.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

Rows = Any
"""A pandas frame; its own annotations leave a column's type open, so none are claimed here."""
Column = Any
Mask = Callable[[Rows], Column]
Statistic = Callable[[Column], float]

WEEKEND_ROWS = 48 * 360
"""Standing still on a Saturday and Sunday is no stop of the batch: 48 h of rows of ten seconds."""


@dataclass(frozen=True)
class Aggregate:
    """A statistic of one signal over the rows that count; `normalised` by the factor of the batch size."""

    signal: str
    rows: Mask
    statistic: Statistic
    normalised: bool = False


def _all(rows: Rows) -> Column:
    return rows["tbl_speed"].notna()


def _running(rows: Rows) -> Column:
    return rows["tbl_speed"] > 0


def _feeding(rows: Rows) -> Column:
    return rows["fom"] > 0


def _before(rows: Rows) -> Column:
    return rows["produced"] <= 0


def _both(*masks: Mask) -> Mask:
    def hold(rows: Rows) -> Column:
        return pd.concat([mask(rows) for mask in masks], axis=1).all(axis=1)

    return hold


def _producing(rows: Rows) -> Column:
    return (rows["produced"] > 0) & (rows["tbl_speed"] > 0)


def _fed(rows: Rows) -> Column:
    return (rows["produced"] > 0) & (rows["fom"] > 0)


def _mean(values: Column) -> float:
    return float(values.mean())


def _spread(values: Column) -> float:
    return float(values.std(ddof=1))


def _median(values: Column) -> float:
    return float(values.median())


def _greatest(values: Column) -> float:
    return float(values.max())


def _least(values: Column) -> float:
    return float(values.min())


def _range(values: Column) -> float:
    return float(values.max() - values.min())


def _changes(values: Column) -> float:
    """The first value counts as a change."""
    return float((values.diff() != 0).sum())


def _standstill(values: Column) -> float:
    """Rows at speed 0 without the weekend, for a series indexed by time."""
    days = set(values.index.day_of_week)
    return float((values == 0).sum() - (WEEKEND_ROWS if {5, 6} <= days else 0))


STARTING = _both(_before, _running)
REPRODUCIBLE: dict[str, Aggregate] = {
    "tbl_speed_mean": Aggregate("tbl_speed", _running, _mean),
    "tbl_speed_change": Aggregate("tbl_speed", _all, _changes, normalised=True),
    "tbl_speed_0_duration": Aggregate("tbl_speed", _all, _standstill, normalised=True),
    "total_waste": Aggregate("waste", _all, _greatest, normalised=True),
    "startup_waste": Aggregate("waste", _before, _greatest),
    "fom_mean": Aggregate("fom", _feeding, _mean),
    "SREL_startup_mean": Aggregate("SREL", _both(_before, _feeding), _mean),
    "SREL_production_mean": Aggregate("SREL", _fed, _mean),
    "main_CompForce mean": Aggregate("main_comp", _producing, _mean),
    "main_CompForce_sd": Aggregate("main_comp", _producing, _spread),
    "main_CompForce_median": Aggregate("main_comp", _producing, _median),
    "pre_CompForce_mean": Aggregate("pre_comp", _producing, _mean),
    "tbl_fill_mean": Aggregate("tbl_fill", _producing, _mean),
    "tbl_fill_sd": Aggregate("tbl_fill", _producing, _spread),
    "cyl_height_mean": Aggregate("cyl_main", _producing, _mean),
    "stiffness_mean": Aggregate("stiffness", _producing, _mean),
    "stiffness_max": Aggregate("stiffness", _producing, _greatest),
    "stiffness_min": Aggregate("stiffness", _producing, _least),
    "ejection_mean": Aggregate("ejection", _producing, _mean),
    "ejection_max": Aggregate("ejection", _producing, _greatest),
    "ejection_min": Aggregate("ejection", _producing, _least),
    "Startup_tbl_fill_maxDifference": Aggregate("tbl_fill", STARTING, _range),
    "Startup_main_CompForce_mean": Aggregate("main_comp", STARTING, _mean),
    "Startup_tbl_fill_mean": Aggregate("tbl_fill", STARTING, _mean),
}
SREL_MAX = Aggregate("SREL", _fed, _greatest)


def compute(aggregate: Aggregate, rows: Rows, factor: float) -> float:
    """Give an aggregate of a batch's rows: one column a signal, indexed by time."""
    value = aggregate.statistic(rows.loc[aggregate.rows(rows), aggregate.signal])
    return value / factor if aggregate.normalised else value
