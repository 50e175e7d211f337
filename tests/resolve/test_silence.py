"""Runs found from a tag that falls silent."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from hub.resolve.frames import find_runs

START = datetime(2026, 3, 10, 8, tzinfo=UTC)


def batch_tag(samples: Sequence[tuple[float, str]]) -> pa.Table:
    """Samples of a tag that holds the batch: (seconds from START, batch)."""
    return pa.table(
        {
            "ts": pa.array([START + timedelta(seconds=s) for s, _ in samples], pa.timestamp("us", tz="UTC")),
            "value": pa.array([None] * len(samples), pa.float64()),
            "text": pa.array([batch for _, batch in samples], pa.string()),
        }
    )


def seconds_of(samples: Sequence[tuple[float, str]], gap_s: float | None) -> list[tuple[str, float, float]]:
    return [
        (run.batch, (run.start - START).total_seconds(), (run.end - START).total_seconds())
        for run in find_runs([batch_tag(samples)], gap_s)
    ]


REGULAR = [(0, "A"), (10, "A"), (20, "A"), (5000, "B"), (5010, "B")]


def test_a_silence_ends_a_run_after_its_last_sample_which_still_belongs_to_it() -> None:
    assert seconds_of(REGULAR, 60) == [("A", 0, 30), ("B", 5000, 5020)]


def test_without_a_longest_silence_only_another_batch_ends_a_run() -> None:
    assert seconds_of(REGULAR, None) == [("A", 0, 5000), ("B", 5000, 5010)]


def test_the_same_batch_after_a_silence_is_a_second_run() -> None:
    assert seconds_of([(0, "A"), (10, "A"), (900, "A"), (910, "A")], 60) == [("A", 0, 20), ("A", 900, 920)]


@pytest.mark.parametrize("gap_s", [None, 60.0])
def test_a_lonely_sample_has_no_spacing(gap_s: float | None) -> None:
    assert seconds_of([(0, "A")], gap_s) == [("A", 0, 0)]
