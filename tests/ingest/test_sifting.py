"""Samples that cannot be stored are held by name, and the rest of what came with them is stored."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from hub.ingest.bridge import Bridge
from hub.ingest.runner import Desk, Visit, register
from hub.ingest.sampling import read_samples
from hub.ingest.sifting import sift
from hub.ingest.sources import History, Source
from hub.model import SAMPLE_SCHEMA, Tag
from hub.sdk import Config, Health, SampleSource, Window
from hub.store.coverage import covered_spans
from hub.store.database import Database
from hub.store.identifiers import ensure_tags
from hub.store.quarantine import list_open
from hub.store.samples import ALL_TIME
from hub.store.samples import read_samples as read_stored

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(hours=1)
BAD = 0x80000000
LONG = "x" * 10_000_000


def batch(rows: list[tuple[str, datetime, float | None, str | None, int]]) -> pa.RecordBatch:
    names = SAMPLE_SCHEMA.names
    return pa.RecordBatch.from_pylist(
        [dict(zip(names, row, strict=True)) for row in rows], schema=SAMPLE_SCHEMA
    )


class Odd(SampleSource[Config]):
    """A historian that tells whatever a test wants."""

    name: ClassVar[str] = "odd"
    version: ClassVar[str] = "1"
    config_class: ClassVar[type[Config]] = Config
    tells: ClassVar[list[pa.RecordBatch]] = []

    def check(self) -> Health:
        return Health(system="odd")

    def tags(self) -> list[Tag]:
        return [Tag.model_validate({"id": name}) for name in ("a", "b")]

    def extent(self) -> Window:
        return Window(START, END)

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        yield from self.tells


def told(
    database: Database, tells: list[pa.RecordBatch]
) -> tuple[Any, list[tuple[str, float | None]], list[Any]]:
    Odd.tells = tells
    source = Source("pi", "HISTORIAN", "odd", None, Config(), History(window_s=3600), None)
    desk = Desk(database)
    tour = Visit(desk, source, register(desk, source), Bridge(Odd(Config())))
    outcome = read_samples(tour)
    with database.begin("test") as connection:
        tags = ensure_tags(connection, "pi", ["a", "b"], now=START)
        names = {i: name for name, i in tags.items()}
        found = read_stored(connection, tags.values(), *ALL_TIME).to_pylist()
        held = list_open(connection, "pi")
        covered = covered_spans(connection, tour.system.id, ["a", "b"])
    tour.bridge.__exit__(None, None, None)
    return covered, [(names[row["tag_id"]], row["value"]) for row in found], [outcome, *held]


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    one = Database(migrated_url)
    yield one
    one.close()


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("a", datetime(1, 1, 1, tzinfo=UTC), 2.0, None, 0), "times outside 1900 to 2200"),
        (("a", datetime(2262, 5, 1, tzinfo=UTC), 2.0, None, 0), "times outside 1900 to 2200"),
        (("a", START, float("nan"), None, 0), "numbers that are none"),
        (("a", START, float("-inf"), None, 0x40000000), "numbers that are none"),
        (("a", START, None, LONG, 0), "texts of more than 65,536 bytes"),
        (("a", START + timedelta(seconds=9), None, "op\x00en", 0), "texts with the NUL character"),
    ],
)
def test_a_sample_that_cannot_be_stored_is_held_and_the_rest_is_stored(
    database: Database, row: Any, why: str
) -> None:
    good = ("a", START + timedelta(seconds=5), 1.0, None, 0), ("b", START, 3.0, "open", 0)
    covered, found, (outcome, *held) = told(database, [batch([row, *good])])
    assert found == [("a", 1.0), ("b", 3.0)]
    assert (outcome.error, outcome.samples, outcome.rejected) == ("", 2, 1)
    (entry,) = held
    assert entry["source_key"] == "a"
    assert why in entry["reason"]
    assert covered == {"a": [(START, END)], "b": [(START, END)]}


def test_a_number_that_is_none_with_a_bad_status_is_stored_as_no_number(database: Database) -> None:
    _, found, (_, *held) = told(database, [batch([("a", START, float("nan"), None, BAD)])])
    assert found == [("a", None)]
    assert held == []


def test_samples_out_of_order_are_stored_in_order(database: Database) -> None:
    rows: list[Any] = [("a", START + timedelta(seconds=s), float(s), None, 0) for s in (5, 1, 3)]
    assert told(database, [batch(rows)])[1] == [("a", 1.0), ("a", 3.0), ("a", 5.0)]


def test_a_batch_of_the_wrong_type_keeps_its_tags_time_open_and_the_others_are_stored(
    database: Database,
) -> None:
    wrong = pa.RecordBatch.from_pydict(
        {"tag": ["a"], "ts": pa.array([START], pa.timestamp("ns", tz="UTC")), "value": ["one"]}
    )
    covered, found, (outcome, *held) = told(database, [wrong, batch([("b", START, 3.0, None, 0)])])
    assert found == [("b", 3.0)]
    assert outcome.error == ""
    (entry,) = held
    assert entry["source_key"] == "a"
    assert "value is string, not double" in entry["reason"]
    assert "quality is missing" in entry["reason"]
    assert covered == {"b": [(START, END)]}


def test_what_is_sound_is_not_copied() -> None:
    table = pa.Table.from_batches([batch([("a", START, 1.0, None, 0)])])
    assert sift(table) == (table, [])
