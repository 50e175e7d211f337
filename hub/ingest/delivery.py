"""What edge agents deliver: the same leases, epochs and commits as of what the hub reads itself.

An agent opens a reading of a stream and is told the cursor that was last stored. Each page is stored together
with its cursor in one transaction and acknowledged after that. So an agent keeps no state: whenever it or the
hub is killed, it opens anew, from the cursor that is true. A page that is sent twice, because its answer was
lost, changes nothing.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from hub.ingest.failures import judge
from hub.ingest.runner import Desk
from hub.ingest.telling import tell_rejected, told_of
from hub.ingest.wire import (
    Ended,
    Kept,
    LiveKeys,
    Opened,
    SentEnd,
    SentError,
    SentOpening,
    SentPage,
    SentTypes,
    sort_keys,
)
from hub.sdk import BadRecord, Misconfigured, Unauthorized, Unavailable
from hub.store.database import Connection
from hub.store.mappings import keep_mapping
from hub.store.marks import note_mark
from hub.store.presence import AGENT
from hub.store.statements import list_live_keys, store_documents
from hub.store.statistics import note_growth
from hub.store.streams import (
    Claim,
    LeaseLost,
    advance_stream,
    claim_stream,
    ensure_stream,
    find_stream,
    finish_stream,
)
from hub.store.systems import ensure_system, find_system, note_health


class NoReading(LookupError):
    """Nothing was opened under this source and stream; open a reading first."""


class OutOfTurn(ValueError):
    """A window does not follow the one that was stored last; open the reading anew."""


@dataclass(frozen=True)
class Counter:
    """Takes deliveries for one source from the holder of one key."""

    desk: Desk
    source: str
    holder: str
    """Public id of the key: with the agent's name it owns what it opens."""

    def open(self, sent: SentOpening) -> Opened:
        """Begin a reading, unless an agent of another name is at it."""
        now = self.desk.clock()
        with self.desk.begin() as connection:
            system = ensure_system(
                connection,
                self.source,
                sent.kind,
                now=now,
                connector=sent.connector,
                timezone=sent.timezone,
            )
            keep_mapping(connection, system.id, version=sent.mapping_version, content=sent.mapping, now=now)
            stream_id = ensure_stream(
                connection, system.id, sent.stream, kind=sent.holds, every_s=sent.every_s, now=now
            )
            found = find_stream(connection, system.id, sent.stream)
            if found is not None and found.kind != sent.holds:
                return Opened(taken=False, why=f"stream {sent.stream} holds {found.kind} here")
            owner = f"{AGENT}{self.holder}:{sent.agent}"
            claim = claim_stream(connection, stream_id, owner=owner, now=now)
        if claim is None:
            return Opened(taken=False, why=f"stream {sent.stream} is being read by somebody else")
        return Opened(taken=True, epoch=claim.epoch, cursor=claim.cursor)

    def keep(self, sent: SentPage) -> Kept:
        """Store a page with its cursor: one transaction, refused when the reading is no longer theirs."""
        told = [told_of(self.source, *document.receive()) for document in sent.documents]
        told += [tell_rejected(piece.receive()) for piece in sent.rejected]
        now = self.desk.clock()
        try:
            with self.desk.begin() as connection:
                claim = find_claim(connection, self.source, sent.stream, epoch=sent.epoch, holds="records")
                stored = store_documents(
                    connection,
                    system_id=claim.system_id,
                    stream=claim.name,
                    connector=sent.mapping_version,
                    documents=told,
                    now=now,
                )
                advance_stream(
                    connection,
                    claim,
                    cursor=sent.cursor,
                    now=now,
                    documents=stored.documents,
                    records=stored.records,
                    rejected=stored.rejected,
                    unchanged=stored.unchanged,
                    stale=stored.stale,
                )
        except LeaseLost:
            return Kept(kept=False)
        note_growth(self.desk.database, records=stored.records)
        return Kept(
            kept=True,
            documents=stored.documents,
            records=stored.records,
            rejected=stored.rejected,
            unchanged=stored.unchanged,
        )

    def end(self, sent: SentEnd) -> Ended:
        """Give the lease back with the outcome; say when the stream is due again."""
        now = self.desk.clock()
        with self.desk.begin() as connection:
            claim = find_claim(connection, self.source, sent.stream, epoch=sent.epoch)
            if sent.error is None:
                state, health, due_at, message = "idle", "ok", now + timedelta(seconds=claim.every_s), ""
            else:
                failure = judge(_error_of(sent.error), attempts=claim.attempts, now=now)
                state, health = failure.state, failure.health
                due_at, message = failure.due_at, failure.message
            ours = finish_stream(connection, claim, state=state, now=now, due_at=due_at, error=message)
            if ours:
                note_mark(
                    connection,
                    claim,
                    state=state,
                    now=now,
                    means=sent.means,
                    error=message,
                    moved=sent.moved,
                )
                note_health(connection, claim.system_id, state=health, now=now, error=message)
        return Ended(kept=ours, state=state, due_at=due_at)

    def list_keys(self, sent: SentTypes) -> LiveKeys:
        """Give what the hub has of these types, so that a snapshot's reader can tell what has vanished."""
        with self.desk.database.read() as connection:
            system_id = find_system(connection, self.source)
            return sort_keys(list_live_keys(connection, system_id, sent.object_types) if system_id else {})


def find_claim(
    connection: Connection, source: str, stream: str, *, epoch: int, holds: str | None = None
) -> Claim:
    """Give a stream as a reading of this epoch sees it. `NoReading`, also where it holds other things."""
    system_id = find_system(connection, source)
    found = find_stream(connection, system_id, stream) if system_id else None
    if found is None or (holds is not None and found.kind != holds):
        raise NoReading(f"no reading of {source}/{stream} was opened")
    return replace(found, epoch=epoch)


def _error_of(sent: SentError) -> Exception:
    match sent.kind:
        case "Unavailable":
            return Unavailable(sent.what, retry_after=sent.retry_after)
        case "Unauthorized":
            return Unauthorized(sent.what)
        case "Misconfigured":
            return Misconfigured(sent.what)
        case "BadRecord":
            return BadRecord(sent.what)
        case _:
            return RuntimeError(sent.what)
