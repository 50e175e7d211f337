"""A historian in this process whose values move: it tells subscribers, falls over, and comes back with its history."""

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

import asyncua.server.subscription_service
import pytest
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.server import Server

from hub.sdk.opcua.stack import ua
from tests.connectors.opcua.server import Doorkeeper, Memory

NAMES = ("FIC-1", "TIC-2")
LIVE_NAME = "LIC-3"
"""A variable that keeps no history."""
T = TypeVar("T")


class Conformant(InternalSubscription):
    """The library's subscription as the standard has it: an overflow is marked, sampling is by exception."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        service: Any = self.monitored_item_srv
        create = service.create_monitored_items

        async def created(params: Any) -> list[Any]:
            results = await create(params)
            for result, asked in zip(results, params.ItemsToCreate, strict=True):
                result.RevisedSamplingInterval = asked.RequestedParameters.SamplingInterval
            return results

        service.create_monitored_items = created

    async def _enqueue_event(self, mid: int, eventdata: Any, size: int, queue: dict[int, list[Any]]) -> None:
        overflows = bool(size) and len(queue.get(mid, ())) >= size
        await super()._enqueue_event(mid, eventdata, size, queue)
        if overflows:
            oldest = queue[mid][0]
            value = oldest.Value
            marked = ua.DataValue(
                value.Value,
                ua.StatusCode(ua.UInt32(value.StatusCode.value | 0x0480)),
                SourceTimestamp=value.SourceTimestamp,
                ServerTimestamp=value.ServerTimestamp,
            )
            queue[mid][0] = ua.MonitoredItemNotification(ClientHandle=oldest.ClientHandle, Value=marked)


class MovingServer:
    """A server in a thread. Use as a context; `down` and `up` in between; history and port outlive it."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.last = datetime.now(UTC) - timedelta(minutes=1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="moving-server", daemon=True)
        self._server: Any = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/moving"

    def __enter__(self) -> Self:
        self._thread.start()
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def up(self) -> None:
        """Start, if it is down, with the history that was kept."""
        if self._server is None:
            self._do(self._start())

    def down(self) -> None:
        """Fall over: the lines break, and what subscribers had not fetched is lost."""
        self._do(self._end())

    def write(self, name: str, *values: float, at: Sequence[datetime] = ()) -> list[tuple[datetime, float]]:
        """Change a variable, at once for each value: told to subscribers, and kept in history if it has any."""
        times = [*at] or [self._next_moment() for _ in values]
        self._do(self._write(name, list(zip(times, values, strict=True))))
        return list(zip(times, values, strict=True))

    def keep(self, name: str, *values: float) -> list[tuple[datetime, float]]:
        """Write into history alone: what the plant did while the server was down."""
        rows = [(self._next_moment(), value) for value in values]
        self._keep(name, rows)
        return rows

    def history(self, name: str) -> list[tuple[datetime, float]]:
        """Give what history holds of a variable, in order of time."""
        rows = self.memory.rows.get(_node(name), [])
        return sorted((row.SourceTimestamp, row.Value.Value) for row in rows)

    def _next_moment(self) -> datetime:
        self.last = max(datetime.now(UTC), self.last + timedelta(microseconds=1))
        return self.last

    def _do(self, given: Awaitable[T]) -> T:
        async def run() -> T:
            return await given

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    async def _start(self) -> None:
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        self._server = Server(user_manager=Doorkeeper())
        await self._server.init()
        self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        self._server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken])
        self._server.iserver.history_manager.set_storage(self.memory)
        index = await self._server.register_namespace("urn:moving")
        for name in (*NAMES, LIVE_NAME):
            node = await self._server.nodes.objects.add_variable(_node(name, index), f"{index}:{name}", 0.0)
            level = 1 if name == LIVE_NAME else 5
            for attribute in (ua.AttributeIds.AccessLevel, ua.AttributeIds.UserAccessLevel):
                await node.write_attribute(attribute, ua.DataValue(ua.Variant(level, ua.VariantType.Byte)))
            await self._show_last(node, name)
        self._server.set_endpoint(self.url)
        await self._server.start()

    async def _show_last(self, node: Any, name: str) -> None:
        """A server that comes back shows the last value that it knows, with its time."""
        kept = self.memory.rows.setdefault(node.nodeid, []) if name != LIVE_NAME else []
        first = ua.DataValue(ua.Variant(), ua.StatusCode(ua.UInt32(0x80320000)))  # waiting for initial data
        await self._server.write_attribute_value(node.nodeid, kept[-1] if kept else first)

    async def _end(self) -> None:
        if self._server is None:  # it is down already
            return
        for client in list(self._server.bserver.clients):
            client.transport.abort()
        await self._server.stop()
        self._server = None
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _write(self, name: str, rows: Sequence[tuple[datetime, float]]) -> None:
        if name != LIVE_NAME:
            self._keep(name, rows)
        for row in rows:  # nothing is sent between two of them: the loop does not turn
            await self._server.write_attribute_value(_node(name), _value(*row))

    def _keep(self, name: str, rows: Sequence[tuple[datetime, float]]) -> None:
        kept = self.memory.rows.setdefault(_node(name), [])
        kept.extend(_value(*row) for row in rows)
        kept.sort(key=lambda row: row.SourceTimestamp)


def _node(name: str, index: int = 2) -> Any:
    return ua.NodeId(ua.String(name), ua.Int16(index))


def _value(moment: datetime, value: float) -> Any:
    return ua.DataValue(
        ua.Variant(value, ua.VariantType.Double),
        ua.StatusCode(ua.UInt32(0)),
        SourceTimestamp=moment,
        ServerTimestamp=moment,
    )


@contextmanager
def moving_server() -> Generator[MovingServer]:
    """Give a moving server that keeps to the standard."""
    with pytest.MonkeyPatch.context() as patch, MovingServer() as server:
        patch.setattr(asyncua.server.subscription_service, "InternalSubscription", Conformant)
        yield server
