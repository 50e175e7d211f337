"""Raw history of many tags in one window: pages by continuation point, out as Arrow columns."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import structlog

from connectors.opcua.browsing import Signal
from connectors.opcua.decoding import Columns
from connectors.opcua.session import Answer, UaSession
from hub.model import SAMPLE_SCHEMA
from hub.sdk import Window
from hub.sdk.opcua.faults import EMPTY, EXPIRED, GONE, judge_status, status_name
from hub.sdk.opcua.stack import ua

_log = structlog.get_logger("hub.sdk")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOO_MUCH = frozenset({"BadTooManyOperations", "BadResponseTooLarge", "BadEncodingLimitsExceeded"})
_BOUND = 0x80D70000
"""BadBoundNotFound: an edge of the window that some servers add; no sample."""


@dataclass(slots=True)
class _Reading:
    """One tag's way through the window."""

    name: str
    signal: Signal
    point: bytes | None = None
    start: int = 0
    last: int = -1
    at_last: int = 0
    """Rows given at the time `last`: skipped when the server has to be asked again from there."""
    skip: int = 0
    restarted_at: int = -2


class HistoryReader:
    """Reads one window of some tags. `faults` says which tags could not be read, and why."""

    def __init__(self, session: UaSession, window: Window, *, values_per_node: int) -> None:
        step = timedelta(microseconds=1)
        self._session = session
        self._window = window
        self._start, self._end = (window.start - _EPOCH) // step, (window.end - _EPOCH) // step
        self._values = values_per_node
        self.faults: dict[str, str] = {}

    async def read(self, signals: Mapping[str, Signal], at_once: int) -> AsyncGenerator[pa.RecordBatch]:
        """Give the samples of these tags with start <= ts < end; unreadable tags are left out and named."""
        if self._start >= self._end:
            return
        waiting: list[_Reading] = [
            _Reading(name, signal, start=self._start) for name, signal in signals.items()
        ]
        size = max(1, min(at_once, self._session.limits.history))
        while waiting:
            group: list[_Reading] = waiting[:size]
            waiting = waiting[size:]
            try:
                while group:
                    answers = await self._ask(group)
                    if answers is None:  # the server takes fewer nodes at once than it says
                        size = max(1, len(group) // 2)
                        group, waiting = group[:size], [*group[size:], *waiting]
                        continue
                    batches = [self._take(r, a) for r, a in zip(group, answers, strict=True)]
                    dropped = [r for r, a in zip(group, answers, strict=True) if a.status in EXPIRED]
                    if dropped:  # the server holds fewer places than we use: ask again, fewer at once
                        size = max(1, size // 2)
                        waiting = [*(self._again(r) for r in dropped), *waiting]
                    group = [r for r, a in zip(group, answers, strict=True) if self._goes_on(r, a)]
                    for batch in batches:  # last, so that an early end gives back the places of now
                        if batch is not None:
                            yield batch
            finally:
                await self._release(group)

    async def _ask(self, group: Sequence[_Reading]) -> list[Answer] | None:
        """Ask for the next page of tags that start at the same time."""
        starts = [reading.start for reading in group if reading.point is None]
        first = min(starts, default=self._start)
        try:
            return await self._session.history(
                [(r.signal.node, r.point) for r in group], self._details(first)
            )
        except ua.UaStatusCodeError as error:
            name = status_name(error.code)
            if name in _TOO_MUCH and len(group) > 1:
                return None
            if name not in GONE | EXPIRED | EMPTY:
                raise
            if len(group) == 1:
                return [Answer(name, Columns(), None)]
        # Some servers refuse the whole request for the sake of one node: find out which.
        apart = [await self._ask([reading]) for reading in group]
        return [answer for answers in apart if answers for answer in answers]

    def _details(self, start: int) -> Any:
        details = ua.ReadRawModifiedDetails()
        details.IsReadModified = False
        details.StartTime = _EPOCH + timedelta(microseconds=start)
        details.EndTime = self._window.end
        details.NumValuesPerNode = ua.UInt32(self._values)
        details.ReturnBounds = False
        return details

    def _take(self, reading: _Reading, answer: Answer) -> pa.RecordBatch | None:
        """Give the answer's samples inside the window; what has gone wrong is noted or raised."""
        if answer.status.startswith("Bad") and answer.status not in EMPTY | EXPIRED:
            if answer.status not in GONE:
                raise judge_status(answer.status, f"{self._session.endpoint}, {reading.name}")
            self.faults[reading.name] = answer.status
            _log.warning("tag cannot be read", tag=reading.name, status=answer.status)
            return None
        columns = answer.columns
        ts, number, status = columns.joined()
        keep = (ts >= reading.start) & (ts < self._end) & (status != _BOUND)
        if reading.skip:
            again = np.flatnonzero(keep & (ts == reading.last))[: reading.skip]
            keep[again] = False
            reading.skip -= len(again)
        if not keep.any():
            return None
        newest = int(ts[keep].max())
        count = int(np.count_nonzero(ts[keep] == newest))
        reading.at_last = count + (reading.at_last if newest == reading.last else 0)
        reading.last = newest
        return _batch(reading, columns, keep, parts=(ts, number, status))

    def _goes_on(self, reading: _Reading, answer: Answer) -> bool:
        """Note the place at which the server goes on, if there is more."""
        kept = answer.status not in EXPIRED and reading.name not in self.faults
        reading.point = answer.continuation if kept else None
        return reading.point is not None

    def _again(self, reading: _Reading) -> _Reading:
        """Make ready to ask by time, from the last sample on: the server dropped its place."""
        if reading.last == reading.restarted_at:
            raise judge_status("BadNoContinuationPoints", f"{self._session.endpoint}, {reading.name}")
        reading.point, reading.restarted_at = None, reading.last
        if reading.last >= 0:
            reading.start, reading.skip = reading.last, reading.at_last
        return reading

    async def _release(self, group: Sequence[_Reading]) -> None:
        """Give back the places of tags that were not read to their end."""
        left = [(r.signal.node, r.point) for r in group if r.point]
        try:
            await self._session.release(left, self._details(self._start))
        except (OSError, ua.UaError):
            _log.debug("continuation points could not be released", count=len(left))


def moment_ago() -> Window:
    """Give a short window before now, to try whether history may be read."""
    now = datetime.now(UTC)
    return Window(now - timedelta(minutes=1), now)


def _batch(reading: _Reading, columns: Columns, keep: Any, *, parts: tuple[Any, Any, Any]) -> pa.RecordBatch:
    ts, number, status = (part[keep] for part in parts)
    arrow: Any = pa
    count = len(ts)
    texts: Any = arrow.nulls(count, arrow.string())
    states = reading.signal.states
    if columns.texts:
        rows = np.flatnonzero(keep).tolist()
        texts = arrow.array([columns.texts.get(row) for row in rows], arrow.string())
    elif states:
        known = [states.get(int(value)) if value == value else None for value in number.tolist()]  # noqa: PLR0124 - NaN is not itself
        texts = arrow.array(known, arrow.string())
    return arrow.RecordBatch.from_arrays(
        [
            arrow.repeat(arrow.scalar(reading.name), count),
            arrow.array(ts, arrow.int64()).view(arrow.timestamp("us", tz="UTC")),
            arrow.array(number, arrow.float64(), mask=~np.isfinite(number)),
            texts,
            arrow.array(status, arrow.uint32()),
        ],
        schema=SAMPLE_SCHEMA,
    )
