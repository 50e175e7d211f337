"""Our sample store beside InfluxDB 1.6 and VictoriaMetrics: the same history in each, the same answers asked of each.

Ours runs in this process and gives columns; a peer is a server that is asked over loopback and gives text, whose
making and sending is its time and whose reading is nobody's. So look at the processor time too: of this process
for ours, of the server alone for a peer. Where a question is not quite the same, its row's name says so.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, select

from hub.store.answers.tags import list_latest
from hub.store.database import Database
from hub.store.lake.compaction import compact
from hub.store.lake.folding import fold
from hub.store.lake.hours import read_hours
from hub.store.lake.periods import to_micros
from hub.store.lake.rollup import HOUR
from hub.store.lake.runs import longs
from hub.store.lake.survey import Survey, survey
from hub.store.lake.turn import taken_turn
from hub.store.samples import put_samples, read_samples, scan_samples
from hub.store.tables import ENTITY_TABLES
from tests.bench.bench_history import clock, known_tags, tend
from tests.bench.historian import BEGIN, FAST, days, make_windows, names, wanted_samples
from tests.bench.influx import Influx
from tests.bench.laboratory import NOW
from tests.bench.peer import Answer, Peer, Question, in_millis
from tests.bench.ruler import Row, judge
from tests.bench.stores import embedded
from tests.bench.victoria import Victoria

PEERS: tuple[type[Peer], ...] = (Influx, Victoria)
PUT = 10_000
_PUT_AT_MOST = 2_000_000
"""So many samples go in by puts; what each costs does not depend on how many came before."""
_DAY = timedelta(days=1)
_MINUTE = 60_000_000


@dataclass
class Spent:
    """Seconds of wall and of processor time, and for how many rows."""

    wall: float = 0.0
    processor: float = 0.0
    rows: int = 0

    def spend(self, action: Callable[[], object], clock: Callable[[], float] = time.process_time) -> None:
        """Do it and add what it took."""
        used, began = clock(), time.perf_counter()
        action()
        self.wall += time.perf_counter() - began
        self.processor += clock() - used

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.wall

    @property
    def each(self) -> float:
        """Microseconds of processor time a row."""
        return self.processor / self.rows * 1e6


def bench_peers_history(folder: Path) -> Iterator[Row]:
    """Fill and ask each store that is installed, beside ours."""
    yield from compare(folder, [peer for peer in PEERS if peer.find() or print(peer.missing)])


def compare(folder: Path, peers: list[type[Peer]]) -> Iterator[Row]:
    """Give the rows of these peers. Raises `AssertionError` when one answers otherwise than our store."""
    if not peers:
        return
    samples = wanted_samples()
    label = f"{samples / 1e6:g} M"
    with embedded(folder / "store") as database:
        tags = known_tags(database, names())
        filled = _fill(database, tags, samples)
        held = survey(database)
        assert held.cold == filled.rows
        for kind in peers:
            with kind(folder / kind.name) as peer:
                spent = _load(peer, make_windows(samples))
                spent.processor += peer.settle()
                assert peer.count(BEGIN, BEGIN + _DAY * days(samples)) == spent.rows == filled.rows
                yield from _compare_loads(f"{peer.name}: back-fill", label, (filled, spent))
                yield from _compare_sizes(peer, label, held)
                with database.read() as connection:
                    yield from _ask(Ours(connection, tags), peer, days(samples), label)
    yield from _compare_puts(folder, peers, min(samples, _PUT_AT_MOST))


def _compare_loads(name: str, label: str, loads: tuple[Spent, Spent]) -> Iterator[Row]:
    ours, theirs = loads
    done = "ours until folded, compacted and rolled up"
    yield judge(f"{name}, {done}, {label}", ours.rate, "rows/s", against=theirs.rate)
    yield judge(f"{name}, processor until settled, {label}", ours.each, "µs/row", against=theirs.each)


def _compare_sizes(peer: Peer, label: str, held: Survey) -> Iterator[Row]:
    """A peer has neither quality nor roll-up, and its size is that of its index too."""
    size = peer.size() / held.cold
    ours = held.live_bytes / held.cold
    yield judge(f"{peer.name}: bytes a sample, ours with quality, {label}", ours, "B", against=size)
    both = ours + held.hourly_bytes / held.cold
    yield judge(
        f"{peer.name}: bytes a sample, ours with quality and roll-up, {label}", both, "B", against=size
    )


def _fill(database: Database, tags: dict[str, int], samples: int) -> Spent:
    """Back-fill: ten days at a time, as sorted files; folded and compacted at the end."""
    spent = Spent()

    def put(seq: int, table: pa.Table) -> None:
        with database.begin("test") as connection:
            put_samples(connection, "bench/backfill", seq, table, tags, now=NOW)

    for seq, table in enumerate(make_windows(samples), start=1):
        spent.spend(lambda seq=seq, table=table: put(seq, table))
        spent.rows += table.num_rows
    spent.spend(lambda: tend(database))
    return spent


def _load(peer: Peer, tables: Iterable[pa.Table]) -> Spent:
    """Send all to a peer; its processor time is all that its server has used meanwhile, also between requests."""
    spent, before = Spent(), peer.server.processor()
    for table in tables:
        for path, body in peer.write(table):
            spent.spend(lambda path=path, body=body: peer.server.ask(path, body))
        spent.rows += table.num_rows
    spent.processor = peer.server.processor() - before
    return spent


def _compare_puts(folder: Path, peers: list[type[Peer]], samples: int) -> Iterator[Row]:
    """Samples as they come, 10,000 at a time, each durable in ours and in InfluxDB before the next."""
    with embedded(folder / "puts") as database:
        ours = _put(database, known_tags(database, names()), samples)
    for kind in peers:
        with kind(folder / f"{kind.name} puts") as peer:
            theirs = _load(peer, as_they_come(samples))
            used = peer.server.processor()
            peer.server.rest(peer.kept_in())
            theirs.processor += peer.server.processor() - used
            label = f"{theirs.rows / 1e6:.2g} M by {PUT:,}"
            yield from _compare_loads(f"{peer.name}: puts", label, (ours, theirs))


def as_they_come(samples: int) -> Iterator[pa.Table]:
    """Give samples in the order of their times, so many at a time, each lot by tag and time."""
    for table in make_windows(samples):
        ordered = table.sort_by("ts")
        for at in range(0, table.num_rows, PUT):
            yield ordered.slice(at, PUT).sort_by([("tag", "ascending"), ("ts", "ascending")])


def _put(database: Database, tags: dict[str, int], samples: int) -> Spent:
    spent = Spent()

    def put(seq: int, table: pa.Table) -> None:
        with database.begin("test") as connection:
            put_samples(connection, "bench/live", seq, table, tags, now=NOW)

    def fold_some() -> None:
        with taken_turn(database, owner="bench", clock=clock) as turn:
            assert turn is not None
            fold(turn)
            compact(turn, runs=3)

    for seq, table in enumerate(as_they_come(samples), start=1):
        spent.spend(lambda seq=seq, table=table: put(seq, table))
        spent.rows += table.num_rows
        if seq % 100 == 0:
            spent.spend(fold_some)
    spent.spend(lambda: tend(database))
    return spent


class Ours:
    """Our store, asked what a peer is asked."""

    def __init__(self, connection: Connection, tags: dict[str, int]) -> None:
        self._connection = connection
        self._tags = tags
        tag = ENTITY_TABLES["tag"].c
        uids = dict(connection.execute(select(tag.id, tag.uid).where(tag.id.in_(tags.values()))).all())
        self._uids = [uids[tags[name]] for name in sorted(tags)]

    def day(self, tag: str, start: datetime, end: datetime) -> pa.Table:
        """Give the samples of a tag."""
        return read_samples(self._connection, [self._tags[tag]], start, end)

    def hours(self, tag: str, start: datetime, end: datetime) -> pa.Table:
        """Give the hours of a tag, out of the roll-up."""
        return read_hours(self._connection, [self._tags[tag]], start, end, columns=("min", "max"))[0]

    def raw_hours(self, tag: str, start: datetime, end: datetime) -> Answer:
        """Give the hours of a tag, out of its samples as a peer does."""
        parts: list[Answer] = []
        spans = [(start, end)]
        for piece in scan_samples(self._connection, [self._tags[tag]], spans, columns=("value",)):
            hours = longs(piece, "ts") // HOUR
            fresh = np.flatnonzero(np.concatenate(([True], hours[1:] != hours[:-1])))
            values = _values(piece)
            least, greatest = np.minimum.reduceat(values, fresh), np.maximum.reduceat(values, fresh)
            parts.append((hours[fresh] * HOUR // 1000, least, greatest))
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    def latest(self) -> dict[str, Any]:
        """Give the last sample of each tag."""
        return list_latest(self._connection, self._uids)

    def in_order(self, latest: dict[str, Any]) -> Answer:
        """Give times and values of last samples in the order of the tags' names."""
        found = [latest[uid] for uid in self._uids]
        return np.array([in_millis(one["ts"]) for one in found]), np.array([one["value"] for one in found])

    def minutes(self, tags: list[str], start: datetime, end: datetime) -> Answer:
        """Give each tag's last observations at each minute: how many, and their sum."""
        grid = np.arange(to_micros(start), to_micros(end), _MINUTE)
        ids = [self._tags[tag] for tag in tags]
        table = read_samples(self._connection, ids, start, end)
        there, stamps, values = longs(table, "tag_id"), longs(table, "ts"), _values(table)
        counts, sums = np.zeros(len(tags), np.int64), np.zeros(len(tags))
        for number, (low, high) in enumerate(np.searchsorted(there, [(tag, tag + 1) for tag in ids])):
            at = np.searchsorted(stamps[low:high], grid, "right") - 1
            held = values[low:high][at[at >= 0]]
            counts[number], sums[number] = len(held), held.sum()
        return counts, sums


def _ask(ours: Ours, peer: Peer, last: int, label: str) -> Iterator[Row]:
    end = BEGIN + _DAY * last
    middle = BEGIN + timedelta(days=last // 2)
    day = "T003", middle, middle + _DAY
    yield from _side_by_side(
        f"one tag, one day, {label}", lambda: ours.day(*day), (peer, peer.day(*day), _of_samples), runs=15
    )
    whole = FAST, BEGIN, end
    trend = f"least and greatest of each hour of the 1 Hz tag over {last} days"
    asked = peer.hours(*whole)
    yield from _side_by_side(
        f"{trend}, ours out of the roll-up, {label}",
        lambda: ours.hours(*whole),
        (peer, asked, _of_hours),
        runs=5,
    )
    yield from _side_by_side(
        f"{trend}, out of the samples, {label}", lambda: ours.raw_hours(*whole), (peer, asked, tuple), runs=3
    )
    yield from _side_by_side(
        f"last values of 500 tags, the peer looks in the last day, {label}",
        ours.latest,
        (peer, peer.latest(end - _DAY, end), ours.in_order),
        runs=15,
    )
    span = min(14, last)
    grid = names()[1:201], BEGIN, BEGIN + _DAY * span
    yield from _side_by_side(
        f"200 tags, {span} days, last observation each minute, counted and summed, {label}",
        lambda: ours.minutes(*grid),
        (peer, peer.minutes(*grid), tuple),
        runs=3,
    )


def _side_by_side(
    name: str, ours: Callable[[], Any], asked: tuple[Peer, Question, Callable[[Any], Answer]], *, runs: int
) -> Iterator[Row]:
    """Ask in turns, once before it counts; the first answers must be the same."""
    peer, question, columns = asked
    answer = question.reads(peer.server.ask(question.path))
    insist_on_the_same(columns(ours()), answer, 1e-10 if question.sums else peer.tolerance)
    mine, other = list[Spent](), list[Spent]()
    for _ in range(runs):
        mine.append(Spent())
        mine[-1].spend(ours)
        other.append(Spent())
        other[-1].spend(lambda: peer.server.ask(question.path), peer.server.processor)
    wall = [median(spent.wall for spent in each) * 1e3 for each in (mine, other)]
    used = [median(spent.processor for spent in each) * 1e3 for each in (mine, other)]
    yield judge(f"{peer.name}: {name}", wall[0], "ms", against=wall[1])
    yield judge(f"{peer.name}: {name}, processor", used[0], "ms", against=used[1])


def insist_on_the_same(ours: Answer, theirs: Answer, tolerance: float) -> None:
    """Raise `AssertionError` unless whole numbers are equal, and values within a relative tolerance."""
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.dtype == other.dtype, f"{mine.dtype} and {other.dtype}"
        if mine.dtype == np.int64:
            np.testing.assert_array_equal(mine, other)
        else:
            np.testing.assert_allclose(mine, other, rtol=tolerance)


def _of_samples(table: pa.Table) -> Answer:
    return longs(table, "ts") // 1000, _values(table)


def _of_hours(table: pa.Table) -> Answer:
    least, greatest = (table[name].combine_chunks().to_numpy() for name in ("min", "max"))
    return longs(table, "hour") // 1000, least, greatest


def _values(table: pa.Table) -> np.ndarray:
    return table["value"].combine_chunks().to_numpy(zero_copy_only=False)
