"""Cold runs in an object store: the same promises as in a folder, and plain words when it does not answer."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from hub.store.lake.checking import verify
from hub.store.lake.cleaning import clean, retire
from hub.store.lake.compaction import compact
from hub.store.lake.hours import read_hours
from hub.store.lake.place import LakeUnreachable
from hub.store.lake.table import Overtaken
from hub.store.samples import count_samples
from tests.store.lake.cellars import LARGE, START, TAGS, Cellar, Row, cellar, copied, moment, staged
from tests.store.lake.object_store import ObjectStore, install, running
from tests.store.lake.test_compaction import STEPS, hold_through

pytestmark = pytest.mark.peers
_NUMBERS = count()
HOURS = 96
ROWS: list[Row] = [(tag, hour, float(hour), None, 0) for tag in TAGS for hour in range(HOURS)]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    folder = tmp_path_factory.mktemp("object-store")
    with running(install(folder), folder) as one:
        yield one


def root() -> str:
    return f"s3://plant-a/plantwide-{next(_NUMBERS)}"


@pytest.fixture
def store(migrated_url: str, bucket: ObjectStore) -> Iterator[Cellar]:
    with cellar(migrated_url, root(), bucket.options()) as one:
        yield one


@settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.generate],
)
@given(steps=STEPS, large=LARGE)
def test_any_timing_of_folds_and_compactions_gives_the_same_reads(
    migrated_sqlite: Path,
    tmp_path_factory: pytest.TempPathFactory,
    bucket: ObjectStore,
    steps: list[tuple],
    large: int,
) -> None:
    url = copied(migrated_sqlite, tmp_path_factory.getbasetemp() / "object-store-timing")
    with cellar(url, root(), bucket.options()) as one, staged(large):
        hold_through(one, steps)


def test_what_is_corrected_replaced_and_let_go_is_so_there_too(store: Cellar, bucket: ObjectStore) -> None:
    prefix = str(store.database.cellar.lake.place).removeprefix("s3://plant-a/")
    store.put(ROWS, seq=1)
    store.fold()
    then = store.clock
    store.put([("a", 1, 7.0, None, 0)], seq=2)
    store.fold()
    with store.turn() as turn:
        compact(turn, runs=2)
        assert clean(turn) == 0  # whoever reads may still need them
    assert store.read() == store.expected()
    assert next(row for row in store.read(then) if row[:2] == ("a", 1))[2] == 1.0
    with store.database.read() as connection:
        hours, _ = read_hours(connection, [store.tags["a"]], START, moment(48))
    assert hours["mean"].to_pylist()[:3] == [0.0, 7.0, 2.0]
    there = {name for name in bucket.names(prefix) if name.endswith(".parquet")}
    store.clock += timedelta(days=1)
    with store.turn() as turn:
        assert retire(turn, moment(49), by="ann", reason="ten years are over") == ["2026-01"]
    assert {row[1] for row in store.read()} == set(range(48, HOURS))
    assert verify(store.database).faults == []
    assert there <= set(bucket.names(prefix))


def test_a_commit_that_was_made_and_not_acknowledged_is_taken_over(
    store: Cellar, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(ROWS, seq=1)

    def end(*_: object, **__: object) -> None:
        raise RuntimeError("the process ends here")

    with monkeypatch.context() as broken:
        broken.setattr("hub.store.lake.folding.take_over", end)
        with pytest.raises(RuntimeError):
            store.fold()
    assert store.read() == store.expected()
    assert store.fold().puts == 0
    assert store.read() == store.expected()
    with store.database.read() as connection:
        assert count_samples(connection) == len(ROWS)


def test_of_two_commits_upon_one_version_the_second_is_refused(store: Cellar) -> None:
    store.put(ROWS, seq=1)
    store.fold()
    with store.turn() as turn:
        lake, version = turn.lake, turn.read().live
        lake.commit("live", version, watermark=1, what="first")
        with pytest.raises(Overtaken):
            lake.commit("live", version, watermark=1, what="second")


def test_a_store_that_does_not_answer_is_named_and_nothing_is_lost(
    migrated_url: str, bucket: ObjectStore
) -> None:
    place = root()
    with cellar(migrated_url, place, bucket.options()) as one:
        one.put(ROWS[:HOURS], seq=1)
        one.fold()
        told, seen = one.told, one.seen
    with cellar(migrated_url, place, bucket.options() | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}) as deaf:
        deaf.told, deaf.seen, deaf.clock = told, seen, moment(1)
        assert deaf.put(ROWS[HOURS:], seq=2) == 2 * HOURS
        with pytest.raises(LakeUnreachable) as refused:
            deaf.fold()
        with pytest.raises(LakeUnreachable, match="cannot be read"):
            deaf.read()
    said = str(refused.value)
    assert place in said
    assert "samples_options" in said
    assert "\x1b" not in said
    assert "\n" not in said
    with cellar(migrated_url, place, bucket.options()) as again:
        again.told = deaf.told
        assert again.read() == again.expected()
        again.clock = moment(2)
        assert again.fold().samples == 2 * HOURS
        assert again.read() == again.expected()


def test_a_library_that_knows_nothing_of_the_hub_reads_the_same_table(
    store: Cellar, bucket: ObjectStore
) -> None:
    from deltalake import DeltaTable

    store.put(ROWS, seq=1)
    store.fold()
    address = store.database.cellar.lake.place.url("live")
    read = DeltaTable(address, storage_options=bucket.options()).to_pyarrow_table()
    assert read.num_rows == len(ROWS)
    assert sorted(zip(*(read[name].to_pylist() for name in ("tag_id", "ts", "value")), strict=True)) == [
        (store.tags[tag], moment(hour), value) for tag, hour, value, *_ in store.expected()
    ]
