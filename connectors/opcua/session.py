"""A session with a server: opened with the configured security, and a few services with their limits kept."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.opcua.decoding import Columns, decode_history
from connectors.opcua.faults import judge, status_name
from connectors.opcua.settings import OpcUaConfig
from connectors.opcua.stack import (
    Buffer,
    CertificateValidator,
    Client,
    ServiceError,
    TrustStore,
    ValidatorOptions,
    binary,
    security_policies,
    ua,
)
from hub.sdk import Misconfigured, Unauthorized

_LIMITS = {"read": 11705, "history": 12165, "browse": 11710, "continuation": 2737}
"""Nodes of Server/ServerCapabilities (OPC UA Part 5, 6.3) that say how much one request may ask."""
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """How many nodes one request may name."""

    read: int = _BATCH
    history: int = 1_000_000
    browse: int = 100


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
        )

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
        # The public call decodes every sample into Python objects; the bytes go into columns instead.
        data = await self.client.uaclient.session._send_request(request)  # noqa: SLF001 - the line above says why
        self.used_at = self.loop.time()
        return _answers(data)

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
    """Connect, prove the server's certificate, log in. Raises the door's errors."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # what it says comes back as exceptions
    # The client's own watchdog would take a server that is busy with our request for a dead one.
    client = Client(config.endpoint, timeout=config.timeout_s, watchdog_intervall=config.timeout_s)
    client.application_uri = config.application_uri
    client.name = client.description = "Plantwide"
    if config.user is not None and config.password is not None:
        client.set_user(config.user)
        client.set_password(config.password.get_secret_value())
    try:
        if config.security.policy != "None":
            await _secure(client, config)
        await client.connect()
        session = UaSession(client, config.endpoint)
        await session.read_limits()
    except Exception as error:
        raise judge(error, config.endpoint) from error
    return session


def _require_files(config: OpcUaConfig) -> None:
    security = config.security
    for path in (security.certificate, security.private_key, security.server_certificate):
        if path is not None and not Path(path).is_file():
            raise Misconfigured(f"{path} is no file", remedy="correct the paths under `security`")
    for folder in security.trust:
        if not Path(folder).is_dir():
            raise Misconfigured(f"{folder} is no folder", remedy="correct `security.trust`")


async def _secure(client: Any, config: OpcUaConfig) -> None:
    security = config.security
    policy = getattr(security_policies, f"SecurityPolicy{security.policy}")
    _require_files(config)
    if security.trust:
        store = TrustStore([Path(folder) for folder in security.trust], [])
        await store.load()
        options = ValidatorOptions.TIME_RANGE | ValidatorOptions.TRUSTED
        validator = CertificateValidator(options | ValidatorOptions.PEER_SERVER, store)

        async def prove(certificate: Any, description: Any) -> None:
            try:
                await validator.validate(certificate, description)
            except ServiceError as error:
                raise Unauthorized(
                    f"{config.endpoint} shows a certificate that is not trusted: {status_name(error.code)}",
                    remedy="compare it with the server's, then put it into a folder of `security.trust`",
                ) from error

        client.certificate_validator = prove
    password = security.private_key_password
    await client.set_security(
        policy,
        certificate=str(security.certificate),
        private_key=str(security.private_key),
        private_key_password=password.get_secret_value() if password else None,
        server_certificate=security.server_certificate,
        mode=ua.MessageSecurityMode[security.mode],
    )


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
