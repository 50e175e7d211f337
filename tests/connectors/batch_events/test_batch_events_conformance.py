"""The event journals' connector keeps the promises of the door."""

import os
from pathlib import Path

import pytest

from connectors.batch_events import BatchEvents, BatchEventsConfig
from hub.sdk.testing import RecordSuite
from tests.connectors.batch_events.journals import FACTORYTALK, journal, line


class TestJournals(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        monkeypatch.setattr("connectors.batch_events.connector._PAGE", 2)
        self.root = tmp_path / "journals"
        self.root.mkdir()
        for number in range(7):
            self.write(number, FACTORYTALK[: 4 + number])

    def write(self, number: int, lines: list[str], root: Path | None = None) -> None:
        text = journal([one.replace("B26-1", f"B26-{number}") for one in lines])
        path = (root or self.root) / f"{number}.evt"
        path.write_bytes(text.encode())
        os.utime(path, (number // 3, number // 3))  # old, and three of one second

    def make_exact(self) -> BatchEvents:
        self.monkeypatch.setattr("connectors.batch_events.connector._TIE_NS", 0)
        last = self.root / "6.evt"
        before = last.stat().st_ctime_ns
        while last.stat().st_ctime_ns <= before:  # a later tick of the file system's clock
            os.utime(last, (2, 2))
        return self.make()

    def make(self, root: Path | None = None) -> BatchEvents:
        return BatchEvents(
            BatchEventsConfig(
                root=str(root or self.root), shape="factorytalk", timezone="Etc/UTC", units={"Deg C": "Cel"}
            )
        )

    def make_large(self, factor: int) -> BatchEvents:
        large = self.root.parent / f"large{factor}"
        large.mkdir()
        reports = [line("08:06:00", event="Report", descript=f"P{n}", value=str(n)) for n in range(100)]
        for number in range(4 * factor):
            self.write(number, [*FACTORYTALK[:6], *reports], large)
        return self.make(large)

    def holds(self) -> dict[str, int]:
        return {"journals": 7}

    def grow(self) -> bool:
        self.write(0, FACTORYTALK)
        self.write(9, FACTORYTALK)
        return True
