"""A broker for all MQTT tests of a run."""

from collections.abc import Iterator

import pytest

from tests.connectors.broker import Mosquitto, run_broker


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with run_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker
