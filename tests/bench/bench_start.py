"""How soon a hub answers, and what it carries."""

import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

from tests.bench.ruler import Row, judge

PLANTWIDE = Path(sys.executable).with_name("plantwide")


def bench_start_to_ready(folder: Path) -> Iterator[Row]:
    """From the command to the first `ready`, on an empty folder and on the store it left."""
    for name in ("start to ready, new store", "start to ready, existing store"):
        yield judge(name, _seconds_to_ready(folder), "s", at_most=3)


def _seconds_to_ready(folder: Path) -> float:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start = time.perf_counter()
    command = [PLANTWIDE, "serve", "--data", folder / "data", "--config", folder, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while not _is_ready(port):
                if process.poll() is not None:
                    raise RuntimeError(f"plantwide serve ended with {process.returncode}")
                time.sleep(0.01)
            return time.perf_counter() - start
        finally:
            process.terminate()


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def bench_packages(folder: Path) -> Iterator[Row]:
    """How many distributions an installation without extras brings, Plantwide itself not counted."""
    del folder
    yield judge("runtime packages of the core", len(_needed("plantwide", set())) - 1, "packages")


def _needed(name: str, seen: set[str]) -> set[str]:
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return seen
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return seen
    seen.add(key)
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            _needed(requirement.name, seen)
    return seen
