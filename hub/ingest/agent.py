"""The edge agent: runs connectors where their systems are, and delivers to a hub by outward calls alone.

It keeps nothing: what is stored, and from where reading goes on, the hub knows. It may be killed at any time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from hub.ingest.bridge import Bridge
from hub.ingest.delivering import Delivered, Delivery, RecordsDelivery, Trip
from hub.ingest.entering import SAMPLES_STREAM, TAGS_STREAM
from hub.ingest.hauling import SamplesDelivery, TagsDelivery
from hub.ingest.line import HubAway, Lost, Post
from hub.ingest.runner import Clock, utc_now
from hub.ingest.sources import Source
from hub.sdk import RecordSource, SampleSource

log = structlog.get_logger("hub.agent")
_LONGEST_S = 60.0


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
                for delivery in self._list_due(Trip(self.name, self.post, source, bridge)):
                    yield self._settled(delivery)
        except Exception as error:  # noqa: BLE001 - whatever a connector does wrong is one source's failure
            log.warning("source failed", source=source.code, error=str(error))
            done = Delivered(source.code, "*", error=f"{type(error).__name__}: {error}")
            self.tell(done)
            yield done

    def _list_due(self, trip: Trip) -> Iterator[Delivery]:
        """Give what is due of a source in the order of the hub's own reading: records, tags, samples."""
        connector, code = trip.bridge.connector, trip.source.code
        if isinstance(connector, RecordSource):
            for stream in connector.streams():
                if self._is_due(code, stream.name):
                    yield RecordsDelivery(trip, stream)
        if isinstance(connector, SampleSource):
            tags = TagsDelivery(trip)
            if self._is_due(code, TAGS_STREAM):
                yield tags
            if tags.may_have_samples and self._is_due(code, SAMPLES_STREAM):
                yield SamplesDelivery(trip)

    def _is_due(self, source: str, stream: str) -> bool:
        due = self._due.get((source, stream))
        return due is None or due <= self.clock()

    def _settled(self, delivery: Delivery) -> Delivered:
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
