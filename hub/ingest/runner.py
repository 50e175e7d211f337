"""Runs one stream: pages become documents, records and faults; they and the cursor commit together."""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import structlog

from hub.ingest.bridge import Bridge
from hub.ingest.failures import Failure, judge
from hub.ingest.sources import Source
from hub.ingest.telling import tell, tell_rejected
from hub.sdk import Connector, Document, Page, RecordSource, Stream
from hub.store.database import Connection, Database
from hub.store.mappings import keep_mapping, name_mapping
from hub.store.marks import note_mark
from hub.store.statements import Stored, Told, list_live_keys, store_documents
from hub.store.statistics import note_growth
from hub.store.streams import Claim, advance_stream, claim_stream, ensure_stream, finish_stream
from hub.store.systems import System, ensure_system, note_health

ACTOR = "hub.ingest"
"""Who writes down what sources say."""
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
    means: str | None = None
    """What the source gives to prove that nothing lacks: `snapshot`, `extent`, or nothing."""
    to_end: bool = True
    """Whether a run without error has read all that there is; a back-fill of a window has not."""
    share: float | None = None
    """How much of what the source expects to give has been read, 0 to 1; None while nobody knows."""
    note: str = ""
    """What else is to be known of a run that did not fail."""
    is_well: bool = False
    """Whether the source has answered for so long that earlier failures are past."""

    @property
    def wrote(self) -> bool:
        """Whether anything new was stored."""
        return bool(self.documents or self.samples or self.rejected)


@dataclass(frozen=True)
class Desk:
    """What a run needs: the store, who runs, the clock, and whom to tell of progress."""

    database: Database
    owner: str = "embedded"
    """The name under which streams are leased; on PostgreSQL no other process may have it."""
    operator: str = "plantwide"
    """Who runs: what the project's settings change is put down to them."""
    clock: Clock = utc_now
    progress: Callable[[Outcome], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep

    def begin(self) -> AbstractContextManager[Connection]:
        """Give a writing transaction in the name of ingestion."""
        return self.database.begin(ACTOR, at=self.clock())


def register(desk: Desk, source: Source) -> System:
    """Make the source known to the store."""
    with desk.begin() as connection:
        return ensure_system(
            connection,
            source.code,
            source.kind,
            now=desk.clock(),
            connector=source.connector,
            timezone=source.timezone,
        )


def name_source_mapping(source: Source, connector: Connector[Any]) -> str:
    """Give the version of what reads a source's documents: it changes when their meaning may."""
    return name_mapping(connector.name, connector.version, source.mapping)


@dataclass(frozen=True)
class Visit:
    """One visit to a source: at which desk, what is read, as which system, through which connector."""

    desk: Desk
    source: Source
    system: System
    bridge: Bridge

    @cached_property
    def mapping_version(self) -> str:
        """What reads the documents: connector, its version, a digest of the settings that shape meaning."""
        return name_source_mapping(self.source, self.bridge.connector)


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
        with self.visit.desk.begin() as connection:
            stored: Stored = store_documents(
                connection,
                system_id=self.visit.system.id,
                stream=self.claim.name,
                connector=self.visit.mapping_version,
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
                unchanged=stored.unchanged,
                stale=stored.stale,
            )
        note_growth(self.visit.desk.database, records=stored.records)
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
    outcome = Outcome(visit.source.code, stream.name, means="snapshot" if stream.snapshot else None)
    with claimed(visit, stream.name, kind="records", every_s=stream.every_s, outcome=outcome) as claim:
        if claim is None:
            return outcome
        reading = Reading(visit, connector, claim, outcome)
        seen: set[tuple[str, str]] = set()
        unreadable = 0
        cursor = claim.cursor
        for page in visit.bridge.items(connector.read(stream.name, start_of(stream, cursor))):
            cursor = page.cursor
            if stream.snapshot:
                seen.update((d.object_type, d.key) for d in page.documents)
                unreadable += len(page.rejected)
            reading.commit(reading.tell(page), cursor)
            if page.total:
                outcome.share = min(1.0, (outcome.documents + outcome.unchanged) / page.total)
            visit.desk.progress(outcome)
        if unreadable:
            outcome.note = say_unburied(unreadable)
            log.warning(outcome.note, source=outcome.source, stream=stream.name)
        elif seen:
            _bury_missing(reading, seen, cursor)
    return outcome


def start_of(stream: Stream, cursor: dict[str, Any] | None) -> dict[str, Any] | None:
    """Give where to read on; a snapshot always begins anew: what came before a cursor would count as gone."""
    return None if stream.snapshot else cursor


def say_unburied(unreadable: int) -> str:
    """Say why a snapshot's reading has taken nothing as deleted: nobody knows what the unread pieces are."""
    pieces = "a piece" if unreadable == 1 else f"{unreadable:,} pieces"
    return (
        f"{pieces} of this full list could not be read, so nothing that it lacks was taken as deleted; "
        "mend what waits in quarantine"
    )


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
    desk.database.presence.show(desk.owner)
    with desk.begin() as connection:
        stream_id = ensure_stream(connection, system.id, name, kind=kind, every_s=every_s, now=desk.clock())
        claim = claim_stream(connection, stream_id, owner=desk.owner, now=desk.clock())
        keep_mapping(
            connection,
            system.id,
            version=visit.mapping_version,
            content=visit.source.mapping,
            now=desk.clock(),
        )
    if claim is None:
        outcome.error, outcome.state = f"stream {name} is being read by another node", "running"
        yield None
        return
    try:
        yield claim
    except Exception as error:  # noqa: BLE001 - every error of a source is judged, none may stop the others
        now = desk.clock()
        failure = judge(error, attempts=0 if outcome.is_well else claim.attempts, now=now)
        outcome.error, outcome.state, outcome.retry_at = failure.message, failure.state, failure.due_at
        log.warning("stream failed", source=outcome.source, stream=name, error=failure.message)
        _note_failure(visit, claim, failure=failure, outcome=outcome)
    else:
        now = desk.clock()
        with desk.begin() as connection:
            due_at = now + timedelta(seconds=every_s)
            ours = finish_stream(connection, claim, state="idle", now=now, due_at=due_at)
            if ours and outcome.to_end:
                moved = bool(outcome.documents or outcome.rejected)
                note_mark(connection, claim, state="idle", now=now, means=outcome.means, moved=moved)
            note_health(connection, system.id, state="ok", now=now)
        outcome.share = 1.0
        desk.progress(outcome)


def _note_failure(visit: Visit, claim: Claim, *, failure: Failure, outcome: Outcome) -> None:
    now, message = visit.desk.clock(), failure.message
    try:
        with visit.desk.begin() as connection:
            ours = finish_stream(
                connection, claim, state=failure.state, now=now, due_at=failure.due_at, error=message
            )
            if ours and outcome.to_end:
                means = outcome.means
                note_mark(connection, claim, state=failure.state, now=now, means=means, error=message)
            note_health(connection, visit.system.id, state=failure.health, now=now, error=message)
    except Exception:  # noqa: BLE001 - with a full disk even the note may fail; the lease then runs out
        log.warning("the failure could not be recorded", stream=claim.name)
