"""The snippets of docs/lakehouse.md, run as they stand there: each gives what the hub answers."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hub.store.lake.compaction import compact
from hub.store.samples import read_samples
from tests.store.lake.cellars import Cellar, Row, cellar, copied, moment

PAGE = Path(__file__).parents[3] / "docs/lakehouse.md"
NAMES = ("phase", "count", "mean", "least", "greatest")


def snippet(title: str) -> str:
    found = re.search(rf'```python title="{title}"\n(.*?)```', PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"no snippet {title} in {PAGE.name}"
    return found[1]


@pytest.fixture
def store(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Cellar]:
    """Samples in several runs of two months, corrected, told again, and some of them bad."""
    rng = np.random.default_rng(1)
    with cellar(copied(migrated_sqlite, tmp_path / "data")) as one:
        for seq in range(1, 5):
            rows: list[Row] = [
                (tag, hour, float(rng.normal()), None, 0x80000000 if rng.random() < 0.1 else 0)
                for tag in "abc"
                for hour in range(96)
                if rng.random() < 0.5
            ]
            one.put(rows, seq=seq)
            one.fold()
            if seq == 2:
                with one.turn() as turn:
                    compact(turn, runs=2)
        yield one


def make_phases(store: Cellar) -> pa.Table:
    rows = [
        {"phase": f"{tag}{at}", "tag_id": tag_id, "start": moment(at * 5), "stop": moment(at * 5 + 4)}
        for tag, tag_id in store.tags.items()
        for at in range(15)
    ]
    kind = pa.timestamp("us", tz="UTC")
    return pa.Table.from_pylist(
        rows,
        schema=pa.schema([("phase", pa.string()), ("tag_id", pa.int64()), ("start", kind), ("stop", kind)]),
    )


def ask_hub(store: Cellar, phases: pa.Table) -> list[tuple[Any, ...]]:
    answer: list[tuple[Any, ...]] = []
    with store.database.read() as connection:
        for phase in phases.to_pylist():
            found = read_samples(connection, [phase["tag_id"]], phase["start"], phase["stop"])
            good = found.filter(pa.array((found["quality"].to_numpy() >> 30) == 0))["value"].to_numpy()
            if len(good):
                answer.append((phase["phase"], len(good), good.mean(), good.min(), good.max()))
    return sorted(answer)


def agree(rows: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]) -> None:
    assert len(expected) > 30
    assert [row[:2] for row in rows] == [row[:2] for row in expected]
    assert np.array([row[2:] for row in rows]) == pytest.approx(np.array([row[2:] for row in expected]))


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_another_engine_gives_what_the_hub_answers(store: Cellar, engine: str) -> None:
    phases = make_phases(store)
    names: dict[str, Any] = {"lake": store.database.cellar.lake.place.root, "phases": phases}
    exec(compile(snippet(engine), engine, "exec"), names)
    rows = [tuple(row[name] for name in NAMES) for row in names["answer"].to_pylist()]
    agree(rows, ask_hub(store, phases))


@pytest.mark.nightly
def test_spark_gives_what_the_hub_answers(store: Cellar, tmp_path: Path) -> None:
    """Spark from its own package, in an environment of its own; needs Java 17 and the package index."""
    python = tmp_path / "spark/bin/python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "spark")], check=True)
    subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "pyspark>=3.5,<5", "deltalake", "pyarrow", "setuptools"],
        check=True,
    )
    phases = make_phases(store)
    pq.write_table(phases, tmp_path / "phases.parquet")
    program = "\n".join(
        (
            "import json, pyarrow.parquet",
            f"lake = {store.database.cellar.lake.place.root!r}",
            f"phases = pyarrow.parquet.read_table({str(tmp_path / 'phases.parquet')!r})",
            snippet("pyspark"),
            "print('ANSWER ' + json.dumps([list(row) for row in answer]))",
        )
    )
    done = subprocess.run(
        [str(python), "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "SPARK_LOCAL_IP": "127.0.0.1", "TZ": "UTC"},
    )
    told = next(line for line in done.stdout.splitlines() if line.startswith("ANSWER "))
    agree([tuple(row) for row in json.loads(told.removeprefix("ANSWER "))], ask_hub(store, phases))
