"""A hub that serves tells a receiver what it learns, from its first second to its end."""

import json
import re
import signal
import threading
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from hub.sdk.testing.loopback import Answered, Asked
from hub.shift.courier import open_herald
from hub.shift.settings import Settings
from hub.store.database import Database
from tests.api.factories import add_thing
from tests.events.receiver import LOOPBACK, OK, receiving
from tests.journeys.command import run_plantwide
from tests.journeys.serving import PATIENCE_S, serving


def test_what_a_serving_hub_learns_is_sent_and_its_end_is_plain(tmp_path: Path) -> None:
    data = tmp_path / "data"
    told = run_plantwide("key", "create", "boss", "--role", "admin", "--data", data, folder=tmp_path)
    key = re.findall(r"pw_[\w-]+", told)[-1]
    arrived = threading.Event()

    def take(_: Asked) -> Answered:
        arrived.set()
        return OK

    open_to: Any = {"PLANTWIDE_WEBHOOK_NETWORKS": json.dumps(LOOPBACK), "PLANTWIDE_WEBHOOK_TICK_S": "0.05"}
    with (
        receiving(take) as receiver,
        serving("serve", "--data", data, folder=tmp_path, **open_to) as hub,
    ):
        address = hub.await_line("serving on ")
        with httpx.Client(base_url=address, headers={"X-API-Key": key}, timeout=PATIENCE_S) as client:
            made = client.post("/v1/webhooks", json={"url": receiver.url})
            assert made.status_code == 201, made.text
        database = Database(f"sqlite:///{data / 'hub.db'}")
        with database.begin("test") as connection:
            add_thing(connection, "batch", "B-1")
        database.close()
        assert arrived.wait(PATIENCE_S)
        assert hub.end(signal.SIGTERM, group=False) == 0
        assert "Traceback" not in "".join(hub.errors)
        assert made.json()["secret"] not in "".join(hub.errors)
    assert receiver.labels == ["B-1"]


def test_nodes_on_postgresql_need_a_master_key_that_they_share() -> None:
    assert open_herald(Settings.model_validate({"database": "postgresql://db/plantwide"})) is None


@pytest.mark.parametrize(
    ("name", "value"), [("webhook_networks", ["10.20.0.1/16"]), ("webhook_authorities", "nowhere.pem")]
)
def test_a_setting_of_webhooks_that_is_wrong_is_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        open_herald(Settings.model_validate({name: value}))
