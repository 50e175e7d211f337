"""Samples out of tables: zones, the autumn hour, blanks, bad cells, growth, and a count by other means."""

import itertools
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from connectors.files import Files, FilesConfig
from hub.sdk import Misconfigured, Window

YEAR = Window(datetime(2025, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def make(root: Path, *, timezone: str | None = "Europe/Ljubljana", **table: Any) -> Files:
    """Give the connector with one wide table in `*.csv`."""
    settings = {"files": "*.csv", "time": "time", **table}
    return Files(
        FilesConfig.model_validate({"root": str(root), "timezone": timezone, "samples": {"t": settings}})
    )


def rows(files: Files, *tags: str, window: Window = YEAR) -> list[tuple[datetime, Any, Any, int]]:
    """Give time, number, text and quality of these tags."""
    found: list[tuple[datetime, Any, Any, int]] = []
    for batch in files.samples(tags, window):
        found += [(r["ts"], r["value"], r["text"], r["quality"]) for r in batch.to_pylist()]
    return found


def write(root: Path, *lines: str, name: str = "a.csv") -> Path:
    """Write a table."""
    file = root / name
    file.write_text("\n".join(lines) + "\n")
    os.utime(file, (1, 1))
    return file


def test_local_times_are_read_in_the_declared_zone(tmp_path: Path) -> None:
    write(tmp_path, "time,x", "2026-01-10 08:00:00,1", "2026-07-10 08:00:00,2")
    assert [row[0].hour for row in rows(make(tmp_path), "x")] == [7, 6]


def test_local_times_without_a_zone_are_a_clear_error(tmp_path: Path) -> None:
    write(tmp_path, "time,x", "2026-01-10 08:00:00,1")
    with pytest.raises(Misconfigured, match=r"times of a\.csv have no zone.*set `timezone`"):
        make(tmp_path, timezone=None).check()


@pytest.mark.parametrize("block_bytes", [64, 1 << 20])
def test_the_hour_that_comes_twice_is_told_apart_by_the_files_order(tmp_path: Path, block_bytes: int) -> None:
    start = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    truth = [start + timedelta(minutes=10 * n) for n in range(40)]
    local = pd.DatetimeIndex(truth).tz_convert("Europe/Ljubljana").strftime("%Y-%m-%d %H:%M:%S")
    write(tmp_path, "time,x", *(f"{t},{n}" for n, t in enumerate(local)))
    assert [row[0] for row in rows(make(tmp_path, block_bytes=block_bytes), "x")] == truth


def test_an_autumn_hour_that_the_order_does_not_tell_needs_a_decision(tmp_path: Path) -> None:
    write(tmp_path, "time,x", "2026-10-25 02:30:00,1")
    with pytest.raises(Misconfigured, match="comes twice in Europe/Ljubljana"):
        rows(make(tmp_path), "x")
    assert rows(make(tmp_path, ambiguous="earliest"), "x")[0][0].hour == 0
    assert rows(make(tmp_path, ambiguous="latest"), "x")[0][0].hour == 1


def test_a_local_time_that_never_was_is_a_clear_error(tmp_path: Path) -> None:
    write(tmp_path, "time,x", "2026-03-29 02:30:00,1")
    with pytest.raises(Misconfigured, match="does not exist in Europe/Ljubljana"):
        make(tmp_path).check()


@pytest.mark.parametrize(
    ("given", "settings", "expected"),
    [
        ("24.12.2026 08:00:00", {"time_format": "%d.%m.%Y %H:%M:%S"}, (2026, 12, 24, 7, 0)),
        ("24.12.2026 08:00:00.5", {"time_format": "%d.%m.%Y %H:%M:%S.%f"}, (2026, 12, 24, 7, 0, 0, 500_000)),
        ("1798099200", {"time_format": "epoch_s"}, (2026, 12, 24, 8, 0)),
        ("1798099200250", {"time_format": "epoch_ms"}, (2026, 12, 24, 8, 0, 0, 250_000)),
        ("2026-12-24T08:00:00+02:00", {}, (2026, 12, 24, 6, 0)),
        ("2026-12-24T08:00:00.123456Z", {}, (2026, 12, 24, 8, 0, 0, 123_456)),
    ],
)
def test_times_are_read_as_they_are_written(
    tmp_path: Path, given: str, settings: dict[str, Any], expected: tuple[int, ...]
) -> None:
    write(tmp_path, "time,x", f"{given},1")
    assert rows(make(tmp_path, **settings), "x")[0][0] == datetime(*expected, tzinfo=UTC)  # type: ignore[arg-type]


def test_date_and_time_may_stand_in_two_columns(tmp_path: Path) -> None:
    write(tmp_path, "d,t,x", "2026-12-24,08:00:00,1")
    assert rows(make(tmp_path, time=["d", "t"]), "x")[0][0].hour == 7


def test_cells_become_numbers_texts_bad_samples_or_nothing(tmp_path: Path) -> None:
    cells = [" 1.5 ", "   ", "RUN", "Bad Input", "1e3", "-.5", "n/a"]
    write(tmp_path, "time,x", *(f"2026-01-10 08:0{n}:00,{cell}" for n, cell in enumerate(cells)))
    made = rows(make(tmp_path, bad=["Bad Input"], missing=["n/a"]), "x")
    assert [(row[1], row[2], row[3]) for row in made] == [
        (1.5, None, 0),
        (None, "RUN", 0),
        (None, "Bad Input", 0x80000000),
        (1000.0, None, 0),
        (-0.5, None, 0),
    ]


def test_decimal_commas_are_read_on_the_fast_and_on_the_slow_path(tmp_path: Path) -> None:
    write(tmp_path, "time;x;y", "2026-01-10 08:00:00;1,5;2,5", "2026-01-10 08:01:00;2,5;OFF")
    made = make(tmp_path, delimiter=";", decimal=",")
    assert [row[1] for row in rows(made, "x")] == [1.5, 2.5]
    assert [(row[1], row[2]) for row in rows(made, "y")] == [(2.5, None), (None, "OFF")]


def test_a_row_without_a_readable_time_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    write(
        tmp_path, "time,x", "2026-01-10 08:00:00,1", "2026-02-30 08:00:00,2", "x,3", "2026-01-10 08:02:00,4,9"
    )
    files = make(tmp_path)
    assert [row[1] for row in rows(files, "x")] == [1.0]
    assert "1 row(s) with a wrong number of cells, 2 row(s) without a readable time" in files.check().detail


def test_a_vanished_column_is_named_by_check_and_costs_only_itself(tmp_path: Path) -> None:
    write(tmp_path, "time,x", "2026-01-10 08:00:00,1")
    files = make(tmp_path, columns=[{"column": "x"}, {"column": "gone"}])
    assert "vanished columns: gone" in files.check().detail
    assert len(rows(files, "x", "gone")) == 1


def test_a_missing_time_column_is_a_clear_error(tmp_path: Path) -> None:
    write(tmp_path, "tme,x", "2026-01-10 08:00:00,1")
    with pytest.raises(Misconfigured, match=r"a\.csv has no column time; it has tme, x"):
        make(tmp_path).check()


def test_a_wrong_encoding_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"time,x\n2026-01-10 08:00:00,\xb5\n")
    with pytest.raises(Misconfigured, match="encoding"):
        rows(make(tmp_path), "x")
    assert rows(make(tmp_path, encoding="cp1252"), "x")[0][2] == "µ"


def test_a_growing_file_keeps_its_index_and_gives_what_is_new(tmp_path: Path) -> None:
    lines = [f"2026-01-10 08:{n:02d}:00,{n}" for n in range(50)]
    file = write(tmp_path, "time,x", *lines)
    files = make(tmp_path, block_bytes=100, settle_s=0)
    assert len(rows(files, "x")) == 50
    with file.open("a") as end:
        end.write("2026-01-10 08:50:00,50\n2026-01-10 08:51:00,51\n")
    assert [row[1] for row in rows(files, "x")] == [float(n) for n in range(52)]
    write(tmp_path, "time,x", "2026-01-11 08:00:00,7")
    assert [row[1] for row in rows(files, "x")] == [7.0]


def test_a_half_line_at_the_end_waits(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,x\n2026-01-10 08:00:00,1\n2026-01-10 08:00:10,2")
    assert len(rows(make(tmp_path, settle_s=3600), "x")) == 1
    os.utime(tmp_path / "a.csv", (1, 1))
    assert len(rows(make(tmp_path), "x")) == 2


def test_wide_characters_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,x\n2026-01-10 08:00:00,Ž\n", "utf-16")
    os.utime(tmp_path / "a.csv", (1, 1))
    assert rows(make(tmp_path, encoding="utf-16"), "x")[0][2] == "Ž"


@pytest.mark.against("files", "a tablet plant's published data", how="published")
def test_the_press_series_counts_as_pandas_counts_it(shared_folder: Path) -> None:
    root = shared_folder / "data" / "tabletting"
    files = make(root, files="Process/*.csv", delimiter=";", time="timestamp", tag="{column}")
    table = pd.read_csv(root / "Process" / "3.csv", sep=";")
    other = pd.read_csv(root / "Process" / "6.csv", sep=";")
    whole = Window(datetime(2018, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC))
    days = [whole.start + timedelta(days=100 * n) for n in range(16)]
    given = [row for a, b in itertools.pairwise(days) for row in rows(files, "SREL", window=Window(a, b))]
    assert len(given) == len(table) + len(other)
    assert sum(row[1] for row in given) == pytest.approx(table["SREL"].sum() + other["SREL"].sum())
