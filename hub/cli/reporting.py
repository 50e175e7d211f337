"""Progress and results for people: bars on a terminal, plain lines elsewhere."""

import sys
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from hub.ingest.runner import Outcome


class Reporter:
    """Shows what is read while it is read. Use as a context; `quiet` shows nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._live = sys.stderr.isatty() and not quiet
        self._lock = threading.Lock()
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not self._live,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def read(self, outcome: Outcome) -> None:
        """Show how far a stream has been read."""
        with self._lock:
            key = (outcome.source, outcome.stream)
            if key not in self._tasks:
                self._tasks[key] = self._bar.add_task(f"{key[0]} · {key[1]}", total=None, told="")
            told = tell_outcome(outcome)
            if outcome.share is None:
                self._bar.update(self._tasks[key], told=told)
            else:
                self._bar.update(self._tasks[key], told=told, total=1.0, completed=outcome.share)

    def resolved(self, done: int, total: int) -> None:
        """Show how far resolution has come."""
        with self._lock:
            key = ("hub", "resolve")
            if key not in self._tasks:
                self._tasks[key] = self._bar.add_task("hub · resolve", total=total, told="")
            self._bar.update(
                self._tasks[key], completed=done, total=total, told=f"{done:,} of {total:,} statements"
            )


def tell_outcome(outcome: Outcome) -> str:
    """Say in one line what a run of a stream did."""
    parts: list[str] = []
    if outcome.samples:
        parts.append(f"{outcome.samples:,} samples")
    if outcome.documents:
        parts.append(f"{outcome.documents:,} documents, {outcome.records:,} records")
    if outcome.rejected:
        parts.append(f"{outcome.rejected:,} in quarantine")
    if outcome.error:
        parts.append(f"stopped: {outcome.error}")
    if outcome.note:
        parts.append(outcome.note)
    return "; ".join(parts) or "nothing new"


def print_outcomes(outcomes: Iterable[Outcome]) -> None:
    """Print a line a stream."""
    for outcome in outcomes:
        typer.echo(f"  {outcome.source:<12} {outcome.stream:<20} {tell_outcome(outcome)}")
