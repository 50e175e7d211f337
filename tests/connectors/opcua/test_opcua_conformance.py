"""The OPC UA connector keeps the promises of the door against a server that is not ours."""

from datetime import timedelta
from typing import Any

import pytest

from connectors.opcua import OpcUa, OpcUaConfig
from hub.sdk import Window
from hub.sdk.testing import SampleSuite
from tests.connectors.opcua.server import NAMES, PASSWORD, START


def make_opcua(url: str, **settings: Any) -> OpcUa:
    """Give the connector on the open historian, with the tags that have history."""
    written = {
        "endpoint": url,
        "insecure": True,
        "security": {"policy": "None"},
        "nodes": [f"ns=2;s={name}" for name in NAMES],
        "user": "hub",
        "password": PASSWORD,
        **settings,
    }
    return OpcUa(OpcUaConfig.model_validate({k: v for k, v in written.items() if v is not None}))


class TestOpcUa(SampleSuite):
    @pytest.fixture(autouse=True)
    def world(self, request: pytest.FixtureRequest, historian: str) -> None:
        self.request, self.url = request, historian

    def make(self) -> OpcUa:
        return make_opcua(self.url, values_per_node=100)

    def make_refused(self) -> OpcUa:
        return make_opcua(self.url, password="stolen")

    def make_large(self, factor: int) -> tuple[OpcUa, Window]:
        url: str = self.request.getfixturevalue("long_historian")
        large = make_opcua(url, values_per_node=1_000, nodes=["ns=2;s=BR1.AGIT"])
        return large, Window(START, START + timedelta(seconds=4_000 * factor))

    def holds(self) -> int:
        return 250 * len(NAMES)

    def window(self) -> Window:
        return Window(START + timedelta(seconds=1_150), START + timedelta(seconds=1_400))
