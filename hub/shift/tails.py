"""Live tails: a thread for each source that offers to be followed; it subscribes anew whenever it is due."""

import threading
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

import structlog

from hub.ingest.bridge import Bridge
from hub.ingest.entering import SAMPLES_STREAM, TAG, TAGS_STREAM
from hub.ingest.failures import judge
from hub.ingest.live import LIVE_STREAM, Orders, Pace, can_follow, follow
from hub.ingest.runner import Desk, Outcome, Visit, register
from hub.ingest.sources import Source
from hub.store.statements import list_live_keys
from hub.store.streams import LEASE
from hub.store.systems import list_systems

_SETTLE_S = 5.0
_ELSEWHERE_S = LEASE.total_seconds() / 4
"""How often a node looks whether the tail of another one has ended."""
log = structlog.get_logger("hub.shift")


class Tails:
    """The tails of all sources that offer one, from `start` to `stop`."""

    def __init__(self, desk: Desk, sources: Sequence[Source], pace: Pace) -> None:
        self._desk = desk
        self._sources = sources
        self._pace = pace
        self._tails: dict[str, _Tail] = {}

    def start(self) -> None:
        """Begin to follow; a source that cannot even be opened says so when it is read."""
        for source in self._sources:
            try:
                is_offered = can_follow(source)
            except Exception as error:  # noqa: BLE001 - whatever a connector does wrong is one source's failure
                log.warning("cannot follow", source=source.code, error=str(error))
                continue
            if is_offered:
                self._tails[source.code] = _Tail(self._desk, source, self._pace)
                self._tails[source.code].start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """End all; what was told until now is stored."""
        for tail in self._tails.values():
            tail.ask_to_end()
        for tail in self._tails.values():
            tail.join(timeout_s)

    def settle(self, codes: Container[str]) -> None:
        """Let the tails of these sources write down what counts as read, so that it is not read again."""
        asked = [tail.settle() for code, tail in self._tails.items() if code in codes]
        for done in asked:
            done.wait(_SETTLE_S)

    def heed(self, outcomes: Iterable[Outcome]) -> None:
        """Act on what a round found: new tags are followed too, and a source that is well is tried again."""
        for outcome in outcomes:
            tail = self._tails.get(outcome.source)
            if tail is None or outcome.error:
                continue
            if outcome.stream == SAMPLES_STREAM:
                tail.wake()
            elif outcome.stream == TAGS_STREAM:
                # Also when it brought nothing: the round that did may have failed before it came here.
                tail.renew()


class _Tail(threading.Thread):
    """Follows one source, again and again."""

    def __init__(self, desk: Desk, source: Source, pace: Pace) -> None:
        super().__init__(name=f"plantwide-live-{source.code}", daemon=True)
        self.samples = 0
        self._desk = replace(desk, progress=self._tell)
        self._told = desk.progress
        self._source = source
        self._pace = pace
        self._before = 0
        self._orders = Orders()
        self._orders.finish()
        self._ends = threading.Event()
        self._awake = threading.Event()
        self._waits_for_people = False

    def run(self) -> None:
        """Follow, and wait as long as the outcome asks for."""
        while not self._ends.is_set():
            pause = self._pause(self._follow())
            self._waits_for_people = pause is None
            self._awake.wait(pause)
            self._awake.clear()

    def ask_to_end(self) -> None:
        """End soon; what was told until now is stored."""
        self._ends.set()
        self._orders.end()
        self._awake.set()

    def settle(self) -> threading.Event:
        """Write down what counts as read; the event tells when."""
        return self._orders.settle()

    def wake(self) -> None:
        """Try again what was given up until a person did something: a round has read this source."""
        if self._waits_for_people:
            self._awake.set()

    def renew(self) -> None:
        """Follow anew when the source has tags that are not followed yet."""
        with self._desk.database.read() as connection:
            systems = [s.id for s in list_systems(connection).values() if s.code == self._source.code]
            listed = {tag for id_ in systems for _, tag in list_live_keys(connection, id_, [TAG])}
        if self._orders.tags and listed - self._orders.tags:
            self._orders.end()

    def _follow(self) -> Outcome:
        orders = self._orders = Orders()
        if self._ends.is_set():
            orders.end()
        desk, source = self._desk, self._source
        self._before = self.samples
        try:
            system = register(desk, source)
            with Bridge(source.open()) as bridge:
                return follow(Visit(desk, source, system, bridge), orders, self._pace)
        except Exception as error:  # noqa: BLE001 - whatever a connector does wrong is one source's failure
            failure = judge(error, attempts=0, now=desk.clock())
            log.warning("cannot follow", source=source.code, error=failure.message)
            return Outcome(
                source.code, LIVE_STREAM, error=failure.message, state=failure.state, retry_at=failure.due_at
            )
        finally:
            orders.finish()

    def _pause(self, outcome: Outcome) -> float | None:
        """Give the seconds until the next try; None when a person has to do something first."""
        if outcome.state in ("paused", "stopped"):
            return None
        if outcome.state == "running":
            return _ELSEWHERE_S
        if outcome.retry_at is None:
            return 0.0
        return max(0.0, (outcome.retry_at - self._desk.clock()).total_seconds())

    def _tell(self, outcome: Outcome) -> None:
        self.samples = self._before + outcome.samples
        self._told(outcome)
