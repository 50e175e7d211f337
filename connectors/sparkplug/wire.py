"""The Sparkplug B payload (Eclipse Sparkplug 3.0, 6.4; Protocol Buffers): metrics in, a rebirth out."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
"""Bits of Int8 to Int64 by data type; they travel as unsigned numbers."""
_FLOAT, _DOUBLE, _BOOLEAN, _STRING, _DATETIME, _TEXT, _UUID = 9, 10, 11, 12, 13, 14, 15
INTEGERS = frozenset(range(1, 9))
FLOATS = frozenset({_FLOAT, _DOUBLE})
BOOLEAN = _BOOLEAN
TEXTS = frozenset({_STRING, _DATETIME, _TEXT, _UUID})
_FLOAT_BYTES, _DOUBLE_BYTES = struct.Struct("<f"), struct.Struct("<d")
MOST_BYTES = 16 * 1024 * 1024


class BrokenPayloadError(ValueError):
    """The payload is no Sparkplug B payload; look at what the edge node sends."""


@dataclass(slots=True)
class Metric:
    """One metric. `datatype` 0 and `name` "" are not stated: they were in the birth."""

    name: str = ""
    alias: int | None = None
    timestamp: int | None = None
    datatype: int = 0
    is_historical: bool = False
    is_null: bool = False
    value: Any = None
    properties: dict[str, Any] | None = None


@dataclass(slots=True)
class Payload:
    """One message: its time (ms since 1970), its number, its metrics."""

    timestamp: int | None
    seq: int | None
    metrics: list[Metric]


def read_payload(data: bytes) -> Payload:
    """Decode a payload. Raises `BrokenPayloadError`."""
    if len(data) > MOST_BYTES:
        msg = f"the payload has {len(data)} bytes, more than {MOST_BYTES}"
        raise BrokenPayloadError(msg)
    payload = Payload(None, None, [])
    try:
        for field, value in _fields(data):
            if field == 1:
                payload.timestamp = value
            elif field == 2:
                payload.metrics.append(_metric(value))
            elif field == 3:
                payload.seq = value
    except (IndexError, struct.error, TypeError, UnicodeDecodeError, AttributeError) as error:
        msg = f"the payload breaks off or is none: {error}"
        raise BrokenPayloadError(msg) from error
    return payload


def settle_value(metric: Metric, datatype: int) -> Any:
    """Give the value by its data type: signed numbers, texts of times; None where there is none."""
    value = metric.value
    if metric.is_null or value is None:
        return None
    bits = _SIGNED.get(datatype)
    if bits is not None and isinstance(value, int):
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value
    if datatype == _DATETIME and isinstance(value, int):
        try:
            return datetime.fromtimestamp(value / 1000, UTC).isoformat().replace("+00:00", "Z")
        except (OverflowError, ValueError):
            return str(value)
    return value


def write_rebirth(now_ms: int) -> bytes:
    """Encode the command by which a host application asks an edge node for its birth (6.4.12)."""
    name = b"Node Control/Rebirth"
    metric = b"\x0a" + bytes([len(name)]) + name + b"\x18" + _write_varint(now_ms) + b"\x20\x0b\x70\x01"
    return b"\x08" + _write_varint(now_ms) + b"\x12" + _write_varint(len(metric)) + metric


def _metric(data: bytes) -> Metric:
    """Decode a metric; the fields that data messages have come first."""
    metric = Metric()
    for field, value in _fields(data):
        if field == 3:
            metric.timestamp = value
        elif field == 2:
            metric.alias = value
        elif field == 13:
            (metric.value,) = _DOUBLE_BYTES.unpack(value)
        elif field == 1:
            metric.name = value.decode()
        elif field == 4:
            metric.datatype = value
        elif field in {10, 11}:
            metric.value = value
        elif field == 12:
            (metric.value,) = _FLOAT_BYTES.unpack(value)
        elif field == 14:
            metric.value = bool(value)
        elif field == 15:
            metric.value = value.decode()
        elif field == 5:
            metric.is_historical = bool(value)
        elif field == 7:
            metric.is_null = bool(value)
        elif field == 9:
            metric.properties = _properties(value)
        # bytes, data sets, templates: no sample
    return metric


def _properties(data: bytes) -> dict[str, Any]:
    """Give the plain values of a property set by name; sets inside it are left out."""
    keys: list[str] = []
    values: list[Any] = []
    for field, value in _fields(data):
        if field == 1:
            keys.append(value.decode())
        elif field == 2:
            values.append(_property(value))
    return dict(zip(keys, values, strict=False))


def _property(data: bytes) -> Any:
    found: Any = None
    for field, value in _fields(data):
        match field:
            case 3 | 4:
                found = value
            case 5:
                found = struct.unpack("<f", value)[0]
            case 6:
                found = struct.unpack("<d", value)[0]
            case 7:
                found = bool(value)
            case 8:
                found = value.decode()
            case _:
                pass
    return found


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Give number and raw value of each field: numbers of varints, bytes of everything else."""
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        at += 1
        if key > 0x7F:  # keys, lengths and most numbers are one byte, for which a call costs too much
            key, at = _varint(data, at - 1)
        kind = key & 7
        if kind == _VARINT:
            value = data[at]
            at += 1
            if value > 0x7F:
                value, at = _varint(data, at - 1)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size = data[at]
            at += 1
            if size > 0x7F:
                size, at = _varint(data, at - 1)
        elif kind == _FIXED64:
            size = 8
        elif kind == _FIXED32:
            size = 4
        else:
            msg = f"field {key >> 3} has the unknown kind {kind}"
            raise BrokenPayloadError(msg)
        if at + size > end:
            msg = f"field {key >> 3} breaks off"
            raise BrokenPayloadError(msg)
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    if byte < 0x80:
        return byte, at
    value, shift = byte & 0x7F, 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
        if shift > 63:
            msg = "a number has more than ten bytes"
            raise BrokenPayloadError(msg)


def _write_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
