"""Runs found in a batch tag's samples that come piece by piece, as a long history does."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from hub.model import SAMPLE_SCHEMA, Identifier
from hub.resolve.deriving import derive_frames
from hub.resolve.frames import FrameRule, find_runs
from hub.store.database import Database
from hub.store.identifiers import ensure_tags
from hub.store.lake.folding import fold
from hub.store.lake.turn import taken_turn
from hub.store.samples import put_samples
from hub.store.statements import list_live_keys
from hub.store.systems import ensure_system

NOW = datetime(2026, 9, 1, tzinfo=UTC)
START = datetime(2026, 3, 10, tzinfo=UTC)
SAID = ["A", " A", "A ", None, "", "B", "B", 7.0, 7.0, "7", 7.5, None, None, "B", float("nan"), "A", "A"]
"""What a tag says: one batch in several spellings, nothing, numbers, a number as text."""
SECONDS = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 500, 510, 520, 530, 900]


def make_samples(said: list[str | float | None], seconds: list[int], start: datetime = START) -> pa.Table:
    return pa.table(
        {
            "tag": pa.array(["BATCH"] * len(said), pa.string()),
            "ts": pa.array([start + timedelta(seconds=s) for s in seconds], pa.timestamp("us", tz="UTC")),
            "value": pa.array([v if isinstance(v, float) else None for v in said], pa.float64()),
            "text": pa.array([v if isinstance(v, str) else None for v in said], pa.string()),
            "quality": pa.array([0] * len(said), pa.uint32()),
        },
        schema=SAMPLE_SCHEMA,
    )


def test_equal_values_are_one_run_however_they_are_written() -> None:
    found = list(find_runs([make_samples(SAID, SECONDS)], None))
    assert [(run.batch, (run.start - START).seconds, (run.end - START).seconds) for run in found] == [
        ("A", 0, 30),
        ("B", 50, 70),
        ("7", 70, 100),
        ("7.5", 100, 110),
        ("B", 510, 520),
        ("nan", 520, 530),
        ("A", 530, 900),
    ]


@pytest.mark.parametrize("gap_s", [None, 5.0, 60.0, 380.0])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_runs_do_not_depend_on_where_samples_are_cut(size: int, gap_s: float | None) -> None:
    whole = make_samples(SAID, SECONDS)
    pieces = [whole.slice(at, size) for at in range(0, whole.num_rows, size)]
    assert list(find_runs([*pieces, whole.slice(0, 0)], gap_s)) == list(find_runs([whole], gap_s))


def test_a_long_history_is_not_held_as_a_whole() -> None:
    before, held, size = pa.total_allocated_bytes(), list[int](), 10_000

    def pieces() -> Iterator[pa.Table]:
        for number in range(20):
            held.append(pa.total_allocated_bytes() - before)
            yield make_samples(["A"] * size, list(range(number * size, (number + 1) * size)))

    (run,) = find_runs(pieces(), None)
    assert run.end - run.start == timedelta(seconds=20 * size - 1)
    assert max(held) <= 2 * held[1]


def test_a_run_over_months_is_found_whole(migrated_url: str, tmp_path: Path) -> None:
    months = [START + timedelta(days=30 * n) for n in range(4)]
    rule = FrameRule(
        source="pi",
        equipment=Identifier(scheme="unit", value="R1"),
        batch_tag="BATCH",
        batch_scheme="batch",
        name="Run",
        gap_s=None,
        min_s=0,
        phases={},
    )
    with closing(Database(migrated_url, samples=tmp_path / "samples")) as database:
        with database.begin("test") as connection:
            tags = ensure_tags(connection, "pi", ["BATCH"], now=NOW)
            for seq, (at, batch) in enumerate(zip(months, "AABB", strict=True), start=1):
                put_samples(connection, "s", seq, make_samples([batch], [0], at), tags, now=NOW)
        with taken_turn(database, owner="test", clock=lambda: NOW) as turn:
            assert turn is not None
            fold(turn)
        assert derive_frames(database, [rule], now=NOW, actor="test") == 2
        with database.begin("test") as connection:
            system = ensure_system(connection, "pi.frames", "HISTORIAN", now=NOW)
            keys = list_live_keys(connection, system.id, ["frame"])
    assert sorted(str(key) for _, key in keys) == ["R1|A|2026-03-10T00:00:00Z", "R1|B|2026-05-09T00:00:00Z"]
