"""A disk that is full: the fold is refused by name, samples stay in frames, and all is well with space again."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hub.store.lake.place import LakeFull
from tests.store.lake.cellars import Cellar, cellar, copied


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=192k", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk: only root may mount one")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def store(migrated_sqlite: Path, tmp_path: Path, small_disk: Path) -> Iterator[Cellar]:
    with cellar(copied(migrated_sqlite, tmp_path / "data"), small_disk / "samples") as one:
        yield one


@pytest.mark.parametrize("leaving", [0, 20_000, 60_000])
def test_a_fold_onto_a_full_disk_is_refused_and_done_when_there_is_space(
    store: Cellar, small_disk: Path, leaving: int
) -> None:
    values = np.random.default_rng(1).normal(size=8_000)
    store.put([("a", 1, 1.0, None, 0)], seq=1)
    store.fold()
    store.put([("a", at / 100, float(v), None, 0) for at, v in enumerate(values)], seq=2)
    before = store.read()
    ballast = small_disk / "ballast"
    _fill(ballast, leaving)
    with pytest.raises(LakeFull, match="no space"):
        store.fold()
    assert store.read() == before
    ballast.unlink()
    assert store.fold().samples == 8_000
    assert store.read() == before


def _fill(file: Path, leaving: int) -> None:
    with file.open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            ballast.truncate(max(0, ballast.tell() - leaving))
