"""One reading of one stream by an agent, from opening to end; what it says goes to the hub page by page."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar, Literal, cast

from hub.ingest.bridge import Bridge
from hub.ingest.line import HubAway, Lost, Post
from hub.ingest.runner import name_source_mapping, say_unburied, start_of
from hub.ingest.sources import Source, SourceKind
from hub.ingest.telling import Meaning, read_meaning
from hub.ingest.wire import (
    Ended,
    Kept,
    LiveKeys,
    Opened,
    SentEnd,
    SentError,
    SentOpening,
    SentPage,
    SentRejected,
    SentTypes,
    send_documents,
)
from hub.sdk import (
    BadRecord,
    Document,
    Misconfigured,
    Page,
    RecordSource,
    Stream,
    Unauthorized,
    Unavailable,
)

_PART_BYTES = 4 * 1024 * 1024
_PART_DOCUMENTS = 1000
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Delivered:
    """What one reading of a stream brought to the hub."""

    source: str
    stream: str
    documents: int = 0
    records: int = 0
    samples: int = 0
    rejected: int = 0
    unchanged: int = 0
    error: str = ""
    note: str = ""
    """What else is to be known of a reading that did not fail."""
    due_at: datetime | None = None


@dataclass(frozen=True)
class Trip:
    """One visit of an agent to a source: under which name, by which way to the hub, what is read."""

    agent: str
    post: Post
    source: Source
    bridge: Bridge

    @cached_property
    def mapping_version(self) -> str:
        """What reads the source, as the hub names it."""
        return name_source_mapping(self.source, self.bridge.connector)


class Delivery(ABC):
    """One reading of one stream, from opening to end."""

    holds: ClassVar[Literal["records", "samples"]] = "records"

    def __init__(self, trip: Trip, stream: Stream) -> None:
        self.done = Delivered(trip.source.code, stream.name)
        self.means: Literal["snapshot", "extent"] | None = "snapshot" if stream.snapshot else None
        self._trip = trip
        self._stream = stream
        self._epoch = 0
        self._cursor: dict[str, Any] | None = None

    def run(self) -> None:
        """Deliver what is new. Errors of the source end up at the hub; raises `HubAway`, `Lost`."""
        opened = Opened.model_validate(self._post("open", self._opening()))
        if not opened.taken:
            raise Lost(opened.why)
        self._epoch, self._cursor = opened.epoch, opened.cursor
        error: SentError | None = None
        try:
            self._read()
        except (HubAway, Lost):
            raise
        except Exception as fault:  # noqa: BLE001 - every error of a source is judged, by the hub
            error = _sent_error(fault)
            self.done.error = error.what
        self._end(error)

    @abstractmethod
    def _read(self) -> None:
        """Read the source to its present end, and send what it says."""

    def _opening(self) -> SentOpening:
        source = self._trip.source
        return SentOpening(
            agent=self._trip.agent,
            kind=cast("SourceKind", source.kind),
            connector=source.connector,
            mapping_version=self._trip.mapping_version,
            mapping=source.mapping,
            timezone=source.timezone,
            stream=self._stream.name,
            every_s=self._stream.every_s,
            holds=self.holds,
        )

    def _end(self, error: SentError | None) -> None:
        sent = SentEnd(
            stream=self._stream.name,
            epoch=self._epoch,
            means=self.means,
            moved=bool(self.done.documents or self.done.rejected),
            error=error,
        )
        ended = Ended.model_validate(self._post("end", sent))
        self._insist(is_kept=ended.kept)
        # A person has to act; an agent is started anew when that is done, and tries at once.
        self.done.due_at = _NEVER if ended.state in ("paused", "stopped") else ended.due_at

    def _count(self, kept: Kept) -> None:
        self._insist(is_kept=kept.kept)
        self.done.documents += kept.documents
        self.done.records += kept.records
        self.done.rejected += kept.rejected
        self.done.unchanged += kept.unchanged

    def _insist(self, *, is_kept: bool) -> None:
        if not is_kept:
            raise Lost(f"another reading of {self._stream.name} has begun")

    def _post(self, what: str, sent: Any) -> Any:
        body = sent if isinstance(sent, bytes) else sent.model_dump(mode="json")
        return self._trip.post(f"/v1/deliveries/{self._trip.source.code}/{what}", body)


class RecordsDelivery(Delivery):
    """Delivers documents with what the connector reads in them."""

    def _read(self) -> None:
        connector = self._trip.bridge.connector
        assert isinstance(connector, RecordSource)  # noqa: S101 - the agent asked the class
        seen: set[tuple[str, str]] = set()
        unreadable = 0
        start = start_of(self._stream, self._cursor)
        for page in self._trip.bridge.items(connector.read(self._stream.name, start)):
            if self._stream.snapshot:
                seen.update((d.object_type, d.key) for d in page.documents)
                unreadable += len(page.rejected)
            self._deliver(page, connector)
        if unreadable:
            self.done.note = say_unburied(unreadable)
        elif seen:
            self._bury_missing(seen)

    def _bury_missing(self, seen: set[tuple[str, str]]) -> None:
        """After a complete reading, what the source no longer has is delivered as deleted."""
        types = sorted({object_type for object_type, _ in seen})
        live = LiveKeys.model_validate(self._post("keys", SentTypes(object_types=types)))
        gone = [
            Document(object_type=t, key=key, payload="", media_type="text/plain", seq=version, deleted=True)
            for t, keys in sorted(live.keys.items())
            for key, version in sorted(keys.items())
            if (t, key) not in seen
        ]
        if gone:
            self._deliver(Page(documents=gone, cursor=self._cursor or {}), None)

    def _deliver(self, page: Page, connector: RecordSource[Any] | None) -> None:
        """Send a page, a large one in parts: only the last part moves the cursor."""
        pairs = [(d, read_meaning(connector, d) if connector else Meaning()) for d in page.documents]
        *before, last = list(_cut(pairs)) or [[]]
        for part in before:
            self._send(part, self._cursor, ())
        self._send(last, page.cursor, [SentRejected.of(piece) for piece in page.rejected])
        self._cursor = page.cursor

    def _send(
        self,
        part: list[tuple[Document, Meaning]],
        cursor: dict[str, Any] | None,
        rejected: Sequence[SentRejected],
    ) -> None:
        sent = SentPage(
            stream=self._stream.name,
            epoch=self._epoch,
            mapping_version=self._trip.mapping_version,
            cursor=cursor,
            documents=send_documents(part),
            rejected=list(rejected),
        )
        self._count(Kept.model_validate(self._post("page", sent)))


def _cut(pairs: Sequence[tuple[Document, Meaning]]) -> Iterator[list[tuple[Document, Meaning]]]:
    """Cut a page into parts that a body can hold."""
    part: list[tuple[Document, Meaning]] = []
    size = 0
    for pair in pairs:
        weight = len(pair[0].payload)
        if part and (size + weight > _PART_BYTES or len(part) >= _PART_DOCUMENTS):
            yield part
            part, size = [], 0
        part.append(pair)
        size += weight
    if part:
        yield part


def _sent_error(error: Exception) -> SentError:
    what = str(error)[:4000]
    match error:
        case Unavailable(retry_after=after):
            return SentError(kind="Unavailable", what=what, retry_after=after)
        case Unauthorized():
            return SentError(kind="Unauthorized", what=what)
        case Misconfigured():
            return SentError(kind="Misconfigured", what=what)
        case BadRecord():
            return SentError(kind="BadRecord", what=what)
        case _:
            return SentError(kind="other", what=f"{type(error).__name__}: {what}"[:4000])
