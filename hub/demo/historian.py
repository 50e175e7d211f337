"""The historian: an OPC UA server with one variable a tag below the equipment hierarchy, and its history."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from copy import copy
from datetime import datetime
from pathlib import Path

from asyncua import ua
from asyncua.common.node import Node
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from hub.demo.clock import read_clock
from hub.demo.curves import Track
from hub.demo.history import TrackHistory, count_until, value_at
from hub.demo.plan import PLACES
from hub.demo.tags import Tag
from hub.model.unit import find_unit

NAMESPACE = "urn:plantwide:demo:historian"
PATH = "/plantwide/demo"
_UNITS = "http://www.opcfoundation.org/UA/units/un/cefact"
_TYPES = {"float": ua.VariantType.Double, "step": ua.VariantType.Int32, "text": ua.VariantType.String}
NODES_PER_READ = 4
"""How many nodes one HistoryRead should name: an answer then takes a fraction of a second to make."""
_READ_WITH_HISTORY = {ua.AccessLevel.CurrentRead, ua.AccessLevel.HistoryRead}


class Historian:
    """An OPC UA server on loopback whose values and history follow the plant clock."""

    def __init__(self, directory: Path, tracks: dict[str, Track]) -> None:
        self._directory = directory
        self._tracks = tracks
        self._nodes: dict[str, Node] = {}
        self._server = Server()
        self._shown: datetime | None = None

    async def start(self, port: int) -> str:
        """Open the server and give its URL; port 0 takes a free one. OSError when the port is taken."""
        logging.getLogger("asyncua").setLevel(logging.ERROR)
        await self._server.init()
        self._server.set_server_name("Plantwide demo historian (simulated)")
        self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        self._server.set_identity_tokens([ua.AnonymousIdentityToken])
        index = await self._server.register_namespace(NAMESPACE)
        await self._build(index)
        limit = self._server.get_node(
            _id_of(ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData)
        )
        await limit.write_value(ua.Variant(NODES_PER_READ, ua.VariantType.UInt32))
        inner = self._server.iserver
        inner.history_manager = TrackHistory(
            inner, self._directory, {node.nodeid: self._tracks[n] for n, node in self._nodes.items()}
        )
        url = f"opc.tcp://127.0.0.1:{port or _free_port()}{PATH}"
        self._server.set_endpoint(url)
        await self._server.start()
        await self._stop_own_clock()
        await self.show(read_clock(self._directory))
        return url

    async def stop(self) -> None:
        """Close sessions and the port."""
        await self._server.stop()

    async def _stop_own_clock(self) -> None:
        """The server's current time is the plant's, not this machine's: clients may read up to it."""
        inner = self._server.iserver
        if inner.time_task is not None:
            inner.time_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await inner.time_task
            inner.time_task = None

    async def show(self, at: datetime) -> None:
        """Make the last value kept by an instant the current value of each tag; subscribers hear of it.

        The server's current time becomes that instant.
        """
        if at == self._shown:
            return
        inner = self._server.iserver
        status = copy(await inner.server_status_node.read_value())
        status.CurrentTime = at
        await inner.server_status_node.write_value(status)
        await inner.current_time_node.write_value(at)
        for name, node in self._nodes.items():
            track = self._tracks[name]
            count = count_until(track, at)
            if count:
                await self._server.write_attribute_value(node.nodeid, value_at(track, count - 1))
        self._shown = at

    async def _build(self, index: int) -> None:
        folders: dict[str | None, Node] = {None: self._server.nodes.objects}
        for place in PLACES:
            parent = folders[place.parent]
            node = await parent.add_object(_node_id(place.id, index), ua.QualifiedName(place.id, index))
            await node.write_attribute(AttributeIds.Description, _text(place.description))
            folders[place.id] = node
        folders[None] = await folders[PLACES[0].id].add_object(
            _node_id("UNASSIGNED", index), ua.QualifiedName("UNASSIGNED", index)
        )
        for track in self._tracks.values():
            self._nodes[track.tag.name] = await _add_tag(folders[track.tag.equipment], track.tag, index)


async def _add_tag(parent: Node, tag: Tag, index: int) -> Node:
    kind = _TYPES[tag.kind]
    zero = "" if tag.kind == "text" else 0 if tag.kind == "step" else 0.0
    node = await parent.add_variable(
        _node_id(tag.name, index), ua.QualifiedName(tag.name, index), zero, varianttype=kind
    )
    level = ua.DataValue(ua.Variant(ua.AccessLevel.to_bitfield(_READ_WITH_HISTORY), ua.VariantType.Byte))
    await node.write_attribute(AttributeIds.AccessLevel, level)
    await node.write_attribute(AttributeIds.UserAccessLevel, level)
    await node.write_attribute(AttributeIds.Historizing, ua.DataValue(ua.Variant(Value=True)))
    await node.write_attribute(AttributeIds.Description, _text(tag.description))
    if tag.unit:
        await node.add_property(
            _node_id(f"{tag.name}.EU", index), "0:EngineeringUnits", _engineering_unit(tag.unit)
        )
        limits = ua.Range(Low=tag.low, High=tag.high)
        await node.add_property(_node_id(f"{tag.name}.RANGE", index), "0:EURange", limits)
    return node


def _node_id(name: str, index: int) -> ua.NodeId:
    return ua.NodeId(ua.String(name), ua.Int16(index))


def _id_of(number: int) -> ua.NodeId:
    return ua.NodeId(ua.Int32(number), ua.Int16(0))


def _text(text: str) -> ua.DataValue:
    return ua.DataValue(ua.Variant(ua.LocalizedText(text), ua.VariantType.LocalizedText))


def _engineering_unit(text: str) -> ua.EUInformation:
    """UnitId is the UNECE code read as a big-endian number (OPC UA Part 8, 5.6.3); -1 where there is none."""
    return ua.EUInformation(
        NamespaceUri=_UNITS,
        UnitId=find_unit(text).opcua_id,
        DisplayName=ua.LocalizedText(text),
        Description=ua.LocalizedText(text),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def serve_history(
    historian: Historian, port: int, *, ready: Callable[[str], None], stopped: asyncio.Event
) -> None:
    """Serve until `stopped`; `ready` hears the URL once clients can connect."""
    url = await historian.start(port)
    try:
        ready(url)
        await stopped.wait()
    finally:
        await historian.stop()
