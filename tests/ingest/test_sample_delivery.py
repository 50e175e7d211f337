"""What an edge agent at a historian promises: whatever is killed or lost, the hub has what it would have read itself."""

import contextlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.ingest import hauling, receiving
from hub.ingest.agent import Agent
from hub.ingest.delivering import Delivered
from hub.ingest.delivery import Counter, NoReading, OutOfTurn
from hub.ingest.parcel import ParcelLimits, open_parcel
from hub.ingest.receiving import SampleCounter
from hub.ingest.runner import Desk
from hub.ingest.sources import History
from hub.ingest.sync import sync_source
from hub.ingest.tagmap import TagMap
from hub.ingest.wire import SentEnd, SentOpening, SentSpan, SentTags, SentWindow
from hub.model import SAMPLE_SCHEMA
from hub.sdk import Config, Rejected, Unavailable, Window
from hub.store.coverage import covered_spans
from hub.store.database import Database
from hub.store.identifiers import ensure_tags
from hub.store.quarantine import list_open
from hub.store.samples import digest_samples, read_samples
from hub.store.streams import LEASE
from hub.store.systems import find_system
from hub.store.tables import sample_put, source_record, stream
from tests.ingest.fates import PERFECT, Crash, FatedLine
from tests.ingest.tides import KEPT, START, Sea, Tide, TideSource, batch_of, seconds
from tests.swift import swift

_CODES = count()
DAY = timedelta(days=1)
MISHAPS = ["lost on the way", "answer lost", "sent twice", "agent killed before", "agent killed after"]


class Coast(Tide):
    """Reads the sea by windows; some tags are closed, and it may break off or tell nonsense."""

    def samples(self, tags: Any, window: Window) -> Iterator[Any]:
        sea = self.sea
        assert isinstance(sea, Shore)
        for tag in sea.shut & set(tags):
            yield Rejected(key=tag, where=tag, reason="closed to the user", remedy="grant HistoryRead")
        if sea.breaks and len(sea.asked) >= 2:
            raise sea.breaks
        yield from super().samples([tag for tag in tags if tag not in sea.shut], window)
        yield from sea.nonsense


@dataclass
class Shore(Sea):
    """A sea whose connector may be shut out, broken off or wrong."""

    shut: set[str] = field(default_factory=set[str])
    breaks: Exception | None = None
    nonsense: list[pa.RecordBatch] = field(default_factory=list[pa.RecordBatch])


@dataclass(frozen=True)
class ShoreSource(TideSource):
    """A source whose connector reads a shore."""

    def open(self) -> Coast:
        """Make the connector."""
        return Coast(self.sea)


@dataclass
class Line(FatedLine):
    """JSON or Arrow to the hub."""

    tag_map: TagMap | None = None

    def take(self, source: str, what: str, body: dict[str, Any] | bytes) -> Any:
        counter, samples = Counter(self.desk, source, "key"), SampleCounter(self.desk, source, self.tag_map)
        if isinstance(body, bytes):
            assert what == "samples"
            return samples.keep_window(*open_parcel(body, ParcelLimits()))
        told = json.dumps(body)
        match what:
            case "open":
                return counter.open(SentOpening.model_validate_json(told))
            case "tags":
                return samples.keep_tags(SentTags.model_validate_json(told))
            case "windows":
                return samples.list_wanted(SentSpan.model_validate_json(told))
            case _:
                return counter.end(SentEnd.model_validate_json(told))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    from hub.store.upgrade import upgrade

    database = swift(f"sqlite:///{tmp_path_factory.mktemp('delivered') / 'hub.db'}")
    upgrade(database)
    yield database
    database.close()


def shore_of(hours: int = 6, **more: Any) -> Shore:
    """Give a shore with a sample a tag and half hour."""
    arrived = [(tag, START + seconds(1800 * n)) for n in range(2 * hours) for tag in KEPT]
    return Shore(now=START + timedelta(hours=hours), arrived=arrived, **more)


def new_source(sea: Sea, **history: Any) -> ShoreSource:
    told = History(start=START, **{"window_s": 7200.0, **history})
    return ShoreSource(f"s{next(_CODES)}", "HISTORIAN", "tide", None, Config(), told, None, sea)


def run(desk: Desk, source: ShoreSource, *fates: str, name: str = "edge") -> list[Delivered]:
    """Run an agent that has just been started, once; a crash ends it without a word."""
    agent = Agent(name=name, post=Line(desk, list(fates)), sources=[source], clock=desk.clock)
    with contextlib.suppress(Crash):
        return agent.run_due()
    return []


def stands(desk: Desk, code: str, tags: tuple[str, ...] = KEPT) -> dict[str, Any]:
    """Give what counts of a source: samples, what is covered, what waits, what is told of the tags."""
    with desk.database.begin("test") as connection:
        system = find_system(connection, code)
        assert system is not None
        ids = ensure_tags(connection, code, list(tags), now=desk.clock())
        told = connection.execute(
            select(source_record.c.source_key, source_record.c.payload).where(
                source_record.c.source_system_id == system
            )
        )
        return {
            "samples": {tag: digest_samples(connection, ids[tag]) for tag in tags},
            "covered": covered_spans(connection, system, tags),
            "held": sorted(
                (e["object_type"], e["source_key"], e["reason"].replace(code, ""), e["payload"])
                for e in list_open(connection, code)
            ),
            "tags": sorted((key, text.replace(f"{code}:", ":")) for key, text in told),
        }


def as_the_hub_reads(desk: Desk, sea: Sea, **history: Any) -> dict[str, Any]:
    """Give how things stand when the hub has read the same source itself."""
    direct = new_source(sea, **history)
    assert [o.error for o in sync_source(desk, direct)] == ["", ""]
    return stands(desk, direct.code)


def test_an_agent_brings_what_the_hub_would_read_itself(migrated_url: str) -> None:
    with closing(swift(migrated_url)) as database:
        sea = shore_of(shut={"pressure"})
        desk = Desk(database, clock=sea)
        source = new_source(sea)
        tags, samples = run(desk, source)
        assert (tags.error, tags.documents, samples.error, samples.samples) == ("", 3, "", 12)
        held = stands(desk, source.code)
        assert held == as_the_hub_reads(desk, sea)
        assert held["samples"]["level"][0] == 12
        assert held["covered"] == {"level": [(START, sea.now)]}
        assert [e[:2] for e in held["held"]] == [("history", "pressure")]
        sea.shut.clear()
        sea.now += timedelta(hours=1)
        run(desk, source)
        assert stands(desk, source.code) == as_the_hub_reads(desk, sea)
        with database.read() as connection:
            rows = connection.execute(select(sample_put.c.received_at)).scalars().all()
        assert set(rows) == {sea.now - timedelta(hours=1), sea.now}, "arrival is by the hub's clock"


@settings(max_examples=25, deadline=None)
@given(
    rounds=st.lists(
        st.tuples(
            st.lists(st.tuples(st.sampled_from(KEPT), st.integers(0, 600)), max_size=8),
            st.sets(st.sampled_from(KEPT), max_size=1),
            st.lists(st.sampled_from([PERFECT, PERFECT, *MISHAPS]), max_size=10),
        ),
        min_size=1,
        max_size=4,
    ),
    part=st.integers(1, 4),
)
def test_nothing_is_lost_or_doubled_whatever_is_killed_on_the_way(
    store: Database, rounds: list[Any], part: int
) -> None:
    sea = Shore()
    desk = Desk(store, clock=sea)
    source = new_source(sea, window_s=150.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hauling, "_PART_ROWS", part)
        for arrived, shut, fates in rounds:
            since, sea.now = sea.now, sea.now + seconds(601)
            sea.arrived += [(tag, since + seconds(second)) for tag, second in arrived]
            sea.shut = shut
            run(desk, source, *fates)
        sea.shut = set()
        sea.now += seconds(61)
        assert [done.error for done in run(desk, source)] == ["", ""]
    assert stands(desk, source.code) == as_the_hub_reads(desk, sea, window_s=150.0)


@pytest.mark.parametrize("fate", MISHAPS)
def test_a_mishap_at_any_call_leaves_nothing_to_be_repaired(
    store: Database, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    monkeypatch.setattr(hauling, "_PART_ROWS", 5)
    sea = shore_of(4)
    desk = Desk(store, clock=sea)
    line = Line(desk)
    whole = new_source(sea)
    Agent(name="edge", post=line, sources=[whole], clock=sea).run_due()
    windows = ["samples", "samples"] * 2
    assert line.calls == ["open", "tags", "end", "open", "windows", *windows, "end"]
    expected = stands(desk, whole.code)
    assert expected == as_the_hub_reads(desk, sea)
    for at in range(len(line.calls)):
        source = new_source(sea)
        run(desk, source, *[PERFECT] * at, fate)
        run(desk, source)
        assert stands(desk, source.code) == expected


def opening(agent: str = "edge") -> SentOpening:
    return SentOpening(
        agent=agent,
        kind="HISTORIAN",
        connector="tide",
        mapping_version="tide/1",
        mapping={},
        stream="samples",
        every_s=60,
        holds="samples",
    )


def window_of(epoch: int, seq: int, hour: int = 0, **more: Any) -> SentWindow:
    told = {"start": START + timedelta(hours=hour), "end": START + timedelta(hours=hour + 1), **more}
    return SentWindow(
        stream="samples", epoch=epoch, seq=seq, mapping_version="tide/1", tags=["level"], **told
    )


def samples_at(*hours: float) -> pa.Table:
    return pa.Table.from_batches([batch_of(("level", START + timedelta(hours=hour)) for hour in hours)])


@dataclass
class Place:
    """A source at the hub's counter, and what the hub has of its level."""

    desk: Desk
    code: str = field(default_factory=lambda: f"s{next(_CODES)}")

    @property
    def counter(self) -> Counter:
        return Counter(self.desk, self.code, "key")

    @property
    def samples(self) -> SampleCounter:
        return SampleCounter(self.desk, self.code)

    def level(self) -> int:
        with self.desk.database.begin("test") as connection:
            ids = ensure_tags(connection, self.code, ["level"], now=self.desk.clock())
            return read_samples(connection, ids.values(), START, START + DAY).num_rows

    def puts(self) -> int:
        with self.desk.database.read() as connection:
            return len(
                connection.execute(
                    select(sample_put.c.id).where(sample_put.c.stream == f"{self.code}/samples")
                ).all()
            )


@pytest.fixture
def place(migrated_url: str) -> Iterator[Place]:
    with closing(swift(migrated_url)) as database:
        yield Place(Desk(database, clock=Sea(now=START + DAY)))


def test_a_window_that_comes_twice_doubles_nothing_and_moves_nothing_back(place: Place) -> None:
    epoch = place.counter.open(opening()).epoch
    first = window_of(epoch, 1)
    assert place.samples.keep_window(first, samples_at(0.5)).samples == 1
    assert place.samples.keep_window(window_of(epoch, 2, 1), samples_at(1.5)).seq == 2
    again = place.samples.keep_window(first, samples_at(0.5))
    assert (again.kept, again.samples, again.seq) == (True, 0, 2)
    assert place.samples.keep_window(window_of(epoch, 3, 2), samples_at(2.5)).samples == 1
    assert (place.level(), place.puts()) == (3, 3)
    with place.desk.database.read() as connection:
        rows = connection.execute(select(stream.c.samples, stream.c.cursor)).all()
    assert [tuple(row) for row in rows] == [(3, {"seq": 3})]


def test_a_window_before_which_another_lacks_is_refused(place: Place) -> None:
    epoch = place.counter.open(opening()).epoch
    with pytest.raises(OutOfTurn, match="window 2 does not follow window 0"):
        place.samples.keep_window(window_of(epoch, 2), samples_at(0.5))
    assert place.level() == 0


def test_a_part_of_a_window_covers_nothing(place: Place) -> None:
    opened = place.counter.open(opening())
    place.samples.keep_window(window_of(opened.epoch, 1, whole=False), samples_at(0.25))
    span = SentSpan(
        stream="samples",
        epoch=opened.epoch,
        tags=["level"],
        extent=(START, START + timedelta(hours=1)),
        window_s=7200,
    )
    (wanted,) = place.samples.list_wanted(span).windows
    assert (wanted.start, wanted.end) == (START, START + timedelta(hours=1))
    place.samples.keep_window(window_of(opened.epoch, 2), samples_at(0.75))
    assert place.samples.list_wanted(span).windows == []
    assert place.level() == 2


def test_an_agent_started_again_takes_its_reading_over_and_the_old_one_cannot_write(place: Place) -> None:
    first, second = place.counter.open(opening()), place.counter.open(opening())
    assert (first.taken, second.taken) == (True, True)
    old, new = window_of(first.epoch, 1), window_of(second.epoch, 1)
    assert not place.samples.keep_window(old, samples_at(0.5)).kept
    assert not place.samples.keep_window(old.model_copy(update={"seq": 7}), samples_at(0.5)).kept
    span = SentSpan(stream="samples", epoch=first.epoch, tags=["level"], start=START, window_s=60)
    assert not place.samples.list_wanted(span).kept
    assert place.level() == 0
    assert place.samples.keep_window(new, samples_at(0.5)).kept
    assert not place.samples.keep_window(old, samples_at(0.5)).kept
    assert place.level() == 1


def test_another_agent_waits_until_the_lease_has_run_out_and_goes_on_where_the_first_one_was(
    place: Place,
) -> None:
    sea = shore_of(6)
    desk = Desk(place.desk.database, clock=sea)
    source = new_source(sea)
    run(desk, source, *[PERFECT] * 6, "agent killed before")
    (_, refused) = run(desk, source, name="other")
    assert "somebody else" in refused.error
    sea.now += LEASE + seconds(1)
    asked = len(sea.asked)
    (_, done) = run(desk, source, name="other")
    assert done.error == ""
    assert next(window.start for _, window in sea.asked[asked:]) == START + timedelta(hours=2)
    assert stands(desk, source.code)["samples"] == as_the_hub_reads(desk, sea)["samples"]


def test_a_stream_of_records_takes_no_samples_and_the_other_way_round(place: Place) -> None:
    records = opening().model_copy(update={"holds": "records"})
    epoch = place.counter.open(records).epoch
    assert place.counter.open(opening()).why == "stream samples holds records here"
    with pytest.raises(NoReading):
        place.samples.keep_window(window_of(epoch, 1), samples_at(0.5))


def test_there_may_be_more_windows_than_are_told_at_once(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "_WINDOWS", 2)
    sea = shore_of(10, shut={"pressure"})
    desk = Desk(store, clock=sea)
    source, line = new_source(sea), Line(desk)
    Agent(name="edge", post=line, sources=[source], clock=sea).run_due()
    assert line.calls.count("windows") == 3
    assert [tags for tags, _ in sea.asked] == [("level",)] * 5, "a closed tag is not asked for again"
    assert stands(desk, source.code) == as_the_hub_reads(desk, sea)


def test_what_ends_a_reading_at_the_historian_is_known_at_the_hub(store: Database) -> None:
    sea = shore_of(8, breaks=Unavailable("the line is cut", retry_after=7))
    desk = Desk(store, clock=sea)
    source = new_source(sea)
    (_, done) = run(desk, source)
    assert done.error == "the line is cut"
    with store.read() as connection:
        (row,) = connection.execute(
            select(stream).where(
                stream.c.source_system_id == find_system(connection, source.code), stream.c.name == "samples"
            )
        )
    assert (row.state, row.last_error, row.samples) == ("waiting", "the line is cut", 16)
    sea.breaks = None
    run(desk, source)
    assert stands(desk, source.code) == as_the_hub_reads(desk, sea)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ([{"tag": "ghost", "ts": START, "value": 1.0, "quality": 0}], "samples of tag 'ghost'"),
        ([{"tag": "level", "ts": None, "value": 1.0, "quality": 0}], "samples without ts"),
    ],
)
def test_samples_that_are_none_are_the_connectors_fault(
    store: Database, told: list[dict[str, Any]], says: str
) -> None:
    columns = [pa.array([row.get(one.name) for row in told], one.type) for one in SAMPLE_SCHEMA]
    sea = shore_of(2, nonsense=[pa.RecordBatch.from_arrays(columns, schema=SAMPLE_SCHEMA)])
    desk = Desk(store, clock=sea)
    source = new_source(sea)
    (_, done) = run(desk, source)
    assert says in done.error
    with store.read() as connection:
        system = find_system(connection, source.code)
        (row,) = connection.execute(
            select(stream.c.last_error).where(stream.c.source_system_id == system, stream.c.name == "samples")
        )
        assert system is not None
        assert covered_spans(connection, system, KEPT) == {}
    assert says in row.last_error


def test_what_cannot_be_stored_waits_as_if_the_hub_had_read_it(store: Database) -> None:
    odd = [
        {"tag": "level", "ts": START, "value": float("nan"), "text": None, "quality": 0},
        {"tag": "level", "ts": START + seconds(1), "value": float("inf"), "text": None, "quality": 2**31},
        {"tag": "level", "ts": START.replace(year=1700), "value": 1.0, "text": None, "quality": 0},
        {"tag": "level", "ts": START + seconds(2), "value": None, "text": "é" * 200_000, "quality": 0},
    ]
    sea = shore_of(2, nonsense=[pa.RecordBatch.from_pylist(odd, schema=SAMPLE_SCHEMA)])
    desk = Desk(store, clock=sea)
    source = new_source(sea)
    run(desk, source)
    held = stands(desk, source.code)
    assert len(held["held"]) == 3
    assert held == as_the_hub_reads(desk, sea)


def test_the_hubs_own_map_completes_the_tags_and_the_rest_is_unmapped(store: Database) -> None:
    sea = shore_of(1)
    desk = Desk(store, clock=sea)
    row = {"tag": "level", "equipment": "T-1", "property": "level", "unit": "m"}
    known = TagMap({"level": row}, (), "mes:equipment")
    delivered, direct = new_source(sea), replace(new_source(sea), tag_map=known)
    line = Line(desk, tag_map=known)
    Agent(name="edge", post=line, sources=[delivered], clock=sea).run_due()
    sync_source(desk, direct)
    told = stands(desk, delivered.code)
    assert told == stands(desk, direct.code)
    bodies = {key: json.loads(text) for key, text in told["tags"]}
    assert [key for key, body in bodies.items() if not body.get("equipment")] == ["flow", "pressure"]
    with store.read() as connection:
        (version,) = connection.execute(
            select(source_record.c.mapping_version)
            .where(source_record.c.source_system_id == find_system(connection, delivered.code))
            .distinct()
        ).scalars()
    assert version.startswith("tide/1#")
    assert version != delivered.mapping


def test_a_tag_that_this_hub_refuses_waits_with_its_name_until_it_is_sound(store: Database) -> None:
    sea = shore_of(1)
    desk = Desk(store, clock=sea)
    here = Place(desk)
    named = opening().model_copy(update={"stream": "tags", "holds": "records"})
    sound = [{"id": {"value": "level"}}, {"id": {"value": "flow"}}]
    told = SentTags(stream="tags", epoch=0, mapping_version="tide/1", tags=[*sound, {"id": {"value": "odd"}}])

    def tell(tags: list[dict[str, Any]]) -> list[tuple[str, str]]:
        epoch = here.counter.open(named).epoch
        assert here.samples.keep_tags(told.model_copy(update={"epoch": epoch, "tags": tags})).kept
        with store.read() as connection:
            return sorted((e["source_key"], e["reason"]) for e in list_open(connection, here.code))

    assert tell([*sound, {"id": {"value": "odd"}}]) == []
    ((name, reason),) = tell([*sound, {"id": {"value": "odd"}, "criticality": "?"}])
    assert (name, "criticality" in reason) == ("odd", True)
    assert tell([*sound, {"id": {"value": "odd"}}]) == []
    ((name, reason),) = tell(sound)
    assert (name, "no longer lists" in reason) == ("odd", True)
    assert not here.samples.keep_tags(told).kept
