"""Statistics of a tag over spans, told again sample by sample in plain Python."""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median, stdev
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.insight.course import MICROS, Course, make_course
from hub.insight.statistics import STATISTICS, Spans, StatisticName, compute

GOOD, UNCERTAIN, BAD = 0, 0x40000000, 0x80000000
Row = tuple[int, float | None, str | None, int]
"""Second, number, text, quality."""


def course(rows: Sequence[Row], *, is_step: bool = False, max_gap_s: float | None = None) -> Course:
    table = pa.table(
        {
            "ts": pa.array([second * MICROS for second, *_ in rows], pa.int64()).cast(
                pa.timestamp("us", tz="UTC")
            ),
            "value": pa.array([value for _, value, _, _ in rows], pa.float64()),
            "text": pa.array([text for _, _, text, _ in rows], pa.string()),
            "quality": pa.array([quality for *_, quality in rows], pa.uint32()),
        }
    )
    gap = None if max_gap_s is None else int(max_gap_s * MICROS)
    return make_course(table, is_step=is_step, max_gap=gap)


def numbers(*pairs: tuple[int, float]) -> list[Row]:
    return [(second, value, None, GOOD) for second, value in pairs]


def of_span(found: Course, start: float, end: float, *names: str, state: Any = None) -> dict[str, float]:
    spans = Spans.each(np.asarray([int(start * MICROS)]), np.asarray([int(end * MICROS)]))
    return {name: float(column[0]) for name, column in compute(found, spans, names, state=state).items()}


def test_a_step_tag_stands_at_its_value_until_the_next_sample() -> None:
    steps = course(numbers((0, 10.0), (6, 20.0)), is_step=True)
    found = of_span(steps, 0, 10, "time_mean", "mean", "percent_good", "at_start", "at_end")
    expected = {"time_mean": 14.0, "mean": 15.0, "percent_good": 100.0, "at_start": 10.0, "at_end": 20.0}
    assert found == pytest.approx(expected)


def test_a_sloped_tag_goes_straight_between_good_samples() -> None:
    slope = course(numbers((0, 0.0), (10, 10.0)))
    found = of_span(slope, 2, 4, "time_mean", "time_std", "count", "mean", "at_start")
    assert found["time_mean"] == pytest.approx(3.0)
    assert found["time_std"] == pytest.approx(2 / math.sqrt(12))
    assert found["at_start"] == pytest.approx(2.0)
    assert found["count"] == 0
    assert math.isnan(found["mean"])


def test_what_is_not_good_ends_what_stood_before_it_and_counts_for_nothing() -> None:
    for quality in (UNCERTAIN, BAD):
        broken = course([(0, 1.0, None, GOOD), (4, 99.0, None, quality), (8, 3.0, None, GOOD)])
        found = of_span(broken, 0, 10, "time_mean", "percent_good", "count", "max", "duration_good")
        assert found == pytest.approx(
            {
                "time_mean": (4 * 1 + 2 * 3) / 6,
                "percent_good": 60.0,
                "count": 2,
                "max": 3.0,
                "duration_good": 6,
            }
        )


def test_a_number_that_is_none_counts_as_not_good() -> None:
    broken = course([(0, 1.0, None, GOOD), (5, math.nan, None, GOOD), (7, math.inf, None, GOOD)])
    assert of_span(broken, 0, 10, "count", "percent_good") == {"count": 1, "percent_good": 50.0}


def test_before_the_first_sample_nothing_is_known() -> None:
    late = course(numbers((8, 5.0)), is_step=True)
    found = of_span(late, 0, 10, "time_mean", "percent_good", "at_start")
    assert (found["time_mean"], found["percent_good"]) == (5.0, 20.0)
    assert math.isnan(found["at_start"])


def test_a_sample_before_the_span_bounds_it_but_is_not_one_of_its_samples() -> None:
    earlier = course(numbers((-100, 7.0)), is_step=True)
    found = of_span(earlier, 0, 10, "time_mean", "count", "min", "at_start", "percent_good")
    assert (found["time_mean"], found["count"], found["at_start"], found["percent_good"]) == (7, 0, 7, 100)
    assert math.isnan(found["min"])


def test_a_sample_at_the_start_is_in_the_span_and_one_at_its_end_is_not() -> None:
    two = course(numbers((0, 1.0), (10, 2.0)), is_step=True)
    found = of_span(two, 0, 10, "count", "last", "at_end", "time_mean")
    assert found == {"count": 1, "last": 1.0, "at_end": 1.0, "time_mean": 1.0}


def test_a_long_silence_is_not_known_when_a_greatest_gap_is_given() -> None:
    gappy = course(numbers((0, 1.0), (2, 1.0), (50, 1.0), (52, 1.0)), max_gap_s=5)
    assert of_span(gappy, 0, 60, "duration_good")["duration_good"] == pytest.approx(2 + 2 + 5)
    assert of_span(course(numbers((0, 1.0), (50, 1.0))), 0, 60, "percent_good")["percent_good"] == 100


def test_a_single_sample_has_a_mean_and_no_deviation() -> None:
    one = course(numbers((3, 4.5)))
    found = of_span(one, 0, 10, "mean", "std", "time_std", "range", "time_mean")
    assert (found["mean"], found["range"], found["time_mean"], found["time_std"]) == (4.5, 0, 4.5, 0)
    assert math.isnan(found["std"])


def test_no_sample_at_all_is_nothing_known() -> None:
    found = of_span(course([]), 0, 10, *STATISTICS, state=1.0)
    zero = {name for name, value in found.items() if value == 0}
    assert zero == {"count", "changes", "percent_good", "duration_good", "duration_in_state"}
    assert found["duration"] == 10


def test_time_in_a_state_of_texts_and_of_booleans() -> None:
    rows: list[Row] = [(0, None, "Idle", GOOD), (3, None, "Running", GOOD), (9, None, "Idle", GOOD)]
    assert of_span(course(rows), 0, 20, "duration_in_state", state="Running")["duration_in_state"] == 6
    valve = course(numbers((0, 1.0), (4, 0.0), (6, 1.0)), is_step=True)
    assert of_span(valve, 0, 10, "duration_in_state", state=1.0)["duration_in_state"] == 8
    assert of_span(course(rows), 0, 20, "changes", "count") == {"changes": 2, "count": 0}


def test_a_constant_has_no_deviation_at_all() -> None:
    flat = course(numbers(*((second, 0.1) for second in range(1000))))
    found = of_span(flat, 0, 1000, "std", "time_std", "mean")
    assert (found["std"], found["time_std"]) == (0.0, 0.0)
    assert found["mean"] == pytest.approx(0.1)


def test_spans_of_a_group_are_told_as_one() -> None:
    ramp = course(numbers(*((second, float(second)) for second in range(100))))
    starts, ends = np.asarray([10, 50, 20]) * MICROS, np.asarray([20, 60, 30]) * MICROS
    spans = Spans(starts, ends, np.asarray([0, 0, 1]), 3)
    found = compute(ramp, spans, ("count", "mean", "median", "at_start", "at_end", "duration"))
    assert found["count"].tolist() == [20, 10, 0]
    assert found["mean"][0] == np.mean([*range(10, 20), *range(50, 60)])
    assert found["median"][0] == np.median([*range(10, 20), *range(50, 60)])
    assert (found["at_start"][0], found["at_end"][0]) == (10, pytest.approx(60))
    assert found["duration"].tolist() == [20, 10, 0]
    assert np.isnan(found["mean"][2])


# ------------------------------------------------------------------------ told again in plain Python
SAMPLES = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.one_of(st.none(), st.integers(-50, 50).map(float), st.just(math.nan)),
        st.none(),
        st.sampled_from((GOOD, GOOD, GOOD, UNCERTAIN, BAD)),
    ),
    unique_by=lambda row: row[0],
    max_size=25,
).map(sorted)
SPANS = st.lists(st.tuples(st.integers(-5, 65), st.integers(1, 40)), min_size=1, max_size=6)
STEP_S = 0.25


@given(rows=SAMPLES, spans=SPANS, is_step=st.booleans(), max_gap_s=st.sampled_from((None, 3.0, 20.0)))
def test_every_statistic_is_what_it_says(
    rows: list[Row], spans: list[tuple[int, int]], is_step: bool, max_gap_s: float | None
) -> None:
    starts = np.asarray([start for start, _ in spans]) * MICROS
    ends = starts + np.asarray([length for _, length in spans]) * MICROS
    built = course(rows, is_step=is_step, max_gap_s=max_gap_s)
    found = compute(built, Spans.each(starts, ends), list(STATISTICS), state=1.0)
    for at, (start, length) in enumerate(spans):
        told = tell(rows, start, start + length, is_step=is_step, max_gap_s=max_gap_s)
        got = {name: float(column[at]) for name, column in found.items()}
        assert got == pytest.approx(told, nan_ok=True, abs=1e-6)


def tell(
    rows: list[Row], start: int, end: int, *, is_step: bool, max_gap_s: float | None
) -> dict[str, float]:
    """Give every statistic of a span, looking at one sample or one stretch at a time."""
    inside = [value for second, value, _, _ in rows if start <= second < end and counts_at(rows, second)]
    values = [float(value) for value in inside if value is not None]
    area = square = known = in_state = 0.0
    for begin, stop, left, right in stretches(rows, is_step=is_step, max_gap_s=max_gap_s):
        one, other = max(begin, start), min(stop, end)
        if one < other:
            slope = (right - left) / (stop - begin) if math.isfinite(stop) else 0.0
            a, b = left + slope * (one - begin), left + slope * (other - begin)
            known += other - one
            area += (a + b) / 2 * (other - one)
            square += (a * a + a * b + b * b) / 3 * (other - one)
            in_state += (other - one) if left == 1.0 else 0
    mean = area / known if known else math.nan
    edges = {
        name: value_at(rows, at, is_step=is_step, max_gap_s=max_gap_s)
        for name, at in (("at_start", start), ("at_end", end - 1e-6))
    }
    none = math.nan
    return {
        "count": len(values),
        "mean": sum(values) / len(values) if values else none,
        "min": min(values, default=none),
        "max": max(values, default=none),
        "range": max(values) - min(values) if values else none,
        "std": stdev(values) if len(values) > 1 else none,
        "median": median(values) if values else none,
        "first": values[0] if values else none,
        "last": values[-1] if values else none,
        "changes": sum(one != other for one, other in pairwise(values)),
        "time_mean": mean,
        "time_std": math.sqrt(max(square / known - mean * mean, 0)) if known else none,
        **edges,
        "percent_good": 100 * known / (end - start),
        "duration_good": known,
        "duration_in_state": in_state,
        "duration": end - start,
    }


def counts_at(rows: list[Row], second: int) -> bool:
    return any(
        at == second and value is not None and math.isfinite(value) and quality == GOOD
        for at, value, _, quality in rows
    )


def stretches(
    rows: list[Row], *, is_step: bool, max_gap_s: float | None
) -> list[tuple[float, float, float, float]]:
    """Give (begin, end, value at begin, value at end) of every stretch in which a number is known."""
    found: list[tuple[float, float, float, float]] = []
    for at, (second, value, _, _) in enumerate(rows):
        if value is None or not counts_at(rows, second):
            continue
        following = rows[at + 1] if at + 1 < len(rows) else None
        if following is None:
            found.append((second, second + max_gap_s if max_gap_s else math.inf, value, value))
        elif max_gap_s is None or following[0] - second <= max_gap_s:
            slopes = not is_step and counts_at(rows, following[0]) and following[1] is not None
            found.append((second, following[0], value, float(following[1] or 0.0) if slopes else value))
    return found


def value_at(rows: list[Row], at: float, *, is_step: bool, max_gap_s: float | None) -> float:
    for second, value, _, _ in rows:
        if second == at and value is not None and counts_at(rows, second):
            return value
    for begin, end, left, right in stretches(rows, is_step=is_step, max_gap_s=max_gap_s):
        if begin <= at < end:
            return left + ((right - left) * (at - begin) / (end - begin) if math.isfinite(end) else 0.0)
    return math.nan


def test_the_statistics_that_may_be_asked_for_are_those_that_are_described() -> None:
    assert get_args(StatisticName) == tuple(STATISTICS)
