"""One running plant for all tests that need servers; they set its clock themselves."""

from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from hub.demo.plan import FIRST, NOW, Batch, plan_batches
from hub.demo.plant import Plant, running_plant


@pytest.fixture(scope="session")
def batches() -> tuple[Batch, ...]:
    return plan_batches()


@pytest.fixture(scope="package")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with running_plant(tmp_path_factory.mktemp("plant"), at=FIRST) as plant:
        yield plant


@pytest.fixture
def plant(_running: Plant) -> Plant:
    """The plant at `NOW`."""
    _running.set_clock(NOW)
    return _running


@pytest.fixture
def erp(plant: Plant) -> Iterator[httpx.Client]:
    login = (plant.environment["PLANTWIDE_DEMO_ERP_USER"], plant.environment["PLANTWIDE_DEMO_ERP_PASSWORD"])
    with httpx.Client(base_url=plant.urls["erp"], auth=login) as client:
        yield client


@pytest.fixture
def lims(plant: Plant) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {plant.environment['PLANTWIDE_DEMO_LIMS_TOKEN']}"}
    with httpx.Client(base_url=plant.urls["lims"], headers=headers) as client:
        yield client


@pytest.fixture
def here() -> Path:
    return Path(__file__).parents[2]
