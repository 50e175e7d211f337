"""Stores with cold runs for tests, samples to put, and a dictionary that says what must be read."""

import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import strategies as st

from hub.model import SAMPLE_SCHEMA
from hub.store import samples as sample_store
from hub.store.database import Database
from hub.store.identifiers import ensure_tags
from hub.store.lake.folding import Folded, fold
from hub.store.lake.turn import Turn, taken_turn
from hub.store.samples import ALL_TIME, put_samples, read_samples
from tests.swift import swift

START = datetime(2026, 1, 30, tzinfo=UTC)
"""Two days before a month ends, so that samples of a few days lie in two periods."""
TAGS = ("a", "b", "c")
Row = tuple[str, float, float | None, str | None, int]
"""Tag, hours since START, value, text, quality."""


def moment(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def table(rows: Iterable[Row]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"tag": t, "ts": moment(h), "value": v, "text": x, "quality": q} for t, h, v, x, q in rows],
        schema=SAMPLE_SCHEMA,
    )


@contextmanager
def staged(rows: int) -> Generator[None]:
    """Let puts of so many rows and more be written as sorted files at once, as 250,000 are otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample_store, "STAGED_ROWS", rows)
        yield


LARGE = st.sampled_from((4, 1_000))
"""From how many rows on a put is a large one: some are here, or none."""


@dataclass
class Cellar:
    """A store with its tags, and what it must show."""

    database: Database
    tags: dict[str, int]
    told: dict[tuple[str, float], Row] = field(default_factory=dict)
    seen: set[tuple[str, int]] = field(default_factory=set)
    clock: datetime = START

    def put(self, rows: list[Row], *, seq: int, stream: str = "pi/samples") -> int:
        self.clock += timedelta(seconds=1)
        with self.database.begin("test", at=self.clock) as connection:
            stored = put_samples(connection, stream, seq, table(rows), self.tags, now=self.clock)
        if rows and (stream, seq) not in self.seen:
            self.seen.add((stream, seq))
            self.told |= {(row[0], row[1]): row for row in rows}
        return stored

    def fold(self, rows: int = 1_000_000) -> Folded:
        with self.turn() as turn:
            return fold(turn, rows=rows)

    @contextmanager
    def turn(self, owner: str = "embedded") -> Generator[Turn]:
        with taken_turn(self.database, owner=owner, clock=lambda: self.clock) as turn:
            assert turn is not None
            yield turn

    def read(self, then: datetime | None = None) -> list[Row]:
        return read_all(self.database, self.tags, then)

    def expected(self) -> list[Row]:
        return sorted(self.told.values(), key=lambda row: (self.tags[row[0]], row[1]))


def read_all(database: Database, tags: dict[str, int], then: datetime | None = None) -> list[Row]:
    names = {i: name for name, i in tags.items()}
    with database.read(as_known_at=then) as connection:
        found = read_samples(connection, tags.values(), *ALL_TIME)
    return [
        (names[r["tag_id"]], int((r["ts"] - START) / timedelta(hours=1)), r["value"], r["text"], r["quality"])
        for r in found.to_pylist()
    ]


@contextmanager
def cellar(
    url: str, samples: Path | str | None = None, options: Mapping[str, str] | None = None
) -> Generator[Cellar]:
    database = swift(url, samples=samples, options=options)
    with database.begin("test", at=START) as connection:
        tags = ensure_tags(connection, "pi", TAGS, now=START)
    try:
        yield Cellar(database, tags)
    finally:
        database.close()


def copied(template: Path, folder: Path) -> str:
    """Give the URL of a fresh copy of a migrated SQLite file, without cold runs."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(template, folder / "hub.db")
    return f"sqlite:///{folder / 'hub.db'}"
