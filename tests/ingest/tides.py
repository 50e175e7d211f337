"""A source whose samples come and go like water: late, twice, lost on the way, kept in history or not at all."""

import asyncio
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pyarrow as pa

from hub.ingest.sources import History, Source
from hub.model import SAMPLE_SCHEMA, Tag
from hub.sdk import Config, Connector, Health, Rejected, SampleSource, Whole, Window

START = datetime(2026, 3, 1, tzinfo=UTC)
KEPT = ("level", "pressure")
FLEETING = "flow"
"""A tag of which no history is kept."""
TAGS = (*KEPT, FLEETING)
Sample = tuple[str, datetime]
_LONGEST_S = 600
"""Longer than a tail rests after an unexpected error (a minute), and than it takes for want of a processor: beside work
of a higher priority a second of it took half a minute, without any error. What never comes says how things stand."""


def value_of(sample: Sample) -> float:
    """Give the value of a sample: whoever gives another one is found out."""
    tag, moment = sample
    return float(TAGS.index(tag)) + (moment - START).total_seconds()


def batch_of(samples: Iterable[Sample]) -> pa.RecordBatch:
    """Give samples as a connector does."""
    rows = [{"tag": s[0], "ts": s[1], "value": value_of(s), "text": None, "quality": 0} for s in samples]
    return pa.RecordBatch.from_pylist(rows, schema=SAMPLE_SCHEMA)


@dataclass
class Sea:
    """What there is: a clock, the samples that have arrived, and what a subscription says next."""

    now: datetime = START
    arrived: list[Sample] = field(default_factory=list[Sample])
    says: list[pa.RecordBatch | Whole | Rejected | Exception] = field(default_factory=list[Any])
    said_before: list[list[Any]] = field(default_factory=list[list[Any]])
    """What the first subscriptions are told, one each, instead of what is said in the end."""
    listed: tuple[str, ...] = TAGS
    asked: list[tuple[tuple[str, ...], Window]] = field(default_factory=list[Any])
    subscribed: list[list[str]] = field(default_factory=list[list[str]])
    closed: int = 0
    ends: bool = False
    bell: threading.Condition = field(default_factory=threading.Condition)
    """Rings when somebody subscribes, leaves or stores."""
    tells: Callable[[], Iterable[object]] = tuple
    """What else is said when something never comes."""

    def __call__(self) -> datetime:
        return self.now

    def ring(self, *_: object) -> None:
        """Let those look who wait for something."""
        with self.bell:
            self.bell.notify_all()

    def until(self, is_so: Callable[[], object]) -> None:
        """Wait until something is so; fails when it never comes."""
        with self.bell:
            assert self.bell.wait_for(is_so, _LONGEST_S), self._describe()

    def _describe(self) -> str:
        """Say how things stand: what was subscribed, what the store says of it, and where each tail is."""
        told = [f"subscribed {self.subscribed}, closed {self.closed}, at {self.now}", *map(str, self.tells())]
        frames = sys._current_frames()
        for thread in threading.enumerate():
            if thread.name.startswith("plantwide-live") and thread.ident in frames:
                told += [thread.name, *traceback.format_stack(frames[thread.ident])]
        return "\n".join(told)

    def promise(self, *tags: str, start: datetime, end: datetime | None = None) -> Whole:
        """Give a promise up to now."""
        return Whole(tags=tags, window=Window(start, end or self.now))


class Tide(SampleSource[Config]):
    """Reads the sea by windows, and says what it is told to say."""

    name: ClassVar[str] = "tide"
    version: ClassVar[str] = "1"
    config_class: ClassVar[type[Config]] = Config

    def __init__(self, sea: Sea) -> None:
        super().__init__(Config())
        self.sea = sea

    def check(self) -> Health:
        return Health(system="tide")

    def tags(self) -> list[Tag]:
        return [Tag.model_validate({"id": name}) for name in self.sea.listed]

    def keeps_history(self, tag: str) -> bool:
        return tag != FLEETING

    def extent(self) -> Window:
        return Window(START, self.sea.now)

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        assert FLEETING not in tags
        self.sea.asked.append((tuple(tags), window))
        yield batch_of(s for s in self.sea.arrived if s[0] in tags and window.start <= s[1] < window.end)

    async def subscribe(self, tags: Sequence[str]) -> AsyncIterator[pa.RecordBatch | Whole | Rejected]:
        said = self.sea.said_before.pop(0) if self.sea.said_before else self.sea.says
        self.sea.subscribed.append(list(tags))
        self.sea.ring()
        try:
            for item in said:
                if isinstance(item, Exception):
                    raise item
                yield item
            if not self.sea.ends:
                await _for_ever()
        finally:
            self.sea.closed += 1
            self.sea.ring()


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


@dataclass(frozen=True)
class TideSource(Source):
    """A source whose connector reads a sea in memory."""

    sea: Sea = field(default_factory=Sea)

    def open(self) -> Connector[Any]:
        """Make the connector."""
        return Tide(self.sea)


def source_of(sea: Sea, code: str = "pi", *, settle_s: float = 0.0) -> TideSource:
    history = History(start=START, settle_s=settle_s)
    return TideSource(code, "HISTORIAN", "tide", None, Config(), history, None, sea)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)
