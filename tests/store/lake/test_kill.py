"""kill -9 at random moments of puts, folds and compactions, while others read: nothing lost, doubled or torn."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

import pytest

from hub.store.lake.checking import verify
from hub.store.samples import ALL_TIME, read_samples
from tests.store.lake.cellars import Cellar, cellar, copied

ROOT = Path(__file__).parents[3]


class Readers:
    """Threads that read all the time and keep what they found wrong: puts in part, times twice, steps back."""

    def __init__(self, store: Cellar, count: int) -> None:
        self.wrong: list[str] = []
        self.reads = 0
        self._store = store
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._read) for _ in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        newest = [0.0] * 7
        while not self._stop.is_set():
            try:
                newest = self._look(newest)
            except Exception as error:  # noqa: BLE001 - a reader that fails is what is looked for
                self.wrong.append(repr(error))
            self.reads += 1

    def _look(self, newest: list[float]) -> list[float]:
        with self._store.database.read() as connection:
            found = read_samples(connection, self._store.tags.values(), *ALL_TIME)
        keys = list(zip(found["tag_id"].to_pylist(), found["ts"].to_pylist(), strict=True))
        if len(keys) != len(set(keys)):
            self.wrong.append("a tag has two samples of one time")
        values: dict[int, set[float]] = {}
        told: list[Any] = found["value"].to_pylist()
        for value in told:
            values.setdefault(int(value) % 7, set()).add(value)
        # Each put writes one seventh of all hours anew, for all tags: so each seventh has one value.
        torn = [seventh for seventh, some in values.items() if len(some) > 1]
        if torn:
            self.wrong.append(f"puts were seen in part: {values}")
        now = [max(values.get(at, {0.0}), default=0.0) for at in range(7)]
        if any(a < b for a, b in zip(now, newest, strict=True)):
            self.wrong.append(f"what was read before is gone: {newest} then {now}")
        return now


def kill_once(store: Cellar, samples: Path, luck: random.Random, number: int) -> int:
    """Start a worker, kill it at a random moment; give the number of the last put that it acknowledged."""
    url = store.database.url
    command = [sys.executable, "-m", "tests.store.lake.worker", url, str(samples), "worker", str(number)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline().strip() == "ready"
        time.sleep(luck.random() * 0.4)  # the moment of the kill: nothing is waited for
        os.kill(worker.pid, signal.SIGKILL)
        told = worker.stdout.read().split()
    return int(told[-1]) if told else 0


def kill_often(store: Cellar, samples: Path, *, kills: int, readers: int) -> None:
    luck = random.Random(kills)
    acknowledged = 0
    with Readers(store, readers) as watch:
        for number in range(1, kills + 1):
            acknowledged = max(acknowledged, kill_once(store, samples, luck, number))
    assert watch.wrong == []
    assert watch.reads > kills
    newest = max((row[2] or 0.0 for row in store.read()), default=0.0)
    assert newest >= acknowledged
    with store.turn("worker"):
        assert verify(store.database).faults == []
    store.fold()
    assert verify(store.database).faults == []


def run(migrated_sqlite: Path, tmp_path: Path, *, kills: int) -> None:
    with cellar(copied(migrated_sqlite, tmp_path / "data")) as one:
        kill_often(one, tmp_path / "data/samples", kills=kills, readers=4)


def test_a_few_kills_lose_and_double_nothing(migrated_sqlite: Path, tmp_path: Path) -> None:
    run(migrated_sqlite, tmp_path, kills=3)


@pytest.mark.nightly
def test_two_hundred_kills_lose_and_double_nothing(migrated_sqlite: Path, tmp_path: Path) -> None:
    run(migrated_sqlite, tmp_path, kills=200)


@pytest.mark.nightly
def test_forty_kills_lose_and_double_nothing_on_postgresql(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    with cellar(migrated_postgres_url, tmp_path / "samples") as one:
        kill_often(one, tmp_path / "samples", kills=40, readers=4)
