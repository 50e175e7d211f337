"""What the historian kept: one array of times, values and status codes a tag, whole plant, whole window."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from hub.demo.kinetics import COOL, SHIFT_AT_H, WARM, Array, Culture, grow
from hub.demo.plan import NOW, SEED, WINDOW_START, Batch, Span
from hub.demo.tags import SPARE, TAGS, Tag
from hub.model.quality import BAD, GOOD, UNCERTAIN

Times = NDArray[np.int64]
"""Seconds since 1970, UTC."""

GOOD_STATUS = GOOD
BAD_SENSOR_FAILURE = BAD | 0x8C0000
UNCERTAIN_SENSOR_NOT_ACCURATE = UNCERTAIN | 0x930000

START_SKEW, END_SKEW = timedelta(seconds=-99), timedelta(seconds=-23)
"""The historian's clock runs behind MES; it was set right by 76 s during each run."""

BAD_STRETCH = (
    "BR2000_02_DO",
    datetime(2026, 3, 25, 10, tzinfo=UTC),
    datetime(2026, 3, 25, 16, 20, tzinfo=UTC),
)
UNCERTAIN_UNTIL = datetime(2026, 3, 25, 18, 30, tzinfo=UTC)
"""After the probe came back it read out of calibration until then."""

LOW_OXYGEN = ("BR2000_01_DO", datetime(2026, 3, 17, 14, 6, tzinfo=UTC), timedelta(minutes=11), 28.4)
"""Tag, start, length and lowest value of the dissolved-oxygen excursion of B26-0117."""

IDLE, MEDIUM_FILL, INOCULATION, GROWTH, FED_BATCH, HARVEST, CIP, SIP = range(8)
_CIP_AFTER, _CIP_FOR = timedelta(hours=2), timedelta(hours=3)
_SIP_BEFORE, _SIP_FOR = timedelta(hours=14), timedelta(hours=2)


@dataclass(frozen=True)
class Track:
    """The history of a tag, oldest first; `texts` instead of numbers for text tags."""

    tag: Tag
    times: Times
    values: Array
    status: NDArray[np.uint32]
    texts: tuple[str, ...] | None = None


def trace(batches: tuple[Batch, ...]) -> dict[str, Track]:
    """Give the history of every tag from the start of the window to `NOW`."""
    cultures = grow(batches)
    by_unit: dict[str | None, list[tuple[Batch, Span]]] = {}
    for batch in batches:
        for span in batch.spans:
            by_unit.setdefault(span.unit, []).append((batch, span))
    for runs in by_unit.values():
        runs.sort(key=lambda run: run[1].start)
    return {
        name: _track(tag, number, runs=by_unit.get(tag.equipment, []), cultures=cultures)
        for number, (name, tag) in enumerate(TAGS.items())
    }


def seconds(moment: datetime) -> int:
    """Give whole seconds since 1970."""
    return int(moment.timestamp())


def _track(tag: Tag, number: int, *, runs: list[tuple[Batch, Span]], cultures: dict[str, Culture]) -> Track:
    rng = np.random.default_rng([SEED, 2, number])
    if tag.kind != "float":
        return _steps(tag, runs)
    times = _grid(tag, number, runs)
    signal = tag.name.split("_", 2 if tag.name.startswith("BR") else 1)[-1]
    values = _at_rest(signal, times, rng)
    for batch, span in runs:
        inside = _between(times, span.start + START_SKEW, span.end + END_SKEW)
        if inside.stop > inside.start:
            hours = (times[inside] - seconds(span.start + START_SKEW)) / 3600
            share = hours / ((span.end - span.start).total_seconds() / 3600)
            model = _MODELS.get((span.step, signal))
            if model:
                values[inside] = model(Run(batch, hours, share, cultures.get(batch.id), rng))
    if tag.equipment and tag.equipment.startswith("BR"):
        _clean(signal, times, values, runs=runs)
    status = np.full(len(times), GOOD_STATUS, np.uint32)
    _plant_mess(tag, times, values=values, status=status)
    values = np.round(np.clip(values, tag.low, tag.high), 4)
    return Track(tag, times, values, status)


def _grid(tag: Tag, number: int, runs: list[tuple[Batch, Span]]) -> Times:
    first, last = seconds(WINDOW_START), seconds(NOW)
    offset = (number * 7) % 60
    hourly = np.arange(first + offset, last, 3600, dtype=np.int64)
    parts = [hourly]
    for _, span in runs:
        begin = max(
            first, seconds(span.start - timedelta(hours=15)) if tag.minutes >= 10 else seconds(span.start)
        )
        end = min(last, seconds(span.end + timedelta(hours=6)))
        begin = begin - begin % (tag.minutes * 60) + offset
        parts.append(np.arange(begin, end, tag.minutes * 60, dtype=np.int64))
    return np.unique(np.concatenate(parts))


def _between(times: Times, start: datetime, end: datetime) -> slice:
    low, high = np.searchsorted(times, [seconds(start), seconds(end)])
    return slice(int(low), int(high))


def _at_rest(signal: str, times: Times, rng: np.random.Generator) -> Array:
    level, noise = _REST.get(signal, (0.0, 0.0))
    day = 2 * np.pi * (times % 86_400) / 86_400
    return level + noise * (rng.standard_normal(len(times)) + 2 * np.sin(day))


def _clean(signal: str, times: Times, values: Array, *, runs: list[tuple[Batch, Span]]) -> None:
    hot = {"TEMP": (80.0, 121.6), "PRESS": (300.0, 980.0), "AGIT": (40.0, 40.0)}.get(signal)
    if hot is None:
        return
    for _, span in runs:
        values[_between(times, span.end + _CIP_AFTER, span.end + _CIP_AFTER + _CIP_FOR)] = hot[0]
        values[_between(times, span.start - _SIP_BEFORE, span.start - _SIP_BEFORE + _SIP_FOR)] = hot[1]


def _plant_mess(tag: Tag, times: Times, *, values: Array, status: NDArray[np.uint32]) -> None:
    name, start, end = BAD_STRETCH
    if tag.name == name:
        lost, doubtful = _between(times, start, end), _between(times, end, UNCERTAIN_UNTIL)
        values[lost], status[lost] = 0.0, BAD_SENSOR_FAILURE
        values[doubtful] += 6.5
        status[doubtful] = UNCERTAIN_SENSOR_NOT_ACCURATE
    name, start, length, lowest = LOW_OXYGEN
    if tag.name == name:
        values[_between(times, start, start + length)] = lowest


def _steps(tag: Tag, runs: list[tuple[Batch, Span]]) -> Track:
    changes: list[tuple[datetime, int, str]] = [(WINDOW_START, IDLE, "")]
    for batch, span in runs:
        begin, end = span.start + START_SKEW, span.end + END_SKEW
        changes += [
            (span.start - _SIP_BEFORE, SIP, ""),
            (span.start - _SIP_BEFORE + _SIP_FOR, IDLE, ""),
            (begin, MEDIUM_FILL, batch.id),
            (begin + timedelta(hours=1.8), INOCULATION, batch.id),
            (begin + timedelta(hours=2.7), GROWTH, batch.id),
            (begin + timedelta(hours=72), FED_BATCH, batch.id),
            (end - timedelta(hours=2.7), HARVEST, batch.id),
            (end, IDLE, ""),
            (span.end + _CIP_AFTER, CIP, ""),
            (span.end + _CIP_AFTER + _CIP_FOR, IDLE, ""),
        ]
    kept = [c for c in changes if WINDOW_START <= c[0] <= NOW]
    if tag.kind == "text":
        kept = [c for i, c in enumerate(kept) if i == 0 or c[2] != kept[i - 1][2]]
    at = np.array([seconds(c[0]) for c in kept], np.int64)
    # A state is kept when it changes and repeated every hour, so that a running batch is seen to go on.
    times = np.union1d(at, np.arange(seconds(WINDOW_START), seconds(NOW), 3600, dtype=np.int64))
    holding: list[int] = (np.searchsorted(at, times, "right") - 1).tolist()
    return Track(
        tag,
        times,
        np.array([c[1] for c in kept], np.float64)[holding],
        np.zeros(len(times), np.uint32),
        tuple(kept[i][2] for i in holding) if tag.kind == "text" else None,
    )


@dataclass(frozen=True)
class Run:
    """What a curve may know of the run it draws: hours since its start and the share of it that is over."""

    batch: Batch
    hours: Array
    share: Array
    culture: Culture | None
    rng: np.random.Generator

    def noise(self, size: float) -> Array:
        """Give measurement noise."""
        return size * self.rng.standard_normal(len(self.hours))

    def state(self, name: str) -> Array:
        """Give a state of the culture at the run's times."""
        if self.culture is None:
            return np.zeros_like(self.hours)
        series: Array = getattr(self.culture, name)
        return np.interp(self.hours, self.culture.hours, series)

    def ramp(self, low: float, high: float) -> Array:
        """Give a straight line over the run."""
        return low + (high - low) * self.share


def _temperature(run: Run) -> Array:
    warm = np.where(
        run.hours < SHIFT_AT_H, WARM, COOL + (WARM - COOL) * np.exp(-(run.hours - SHIFT_AT_H) / 1.5)
    )
    return np.where(run.share > 0.995, 15.0, warm) + run.noise(0.05)


def _ph(run: Run) -> Array:
    drift = 0.02 * np.sin(run.hours / 5.0) - 0.02 * np.clip(run.state("lactate") - 1.0, 0, 2)
    return 7.0 + drift + run.noise(0.008)


def _oxygen(run: Run) -> Array:
    settle = 55.0 * np.exp(-run.hours / 6.0)
    return 40.0 + settle + 1.2 * np.sin(run.hours / 2.3) + run.noise(0.8)


def _demand(run: Run) -> Array:
    """Oxygen uptake in mmol/(L h)."""
    return 0.25 * run.state("viable")


def _in_line(name: str, relative: float, absolute: float) -> Callable[[Run], Array]:
    def read(run: Run) -> Array:
        true = run.state(name)
        return np.maximum(true + run.noise(absolute) + run.noise(relative) * true, 0.0)

    return read


def _constant(level: float, noise: float) -> Callable[[Run], Array]:
    return lambda run: level + run.noise(noise)


def _seed_density(final: float) -> Callable[[Run], Array]:
    return lambda run: 0.4 * (final / 0.4) ** run.share * (1 + run.noise(0.02))


def _peaks(height: float, cycles: int) -> Callable[[Run], Array]:
    def draw(run: Run) -> Array:
        place = (run.share * cycles) % 1.0
        load = 220.0 * (place < 0.6)
        return load + height * np.exp(-(((place - 0.78) / 0.045) ** 2)) + np.abs(run.noise(3.0))

    return draw


def _low_hold(run: Run) -> Array:
    acid = np.where(run.share < 0.15, 7.0 - 23.0 * run.share, 3.55)
    return np.where(run.share > 0.62, np.minimum(3.55 + 30.0 * (run.share - 0.62), 5.5), acid) + run.noise(
        0.01
    )


_SEED_MODELS: dict[str, Callable[[Run], Array]] = {
    "TEMP": _constant(36.8, 0.05),
    "PH": lambda run: 7.05 - 0.03 * run.share + run.noise(0.01),
    "DO": lambda run: 40.0 + 40.0 * np.exp(-run.hours / 4.0) + run.noise(0.9),
    "AGIT": lambda run: run.ramp(80, 120) + run.noise(0.3),
}
_MODELS: dict[tuple[str, str], Callable[[Run], Array]] = {
    ("SR-120", "TEMP"): _temperature,
    ("SR-120", "PH"): _ph,
    ("SR-120", "DO"): _oxygen,
    ("SR-120", "AGIT"): lambda run: np.minimum(60 + 14 * _demand(run), 115) + run.noise(0.2),
    ("SR-120", "AIR"): lambda run: 25 + 6 * np.minimum(_demand(run), 3.0) + run.noise(0.2),
    ("SR-120", "O2"): lambda run: np.maximum(_demand(run) - 1.4, 0) * 11.0 + np.abs(run.noise(0.15)),
    ("SR-120", "CO2"): lambda run: 6.0 * np.exp(-run.hours / 60.0) + np.abs(run.noise(0.05)),
    ("SR-120", "PRESS"): _constant(200.0, 2.0),
    ("SR-120", "WEIGHT"): lambda run: (
        run.state("volume") * 1.01 * np.minimum(run.hours / 1.8, 1) + run.noise(0.8)
    ),
    ("SR-120", "FEED_RATE"): lambda run: run.state("feed"),
    ("SR-120", "BASE_TOTAL"): lambda run: np.cumsum(np.clip(run.state("lactate") - 0.6, 0, 3)) * 0.01,
    ("SR-120", "GLUC"): _in_line("glucose", 0.015, 0.08),
    ("SR-120", "LACT"): _in_line("lactate", 0.02, 0.03),
    ("SR-120", "VCD"): _in_line("viable", 0.015, 0.03),
    **{(step, signal): model for step in ("SR-100", "SR-110") for signal, model in _SEED_MODELS.items()},
    ("SR-100", "VCD"): _seed_density(4.2),
    ("SR-110", "VCD"): _seed_density(5.1),
    ("SR-125", "DP"): lambda run: 0.15 + 0.9 * run.share**2 + run.noise(0.01),
    ("SR-125", "FLOW"): _constant(300, 2.5),
    ("SR-130", "UV280"): _peaks(1850.0, 6),
    ("SR-130", "COND"): lambda run: np.where((run.share * 6) % 1 < 0.7, 15.5, 2.2) + run.noise(0.1),
    ("SR-130", "PRESS"): _constant(1.8, 0.03),
    ("SR-130", "FLOW"): _constant(240, 2.0),
    ("SR-140", "PH"): _low_hold,
    ("SR-140", "TEMP"): _constant(20.5, 0.15),
    ("SR-150", "UV280"): _peaks(620.0, 2),
    ("SR-150", "COND"): _constant(5.0, 0.05),
    ("SR-160", "TMP"): _constant(1.0, 0.02),
    ("SR-160", "FLOW"): lambda run: run.ramp(150, 90) + run.noise(1.5),
    ("SR-160", "CONC"): lambda run: np.minimum(12 + 130 * run.share, 50.2) + run.noise(0.2),
    ("SR-210", "SPEED"): _constant(2400, 20),
    **{(step, "ISO_DP"): _constant(32, 0.6) for step in ("SR-200", "SR-210", "SR-220")},
}
_REST = {
    "TEMP": (20.5, 0.2),
    "PH": (7.2, 0.01),
    "DO": (98.0, 0.4),
    "PRESS": (0.0, 0.0),
    "ISO_DP": (30.0, 0.4),
    "COND": (0.2, 0.01),
    SPARE.split("_", 1)[1]: (21.3, 0.15),
}
