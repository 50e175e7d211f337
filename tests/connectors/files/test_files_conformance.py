"""The files connector keeps the promises of the door, for records and for samples, CSV and Parquet."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.files import Files, FilesConfig
from hub.sdk import Window
from hub.sdk.testing import RecordSuite, SampleSuite

T0 = datetime(2026, 3, 1, tzinfo=UTC)
NOTE = "as found " * 200
"""Makes few rows large, where memory is tried."""
RESULTS = """sample;batch;test;entry;unit;changed
S1;B1;TITRE;3,10;mg/mL;2026-03-01 08:00:00
S2;B1;HCP;<0,05;ng/mg;2026-03-01 09:00:00
S3;B2;TITRE;2,90;mg/mL;2026-03-01 09:00:00
S4;B2;"COLOUR; lamp";clear
yellow;;2026-03-01 09:00:00
S5;B3;TITRE;3,00;mg/mL;2026-03-01 10:00:00
"""
RESULTS = RESULTS.replace("clear\nyellow", '"clear\nyellow"')
MAPPED: dict[str, Any] = {
    "delimiter": ";",
    "key": "{sample}",
    "changed_at": "changed",
    "page_rows": 2,
    "reading": {"decimal": ","},
    "records": [
        {"record": "sample", "fields": {"key": "sample", "code": "sample", "batch": "batch"}},
        {
            "record": "test_result",
            "fields": {
                "key": "{sample}/{test}",
                "sample": "sample",
                "test_code": "test",
                "value": {"path": "entry", "unit_path": "unit"},
                "measured_at": "changed",
            },
        },
    ],
}


def make_files(root: Path, **settings: Any) -> Files:
    """Give the connector on a folder."""
    return Files(FilesConfig.model_validate({"root": str(root), "timezone": "Europe/Dublin", **settings}))


class TestCsvRecords(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, tmp_path: Path) -> None:
        self.root = tmp_path
        (tmp_path / "results_1.csv").write_text(RESULTS)
        (tmp_path / "results_2.csv").write_text(RESULTS.replace("S", "T").replace("\n", "\r\n"))

    def holds(self) -> dict[str, int]:
        return {"results": 10, "lines": 3, "whole": 5}

    def make(self) -> Files:
        return make_files(
            self.root,
            streams={
                "results": {"files": "results_*.csv", **MAPPED},
                "lines": {
                    "rows": [{"code": "L1"}, {"code": "L2"}, {"code": "L3"}],
                    "page_rows": 1,
                    "records": [{"record": "equipment", "fields": {"id": "code"}}],
                },
                "whole": {"files": "results_1.csv", **MAPPED, "snapshot": True},
            },
        )

    def grow(self) -> bool:
        with (self.root / "results_1.csv").open("a") as file:
            file.write("S6;B3;TITRE;3,01;mg/mL;2026-03-01 10:00:00\n")
        (self.root / "results_0.csv").write_text(RESULTS.replace("S", "U"))
        return True

    def make_large(self, factor: int) -> Files:
        head = RESULTS.splitlines()[0]
        lines = (f"L{n};B{n};HCP;3;ng/mg;2026-03-01 08:00:00;{NOTE}\n" for n in range(300 * factor))
        (self.root / "large.csv").write_text(f"{head};note\n" + "".join(lines))
        large = {"files": "large.csv", **MAPPED, "page_rows": 30}
        return make_files(self.root, streams={"results": large})


class TestParquetRecords(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, tmp_path: Path) -> None:
        self.root = tmp_path
        rows = [{"batch": f"B{n}", "size": n * 1.5, "unit": "kg"} for n in range(7)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=3)

    def holds(self) -> dict[str, int]:
        return {"batches": 7}

    def make(self) -> Files:
        return make_files(self.root, streams=self._of("*.parquet", 3))

    def _of(self, files: str, page_rows: int) -> dict[str, Any]:
        fields = {"id": "batch", "actual_size": {"path": "size", "unit_path": "unit"}}
        rules = [{"record": "batch", "fields": fields}]
        return {"batches": {"files": files, "key": "{batch}", "page_rows": page_rows, "records": rules}}

    def grow(self) -> bool:
        rows = [{"batch": f"C{n}", "size": n * 1.5, "unit": "kg"} for n in range(2)]
        pq.write_table(pa.Table.from_pylist(rows), self.root / "b.parquet")
        return True

    def make_large(self, factor: int) -> Files:
        rows = [{"batch": f"L{n}", "size": 1.5, "unit": "kg", "note": NOTE} for n in range(300 * factor)]
        pq.write_table(pa.Table.from_pylist(rows), self.root / "large.parquet", row_group_size=100)
        return make_files(self.root, streams=self._of("large.parquet", 30))


class TestWideSamples(SampleSuite):
    @pytest.fixture(autouse=True)
    def world(self, tmp_path: Path) -> None:
        self.root = tmp_path
        head = "time;speed;state;force\n"
        lines = [
            f"2026-03-01 08:{m:02d}:00;{m};{'RUN' if m % 3 else 'STOP'};{m / 7:.3f}\n" for m in range(60)
        ]
        (tmp_path / "a.csv").write_text(head + "".join(lines[:30]))
        (tmp_path / "b.csv").write_text(head + "".join(lines[30:]) + "2026-03-01 09:00:00; ;;1e3\n")

    def holds(self) -> int:
        return 3 * 60 + 1

    def make(self) -> Files:
        return self._make("*.csv", 200)

    def _make(self, files: str, block_bytes: int) -> Files:
        columns = [{"column": "speed"}, {"column": "state", "value_type": "string"}, {"column": "force"}]
        return make_files(
            self.root,
            samples={
                "press": {
                    "files": files,
                    "delimiter": ";",
                    "time": "time",
                    "tag": "P1.{column}",
                    "columns": columns,
                    "block_bytes": block_bytes,
                }
            },
        )

    def make_large(self, factor: int) -> tuple[Files, Window]:
        rows = 8_000 * factor
        lines = (f"{T0 + timedelta(seconds=n):%Y-%m-%d %H:%M:%S};{n};RUN;{n / 7:.3f}\n" for n in range(rows))
        (self.root / "large.txt").write_text("time;speed;state;force\n" + "".join(lines))
        return self._make("large.txt", 1 << 16), Window(T0, T0 + timedelta(seconds=rows))


class TestLongSamples(SampleSuite):
    @pytest.fixture(autouse=True)
    def world(self, tmp_path: Path) -> None:
        self.root = tmp_path
        lines = ["tag,ts,value,quality"]
        for m in range(40):
            lines.append(f"BR1.T,2026-03-01T08:{m:02d}:00.250Z,{36 + m / 10},Good")
            lines.append(f"BR1.DO,2026-03-01T08:{m:02d}:00Z,{'Bad Input' if m == 9 else 40},Questionable")
        (tmp_path / "long.csv").write_text("\n".join(lines) + "\n")

    def holds(self) -> int:
        return 80

    def make(self) -> Files:
        return self._make("long.csv", 300)

    def make_large(self, factor: int) -> tuple[Files, Window]:
        rows = 16_000 * factor
        lines = (
            f"BR1.T,{T0 + timedelta(seconds=n):%Y-%m-%dT%H:%M:%S}Z,{n / 7:.3f},Good\n" for n in range(rows)
        )
        (self.root / "large.csv").write_text("tag,ts,value,quality\n" + "".join(lines))
        return self._make("large.csv", 1 << 16), Window(T0, T0 + timedelta(seconds=rows))

    def _make(self, files: str, block_bytes: int) -> Files:
        return make_files(
            self.root,
            samples={
                "pi": {
                    "files": files,
                    "layout": "long",
                    "time": "ts",
                    "tag_column": "tag",
                    "value_column": "value",
                    "quality_column": "quality",
                    "quality": {"Good": 0, "Questionable": 0x40000000},
                    "bad": ["Bad Input"],
                    "block_bytes": block_bytes,
                }
            },
        )


class TestParquetSamples(SampleSuite):
    @pytest.fixture(autouse=True)
    def world(self, tmp_path: Path) -> None:
        self.root = tmp_path
        stamps = pa.array(range(0, 50_000_000, 1_000_000), pa.timestamp("us", "UTC"))
        table = pa.table(
            {
                "ts": stamps,
                "T": pa.array([n / 2 for n in range(50)]),
                "on": pa.array([n % 2 == 0 for n in range(50)]),
            }
        )
        pq.write_table(table, tmp_path / "x.parquet", row_group_size=20)

    def holds(self) -> int:
        return 100

    def make(self) -> Files:
        return self._make("x.parquet")

    def make_large(self, factor: int) -> tuple[Files, Window]:
        rows = 16_000 * factor
        stamps = pa.array([T0 + timedelta(seconds=n) for n in range(rows)])
        table = pa.table({"ts": stamps, "T": pa.array(range(rows), pa.float64())})
        pq.write_table(table, self.root / "large.parquet", row_group_size=5_000)
        return self._make("large.parquet"), Window(T0, T0 + timedelta(seconds=rows))

    def _make(self, files: str) -> Files:
        return make_files(self.root, samples={"x": {"files": files, "time": "ts", "tag": "{file}/{column}"}})
