"""The whole demo plant: four source processes on loopback, started together, ended together."""

import json
import os
import queue
import secrets
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO

from hub.demo.clock import FILE, read_clock, write_clock
from hub.demo.plan import FIRST
from hub.demo.source import KINDS, MES_FOLDER
from hub.model.instant import format_instant

_PATIENCE = 60.0


class PlantError(RuntimeError):
    """A source of the demo plant did not start or fell silent; its log in the plant's folder says why."""


@dataclass
class SourceProcess:
    """A running source: what it printed is read by a thread, so that its pipe never fills."""

    kind: str
    process: subprocess.Popen[str]
    log: Path
    lines: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue[str | None])
    url: str = ""

    def await_line(self, word: str) -> str:
        """Give what follows `word` on the source's next line; `PlantError` when it ends or stays silent."""
        try:
            line = self.lines.get(timeout=_PATIENCE)
        except queue.Empty:
            raise PlantError(f"{self.kind}: no answer in {_PATIENCE:.0f} s; see {self.log}") from None
        if line is None or not line.startswith(word + " "):
            last = self.log.read_text(encoding="utf-8").strip().splitlines()[-1:]
            raise PlantError(f"{self.kind}: {' '.join(last) or 'ended without a word'}; see {self.log}")
        return line.removeprefix(word).strip()

    def nudge(self) -> None:
        """Ask the source to follow the plant clock now."""
        if self.process.stdin is None:
            return
        try:
            self.process.stdin.write("clock\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise PlantError(f"{self.kind}: the process has ended; see {self.log}") from None


@dataclass(frozen=True)
class Plant:
    """A running demo plant. `environment` holds what `config/sources/*.yaml` ask for with `${env:…}`."""

    directory: Path
    sources: MappingProxyType[str, SourceProcess]
    environment: MappingProxyType[str, str] = field(repr=False)

    @property
    def urls(self) -> dict[str, str]:
        """Each source's URL."""
        return {kind: source.url for kind, source in self.sources.items()}

    @property
    def pids(self) -> dict[str, int]:
        """Each source's process id."""
        return {kind: source.process.pid for kind, source in self.sources.items()}

    @property
    def mes_folder(self) -> Path:
        """Where the MES writes its documents."""
        return self.directory / MES_FOLDER

    def set_clock(self, instant: datetime) -> None:
        """Move the plant to an instant; every source shows it when this returns."""
        write_clock(self.directory, instant)
        for source in self.sources.values():
            source.nudge()
        for source in self.sources.values():
            shown = source.await_line("at")
            if shown != format_instant(instant):
                raise PlantError(f"{source.kind}: shows {shown} instead of {format_instant(instant)}")


@contextmanager
def running_plant(directory: Path, *, at: datetime | None = None) -> Generator[Plant]:
    """Run the plant's four sources in `directory` until the block ends.

    The clock is set to `at`; without it, an earlier run's clock goes on, and a new plant begins at `FIRST`.
    Credentials are made anew each time and live in this process and its sources only. Raises `PlantError`
    when a source does not start.
    """
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    if at is not None or not (directory / FILE).exists():
        write_clock(directory, at or FIRST)
    read_clock(directory)
    credentials = {
        "PLANTWIDE_DEMO_ERP_USER": "PLANTWIDE",
        "PLANTWIDE_DEMO_ERP_PASSWORD": secrets.token_urlsafe(18),
        "PLANTWIDE_DEMO_LIMS_TOKEN": secrets.token_urlsafe(24),
    }
    sources: dict[str, SourceProcess] = {}
    try:
        for kind in KINDS:
            sources[kind] = _start(kind, directory, credentials)
        for source in sources.values():
            source.url = json.loads(source.await_line("ready"))["url"]
        places = {f"PLANTWIDE_DEMO_{kind.upper()}_URL": source.url for kind, source in sources.items()}
        places["PLANTWIDE_DEMO_MES_FOLDER"] = str(directory / MES_FOLDER)
        yield Plant(directory, MappingProxyType(sources), MappingProxyType({**credentials, **places}))
    finally:
        _end(list(sources.values()))


def _start(kind: str, directory: Path, credentials: dict[str, str]) -> SourceProcess:
    log = directory / f"{kind}.log"
    command = [sys.executable, "-m", "hub.demo.source", kind, "--dir", str(directory), "--supervised"]
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **credentials},
        )
    source = SourceProcess(kind, process, log)
    if process.stdout is not None:
        threading.Thread(target=_read, args=(process.stdout, source.lines), daemon=True).start()
    return source


def _read(output: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    with output:
        for line in output:
            lines.put(line.rstrip("\n"))
    lines.put(None)


def _end(sources: list[SourceProcess]) -> None:
    for source in sources:
        source.process.terminate()
    for source in sources:
        try:
            source.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            source.process.kill()
            source.process.wait()
        if source.process.stdin is not None:
            # A source that ended first leaves a broken pipe behind; there is nothing more to say to it.
            try:
                source.process.stdin.close()
            except BrokenPipeError:
                continue
