"""OPC UA HistoryRead over arrays: slices by binary search, told in C, nothing after the plant's instant."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.server.history import HistoryManager
from asyncua.server.internal_server import InternalServer
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from numpy.typing import NDArray

from hub.demo.clock import read_clock
from hub.demo.curves import Track, seconds

PAGE_SIZE = 5000
"""The most values one answer carries; the rest follows by continuation point."""
_VALUE_STATUS_AND_TIMES = 0b1111
"""Encoding mask of a DataValue: value, status, source time and server time are there (Part 6, 5.2.2.17)."""
_SECONDS_SINCE_1601 = 11_644_473_600
_TICKS = 10_000_000
"""How many of OPC UA's units of time, 100 ns, a second has (Part 6, 5.2.2.5)."""
_HISTORY_DATA = ua.NodeId(ua.Int32(ObjectIds.HistoryData_Encoding_DefaultBinary), ua.Int16(0))
_NUMBERS = {
    "float": (ua.VariantType.Double, np.dtype("<f8")),
    "step": (ua.VariantType.Int32, np.dtype("<i4")),
}


class TrackHistory(HistoryManager):
    """Read-only history of tags, by node id.

    An answer is put together in OPC UA's binary form at once (Part 6, 5.2.2): an object for each of some
    400,000 values, as asyncua would have it, made reading the plant twice as long.
    """

    def __init__(self, server: InternalServer, directory: Path, tracks: Mapping[ua.NodeId, Track]) -> None:
        super().__init__(server)
        self._directory = directory
        self._tracks = tracks

    async def read_history(self, params: ua.HistoryReadParameters) -> list[ua.HistoryReadResult]:
        """Raw values with start <= time <= end; backwards when start is later or missing (Part 11, 6.4.3)."""
        asked: Any = params  # asyncua's generated classes have no types that can be read
        return [self._read(asked.HistoryReadDetails, node) for node in asked.NodesToRead]

    def _read(self, details: Any, node: Any) -> ua.HistoryReadResult:
        track = self._tracks.get(node.NodeId)
        if track is None or not _asks_raw(details):
            return _refuse(StatusCodes.BadHistoryOperationUnsupported)
        begin, stop = _bound(_continued(node) or details.StartTime), _bound(details.EndTime)
        if begin is None and stop is None:
            return _refuse(StatusCodes.BadInvalidTimestampArgument)
        rows = self._find(track, begin, stop)
        limit = min(details.NumValuesPerNode or PAGE_SIZE, PAGE_SIZE)
        result: Any = ua.HistoryReadResult()
        result.HistoryData = ua.ExtensionObject(_HISTORY_DATA, ua.ByteString(encode(track, rows[:limit])))
        if len(rows) > limit:
            result.ContinuationPoint = _ticks(track.times[rows[limit : limit + 1]]).tobytes()
        return result

    def _find(self, track: Track, begin: float | None, stop: float | None) -> NDArray[np.intp]:
        backwards = begin is None or (stop is not None and begin > stop)
        if backwards:
            begin, stop = stop, begin
        first = 0 if begin is None else int(np.searchsorted(track.times, math.ceil(begin), "left"))
        last = count_until(track, read_clock(self._directory))
        if stop is not None:
            last = min(last, int(np.searchsorted(track.times, math.floor(stop), "right")))
        rows = np.arange(first, last)
        return rows[::-1] if backwards else rows


def encode(track: Track, rows: NDArray[np.intp]) -> bytes:
    """Give the binary form of a HistoryData with these values (Part 11, 6.6.2; Part 6, 5.2.2.17)."""
    lacks_value = track.status[rows] >> 31
    edges = [0, *(np.flatnonzero(np.diff(lacks_value)) + 1).tolist(), len(rows)]
    parts = [_encode(track, rows[start:end]) for start, end in pairwise(edges) if end > start]
    return len(rows).to_bytes(4, "little") + b"".join(parts)


def _encode(track: Track, rows: NDArray[np.intp]) -> bytes:
    """Encode values that all have a number or text, or all lack a number."""
    if track.texts is not None:
        indices: list[int] = rows.tolist()
        told = [_string(track.texts[row]) for row in indices]
        return b"".join(
            _encode_alike(track, rows[n : n + 1], ua.VariantType.String, values=text)
            for n, text in enumerate(told)
        )
    if track.status[rows[0]] >> 31:
        return _encode_alike(track, rows, ua.VariantType.Null)
    kind, type_ = _NUMBERS[track.tag.kind]
    return _encode_alike(track, rows, kind, values=track.values[rows].astype(type_))


def _encode_alike(
    track: Track, rows: NDArray[np.intp], kind: ua.VariantType, *, values: NDArray[Any] | None = None
) -> bytes:
    fields: list[tuple[str, Any]] = [("mask", "u1"), ("kind", "u1")]
    fields += [] if values is None else [("value", values.dtype)]
    told = np.empty(len(rows), [*fields, ("status", "<u4"), ("source", "<i8"), ("server", "<i8")])
    told["mask"], told["kind"], told["status"] = _VALUE_STATUS_AND_TIMES, kind, track.status[rows]
    told["source"] = told["server"] = _ticks(track.times[rows])
    if values is not None:
        told["value"] = values
    return told.tobytes()


def _string(text: str) -> NDArray[Any]:
    encoded = text.encode()
    told = len(encoded).to_bytes(4, "little") + encoded
    return np.frombuffer(told, f"V{len(told)}")


def _ticks(times: NDArray[np.int64]) -> NDArray[np.int64]:
    return ((times + _SECONDS_SINCE_1601) * _TICKS).astype("<i8")


def _asks_raw(details: Any) -> bool:
    return isinstance(details, ua.ReadRawModifiedDetails) and not details.IsReadModified  # pyright: ignore[reportUnknownMemberType] - asyncua's


def _continued(node: Any) -> datetime | None:
    """Give where an answer goes on: the time of the value that was the next."""
    if not node.ContinuationPoint:
        return None
    ticks = int.from_bytes(node.ContinuationPoint, "little", signed=True)
    return datetime.fromtimestamp(ticks // _TICKS - _SECONDS_SINCE_1601, UTC)


def _refuse(status: int) -> ua.HistoryReadResult:
    return ua.HistoryReadResult(StatusCode=ua.StatusCode(ua.UInt32(status)))


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
