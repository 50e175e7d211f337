"""What several journeys begin with."""

import json

import pytest

from tests.journeys.command import run_plantwide
from tests.journeys.demo import Demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo from nothing, embedded."""
    data = tmp_path_factory.mktemp("demo-command") / "data"
    printed = json.loads(run_plantwide("demo", "--once", "--json", "--data", data, folder=data.parent))
    return Demo(data, f"sqlite:///{data / 'hub.db'}", printed)
