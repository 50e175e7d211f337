"""Subscriptions: what a client follows, what has changed since it last looked, what it has not acknowledged.

They live in the memory of one process and end with it, or when nobody looks for `ttl_s`; a client that finds
its subscription gone makes another. Nothing is gathered while nobody looks: of signals every sample that has
come is found in the store's news (`hub.store.arrivals`, kept for days), of everything else what it says now
is compared with what was told last.
"""

import secrets
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock, RLock
from typing import Any

import pyarrow as pa

from hub.i3x.elements import Element, JsonObject
from hub.i3x.envelope import WITHHELD, Refusal, not_found
from hub.i3x.settings import I3xSettings
from hub.i3x.space import find_elements
from hub.i3x.values import descend, list_withheld, read_sample, read_values
from hub.insight.courses import to_time
from hub.store.answers.tag_coverage import cut_spans
from hub.store.arrivals import arrival_bounds, read_arrivals
from hub.store.database import Connection, Database
from hub.store.questions.scope import RowScope, narrow_connection
from hub.store.samples import read_samples

_BATCH = 1_000
_ARRIVALS = 100
MOST_SEQUENCE = 2**64 - 1


@dataclass(frozen=True)
class Owner:
    """Whose a subscription is: of one key, of what its client calls itself, of those who see these rows.

    Whoever sees other rows than before, as a person whose rights have changed, begins another one.
    """

    key: str
    client: str
    rows: RowScope


@dataclass
class Stream:
    """One stream of a subscription, and whether something is on its way that the client has not taken."""

    number: int
    is_sending: bool = False


@dataclass
class Subscription:
    """What a client follows: `registered` with the depth of each, `told` what it was last told of each."""

    id: str
    owner: Owner
    name: str
    reached: int
    seen_at: datetime
    registered: dict[str, int] = field(default_factory=dict[str, int])
    told: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    queue: deque[tuple[int, list[JsonObject]]] = field(default_factory=deque[tuple[int, list[JsonObject]]])
    queued: int = 0
    sequence: int = 0
    has_lost: bool = False
    stream: int = 0
    is_streaming: bool = False
    lock: RLock = field(default_factory=RLock)

    def begin_stream(self) -> Stream:
        """Give a new stream, which ends the one before it."""
        with self.lock:
            self.stream += 1
            self.is_streaming = True
            return Stream(self.stream)

    def end_stream(self, stream: Stream) -> None:
        """Note that a stream has ended, and that what was on its way is lost; done again, nothing changes."""
        with self.lock:
            self.has_lost |= stream.is_sending
            stream.is_sending = False
            if self.stream == stream.number:
                self.is_streaming = False

    def describe(self) -> JsonObject:
        """Give it as `/subscriptions/list` does."""
        monitored = [{"elementId": one, "maxDepth": depth} for one, depth in self.registered.items()]
        return {"subscriptionId": self.id, "displayName": self.name, "monitoredObjects": monitored}


class Book:
    """The subscriptions of one process, safe for many threads."""

    def __init__(self, database: Database, settings: I3xSettings, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._all: dict[str, Subscription] = {}
        self._lock = Lock()

    def create(self, owner: Owner, name: str | None) -> Subscription:
        """Begin a subscription of a client."""
        self._forget_old()
        with self._database.read() as connection:
            reached = arrival_bounds(connection)[1]
        with self._lock:
            if len(self._all) >= self._settings.subscriptions:
                raise Refusal(400, "There are too many subscriptions here; delete some.")
            one = Subscription(secrets.token_urlsafe(32), owner, name or "", reached, self._clock())
            self._all[one.id] = one
        return one

    def find(self, owner: Owner, subscription_id: str) -> Subscription:
        """Give a client's subscription. Raises `Refusal`, the same whether it is another's or nobody's."""
        self._forget_old()
        with self._lock:
            one = self._all.get(subscription_id)
        if one is None or one.owner != owner:
            raise not_found("subscription of this client")
        return one

    def delete(self, owner: Owner, subscription_id: str) -> None:
        """End a subscription with all that waits in it."""
        one = self.find(owner, subscription_id)
        with self._lock:
            self._all.pop(one.id, None)
        one.stream += 1

    def is_there(self, one: Subscription) -> bool:
        """Tell whether a subscription has not ended."""
        with self._lock:
            return one.id in self._all

    def _forget_old(self) -> None:
        now, ttl = self._clock(), self._settings.ttl_s
        with self._lock:
            old = [one for one in self._all.values() if (now - one.seen_at).total_seconds() > ttl]
            for one in old:
                del self._all[one.id]

    # ---------------------------------------------------------------------------------- what is followed
    def register(self, one: Subscription, ids: Iterable[str], depth: int) -> list[Refusal | None]:
        """Follow these objects; what they say now is the first that is told of them."""
        wanted = list(ids)
        with one.lock, self._read(one) as connection:
            found = find_elements(connection, wanted, now=self._clock())
            withheld = list_withheld(connection, found.values())
            results: list[Refusal | None] = []
            for element_id in wanted:
                if element_id not in found:
                    results.append(not_found("object"))
                elif element_id in withheld:
                    results.append(WITHHELD)
                elif len(one.registered) >= self._settings.registered:
                    results.append(Refusal(400, "This subscription follows as much as it may; make another."))
                else:
                    one.registered.setdefault(element_id, depth)
                    results.append(None)
            self._look(connection, one)
        return results

    def unregister(self, one: Subscription, ids: Iterable[str]) -> list[Refusal | None]:
        """Follow these objects no more; what waits of them stays."""
        with one.lock:
            results: list[Refusal | None] = []
            for element_id in ids:
                known = one.registered.pop(element_id, None) is not None
                one.told.pop(element_id, None)
                results.append(None if known else not_found("object that is registered"))
            return results

    # ---------------------------------------------------------------------------------- what is new
    def sync(self, one: Subscription, last: int | None) -> tuple[list[JsonObject], bool]:
        """Take what has arrived off the queue, give what is left and new; and whether something was lost."""
        with one.lock:
            if one.is_streaming:
                raise Refusal(400, "This subscription has an open stream; close it before you sync.")
            one.seen_at = self._clock()
            with self._read(one) as connection:
                self._look(connection, one)
            if last == -1:
                one.queue.clear()
                one.queued, one.has_lost = 0, False
            elif last is not None and 0 <= last <= one.sequence:
                while one.queue and one.queue[0][0] <= last:
                    one.queued -= len(one.queue.popleft()[1])
            lost, one.has_lost = one.has_lost, False
            return [{"sequenceNumber": number, "updates": updates} for number, updates in one.queue], lost

    def take(self, one: Subscription) -> tuple[list[JsonObject], bool]:
        """Give what waits and is new, once; and whether something was lost."""
        with one.lock:
            one.seen_at = self._clock()
            with self._read(one) as connection:
                self._look(connection, one)
            updates = [update for _, some in one.queue for update in some]
            lost = one.has_lost
            one.queue.clear()
            one.queued, one.has_lost = 0, False
            return updates, lost

    @contextmanager
    def _read(self, one: Subscription) -> Generator[Connection]:
        """Give what the owner of a subscription sees."""
        with self._database.read() as connection:
            yield narrow_connection(connection, one.owner.rows)

    def _look(self, connection: Connection, one: Subscription) -> None:
        """Queue what is new; of what is too much the oldest goes, and its numbers with it."""
        elements = self._expand(connection, one)
        fresh = [*self._read_news(connection, one, elements), *self._compare(connection, one, elements)]
        for at in range(0, len(fresh), _BATCH):
            one.sequence = (one.sequence % MOST_SEQUENCE) + 1
            updates = fresh[at : at + _BATCH]
            one.queue.append((one.sequence, updates))
            one.queued += len(updates)
        while one.queued > self._settings.queue and len(one.queue) > 1:
            one.queued -= len(one.queue.popleft()[1])
            one.has_lost = True

    def _expand(self, connection: Connection, one: Subscription) -> dict[str, Element]:
        """Give the objects that are followed, with their parts as deep as was asked for."""
        found = find_elements(connection, one.registered, now=self._clock())
        depths: dict[int, list[Element]] = {}
        for element in found.values():
            depth = one.registered[element.id]
            if depth != 1 and element.is_composition:
                depths.setdefault(depth, []).append(element)
        for depth, some in depths.items():
            tree = descend(connection, some, depth=depth, most=self._settings.parts)
            one.has_lost |= not tree.is_whole
            found |= {part.id: part for parts in tree.parts.values() for part in parts}
        return found

    def _read_news(
        self, connection: Connection, one: Subscription, elements: Mapping[str, Element]
    ) -> Iterable[JsonObject]:
        """Give the samples that have come, of tags of which something was told before."""
        told = [e for e in elements.values() if e.id in one.told]
        withheld = list_withheld(connection, told)
        series: dict[int, list[Element]] = defaultdict(list)
        for e in told:
            if e.is_series and e.row is not None and e.id not in withheld:
                series[e.row.id].append(e)
        oldest, newest = arrival_bounds(connection)
        one.has_lost |= bool(series) and one.reached < oldest - 1
        while one.reached < newest:
            arrivals = read_arrivals(connection, one.reached, limit=_ARRIVALS)
            if not arrivals:
                break
            for arrival in arrivals:
                for key, first, last, count in arrival.spans.tolist():
                    if count:  # an erasure brings none
                        for followed in series.get(key, ()):
                            yield from self._samples(connection, one, followed, first, last)
            one.reached = arrivals[-1].id
        one.reached = max(one.reached, newest)

    def _samples(  # noqa: PLR0917 - of which tag, from when to when
        self, connection: Connection, one: Subscription, followed: Element, first: int, last: int
    ) -> Iterable[JsonObject]:
        key, span = followed.row.id if followed.row else 0, (to_time(first), to_time(last + 1))
        spans = [span] if followed.signal is None else cut_spans(followed.signal.spans, *span)
        if not spans:  # it is not the batch's
            return
        table = pa.concat_tables(read_samples(connection, [key], *part) for part in spans)
        if table.num_rows > self._settings.queue:
            one.has_lost = True
            table = table.slice(table.num_rows - self._settings.queue)
        rows: list[dict[str, Any]] = table.to_pylist()
        for row in rows:
            said = read_sample(followed, row["value"], row["text"], row["quality"], row["ts"])
            one.told[followed.id] = said
            yield {"elementId": followed.id, **said}

    def _compare(
        self, connection: Connection, one: Subscription, elements: Mapping[str, Element]
    ) -> Iterable[JsonObject]:
        """Give what says something else than it was told to say; of a tag only what it says first.

        Of a signal of a batch both: which samples are the batch's may change without any that comes.
        """
        asked = [e for e in elements.values() if not e.is_tag or e.id not in one.told]
        for element_id, said in read_values(connection, asked, now=self._clock()).items():
            before = one.told.get(element_id)
            if before is None or (before["value"], before["quality"]) != (said["value"], said["quality"]):
                one.told[element_id] = said
                yield {"elementId": element_id, **said}
