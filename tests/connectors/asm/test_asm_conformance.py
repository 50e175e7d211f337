"""The instruments' connector keeps the promises of the door."""

import os
import time
from pathlib import Path

import pytest

from connectors.asm import Asm, AsmConfig
from hub.sdk.testing import RecordSuite
from tests.connectors.asm.files import flex2, row


def touch_later(path: Path) -> None:
    """Let a file change in a later tick of the file system's clock than all before it."""
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns <= before:
        os.utime(path, (2, 2))


class TestInstruments(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.root = tmp_path / "instruments"
        self.root.mkdir()
        for number in range(7):
            self.write(number, 2)

    def write(self, number: int, rows: int, root: Path | None = None) -> None:
        path = (root or self.root) / f"{number}.csv"
        path.write_text(flex2(*(row(f"S-{number}-{n}", f"B{n}") for n in range(rows))), encoding="utf-8")
        os.utime(path, (number // 3, number // 3))  # old, and three of one second

    def make_exact(self) -> Asm:
        self.monkeypatch.setattr("connectors.asm.connector._TIE_NS", 0)
        touch_later(self.root / "6.csv")
        return self.make()

    def make(self, root: Path | None = None) -> Asm:
        return Asm(AsmConfig(root=root or self.root, timezone="Etc/UTC", page_files=2))

    def make_large(self, factor: int) -> Asm:
        large = self.root.parent / f"large{factor}"
        large.mkdir()
        for number in range(4 * factor):
            self.write(number, 20, large)
        return self.make(large)

    def holds(self) -> dict[str, int]:
        return {"results": 7}

    def grow(self) -> bool:
        self.write(0, 3)
        self.write(9, 2)
        return True


def test_a_file_dated_in_the_future_hides_no_other(tmp_path: Path) -> None:
    connector = Asm(AsmConfig(root=tmp_path, timezone="Etc/UTC"))
    (tmp_path / "wrong.csv").write_text(flex2(row("S-1", "B1")), encoding="utf-8")
    os.utime(tmp_path / "wrong.csv", (7_000_000_000, 7_000_000_000))
    (page,) = connector.read("results", None)
    assert page.cursor["changed_ns"] <= time.time_ns()
    (tmp_path / "late.csv").write_text(flex2(row("S-2", "B2")), encoding="utf-8")
    (page,) = connector.read("results", page.cursor)
    assert [document.key for document in page.documents] == ["late.csv", "wrong.csv"]
