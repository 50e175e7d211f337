"""What a live tail promises: it stores early, covers only what was whole, and loses nothing without a word."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hub.ingest.bridge import Bridge
from hub.ingest.live import GAP, LIVE_STREAM, Orders, Pace, Tail, follow
from hub.ingest.runner import Desk, Outcome, Visit, register
from hub.ingest.sampling import read_samples
from hub.ingest.sync import sync_source
from hub.sdk import Misconfigured, Receipt, Rejected, Unavailable, Whole, Window
from hub.store.coverage import Span, covered_spans
from hub.store.database import Database
from hub.store.identifiers import ensure_tags
from hub.store.quarantine import list_open
from hub.store.samples import read_samples as read_stored
from hub.store.streams import LeaseLost, claim_stream, ensure_stream
from hub.store.tables import sample_put, stream
from tests.ingest.tides import (
    FLEETING,
    KEPT,
    START,
    TAGS,
    Sample,
    Sea,
    batch_of,
    seconds,
    source_of,
    value_of,
)
from tests.swift import swift

EVER = (START, START + seconds(1e6))
AT_ONCE = Pace(flush_s=0.0)


@pytest.fixture
def sea() -> Sea:
    return Sea(now=START + seconds(100))


@pytest.fixture
def desk(migrated_url: str, sea: Sea) -> Iterator[Desk]:
    database = swift(migrated_url)
    yield Desk(database, clock=sea, sleep=lambda _: None)
    database.close()


def stored(desk: Desk, code: str = "pi") -> list[Sample]:
    """Give the stored samples of a source in order; fails when one has a wrong value."""
    with desk.begin() as connection:
        ids = ensure_tags(connection, code, TAGS, now=START)
        rows = read_stored(connection, list(ids.values()), *EVER).to_pylist()
    names = {number: name for name, number in ids.items()}
    found = [(names[row["tag_id"]], row["ts"]) for row in rows]
    assert [row["value"] for row in rows] == [value_of(sample) for sample in found]
    return sorted(found)


def covered(desk: Desk, system_id: int) -> dict[str, list[Span]]:
    with desk.database.read() as connection:
        return covered_spans(connection, system_id, TAGS)


def gaps(desk: Desk, code: str = "pi") -> list[dict[str, Any]]:
    with desk.database.read() as connection:
        return [entry for entry in list_open(connection, code) if entry["object_type"] == GAP]


def run(desk: Desk, sea: Sea, orders: Orders | None = None, *, settle_s: float = 0.0) -> Outcome:
    """Follow until the source has said everything; it ends by itself unless `orders` do it."""
    sea.ends = orders is None
    source = source_of(sea, settle_s=settle_s)
    system = register(desk, source)
    with Bridge(source.open()) as bridge:
        return follow(Visit(desk, source, system, bridge), orders or Orders(), AT_ONCE)


def row_of(desk: Desk) -> Any:
    with desk.database.read() as connection:
        return connection.execute(select(stream).where(stream.c.name == LIVE_STREAM)).one()


# --------------------------------------------------------------------------------- what is told
def test_values_are_stored_as_they_come_and_cover_nothing(desk: Desk, sea: Sea) -> None:
    some = [("level", START + seconds(n)) for n in range(3)]
    sea.says = [batch_of(some[:2]), batch_of(some[1:])]
    run(desk, sea)
    assert stored(desk) == some
    assert covered(desk, 1) == {}


def test_what_was_promised_is_not_read_again_and_what_was_not_is(desk: Desk, sea: Sea) -> None:
    sea.arrived = [(tag, START + seconds(n)) for tag in KEPT for n in range(60, 100)]
    begin = START + seconds(80)
    sea.says = [
        batch_of(s for s in sea.arrived if s[0] == "level" and s[1] >= begin),
        sea.promise("level", start=begin),
    ]
    run(desk, sea)
    sync_source(desk, source_of(sea))
    windows = {tag: (w.start, w.end) for tags, w in sea.asked for tag in tags}
    assert windows == {"level": (START, begin), "pressure": (START, sea.now)}
    assert stored(desk) == sea.arrived


def test_a_promise_of_the_future_counts_as_far_as_the_present(desk: Desk, sea: Sea) -> None:
    sea.says = [sea.promise("level", start=START, end=sea.now + seconds(3600))]
    run(desk, sea)
    assert covered(desk, 1) == {"level": [(START, sea.now)]}


def test_single_values_are_gathered_into_few_frames(desk: Desk, sea: Sea) -> None:
    sea.says = [batch_of([("level", START + seconds(n))]) for n in range(25)]
    sea.ends = True
    source = source_of(sea)
    visit_at = register(desk, source)
    with Bridge(source.open()) as bridge:
        follow(Visit(desk, source, visit_at, bridge), Orders(), Pace(flush_s=15, rows=10))
    assert len(stored(desk)) == 25
    with desk.database.read() as connection:
        sizes = connection.scalars(select(sample_put.c["count"]).order_by(sample_put.c.id)).all()
    assert sizes == [1, 10, 10, 4]


def test_reading_once_subscribes_to_nothing(desk: Desk, sea: Sea) -> None:
    assert [o.error for o in sync_source(desk, source_of(sea))] == ["", ""]
    assert sea.subscribed == []


# ------------------------------------------------------------------------------- how it ends
@pytest.mark.parametrize(
    ("error", "state", "wait", "says"),
    [
        (Unavailable("the line is cut", retry_after=7), "waiting", 7, "the line is cut"),
        (Unavailable("the line is cut"), "waiting", 2, "the line is cut"),
        (None, "waiting", 2, "pi ended the subscription"),
        (Misconfigured("no subscriptions"), "stopped", 600, "no subscriptions"),
        (
            Whole(tags=("depth",), window=Window(START, START)),
            "waiting",
            60,
            "'depth', which it was not asked",
        ),
        (pa.RecordBatch.from_pydict({"tag": ["level"]}), "waiting", 2, "pi ended the subscription"),
    ],
    ids=["retry after", "backs off", "ends", "not offered", "promises too much", "other columns"],
)
def test_a_failure_keeps_what_was_told_and_says_what_is_next(
    desk: Desk, sea: Sea, error: Any, state: str, wait: float, says: str
) -> None:
    told = ("level", START + seconds(1))
    sea.says = [batch_of([told]), sea.promise("level", start=START), *([error] if error else [])]
    outcome = run(desk, sea)
    assert outcome.state == state
    assert outcome.retry_at == sea.now + seconds(wait)
    row = row_of(desk)
    assert (row.state, row.lease_until) == (state, None)
    assert says in row.last_error
    assert sea.closed == 1
    assert stored(desk) == [told]
    if isinstance(error, pa.RecordBatch):  # held by name, while the tail goes on
        assert outcome.rejected == 1
    else:
        assert covered(desk, 1) == {"level": [(START, sea.now)]}


def test_an_ordered_end_stores_everything_and_lets_the_source_go(desk: Desk, sea: Sea) -> None:
    told = ("level", START + seconds(1))
    sea.says = [batch_of([told]), sea.promise("level", start=START)]
    orders = Orders()
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(run, desk, sea, orders)
        while stored(desk) != [told]:  # asked before the source has said a word, nothing is there to settle
            assert orders.settle().wait(30)
        orders.end()
        assert following.result(30).error == ""
    assert (stored(desk), sea.closed) == ([told], 1)
    assert (row_of(desk).state, row_of(desk).lease_until) == ("idle", None)


def test_asked_to_settle_a_tail_writes_down_what_counts_as_read(desk: Desk, sea: Sea) -> None:
    sea.says = [sea.promise("level", start=START)]
    orders = Orders()
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(run, desk, sea, orders)
        while covered(desk, 1) == {}:  # the promise may not have come when it is asked for the first time
            assert orders.settle().wait(30)
        orders.end()
        following.result(30)
    assert covered(desk, 1) == {"level": [(START, sea.now)]}


# ------------------------------------------------------------------------------------- lease
def test_one_node_follows_a_source_at_a_time(desk: Desk, sea: Sea) -> None:
    board(desk, sea, "another")
    if desk.database.dialect == "postgresql":
        desk.database.presence.show("another")
    assert run(desk, sea).state == "running"
    assert sea.subscribed == []


def test_a_tail_that_lost_its_lease_stores_nothing(desk: Desk, sea: Sea) -> None:
    tail = board(desk, sea, "sleeper")
    tail.take(batch_of([("level", START)]))
    tail.take(sea.promise("level", start=START))
    sea.now += seconds(300)
    board(desk, sea, "another")
    with pytest.raises(LeaseLost, match="taken by another node"):
        tail.store(settles=True)
    assert (stored(desk), covered(desk, 1)) == ([], {})


def test_a_receipt_is_given_once_after_what_came_before_it_is_stored(desk: Desk, sea: Sea) -> None:
    tail, told = board(desk, sea), list[list[Sample]]()
    tail.take(batch_of([("level", START)]))
    tail.take(Receipt(stored=lambda: told.append(stored(desk))))
    assert told == []
    tail.store(settles=False)
    tail.store(settles=True)
    assert told == [[("level", START)]]


def test_no_receipt_is_given_for_what_was_not_stored(desk: Desk, sea: Sea) -> None:
    tail, told = board(desk, sea, "sleeper"), list[str]()
    tail.take(batch_of([("level", START)]))
    tail.take(Receipt(stored=lambda: told.append("stored")))
    sea.now += seconds(300)
    board(desk, sea, "another")
    with pytest.raises(LeaseLost):
        tail.store(settles=False)
    assert told == []


def board(desk: Desk, sea: Sea, owner: str = "embedded") -> Tail:
    """Give the tail of somebody who follows the source from now on."""
    source = source_of(sea)
    visit = Visit(desk, source, register(desk, source), Bridge(source.open()))
    return tail_of(visit, owner)


def tail_of(visit: Visit, owner: str = "embedded") -> Tail:
    desk, now, code = visit.desk, visit.desk.clock(), visit.source.code
    with desk.begin() as connection:
        number = ensure_stream(connection, visit.system.id, LIVE_STREAM, kind="samples", every_s=1, now=now)
        claim = claim_stream(connection, number, owner=owner, now=now)
        ids = ensure_tags(connection, code, TAGS, now=now)
    assert claim is not None
    return Tail(visit, claim, tag_ids=ids, outcome=Outcome(code, LIVE_STREAM))


# --------------------------------------------------------------------- tags without history
def test_a_gap_of_a_tag_without_history_is_on_record_once_with_its_reason(desk: Desk, sea: Sea) -> None:
    at = [START + seconds(n) for n in range(0, 100, 10)]
    sea.says = [
        sea.promise(*TAGS, start=at[0], end=at[2]),
        Rejected(key=FLEETING, reason="the queue overflowed"),
        sea.promise(*KEPT, start=at[2], end=at[4]),
        sea.promise(*TAGS, start=at[4], end=at[5]),
    ]
    assert run(desk, sea).rejected == 1
    assert [(g["source_key"], g["part"]) for g in gaps(desk)] == [
        (FLEETING, "2026-03-01T00:00:20Z/2026-03-01T00:00:40Z")
    ]
    assert "the queue overflowed" in gaps(desk)[0]["reason"]
    sea.says = [sea.promise(*TAGS, start=at[7], end=at[8])]
    run(desk, sea)
    first, second = gaps(desk)
    assert first["part"].startswith("2026-03-01T00:00:20Z")
    assert second["part"] == "2026-03-01T00:00:50Z/2026-03-01T00:01:10Z"
    assert "pi ended the subscription" in second["reason"]


def test_what_history_keeps_is_no_gap(desk: Desk, sea: Sea) -> None:
    at = [START + seconds(n) for n in range(0, 100, 10)]
    sea.says = [sea.promise(*KEPT, start=at[0], end=at[1]), sea.promise(*KEPT, start=at[2], end=at[3])]
    run(desk, sea)
    assert gaps(desk) == []
    sync_source(desk, source_of(sea))
    assert covered(desk, 1) == {tag: [(START, sea.now)] for tag in KEPT}


def test_a_tag_that_cannot_be_followed_is_on_record_until_it_can(desk: Desk, sea: Sea) -> None:
    sea.says = [Rejected(key=FLEETING, reason="no rights", remedy="grant them")]
    run(desk, sea)
    with desk.database.read() as connection:
        (entry,) = list_open(connection)
    assert (entry["source_key"], entry["reason"], entry["remedy"]) == (FLEETING, "no rights", "grant them")
    sea.says = [sea.promise(FLEETING, start=START)]
    run(desk, sea)
    with desk.database.read() as connection:
        assert list_open(connection) == []


# ------------------------------------------------------------------------------- whatever happens
LATE = 20
"""How many seconds late a sample may arrive at its source."""
STEPS = st.one_of(
    st.tuples(
        st.just("arrive"),
        st.integers(1, 30),
        st.lists(st.tuples(st.sampled_from(TAGS), st.integers(0, LATE - 1)), min_size=1, max_size=4),
    ),
    st.tuples(st.just("give"), st.integers(0, 7), st.integers(1, 4)),
    st.tuples(st.just("repeat"), st.integers(0, 7), st.integers(1, 4)),
    st.tuples(st.just("lose"), st.integers(0, 7), st.booleans()),
    st.tuples(st.just("promise"), st.booleans()),
    st.tuples(st.just("calm")),
    st.tuples(st.just("store"), st.booleans()),
    st.tuples(st.just("round")),
    st.tuples(st.just("fall"), st.booleans()),
)


class Voyage:
    """A source that is followed while its history is read. Its connector is right; everything else may happen."""

    codes = itertools.count()

    def __init__(self, database: Database) -> None:
        self.sea = Sea(now=START + seconds(100))
        self.source = source_of(self.sea, f"pi{next(self.codes)}", settle_s=LATE)
        self.desk = Desk(database, clock=self.sea)
        self.bridge = Bridge(self.source.open())
        self.visit = Visit(self.desk, self.source, register(self.desk, self.source), self.bridge)
        self.given: list[Sample] = []
        self.board()

    def board(self) -> None:
        """Subscribe: what the source hears from now on is under way to us."""
        self.tail = tail_of(self.visit)
        self.under_way: list[Sample] = []
        self.lossy: set[str] = set()
        self.whole_from = dict.fromkeys(TAGS, self.sea.now)

    def arrive(self, later: int, coming: list[tuple[str, int]]) -> None:
        self.sea.now += seconds(later)
        for tag, late in coming:
            sample = (tag, self.sea.now - seconds(late) - seconds(1e-6 * (1 + len(self.sea.arrived))))
            self.sea.arrived.append(sample)
            self.under_way.append(sample)

    def give(self, first: int, count: int) -> None:
        some = self.under_way[first : first + count]
        del self.under_way[first : first + count]
        self.given += some
        self.tail.take(batch_of(some))

    def repeat(self, first: int, count: int) -> None:
        self.tail.take(batch_of(self.given[first : first + count]))

    def lose(self, at: int, is_told: bool) -> None:
        if at < len(self.under_way):
            tag, _ = self.under_way.pop(at)
            self.lossy.add(tag)
            if is_told:
                self.tail.take(Rejected(key=tag, reason="a queue overflowed"))

    def promise(self, settles: bool = False) -> None:
        """Promise what is whole of the tags of which nothing is under way."""
        arrived = {tag for tag, _ in self.under_way}
        starts: dict[datetime, list[str]] = {}
        for tag in TAGS:
            if tag in self.lossy:
                self.lossy.discard(tag)
                self.whole_from[tag] = self.sea.now
            elif tag not in arrived:
                starts.setdefault(self.whole_from[tag], []).append(tag)
                self.whole_from[tag] = self.sea.now
        for start, tags in starts.items():
            self.tail.take(self.sea.promise(*tags, start=start))
        if settles:
            self.store(True)

    def calm(self) -> None:
        """For a while nothing happens, and everything comes."""
        for pause in (0, LATE + 1):
            self.sea.now += seconds(pause)
            self.give(0, len(self.under_way))
            self.promise()

    def store(self, settles: bool) -> None:
        self.tail.store(settles=settles)
        self.check()

    def round(self) -> None:
        assert read_samples(self.visit).error == ""
        self.check()

    def fall(self, is_clean: bool) -> None:
        """The line breaks; or the process ends, with all that was not stored."""
        if is_clean:
            self.tail.store(settles=True)
        self.board()
        self.check()

    def check(self) -> None:
        """What counts as read is stored, at any time."""
        have = set(stored(self.desk, self.source.code))
        spans = covered(self.desk, self.visit.system.id)
        lost = [s for s in self.sea.arrived if s not in have and _holds(spans.get(s[0], []), s[1])]
        assert lost == []

    def end(self) -> None:
        """After all: nothing of what history keeps is missing, and each gap of the rest is on record."""
        self.calm()
        self.calm()
        self.store(True)
        self.round()
        have, arrived = stored(self.desk, self.source.code), sorted(self.sea.arrived)
        assert [s for s in have if s[0] in KEPT] == [s for s in arrived if s[0] in KEPT]
        spans = covered(self.desk, self.visit.system.id)[FLEETING]
        told = [
            tuple(map(datetime.fromisoformat, g["part"].split("/")))
            for g in gaps(self.desk, self.source.code)
        ]
        assert told == [(one[1], other[0]) for one, other in itertools.pairwise(spans)]
        for tag, moment in set(arrived) - set(have):
            assert tag == FLEETING
            assert moment < spans[0][0] or any(start <= moment < end for start, end in told)


def _holds(spans: list[Span], moment: datetime) -> bool:
    return any(start <= moment < end for start, end in spans)


def sail(database: Database, steps: list[Any]) -> None:
    voyage = Voyage(database)
    for name, *given_ in steps:
        getattr(voyage, name)(*given_)
    voyage.end()


@pytest.fixture(scope="module")
def harbour(migrated_sqlite: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("harbour") / "hub.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    database = swift(f"sqlite:///{path}")
    yield database
    database.close()


@given(steps=st.lists(STEPS, max_size=16))
def test_whatever_is_late_doubled_lost_or_cut_off_the_end_is_the_truth(
    harbour: Database, steps: list[Any]
) -> None:
    sail(harbour, steps)


# ------------------------------------------------------------------ wrong designs are found out
CAREFREE: list[Any] = [
    ("calm",),
    ("arrive", 30, [("level", 0)]),
    ("lose", 0, True),
    ("calm",),
    ("calm",),
]
HASTY: list[Any] = [
    ("arrive", 1, [("pressure", 0)]),
    ("promise", True),
    ("arrive", 1, [("level", 1)]),
    ("store", True),
]
SILENT: list[Any] = [("calm",), ("fall", True)]


def test_a_promise_over_a_loss_would_be_noticed(harbour: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Tail._count

    def joined(self: Tail, told: Whole) -> None:
        for tag in told.tags:
            run = self._runs.get(tag)
            real(
                self, Whole(tags=[tag], window=Window(run[1] if run else told.window.start, told.window.end))
            )

    sail(harbour, CAREFREE)
    monkeypatch.setattr(Tail, "_note", lambda *_: None)
    monkeypatch.setattr(Tail, "_count", joined)
    with pytest.raises(AssertionError):
        sail(harbour, CAREFREE)


def test_counting_a_promise_before_late_values_came_would_be_noticed(
    harbour: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Tail._count

    def hasty(self: Tail, told: Whole) -> None:
        self._settle = seconds(0)
        real(self, told)

    sail(harbour, HASTY)
    monkeypatch.setattr(Tail, "_count", hasty)
    with pytest.raises(AssertionError):
        sail(harbour, HASTY)


def test_a_gap_that_nobody_records_would_be_noticed(
    harbour: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sail(harbour, SILENT)
    monkeypatch.setattr(Tail, "_gaps", lambda *_: [])
    with pytest.raises(AssertionError):
        sail(harbour, SILENT)
