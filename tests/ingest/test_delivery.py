"""What an edge agent promises: whatever is killed or lost on the way, each document is stored once."""

import contextlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.ingest.agent import Agent
from hub.ingest.delivering import Delivered
from hub.ingest.delivery import Counter, NoReading
from hub.ingest.runner import Desk
from hub.ingest.sync import sync_source
from hub.ingest.wire import SentEnd, SentOpening, SentPage, SentTypes
from hub.sdk import Misconfigured, Unauthorized, Unavailable
from hub.store.database import Database
from hub.store.quarantine import list_open
from hub.store.streams import LEASE
from hub.store.systems import find_system
from hub.store.tables import source_record, statement, stream
from tests.ingest.fates import PERFECT, Crash, FatedLine
from tests.ingest.ledgers import START, Ledger, LedgerSource, source_of
from tests.swift import swift

_CODES = count()
KINDS = {"open": SentOpening, "page": SentPage, "end": SentEnd, "keys": SentTypes}


@dataclass
class Clock:
    """A clock that tests move."""

    now: datetime = START + timedelta(days=1)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Line(FatedLine):
    """JSON both ways."""

    holder: str = "key"

    def take(self, source: str, what: str, body: dict[str, Any] | bytes) -> Any:
        sent = KINDS[what].model_validate_json(json.dumps(body))
        counter = Counter(self.desk, source, self.holder)
        does = {"open": counter.open, "page": counter.keep, "end": counter.end, "keys": counter.list_keys}
        return does[what](sent)  # type: ignore[operator]


FATES = st.lists(
    st.sampled_from(
        [PERFECT, PERFECT, "lost on the way", "answer lost", "agent killed before", "agent killed after"]
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    from hub.store.upgrade import upgrade

    database = swift(f"sqlite:///{tmp_path_factory.mktemp('delivered') / 'hub.db'}")
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def desk(store: Database) -> Desk:
    return Desk(store, clock=Clock())


def new_source(ledger: Ledger) -> LedgerSource:
    return replace(source_of(ledger, f"s{next(_CODES)}"), kind="MES")


def run(desk: Desk, source: LedgerSource, *fates: str, name: str = "edge") -> list[Delivered]:
    """Run an agent that has just been started, once; a crash ends it without a word."""
    agent = Agent(name=name, post=Line(desk, list(fates)), sources=[source], clock=desk.clock)
    with contextlib.suppress(Crash):
        return agent.run_due()
    return []


def stored(desk: Desk, code: str) -> list[tuple[str, int, str]]:
    """Give key, version and payload of each document that was stored, once for each time."""
    with desk.database.read() as connection:
        rows = connection.execute(
            select(source_record.c.source_key, source_record.c.source_version, source_record.c.payload).where(
                source_record.c.source_system_id == find_system(connection, code)
            )
        )
        return sorted((row[0], row[1], row[2]) for row in rows)


def stands(desk: Desk, code: str) -> dict[str, Any]:
    """Give what counts of a source: live statements, open quarantine, the cursor."""
    with desk.database.read() as connection:
        system = find_system(connection, code)
        said = connection.execute(
            select(statement.c.record_type, statement.c.record_key, statement.c.body).where(
                statement.c.source_system_id == system, statement.c.is_live
            )
        )
        cursor = connection.scalar(select(stream.c.cursor).where(stream.c.source_system_id == system))
        held = [(e["source_key"], e["reason"], e["payload"]) for e in list_open(connection, code)]
        told = sorted(json.dumps(list(map(str, row))).replace(f"{code}:", ":") for row in said)
    return {"said": told, "held": sorted(held), "cursor": cursor}


CONTENT = st.sampled_from([{}, {"taken": "2026-03-01T08:00:00Z"}, {"taken": "19 April"}])
"""Readable in whole or in part: of what is not readable at all, the version before it goes on to count."""
CHANGES = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from("abcdef"), CONTENT, FATES), min_size=1, max_size=6
)


@settings(max_examples=25, deadline=None)
@given(changes=CHANGES, page=st.integers(1, 3), snapshot=st.booleans(), gone=st.sampled_from("abcdef"))
def test_nothing_is_lost_or_doubled_whatever_is_killed_on_the_way(
    store: Database, changes: list[Any], page: int, snapshot: bool, gone: str
) -> None:
    clock = Clock()
    desk = Desk(store, clock=clock)
    ledger = Ledger(page=page, snapshot=snapshot)
    source = new_source(ledger)
    second = 0
    for later, key, content, fates in changes:
        second += later
        ledger.rows = [row for row in ledger.rows if row[1] != key]
        ledger.rows.append((second, key, {**content, "n": len(ledger.rows), "at": second}))
        run(desk, source, *fates)
        clock.now += timedelta(seconds=61)
    if snapshot and len(ledger.rows) > 1:
        ledger.rows = [row for row in ledger.rows if row[1] != gone] or ledger.rows
    (done,) = run(desk, source)
    assert done.error == ""
    times = [(key, version, text) for key, version, text in stored(desk, source.code)]
    assert len(times) == len(set(times)), "a document was stored twice"
    direct = new_source(replace(ledger))
    assert [o.error for o in sync_source(desk, direct)] == [""]
    assert stands(desk, source.code) == stands(desk, direct.code)


@pytest.mark.parametrize(
    "fate", ["lost on the way", "answer lost", "agent killed before", "agent killed after"]
)
def test_a_mishap_at_any_call_leaves_nothing_to_be_repaired(desk: Desk, fate: str) -> None:
    rows = [(n // 3, f"k{n}", {"n": n}) for n in range(8)]
    whole = new_source(Ledger(rows=rows))
    line = Line(desk)
    Agent(name="edge", post=line, sources=[whole], clock=desk.clock).run_due()
    assert line.calls == ["open", "page", "page", "page", "page", "end"]
    for at in range(len(line.calls)):
        source = new_source(Ledger(rows=rows))
        run(desk, source, *[PERFECT] * at, fate)
        run(desk, source)
        assert [key for key, *_ in stored(desk, source.code)] == [key for key, *_ in stored(desk, whole.code)]
        assert stands(desk, source.code) == stands(desk, whole.code)


def test_an_agent_started_again_takes_its_reading_over_and_the_old_one_cannot_write(desk: Desk) -> None:
    ledger = Ledger(rows=[(n, f"k{n}", {"n": n}) for n in range(4)])
    source = new_source(ledger)
    run(desk, source, PERFECT, PERFECT, "agent killed before")
    counter = Counter(desk, source.code, "key")
    opening = SentOpening(
        agent="edge",
        kind="MES",
        connector="ledger",
        mapping_version="1",
        mapping={},
        stream="rows",
        every_s=1,
    )
    first, second = counter.open(opening), counter.open(opening)
    assert (first.taken, second.taken) == (True, True)
    before = stored(desk, source.code)
    page = SentPage(stream="rows", epoch=first.epoch, mapping_version="1", cursor={"at": 99})
    assert not counter.keep(page).kept
    assert not counter.end(SentEnd(stream="rows", epoch=first.epoch)).kept
    assert stored(desk, source.code) == before
    assert counter.keep(page.model_copy(update={"epoch": second.epoch})).kept


def test_another_agent_waits_until_the_lease_has_run_out(migrated_url: str) -> None:
    with closing(swift(migrated_url)) as store:
        hold_the_lease(store)


def hold_the_lease(store: Database) -> None:
    clock = Clock()
    desk = Desk(store, clock=clock)
    source = new_source(Ledger(rows=[(1, "a", {}), (2, "b", {}), (3, "c", {})]))
    run(desk, source, PERFECT, PERFECT, "agent killed before")
    (refused,) = run(desk, source, name="other")
    assert "somebody else" in refused.error
    clock.now += LEASE + timedelta(seconds=1)
    (done,) = run(desk, source, name="other")
    assert done.error == ""
    assert [key for key, *_ in stored(desk, source.code)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unavailable("gone", retry_after=7), "waiting"),
        (Unauthorized("no"), "paused"),
        (Misconfigured("wrong"), "stopped"),
        (RuntimeError("a bug"), "waiting"),
    ],
)
def test_what_ends_a_reading_at_the_source_is_known_at_the_hub(
    store: Database, error: Exception, state: str
) -> None:
    clock = Clock()
    desk = Desk(store, clock=clock)
    ledger = Ledger(rows=[(n, f"k{n}", {}) for n in range(4)], fails_with=error, fails_at=1)
    source = new_source(ledger)
    agent = Agent(name="edge", post=Line(desk), sources=[source], clock=clock)
    (done,) = agent.run_due()
    assert str(error) in done.error
    assert len(stored(desk, source.code)) == 2
    with store.read() as connection:
        row = connection.execute(
            select(stream).where(stream.c.source_system_id == find_system(connection, source.code))
        ).one()
    assert (row.state, str(error) in row.last_error) == (state, True)
    ledger.fails_with = None
    assert agent.run_due() == []  # it is not due yet
    clock.now += timedelta(days=1)
    again = agent.run_due()
    assert bool(again) is (state == "waiting"), "a person's matter waits until the agent is started anew"
    run(desk, source)
    assert len(stored(desk, source.code)) == 4


def test_a_record_that_this_hub_refuses_waits_with_its_reason(desk: Desk) -> None:
    source = new_source(Ledger(rows=[(1, "a", {})]))
    counter = Counter(desk, source.code, "key")
    opened = counter.open(
        SentOpening(
            agent="e", kind="MES", connector="x", mapping_version="1", mapping={}, stream="rows", every_s=1
        )
    )
    document = {"object_type": "row", "key": "k", "payload": "{}"}
    records = [{"type": "batch", "fields": {"id": "B-1"}}, {"type": "moon", "fields": {}}]
    page = {"stream": "rows", "epoch": opened.epoch, "mapping_version": "1", "cursor": {}}
    kept = counter.keep(
        SentPage.model_validate(
            {**page, "documents": [{**document, "records": [*records, {"type": "batch", "fields": {}}]}]}
        )
    )
    assert (kept.records, kept.rejected) == (1, 2)
    with desk.database.read() as connection:
        reasons = sorted(e["reason"] for e in list_open(connection, source.code))
    assert "'moon', which this hub does not know" in reasons[1]
    assert "Field required" in reasons[0]


def test_a_page_without_a_reading_is_refused(desk: Desk) -> None:
    with pytest.raises(NoReading, match="no reading of nobody/rows was opened"):
        Counter(desk, "nobody", "key").keep(
            SentPage(stream="rows", epoch=1, mapping_version="1", cursor=None)
        )


def test_a_hub_that_is_away_is_asked_less_and_less_often(desk: Desk) -> None:
    source = new_source(Ledger(rows=[(1, "a", {})]))
    line = Line(desk, ["lost on the way"] * 9)
    clock = desk.clock
    assert isinstance(clock, Clock)
    agent = Agent(name="edge", post=line, sources=[source], clock=clock, every_s=5)
    waits = []
    for _ in range(5):
        agent.run_due()
        waits.append(agent.wait_s())
        clock.now += timedelta(minutes=2)
    assert waits == [10, 20, 40, 60, 60]


def test_a_snapshot_with_a_piece_that_cannot_be_read_deletes_nothing_and_says_so(desk: Desk) -> None:
    ledger = Ledger(rows=[(0, "a", {}), (1, "b", {}), (2, "c", {})], snapshot=True, resumes=True)
    source = new_source(ledger)
    clock = desk.clock
    assert isinstance(clock, Clock)
    run(desk, source)
    ledger.rows = [(0, "a", {}), (2, "b", {"torn": True})]
    (done,) = run(desk, source)
    assert "nothing that it lacks was taken as deleted" in done.note
    assert len(stands(desk, source.code)["said"]) == 3
    ledger.rows[1] = (2, "b", {})
    (done,) = run(desk, source)
    assert (done.note, done.error) == ("", "")
    assert len(stands(desk, source.code)["said"]) == 2, "c is gone, and a was not skipped by the cursor"


def test_a_large_page_travels_in_parts_and_only_the_last_moves_the_cursor(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.ingest.delivering._PART_DOCUMENTS", 2)
    source = new_source(Ledger(rows=[(n, f"k{n}", {}) for n in range(5)], page=5))
    run(desk, source, PERFECT, PERFECT, PERFECT, "agent killed before")
    assert len(stored(desk, source.code)) == 4
    assert stands(desk, source.code)["cursor"] is None
    run(desk, source)
    assert [key for key, *_ in stored(desk, source.code)] == ["k0", "k1", "k2", "k3", "k4"]
