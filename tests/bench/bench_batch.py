"""One batch with 5,000 observed rows: its sides assembled, and the whole of it as the API gives it."""

from collections.abc import Iterator
from pathlib import Path

import orjson
from fastapi.testclient import TestClient

from hub.api.app import create_app
from hub.resolve.resolution import prepare, resolve
from hub.store.answers import batches, things
from hub.store.database import Connection, Database
from hub.store.keys import create_key
from tests.bench.laboratory import NOW, TESTS, write_batches, write_samples
from tests.bench.ruler import Row, judge, seconds
from tests.bench.stores import every_store, register_laboratory, store_pages

ROWS = 5_000
DOCUMENTS = -(-ROWS // TESTS)
CODE = "B00000"


def bench_batch(folder: Path) -> Iterator[Row]:
    """A batch with samples and their results, among 200 others."""
    with every_store(folder) as stores:
        for name, database in stores:
            key = fill(database)
            with database.read() as connection:
                rows = len(assemble(connection))
                spent = seconds(lambda c=connection: assemble(c), runs=9)
                yield judge(f"{rows:,} observed rows assembled, {name}", spent * 1e3, "ms", at_most=50)
                written = seconds(lambda c=connection: orjson.dumps(assemble(c)), runs=9)
                yield judge(f"the same as JSON, {name}", written * 1e3, "ms")
            with TestClient(create_app(database), headers={"X-API-Key": key}) as client:
                whole = seconds(lambda c=client: c.get(f"/v1/batches/{CODE}").raise_for_status(), runs=9)
            yield judge(f"the batch whole through the API, {name}", whole * 1e3, "ms", at_most=50)


def fill(database: Database) -> str:
    """Put batches in, the first with all results; give a key that may read."""
    prepare(database, now=NOW)
    system = register_laboratory(database)
    store_pages(database, system, list(write_batches(200)))
    store_pages(database, system, list(write_samples(DOCUMENTS, batches=1)))
    resolve(database)
    with database.begin("test") as connection:
        return create_key(connection, name="bench", scopes=["read"])


def assemble(connection: Connection) -> list[dict[str, object]]:
    """Give every observed row of the batch as a document."""
    found = things.find_thing(connection, "batch", CODE)
    sides = (batches.list_phases, batches.list_materials, batches.list_results, batches.list_events)
    return [document for side in sides for document in side(connection, found.id)]
