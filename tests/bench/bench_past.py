"""A batch as it was known before thousands of corrections, and what has changed since, against the batch as it is."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from hub.records.changes import Readings, list_changes
from hub.resolve.resolution import prepare, resolve
from hub.store.answers import assertions, batches, things
from hub.store.database import Database
from hub.store.order import newest_known
from tests.bench.laboratory import NOW, TESTS, write_batches, write_samples
from tests.bench.ruler import Row, judge, seconds, seconds_side_by_side
from tests.bench.stores import every_store, register_laboratory, store_pages

BATCHES, DOCUMENTS = 1_000, 2_000
CORRECTED = f"{DOCUMENTS * TESTS:,} corrections"


def bench_past(folder: Path) -> Iterator[Row]:
    """One batch of a thousand, read whole; and a page of a hundred. Each result has been corrected since."""
    with every_store(folder) as stores:
        for name, database in stores:
            then = fill(database)
            yield from _compare(f"a batch as known before {CORRECTED}, {name}", database, then, read_batch)
            yield from _compare(f"a list of 100 batches as known then, {name}", database, then, read_list)
            spent = seconds(lambda d=database, t=then: list_all_changes(d, t), runs=5)
            yield judge(f"all that has changed in a batch since, {name}", spent * 1e3, "ms")


def _compare(
    what: str, database: Database, then: datetime, read: Callable[[Connection], Any]
) -> Iterator[Row]:
    def look(as_known_at: datetime | None) -> Any:
        with database.read(as_known_at=as_known_at) as connection:
            return read(connection)

    past, present = seconds_side_by_side(lambda: look(then), lambda: look(None), runs=9)
    yield judge(what, past * 1e3, "ms", against=present * 1e3, at_most=10)


def fill(database: Database) -> datetime:
    """Put batches and their results in, then correct every result; give the instant in between."""
    prepare(database, now=NOW)
    system = register_laboratory(database)
    store_pages(database, system, list(write_batches(BATCHES)))
    store_pages(database, system, list(write_samples(DOCUMENTS, batches=BATCHES)))
    resolve(database)
    with database.read() as connection:
        then = newest_known(connection)
    if then is None:
        raise RuntimeError("nothing was stored")
    store_pages(database, system, list(write_samples(DOCUMENTS, batches=BATCHES, version=2)))
    resolve(database)
    return then


def read_batch(connection: Connection) -> Any:
    """Give all sides of a batch."""
    found = things.find_thing(connection, "batch", "B00500")
    return (
        things.read_thing(connection, "batch", found.id),
        things.list_names(connection, "batch", found.id),
        assertions.list_assertions(connection, "batch", found.id),
        batches.list_phases(connection, found.id),
        batches.list_materials(connection, found.id),
        batches.list_results(connection, found.id),
        batches.list_events(connection, found.id),
    )


def read_list(connection: Connection) -> Any:
    """Give a page of batches."""
    return things.list_things(connection, "batch", limit=100)


def list_all_changes(database: Database, since: datetime) -> Any:
    """Give what has changed in a batch."""
    with database.read(as_known_at=since) as before, database.read() as after:
        found = things.find_thing(after, "batch", "B00500")
        until = newest_known(after) or since
        return list_changes(Readings(before, after, found.id, since, until))
