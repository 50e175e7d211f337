"""Connectors of OPC UA against asyncua that reads the same: raw history, and a list of job responses."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from asyncua.client.client import Client

from connectors.opcua import OpcUa, OpcUaConfig
from connectors.opcua_job import OpcUaJob, OpcUaJobConfig
from tests.bench.opcua_server import A_DAY, DAYS, NAMESPACE, RESPONSES, TAGS, run
from tests.bench.reading import DOCUMENTS, SAMPLES, race, read_documents, read_samples, split_days, weigh
from tests.bench.ruler import Row

OPEN = {"security": {"policy": "None"}, "insecure": True}


async def _read_history(url: str, days: int) -> None:
    whole = split_days(days)
    async with Client(url) as client:
        for tag in range(TAGS):
            node = client.get_node(f"ns={NAMESPACE};s=T{tag}")
            found = await node.read_raw_history(whole[0].start, whole[-1].end, return_bounds=False)
            assert len(found) == days * A_DAY, len(found)


def bench_opcua(folder: Path) -> Iterator[Row]:
    """History of ten variables by windows of a day."""
    with run() as url:

        def read(days: int) -> int:
            return read_samples(
                OpcUa(OpcUaConfig.model_validate({"endpoint": url, **OPEN})), split_days(days)
            )

        days = DAYS // 10
        yield from race(
            "opcua",
            SAMPLES,
            days * TAGS * A_DAY,
            connector=partial(read, days),
            bare=lambda: asyncio.run(_read_history(url, days)),
        )
        yield weigh("opcua", partial(read, days), partial(read, DAYS))


async def _read_list(url: str) -> None:
    async with Client(url) as client:
        await client.load_data_type_definitions()
        line = await client.nodes.objects.get_child(["3:Line"])
        found: Any = await (await line.get_child("3:JobOrderResponseList")).read_value()
        assert len(found) == RESPONSES, len(found)


def bench_opcua_job(folder: Path) -> Iterator[Row]:
    """A server's list of job responses, which is one value of OPC UA: ten times as long is ten times as large."""
    with run() as url:

        def read(*, parsed: bool = False) -> int:
            told = {"endpoint": url, "batch_parameter": "BatchID", **OPEN}
            connector = OpcUaJob(OpcUaJobConfig.model_validate(told))
            return read_documents(connector, "job_responses", parsed=parsed)

        yield from race(
            "opcua_job",
            DOCUMENTS,
            RESPONSES,
            connector=read,
            bare=lambda: asyncio.run(_read_list(url)),
            stated=partial(read, parsed=True),
        )
