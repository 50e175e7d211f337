"""Connectors that follow a broker against paho that decodes the same messages, each acknowledged."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from connectors.mqtt import Mqtt, MqttConfig
from connectors.sparkplug import Sparkplug, SparkplugConfig
from tests.bench.broker import speak, write_message
from tests.bench.protobuf import make_payload_class
from tests.bench.reading import DOCUMENTS, SAMPLES, T0, follow, list_tags, race, read_documents, weigh
from tests.bench.ruler import Row
from tests.connectors.sparkplug.edge_node import DOUBLE, INT64, metric, payload

MESSAGES, WEIGHED, TAGS = 3_000, 300, 10


def _broker(port: int) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "tls": False, "client_id": "hub", "max_unacknowledged": 1_000}


def _take(port: int, topics: Sequence[str], wanted: int, decode: Callable[[bytes], object]) -> None:
    """Take so many messages with paho alone; each is acknowledged once it is decoded."""
    came = 0

    def on_connect(client: paho.Client, *_: object) -> None:
        client.subscribe([(topic, 1) for topic in topics])

    def on_message(client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        nonlocal came
        decode(bytes(message.payload))
        came += 1
        if came == wanted:
            client.disconnect()

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bare", protocol=paho.MQTTv5)
    client.on_connect = on_connect
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_forever()


# ------------------------------------------------------------------------------------------------ mqtt
def _value(n: int) -> bytes:
    at = int((T0 + timedelta(seconds=n)).timestamp() * 1000)
    return json.dumps({"v": round(36.5 + n % 997 / 1000, 3), "t": at, "q": "GOOD", "u": "degC"}).encode()


def _values(count: int) -> list[bytes]:
    return [write_message(f"cork/BR-1/T{n % TAGS}/value", _value(n), n) for n in range(count)]


SIGNALS = {
    "topic": "{site}/{unit}/{signal}/value",
    "tag": "{@unit}.{@signal}",
    "value": "v",
    "time": "t",
    "reading": {"time_format": "epoch_ms"},
    "quality": "q",
    "qualities": {"GOOD": 0, "*": 0x80000000},
    "unit_path": "u",
}


def _mqtt_signals(port: int) -> Mqtt:
    told = {"broker": _broker(port), "signals": [SIGNALS], "discover_s": 0.2}
    return Mqtt(MqttConfig.model_validate(told))


def bench_mqtt_samples(folder: Path) -> Iterator[Row]:
    """A value a message."""
    with speak(_values(MESSAGES), listed=TAGS) as port:
        tags = list_tags(_mqtt_signals(port))

        def read(count: int) -> int:
            return follow(_mqtt_signals(port), tags, count)

        yield from race(
            "mqtt",
            SAMPLES,
            MESSAGES,
            connector=partial(read, MESSAGES),
            bare=partial(_take, port, ["+/+/+/value"], MESSAGES, json.loads),
        )
        yield weigh("mqtt, live", partial(read, WEIGHED), partial(read, 10 * WEIGHED))


def _batch(n: int) -> bytes:
    at = (T0 + timedelta(seconds=n)).isoformat()
    told = {"id": f"B26-{n:06d}", "changed": at, "start": at, "kg": 2.5, "state": "RUNNING"}
    return json.dumps(told).encode()


def _batches(count: int) -> list[bytes]:
    return [write_message(f"cork/BR-1/batch/{n}", _batch(n), n) for n in range(count)]


def _mqtt_records(port: int) -> Mqtt:
    fields = {"id": "id", "equipment": "@unit", "actual_start": "start", "status": "state"}
    stream = {
        "topic": "{site}/{unit}/batch/{batch}",
        "key": "{@unit}/{id}",
        "changed_at": "changed",
        "page_messages": 200,
        "records": [{"record": "batch", "fields": fields}],
    }
    return Mqtt(MqttConfig.model_validate({"broker": _broker(port), "streams": {"batches": stream}}))


def bench_mqtt_documents(folder: Path) -> Iterator[Row]:
    """A batch a message, by a written mapping."""
    with speak(_batches(MESSAGES)) as port:

        def read(count: int, *, parsed: bool = False) -> int:
            return read_documents(_mqtt_records(port), "batches", most=count, parsed=parsed)

        yield from race(
            "mqtt",
            DOCUMENTS,
            MESSAGES,
            connector=partial(read, MESSAGES),
            bare=partial(_take, port, ["+/+/batch/+"], MESSAGES, json.loads),
            stated=partial(read, MESSAGES, parsed=True),
        )
        yield weigh("mqtt", partial(read, WEIGHED), partial(read, 10 * WEIGHED))


# ------------------------------------------------------------------------------------------- sparkplug
PLACE = "spBv1.0/Site1/{}/USP-A"


def _births(at: int) -> list[bytes]:
    node = [metric("bdSeq", INT64, 7)]
    device = [metric(f"T{tag}", DOUBLE, 36.5, at=at, alias=10 + tag) for tag in range(TAGS)]
    return [
        write_message(PLACE.format("NBIRTH"), payload(node, at=at, seq=0), 0),
        write_message(PLACE.format("DBIRTH") + "/BR-1", payload(device, at=at, seq=1), 1),
    ]


def _life(messages: int) -> list[bytes]:
    """Write an edge node's birth, its device's, and so many messages of ten values each."""
    begin = int(T0.timestamp() * 1000)
    told = _births(begin)
    for n in range(2, messages + 2):
        at = begin + n
        values = [metric(None, 0, 36.5 + n % 997 / 1000, at=at, alias=10 + tag) for tag in range(TAGS)]
        told.append(write_message(PLACE.format("DDATA") + "/BR-1", payload(values, at=at, seq=n % 256), n))
    return told


def _sparkplug(port: int) -> Sparkplug:
    told = {"broker": _broker(port), "groups": ["Site1"], "discover_s": 0.2, "rebirth": False}
    return Sparkplug(SparkplugConfig.model_validate(told))


def bench_sparkplug(folder: Path) -> Iterator[Row]:
    """Ten values a message, by alias, against the message class that Protocol Buffers makes."""
    with speak(_life(MESSAGES), listed=2) as port:
        tags = list_tags(_sparkplug(port))

        def read(messages: int) -> int:
            return follow(_sparkplug(port), tags, (messages + 1) * TAGS)

        yield from race(
            "sparkplug",
            SAMPLES,
            (MESSAGES + 1) * TAGS,
            connector=partial(read, MESSAGES),
            bare=partial(_take, port, ["spBv1.0/#"], MESSAGES + 2, make_payload_class().FromString),
        )
        yield weigh("sparkplug", partial(read, WEIGHED), partial(read, 10 * WEIGHED))
