"""The Sparkplug connector keeps the promises of the door, at a real broker with an edge node of the tests."""

import itertools
from typing import Any

import pytest

from connectors.sparkplug import Sparkplug, SparkplugConfig
from hub.sdk.testing import SampleSuite
from tests.connectors.broker import PASSWORD, Mosquitto
from tests.connectors.sparkplug.edge_node import EdgeNode

SESSIONS = itertools.count()


def make_sparkplug(
    broker: Mosquitto, *, client_id: str = "", password: str = PASSWORD, **settings: Any
) -> Sparkplug:
    """Give the connector with a session of its own."""
    given = {
        "broker": broker.settings(client_id or f"hub-{next(SESSIONS)}", password=password),
        "nodes": ["Site1/USP-A"],
        "discover_s": 0.4,
        **settings,
    }
    return Sparkplug(SparkplugConfig.model_validate(given))


class TestSparkplug(SampleSuite):
    @pytest.fixture(autouse=True)
    def world(self, sparkplug_broker: Mosquitto, edge: EdgeNode) -> None:
        self.broker = sparkplug_broker
        self.edge = edge

    def make(self) -> Sparkplug:
        return make_sparkplug(self.broker)

    def make_refused(self) -> Sparkplug:
        return make_sparkplug(self.broker, password="stolen")

    def move(self) -> bool:
        self.edge.tell()
        return True


class TestSparkplugWithAliases(TestSparkplug):
    @pytest.fixture(autouse=True)
    def world(self, sparkplug_broker: Mosquitto, edge: EdgeNode) -> None:
        edge.aliases = True
        self.broker = sparkplug_broker
        self.edge = edge
