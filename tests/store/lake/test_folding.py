"""Frames and runs as one: whatever is folded, put again or put late, a reader sees the newest writes once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import OperationalError

from hub.store.answers.amendments import list_annotations, list_erasures
from hub.store.database import Database
from hub.store.lake.folding import BrokenFrame
from hub.store.lake.turn import WrongLake, taken_turn
from hub.store.samples import (
    ALL_TIME,
    TooManyToErase,
    annotate_samples,
    count_samples,
    erase_samples,
    last_samples,
    list_puts,
    put_samples,
    sample_span,
    scan_samples,
    survey_samples,
)
from hub.store.tables import sample_erasure, sample_hot, tag_latest
from tests.store.lake.cellars import LARGE, START, TAGS, Cellar, Row, cellar, copied, moment, staged, table

VALUES = st.none() | st.sampled_from((0.0, -1.5, 3.25))
ROWS = st.lists(
    st.tuples(
        st.sampled_from(TAGS),
        st.integers(0, 96),
        VALUES,
        st.none() | st.sampled_from(("", "Bad Input")),
        st.sampled_from((0, 0x40000000, 0x80000000)),
    ),
    max_size=8,
)
PUT = st.tuples(st.just("put"), st.sampled_from(("pi/samples", "pi/live")), st.integers(1, 4), ROWS)
STEPS = st.lists(PUT | st.tuples(st.just("fold"), st.integers(1, 20)), max_size=12)


@pytest.fixture
def store(migrated_url: str, tmp_path: Path) -> Iterator[Cellar]:
    with cellar(migrated_url, tmp_path / "samples") as one:
        yield one


def hot(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(sample_hot)) or 0


@settings(max_examples=20, phases=[Phase.generate])
@given(steps=STEPS, large=LARGE)
def test_any_order_of_puts_and_folds_shows_the_newest_writes_once(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple], large: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-order"
    with cellar(copied(migrated_sqlite, folder)) as one, staged(large):
        instants: list[tuple[datetime, list[Row]]] = []
        for what, *rest in steps:
            if what == "put":
                one.put(rest[2], seq=rest[1], stream=rest[0])
                instants.append((one.clock, one.expected()))
            else:
                one.fold(rows=rest[0])
            assert one.read() == one.expected()
        for then, seen in instants:
            assert one.read(then) == seen
        with one.database.read() as connection:
            last = {i: row["ts"] for i, row in last_samples(connection, one.tags.values()).items()}
            kept = dict(connection.execute(select(tag_latest.c.tag_id, tag_latest.c.ts)).all())
        assert (
            last == kept == {one.tags[t]: moment(max(h for n, h in one.told if n == t)) for t, _ in one.told}
        )


def test_a_fold_takes_frames_away_and_changes_nothing_that_is_read(store: Cellar) -> None:
    store.put([("a", hour, float(hour), None, 0) for hour in range(96)], seq=1)
    store.put([("b", 3, None, "open", 0x40000000)], seq=2)
    before = store.read()
    done = store.fold()
    assert (done.puts, done.samples, done.runs) == (2, 97, 2)  # January and February
    assert hot(store.database) == 0
    assert store.read() == before == store.expected()
    with store.database.read() as connection:
        assert count_samples(connection) == 97
        assert sample_span(connection, store.tags.values()) == (START, moment(95))
    assert store.fold().puts == 0


def test_a_day_that_is_told_again_changes_nothing(store: Cellar) -> None:
    day: list[Row] = [("a", hour, float(hour), None, 0) for hour in range(24)]
    store.put(day, seq=1)
    store.fold()
    before, then = store.read(), store.clock
    assert store.put(day, seq=1) == 0
    assert store.put(day, seq=1, stream="pi/backfill") == 24
    assert store.read() == before
    store.fold()
    assert store.read() == before == store.read(then)
    with store.database.read() as connection:
        assert survey_samples(connection, store.tags["a"], START, moment(24))[1] == 24


def test_a_correction_counts_and_what_it_corrects_is_still_known(store: Cellar) -> None:
    store.put([("a", 1, 1.0, None, 0), ("a", 2, 2.0, None, 0)], seq=1)
    store.fold()
    then = store.clock
    store.put([("a", 1, 7.0, None, 0)], seq=2)
    for _ in range(2):
        assert [row[2] for row in store.read()] == [7.0, 2.0]
        assert [row[2] for row in store.read(then)] == [1.0, 2.0]
        with store.database.read() as connection:
            assert len(list_puts(connection, [store.tags["a"]], [(START, moment(9))])) == 2
        store.fold()


def test_what_is_erased_counts_no_more_and_is_told_of_by_the_past(store: Cellar) -> None:
    store.put([("a", hour, float(hour), None, 0) for hour in range(6)], seq=1)
    store.fold()
    then, whole = store.clock, store.read()
    with store.database.begin("test", at=moment(1)) as connection:
        span = (moment(4), moment(9))
        tag = store.tags["a"]
        erasure = erase_samples(connection, tag, span, reason="probe was out", by="ann", now=moment(1))
        assert erasure == (1, 2)
        assert connection.scalar(select(tag_latest.c.ts)) == moment(3)
    for _ in range(2):
        assert store.read() == whole[:4]
        assert store.read(then) == whole
        store.fold()
    store.put([("a", 5, 55.0, None, 0)], seq=2)
    assert [row[2] for row in store.read()] == [0.0, 1.0, 2.0, 3.0, 55.0]


def test_a_note_on_a_stretch_is_found_by_tag_and_time(store: Cellar) -> None:
    with store.database.begin("test", at=START) as connection:
        tag = store.tags["a"]
        span = (moment(1), moment(2))
        annotate_samples(connection, tag, span, text="calibration", author="ann", now=START)
    with store.database.read() as connection:
        found = list_annotations(connection, tag, (moment(0), moment(1.5))).items
        assert [(note["text"], note["author"]) for note in found] == [("calibration", "ann")]
        assert list_annotations(connection, tag, (moment(2), moment(5))).items == []
        assert list_annotations(connection, store.tags["b"], ALL_TIME).items == []


def test_an_erasure_is_listed_by_tag_and_time_and_one_of_all_tags_for_each(store: Cellar) -> None:
    told = {"reason": "retired", "erased_by": "ann", "recorded_at": START}
    with store.database.begin("test", at=START) as connection:
        span = (moment(1), moment(2))
        erase_samples(connection, store.tags["a"], span, reason="probe was out", by="ann", now=START)
        span = {"start_at": moment(3), "end_at": moment(4)}
        connection.execute(insert(sample_erasure).values(tag_id=None, put_id=0, **span, **told))
    with store.database.read() as connection:
        listed = {
            (tag, hours): [one["reason"] for one in list_erasures(connection, key, span).items]
            for tag, key in store.tags.items()
            for hours in ((0, 9), (2, 3))
            for span in [(moment(hours[0]), moment(hours[1]))]
        }
    assert listed == {
        ("a", (0, 9)): ["probe was out", "retired"],
        ("b", (0, 9)): ["retired"],
        ("c", (0, 9)): ["retired"],
        **{(tag, (2, 3)): [] for tag in TAGS},
    }


def test_more_samples_than_may_be_erased_at_once_are_refused_and_stay(
    store: Cellar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.store.samples.MOST_ERASED", 3)
    store.put([("a", hour, float(hour), None, 0) for hour in range(6)], seq=1)
    with pytest.raises(TooManyToErase, match="less time"):
        erase(store.database, store.tags["a"])
    assert store.read() == store.expected()


def test_a_put_that_is_not_committed_is_waited_for_before_anything_is_erased(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    """Else it would be hidden when it commits, although it came after the erasure and was counted nowhere."""
    with cellar(migrated_postgres_url, tmp_path / "samples") as one:
        other = Database(migrated_postgres_url, samples=tmp_path / "samples")
        with one.database.begin("test", at=moment(2)) as slow:
            put_samples(slow, "pi/live", 1, table([("a", 1, 1.0, None, 0)]), one.tags, now=moment(2))
            with pytest.raises(OperationalError):
                erase(other, one.tags["a"], impatient=True)
        erase(other, one.tags["a"])
        assert one.read() == []
        other.close()


def erase(database: Database, tag: int, *, impatient: bool = False) -> None:
    """Erase the first nine hours of a tag."""
    with database.begin("test", at=moment(3)) as connection:
        if impatient:
            connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
        span = (moment(0), moment(9))
        erase_samples(connection, tag, span, reason="out", by="ann", now=moment(3))


def test_a_scan_gives_pieces_in_the_order_of_time_with_the_columns_asked_for(store: Cellar) -> None:
    rows: list[Row] = [(tag, hour, float(hour), None, 0) for tag in TAGS for hour in range(0, 96, 6)]
    store.put(rows, seq=1)
    store.fold()
    with store.database.read() as connection:
        spans = [(moment(0), moment(12)), (moment(60), moment(66))]
        pieces = list(scan_samples(connection, store.tags.values(), spans, columns=("value",)))
    assert [piece.column_names for piece in pieces] == [["tag_id", "ts", "value"]] * 2
    assert [piece["value"].to_pylist() for piece in pieces] == [[0.0, 6.0] * 3, [60.0] * 3]


def test_a_frame_that_was_changed_is_not_folded(store: Cellar) -> None:
    store.put([("a", 1, 1.0, None, 0)], seq=1)
    store.put([("a", 1, 2.0, None, 0)], seq=2)
    with store.database.begin("test") as connection:
        first = select(sample_hot.c.frame).where(sample_hot.c.put_id == 1).scalar_subquery()
        connection.execute(update(sample_hot).where(sample_hot.c.put_id == 2).values(frame=first))
    with pytest.raises(BrokenFrame, match="put 2"):
        store.fold()
    assert hot(store.database) == 2


def test_another_hubs_runs_are_not_taken_for_ones_own(migrated_sqlite: Path, tmp_path: Path) -> None:
    with cellar(copied(migrated_sqlite, tmp_path / "one")) as one:
        one.put([("a", 1, 1.0, None, 0)], seq=1)
        one.fold()
    with cellar(copied(migrated_sqlite, tmp_path / "other"), tmp_path / "one" / "samples") as other:
        other.put([("a", 1, 2.0, None, 0)], seq=1)
        with pytest.raises(WrongLake, match="another hub"):
            other.fold()
        assert [row[2] for row in other.read()] == [2.0]


def test_one_process_folds_at_a_time(store: Cellar) -> None:
    store.database.presence.show("other")
    with (
        store.turn("other"),
        taken_turn(store.database, owner="mine", clock=lambda: datetime.now(UTC)) as second,
    ):
        # The clock of the first is years behind: only who is alive counts there.
        assert (second is None) == (store.database.dialect == "postgresql") or second is not None
