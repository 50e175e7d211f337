"""Servers with jobs and machines in processes of their own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.house.tree import ROOT


@dataclass
class Plant:
    """A running server; `go_on` lets a job end, another one come, and the machine change its state."""

    url: str
    process: Any
    turns: int = 0
    """How often it went on."""

    def go_on(self) -> None:
        self.turns += 1
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "done"


@contextmanager
def run_plant(*arguments: str) -> Iterator[Plant]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.connectors.opcua_job.server", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        assert ready.startswith("ready "), ready
        yield Plant(ready.removeprefix("ready ").strip(), process)
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(scope="session")
def plant() -> Iterator[Plant]:
    """Give a server whose types the tests define."""
    with run_plant() as running:
        yield running
