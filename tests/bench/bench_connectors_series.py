"""Connectors that read samples by windows against the bare client: the same bytes, decoded to times and numbers."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.files import Files, FilesConfig
from connectors.influxdb import InfluxDb, InfluxDbConfig
from connectors.pi_web_api import PiWebApi, PiWebApiConfig
from connectors.victoriametrics import VictoriaMetrics, VictoriaMetricsConfig
from hub.model import SAMPLE_SCHEMA
from hub.sdk import SampleSource
from hub.sdk.testing.loopback import Answered, Asked, serve
from tests.bench.reading import SAMPLES, T0, race, read_samples, split_days, weigh
from tests.bench.replay import listen, tell
from tests.bench.ruler import Row

TAGS, A_DAY = 10, 5_000
"""Signals, and the samples of each on a day."""
DAYS = 2
STEP = timedelta(days=1) / A_DAY
Answer = Callable[[Asked], Answered]


@dataclass(frozen=True, kw_only=True)
class Served:
    """A kind of connector, a server of so many days, and what a bare client makes of an answer."""

    name: str
    make: Callable[[str], SampleSource[Any]]
    serve: Callable[[int], Answer]
    decode: Callable[[bytes], object]

    def measure(self) -> Iterator[Row]:
        """Give its rate and its memory."""

        def read(url: str, days: int = DAYS) -> int:
            return read_samples(self.make(url), split_days(days))

        with listen(self.serve(DAYS), reader=read) as talk, serve(self.serve(10 * DAYS)) as tenfold:
            yield from race(
                self.name,
                SAMPLES,
                DAYS * TAGS * A_DAY,
                connector=partial(read, talk.url),
                bare=partial(talk.repeat, self.decode),
            )
            yield weigh(self.name, partial(read, talk.url), partial(read, tenfold, 10 * DAYS))


def _options(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.target).query).items()}


def _times(day: int) -> list[datetime]:
    return [T0 + timedelta(days=day) + n * STEP for n in range(A_DAY)]


def _values(tag: int) -> list[float]:
    return [round(36.5 + (n * (tag + 1) % 997) / 1000, 3) for n in range(A_DAY)]


# ------------------------------------------------------------------------------------------ pi_web_api
def _serve_pi(days: int) -> Answer:
    points = [{"WebId": f"P{tag}", "Name": f"T{tag}", "PointType": "Float32"} for tag in range(TAGS)]
    listed = {
        "/dataservers": [{"WebId": "D", "Name": "PI"}],
        "/dataservers/D/points": points,
    }
    bundles = [_bundle(day) for day in range(days)]

    def answer(asked: Asked) -> Answered:
        path = asked.target.partition("?")[0]
        if path != "/batch":
            return tell(orjson.dumps({"Items": listed[path]}))
        question = orjson.loads(asked.body)["0"]["Resource"]
        start = parse_qs(urlsplit(question).query)["startTime"][0]
        return tell(bundles[(datetime.fromisoformat(start) - T0).days])

    return answer


def _bundle(day: int) -> bytes:
    """Write a day of all tags as the answer to a bundle."""
    stamps = [at.isoformat().replace("+00:00", "Z") for at in _times(day)]
    flags = {"Good": True, "Questionable": False, "Substituted": False}
    told = {
        str(tag): {
            "Status": 200,
            "Content": {
                "Items": [
                    {"Timestamp": at, "Value": value, **flags}
                    for at, value in zip(stamps, _values(tag), strict=True)
                ]
            },
        }
        for tag in range(TAGS)
    }
    return json.dumps(told).encode()


def _decode_pi(body: bytes) -> object:
    told = json.loads(body)
    return [
        (datetime.fromisoformat(item["Timestamp"]), item["Value"])
        for one in told.values()
        if isinstance(one, dict)
        for item in one["Content"]["Items"]
    ]


def _pi(url: str) -> PiWebApi:
    return PiWebApi(PiWebApiConfig.model_validate({"base_url": url}))


def bench_pi_web_api(folder: Path) -> Iterator[Row]:
    """Archived values in bundles of ten points, against JSON with its times read."""
    yield from Served(name="pi_web_api", make=_pi, serve=_serve_pi, decode=_decode_pi).measure()


# -------------------------------------------------------------------------------------------- influxdb
_WITNESS = b"\nname,tags,name\ndatabases,,plant\n"


def _serve_influx(days: int) -> Answer:
    keys = [["temp", "float"]]
    series = [[f"bioreactor,unit=BR-{tag}"] for tag in range(TAGS)]
    shown = {
        "SHOW FIELD KEYS": {"name": "bioreactor", "columns": ["fieldKey", "fieldType"], "values": keys},
        "SHOW SERIES": {"columns": ["key"], "values": series},
    }
    quarters = {start: body for day in range(days) for start, body in _write_quarters(day)}

    def answer(asked: Asked) -> Answered:
        statement = _options(asked)["q"]
        if statement in shown:
            return tell(orjson.dumps({"results": [{"series": [shown[statement]]}]}))
        start = int(statement.partition("time >= ")[2].partition("u")[0])
        return Answered(status=200, headers={"content-type": "text/csv"}, body=quarters[start] + _WITNESS)

    return answer


def _write_quarters(day: int) -> Iterator[tuple[int, bytes]]:
    """Write a day in slices of six hours, as the connector asks for them: `(start in µs, CSV)`."""
    begin = T0 + timedelta(days=day)
    size = A_DAY // 4
    stamps = [int(at.timestamp() * 1_000_000) for at in _times(day)]
    for quarter in range(4):
        lines = ["name,tags,time,temp"]
        part = slice(quarter * size, (quarter + 1) * size)
        for tag in range(TAGS):
            lines += [
                f"bioreactor,unit=BR-{tag},{at},{value}"
                for at, value in zip(stamps[part], _values(tag)[part], strict=True)
            ]
        start = begin + quarter * timedelta(hours=6)
        yield int(start.timestamp() * 1_000_000), "\n".join([*lines, ""]).encode()


def _decode_csv(body: bytes) -> object:
    rows = csv.reader(io.StringIO(body.decode()))
    return [(int(row[2]), float(row[3])) for row in rows if len(row) == 4 and row[2].isdecimal()]


def _influx(url: str) -> InfluxDb:
    told = {"base_url": url, "database": "plant", "tag_name": "{unit}.{_field}"}
    return InfluxDb(InfluxDbConfig.model_validate(told))


def bench_influxdb(folder: Path) -> Iterator[Row]:
    """Points of ten series by InfluxQL, against the csv module making numbers."""
    yield from Served(name="influxdb", make=_influx, serve=_serve_influx, decode=_decode_csv).measure()


# ------------------------------------------------------------------------------------- victoriametrics
def _serve_victoria(days: int) -> Answer:
    labels = [{"__name__": "temperature", "unit": f"BR-{tag}"} for tag in range(TAGS)]
    listed = orjson.dumps({"status": "success", "data": labels})
    exports = [_export(labels, day) for day in range(days)]

    def answer(asked: Asked) -> Answered:
        if asked.target.startswith("/api/v1/series"):
            return tell(listed)
        start = datetime.fromtimestamp(float(_options(asked)["start"]), UTC)
        return tell(exports[(start - T0).days])

    return answer


def _export(labels: list[dict[str, str]], day: int) -> bytes:
    stamps = [int(at.timestamp() * 1000) for at in _times(day)]
    lines = [
        json.dumps({"metric": told, "values": _values(tag), "timestamps": stamps})
        for tag, told in enumerate(labels)
    ]
    return "\n".join([*lines, ""]).encode()


def _decode_lines(body: bytes) -> object:
    return [json.loads(line) for line in body.splitlines()]


def _victoria(url: str) -> VictoriaMetrics:
    return VictoriaMetrics(VictoriaMetricsConfig.model_validate({"base_url": url, "since": T0}))


def bench_victoriametrics(folder: Path) -> Iterator[Row]:
    """Exports of ten series, against the json module."""
    yield from Served(
        name="victoriametrics", make=_victoria, serve=_serve_victoria, decode=_decode_lines
    ).measure()


# ----------------------------------------------------------------------------------------------- files
def _write_csv(path: Path, days: int) -> None:
    columns = [_values(tag) for tag in range(TAGS)]
    with path.open("w") as file:
        file.write(",".join(["time", *(f"c{tag}" for tag in range(TAGS))]) + "\n")
        for day in range(days):
            for at, *values in zip(_times(day), *columns, strict=True):
                file.write(",".join([at.isoformat(), *map(str, values)]) + "\n")


def _write_parquet(path: Path, days: int) -> None:
    made: dict[str, Any] = {"time": pa.array([at for day in range(days) for at in _times(day)])}
    made |= {f"c{tag}": pa.array(_values(tag) * days) for tag in range(TAGS)}
    pq.write_table(pa.table(made), path, row_group_size=A_DAY)


def _read_csv(path: Path) -> list[tuple[Any, ...]]:
    names = [f"c{tag}" for tag in range(TAGS)]
    with path.open(newline="") as file:
        return [
            (datetime.fromisoformat(row["time"]), *(float(row[name]) for name in names))
            for row in csv.DictReader(file)
        ]


def _read_parquet(path: Path) -> Any:
    return pq.read_table(path)


def _read_as_samples(path: Path, days: int) -> int:
    """Give what the contract asks for as one writes it with pyarrow: by window and tag, in its schema."""
    arrow: Any = pa
    count = 0
    for window in split_days(days):
        span: Any = [("time", ">=", window.start), ("time", "<", window.end)]
        wide: Any = pq.read_table(path, filters=span)
        rows = len(wide)
        stamps = wide.column("time").cast(SAMPLE_SCHEMA.field("ts").type)
        for name in wide.column_names[1:]:
            columns = [
                arrow.repeat(name, rows),
                stamps,
                wide.column(name),
                arrow.nulls(rows, arrow.string()),
                arrow.repeat(arrow.scalar(0, arrow.uint32()), rows),
            ]
            count += arrow.table(columns, schema=SAMPLE_SCHEMA).num_rows
    return count


def _files(path: Path) -> Files:
    table = {"files": path.name, "time": "time", "tag": "{column}", "block_bytes": 1 << 18}
    return Files(FilesConfig.model_validate({"root": str(path.parent), "samples": {"w": table}}))


def bench_files_samples(folder: Path) -> Iterator[Row]:
    """Wide tables: CSV against the csv module making numbers, Parquet against pyarrow.

    `read_table` gives ten columns and no samples, so pyarrow also stands there giving what the connector gives.
    """
    kinds = (("csv", _write_csv, _read_csv), ("parquet", _write_parquet, _read_parquet))
    for suffix, write, bare in kinds:
        few, many = folder / f"few.{suffix}", folder / f"many.{suffix}"
        write(few, DAYS)
        write(many, 10 * DAYS)

        def read(path: Path, days: int) -> int:
            return read_samples(_files(path), split_days(days))

        name = "files wide CSV" if suffix == "csv" else "files wide Parquet"
        yield from race(
            name, SAMPLES, DAYS * TAGS * A_DAY, connector=partial(read, few, DAYS), bare=partial(bare, few)
        )
        if suffix == "parquet":
            yield from race(
                f"{name}, against pyarrow giving the same",
                SAMPLES,
                DAYS * TAGS * A_DAY,
                connector=partial(read, few, DAYS),
                bare=partial(_read_as_samples, few, DAYS),
            )
        yield weigh(name, partial(read, few, DAYS), partial(read, many, 10 * DAYS))
