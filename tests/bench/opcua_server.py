"""A server of OPC UA for the benchmarks, in a process of its own: `python -m tests.bench.opcua_server`.

Ten variables keep a history of twenty days; a list holds job responses. All of it is in OPC UA's binary form
before anybody asks. Prints `ready <url>`, answers until its standard input ends.
"""

import asyncio
import contextlib
import logging
import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import numpy as np
from asyncua.server.history import HistoryManager
from asyncua.server.server import Server
from asyncua.ua.ua_binary import struct_to_binary

from hub.sdk.opcua.stack import ua
from tests.bench.reading import T0
from tests.connectors.opcua_job.server import STRUCTURE, World, response

TAGS, A_DAY, DAYS, RESPONSES = 10, 500, 20, 500
PAGE = 5_000
NAMESPACE = 2
_HISTORY_DATA = ua.NodeId(ua.Int32(ua.ObjectIds.HistoryData_Encoding_DefaultBinary), ua.Int16(0))
_SECONDS_TO_1970, _TICKS = 11_644_473_600, 10_000_000
_READ_WITH_HISTORY = 0x05


def _write_values() -> Any:
    """Give all values of a variable in binary form: number, status and source time (Part 6, 5.2.2.17)."""
    fields: list[tuple[str, Any]] = [
        ("mask", "u1"),
        ("kind", "u1"),
        ("value", "<f8"),
        ("status", "<u4"),
        ("source", "<i8"),
    ]
    told = np.zeros(A_DAY * DAYS, fields)
    told["mask"], told["kind"] = 0b0111, ua.VariantType.Double.value
    told["value"] = 36.5 + np.arange(len(told)) % 997 / 1000
    seconds = int(T0.timestamp()) + _SECONDS_TO_1970 + np.arange(len(told)) * (86_400 / A_DAY)
    told["source"] = (seconds * _TICKS).astype(np.int64)
    return told


class Prepared(HistoryManager):
    """Cuts answers out of what is written."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self._values = _write_values()

    async def read_history(self, params: Any) -> list[Any]:
        details = params.HistoryReadDetails
        limit = min(details.NumValuesPerNode or PAGE, PAGE)
        last = self._find(details.EndTime)
        return [
            self._cut(node.ContinuationPoint, details.StartTime, last, limit) for node in params.NodesToRead
        ]

    def _cut(self, point: bytes | None, begin: datetime, last: int, limit: int) -> Any:
        first = int.from_bytes(point, "little") if point else self._find(begin)
        rows = self._values[first : min(last, first + limit)]
        result = ua.HistoryReadResult()
        body = len(rows).to_bytes(4, "little") + rows.tobytes()
        result.HistoryData = ua.ExtensionObject(_HISTORY_DATA, ua.ByteString(body))
        if first + limit < last:
            result.ContinuationPoint = (first + limit).to_bytes(8, "little")
        return result

    def _find(self, moment: datetime) -> int:
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        ticks = int((aware.timestamp() + _SECONDS_TO_1970) * _TICKS)
        return int(np.searchsorted(self._values["source"], ticks, "left"))


async def _add_variables(server: Any) -> None:
    index = await server.register_namespace("urn:plantwide:bench")
    assert index == NAMESPACE
    line = await server.nodes.objects.add_object(index, "Bioreactor")
    for tag in range(TAGS):
        node = await line.add_variable(ua.NodeId(ua.String(f"T{tag}"), index), f"T{tag}", 0.0)
        level = ua.DataValue(ua.Variant(_READ_WITH_HISTORY, ua.VariantType.Byte))
        await node.write_attribute(ua.AttributeIds.AccessLevel, level)
        await node.write_attribute(ua.AttributeIds.UserAccessLevel, level)


async def _add_responses(server: Any) -> None:
    world = World(server)
    await world.make_types()
    given = [response(n, "Ended", "Completed") for n in range(1, RESPONSES + 1)]
    kind = ua.typeid_by_extension_objects[type(given[0])]
    told = [ua.ExtensionObject(kind, ua.ByteString(struct_to_binary(one))) for one in given]
    await server.write_attribute_value(world.responses.nodeid, ua.DataValue(ua.Variant(told, STRUCTURE)))


async def serve() -> None:
    """Serve until standard input ends."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    server: Any = Server()
    await server.init()
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    server.set_identity_tokens([ua.AnonymousIdentityToken])
    server.set_endpoint("opc.tcp://127.0.0.1:0/bench")
    await _add_variables(server)
    await _add_responses(server)
    server.iserver.history_manager = Prepared(server.iserver)
    async with server:
        port = server.bserver.port
        print(f"ready opc.tcp://127.0.0.1:{port}/bench", flush=True)
        await asyncio.to_thread(sys.stdin.read)


@contextlib.contextmanager
def run() -> Generator[str]:
    """Give the URL of a server of its own."""
    command = [sys.executable, "-m", "tests.bench.opcua_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        word, _, url = process.stdout.readline().strip().partition(" ")
        assert word == "ready", word
        try:
            yield url
        finally:
            process.stdin.close()


if __name__ == "__main__":
    asyncio.run(serve())
