"""The edge agent: runs connectors where their systems are, and delivers to a hub by outward calls alone.

It keeps nothing: what is stored, and from where reading goes on, the hub knows. It may be killed at any time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

import structlog

from hub.ingest.bridge import Bridge
from hub.ingest.runner import Clock, name_source_mapping, utc_now
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
    ConnectorError,
    Document,
    HttpClient,
    HttpLimits,
    Misconfigured,
    Page,
    RecordSource,
    Stream,
    Unauthorized,
    Unavailable,
)

log = structlog.get_logger("hub.agent")
_PART_BYTES = 4 * 1024 * 1024
_PART_DOCUMENTS = 1000
_LONGEST_S = 60.0
_NEVER = datetime.max.replace(tzinfo=UTC)


class HubAway(Exception):
    """The hub does not answer, or not as it should; the agent opens the reading anew later."""


class Lost(Exception):
    """Another reading of this stream has begun; this one ends."""


class Post(Protocol):
    """Sends a body to an address of the hub and gives the decoded answer. Raises `HubAway`."""

    def __call__(self, path: str, body: dict[str, Any], /) -> Any: ...


class HubLine:
    """The way to a hub: HTTPS with a key. `verify` is a CA file, or false for any certificate."""

    def __init__(self, url: str, key: str, *, verify: bool | str = True, timeout_s: float = 60.0) -> None:
        self._client = HttpClient(
            url,
            headers={"x-api-key": key},
            verify=verify if url.startswith("https") else False,
            limits=HttpLimits(timeout_s=timeout_s),
        )

    def __call__(self, path: str, body: dict[str, Any], /) -> Any:
        """Send one body."""
        try:
            return self._client.ask(path, body)
        except ConnectorError as error:
            raise HubAway(f"the hub: {error}") from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@dataclass
class Delivered:
    """What one reading of a stream brought to the hub."""

    source: str
    stream: str
    documents: int = 0
    records: int = 0
    rejected: int = 0
    unchanged: int = 0
    error: str = ""
    due_at: datetime | None = None


@dataclass
class Agent:
    """Reads sources and delivers what they say. Another agent of the same `name` takes its readings over."""

    name: str
    post: Post
    sources: Sequence[Source]
    clock: Clock = utc_now
    every_s: float = 5.0
    tell: Callable[[Delivered], None] = lambda _: None
    _due: dict[tuple[str, str], datetime] = field(default_factory=dict[tuple[str, str], datetime])
    _misses: int = 0

    def run_due(self) -> list[Delivered]:
        """Read every stream that is due, one after the other; a fault of one never stops the others."""
        return [done for source in self.sources for done in self._run_source(source)]

    def wait_s(self) -> float:
        """Give how long to wait before the next look: longer while the hub does not answer."""
        return min(_LONGEST_S, self.every_s * 2**self._misses)

    def _run_source(self, source: Source) -> Iterator[Delivered]:
        try:
            with Bridge(source.open()) as bridge:
                connector = bridge.connector
                if not isinstance(connector, RecordSource):
                    raise Misconfigured(
                        f"connector {source.connector} gives samples alone, which an agent does not deliver",
                        remedy="let the hub read this source itself",
                    )
                for stream in connector.streams():
                    if self._is_due(source.code, stream.name):
                        yield self._settled(_Delivery(self, source, bridge=bridge, stream=stream))
        except Exception as error:  # noqa: BLE001 - whatever a connector does wrong is one source's failure
            log.warning("source failed", source=source.code, error=str(error))
            done = Delivered(source.code, "*", error=f"{type(error).__name__}: {error}")
            self.tell(done)
            yield done

    def _is_due(self, source: str, stream: str) -> bool:
        due = self._due.get((source, stream))
        return due is None or due <= self.clock()

    def _settled(self, delivery: "_Delivery") -> Delivered:
        """Read a stream, and note when it is due again."""
        done = delivery.done
        try:
            delivery.run()
        except (HubAway, Lost) as error:
            self._misses += isinstance(error, HubAway)
            done.error = str(error)
            done.due_at = self.clock() + timedelta(seconds=self.wait_s())
        else:
            self._misses = 0
        if done.due_at is not None:
            self._due[done.source, done.stream] = done.due_at
        self.tell(done)
        return done


class _Delivery:
    """One reading of one stream, from opening to end."""

    def __init__(self, agent: Agent, source: Source, *, bridge: Bridge, stream: Stream) -> None:
        self.done = Delivered(source.code, stream.name)
        self._agent = agent
        self._source = source
        self._bridge = bridge
        self._stream = stream
        self._version = name_source_mapping(source, bridge.connector)
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

    def _opening(self) -> SentOpening:
        source = self._source
        return SentOpening(
            agent=self._agent.name,
            kind=cast("SourceKind", source.kind),
            connector=source.connector,
            mapping_version=self._version,
            mapping=source.mapping,
            timezone=source.timezone,
            stream=self._stream.name,
            every_s=self._stream.every_s,
        )

    def _read(self) -> None:
        connector = self._bridge.connector
        assert isinstance(connector, RecordSource)  # noqa: S101 - the agent asked the class
        seen: set[tuple[str, str]] = set()
        for page in self._bridge.items(connector.read(self._stream.name, self._cursor)):
            if self._stream.snapshot:
                seen.update((d.object_type, d.key) for d in page.documents)
            self._deliver(page, connector)
        if seen:
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
            mapping_version=self._version,
            cursor=cursor,
            documents=send_documents(part),
            rejected=list(rejected),
        )
        kept = Kept.model_validate(self._post("page", sent))
        if not kept.kept:
            raise Lost(f"another reading of {self._stream.name} has begun")
        self.done.documents += kept.documents
        self.done.records += kept.records
        self.done.rejected += kept.rejected
        self.done.unchanged += kept.unchanged

    def _end(self, error: SentError | None) -> None:
        sent = SentEnd(
            stream=self._stream.name,
            epoch=self._epoch,
            means="snapshot" if self._stream.snapshot else None,
            moved=bool(self.done.documents or self.done.rejected),
            error=error,
        )
        ended = Ended.model_validate(self._post("end", sent))
        if not ended.kept:
            raise Lost(f"another reading of {self._stream.name} has begun")
        # A person has to act; an agent is started anew when that is done, and tries at once.
        self.done.due_at = _NEVER if ended.state in ("paused", "stopped") else ended.due_at

    def _post(self, what: str, sent: Any) -> Any:
        return self._agent.post(f"/v1/deliveries/{self._source.code}/{what}", sent.model_dump(mode="json"))


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
