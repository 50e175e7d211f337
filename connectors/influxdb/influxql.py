"""InfluxQL: which series there are, and a window of some of them, from CSV straight into columns."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pacsv

from connectors.influxdb.client import InfluxClient
from connectors.influxdb.series import Signal, make_signals, quote_name, quote_text, read_key
from connectors.influxdb.settings import InfluxDbConfig
from hub.sdk.columns import make_batch

_NAMED_SERIES = 40
"""Up to so many series are asked for by name; more come as the whole measurement, and others are left out."""
_COMPUTE: Any = pyarrow.compute
_NUMBERS = frozenset({"float", "integer", "unsigned"})


def find_signals(client: InfluxClient, config: InfluxDbConfig) -> dict[str, Signal]:
    """Give all fields of all series, by name. A series may lack a field that others have: it stays empty."""
    wanted = set(config.measurements)
    kinds: dict[str, dict[str, str]] = {}
    for row in client.show("SHOW FIELD KEYS"):
        if not wanted or row["_name"] in wanted:
            kinds.setdefault(row["_name"], {})[row["fieldKey"]] = row["fieldType"]
    series = [read_key(row["key"]) for row in client.show("SHOW SERIES")]
    return make_signals(
        (
            (measurement, tags, name, kind)
            for measurement, tags in series
            for name, kind in kinds.get(measurement, {}).items()
        ),
        config,
    )


def read_slice(
    client: InfluxClient, config: InfluxDbConfig, *, signals: Sequence[Signal], start: int, end: int
) -> Iterator[pa.RecordBatch]:
    """Give samples of signals of one measurement with start <= time < end (microseconds)."""
    fields = list(dict.fromkeys(signal.field for signal in signals))
    statement = _write(config, signals, fields=fields, start=start, end=end)
    table = _parse(client.select(statement), signals, fields)
    if table is None:
        return
    for key in {signal.key for signal in signals}:
        rows: Any = table.filter(_COMPUTE.equal(table.column("tags"), key))
        for signal in signals:
            if signal.key == key and rows.num_rows:
                yield from _take(rows, signal)


def _write(
    config: InfluxDbConfig, signals: Sequence[Signal], *, fields: Sequence[str], start: int, end: int
) -> str:
    policy = f"{quote_name(config.retention_policy)}." if config.retention_policy else ""
    series = {signal.key: signal.tags for signal in signals}
    names = sorted({name for tags in series.values() for name in tags})
    chosen = [
        "(" + " AND ".join(f"{quote_name(n)}={quote_text(tags.get(n, ''))}" for n in names) + ")"
        for tags in series.values()
    ]
    among = f" AND ({' OR '.join(chosen)})" if names and len(series) <= _NAMED_SERIES else ""
    return (
        f"SELECT {', '.join(map(quote_name, fields))} FROM {policy}{quote_name(signals[0].measurement)}"  # noqa: S608 - names and texts are quoted
        f" WHERE time >= {start}u AND time < {end}u{among} GROUP BY *"
    )


def _parse(body: bytes, signals: Sequence[Signal], fields: Sequence[str]) -> Any:
    if not body.strip():
        return None
    kinds = {signal.field: signal.kind for signal in signals}
    names = ["name", "tags", "time", *(f"_{n}" for n in range(len(fields)))]
    types: dict[str, Any] = {"name": pa.string(), "tags": pa.string(), "time": pa.int64()}
    for n, name in enumerate(fields):
        types[f"_{n}"] = pa.float64() if kinds[name] in _NUMBERS else pa.string()
    read: Any = pacsv.read_csv
    table = read(
        cast("Any", pa.BufferReader(body)),
        read_options=pacsv.ReadOptions(
            column_names=names, skip_rows=1, use_threads=False, block_size=len(body) + 1
        ),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    position = table.schema.get_field_index("tags")
    filled: Any = _COMPUTE.fill_null(table.column("tags"), "")
    return table.set_column(position, "tags", filled).rename_columns(
        ["name", "tags", "time", *fields_of(fields)]
    )


def fields_of(fields: Sequence[str]) -> list[str]:
    """Give column names of fields that no other column has."""
    return [f"field {name}" for name in fields]


def _take(rows: Any, signal: Signal) -> Iterator[pa.RecordBatch]:
    values: Any = rows.column(f"field {signal.field}")
    stated: Any = rows.filter(values.is_valid())
    if not stated.num_rows:
        return
    ts: Any = stated.column("time").combine_chunks()
    column: Any = stated.column(f"field {signal.field}").combine_chunks()
    if signal.kind in _NUMBERS:
        yield make_batch(signal.name, ts, value=column)
    elif signal.kind == "boolean":
        yield make_batch(signal.name, ts, value=_COMPUTE.equal(column, "true").cast(pa.float64()))
    else:
        yield make_batch(signal.name, ts, text=column)
