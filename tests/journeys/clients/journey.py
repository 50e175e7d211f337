# pyright: reportMissingImports=false - the package is what the test generates; mypy judges this file beside it
"""What a program reads of the demo's plant through the generated Python client: one line of JSON, for the test."""

import json
import os
from http import HTTPStatus

from plantwide_client import AuthenticatedClient, Client
from plantwide_client.api.batches import (
    list_batch_conflicts,
    list_batch_phases,
    list_batch_results,
    list_batches,
    read_batch,
)
from plantwide_client.api.lots import trace_lot
from plantwide_client.api.samples import read_batch_samples
from plantwide_client.models import (
    AttributeConflictList,
    BatchPage,
    BatchWhole,
    Genealogy,
    ProblemDetails,
    ResultList,
    Samples,
    SegmentResponseList,
    StatedAmount,
)
from plantwide_client.types import Unset

URL, KEY = os.environ["HUB_URL"], os.environ["HUB_KEY"]
BATCH, LOT, TAG = "B26-0117", "MP-26-0012", "ns=2;s=BR2000_01_PH"
client = AuthenticatedClient(base_url=URL, token=KEY)


def read(name: str) -> BatchWhole:
    found = read_batch.sync(name, client=client)
    assert isinstance(found, BatchWhole), found
    return found


def page_through() -> list[list[str]]:
    pages: list[list[str]] = []
    cursor: str | None = None
    while not pages or cursor is not None:
        page = list_batches.sync(client=client, limit=10, order="code desc", cursor=cursor)
        assert isinstance(page, BatchPage), page
        pages.append([batch.code for batch in page.items])
        cursor = page.next_
    return pages


def read_conflicts() -> dict[str, list[list[object]]]:
    found = list_batch_conflicts.sync(BATCH, client=client)
    assert isinstance(found, AttributeConflictList), found
    told: dict[str, list[list[object]]] = {}
    for conflict in found.items:
        for said in conflict.statements:
            assert isinstance(said.value, StatedAmount), said.value
            row = [said.source, said.value.value, said.value.unit, said.is_winner, said.in_conflict]
            told.setdefault(conflict.attribute, []).append(row)
    return told


def refuse(status: HTTPStatus, problem: object) -> list[object]:
    assert isinstance(problem, ProblemDetails), problem
    assert problem.status == status
    places = [] if isinstance(problem.errors, Unset) else [[one.in_, one.at] for one in problem.errors]
    return [problem.type_, problem.status, places]


phases = list_batch_phases.sync(BATCH, client=client)
results = list_batch_results.sync(BATCH, client=client)
traced = trace_lot.sync(LOT, client=client, direction="forward")
samples = read_batch_samples.sync(BATCH, client=client, tag=[TAG], points=50)
assert isinstance(phases, SegmentResponseList), phases
assert isinstance(results, ResultList), results
assert isinstance(traced, Genealogy), traced
assert isinstance(samples, Samples), samples
missing = read_batch.sync_detailed("B99-0000", client=client)
wrong = list_batches.sync_detailed(client=client, limit=0)
stranger = read_batch.sync_detailed(BATCH, client=Client(base_url=URL))
whole = read(BATCH)
told = {
    "uids": [read(name).uid for name in (BATCH, "B260117", "b26 0117")],
    "status": whole.status,
    "product": whole.product.code if whole.product else None,
    "size": [whole.actual_size.value, whole.actual_size.unit] if whole.actual_size else None,
    "phases": [[phase.name, phase.duration_s] for phase in phases.items],
    "results": [[one.test_code, one.value.text if one.value else None, one.verdict] for one in results.items],
    "conflicts": read_conflicts(),
    "pages": page_through(),
    "genealogy": [[edge.batch.code if edge.batch else None, edge.quantity] for edge in traced.edges],
    "samples": [[int(one.ts.timestamp()), one.value] for one in samples.items],
    "problems": [refuse(one.status_code, one.parsed) for one in (missing, stranger, wrong)],
}
print(json.dumps(told))
