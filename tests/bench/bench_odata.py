"""One OData page of 100 batches over HTTP, new and asked again, against FastAPI that only answers the same bytes."""

import sys
from collections.abc import Iterator
from itertools import count, repeat
from pathlib import Path

from hub.resolve.resolution import prepare, resolve
from hub.store.keys import create_key
from tests.bench import bench_page as plain
from tests.bench.laboratory import NOW, write_batches
from tests.bench.ruler import Row, judge, seconds_side_by_side
from tests.bench.stores import embedded, register_laboratory, store_pages

PAGE = "/odata/batches?$top=100"
BATCHES, CALLS = 1_000, 20


def bench_odata(folder: Path) -> Iterator[Row]:
    """Requests in turns over one kept connection each; both servers are processes of their own."""
    data = folder / "data"
    with embedded(data) as database:
        prepare(database, now=NOW)
        store_pages(database, register_laboratory(database), list(write_batches(BATCHES)))
        resolve(database)
        with database.begin("test") as connection:
            key = create_key(connection, name="bench", scopes=["read"])
    ours: plain.Command = [plain.PLANTWIDE, "serve", "--data", data, "--config", folder]
    constant: plain.Command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--log-level",
        "warning",
        "tests.bench.constant:app",
    ]
    body = folder / "body.json"
    with plain.served(ours, "/readyz") as hub:
        body.write_bytes(plain.fetch(hub, key, PAGE))
        with plain.served(constant, plain.PAGE, PLANTWIDE_BENCH_BODY=str(body)) as least:
            new = (f"{PAGE}&$filter=version%20gt%20-{number}" for number in count(1))
            for what, pages in (("new", new), ("again", repeat(PAGE))):
                one, other = seconds_side_by_side(
                    lambda some=pages: [plain.fetch(hub, key, next(some)) for _ in range(CALLS)],
                    lambda: [plain.fetch(least, key) for _ in range(CALLS)],
                    runs=7,
                )
                name = f"OData page of 100 batches over HTTP, asked {what}"
                yield judge(name, CALLS / one, "/s", against=CALLS / other, at_least=None)
