"""The sql connector against SQLAlchemy that fetches the same rows: documents of SQLite, samples of PostgreSQL."""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from connectors.sql import Sql, SqlConfig
from tests.bench.reading import (
    DOCUMENTS,
    SAMPLES,
    T0,
    race,
    read_documents,
    read_samples,
    split_days,
    weigh,
)
from tests.bench.ruler import Row
from tests.databases import fresh_postgres

ROWS, PAGE = 5_000, 500
TAGS, A_DAY, DAYS = 10, 5_000, 2
NAMES = [f"c{tag}" for tag in range(TAGS)]


def _item(n: int) -> dict[str, Any]:
    at = (T0 + timedelta(seconds=n)).isoformat()
    return {"id": f"S-{n:06d}", "batch": f"B{n // 50}", "taken": at, "changed": at, "value": n / 7}


def _fill_table(url: str, rows: int) -> None:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text("CREATE TABLE s (id TEXT, batch TEXT, taken TEXT, changed TEXT, value REAL)"))
        items = [_item(n) for n in range(rows)]
        connection.execute(text("INSERT INTO s VALUES (:id, :batch, :taken, :changed, :value)"), items)
        connection.execute(text("CREATE INDEX i ON s (changed, id)"))


QUERY = "SELECT id AS key, id AS code, batch, taken AS taken_at, changed FROM s"


def _documents(url: str) -> Sql:
    stream = {"query": QUERY, "key": ["key"], "clock": "changed", "page_rows": PAGE, "record": "sample"}
    return Sql(SqlConfig.model_validate({"url": url, "streams": {"samples": stream}}))


def bench_sql_documents(folder: Path) -> Iterator[Row]:
    """Rows of a table into documents, against SQLAlchemy and the json module."""
    few, many = (f"sqlite:///{folder / f'{rows}.db'}" for rows in (ROWS, 10 * ROWS))
    _fill_table(few, ROWS)
    _fill_table(many, 10 * ROWS)
    engine = create_engine(few, poolclass=NullPool)

    def bare() -> None:
        with engine.connect() as connection:
            found = [json.dumps(dict(row)) for row in connection.execute(text(QUERY)).mappings()]
        assert len(found) == ROWS

    def read(url: str, *, parsed: bool = False) -> int:
        return read_documents(_documents(url), "samples", parsed=parsed)

    yield from race(
        "sql",
        DOCUMENTS,
        ROWS,
        connector=partial(read, few),
        bare=bare,
        stated=partial(read, few, parsed=True),
    )
    yield weigh("sql", partial(read, few), partial(read, many))


def _fill_history(url: str, days: int) -> None:
    columns = ", ".join(f"{name} double precision" for name in NAMES)
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text(f"CREATE TABLE h (at timestamptz, {columns})"))
        values = ", ".join(f"36.5 + n * {tag + 1} % 997 / 1000.0" for tag in range(TAGS))
        step = f"n * interval '1 day' / {A_DAY}"
        made = f"SELECT :begin + {step}, {values} FROM generate_series(0, :last) AS n"
        begin: dict[str, datetime | int] = {"begin": T0, "last": days * A_DAY - 1}
        connection.execute(text(f"INSERT INTO h {made}"), begin)
        connection.execute(text("CREATE INDEX ON h (at)"))


def _samples(url: str) -> Sql:
    table = {
        "query": "SELECT * FROM h",
        "layout": "wide",
        "time": "at",
        "tag": "{column}",
        "columns": dict.fromkeys(NAMES),
    }
    parts = make_url(url)
    told = {"url": parts._replace(password=None).render_as_string(), "password": parts.password}
    return Sql(SqlConfig.model_validate({**told, "samples": {"h": table}}))


def bench_sql_samples(folder: Path) -> Iterator[Row]:
    """A wide history table into columns, against SQLAlchemy fetching the rows; needs a PostgreSQL."""
    server = os.environ.get("PLANTWIDE_TEST_POSTGRES")
    if server is None:  # an SQLite keeps no times, so that it can hold no history
        return
    with fresh_postgres(make_url(server)) as few, fresh_postgres(make_url(server)) as many:
        _fill_history(few, DAYS)
        _fill_history(many, 10 * DAYS)
        engine = create_engine(few, poolclass=NullPool)

        def bare() -> None:
            with engine.connect() as connection:
                found = connection.execute(text("SELECT * FROM h WHERE at >= :start"), {"start": T0}).all()
            assert len(found) == DAYS * A_DAY

        def read(url: str, days: int) -> int:
            return read_samples(_samples(url), split_days(days))

        yield from race(
            "sql wide", SAMPLES, DAYS * TAGS * A_DAY, connector=partial(read, few, DAYS), bare=bare
        )
        yield weigh("sql wide", partial(read, few, DAYS), partial(read, many, 10 * DAYS))
