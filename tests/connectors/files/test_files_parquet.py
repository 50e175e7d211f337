"""Samples out of Parquet: what its statistics tell, and what row groups that span many windows give."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.files import Files, FilesConfig
from hub.sdk import Unavailable, Window

T0 = datetime(2026, 3, 1, tzinfo=UTC)
MINUTES = list(range(300))
SHUFFLED = [n * 7 % 300 for n in range(300)]


def write(root: Path, minutes: Sequence[int | None], *, unit: str = "us", **options: Any) -> Path:
    """Write a table of minutes after `T0` and the values that go with them."""
    times = [None if n is None else T0 + timedelta(minutes=n) for n in minutes]
    kind: Any = pa.timestamp(unit, "UTC")  # pyright: ignore[reportArgumentType, reportCallIssue] - any unit
    table = pa.table({"at": pa.array(times, kind), "x": pa.array([float(n or 0) for n in minutes])})
    pq.write_table(table, root / "a.parquet", **options)
    return root / "a.parquet"


def make(root: Path) -> Files:
    table = {"files": "*.parquet", "time": "at"}
    return Files(FilesConfig.model_validate({"root": str(root), "samples": {"t": table}}))


def read(files: Files, start: int, end: int) -> list[tuple[datetime, float]]:
    """Give times and values from one minute to another."""
    window = Window(T0 + timedelta(minutes=start), T0 + timedelta(minutes=end))
    return [(row["ts"], row["value"]) for batch in files.samples(["x"], window) for row in batch.to_pylist()]


def expect(minutes: Sequence[int]) -> list[tuple[datetime, float]]:
    return [(T0 + timedelta(minutes=n), float(n)) for n in minutes]


@pytest.mark.parametrize("minutes", [MINUTES, SHUFFLED], ids=["in order", "shuffled"])
@pytest.mark.parametrize("rows", [300, 64, 7])
def test_windows_smaller_than_a_row_group_give_each_sample_once(
    tmp_path: Path, minutes: list[int], rows: int
) -> None:
    write(tmp_path, minutes, row_group_size=rows)
    files = make(tmp_path)
    parts = [read(files, start, end) for start, end in itertools.pairwise(range(0, 310, 10))]
    assert [sorted(part) for part in parts] == [
        expect(range(start, start + 10)) for start in range(0, 300, 10)
    ]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("statistics", [True, False])
def test_the_span_is_the_same_whether_statistics_tell_it_or_the_rows(
    tmp_path: Path, unit: str, statistics: bool
) -> None:
    write(tmp_path, SHUFFLED, unit=unit, row_group_size=50, write_statistics=statistics)
    files = make(tmp_path)
    assert files.extent() == Window(T0, T0 + timedelta(minutes=299, microseconds=1))
    assert sorted(read(files, 100, 103)) == expect([100, 101, 102])


@pytest.mark.parametrize("statistics", [True, False])
def test_rows_without_a_time_are_counted_and_the_others_come(tmp_path: Path, statistics: bool) -> None:
    write(tmp_path, [None, *MINUTES[:9], *[None] * 10], row_group_size=10, write_statistics=statistics)
    files = make(tmp_path)
    assert "11 row(s) without a readable time" in files.check().detail
    assert read(files, 0, 300) == expect(MINUTES[:9])


def test_times_before_1970_with_nanoseconds_are_cut_as_arrow_cuts_them(tmp_path: Path) -> None:
    stored = pa.array([-1_500, 1_500], pa.int64()).view(pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"at": stored, "x": [1.0, 2.0]}), tmp_path / "a.parquet")
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    files = make(tmp_path)
    assert files.extent() == Window(epoch - tick, epoch + 2 * tick)
    given = [
        row["ts"]
        for batch in files.samples(["x"], Window(epoch - tick, epoch + 2 * tick))
        for row in batch.to_pylist()
    ]
    assert given == [epoch - tick, epoch + tick]


def test_a_file_that_is_written_anew_between_two_windows_is_read_anew(tmp_path: Path) -> None:
    write(tmp_path, MINUTES, row_group_size=300)
    files = make(tmp_path)
    assert len(read(files, 0, 10)) == 10
    write(tmp_path, MINUTES[:15], row_group_size=300)
    assert read(files, 10, 20) == expect(MINUTES[10:15])


def test_a_file_that_is_replaced_under_way_is_no_mixture(tmp_path: Path) -> None:
    write(tmp_path, MINUTES, row_group_size=10)
    files = make(tmp_path)
    given = files.samples(["x"], Window(T0, T0 + timedelta(minutes=300)))
    first = next(iter(given))
    (tmp_path / "new").mkdir()
    write(tmp_path / "new", [n * 2 for n in MINUTES], row_group_size=10).replace(tmp_path / "a.parquet")
    rest = [row["value"] for batch in given for row in batch.to_pylist()]
    assert [*first.column("value").to_pylist(), *rest] == [float(n) for n in MINUTES]


def test_half_a_file_is_unavailable(tmp_path: Path) -> None:
    path = write(tmp_path, MINUTES)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(Unavailable, match="no whole Parquet file"):
        make(tmp_path).check()
