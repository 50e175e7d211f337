"""How a benchmark states what it found: a figure, what it stands against in the same run, the target.

Seconds on a busy machine mean little, ratios measured side by side mean much: where a competitor or a
physical limit can run in the same process, the target is set on the ratio, else on the figure itself.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table and of `bench.json`. `ratio` is figure / against; `held` is None without target."""

    name: str
    figure: float
    unit: str
    against: float | None
    ratio: float | None
    target: str
    held: bool | None

    def as_json(self) -> dict[str, Any]:
        """The row as it stands in `bench.json`."""
        return asdict(self)


def judge(
    name: str,
    figure: float,
    unit: str,
    *,
    against: float | None = None,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Row:
    """A row whose target bounds the ratio when there is something to stand against, else the figure."""
    if against is not None and against <= 0:
        raise ValueError(f"{name}: a figure cannot stand against {against}; measure a positive quantity")
    ratio = None if against is None else figure / against
    value = figure if ratio is None else ratio
    bounds = [(at_most, "≤"), (at_least, "≥")]
    what = unit if ratio is None else "×"
    target = " and ".join(f"{sign} {bound:g} {what}" for bound, sign in bounds if bound is not None)
    held = None
    if target:
        held = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
    return Row(name=name, figure=figure, unit=unit, against=against, ratio=ratio, target=target, held=held)


def seconds(action: Callable[[], object], *, runs: int = 5, warm_up: int = 1) -> float:
    """Median wall time of some runs, after some that do not count."""
    for _ in range(warm_up):
        action()
    return median(_time_once(action) for _ in range(runs))


def seconds_side_by_side(
    first: Callable[[], object], second: Callable[[], object], *, runs: int = 5
) -> tuple[float, float]:
    """Median wall times of two actions run in turns, so that a busy moment hits both."""
    first()
    second()
    pairs = [(_time_once(first), _time_once(second)) for _ in range(runs)]
    return median(a for a, _ in pairs), median(b for _, b in pairs)


def _time_once(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
