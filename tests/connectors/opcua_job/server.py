"""A server with jobs and machines for the tests: `python -m tests.connectors.opcua_job.server [--nodesets DIR]`.

With DIR its types come from the OPC Foundation's nodesets (ISA-95 job control 2.0, PackML 1.01); without it the tests
define the same structures, by the names of OPC 10031-4 and OPC 30050. Prints `ready <url>`, answers each line on its
standard input with `done` after having let the world go on, until that ends.
"""

import argparse
import asyncio
import logging
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncua.common.structures104 import new_struct, new_struct_field
from asyncua.server.server import Server

from hub.sdk.opcua.stack import ua
from tests.connectors.opcua.server import Doorkeeper

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
JOB_CONTROL = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"
PACKML = "http://opcfoundation.org/UA/PackML/"
COUNT = 3
TEXT, EU, STRUCTURE = ua.VariantType.String, ua.NodeId(ua.Int32(887)), ua.VariantType.ExtensionObject
LOCAL, TIME = ua.VariantType.LocalizedText, ua.VariantType.DateTime
TYPES: dict[str, list[tuple[str, Any, str]]] = {
    "ISA95StateDataType": [("StateText", LOCAL, ""), ("StateNumber", ua.VariantType.UInt32, "")],
    "ISA95ParameterDataType": [
        ("ID", TEXT, ""),
        ("Value", ua.VariantType.Variant, ""),
        ("EngineeringUnits", EU, "optional"),
    ],
    "ISA95WorkMasterDataType": [("ID", TEXT, "")],
    **{
        f"ISA95{word}DataType": [
            ("ID", TEXT, ""),
            (f"{word}Use", TEXT, "optional"),
            ("Quantity", TEXT, "optional"),
            ("EngineeringUnits", EU, "optional"),
        ]
        for word in ("Equipment", "PhysicalAsset", "Personnel")
    },
    "ISA95MaterialDataType": [
        ("MaterialDefinitionID", TEXT, "optional"),
        ("MaterialLotID", TEXT, "optional"),
        ("MaterialUse", TEXT, "optional"),
        ("Quantity", TEXT, "optional"),
        ("EngineeringUnits", EU, "optional"),
    ],
    "ISA95JobOrderDataType": [
        ("JobOrderID", TEXT, ""),
        ("Description", LOCAL, "optional list"),
        ("WorkMasterID", "ISA95WorkMasterDataType", "optional list"),
        ("StartTime", TIME, "optional"),
        ("EndTime", TIME, "optional"),
        ("Priority", ua.VariantType.Int16, "optional"),
    ],
    "ISA95JobOrderAndStateDataType": [
        ("JobOrder", "ISA95JobOrderDataType", ""),
        ("State", "ISA95StateDataType", "list"),
    ],
    "ISA95JobResponseDataType": [
        ("JobResponseID", TEXT, ""),
        ("Description", LOCAL, "optional"),
        ("JobOrderID", TEXT, ""),
        ("StartTime", TIME, "optional"),
        ("EndTime", TIME, "optional"),
        ("JobState", "ISA95StateDataType", "list"),
        ("JobResponseData", "ISA95ParameterDataType", "optional list"),
        ("PersonnelActuals", "ISA95PersonnelDataType", "optional list"),
        ("EquipmentActuals", "ISA95EquipmentDataType", "optional list"),
        ("PhysicalAssetActuals", "ISA95PhysicalAssetDataType", "optional list"),
        ("MaterialActuals", "ISA95MaterialDataType", "optional list"),
    ],
}
"""Fields of the structures that the tests use, without those of one inside itself."""


def unit(text: str) -> Any:
    return ua.EUInformation(DisplayName=ua.LocalizedText(text))


def state(*texts: str) -> list[Any]:
    kind = ua.ISA95StateDataType
    return [kind(StateText=ua.LocalizedText(text), StateNumber=n) for n, text in enumerate(texts, 1)]


def order(number: int, *texts: str) -> Any:
    job = ua.ISA95JobOrderDataType(
        JobOrderID=f"JO-{number}",
        Description=[ua.LocalizedText("Fill vials")],
        WorkMasterID=[ua.ISA95WorkMasterDataType(ID="WM-FILL")],
        StartTime=START + timedelta(hours=number),
        EndTime=START + timedelta(hours=number + 1),
        Priority=number,
    )
    return ua.ISA95JobOrderAndStateDataType(JobOrder=job, State=state(*texts))


def response(number: int, *texts: str) -> Any:
    parameter = ua.ISA95ParameterDataType
    volume = parameter(ID="Volume", Value=ua.Variant(2.5), EngineeringUnits=unit("mL"))
    if hasattr(volume, "Subparameters"):
        volume.Subparameters = [parameter(ID="Limit", Value=ua.Variant(2.6), EngineeringUnits=unit("mL"))]
    material = ua.ISA95MaterialDataType(
        MaterialDefinitionID="BULK",
        MaterialLotID=f"L-{number}",
        MaterialUse="Material Consumed",
        Quantity="2.60",
        EngineeringUnits=unit("kg"),
    )
    return ua.ISA95JobResponseDataType(
        JobResponseID=f"JR-{number}",
        Description=ua.LocalizedText("Filling"),
        JobOrderID=f"JO-{number}",
        StartTime=START + timedelta(hours=number),
        EndTime=START + timedelta(hours=number, minutes=40) if texts[0] == "Ended" else None,
        JobState=state(*texts),
        JobResponseData=[
            parameter(ID="BatchID", Value=ua.Variant(f"B26-{number:04d}")),
            parameter(ID="Vials", Value=ua.Variant(1000 + number, ua.VariantType.Int32)),
            volume,
        ],
        PersonnelActuals=[ua.ISA95PersonnelDataType(ID="OP-7", PersonnelUse="Operator")],
        EquipmentActuals=[ua.ISA95EquipmentDataType(ID="FILLER-1", EquipmentUse="Filling")],
        MaterialActuals=[material],
    )


class World:
    """The server's objects, and how they go on."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.orders: Any = None
        self.responses: Any = None
        self.states: list[Any] = []
        self.turn = 0

    async def take_nodesets(self, folder: Path) -> None:
        """Make objects of the published types."""
        objects = self.server.nodes.objects
        await self.server.import_xml(folder / "opc.ua.isa95-jobcontrol.nodeset2.xml")
        await self.server.import_xml(folder / "Opc.Ua.PackML.NodeSet2.xml")
        await self.server.load_data_type_definitions()
        job, packml = [await self.server.get_namespace_index(uri) for uri in (JOB_CONTROL, PACKML)]
        receiver = await objects.add_object(job, "JobOrders", objecttype=ua.NodeId(ua.Int32(1002), job))
        provider = await objects.add_object(job, "JobResponses", objecttype=ua.NodeId(ua.Int32(1003), job))
        self.orders = await receiver.get_child(f"{job}:JobOrderList")
        self.responses = await provider.get_child(f"{job}:JobOrderResponseList")
        at = await objects.add_object(packml, "Filler", objecttype=ua.NodeId(ua.Int32(6), packml))
        for name in ("BaseStateMachine", "MachineState", "ExecuteState"):
            at = await at.get_child(f"{packml}:{name}")
            self.states.append(await at.get_child("0:CurrentState"))

    async def make_types(self) -> None:
        """Make the same structures and objects by hand."""
        objects = self.server.nodes.objects
        job, packml = [await self.server.register_namespace(uri) for uri in (JOB_CONTROL, PACKML)]
        made: dict[str, Any] = {}
        for name, fields in TYPES.items():
            written = [
                new_struct_field(
                    f,
                    made[kind] if isinstance(kind, str) else kind,
                    array="list" in how,
                    optional="optional" in how,
                )
                for f, kind, how in fields
            ]
            made[name], _ = await new_struct(self.server, job, name, written)
        await self.server.load_data_type_definitions()
        line = await objects.add_object(job, "Line")
        self.orders, self.responses = [
            await line.add_variable(job, name, ua.Variant([], STRUCTURE), datatype=made[kind].nodeid)
            for name, kind in (
                ("JobOrderList", "ISA95JobOrderAndStateDataType"),
                ("JobOrderResponseList", "ISA95JobResponseDataType"),
            )
        ]
        at = await objects.add_object(packml, "Filler")
        for name in ("BaseStateMachine", "MachineState", "ExecuteState"):
            at = await at.add_object(packml, name)
            self.states.append(await at.add_variable(0, "CurrentState", ua.LocalizedText("")))

    async def go_on(self) -> None:
        """Let time pass: a job ends, another one comes, the machine changes its state."""
        last = COUNT + self.turn
        past = range(1, last)
        orders = [*(order(n, "Ended", "Completed") for n in past), order(last, "AllowedToStart", "Loaded")]
        responses = [*(response(n, "Ended", "Completed") for n in past), response(last, "Running")]
        await self._write(self.orders, orders, STRUCTURE)
        await self._write(self.responses, responses, STRUCTURE)
        texts = ("Cleared", "Running", "Execute" if self.turn % 2 else "Held")
        for node, text in zip(self.states, texts, strict=True):
            await self._write(node, ua.LocalizedText(text), LOCAL)
        self.turn += 1

    async def _write(self, node: Any, value: Any, kind: Any) -> None:
        at = START + timedelta(minutes=self.turn)
        status = ua.StatusCode(ua.UInt32(0))
        told = ua.DataValue(ua.Variant(value, kind), status, SourceTimestamp=at, ServerTimestamp=at)
        await self.server.write_attribute_value(node.nodeid, told)


async def serve(nodesets: Path | None) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server: Any = Server(user_manager=Doorkeeper())
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/jobs")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken])
    world = World(server)
    await (world.take_nodesets(nodesets) if nodesets else world.make_types())
    await world.go_on()
    async with server:
        print(f"ready opc.tcp://127.0.0.1:{port}/jobs", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            await world.go_on()
            print("done", flush=True)


if __name__ == "__main__":
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodesets", type=Path)
    asyncio.run(serve(parser.parse_args().nodesets))
