"""Questions of BI tools to the star: its views in the store, and the same questions to its Parquet files.

`PLANTWIDE_BENCH_RESULTS` tells how many laboratory results there are: 100,000 unless told, 1,000,000 for the
target's size; fifty a batch.
"""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import select, update

from hub.insight.formulas import FORMULAS
from hub.insight.performance import compute, compute_all
from hub.insight.periods import find_period
from hub.resolve.resolution import prepare, resolve
from hub.store.database import Connection, Database
from hub.store.mart.figures import Span, newest_day
from hub.store.questions.columns import stream_columns
from hub.store.questions.question import ask
from hub.store.sets import chunks, insert_all
from hub.store.star.choosing import choose
from hub.store.star.reading import Star
from hub.store.star.writing import refresh
from hub.store.statistics import refresh_statistics
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, source_record
from tests.bench.laboratory import NOW, write_batches
from tests.bench.ruler import Row, judge, seconds
from tests.bench.stores import every_store, register_laboratory, store_pages

RESULTS = int(os.environ.get("PLANTWIDE_BENCH_RESULTS", "100000"))
_SAMPLES, _TESTS = 5, 10
QUESTIONS = {
    "failed results by property and month": """
        SELECT r.property, t.year_month, count(*), sum(r.is_oos)
        FROM {mart}fact_test_result AS r JOIN {mart}dim_time AS t ON t.day_key = r.done_day
        GROUP BY r.property, t.year_month
    """,
    "cycle time and first-time right by product and month": """
        SELECT m.code, t.year_month, count(*), avg(b.cycle_s), avg(b.right_first_time)
        FROM {mart}fact_batch AS b
        JOIN {mart}dim_material AS m ON m.material_key = b.material_key
        JOIN {mart}dim_time AS t ON t.day_key = b.start_day
        GROUP BY m.code, t.year_month
    """,
}
"""As BI tools put them; `mart` is the schema on PostgreSQL."""


def bench_star(folder: Path) -> Iterator[Row]:
    """Key figures, the two questions, and all results in columns; then what it takes to write the files."""
    with every_store(folder) as stores:
        for name, database in stores:
            fill_results(database)
            place = folder / f"star-{database.dialect}"
            with database.read() as store:
                yield _figure(store, name)
            whole = _time(lambda d=database, p=place: refresh(d, p))
            _touch(database)
            after = _time(lambda d=database, p=place: refresh(d, p))
            with database.read() as store:
                chosen = choose(Star(place), store, "fact_test_result", older=timedelta(days=1))
                if chosen is None:
                    raise LookupError("there are no files")
                with chosen.read(store) as files:
                    yield from _ask(store, files, name)
            yield judge(f"all files written, {name}", whole, "s")
            yield judge(f"written again after one result, {name}", after, "s")


def _figure(store: Connection, name: str) -> Row:
    """All key figures of the newest month, as the page asks for them, against one after the other."""
    span = Span(*find_period(newest_day(store) or 0, "month").days)
    formulas = [formula for formula in FORMULAS.values() if "all" in formula.scopes]
    slow = _time(lambda: [compute(store, formula, "all", span=span) for formula in formulas])
    fast = _time(lambda: compute_all(store, formulas, "all", span=span))
    return judge(f"key figures of a month at once, {name}", 1 / fast, "/s", against=1 / slow, at_least=1.5)


def _ask(store: Connection, files: Connection, name: str) -> Iterator[Row]:
    for title, question in QUESTIONS.items():
        schema = "mart." if store.dialect.name == "postgresql" else ""
        slow = _time(lambda q=question, s=schema: store.exec_driver_sql(q.format(mart=s)).all())
        fast = seconds(lambda q=question: files.exec_driver_sql(q.format(mart="")).all())
        yield judge(f"{title}, {name}", 1 / fast, "/s", against=1 / slow, at_least=10)
    rates = [RESULTS / _time(lambda c=one: _drain(c)) for one in (store, files)]
    yield judge(f"{RESULTS:,} results in columns, {name}", rates[1], "rows/s", against=rates[0])


def _drain(connection: Connection) -> None:
    for _ in stream_columns(connection, ask("fact_test_result")):
        pass


def _time(action: Callable[[], object]) -> float:
    began = perf_counter()
    action()
    return perf_counter() - began


def fill_results(database: Database) -> None:
    """Put batches in as a hub does, their samples and results as rows: it is not their writing that counts."""
    prepare(database, now=NOW)
    laboratory = register_laboratory(database)
    batches = max(1, RESULTS // (_SAMPLES * _TESTS))
    store_pages(database, laboratory, list(write_batches(batches)))
    resolve(database)
    with database.read() as connection:
        record = connection.scalar(select(source_record.c.id).limit(1))
        keys = list(
            connection.scalars(select(ENTITY_TABLES["batch"].c.id).order_by(ENTITY_TABLES["batch"].c.id))
        )
    told = {"source_system_id": laboratory.id, "source_record_id": record, "recorded_at": NOW}
    with database.begin("test") as connection:
        for part in chunks(_samples(keys), 10_000):
            insert_all(connection, FACT_TABLES["sample"], [{**told, **row} for row in part])
    with database.begin("test") as connection:
        for part in chunks(_results(len(keys) * _SAMPLES), 10_000):
            insert_all(connection, FACT_TABLES["test_result"], [{**told, **row} for row in part])
    refresh_statistics(database)


def _samples(batches: list[int]) -> Iterator[dict[str, Any]]:
    for number in range(len(batches) * _SAMPLES):
        yield {
            "id": number + 1,
            "source_key": f"S{number}",
            "content_hash": "",
            "code": f"S{number}",
            "batch_id": batches[number // _SAMPLES],
            "sample_type": "release",
            "taken_at": NOW - timedelta(minutes=15 * number),
        }


def _results(samples: int) -> Iterator[dict[str, Any]]:
    for number in range(samples * _TESTS):
        sample, test = divmod(number, _TESTS)
        yield {
            "id": number + 1,
            "source_key": f"R{number}",
            "content_hash": "",
            "sample_key": f"S{sample}",
            "sample_id": sample + 1,
            "test_code": f"T-{test}",
            "property": f"property {test}",
            "value_num": sample % 97 + test / 10,
            "unit": "mg/L",
            "verdict": "fail" if number % 50 == 0 else "pass",
            "measured_at": NOW - timedelta(minutes=15 * sample - 60),
        }


def _touch(database: Database) -> None:
    """Let one result be told as after a correction."""
    result = FACT_TABLES["test_result"]
    with database.begin("test") as connection:
        connection.execute(update(result).where(result.c.id == 1).values(value_num=1.5))
