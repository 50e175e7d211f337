"""Power cuts at random moments of puts, folds and compactions: what was acknowledged is there once, and goes on."""

import random
from pathlib import Path

import pytest

from hub.store.lake.checking import verify
from hub.store.lake.compaction import compact
from hub.store.lake.folding import fold
from hub.store.lake.turn import taken_turn
from tests.store.lake.cellars import START, Cellar, Row, cellar, copied, read_all, staged
from tests.store.lake.power import ForgetfulDisk, PowerCut, copy_database
from tests.swift import swift


def work(one: Cellar, disk: ForgetfulDisk, seed: int) -> bool:
    """Put, fold and compact until the power is cut; tell whether it was."""
    luck = random.Random(seed)
    one.database.cellar.lake.place.disk = disk
    try:
        for seq in range(1, 30):
            hours = range(luck.randrange(40), luck.randrange(41, 96))
            one.put([("abc"[seq % 3], hour, float(seq), None, 0) for hour in hours], seq=seq)
            if luck.random() < 0.4:
                one.fold()
            if luck.random() < 0.2:
                with one.turn() as turn:
                    compact(turn, runs=2, run_rows=luck.choice((60, 10_000)))
    except PowerCut:
        return True
    return False


def cut_once(template: Path, folder: Path, seed: int) -> int:
    """Cut the power at a random moment, bring the hub up again, and check; give how many cuts there were."""
    luck = random.Random(seed)
    disk = ForgetfulDisk(cut_at=luck.randrange(1, 260), seed=seed)
    large = luck.choice((20, 1_000))  # hours that are written as files at once, so that a put is cut too
    with cellar(copied(template, folder / "before")) as one, staged(large):
        was_cut = work(one, disk, seed)
        copy_database(folder / "before", folder / "after")
        disk.survive(folder / "before/samples", folder / "after/samples")
        expected: list[Row] = one.expected()
    again = swift(f"sqlite:///{folder / 'after/hub.db'}")
    try:
        assert read_all(again, one.tags) == expected
        with taken_turn(again, owner="embedded", clock=lambda: START) as turn:
            assert turn is not None
            fold(turn)
            assert read_all(again, one.tags) == expected
            compact(turn, runs=2)
        assert read_all(again, one.tags) == expected
        assert verify(again).faults == []
    finally:
        again.close()
    return int(was_cut)


@pytest.mark.parametrize("seed", range(8))
def test_a_power_cut_loses_nothing_doubles_nothing_and_is_mended(
    migrated_sqlite: Path, tmp_path: Path, seed: int
) -> None:
    assert cut_once(migrated_sqlite, tmp_path, seed) in (0, 1)


@pytest.mark.nightly
def test_a_hundred_power_cuts_lose_nothing(migrated_sqlite: Path, tmp_path: Path) -> None:
    cuts = 0
    for seed in range(1_000, 2_000):
        cuts += cut_once(migrated_sqlite, tmp_path / str(seed), seed)
        if cuts == 100:
            break
    assert cuts == 100


def test_a_disk_that_syncs_nothing_is_caught(migrated_sqlite: Path, tmp_path: Path) -> None:
    """The check can fail: without the syncs of a fold, some cut loses samples."""

    class Liar(ForgetfulDisk):
        def sync_file(self, file: Path) -> None:
            self._tick()

        def sync_folder(self, folder: Path) -> None:
            self._tick()

    lost = 0
    for seed in range(6):
        disk = Liar(cut_at=10_000, seed=seed)
        with cellar(copied(migrated_sqlite, tmp_path / f"{seed}/before")) as one:
            work(one, disk, seed)
            copy_database(tmp_path / f"{seed}/before", tmp_path / f"{seed}/after")
            disk.survive(tmp_path / f"{seed}/before/samples", tmp_path / f"{seed}/after/samples")
        again = swift(f"sqlite:///{tmp_path / f'{seed}/after/hub.db'}")
        try:
            lost += read_all(again, one.tags) != one.expected()
        except Exception:  # noqa: BLE001 - an unreadable run is lost samples too
            lost += 1
        finally:
            again.close()
    assert lost
