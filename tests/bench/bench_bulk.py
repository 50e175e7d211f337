"""All laboratory results over HTTP as a data scientist pulls them: an Arrow stream, Parquet, CSV, OData by pages.

`PLANTWIDE_BENCH_RESULTS` tells how many there are, 100,000 unless told. The hub is a process of its own, with
its star kept as files; each answer is one that was not asked for before, and is counted after it was timed.
"""

import io
import json
import subprocess
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

import pyarrow as pa
import pyarrow.parquet as pq

from hub.store.keys import create_key
from tests.bench import bench_page as plain
from tests.bench.bench_star import RESULTS, fill_results
from tests.bench.ruler import Row, judge
from tests.bench.stores import embedded

_STAR = "/v1/collections/fact_test_result"
_MODEL = "/v1/collections/results"
_SELECT = "result_key,batch_key,test_code,property,value_num,unit,is_oos"
_NEW = (f"version%20gt%20-{number}" for number in count(1))
_NEW_KEY = (f"result_key%20gt%20-{number}" for number in count(1))
RUNS = 5


def bench_bulk(folder: Path) -> Iterator[Row]:
    """Rows a second of each way, from the request to the last byte."""
    data = folder / "data"
    with embedded(data) as database:
        fill_results(database)
        with database.begin("test") as connection:
            key = create_key(connection, name="bench", scopes=["read"])
    subprocess.run([plain.PLANTWIDE, "star", "refresh", "--data", data], check=True, capture_output=True)
    ours: plain.Command = [plain.PLANTWIDE, "serve", "--data", data, "--config", folder]
    with plain.served(ours, "/readyz") as hub:
        for form, target in (("arrow", 1.5e6), ("parquet", 0.8e6), ("csv", None)):
            for what, at, new in (("of the star", _STAR, _NEW_KEY), ("of the model", _MODEL, _NEW)):
                address = f"{at}?format={form}&filter="
                rate = _rate(lambda a=address, n=new: plain.fetch(hub, key, a + next(n)), form)
                aim = target if at == _STAR else None
                yield judge(f"{RESULTS:,} results {what} as {form} over HTTP", rate, "rows/s", at_least=aim)
        for what, select in (("", ""), (", seven members", f"&$select={_SELECT}")):
            first = f"/odata/fact_test_result?$filter={{}}{select}"
            for seen, runs in ((", rows not shown before", 1), ("", RUNS)):
                rate = _rate(
                    lambda f=first: _all_pages(hub, key, f.format(next(_NEW_KEY))), "pages", runs=runs
                )
                name = f"{RESULTS:,} results as OData by pages{what}{seen}"
                yield judge(name, rate, "rows/s", at_least=0.15e6)


def _rate(pull: Callable[[], bytes | list[bytes]], form: str, *, runs: int = RUNS) -> float:
    """Give rows a second, the median of some pulls. Raises `RuntimeError` when rows are missing."""
    spent: list[float] = []
    for _ in range(runs):
        began = perf_counter()
        answer = pull()
        spent.append(perf_counter() - began)
        pages = answer if isinstance(answer, list) else [answer]
        rows = sum(_COUNT[form](page) for page in pages)
        if rows != RESULTS:
            raise RuntimeError(f"{rows} rows of {RESULTS} came as {form}")
    return RESULTS / median(spent)


def _all_pages(hub: HTTPConnection, key: str, first: str) -> list[bytes]:
    """Follow a feed to its end, as a client of OData does."""
    pages: list[bytes] = []
    address: str | None = first
    while address is not None:
        body = plain.fetch(hub, key, address)
        pages.append(body)
        _, found, after = body.rpartition(b'"@odata.nextLink":')
        address = json.loads(after[: after.index(b'"', 1) + 1]).partition("//")[2] if found else None
        address = address and "/" + address.partition("/")[2]
    return pages


_COUNT: dict[str, Callable[[bytes], int]] = {
    "arrow": lambda body: pa.ipc.open_stream(body).read_all().num_rows,
    "parquet": lambda body: pq.read_metadata(io.BytesIO(body)).num_rows,
    "csv": lambda body: body.count(b"\n") - 1,
    "pages": lambda body: len(json.loads(body)["value"]),
}
