"""A broker for all Sparkplug tests of a run, and an edge node of ours for each."""

from collections.abc import Iterator

import pytest

from tests.connectors.broker import Mosquitto, run_broker
from tests.connectors.sparkplug.edge_node import EdgeNode


@pytest.fixture(scope="session")
def sparkplug_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """Give a broker that carries data as surely as its subscribers ask for it."""
    with run_broker(tmp_path_factory.mktemp("broker"), "upgrade_outgoing_qos true") as broker:
        yield broker


@pytest.fixture
def edge(sparkplug_broker: Mosquitto) -> Iterator[EdgeNode]:
    with EdgeNode(sparkplug_broker) as node:
        yield node
