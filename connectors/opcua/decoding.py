"""Values as bytes into columns: runs of values of one layout are read by numpy, odd ones one by one.

The binary encoding is OPC UA Part 6, 5.2: DataValue 5.2.2.17, Variant 5.2.2.16, DateTime 5.2.2.5.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Other: TypeAlias = Callable[[bytes, int], tuple[Any, int]]
"""Decodes the variant at a place that this module does not know; gives its value and the place after it."""

_VALUE, _STATUS, _SOURCE, _SERVER, _SOURCE_PS, _SERVER_PS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_FIXED: dict[int, tuple[str, int]] = {
    1: ("u1", 1),
    2: ("i1", 1),
    3: ("u1", 1),
    4: ("<i2", 2),
    5: ("<u2", 2),
    6: ("<i4", 4),
    7: ("<u4", 4),
    8: ("<i8", 8),
    9: ("<u8", 8),
    10: ("<f4", 4),
    11: ("<f8", 8),
    19: ("<u4", 4),
}
"""Numbers by built-in type: numpy type and size. 1 is Boolean, 11 Double, 19 StatusCode."""
_NULL, _STRING, _LOCALIZED = 0, 12, 21
TO_UNIX = 11_644_473_600_000_000
"""Microseconds from 1601 to 1970."""


@dataclass(slots=True)
class Columns:
    """Values: time (UTC microseconds), number (NaN: none), text (None: none), status code.

    `handle` says whose each value is; empty when all are of one node.
    """

    handle: list[npt.NDArray[np.uint32]] = field(default_factory=list[npt.NDArray[np.uint32]])
    ts: list[npt.NDArray[np.int64]] = field(default_factory=list[npt.NDArray[np.int64]])
    number: list[npt.NDArray[np.float64]] = field(default_factory=list[npt.NDArray[np.float64]])
    status: list[npt.NDArray[np.uint32]] = field(default_factory=list[npt.NDArray[np.uint32]])
    texts: dict[int, str] = field(default_factory=dict[int, str])
    rows: int = 0

    def add(
        self,
        ts: npt.NDArray[np.int64],
        number: npt.NDArray[np.float64],
        status: npt.NDArray[np.uint32],
    ) -> None:
        """Append rows."""
        self.ts.append(ts)
        self.number.append(number)
        self.status.append(status)
        self.rows += len(ts)

    def joined(
        self,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.uint32]]:
        """Give the columns in one piece each."""
        if not self.ts:
            return np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.uint32)
        return np.concatenate(self.ts), np.concatenate(self.number), np.concatenate(self.status)

    def handles(self) -> npt.NDArray[np.uint32]:
        """Give whose each value is, in one piece."""
        return np.concatenate(self.handle) if self.handle else np.empty(0, np.uint32)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the parts of a value of fixed size lie, counted from its first byte; -1 is absent."""

    head: bytes
    size: int
    value: int
    kind: str
    width: int
    status: int
    time: int


def decode_history(body: bytes, other: Other) -> Columns:
    """Read the DataValues of a HistoryData body. Raises ValueError when the bytes end too early."""
    return _decode(body, other, lead=0)


def decode_changes(body: bytes, other: Other) -> Columns:
    """Read the values of a DataChangeNotification body, with the client handle that each was asked under.

    Raises ValueError when the bytes end too early.
    """
    return _decode(body, other, lead=4)


def _decode(body: bytes, other: Other, *, lead: int) -> Columns:
    """Read an array of DataValues, each after `lead` bytes: none, or the four of its handle."""
    made = Columns()
    if len(body) < 4:
        return made
    (left,) = struct.unpack_from("<i", body, 0)
    place = 4
    whole = np.frombuffer(body, np.uint8)
    while left > 0:
        if place + lead >= len(body):
            msg = f"the body ends {left} value(s) early"
            raise ValueError(msg)
        layout = _layout(body, place + lead)
        if layout is None:
            if lead:
                made.handle.append(np.frombuffer(body, "<u4", 1, place).astype(np.uint32))
            place = _decode_one(body, place + lead, made=made, other=other)
            left -= 1
            continue
        size = lead + layout.size
        count = _run(whole, place, layout=layout, lead=lead, left=left)
        if not count:
            msg = f"the body ends {left} value(s) early"
            raise ValueError(msg)
        rows = whole[place : place + count * size].reshape(count, size)
        if lead:
            made.handle.append(_part(rows, 0, width=4, kind="<u4").astype(np.uint32))
        _decode_run(rows[:, lead:], layout, made)
        place += count * size
        left -= count
    return made


def _layout(body: bytes, place: int) -> _Layout | None:
    """Give the layout of the value at a place when its size is fixed."""
    mask = body[place]
    at, value, kind, width = place + 1, -1, "", 0
    head = body[place : place + 1]
    if mask & _VALUE:
        if at >= len(body):
            return None
        known = _FIXED.get(body[at])
        if known is None and body[at] != _NULL:
            return None
        head = body[place : place + 2]
        at += 1
        if known is not None:
            kind, width = known
            value = at - place
            at += width
    status, source, server = -1, -1, -1
    for bit, size in ((_STATUS, 4), (_SOURCE, 8), (_SOURCE_PS, 2), (_SERVER, 8), (_SERVER_PS, 2)):
        if mask & bit:
            status = at - place if bit == _STATUS else status
            source = at - place if bit == _SOURCE else source
            server = at - place if bit == _SERVER else server
            at += size
    time = source if source >= 0 else server
    return _Layout(head, at - place, value, kind=kind, width=width, status=status, time=time)


def _run(whole: Bytes, place: int, *, layout: _Layout, lead: int, left: int) -> int:
    """Count the values of this layout from here on; the look ahead doubles while they are alike."""
    size = lead + layout.size
    head = np.frombuffer(layout.head, np.uint8)
    most = min(left, (len(whole) - place) // size)
    done, step = 0, 64
    while done < most:
        count = min(step, most - done)
        start = place + done * size
        rows = whole[start : start + count * size].reshape(count, size)
        alike = np.all(rows[:, lead : lead + len(head)] == head, axis=1)
        if not alike.all():
            return done + int(np.argmin(alike))
        done += count
        step *= 2
    return done


def _decode_run(rows: Bytes, layout: _Layout, made: Columns) -> None:
    count = len(rows)
    number = np.full(count, np.nan)
    if layout.value >= 0:
        number = _part(rows, layout.value, width=layout.width, kind=layout.kind).astype(np.float64)
    status = np.zeros(count, np.uint32)
    if layout.status >= 0:
        status = _part(rows, layout.status, width=4, kind="<u4").astype(np.uint32)
    ts = np.zeros(count, np.int64)
    if layout.time >= 0:
        ts = _part(rows, layout.time, width=8, kind="<i8") // 10 - TO_UNIX
    made.add(ts, number, status)


def _part(rows: Bytes, start: int, *, width: int, kind: str) -> npt.NDArray[Any]:
    return np.ascontiguousarray(rows[:, start : start + width]).view(kind).ravel()


def _decode_one(body: bytes, place: int, *, made: Columns, other: Other) -> int:
    """Read one value of variable size; its text is kept under its row number."""
    mask, place = body[place], place + 1
    number, text = np.nan, None
    if mask & _VALUE:
        given, place = _variant(body, place, other)
        if isinstance(given, str):
            text = given
        elif isinstance(given, bool | int | float):
            number = float(given)
        elif given is not None:
            text = str(given)
    status, source, server = 0, 0, 0
    if mask & _STATUS:
        (status,) = struct.unpack_from("<I", body, place)
        place += 4
    if mask & _SOURCE:
        (source,) = struct.unpack_from("<q", body, place)
        place += 8
    if mask & _SOURCE_PS:
        place += 2
    if mask & _SERVER:
        (server,) = struct.unpack_from("<q", body, place)
        place += 8
    if mask & _SERVER_PS:
        place += 2
    if text is not None:
        made.texts[made.rows] = text
    ticks = source or server
    made.add(np.array([ticks // 10 - TO_UNIX], np.int64), np.array([number]), np.array([status], np.uint32))
    return place


def _variant(body: bytes, place: int, other: Other) -> tuple[Any, int]:
    kind = body[place]
    if kind == _STRING:
        return _string(body, place + 1)
    if kind == _LOCALIZED:
        mask, place = body[place + 1], place + 2
        text: str | None = None
        if mask & 1:
            _, place = _string(body, place)
        if mask & 2:
            text, place = _string(body, place)
        return text, place
    return other(body, place)


def _string(body: bytes, place: int) -> tuple[str | None, int]:
    (length,) = struct.unpack_from("<i", body, place)
    place += 4
    if length < 0:
        return None, place
    return body[place : place + length].decode("utf-8", errors="replace"), place + length
