"""What a server shows of jobs and machines: found by browsing, read as plain objects."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from connectors.opcua_job.settings import OpcUaJobConfig
from hub.model import format_instant
from hub.sdk import Misconfigured
from hub.sdk.opcua.channel import open_client
from hub.sdk.opcua.stack import ua

_JOB_CONTROL = "http://opcfoundation.org/UA/ISA95-JOBCONTROL"
"""How the namespaces of all versions begin."""
_PACKML = "http://opcfoundation.org/UA/PackML/"
_MACHINES = ("BaseStateMachine", "MachineState", "ExecuteState")
"""State machines of a PackML object, each inside the one before (OPC 30050, 6.2)."""
_NO_TIME = datetime(1601, 1, 2, tzinfo=UTC)


@dataclass(slots=True)
class Found:
    """Nodes: lists of job orders and of responses; the current states of machines by name, coarsest first."""

    orders: list[Any]
    responses: list[Any]
    machines: dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class State:
    """The state of a machine and since when, by the server's clock."""

    machine: str
    text: str
    since: str


class JobServer:
    """An open session."""

    def __init__(self, client: Any, config: OpcUaJobConfig) -> None:
        self._client = client
        self._config = config

    @classmethod
    async def open(cls, config: OpcUaJobConfig) -> "JobServer":
        """Connect and log in, and learn the structures that the server uses."""
        client = await open_client(config)
        server = cls(client, config)
        try:
            await client.load_data_type_definitions()
        except BaseException:
            await server.close()
            raise
        return server

    async def close(self) -> None:
        """End session and channel."""
        try:
            await self._client.disconnect()
        except (OSError, ua.UaError):
            self._client.disconnect_socket()

    async def product(self) -> tuple[str, str]:
        """Give product name and version of the server's build (OPC UA Part 5, 12.4)."""
        found: list[str] = []
        for number in (2261, 2264):
            value = await self._client.get_node(ua.NodeId(ua.Int32(number))).read_data_value(
                raise_on_bad_status=False
            )
            found.append(str(value.Value.Value or "") if value.Value is not None else "")
        return found[0] or "OPC UA server", found[1]

    async def find(self) -> Found:
        """Browse below the root, level by level; each node is visited once."""
        namespaces = await self._client.get_namespace_array()
        job = {n for n, uri in enumerate(namespaces) if uri.startswith(_JOB_CONTROL)}
        packml = {n for n, uri in enumerate(namespaces) if uri == _PACKML}
        if not job and not packml:
            raise Misconfigured(
                f"{self._config.endpoint} knows neither ISA-95 job control nor PackML",
                remedy="read another server, or follow its variables with the connector `opcua`",
            )
        found = Found([], [], {})
        seen: set[Any] = set()
        level = [self._client.get_node(ua.NodeId.from_string(self._config.root))]
        for _ in range(self._config.depth):
            following: list[Any] = []
            for node in level:
                for reference in await node.get_references(
                    ua.ObjectIds.HierarchicalReferences, ua.BrowseDirection.Forward
                ):
                    child = self._client.get_node(reference.NodeId)
                    name = reference.BrowseName
                    if reference.NodeId in seen or _is_server(reference.NodeId):
                        continue
                    seen.add(reference.NodeId)
                    if name.NamespaceIndex in job and name.Name == "JobOrderList":
                        found.orders.append(child)
                    elif name.NamespaceIndex in job and name.Name == "JobOrderResponseList":
                        found.responses.append(child)
                    elif name.NamespaceIndex in packml and name.Name == _MACHINES[0]:
                        machine = (await node.read_browse_name()).Name
                        found.machines[machine] = await self._states(child, packml)
                    elif reference.NodeClass == ua.NodeClass.Object:
                        following.append(child)
            level = following
        return found

    async def read_list(self, nodes: Sequence[Any]) -> list[dict[str, Any]]:
        """Give the structures of lists as plain objects."""
        items: list[dict[str, Any]] = []
        for node in nodes:
            given: list[Any] = await node.read_value() or []
            items += [_plain(item) for item in given]
        return items

    async def read_states(self, machines: dict[str, list[Any]]) -> list[State]:
        """Give the finest state that each machine is in."""
        found: list[State] = []
        for machine, nodes in machines.items():
            for node in reversed(nodes):
                value = await node.read_data_value(raise_on_bad_status=False)
                text = _plain(value.Value.Value) if value.Value is not None else None
                if not value.StatusCode.is_good() or not text:
                    continue
                since = value.SourceTimestamp or value.ServerTimestamp or _NO_TIME
                found.append(State(machine, str(text), format_instant(_aware(since))))
                break
        return found

    async def _states(self, machine: Any, packml: set[int]) -> list[Any]:
        """Give the CurrentState of a state machine and of those inside it."""
        states: list[Any] = []
        for name in (None, *_MACHINES[1:]):
            for index in packml if name else ():
                try:
                    machine = await machine.get_child(ua.QualifiedName(name, index))
                except ua.UaError:
                    return states
            try:
                states.append(await machine.get_child(ua.QualifiedName("CurrentState", 0)))
            except ua.UaError:
                return states
        return states


def _plain(given: Any) -> Any:
    """Give a structure as JSON values: localised text as text, times as RFC 3339, variants as their value."""
    if given is None or isinstance(given, bool | int | float | str):
        return given
    if isinstance(given, datetime):
        return None if _aware(given) < _NO_TIME else format_instant(_aware(given))
    if isinstance(given, ua.LocalizedText):
        return given.Text
    if isinstance(given, ua.Variant):
        return _plain(given.Value)
    if isinstance(given, list | tuple):
        return [_plain(item) for item in cast("list[Any]", given)]
    if isinstance(given, bytes):
        return given.hex()
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        fields = dataclasses.fields(given)
        return {
            field.name: _plain(getattr(given, field.name)) for field in fields if field.name != "Encoding"
        }
    return str(given)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_server(node: Any) -> bool:
    return bool(node.NamespaceIndex == 0 and node.Identifier == ua.ObjectIds.Server)
