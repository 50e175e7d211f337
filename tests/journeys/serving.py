"""A command that serves until it is told to stop: its lines, its children, its end."""

import os
import queue
import select
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.journeys.command import PLANTWIDE, plain_environment

PATIENCE_S = 120


@dataclass
class Serving:
    """A running command in a process group of its own, as a terminal makes one."""

    process: subprocess.Popen[str]
    told: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)
    errors: list[str] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def await_line(self, beginning: str) -> str:
        """Give what follows on the first line that begins so."""
        while (line := self.told.get(timeout=PATIENCE_S)) is not None:
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()
        raise AssertionError(f"it ended without a line {beginning!r}: {''.join(self.errors)}")

    def list_children(self) -> list[int]:
        """Give the ids of the processes that it has started."""
        return list_children(self.process.pid)

    def end(self, how: signal.Signals, *, group: bool) -> int:
        """Send a signal to it, or as a terminal does to its whole group; give its exit status."""
        if group:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        status = self.process.wait(PATIENCE_S)
        for thread in self.threads:
            thread.join(PATIENCE_S)
        return status


@contextmanager
def serving(
    *words: str | Path, folder: Path, command: Path = PLANTWIDE, **environment: str
) -> Iterator[Serving]:
    """Run `plantwide …` inside the block; whatever is left of it afterwards is killed."""
    process = subprocess.Popen(
        [command, *map(str, words)],
        cwd=folder,
        env=plain_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started = Serving(process)
    assert process.stdout
    assert process.stderr
    started.threads += [
        threading.Thread(target=_queue, args=(process.stdout, started.told), daemon=True),
        threading.Thread(target=_collect, args=(process.stderr, started.errors), daemon=True),
    ]
    for thread in started.threads:
        thread.start()
    try:
        yield started
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for thread in started.threads:
            thread.join(PATIENCE_S)


def list_children(pid: int) -> list[int]:
    """Give the ids of the processes that a process has started."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def has_ended(pid_descriptor: int) -> bool:
    """Tell whether a process (as a descriptor, so that no other can take its id) ends within the patience."""
    waiting = select.poll()
    waiting.register(pid_descriptor, select.POLLIN)
    return bool(waiting.poll(PATIENCE_S * 1000))


def _queue(pipe: IO[str], lines: "queue.SimpleQueue[str | None]") -> None:
    with pipe:
        for line in pipe:
            lines.put(line)
    lines.put(None)


def _collect(pipe: IO[str], lines: list[str]) -> None:
    with pipe:
        lines.extend(iter(pipe.readline, ""))
