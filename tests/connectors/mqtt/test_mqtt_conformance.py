"""The MQTT connector keeps the promises of the door at a real broker."""

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from paho.mqtt import publish

from connectors.mqtt import Mqtt, MqttConfig
from hub.sdk.testing import RecordSuite, SampleSuite
from tests.connectors.broker import PASSWORD, USER, Mosquitto

NUMBERS = itertools.count()
SIGNALS: list[dict[str, Any]] = [
    {
        "topic": "{site}/{unit}/{signal}/value",
        "tag": "{@unit}.{@signal}",
        "value": "v",
        "time": "t",
        "reading": {"time_format": "epoch_ms"},
        "quality": "q",
        "qualities": {"GOOD": 0, "*": 0x80000000},
        "unit_path": "u",
        "equipment": "{@unit}",
        "property": "{@signal}",
    },
    {
        "topic": "{site}/{unit}/snapshot",
        "tag": "{@unit}.{@column}",
        "columns": {"PH": "ph", "DO": "gas.do"},
        "time": "at",
        "equipment": "{@unit}",
        "property": "{@column}",
    },
]
STREAM: dict[str, Any] = {
    "topic": "{site}/{unit}/batch/{batch}",
    "key": "{@unit}/{id}",
    "changed_at": "changed",
    "idle_s": 0.2,
    "page_messages": 2,
    "records": [
        {
            "record": "batch",
            "fields": {
                "id": "id",
                "equipment": "@unit",
                "actual_start": "start",
                "actual_size": {"path": "kg", "unit": "kg"},
            },
        }
    ],
}


def make_mqtt(
    broker: Mosquitto,
    *,
    client_id: str = "",
    password: str = PASSWORD,
    line: dict[str, Any] | None = None,
    **settings: Any,
) -> Mqtt:
    given = {
        "broker": broker.settings(client_id or f"hub-{next(NUMBERS)}", password=password, **(line or {})),
        "signals": SIGNALS,
        "discover_s": 0.3,
        **settings,
    }
    return Mqtt(MqttConfig.model_validate(given))


def say_value(broker: Mosquitto, site: str, signal: str, value: Any, *, retain: bool = False) -> int:
    at = int(time.time() * 1000)
    said = {"v": value, "t": at, "q": "GOOD", "u": "degC"}
    broker.say(f"{site}/BR-1/{signal}/value", json.dumps(said), retain=retain)
    return at


class TestMqttSignals(SampleSuite):
    @pytest.fixture(autouse=True)
    def world(self, mosquitto: Mosquitto) -> None:
        self.broker = mosquitto
        for signal in ("TEMP", "STATE"):
            say_value(self.broker, "cork", signal, "RUN" if signal == "STATE" else 36.5, retain=True)

    def make(self) -> Mqtt:
        return make_mqtt(self.broker)

    def make_refused(self) -> Mqtt:
        return make_mqtt(self.broker, password="stolen")

    def move(self) -> bool:
        say_value(self.broker, "cork", "TEMP", time.time() % 7)
        say_value(self.broker, "cork", "STATE", f"RUN {time.time()}")
        return True


def say_batch(broker: Mosquitto, number: int, changed: str, kg: str = "2.50", site: str = "galway") -> None:
    text = (
        f'{{"id": "B26-{number:04d}", "changed": "{changed}", "start": "2026-03-01T08:00:00Z", "kg": {kg}}}'
    )
    broker.say(f"{site}/BR-1/batch/{number}", text, retain=True)


class TestMqttRecords(RecordSuite):
    """Retained messages are a present state that every session is told anew."""

    @pytest.fixture(autouse=True)
    def world(self, mosquitto: Mosquitto) -> Iterator[None]:
        self.broker = mosquitto
        self.site = f"galway-{next(NUMBERS)}"
        for number in range(5):
            say_batch(self.broker, number, "2026-03-01T08:00:00Z", site=self.site)
        self.many = 0
        yield
        self.retain([""] * self.many)

    def make(self, page_messages: int = 2, **line: Any) -> Mqtt:
        topic = STREAM["topic"].replace("{site}", self.site)
        stream = {**STREAM, "topic": topic, "page_messages": page_messages}
        return make_mqtt(self.broker, streams={"batches": stream}, signals=[], line=line)

    def make_large(self, factor: int) -> Mqtt:
        self.many = 300 * factor
        said = {
            "changed": "2026-03-01T08:00:00Z",
            "start": "2026-03-01T08:00:00Z",
            "kg": 2.5,
            "note": "x" * 900,
        }
        self.retain([json.dumps({"id": f"B27-{number}", **said}) for number in range(self.many)])
        return self.make(page_messages=50, max_unacknowledged=50)

    def retain(self, payloads: list[str]) -> None:
        told = [
            {"topic": f"{self.site}/BR-1/batch/{number}", "payload": payload, "qos": 1, "retain": True}
            for number, payload in enumerate(payloads)
        ]
        if told:
            publish.multiple(
                told,  # type: ignore[arg-type] - its type of a message is closed
                hostname="127.0.0.1",
                port=self.broker.port,
                auth={"username": USER, "password": PASSWORD},
            )

    def make_refused(self) -> Mqtt:
        return make_mqtt(self.broker, password="stolen", streams={"batches": STREAM}, signals=[])

    def holds(self) -> dict[str, int]:
        return {"batches": 5}

    def grow(self) -> bool:
        say_batch(self.broker, 1, "2026-03-01T09:00:00Z", "2.60", site=self.site)
        say_batch(self.broker, 9, "2026-03-01T08:00:00Z", site=self.site)
        return True
