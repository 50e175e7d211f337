"""Flux: which series a bucket has, and a window of some of them, from annotated CSV into columns."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from connectors.influxdb.client import InfluxClient
from connectors.influxdb.series import Signal, make_signals, write_tags
from connectors.influxdb.settings import InfluxDbConfig
from hub.model import format_instant, parse_instant
from hub.sdk import Misconfigured
from hub.sdk.columns import make_batch, read_times

_KINDS: Mapping[str, str] = {
    "double": "float",
    "long": "integer",
    "unsignedLong": "integer",
    "boolean": "boolean",
    "string": "string",
}
"""Data types of annotated CSV."""
_OWN = frozenset(
    {
        "",
        "result",
        "table",
        "_start",
        "_stop",
        "_time",
        "_value",
        "_field",
        "_measurement",
        "error",
        "reference",
    }
)
"""Columns that are no tags of a series."""


def find_signals(client: InfluxClient, config: InfluxDbConfig) -> dict[str, Signal]:
    """Give the fields of all series that have points since `since`, by name."""
    since, among = format_instant(parse_instant(config.since)), _among(config.measurements)
    script = f"from(bucket: {_text(config.database)}) |> range(start: {since}){among} |> last()"
    found: list[tuple[str, Mapping[str, str], str, str]] = []
    for kind, rows in _tables(client.flux(script)):
        for row in csv.DictReader(io.StringIO(rows.decode())):
            tags = {name: value for name, value in row.items() if name not in _OWN and value}
            found.append((row["_measurement"], tags, row["_field"], kind))
    return make_signals(found, config)


def read_slice(
    client: InfluxClient, config: InfluxDbConfig, *, signals: Sequence[Signal], start: str, end: str
) -> Iterator[pa.RecordBatch]:
    """Give samples of signals of one measurement with start <= time < end."""
    fields = " or ".join(f"r._field == {_text(name)}" for name in dict.fromkeys(s.field for s in signals))
    script = (
        f"from(bucket: {_text(config.database)}) |> range(start: {start}, stop: {end})"
        f"{_among([signals[0].measurement])} |> filter(fn: (r) => {fields})"
    )
    known = {(signal.field, signal.key): signal for signal in signals}
    for kind, rows in _tables(client.flux(script)):
        yield from _read(rows, kind, known)


def _read(rows: bytes, kind: str, known: Mapping[tuple[str, str], Signal]) -> Iterator[pa.RecordBatch]:
    """Give the samples of tables of one shape; each of its tables is one field of one series."""
    types: dict[str, Any] = {"_time": pa.string(), "table": pa.int64()}
    types["_value"] = pa.float64() if kind in {"float", "integer"} else pa.string()
    names = next(csv.reader(io.StringIO(rows[: rows.find(b"\n")].decode())))
    read: Any = pacsv.read_csv
    compute: Any = pc
    table: Any = read(
        cast("Any", pa.BufferReader(rows)),
        read_options=pacsv.ReadOptions(use_threads=False, block_size=len(rows) + 1),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types={**{n: pa.string() for n in names}, **types}, strings_can_be_null=False
        ),
    )
    for number in table.column("table").unique().to_pylist():
        one = table.filter(compute.equal(table.column("table"), number))
        tags = {name: one.column(name)[0].as_py() for name in names if name not in _OWN}
        signal = known.get((one.column("_field")[0].as_py(), write_tags(tags)))
        if signal is None:
            continue
        ts = read_times(one.column("_time").to_pylist())
        values = one.column("_value").combine_chunks()
        if kind == "string":
            yield make_batch(signal.name, ts, text=values)
        elif kind == "boolean":
            yield make_batch(signal.name, ts, value=compute.equal(values, "true").cast(pa.float64()))
        else:
            yield make_batch(signal.name, ts, value=values)


def _tables(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Give the parts of annotated CSV: the kind of their values, and header and rows.

    Raises `Misconfigured` for an error that the answer holds in place of a table.
    """
    for part in body.replace(b"\r\n", b"\n").split(b"\n\n#"):
        lines = part.strip(b"\n").split(b"\n")
        notes = [line for line in lines if line.lstrip(b"#").startswith((b"datatype", b"group", b"default"))]
        rest = lines[len(notes) :]
        if not rest or not rest[0].strip():
            continue
        names = next(csv.reader([rest[0].decode()]))
        if "error" in names and "_value" not in names:
            raise Misconfigured(f"InfluxDB refused the script: {b' '.join(rest[1:2]).decode()[:300]}")
        types = next(csv.reader([notes[0].lstrip(b"#").decode()])) if notes else []
        given = dict(zip(names, types, strict=False))
        yield _KINDS.get(given.get("_value", ""), "string"), b"\n".join(rest) + b"\n"


def _among(measurements: Sequence[str]) -> str:
    if not measurements:
        return ""
    some = " or ".join(f"r._measurement == {_text(name)}" for name in measurements)
    return f" |> filter(fn: (r) => {some})"


def _text(text: str) -> str:
    """Write a text in Flux."""
    return orjson.dumps(text).decode().replace("${", "\\${")
