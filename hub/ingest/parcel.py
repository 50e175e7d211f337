"""Samples on their way from an agent: an Arrow IPC stream, in whose schema stands which window it brings.

What comes in is not trusted. Each message's own header says how many rows it has and how large it becomes
unpacked; both are looked at before anything is unpacked, and columns are checked before they are read.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
from pydantic import ValidationError

from hub.ingest.wire import SentWindow
from hub.model import SAMPLE_SCHEMA

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
METADATA_KEY = b"plantwide.window"
"""Under which the schema's metadata hold a `SentWindow` as JSON."""
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_READING = (pa.ArrowException, OSError, ValueError, MemoryError)
"""What pyarrow raises over bytes that are no stream."""
_NEVER_NULL = "tag, ts and quality are never null"
_ROOT, _HEADER, _LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 0, 2, 3
"""Places of fields in Arrow's `Message.fbs`: of a message, then of a record batch."""


@dataclass(frozen=True)
class ParcelLimits:
    """How much a parcel may hold: rows, and bytes once it is unpacked."""

    rows: int = 1_000_000
    unpacked_bytes: int = 64 * 1024 * 1024


class BadParcel(ValueError):
    """What came is no parcel of samples; the message says what it should be and never repeats what it was."""

    def __init__(self, fault: Literal["unreadable", "too large", "not valid"], what: str) -> None:
        super().__init__(what)
        self.fault = fault


def pack_parcel(sent: SentWindow, table: pa.Table) -> bytes:
    """Give samples (`SAMPLE_SCHEMA`) with their window, as they travel."""
    plain: Any = SAMPLE_SCHEMA
    schema = plain.with_metadata({METADATA_KEY: sent.model_dump_json().encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=_OPTIONS) as writer:
        writer.write_table(table.combine_chunks().replace_schema_metadata(schema.metadata))
    return sink.getvalue().to_pybytes()


def open_parcel(body: bytes, limits: ParcelLimits) -> tuple[SentWindow, pa.Table]:
    """Give the window and its samples (`SAMPLE_SCHEMA`). Raises `BadParcel`."""
    try:
        return _open(body, limits)
    except BadParcel:
        raise
    except _READING as error:
        raise BadParcel("unreadable", f"The body is no sound Arrow IPC stream ({MEDIA_TYPE}).") from error


def _open(body: bytes, limits: ParcelLimits) -> tuple[SentWindow, pa.Table]:
    messages = pa.ipc.MessageReader.open_stream(pa.BufferReader(body))
    first = next(iter(messages), None)
    if first is None or first.type != "schema":
        raise BadParcel("unreadable", f"The body is no Arrow IPC stream ({MEDIA_TYPE}): it has no schema.")
    schema = pa.ipc.read_schema(first)
    if not schema.equals(SAMPLE_SCHEMA):
        columns = ", ".join(f"{one.name} {one.type}" for one in _fields(SAMPLE_SCHEMA))
        raise BadParcel("not valid", f"The columns of samples are {columns}; {_NEVER_NULL}.")
    sent = _read_window(schema.metadata or {})
    table = pa.Table.from_batches(list(_read_batches(messages, schema, limits)), schema=schema)
    table = table.replace_schema_metadata(None)
    _check_tags(table, sent)
    return sent, table


def _fields(schema: Any) -> Iterator[Any]:
    yield from schema


def _read_window(metadata: dict[bytes, bytes]) -> SentWindow:
    told = metadata.get(METADATA_KEY)
    if told is None:
        raise BadParcel("not valid", f"The schema's metadata lack {METADATA_KEY.decode()!r}, the window.")
    try:
        return SentWindow.model_validate_json(told)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in found[:5])
        raise BadParcel(
            "not valid", f"{METADATA_KEY.decode()!r} in the schema's metadata is no window: {faults}."
        ) from error


def _read_batches(messages: Any, schema: pa.Schema, limits: ParcelLimits) -> Iterator[pa.RecordBatch]:
    rows = size = 0
    for message in messages:
        if message.type != "record batch":
            raise BadParcel("not valid", "After the schema come record batches only, no dictionaries.")
        length, unpacked = _weigh(message.metadata.to_pybytes(), memoryview(message.body or b""))
        rows, size = rows + length, size + unpacked
        if rows > limits.rows or size > limits.unpacked_bytes:
            raise BadParcel(
                "too large",
                f"A body may have {limits.rows} samples and {limits.unpacked_bytes} bytes unpacked; "
                "send the window in parts.",
            )
        batch = pa.ipc.read_record_batch(message, schema)
        batch.validate(full=True)
        for name in ("tag", "ts", "quality"):
            if batch.column(name).null_count:
                raise BadParcel("not valid", f"A sample lacks its {name}; {_NEVER_NULL}.")
        yield batch


def _check_tags(table: pa.Table, sent: SentWindow) -> None:
    named = set(sent.tags)
    if any(tag not in named for tag in table["tag"].unique().to_pylist()):
        raise BadParcel("not valid", "There are samples of a tag that is not among the window's `tags`.")


def _weigh(metadata: bytes, body: memoryview) -> tuple[int, int]:
    """Give the rows of a record batch and its bytes once unpacked, out of its header alone."""
    try:
        (root,) = struct.unpack_from("<I", metadata, _ROOT)
        batch = _follow(metadata, _field(metadata, root, _HEADER))
        (rows,) = struct.unpack_from("<q", metadata, _field(metadata, batch, _LENGTH))
        buffers = _follow(metadata, _field(metadata, batch, _BUFFERS))
        (count,) = struct.unpack_from("<I", metadata, buffers)
        places = [struct.unpack_from("<qq", metadata, buffers + 4 + 16 * n) for n in range(count)]
        is_packed = _has(metadata, batch, _COMPRESSION)
        sizes = [_unpacked(body, at, size, is_packed=is_packed) for at, size in places]
    except (struct.error, KeyError) as error:
        raise BadParcel("unreadable", "A record batch has no sound header.") from error
    if rows < 0 or any(size < 0 for size in sizes):
        raise BadParcel("unreadable", "A record batch says that it has less than nothing.")
    return rows, sum(sizes)


def _unpacked(body: memoryview, at: int, size: int, *, is_packed: bool) -> int:
    """Give the bytes of a buffer: of a packed one they stand before it, as -1 where it travels as it is."""
    if not is_packed or size == 0:
        return size
    (said,) = struct.unpack_from("<q", body, at)
    return size if said == -1 else said


def _field(metadata: bytes, table: int, slot: int) -> int:
    """Give where a field of a flatbuffer's table stands. Raises `KeyError` when it is left out."""
    (back,) = struct.unpack_from("<i", metadata, table)
    vtable = table - back
    (size,) = struct.unpack_from("<H", metadata, vtable)
    place = 4 + 2 * slot
    (at,) = struct.unpack_from("<H", metadata, vtable + place) if place + 2 <= size else (0,)
    if at == 0:
        raise KeyError(slot)
    return table + at


def _has(metadata: bytes, table: int, slot: int) -> bool:
    try:
        _field(metadata, table, slot)
    except KeyError:
        return False
    return True


def _follow(metadata: bytes, at: int) -> int:
    (onward,) = struct.unpack_from("<I", metadata, at)
    return at + onward
