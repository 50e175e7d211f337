"""The fed-batch culture behind the curves: Monod growth, glucose and lactate, product, all batches at once.

Cell densities in 10^6/mL (= 10^9/L), concentrations in g/L, volumes in L, times in hours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.demo.plan import SEED, Batch

Array = NDArray[np.float64]

STEP_MINUTES = 10
FEED_FROM_H = 72.0
SHIFT_AT_H = 120.0
WARM, COOL = 36.8, 34.5
_HOURS = 338


@dataclass(frozen=True)
class Culture:
    """One production run on a grid of `STEP_MINUTES` from inoculation; arrays of equal length."""

    hours: Array
    viable: Array
    viability: Array
    glucose: Array
    lactate: Array
    product: Array
    volume: Array
    feed: Array

    def at(self, hour: float) -> int:
        """Give the index of the grid point at or before an hour of the run."""
        return int(min(max(hour * 60 / STEP_MINUTES, 0), len(self.hours) - 1))


def grow(batches: tuple[Batch, ...]) -> dict[str, Culture]:
    """Simulate the production bioreactor of each drug-substance batch; its last titre is the plan's."""
    grown = [b for b in batches if b.titre]
    rng = np.random.default_rng([SEED, 1])
    n = len(grown)
    mu_max = rng.normal(0.040, 0.0008, n)
    volume = np.array([float(_kg(b, "MEDIA-PRD")) + 186.0 for b in grown]) / 1.01
    feed_total = np.array([float(_kg(b, "FEED-A")) for b in grown]) / 1.08
    steps = _HOURS * 60 // STEP_MINUTES
    track = np.empty((steps, 7, n))
    state = {
        "viable": rng.normal(0.50, 0.02, n),
        "dead": np.full(n, 0.015),
        "glucose": np.full(n, 6.0),
        "lactate": np.full(n, 0.3),
        "product": np.zeros(n),
        "volume": volume,
    }
    for i in range(steps):
        feed = _feed(i * STEP_MINUTES / 60, feed_total)
        track[i] = (*state.values(), feed)
        state = _advance(state, i * STEP_MINUTES / 60, mu_max=mu_max, feed=feed)
    hours = np.arange(steps) * STEP_MINUTES / 60
    return {b.id: _culture(hours, track[:, :, k], b) for k, b in enumerate(grown)}


def _kg(batch: Batch, material: str) -> str:
    return next(u.quantity for u in batch.uses if u.material == material)


def _feed(hour: float, total: Array) -> Array:
    """L/h: a ramp from day 3 to day 7, then level, so that `total` litres are fed by day 13.5."""
    if not FEED_FROM_H <= hour < 324:
        return np.zeros_like(total)
    share = min(1.0, 0.35 + 0.65 * (hour - FEED_FROM_H) / 96)
    return total / (96 * 0.675 + 156) * share


def _advance(state: dict[str, Array], hour: float, *, mu_max: Array, feed: Array) -> dict[str, Array]:
    viable, dead, glucose, lactate, product, volume = state.values()
    cool = hour >= SHIFT_AT_H
    monod = glucose / (0.15 + glucose)
    crowding = np.minimum(np.maximum(1 - viable / 24.0, 0), 1)
    mu = mu_max * (0.5 if cool else 1.0) * monod * (8.0 / (8.0 + lactate)) * crowding
    death = 0.0006 + 0.0022 * min(max((hour - 190) / 140, 0), 1) + 0.02 * (0.08 / (0.08 + glucose))
    uptake = (mu * 0.115 + 0.0052) * monod * (0.85 if cool else 1.0)
    to_lactate = 0.80 * mu * 0.115 * monod - 0.0011 * cool * lactate / (0.4 + lactate)
    qp = 0.00125 * (1.25 if cool else 1.0)
    dt = STEP_MINUTES / 60
    dilute = feed / volume
    return {
        "viable": viable + dt * (mu - death - dilute) * viable,
        "dead": dead + dt * (death * viable - (0.004 + dilute) * dead),
        "glucose": np.maximum(glucose + dt * (dilute * (170.0 - glucose) - uptake * viable), 0.02),
        "lactate": np.maximum(lactate + dt * (to_lactate * viable - dilute * lactate), 0.02),
        "product": product + dt * (qp * viable - dilute * product),
        "volume": volume + dt * feed,
    }


def _culture(hours: Array, track: Array, batch: Batch) -> Culture:
    viable, dead, glucose, lactate, product, volume, feed = track.T
    return Culture(
        hours=hours,
        viable=viable,
        viability=100 * viable / (viable + dead),
        glucose=glucose,
        lactate=lactate,
        # Product does not act back on the culture, so its rate may be scaled to the titre of the plan.
        product=product * batch.titre / product[-1],
        volume=volume,
        feed=feed,
    )
