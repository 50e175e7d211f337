"""A small world of samples, correct connectors on it, and one for each mistake that an author may make."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pyarrow as pa

from hub.model import SAMPLE_SCHEMA, Identifier, Tag
from hub.sdk import Config, Health, Rejected, SampleSource, Unavailable, Whole, Window
from hub.sdk.testing import SampleSuite

T0 = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)


class Curve(SampleSource[Config]):
    """Two tags, one sample a minute each."""

    name = "curve"
    version = "1.0"
    config_class = Config
    names: ClassVar[list[str]] = ["TIC-1", "FIC-2"]
    repeat: ClassVar[int] = 1

    def check(self) -> Health:
        return Health(system="curve")

    def tags(self) -> Iterable[Tag]:
        return [Tag(id=Identifier(value=name)) for name in self.names]

    def holds(self, moment: datetime, window: Window) -> bool:
        return window.start <= moment < window.end

    def table(self, name: str, times: list[datetime]) -> pa.RecordBatch:
        times = times * self.repeat
        n = len(times)
        columns: list[Any] = [[name] * n, times, [float(t.minute) for t in times], [None] * n, [0] * n]
        return pa.RecordBatch.from_arrays(
            [pa.array(column, field.type) for column, field in zip(columns, SAMPLE_SCHEMA, strict=True)],
            schema=SAMPLE_SCHEMA,
        )

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        times = [t for t in (T0 + timedelta(minutes=m) for m in range(9)) if self.holds(t, window)]
        for name in tags:
            if name in self.names:
                yield self.table(name, times)

    def extent(self) -> Window | None:
        return Window(T0, T0 + timedelta(minutes=8))


class AsyncCurve(SampleSource[Config]):
    name = "curve"
    version = "1.0"
    config_class = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.plain = Curve(config)

    async def check(self) -> Health:
        return self.plain.check()

    async def tags(self) -> AsyncIterator[Tag]:
        for tag in self.plain.tags():
            yield tag

    async def samples(self, tags: Sequence[str], window: Window) -> AsyncIterator[pa.RecordBatch]:
        for batch in self.plain.samples(tags, window):
            yield batch

    async def extent(self) -> Window | None:
        return self.plain.extent()


class CurveSuite(SampleSuite):
    kind: type[SampleSource[Any]] = Curve

    def holds(self) -> int:
        return 16

    def make_large(self, factor: int) -> tuple[SampleSource[Any], Window] | None:
        if not issubclass(self.kind, Curve):
            return None
        large = {"names": [f"TIC-{n}" for n in range(20 * factor)], "repeat": 100}
        return type(self.kind.__name__, (self.kind,), large)(Config()), self.window()

    def make(self) -> SampleSource[Any]:
        return self.kind(Config())


class ClosedEnd(Curve):
    def holds(self, moment: datetime, window: Window) -> bool:
        return window.start <= moment <= window.end


class OpenStart(Curve):
    def holds(self, moment: datetime, window: Window) -> bool:
        return window.start < moment < window.end


class WrongType(Curve):
    def table(self, name: str, times: list[datetime]) -> pa.RecordBatch:
        batch = Curve.table(self, name, times)
        return batch.set_column(2, "value", batch.column(2).cast(pa.float32()))


class DriftingTags(Curve):
    count = itertools.count()

    def tags(self) -> Iterable[Tag]:
        return [Tag(id=Identifier(value=f"{name}#{next(self.count)}")) for name in self.names]


class AllTags(Curve):
    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        return Curve.samples(self, self.names, window)


class BranchesOfOtherTags(Curve):
    def branches(self) -> dict[str, Sequence[str]]:
        return {"TIC-1": ("U1", "TIC-1"), "U1/FIC-2": ("U1", "FIC-2")}


class BranchesAsText(Curve):
    def branches(self) -> dict[str, Sequence[str]]:
        return {name: f"U1/{name}" for name in self.names}


class FallsOverVanishedTag(Curve):
    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        for name in tags:
            self.names.index(name)
        return Curve.samples(self, tags, window)


class LosesTheLastBatch(Curve):
    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        return super().samples(sorted(tags)[:1], window)


class GivesSamplesTwice(Curve):
    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        for batch in super().samples(tags, window):
            yield batch
            yield batch


class NextBatchIsTheSame(Curve):
    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        first = next(super().samples(tags, window))
        while True:
            yield first


class OneHugeBatch(Curve):
    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        batches = list(super().samples(tags, window))
        table = pa.Table.from_batches(batches, SAMPLE_SCHEMA).combine_chunks()
        yield from table.to_batches()


class NoExtent(Curve):
    def extent(self) -> Window | None:
        return None


HALF_OPEN = "test_the_window_holds_its_start_and_not_its_end"
SAMPLE_MISTAKES: list[tuple[type[Curve], str, str]] = [
    (ClosedEnd, HALF_OPEN, "the end is out"),
    (ClosedEnd, "test_adjacent_windows_give_what_one_window_gives", "the same sample twice"),
    (OpenStart, HALF_OPEN, "the start is in"),
    (WrongType, "test_batches_have_the_sample_schema", "value: float"),
    (DriftingTags, "test_tags_keep_their_native_names", "drifts"),
    (AllTags, "test_only_the_tags_asked_for_come", "asked for 'FIC-2', got samples of"),
    (
        FallsOverVanishedTag,
        "test_a_vanished_tag_does_not_cost_the_others",
        "a vanished tag raised ValueError",
    ),
    (
        LosesTheLastBatch,
        "test_one_reading_gives_all_that_the_world_holds",
        r"holds 16 samples in its window, samples\(\) gave 8",
    ),
    (GivesSamplesTwice, "test_a_sample_is_given_once", r"gave 16 sample\(s\) twice"),
    (NextBatchIsTheSame, "test_a_sample_is_given_once", "reading does not end: after 1,000 pages or batches"),
    (OneHugeBatch, "test_reading_more_does_not_take_more_memory", "yield smaller batches"),
    (NoExtent, HALF_OPEN, "override window"),
    (BranchesOfOtherTags, "test_branches_lead_to_tags_that_there_are", "U1/FIC-2"),
    (BranchesAsText, "test_branches_lead_to_tags_that_there_are", "as a sequence"),
]


class LiveCurve(Curve):
    """The same two tags; each move adds the next minute, and a follower is told and promised it."""

    minutes: ClassVar[int] = 9
    moved: ClassVar[threading.Condition] = threading.Condition()

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        times = [t for t in (T0 + timedelta(minutes=m) for m in range(self.minutes)) if self.holds(t, window)]
        for name in tags:
            if name in self.names:
                yield self.table(name, times)

    async def subscribe(self, tags: Sequence[str]) -> AsyncIterator[pa.RecordBatch | Whole | Rejected]:
        known = [name for name in tags if name in self.names]
        told = self.minutes
        while True:
            await asyncio.to_thread(self.wait_for_more, told)
            for item in self.tell(known, T0 + timedelta(minutes=told), T0 + timedelta(minutes=told + 1)):
                yield item
            told += 1

    def tell(self, names: list[str], at: datetime, end: datetime) -> Iterator[pa.RecordBatch | Whole]:
        for name in names:
            yield self.table(name, [at])
        yield Whole(tags=names, window=Window(at, end))

    @classmethod
    def wait_for_more(cls, told: int) -> None:
        with LiveCurve.moved:
            LiveCurve.moved.wait_for(lambda: LiveCurve.minutes > told, timeout=5)


class LiveSuite(CurveSuite):
    kind: type[SampleSource[Any]] = LiveCurve

    def move(self) -> bool:
        with LiveCurve.moved:
            LiveCurve.minutes += 1
            LiveCurve.moved.notify_all()
        return True


class WrongTypeLive(LiveCurve):
    def tell(self, names: list[str], at: datetime, end: datetime) -> Iterator[pa.RecordBatch | Whole]:
        batch = self.table(names[0], [at])
        yield batch.set_column(2, "value", batch.column(2).cast(pa.float32()))


class AllTagsLive(LiveCurve):
    def tell(self, names: list[str], at: datetime, end: datetime) -> Iterator[pa.RecordBatch | Whole]:
        yield from (self.table(name, [at]) for name in ("TIC-1", "PIC-9"))


class PromisesBeforeTelling(LiveCurve):
    def tell(self, names: list[str], at: datetime, end: datetime) -> Iterator[pa.RecordBatch | Whole]:
        yield self.table(names[0], [at])
        yield Whole(tags=names, window=Window(at, end))
        yield self.table(names[1], [at])


class TellsOtherQuality(LiveCurve):
    def tell(self, names: list[str], at: datetime, end: datetime) -> Iterator[pa.RecordBatch | Whole]:
        for name in names:
            batch = self.table(name, [at])
            yield batch.set_column(4, SAMPLE_SCHEMA.field("quality"), pa.array([0x480], pa.uint32()))
        yield Whole(tags=names, window=Window(at, end))


class EndsByItself(LiveCurve):
    async def subscribe(self, tags: Sequence[str]) -> AsyncIterator[pa.RecordBatch | Whole | Rejected]:
        yield Whole(tags=tags, window=Window(T0, T0))


class PromisesWhatIsGone(LiveCurve):
    async def subscribe(self, tags: Sequence[str]) -> AsyncIterator[pa.RecordBatch | Whole | Rejected]:
        yield Whole(tags=tags, window=Window(T0, T0))
        async for item in super().subscribe(tags):
            yield item


class ComesOnlyOnce(LiveCurve):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.is_followed = False

    async def subscribe(self, tags: Sequence[str]) -> AsyncIterator[pa.RecordBatch | Whole | Rejected]:
        if self.is_followed:
            raise Unavailable("somebody follows already")
        self.is_followed = True
        async for item in super().subscribe(tags):
            yield item


FOLLOWED = "test_following_gives_samples_of_the_tags_that_were_asked_for"
KEPT = "test_a_promise_is_kept_what_the_window_gives_was_told_before"
LIVE_MISTAKES: list[tuple[type[LiveCurve], str, str]] = [
    (WrongTypeLive, FOLLOWED, "value: float"),
    (AllTagsLive, FOLLOWED, "told of \\['PIC-9'\\], which were not asked for"),
    (EndsByItself, FOLLOWED, "ended by itself"),
    (PromisesBeforeTelling, KEPT, "is broken: samples\\(\\) gives 1 sample"),
    (TellsOtherQuality, KEPT, "or told otherwise"),
    (PromisesWhatIsGone, "test_a_vanished_tag_does_not_cost_the_others_their_followers", "promises the tag"),
]
