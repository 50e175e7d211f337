"""Connectors as a hub reads them: page by page, window by window, and what that takes in memory.

A page, or the samples of a window, is let go before the next is asked for, as a hub does once it has stored
them. `race` sets that beside a bare client of the same bytes, `weigh` beside the same reading of ten times as much.
"""

import gc
import tracemalloc
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from hub.ingest.bridge import Bridge
from hub.sdk import Document, Receipt, RecordSource, Rejected, SampleSource, Window
from tests.bench.ruler import Row, judge, seconds_side_by_side

T0 = datetime(2026, 3, 1, tzinfo=UTC)
DOCUMENTS, SAMPLES = "documents", "samples"


def read_documents(
    connector: RecordSource[Any], stream: str, *, most: int | None = None, parsed: bool = False
) -> int:
    """Read a stream from its beginning, or `most` documents of one that does not end; give how many came.

    With `parsed` each document is also parsed into records. What is rejected ends the benchmark.
    """
    count = 0
    with Bridge(connector) as bridge, closing(_items(bridge, connector.read(stream, None))) as pages:
        for page in pages:
            assert not page.rejected, page.rejected[0]
            count += len(page.documents)
            for document in page.documents if parsed else ():
                _parse(connector, document)
            if most is not None and count >= most:
                break
    return count


def _items(bridge: Bridge, given: Any) -> Generator[Any]:
    """Give a generator, which can be closed before its end."""
    yield from bridge.items(given)


def _parse(connector: RecordSource[Any], document: Document) -> None:
    stated = list(connector.parse(document))
    assert stated, document.key
    assert not (bad := [part for part in stated if isinstance(part, Rejected)]), bad[0]


def read_samples(connector: SampleSource[Any], windows: Sequence[Window]) -> int:
    """List the tags, then read all of them window by window; give how many samples came."""
    count = 0
    with Bridge(connector) as bridge:
        names = [tag.id.value for tag in bridge.items(connector.tags())]
        for window in windows:
            haul = list(bridge.items(connector.samples(names, window)))
            assert not (bad := [part for part in haul if isinstance(part, Rejected)]), bad[0]
            count += sum(part.num_rows for part in haul if isinstance(part, pa.RecordBatch))
    return count


def list_tags(connector: SampleSource[Any]) -> list[str]:
    """Give the names of all tags."""
    with Bridge(connector) as bridge:
        return [tag.id.value for tag in bridge.items(connector.tags())]


def follow(connector: SampleSource[Any], tags: Sequence[str], wanted: int) -> int:
    """Follow tags until so many samples came, each receipt given at once; give how many it were."""
    count = 0
    with Bridge(connector) as bridge, closing(_items(bridge, connector.subscribe(tags))) as told:
        for item in told:
            assert not isinstance(item, Rejected), item
            if isinstance(item, Receipt):
                item.stored()
            elif isinstance(item, pa.RecordBatch):
                count += item.num_rows
            if count >= wanted:
                break
    return count


def split_days(days: int) -> list[Window]:
    """Give windows of a day each, the first at `T0`."""
    return [Window(T0 + timedelta(days=day), T0 + timedelta(days=day + 1)) for day in range(days)]


def race(
    name: str,
    what: str,
    count: int,
    *,
    connector: Callable[[], int],
    bare: Callable[[], object],
    stated: Callable[[], int] | None = None,
) -> Iterator[Row]:
    """Give the rate of a connector against its bare client, which must be at least half of it.

    Both are run in turns. With `stated` a second row tells, without a target, what is left of the rate when
    the documents are parsed into records as well, for which the bare client has no counterpart.
    """

    def read() -> None:
        assert (came := connector()) == count, (name, came)

    one, other = seconds_side_by_side(read, bare)
    yield judge(f"{name}: {what}", count / one, "/s", against=count / other, at_least=0.5)
    if stated is not None:
        assert (came := stated()) == count, (name, came)
        one, other = seconds_side_by_side(stated, bare, runs=1)
        yield judge(f"{name}: {what}, parsed into records", count / one, "/s", against=count / other)


def weigh(name: str, once: Callable[[], object], tenfold: Callable[[], object]) -> Row:
    """Give the peak of memory of ten times as much against once as much, at most half as much again.

    Python's own memory by `tracemalloc`, and Arrow's; what is loaded once for all is loaded before.
    """
    once()
    peaks = [_peak(action) for action in (once, tenfold)]
    return judge(f"{name}: peak memory of ten times as much", peaks[1], "B", against=peaks[0], at_most=1.5)


def _peak(action: Callable[[], object]) -> int:
    seldom = gc.get_threshold()
    gc.set_threshold(700, 10, 10)  # as usual: what is held counts, not when rubbish was last looked for
    gc.collect()
    with _arrow_pool() as pool:
        tracemalloc.start()
        try:
            action()
            return tracemalloc.get_traced_memory()[1] + (pool.max_memory() or 0)
        finally:
            tracemalloc.stop()
            gc.set_threshold(*seldom)


_POOLS: list[Any] = []
"""Kept to the end: what outlives its pool would be given back to nobody."""


@contextmanager
def _arrow_pool() -> Iterator[Any]:
    """Count what Arrow takes meanwhile, by a pool of its own."""
    arrow: Any = pa
    usual = pa.default_memory_pool()
    pool = arrow.proxy_memory_pool(usual)
    _POOLS.append(pool)
    arrow.set_memory_pool(pool)
    try:
        yield pool
    finally:
        arrow.set_memory_pool(usual)
