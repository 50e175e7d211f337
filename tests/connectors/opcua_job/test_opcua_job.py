"""The job connector keeps the promises of the door, and says of jobs and machines what ISA-95 says."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.opcua_job import OpcUaJob, OpcUaJobConfig
from hub.model import (
    Batch,
    EquipmentTime,
    MaterialActual,
    OperationsRequest,
    Record,
    ResourceActual,
    SegmentData,
    SegmentResponse,
)
from hub.sdk import Cursor, Misconfigured, Page, Unavailable
from hub.sdk.testing import RecordSuite
from hub.sdk.testing.verdict import NotOffered
from tests.connectors.opcua.server import PASSWORD
from tests.connectors.opcua_job.conftest import Plant, run_plant
from tests.connectors.opcua_job.server import COUNT, START


def make_job(url: str, **settings: Any) -> OpcUaJob:
    given = {
        "endpoint": url,
        "security": {"policy": "None"},
        "insecure": True,
        "user": "hub",
        "password": PASSWORD,
        "batch_parameter": "BatchID",
        "machines": {"Filler": "FILLER-1"},
        "page_size": 2,
        **settings,
    }
    return OpcUaJob(OpcUaJobConfig.model_validate(given))


class TestOpcUaJob(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, plant: Plant) -> None:
        self.plant = plant

    def make(self) -> OpcUaJob:
        return make_job(self.plant.url)

    def make_refused(self) -> OpcUaJob:
        return make_job(self.plant.url, password="stolen")

    def make_large(self, factor: int) -> OpcUaJob:
        raise NotOffered(f"a job list is one value of the server, also where it is {factor} times as long")

    def holds(self) -> dict[str, int]:
        """Each turn a job more, and always one state of one machine."""
        jobs = COUNT + self.plant.turns
        return {"job_orders": jobs, "job_responses": jobs, "packml_states": 1}

    def grow(self) -> bool:
        self.plant.go_on()
        return True


def read(connector: OpcUaJob, stream: str, cursor: Cursor | None = None) -> list[Page]:
    async def gather() -> list[Page]:
        return [page async for page in connector.read(stream, cursor)]

    return asyncio.run(gather())


def parse(connector: OpcUaJob, pages: list[Page]) -> list[Any]:
    parts = [part for page in pages for d in page.documents for part in connector.parse(d)]
    assert [part for part in parts if not isinstance(part, Record)] == []
    return parts


def judge_jobs(plant: Plant, *, nested: bool) -> None:
    """See that a server's jobs are read whole, by every field."""
    connector = make_job(plant.url)
    orders = parse(connector, read(connector, "job_orders"))
    assert all(isinstance(part, OperationsRequest) for part in orders)
    first, last = orders[0], orders[-1]
    assert (first.id.value, first.state, last.state) == ("JO-1", "Completed", "Ready")
    assert (first.operations_definition.value, first.priority, first.description) == (
        "WM-FILL",
        "1",
        "Fill vials",
    )
    assert (first.planned_start, first.planned_end) == (
        START + timedelta(hours=1),
        START + timedelta(hours=2),
    )

    parts = parse(connector, read(connector, "job_responses"))
    runs = [part for part in parts if isinstance(part, SegmentResponse)]
    assert (len(runs), runs[0].state, runs[-1].state, runs[-1].actual_end) == (
        len(orders),
        "Completed",
        "Running",
        None,
    )
    assert (
        runs[0].batch and runs[0].batch.value,
        runs[0].name,
        runs[0].equipment and runs[0].equipment.value,
    ) == ("B26-0001", "Filling", "FILLER-1")
    batch = next(part for part in parts if isinstance(part, Batch))
    assert (batch.id.value, batch.operations_request and batch.operations_request.value) == (
        "B26-0001",
        "JO-1",
    )
    data = {part.name: part for part in parts if isinstance(part, SegmentData) and part.response == "JR-1"}
    assert {name: (one.value.text, one.value.unit) for name, one in data.items()} == {
        "Vials": ("1001", None),
        "Volume": ("2.5", "mL"),
        **({"Volume.Limit": ("2.6", "mL")} if nested else {}),
    }
    material = next(part for part in parts if isinstance(part, MaterialActual))
    assert material.quantity is not None
    assert (
        material.lot and material.lot.value,
        material.use,
        material.quantity.text,
        material.quantity.unit,
    ) == ("L-1", "Material Consumed", "2.60", "kg")
    kinds = {(part.kind, part.use) for part in parts if isinstance(part, ResourceActual)}
    assert kinds == {("equipment", "Filling"), ("person", "Operator")}


def judge_states(plant: Plant) -> None:
    """See that a machine's states become stretches, each ended by the next."""
    connector = make_job(plant.url)
    (first,) = read(connector, "packml_states")
    assert read(connector, "packml_states", first.cursor) == []
    plant.go_on()
    (second,) = read(connector, "packml_states", first.cursor)
    before, after = parse(connector, [second])
    assert isinstance(before, EquipmentTime)
    assert isinstance(after, EquipmentTime)
    assert {before.state, after.state} == {"Held", "Execute"}
    assert (before.equipment.value, before.end_at, after.end_at) == ("FILLER-1", after.start_at, None)
    assert before.start_at == after.start_at - timedelta(minutes=1)
    assert second.documents[0].key == first.documents[0].key
    assert second.documents[0].version > first.documents[0].version


def test_jobs_become_requests_runs_data_materials_and_resources(plant: Plant) -> None:
    judge_jobs(plant, nested=False)


def test_states_of_machines_become_stretches_of_equipment_time(plant: Plant) -> None:
    judge_states(plant)


def test_check_says_what_there_is(plant: Plant) -> None:
    health = asyncio.run(_check(make_job(plant.url)))
    assert "job orders, " in health.detail
    assert "1 machines Filler" in health.detail


def test_a_server_without_jobs_is_told(historian_without_jobs: str) -> None:
    with pytest.raises(Misconfigured, match="neither ISA-95 job control nor PackML"):
        asyncio.run(_check(make_job(historian_without_jobs)))


def test_a_root_without_jobs_is_told(plant: Plant) -> None:
    with pytest.raises(Misconfigured, match="no list of jobs and no PackML machine"):
        asyncio.run(_check(make_job(plant.url, root="i=86")))


def test_a_server_that_is_down_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        asyncio.run(_check(make_job("opc.tcp://127.0.0.1:9/none")))


async def _check(connector: OpcUaJob) -> Any:
    return await connector.check()


@pytest.fixture(scope="module")
def historian_without_jobs() -> Iterator[str]:
    from tests.connectors.opcua.conftest import run_server

    with run_server() as url:
        yield url


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Give a server built from the published nodesets; npm fetches them in some seconds."""
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip(
            "peers: PLANTWIDE_TEST_PEERS=1 is not set (OPC Foundation nodesets of job control and PackML)"
        )
    if shutil.which("npm") is None:
        pytest.skip("peers: no npm, which brings the OPC Foundation's nodesets")
    folder = tmp_path_factory.mktemp("nodesets")
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    subprocess.run(["npm", "install", *options, "node-opcua-nodesets"], check=True, capture_output=True)
    nodesets = Path(folder) / "node_modules" / "node-opcua-nodesets" / "nodesets"
    with run_plant("--nodesets", str(nodesets)) as running:
        yield running


@pytest.mark.peers
@pytest.mark.against("opcua_job", "nodesets of ISA-95 job control and PackML", how="published")
def test_a_server_of_the_published_nodesets_is_read_whole(published: Plant) -> None:
    judge_jobs(published, nested=True)
    judge_states(published)
