"""What the runner promises: documents, quarantine and cursor are one commit, and every failure has its outcome."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.ingest import runner
from hub.ingest.failures import judge
from hub.ingest.replay import replay
from hub.ingest.runner import Desk, Outcome
from hub.ingest.sync import sync_source, sync_sources
from hub.resolve.resolution import prepare, resolve
from hub.sdk import Misconfigured, Unauthorized, Unavailable
from hub.store.database import Database
from hub.store.quarantine import list_open
from hub.store.statements import Told
from hub.store.streams import Claim, LeaseLost, advance_stream, claim_stream
from hub.store.tables import metadata, quarantine, source_record, statement, stream
from tests.ingest.ledgers import START, Ledger, LedgerSource, source_of
from tests.swift import swift


class Crash(BaseException):
    """The process ends here."""


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = START + timedelta(days=1)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(migrated_url: str, clock: Clock) -> Iterator[Desk]:
    database = swift(migrated_url)
    yield Desk(database, clock=clock, sleep=clock.sleep)
    database.close()


def row_of(desk: Desk) -> Any:
    with desk.database.read() as connection:
        return connection.execute(select(stream)).one()


def keys_stored(desk: Desk) -> list[str]:
    """Give the key of every stored document, once for each time it was stored."""
    with desk.database.read() as connection:
        return sorted(connection.scalars(select(source_record.c.source_key)))


def read(desk: Desk, source: LedgerSource) -> Outcome:
    (outcome,) = sync_source(desk, source)
    return outcome


# ---------------------------------------------------------------------------------------- crashes
TIED = [(n // 3, f"k{n}", {"n": n}) for n in range(8)]
"""Eight rows whose ties lie across the ends of pages of two."""


def crash_and_recover(desk: Desk, monkeypatch: pytest.MonkeyPatch, *, at: int, ledger: Ledger) -> int:
    """End the process at the nth step of committing, read again; give the number of steps taken.

    Fails when a document is lost or doubled.
    """
    steps = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            nonlocal steps
            done = function(*given, **named)
            steps += 1
            if steps == at:
                raise Crash
            return done

        return run

    with monkeypatch.context() as patch:
        patch.setattr(runner, "store_documents", counted(runner.store_documents))
        patch.setattr(runner, "advance_stream", counted(runner.advance_stream))
        with contextlib.suppress(Crash):
            read(desk, source_of(ledger))
    assert read(desk, source_of(ledger)).error == ""
    assert keys_stored(desk) == sorted(key for _, key, _ in ledger.rows)
    with desk.database.read() as connection:
        said = connection.scalars(select(statement.c.record_key)).all()
    assert sorted(said) == sorted(f"mes:batch|{key}" for _, key, _ in ledger.rows)
    assert row_of(desk).cursor == {"at": 2}
    return steps


@pytest.mark.parametrize("at", range(1, 10))
def test_a_crash_at_any_step_loses_and_doubles_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    crash_and_recover(desk, monkeypatch, at=at, ledger=Ledger(TIED))


def test_a_checkpoint_before_the_data_would_be_noticed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = runner.Reading.commit

    def cursor_first(self: runner.Reading, told: list[Told], cursor: dict[str, Any] | None) -> None:
        with desk.database.begin("test") as connection:
            runner.advance_stream(connection, self.claim, cursor=cursor, now=desk.clock())
        real(self, told, cursor)

    monkeypatch.setattr(runner.Reading, "commit", cursor_first)
    with pytest.raises(AssertionError):
        crash_and_recover(desk, monkeypatch, at=5, ledger=Ledger(TIED))


def test_documents_without_a_natural_key_would_be_noticed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = runner.store_documents, iter(range(1000))

    def keyless(connection: Any, *, documents: list[Told], **named: Any) -> Any:
        fresh = [Told(**{**vars(d), "source_key": f"{next(count)}"}) for d in documents]
        return real(connection, documents=fresh, **named)

    monkeypatch.setattr(runner, "store_documents", keyless)
    with pytest.raises(AssertionError):
        crash_and_recover(desk, monkeypatch, at=5, ledger=Ledger(TIED))


def test_a_cursor_that_skips_ties_would_be_noticed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        crash_and_recover(desk, monkeypatch, at=3, ledger=Ledger(TIED, after_tie=False))


# ------------------------------------------------------------------------------------------ lease
def overtake(desk: Desk, clock: Clock) -> None:
    """A node that slept through its lease commits an old page; fails unless it is turned away."""
    ledger = Ledger(TIED)
    read(desk, source_of(ledger))
    desk.database.presence.show("sleeper")
    with desk.database.begin("test") as connection:
        sleeper = claim_stream(connection, row_of(desk).id, owner="sleeper", now=clock())
    assert sleeper is not None
    other = Desk(desk.database, owner="other", clock=clock, sleep=clock.sleep)
    busy = read(other, source_of(ledger))
    assert (busy.state, busy.documents) == ("running", 0)
    clock.now += timedelta(minutes=5)
    assert read(other, source_of(ledger)).error == ""
    turned_away = False
    try:
        with desk.database.begin("test") as connection:
            runner.advance_stream(connection, sleeper, cursor={"at": 0}, now=clock())
    except LeaseLost as error:
        turned_away = "taken by another node" in str(error)
    assert turned_away
    assert row_of(desk).cursor == {"at": 2}


def test_a_node_that_lost_its_lease_writes_nothing(desk: Desk, clock: Clock) -> None:
    overtake(desk, clock)


def test_a_commit_without_a_fence_would_be_noticed(
    desk: Desk, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unfenced(connection: Any, claim: Claim, **named: Any) -> None:
        epoch = connection.scalar(select(stream.c.epoch).where(stream.c.id == claim.stream_id))
        advance_stream(connection, Claim(**{**vars(claim), "epoch": epoch}), **named)

    monkeypatch.setattr(runner, "advance_stream", unfenced)
    with pytest.raises(AssertionError):
        overtake(desk, clock)


# --------------------------------------------------------------------------------------- failures
@pytest.mark.parametrize(
    ("error", "state", "wait", "says"),
    [
        (Unavailable("429 from the source", retry_after=90), "waiting", 90, "429"),
        (Unavailable("in the next century", retry_after=1e300), "waiting", 86_400, "century"),
        (Unauthorized("GET / answered 401", remedy="check the key"), "paused", 600, "check the key"),
        (Misconfigured("no such path", remedy="check the URL"), "stopped", 600, "check the URL"),
        (ZeroDivisionError("a bug"), "waiting", 60, "ZeroDivisionError"),
    ],
    ids=["unavailable", "far", "unauthorized", "misconfigured", "bug"],
)
def test_a_failure_keeps_what_was_read_and_says_what_is_next(
    desk: Desk, clock: Clock, error: Exception, state: str, wait: float, says: str
) -> None:
    ledger = Ledger(TIED, fails_with=error, fails_at=1)
    began = clock()
    outcome = read(desk, source_of(ledger))
    assert (outcome.state, outcome.documents) == (state, 2)
    assert says in outcome.error
    row = row_of(desk)
    assert (row.state, row.cursor, row.lease_until) == (state, {"at": 0}, None)
    assert says in row.last_error
    assert row.due_at == began + timedelta(seconds=wait)
    assert ledger.opened == ledger.closed
    ledger.fails_with = None
    assert read(desk, source_of(ledger)).error == ""
    assert keys_stored(desk) == sorted(key for _, key, _ in TIED)
    assert (row_of(desk).state, row_of(desk).last_error) == ("idle", None)


def test_a_source_that_was_away_for_weeks_is_still_asked_every_ten_minutes() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert judge(Unavailable("down"), attempts=100_000, now=now).due_at == now + timedelta(minutes=10)


@pytest.mark.parametrize("asked", [float("inf"), float("-inf"), float("nan"), None])
def test_a_wait_that_is_no_time_is_as_good_as_none(asked: float | None) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    judged = judge(Unavailable("asked for ever", retry_after=asked), attempts=0, now=now)
    assert (judged.state, judged.due_at) == ("waiting", now + timedelta(seconds=2))


def test_one_failing_source_does_not_stop_the_others(desk: Desk) -> None:
    bad = source_of(Ledger(TIED, fails_with=Unauthorized("no")), "erp")
    outcomes = sync_sources(desk, [bad, source_of(Ledger(TIED), "mes")])
    assert [(o.source, o.state, o.documents) for o in outcomes] == [("erp", "paused", 0), ("mes", "idle", 8)]


# ------------------------------------------------------------------------------- what vanishes
def test_what_a_snapshot_no_longer_has_is_deleted_and_comes_back(desk: Desk) -> None:
    prepare(desk.database)
    ledger = Ledger([(0, "a", {}), (0, "b", {})], snapshot=True)
    read(desk, source_of(ledger))
    assert lifecycles(desk) == {"a": "active", "b": "active"}
    gone = ledger.rows.pop()
    read(desk, source_of(ledger))
    assert lifecycles(desk) == {"a": "active", "b": "retracted"}
    ledger.rows.append(gone)
    read(desk, source_of(ledger))
    assert lifecycles(desk) == {"a": "active", "b": "active"}


def test_an_empty_answer_to_a_snapshot_deletes_nothing(desk: Desk) -> None:
    ledger = Ledger([(0, "a", {})], snapshot=True)
    read(desk, source_of(ledger))
    ledger.rows.clear()
    assert read(desk, source_of(ledger)).documents == 0


def test_a_snapshot_with_a_piece_that_cannot_be_read_deletes_nothing_and_says_so(desk: Desk) -> None:
    prepare(desk.database)
    ledger = Ledger([(0, "a", {}), (0, "b", {}), (0, "c", {})], snapshot=True)
    read(desk, source_of(ledger))
    ledger.rows = [(0, "a", {}), (0, "b", {"torn": True})]
    outcome = read(desk, source_of(ledger))
    assert lifecycles(desk) == {"a": "active", "b": "active", "c": "active"}
    assert (outcome.error, outcome.rejected) == ("", 1)
    assert "a piece of this full list could not be read, so nothing that it lacks was taken" in outcome.note
    ledger.rows[1] = (0, "b", {})
    outcome = read(desk, source_of(ledger))
    assert lifecycles(desk) == {"a": "active", "b": "active", "c": "retracted"}
    assert outcome.note == ""


def test_a_snapshot_is_read_from_the_beginning_whatever_its_cursor_says(desk: Desk) -> None:
    prepare(desk.database)
    ledger = Ledger([(n, f"k{n}", {}) for n in range(4)], snapshot=True, resumes=True)
    for _ in range(2):
        read(desk, source_of(ledger))
        assert set(lifecycles(desk).values()) == {"active"}


def lifecycles(desk: Desk) -> dict[str, str]:
    resolve(desk.database)
    batch = metadata.tables["batch"].c
    with desk.database.read() as connection:
        return {r.code: r.lifecycle for r in connection.execute(select(batch.code, batch.lifecycle))}


# ------------------------------------------------------------------------------------- quarantine
def test_a_broken_document_waits_with_reason_place_remedy_and_payload(desk: Desk) -> None:
    outcome = read(desk, source_of(Ledger([(0, "a", {}), (1, "bad", {"raw": "{not json"}), (2, "c", {})])))
    assert (outcome.documents, outcome.rejected, outcome.error) == (2, 1, "")
    (entry,) = opened(desk)
    assert entry["source_key"] == "bad"
    assert "JSONDecodeError" in entry["reason"]
    assert "quarantine replay" in entry["remedy"]
    assert entry["payload"] == "{not json"


def test_an_unknown_unit_and_a_naive_time_cost_only_their_part(desk: Desk) -> None:
    rows = [(0, "a", {"unit": "furlong"}), (1, "b", {"taken": "2026-03-01T08:00:00"})]
    outcome = read(desk, source_of(Ledger(rows)))
    assert (outcome.documents, outcome.records, outcome.rejected) == (2, 2, 2)
    unit, time = opened(desk)
    assert "furlong" in unit["reason"]
    assert "`units` setting" in unit["reason"]
    assert "has no zone" in time["reason"]
    assert "timezone" in time["reason"]


def test_replay_reads_the_whole_document_again_and_releases_what_can_be_read_now(desk: Desk) -> None:
    ledger = Ledger([(0, "a", {"unit": "furlong"}), (1, "b", {"taken": "2026-03-01T08:00:00"})])
    source = source_of(ledger)
    read(desk, source)
    assert (replay(desk, [source]).tried, len(opened(desk))) == (2, 2)
    ledger.understands = False
    done = replay(desk, [source])
    assert (done.tried, done.released) == (2, 1)
    (left,) = opened(desk)
    assert left["source_key"] == "a"
    with desk.database.read() as connection:
        said = connection.scalars(select(statement.c.record_type).where(statement.c.source_key == "b")).all()
        assert connection.scalar(select(func.count()).select_from(source_record)) == 2
    assert sorted(said) == ["batch", "sample"]


def test_a_corrected_document_releases_its_entry_and_an_older_one_does_not(desk: Desk) -> None:
    ledger = Ledger([(5, "a", {"raw": "broken"})])
    read(desk, source_of(ledger))
    ledger.rows[0] = (4, "a", {})
    with desk.database.begin("test") as connection:
        connection.execute(stream.update().values(cursor=None))
    read(desk, source_of(ledger))
    assert len(opened(desk)) == 1
    ledger.rows[0] = (6, "a", {"n": 2})
    read(desk, source_of(ledger))
    assert opened(desk) == []


def opened(desk: Desk) -> list[dict[str, Any]]:
    with desk.database.read() as connection:
        return list_open(connection)


# ------------------------------------------------------------------------------------- idempotence
def counts(database: Database) -> dict[str, int]:
    """Give the number of rows of every table."""
    with database.read() as connection:
        return {
            name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
            for name, table in metadata.tables.items()
        }


def test_a_second_reading_notes_that_it_brought_nothing_and_a_third_writes_nothing(desk: Desk) -> None:
    prepare(desk.database)
    ledger = Ledger([*TIED, (9, "x", {"unit": "furlong"}), (9, "y", {"raw": "{"})], snapshot=True)
    read(desk, source_of(ledger))
    resolve(desk.database)
    before = counts(desk.database)
    seen = [e["last_seen_at"] for e in opened(desk)]
    outcome = read(desk, source_of(ledger))
    resolve(desk.database)
    assert not outcome.wrote
    after = counts(desk.database)
    noted = after["redelivery"] - before["redelivery"]
    assert noted == before["source_record"]
    assert after == before | {"redelivery": noted, "audit_event": before["audit_event"] + noted}
    assert not read(desk, source_of(ledger)).wrote
    resolve(desk.database)
    assert counts(desk.database) == after
    assert [e["last_seen_at"] for e in opened(desk)] == seen
    with desk.database.read() as connection:
        assert connection.scalar(select(func.count()).where(quarantine.c.state == "open")) == 2
