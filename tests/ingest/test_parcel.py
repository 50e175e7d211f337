"""Samples as agents send them: what is sound is read as it was written, anything else is refused and says why."""

import struct
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.ingest.parcel import METADATA_KEY, BadParcel, ParcelLimits, open_parcel, pack_parcel
from hub.ingest.wire import SentWindow
from hub.model import SAMPLE_SCHEMA

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = SentWindow(
    stream="samples", epoch=1, seq=1, mapping_version="x/1", tags=["a", "b"], start=START, end=END
)
LIMITS = ParcelLimits(rows=1_000, unpacked_bytes=100_000)
ROWS: list[dict[str, Any]] = [
    {"tag": tag, "ts": START, "value": value, "text": text, "quality": quality}
    for tag, value, text, quality in (
        ("a", 1.5, None, 0),
        ("b", None, "open", 0x40000000),
        ("a", None, None, 2**31),
    )
]


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)


def write(
    table: pa.Table,
    metadata: dict[bytes, bytes] | None = None,
    *,
    compression: Any = None,
    rows: int | None = None,
) -> bytes:
    """Give a stream as anybody may write one."""
    told = {METADATA_KEY: WINDOW.model_dump_json().encode()} if metadata is None else metadata
    table = table.replace_schema_metadata(told)
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue().to_pybytes()


def refusal(body: bytes, limits: ParcelLimits = LIMITS) -> tuple[str, str]:
    with pytest.raises(BadParcel) as caught:
        open_parcel(body, limits)
    return caught.value.fault, str(caught.value)


@pytest.mark.parametrize("count", [0, 3])
def test_what_was_packed_is_read_as_it_was(count: int) -> None:
    table = table_of(ROWS[:count])
    sent, found = open_parcel(pack_parcel(WINDOW, table), LIMITS)
    assert sent == WINDOW
    assert found.equals(table, check_metadata=True)


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_whatever_arrow_compresses_with_is_read(compression: Any) -> None:
    _, found = open_parcel(write(table_of(ROWS * 20), compression=compression, rows=7), LIMITS)
    assert found.equals(table_of(ROWS * 20))


SOUND = pack_parcel(WINDOW, table_of(ROWS))


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"\x00" * 64, b"\xff" * 64, SOUND[:100], SOUND[:-60], b"ARROW1\x00\x00" + SOUND]
)
def test_what_is_no_stream_is_unreadable(body: bytes) -> None:
    fault, told = refusal(body)
    assert (fault, "Arrow IPC stream" in told) == ("unreadable", True)


def retyped(name: str, kind: Any, *, nullable: bool = False) -> pa.Table:
    table = table_of(ROWS[:1])
    place = table.column_names.index(name)
    return table.set_column(place, pa.field(name, kind, nullable=nullable), table[name].cast(kind))


@pytest.mark.parametrize(
    "table",
    [
        table_of(ROWS).drop_columns(["quality"]),
        table_of(ROWS).append_column("more", pa.array([1, 2, 3])),
        retyped("ts", pa.timestamp("ns", tz="UTC")),
        retyped("tag", pa.large_string()),
        retyped("tag", pa.dictionary(pa.int32(), pa.string())),
        retyped("quality", pa.uint32(), nullable=True),
    ],
    ids=[
        "a column less",
        "a column more",
        "nanoseconds",
        "long strings",
        "a dictionary",
        "no quality allowed",
    ],
)
def test_columns_that_are_not_those_of_samples_are_named(table: pa.Table) -> None:
    fault, told = refusal(write(table))
    assert (fault, "tag string, ts timestamp[us, tz=UTC]" in told) == ("not valid", True)


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({}, "'plantwide.window'"),
        ({METADATA_KEY: b"no json"}, "no window"),
        ({METADATA_KEY: b'{"stream": "samples"}'}, "epoch: missing"),
        ({METADATA_KEY: WINDOW.model_copy(update={"end": START}).model_dump_json().encode()}, "no window"),
    ],
)
def test_a_stream_without_its_window_is_refused(metadata: dict[bytes, bytes], says: str) -> None:
    fault, told = refusal(write(table_of(ROWS), metadata))
    assert (fault, says in told) == ("not valid", True)


def test_a_sample_without_its_time_is_refused_though_the_schema_promises_one() -> None:
    table = table_of(ROWS[:1])
    columns = [
        pa.array([None], field.type) if field.name == "ts" else table[field.name] for field in SAMPLE_SCHEMA
    ]
    told = refusal(write(pa.table(columns, schema=SAMPLE_SCHEMA)))
    assert told == ("not valid", "A sample lacks its ts; tag, ts and quality are never null.")


def test_samples_of_a_tag_that_was_not_asked_for_are_refused_without_its_name() -> None:
    fault, told = refusal(write(table_of([*ROWS, {**ROWS[0], "tag": "secret"}])))
    assert (fault, "secret" in told) == ("not valid", False)


@pytest.mark.parametrize("compression", [None, "zstd"])
@pytest.mark.parametrize("limits", [ParcelLimits(rows=29), ParcelLimits(unpacked_bytes=1_000)])
def test_more_than_a_hub_takes_at_once_is_too_large(compression: Any, limits: ParcelLimits) -> None:
    body = write(table_of(ROWS * 10), compression=compression, rows=4)
    fault, told = refusal(body, limits)
    assert (fault, "in parts" in told) == ("too large", True)


def test_what_unpacks_to_far_more_than_it_weighs_is_refused_before_it_is_unpacked() -> None:
    body = write(table_of([{**ROWS[1], "text": "x" * 5_000_000}]), compression="zstd")
    assert len(body) < 5_000
    before = pa.total_allocated_bytes()
    assert refusal(body)[0] == "too large"
    assert pa.total_allocated_bytes() - before < 100_000


def test_texts_that_lie_outside_their_column_are_unreadable() -> None:
    body = write(table_of([{**ROWS[0], "text": "x" * 12_345}]))
    at = body.rindex(struct.pack("<ii", 0, 12_345))  # after the header come the columns: where the text ends
    torn = body[:at] + struct.pack("<ii", 0, 4_000_000) + body[at + 8 :]
    assert refusal(torn)[0] == "unreadable"


@settings(max_examples=300, deadline=None)
@given(data=st.data(), compression=st.sampled_from([None, "lz4", "zstd"]))
def test_whatever_bytes_are_changed_it_is_read_or_refused(data: st.DataObject, compression: Any) -> None:
    body = bytearray(write(table_of(ROWS), compression=compression))
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        body[at] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)))] if data.draw(st.booleans()) else body
    try:
        _, table = open_parcel(bytes(body), LIMITS)
    except BadParcel:
        return
    table.validate(full=True)
    assert table.schema.equals(SAMPLE_SCHEMA)
