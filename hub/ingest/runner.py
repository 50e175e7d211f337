"""Runs one stream: pages become documents, records and faults; they and the cursor commit together."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from hub.ingest.bridge import Bridge
from hub.ingest.failures import Failure, judge
from hub.ingest.sources import Source
from hub.ingest.telling import tell, tell_rejected
from hub.sdk import Document, Page, RecordSource, Stream
from hub.store.database import Database
from hub.store.statements import Stored, Told, list_live_keys, store_documents
from hub.store.streams import Claim, advance_stream, claim_stream, ensure_stream, finish_stream
from hub.store.systems import System, ensure_system, note_health

log = structlog.get_logger("hub.ingest")
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Give the time now, aware, UTC."""
    return datetime.now(UTC)


@dataclass
class Outcome:
    """What one run of a stream did."""

    source: str
    stream: str
    documents: int = 0
    records: int = 0
    samples: int = 0
    rejected: int = 0
    unchanged: int = 0
    error: str = ""
    state: str = "idle"
    retry_at: datetime | None = None
    share: float | None = None
    """How much of what the source expects to give has been read, 0 to 1; None while nobody knows."""

    @property
    def wrote(self) -> bool:
        """Whether anything new was stored."""
        return bool(self.documents or self.samples or self.rejected)


@dataclass(frozen=True)
class Desk:
    """What a run needs: the store, who runs, the clock, and whom to tell of progress."""

    database: Database
    owner: str = "embedded"
    clock: Clock = utc_now
    progress: Callable[[Outcome], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep


def register(desk: Desk, source: Source) -> System:
    """Make the source known to the store."""
    with desk.database.begin() as connection:
        return ensure_system(
            connection,
            source.code,
            source.kind,
            now=desk.clock(),
            connector=source.connector,
            timezone=source.timezone,
        )


@dataclass(frozen=True)
class Visit:
    """One visit to a source: at which desk, what is read, as which system, through which connector."""

    desk: Desk
    source: Source
    system: System
    bridge: Bridge


@dataclass(frozen=True)
class Reading:
    """One run of one stream: on which visit, through which connector, under which lease."""

    visit: Visit
    connector: RecordSource[Any]
    claim: Claim
    outcome: Outcome

    def commit(self, told: list[Told], cursor: dict[str, Any] | None) -> None:
        """The one commit point: documents, statements, quarantine, cursor and epoch in one transaction."""
        now = self.visit.desk.clock()
        with self.visit.desk.database.begin() as connection:
            stored: Stored = store_documents(
                connection,
                system_id=self.visit.system.id,
                stream=self.claim.name,
                connector=f"{self.connector.name}/{self.connector.version}",
                documents=told,
                now=now,
            )
            advance_stream(
                connection,
                self.claim,
                cursor=cursor,
                now=now,
                documents=stored.documents,
                records=stored.records,
                rejected=stored.rejected,
            )
        self.outcome.documents += stored.documents
        self.outcome.records += stored.records
        self.outcome.rejected += stored.rejected
        self.outcome.unchanged += stored.unchanged

    def tell(self, page: Page) -> list[Told]:
        """Read a page's documents; its unreadable pieces become faults."""
        told = [tell(self.visit.source.code, self.connector, document) for document in page.documents]
        return told + [tell_rejected(item) for item in page.rejected]


def read_stream(visit: Visit, stream: Stream) -> Outcome:
    """Read a stream of records to its present end. Errors of the source end up in the outcome."""
    connector = visit.bridge.connector
    assert isinstance(connector, RecordSource)  # noqa: S101 - the caller asked the class
    outcome = Outcome(visit.source.code, stream.name)
    with claimed(visit, stream.name, kind="records", every_s=stream.every_s, outcome=outcome) as claim:
        if claim is None:
            return outcome
        reading = Reading(visit, connector, claim, outcome)
        seen: set[tuple[str, str]] = set()
        cursor = claim.cursor
        for page in visit.bridge.items(connector.read(stream.name, claim.cursor)):
            cursor = page.cursor
            seen.update((d.object_type, d.key) for d in page.documents)
            reading.commit(reading.tell(page), cursor)
            if page.total:
                outcome.share = min(1.0, (outcome.documents + outcome.unchanged) / page.total)
            visit.desk.progress(outcome)
        if stream.snapshot and seen:
            _bury_missing(reading, seen, cursor)
    return outcome


def _bury_missing(reading: Reading, seen: set[tuple[str, str]], cursor: dict[str, Any] | None) -> None:
    """After a complete reading, what the source no longer has is recorded as deleted."""
    types = sorted({object_type for object_type, _ in seen})
    visit = reading.visit
    with visit.desk.database.read() as connection:
        live = list_live_keys(connection, visit.system.id, types)
    gone = [
        Document(object_type=t, key=k, payload="", media_type="text/plain", seq=version, deleted=True)
        for (t, k), version in sorted(live.items())
        if (t, k) not in seen
    ]
    if gone:
        reading.commit([tell(visit.source.code, reading.connector, d) for d in gone], cursor)


@contextmanager
def claimed(
    visit: Visit, name: str, *, kind: str, every_s: float, outcome: Outcome
) -> Generator[Claim | None]:
    """Hold the lease of a stream for a run; errors are judged, recorded and put into the outcome."""
    desk, system = visit.desk, visit.system
    with desk.database.begin() as connection:
        stream_id = ensure_stream(connection, system.id, name, kind=kind, every_s=every_s, now=desk.clock())
        claim = claim_stream(connection, stream_id, owner=desk.owner, now=desk.clock())
    if claim is None:
        outcome.error, outcome.state = f"stream {name} is being read by another node", "running"
        yield None
        return
    try:
        yield claim
    except Exception as error:  # noqa: BLE001 - every error of a source is judged, none may stop the others
        now = desk.clock()
        failure = judge(error, attempts=claim.attempts, now=now)
        outcome.error, outcome.state, outcome.retry_at = failure.message, failure.state, failure.due_at
        log.warning("stream failed", source=outcome.source, stream=name, error=failure.message)
        _note_failure(visit, claim, failure)
    else:
        now = desk.clock()
        with desk.database.begin() as connection:
            finish_stream(connection, claim, state="idle", now=now, due_at=now + timedelta(seconds=every_s))
            note_health(connection, system.id, state="ok", now=now)
        outcome.share = 1.0
        desk.progress(outcome)


def _note_failure(visit: Visit, claim: Claim, failure: Failure) -> None:
    now, message = visit.desk.clock(), failure.message
    try:
        with visit.desk.database.begin() as connection:
            finish_stream(
                connection, claim, state=failure.state, now=now, due_at=failure.due_at, error=message
            )
            note_health(connection, visit.system.id, state=failure.health, now=now, error=message)
    except Exception:  # noqa: BLE001 - with a full disk even the note may fail; the lease then runs out
        log.warning("the failure could not be recorded", stream=claim.name)
