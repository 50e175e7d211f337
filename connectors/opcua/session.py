"""A session with a server: opened with the configured security, and a few services with their limits kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.opcua.decoding import Columns, decode_history
from connectors.opcua.settings import OpcUaConfig
from hub.sdk.opcua.channel import open_client
from hub.sdk.opcua.faults import judge, status_name
from hub.sdk.opcua.stack import Buffer, binary, ua

_LIMITS = {"read": 11705, "history": 12165, "browse": 11710, "continuation": 2737, "monitored": 11714}
"""Nodes of Server/ServerCapabilities (OPC UA Part 5, 6.3) that say how much one request may ask."""
_BATCH = 500
_CURRENT_TIME = 2258


@dataclass(frozen=True, slots=True)
class Limits:
    """How many nodes one request may name."""

    read: int = _BATCH
    history: int = 1_000_000
    browse: int = 100
    monitored: int = _BATCH


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said of one node: status, its samples, and where it would go on."""

    status: str
    columns: Columns
    continuation: bytes | None


class UaSession:
    """An open session."""

    def __init__(self, client: Any, endpoint: str) -> None:
        self.client = client
        self.endpoint = endpoint
        self.loop = asyncio.get_running_loop()
        self.limits = Limits()
        self.used_at = self.loop.time()

    async def read_limits(self) -> None:
        """Ask how much one request may ask."""
        nodes = [ua.NodeId(ua.Int32(number)) for number in _LIMITS.values()]
        given = await self.read(nodes, ua.AttributeIds.Value)
        found = dict(zip(_LIMITS, [v if isinstance(v, int) and v > 0 else None for v in given], strict=True))
        self.limits = Limits(
            read=min(found["read"] or _BATCH, _BATCH),
            history=min(found["history"] or 1_000_000, found["continuation"] or 1_000_000),
            browse=min(found["browse"] or 100, 100),
            monitored=min(found["monitored"] or _BATCH, _BATCH),
        )

    async def read_clock(self) -> datetime:
        """Give the server's own time (Server_ServerStatus_CurrentTime, Part 5, 12.10)."""
        (now,) = await self.read([ua.NodeId(ua.Int32(_CURRENT_TIME))], ua.AttributeIds.Value)
        return now if now.tzinfo else now.replace(tzinfo=UTC)

    async def is_alive(self) -> bool:
        """Whether the session still answers; asked only after a pause."""
        if self.loop.time() - self.used_at < 10:
            return True
        try:
            await self.read([ua.NodeId(ua.Int32(2259))], ua.AttributeIds.Value)
        except (OSError, ua.UaError):
            return False
        return True

    async def read(self, nodes: Sequence[Any], attribute: Any) -> list[Any]:
        """Give an attribute of nodes; None where the server refuses it."""
        found: list[Any] = []
        for start in range(0, len(nodes), self.limits.read):
            params = ua.ReadParameters()
            params.NodesToRead = [
                ua.ReadValueId(NodeId=node, AttributeId=attribute)
                for node in nodes[start : start + self.limits.read]
            ]
            for value in await self.client.uaclient.read(params):
                good = value.StatusCode is None or not value.StatusCode.is_bad()
                found.append(value.Value.Value if good and value.Value is not None else None)
        self.used_at = self.loop.time()
        return found

    async def children(self, nodes: Sequence[Any]) -> list[list[Any]]:
        """Give what lies below nodes by hierarchical references, their properties too."""
        found: list[list[Any]] = []
        for start in range(0, len(nodes), self.limits.browse):
            params = ua.BrowseParameters()
            params.RequestedMaxReferencesPerNode = ua.UInt32(0)
            params.NodesToBrowse = [_description(node) for node in nodes[start : start + self.limits.browse]]
            results = await self.client.uaclient.browse(params)
            for result in results:
                references = list(result.References or [])
                point = result.ContinuationPoint
                while point:
                    more = ua.BrowseNextParameters()
                    more.ContinuationPoints = [point]
                    (following,) = await self.client.uaclient.browse_next(more)
                    references += list(following.References or [])
                    point = following.ContinuationPoint
                found.append(references)
        self.used_at = self.loop.time()
        return found

    async def history(self, nodes: Sequence[tuple[Any, bytes | None]], details: Any) -> list[Answer]:
        """Read raw history of nodes, each from its continuation point."""
        request = ua.HistoryReadRequest()
        request.Parameters = _parameters(nodes, details, release=False)
        return _answers(await self.send(request))

    async def send(self, request: Any, *, timeout_s: float | None = None) -> Any:
        """Give the bytes of an answer; waits as long as every other call, or `timeout_s` (0: for ever)."""
        # The public calls decode every sample into Python objects; the bytes go into columns instead.
        data = await self.client.uaclient.session._send_request(request, timeout_s)  # noqa: SLF001 - the line above says why
        self.used_at = self.loop.time()
        return data

    async def release(self, nodes: Sequence[tuple[Any, bytes | None]], details: Any) -> None:
        """Let the server forget continuation points that nobody will use."""
        if nodes:
            await self.client.uaclient.history_read(_parameters(nodes, details, release=True))

    async def close(self) -> None:
        """End session and channel; a server that is gone already is no fault."""
        try:
            await asyncio.wait_for(self.client.disconnect(), 5)
        except (OSError, ua.UaError):
            self.client.disconnect_socket()


async def open_session(config: OpcUaConfig) -> UaSession:
    """Connect, prove the server's certificate, log in, ask for limits. Raises the door's errors."""
    client = await open_client(config)
    try:
        session = UaSession(client, config.endpoint)
        await session.read_limits()
    except Exception as error:
        raise judge(error, config.endpoint) from error
    return session


def _description(node: Any) -> Any:
    made = ua.BrowseDescription()
    made.NodeId = node
    made.BrowseDirection = ua.BrowseDirection.Forward
    made.ReferenceTypeId = ua.NodeId(ua.Int32(ua.ObjectIds.HierarchicalReferences))
    made.IncludeSubtypes = True
    made.NodeClassMask = ua.UInt32(ua.NodeClass.Object | ua.NodeClass.Variable)
    made.ResultMask = ua.UInt32(ua.BrowseResultMask.All)
    return made


def _parameters(nodes: Sequence[tuple[Any, bytes | None]], details: Any, *, release: bool) -> Any:
    params = ua.HistoryReadParameters()
    params.HistoryReadDetails = details
    params.TimestampsToReturn = ua.TimestampsToReturn.Source
    params.ReleaseContinuationPoints = release
    for node, point in nodes:
        value = ua.HistoryReadValueId()
        value.NodeId = node
        value.IndexRange = ""
        value.ContinuationPoint = point
        params.NodesToRead.append(value)
    return params


def _answers(data: Any) -> list[Answer]:
    """Read a HistoryReadResponse: its frame by asyncua, the samples into columns."""
    binary.nodeid_from_binary(data)
    header = binary.struct_from_binary(ua.ResponseHeader, data)
    header.ServiceResult.check()
    count = binary.Primitives.Int32.unpack(data)
    found: list[Answer] = []
    for _ in range(max(count, 0)):
        status = ua.StatusCode(binary.Primitives.UInt32.unpack(data))
        point = binary.Primitives.Bytes.unpack(data)
        binary.nodeid_from_binary(data)
        body = b""
        if binary.Primitives.Byte.unpack(data) & 1:
            body = bytes(binary.Primitives.Bytes.unpack(data) or b"")
        found.append(Answer(status_name(status), decode_history(body, decode_other), point or None))
    return found


def decode_other(body: bytes, place: int) -> tuple[Any, int]:
    """Decode a variant of a rare kind by asyncua."""
    data = Buffer(body[place:])
    before = len(data)
    value = binary.variant_from_binary(data)
    return value.Value, place + before - len(data)
