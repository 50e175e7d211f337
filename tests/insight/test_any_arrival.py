"""Whatever the order in which samples arrive, how often, and when they are folded: the same reads, the same features."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.insight.reads import Wanted, read_windows
from hub.model import SAMPLE_SCHEMA
from hub.store.answers.tag_kinds import read_kinds
from hub.store.lake.checking import verify
from hub.store.lake.compaction import compact
from hub.store.lake.folding import fold
from hub.store.lake.turn import taken_turn
from hub.store.samples import ALL_TIME, put_samples, read_samples
from tests.api.factories import NOW, START
from tests.insight.test_declared import Plant
from tests.store.lake.cellars import copied
from tests.swift import swift

STEP = timedelta(minutes=10)
TEMPERATURE = [float(n) for n in range(24)]
STIRRER = [0.0, 0.0, 0.0, 0.0, 1.0]
TOLD = [("T", n, value) for n, value in enumerate(TEMPERATURE)] + [
    ("S", n, value) for n, value in enumerate(STIRRER)
]
"""Signal, number of the step, value: two batches' samples."""
FEATURES = {"B1": {"feed_mean": 2.5, "hot_s": 1200.0}, "B2": {"feed_mean": 14.5, "hot_s": 3600.0}}
"""By hand, as `test_declared` counts them."""
PIECES = st.lists(st.sets(st.integers(0, len(TOLD) - 1), min_size=1), max_size=5)
TENDING = st.sampled_from(("fold", "fold few", "compact", "cut into days", "derive"))


@st.composite
def arrivals(draw: st.DrawFn) -> list[Any]:
    """Give pieces that hold every sample between them, some twice or more, in any order; tending between."""
    pieces = draw(PIECES)
    left = set(range(len(TOLD))).difference(*pieces)
    numbered = list(enumerate([*pieces, *([left] if left else [])], start=1))
    again = draw(st.lists(st.sampled_from(numbered), max_size=3))
    return draw(st.permutations([*numbered, *again, *draw(st.lists(TENDING, max_size=6))]))


class Stage:
    """A plant whose samples arrive in pieces."""

    def __init__(self, url: str) -> None:
        self.database = swift(url)
        self.plant = Plant(self.database, with_samples=False)
        self.tags = {"T": self.plant.temperature, "S": self.plant.stirrer}
        self.clock = datetime(2026, 6, 1, tzinfo=UTC)

    def put(self, number: int, piece: set[int], stream: str) -> None:
        rows = [
            TOLD[at] for at in sorted(piece, reverse=number % 2 == 0)
        ]  # a source may tell the newest first
        table = pa.table(
            {
                "tag": pa.array([tag for tag, _, _ in rows]),
                "ts": pa.array([START + STEP * at for _, at, _ in rows], pa.timestamp("us", tz="UTC")),
                "value": pa.array([value for _, _, value in rows], pa.float64()),
                "text": pa.nulls(len(rows), pa.string()),
                "quality": pa.array(np.zeros(len(rows), np.uint32)),
            },
            schema=SAMPLE_SCHEMA,
        )
        with self.database.begin("test") as connection:
            put_samples(connection, stream, number, table, self.tags, now=NOW)

    def tend(self, what: str) -> None:
        if what == "derive":
            self.plant.derive()
            return
        with taken_turn(self.database, owner="embedded", clock=lambda: self.clock) as turn:
            assert turn is not None
            if what.startswith("fold"):
                fold(turn, rows=5 if what == "fold few" else 1_000_000)
            else:
                compact(turn, runs=2, run_rows=10_000 if what == "compact" else 6)

    def seen(self) -> list[tuple[int, datetime, float]]:
        with self.database.read() as connection:
            found = read_samples(connection, self.tags.values(), *ALL_TIME).to_pylist()
        return [(row["tag_id"], row["ts"], row["value"]) for row in found]

    def statistics(self) -> list[dict[str, Any]]:
        """Count, time-weighted mean and greatest of the temperature in every half hour of the first batch."""
        windows = [(START + STEP * 3 * at, START + STEP * 3 * (at + 1)) for at in range(2)]
        with self.database.read() as connection:
            kinds = list(read_kinds(connection, [self.tags["T"]]).values())
            wanted = Wanted(("count", "time_mean", "max"))
            return read_windows(connection, kinds, windows, wanted=wanted).drop(["start", "end"]).to_pylist()


def play(url: str, steps: Sequence[Any]) -> None:
    stage = Stage(url)
    try:
        for place, step in enumerate(steps):
            if isinstance(step, str):
                stage.tend(step)
            else:
                # What is sent again comes by the same number, or by another stream altogether.
                stage.put(*step, stream="pi/live" if place % 3 else "pi/backfill")
        stage.plant.derive()
        assert stage.plant.values() == FEATURES
        expected = sorted((stage.tags[tag], START + STEP * at, value) for tag, at, value in TOLD)
        for last in ("read", "fold", "compact"):
            if last != "read":
                stage.tend(last)
            assert stage.seen() == expected
            about = {"tag": "R1.T", "unit": "Cel", "count": 3}
            assert stage.statistics() == [
                {**about, "time_mean": 1.5, "max": 2.0},
                {**about, "time_mean": 4.5, "max": 5.0},
            ]
        assert stage.plant.derive() == 0  # nothing is news
        assert stage.plant.derive(every=True) == 0  # and from the runs as from the frames
        assert verify(stage.database).faults == []
    finally:
        stage.database.close()


@settings(max_examples=3)
@given(steps=arrivals())
def test_any_order_duplication_and_tending_gives_the_same_reads_and_features(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    play(copied(migrated_sqlite, tmp_path_factory.getbasetemp() / "any-arrival"), steps)


@pytest.mark.nightly
@settings(max_examples=300)
@given(steps=arrivals())
def test_hundreds_of_orders_give_the_same_reads_and_features(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    play(copied(migrated_sqlite, tmp_path_factory.getbasetemp() / "any-arrival"), steps)
