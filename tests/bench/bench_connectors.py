"""Connectors against the bare client that fetches and decodes the same data: what documents and columns cost."""

import csv
import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from connectors.files import Files, FilesConfig
from connectors.rest import Rest, RestConfig
from connectors.sql import Sql, SqlConfig
from hub.sdk import Window
from hub.sdk.testing.loopback import Answered, Asked, serve
from tests.bench.ruler import Row, judge, seconds_side_by_side

ROWS, PAGE = 5_000, 500
T0 = datetime(2026, 3, 1, tzinfo=UTC)


def _item(n: int) -> dict[str, Any]:
    at = (T0 + timedelta(seconds=n)).isoformat()
    return {"id": f"S-{n:06d}", "batch": f"B{n // 50}", "taken": at, "changed": at, "value": n / 7}


def _serve_pages(rows: int) -> Callable[[Asked], Answered]:
    pages = [json.dumps([_item(n) for n in range(at, at + PAGE)]).encode() for at in range(0, rows, PAGE)]

    def answer(asked: Asked) -> Answered:
        number = int(parse_qs(urlsplit(asked.target).query).get("page", ["1"])[0])
        return Answered(status=200, body=pages[number - 1] if number <= len(pages) else b"[]")

    return answer


def _rest(url: str) -> Rest:
    stream = {
        "path": "/samples",
        "key": "id",
        "changed_at": "changed",
        "paging": {"kind": "page", "size": PAGE, "stable": True},
        "records": [{"record": "sample", "fields": {"key": "id", "code": "id", "batch": "batch"}}],
    }
    return Rest(RestConfig.model_validate({"base_url": url, "streams": {"samples": stream}}))


def _read(connector: Any) -> int:
    with connector:
        count = sum(len(page.documents) for page in connector.read("samples", None))
    assert count >= ROWS, count
    return count


def bench_rest_records(folder: Path) -> Iterator[Row]:
    """Pages of a JSON API into documents, against fetching and decoding them."""

    def bare(url: str) -> None:
        with httpx.Client(base_url=url) as client:
            found = [json.loads(client.get("/samples", params={"page": n}).content) for n in range(1, 12)]
        assert sum(map(len, found)) == ROWS

    with serve(_serve_pages(ROWS)) as url:
        one, other = seconds_side_by_side(lambda: _read(_rest(url)), lambda: bare(url))
    yield judge("rest: documents of a JSON API", ROWS / one, "/s", against=ROWS / other, at_least=0.5)
    peaks = []
    for rows in (ROWS, 10 * ROWS):
        with serve(_serve_pages(rows)) as url:
            tracemalloc.start()
            _read(_rest(url))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    yield judge("rest: peak memory of ten times as much", peaks[1], "B", against=peaks[0], at_most=3)


def bench_sql(folder: Path) -> Iterator[Row]:
    """Rows of a table into documents and columns, against SQLAlchemy fetching the same."""
    url = f"sqlite:///{folder / 'bench.db'}"
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE s (id TEXT, batch TEXT, taken TEXT, changed TEXT, value REAL)"))
        rows = [_item(n) for n in range(ROWS)]
        connection.execute(text("INSERT INTO s VALUES (:id, :batch, :taken, :changed, :value)"), rows)
        connection.execute(text("CREATE INDEX i ON s (changed, id)"))
    query = "SELECT id AS key, id AS code, batch, taken AS taken_at, changed FROM s"
    stream = {"query": query, "key": ["key"], "clock": "changed", "page_rows": PAGE, "record": "sample"}
    config = SqlConfig.model_validate({"url": url, "streams": {"samples": stream}})

    def bare() -> None:
        with engine.connect() as connection:
            found = [json.dumps(dict(row)) for row in connection.execute(text(query)).mappings()]
        assert len(found) == ROWS

    one, other = seconds_side_by_side(lambda: _read(Sql(config)), bare)
    yield judge("sql: documents of a table", ROWS / one, "/s", against=ROWS / other, at_least=0.5)


def bench_files_samples(folder: Path) -> Iterator[Row]:
    """A wide CSV into columns, against Python's own reader making numbers."""
    lines = ["time,a,b,c"]
    lines += [f"{(T0 + timedelta(seconds=n)).isoformat()},{n / 7:.3f},{n},{n % 5}" for n in range(50_000)]
    (folder / "wide.csv").write_text("\n".join(lines) + "\n")
    columns = [{"column": name} for name in "abc"]
    table = {"files": "wide.csv", "time": "time", "tag": "{column}", "columns": columns}
    config = FilesConfig.model_validate({"root": str(folder), "samples": {"w": table}})
    window = Window(T0, T0 + timedelta(days=2))

    def read() -> None:
        with Files(config) as files:
            names = [tag.id.value for tag in files.tags()]
            assert sum(batch.num_rows for batch in files.samples(names, window)) == 150_000

    def bare() -> None:
        with (folder / "wide.csv").open(newline="") as file:
            found = [
                (datetime.fromisoformat(r["time"]), *(float(r[c]) for c in "abc"))
                for r in csv.DictReader(file)
            ]
        assert len(found) == 50_000

    one, other = seconds_side_by_side(read, bare, runs=3)
    yield judge("files: samples of a wide CSV", 150_000 / one, "/s", against=150_000 / other, at_least=0.5)
