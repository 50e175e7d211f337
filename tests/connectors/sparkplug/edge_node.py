"""A small Sparkplug B edge node for the tests, with an encoder of its own: births, data, deaths, and rebirths."""

import struct
import threading
import time
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.connectors.broker import PASSWORD, USER, Mosquitto

DOUBLE, INT32, BOOLEAN, STRING, INT64 = 10, 3, 11, 12, 4


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def tagged(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def metric(
    name: str | None,
    datatype: int,
    value: Any,
    *,
    at: int | None = None,
    alias: int | None = None,
    historical: bool = False,
    properties: dict[str, Any] | None = None,
) -> bytes:
    """Encode a metric; `value` None is a null."""
    out = tagged(1, name.encode()) if name is not None else b""
    out += number(2, alias) if alias is not None else b""
    out += number(3, at) if at is not None else b""
    out += number(4, datatype) if datatype else b""
    out += number(5, 1) if historical else b""
    if properties:
        keys = b"".join(tagged(1, key.encode()) for key in properties)
        values = b"".join(
            tagged(
                2,
                number(1, 3) + number(3, v)
                if isinstance(v, int)
                else number(1, 12) + tagged(8, str(v).encode()),
            )
            for v in properties.values()
        )
        out += tagged(9, keys + values)
    if value is None:
        out += number(7, 1)
    elif isinstance(value, bool):
        out += number(14, int(value))
    elif isinstance(value, float):
        out += varint(13 << 3 | 1) + struct.pack("<d", value)
    elif isinstance(value, int):
        out += (
            number(10, value & 0xFFFF_FFFF)
            if datatype == INT32
            else number(11, value & 0xFFFF_FFFF_FFFF_FFFF)
        )
    else:
        out += tagged(15, str(value).encode())
    return out


def payload(metrics: list[bytes], *, at: int, seq: int | None) -> bytes:
    return (
        number(1, at) + b"".join(tagged(2, m) for m in metrics) + (number(3, seq) if seq is not None else b"")
    )


class EdgeNode:
    """The node Site1/USP-A with the device BR-2001. Use as a context; it answers rebirth commands."""

    def __init__(self, broker: Mosquitto, *, aliases: bool = False) -> None:
        self.broker = broker
        self.aliases = aliases
        self.seq = -1
        self.births = 0
        self.clock = int(time.time() * 1000)
        self.count = 0
        self.extra: list[str] = []
        self._turn = threading.RLock()
        self._client: Any = None

    def __enter__(self) -> Self:
        self.join()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def join(self) -> None:
        ready = threading.Event()
        client = self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(USER, PASSWORD)
        client.will_set("spBv1.0/Site1/NDEATH/USP-A", self._death(), qos=1)
        client.on_message = lambda *_: self.be_born()
        client.on_subscribe = lambda *_: ready.set()
        client.on_connect = self._listen
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        assert ready.wait(10)
        self.be_born()

    def be_born(self) -> None:
        with self._turn:
            self.births += 1
            self.seq = -1
            self.say(
                "NBIRTH/USP-A",
                [
                    metric("bdSeq", INT64, 7),
                    metric("Node Control/Rebirth", BOOLEAN, False),
                    metric("Uptime", INT64, 5),
                ],
            )
            self.say("DBIRTH/USP-A/BR-2001", self.values(birth=True))

    def values(self, *, birth: bool = False) -> list[bytes]:
        known = {
            "TEMP": (DOUBLE, 36.5 + self.count / 10, {"engUnit": "degC"}),
            "STEP": (INT32, -self.count, None),
            "BatchID": (STRING, f"B26-{self.count:04d}", None),
            **dict.fromkeys(self.extra, (DOUBLE, 1.0, None)),
        }
        made: list[bytes] = []
        for alias, (name, (datatype, value, properties)) in enumerate(known.items(), 10):
            if not self.aliases:
                made.append(
                    metric(name, datatype, value, at=self.clock, properties=properties if birth else None)
                )
            elif birth:
                made.append(metric(name, datatype, value, at=self.clock, alias=alias, properties=properties))
            else:
                made.append(
                    metric(None, 0, value, at=self.clock, alias=alias)
                    if datatype != INT32
                    else metric(None, INT32, value, at=self.clock, alias=alias)
                )
        return made

    def tell(self, *others: bytes) -> None:
        """Tell new values of all metrics."""
        with self._turn:
            self.clock = max(self.clock + 1, int(time.time() * 1000))
            self.count += 1
            self.say("DDATA/USP-A/BR-2001", [*self.values(), *others])

    def swallow(self) -> None:
        """Number a message that never comes."""
        with self._turn:
            self.seq = (self.seq + 1) % 256

    def device_dies(self) -> None:
        self.say("DDEATH/USP-A/BR-2001", [])

    def say(self, place: str, metrics: list[bytes]) -> None:
        with self._turn:
            self.seq = (self.seq + 1) % 256
            kind, _, rest = place.partition("/")
            body = payload(metrics, at=self.clock, seq=self.seq)
            said = self._client.publish(f"spBv1.0/Site1/{kind}/{rest}", body, qos=0)
        if threading.current_thread().name.startswith("MainThread"):
            said.wait_for_publish(10)

    def fall(self) -> None:
        """Cut the line, so that the broker tells of the death."""
        self._client._sock_close()
        self._client.loop_stop()

    def _listen(self, *_: Any) -> None:
        self._client.subscribe("spBv1.0/Site1/NCMD/USP-A", qos=1)

    def _death(self) -> bytes:
        return payload([metric("bdSeq", INT64, 7)], at=self.clock, seq=None)
