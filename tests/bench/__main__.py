"""`poe bench [word…]`: run the benchmarks whose names hold one of the words, print a table, write bench.json.

A benchmark is a function `bench_…(folder: Path) -> Iterable[Row]` in a file `tests/bench/bench_….py`; the
folder is empty and its own. Exit status 1 when a benchmark broke; a target not held is shown, not punished.
"""

import gc
import importlib
import json
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.ruler import Row

HERE = Path(__file__).resolve().parent
RESULT = HERE.parent.parent / "bench.json"

Benchmark = Callable[[Path], Iterable[Row]]


def find(words: list[str]) -> Iterator[tuple[str, Benchmark]]:
    """Name and function of each benchmark that was asked for, in the order of files and lines."""
    for path in sorted(HERE.glob("bench_*.py")):
        module = importlib.import_module(f"tests.bench.{path.stem}")
        benchmarks: dict[str, Benchmark] = {k: v for k, v in vars(module).items() if k.startswith("bench_")}
        for name, benchmark in benchmarks.items():
            full = f"{path.stem}.{name}"
            if not words or any(word in full for word in words):
                yield full, benchmark


def run(benchmark: Benchmark) -> list[Row]:
    """Rows of one benchmark in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="plantwide-bench-") as folder:
        return list(benchmark(Path(folder)))


def draw(rows: list[Row]) -> Table:
    """The table for people."""
    table = Table("name", "figure", "against", "ratio", "target", "held", title=describe_machine())
    for row in rows:
        table.add_row(
            row.name,
            f"{row.figure:,.4g} {row.unit}",
            "–" if row.against is None else f"{row.against:,.4g} {row.unit}",
            "–" if row.ratio is None else f"{row.ratio:.2f}×",
            row.target or "–",
            {True: "yes", False: "NO", None: "–"}[row.held],
        )
    return table


def describe_machine() -> str:
    """Where the figures were taken, for `docs/performance.md`."""
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def main(words: list[str]) -> int:
    """Run, print, write."""
    gc.set_threshold(50_000, 20, 20)  # as the commands have it
    console, rows, broken = Console(), list[Row](), list[str]()
    for name, benchmark in find(words):
        console.print(f"[dim]{name}[/dim]")
        try:
            rows += run(benchmark)
        except Exception:  # noqa: BLE001 - one broken benchmark must not cost the figures of the others
            traceback.print_exc()
            broken.append(name)
    console.print(draw(rows))
    RESULT.write_text(
        json.dumps([row.as_json() for row in rows], indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    missed = [row.name for row in rows if row.held is False]
    console.print(f"{len(rows)} figures in bench.json; targets not held: {', '.join(missed) or 'none'}")
    if broken:
        console.print(f"broken: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
