"""OPC UA HistoryRead over arrays: slices by binary search, nothing after the plant's instant."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from asyncua import ua
from asyncua.server.history import HistoryStorageInterface

from hub.demo.clock import read_clock
from hub.demo.curves import Track, seconds

PAGE_SIZE = 5000
"""The most values one answer carries; the rest follows by continuation point."""


class TrackHistory(HistoryStorageInterface):
    """Read-only history of tags, by node id."""

    def __init__(self, directory: Path, tracks: Mapping[ua.NodeId, Track]) -> None:
        super().__init__(PAGE_SIZE)
        self._directory = directory
        self._tracks = tracks

    async def init(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def read_node_history(  # noqa: PLR0917 - asyncua's signature
        self, node_id: ua.NodeId, start: datetime | None, end: datetime | None, nb_values: int
    ) -> tuple[list[ua.DataValue], datetime | None]:
        """Values with start <= time <= end; backwards when start is later or missing (Part 11, 6.4.3)."""
        track = self._tracks.get(node_id)
        if track is None:
            raise ua.uaerrors.BadHistoryOperationUnsupported
        begin, stop = _bound(start), _bound(end)
        if begin is None and stop is None:
            raise ua.uaerrors.BadInvalidTimestampArgument
        backwards = begin is None or (stop is not None and begin > stop)
        if backwards:
            begin, stop = stop, begin
        first = 0 if begin is None else int(np.searchsorted(track.times, math.ceil(begin), "left"))
        last = count_until(track, read_clock(self._directory))
        if stop is not None:
            last = min(last, int(np.searchsorted(track.times, math.floor(stop), "right")))
        rows = range(first, last)[::-1] if backwards else range(first, last)
        limit = min(nb_values or PAGE_SIZE, PAGE_SIZE)
        following = value_at(track, rows[limit]).SourceTimestamp if len(rows) > limit else None
        return [value_at(track, row) for row in rows[:limit]], following


def count_until(track: Track, at: datetime) -> int:
    """Give how many values of a tag had been kept by an instant."""
    return int(np.searchsorted(track.times, seconds(at), "right"))


def value_at(track: Track, row: int) -> ua.DataValue:
    """Give one kept value with its status and source time; a bad value has no number."""
    status = int(track.status[row])
    if track.texts is not None:
        value = ua.Variant(track.texts[row], ua.VariantType.String)
    elif status >> 31:
        value = ua.Variant()
    elif track.tag.kind == "step":
        value = ua.Variant(int(track.values[row]), ua.VariantType.Int32)
    else:
        value = ua.Variant(float(track.values[row]), ua.VariantType.Double)
    moment = ua.DateTime.fromtimestamp(int(track.times[row]), UTC)
    return ua.DataValue(
        value, ua.StatusCode(ua.UInt32(status)), SourceTimestamp=moment, ServerTimestamp=moment
    )


def _bound(moment: datetime | None) -> float | None:
    if moment is None:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    # 1601-01-01 is OPC UA's word for "not given".
    return None if moment.year <= 1601 else moment.timestamp()
