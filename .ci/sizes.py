"""Print the sizes of files and functions, in lines: median, 95th percentile and the three largest.

For the eye; nothing fails. Where the models of this house stand: files of 45-140 lines at the median and
seldom over 400, functions of 5-10 lines and seldom over 40. A long one is a question, not an offence.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent


def measure_files(folder: str) -> Iterator[tuple[int, str]]:
    """(lines, path) of each Python file under a folder of the checkout."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield len(path.read_text(encoding="utf-8").splitlines()), str(path.relative_to(ROOT))


def measure_functions(folder: str) -> Iterator[tuple[int, str]]:
    """(lines, path:line name) of each function and method under a folder of the checkout."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                end = node.end_lineno or node.lineno
                yield end - node.lineno + 1, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


def report(title: str, measured: list[tuple[int, str]]) -> None:
    """One paragraph: how many, the middle, the tail, the largest by name."""
    if not measured:
        return
    ordered = sorted(measured, reverse=True)
    sizes = sorted(size for size, _ in ordered)
    tail = sizes[min(len(sizes) - 1, round(0.95 * (len(sizes) - 1)))]
    print(
        f"{title:24s} {len(sizes):5d}   median {median(sizes):5.0f}   p95 {tail:5d}   largest {sizes[-1]:5d}"
    )
    for size, name in ordered[:3]:
        print(f"{'':24s} {size:5d}   {name}")


def main() -> None:
    """Report the product first, then its tests."""
    for folder in ("hub", "connectors", "tests"):
        report(f"{folder}: files", list(measure_files(folder)))
        report(f"{folder}: functions", list(measure_functions(folder)))


if __name__ == "__main__":
    main()
