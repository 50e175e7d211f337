"""A small historian for the tests: `python -m tests.connectors.opcua.server [--secure DIR] [--rows N]`.

Prints `ready <url>`, answers until its standard input ends.
"""

import argparse
import asyncio
import logging
import socket
import sys
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncua.crypto.permission_rules import User, UserRole
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.history import HistoryStorageInterface
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager

from hub.sdk.opcua.stack import ua

START = datetime(2026, 3, 1, tzinfo=UTC)
COUNT = 2_500
PAGE = 1_000
BAD = range(1_200, 1_260)
NAMES = ("BR1.TEMP", "BR1.STATE", "BR1.BATCH", "BR1.PUMP", "BR1.AGIT")
PASSWORD = "let-me-in"


def value_of(name: str, row: int) -> Any:
    """Give the value of a tag at a row, as the server keeps it."""
    if name == "BR1.STATE":
        return ua.Variant(row // 500 % 3, ua.VariantType.Int32)
    if name == "BR1.BATCH":
        return ua.Variant(f"B-{row // 1000}", ua.VariantType.String)
    if name == "BR1.PUMP":
        return ua.Variant(row % 2 == 0, ua.VariantType.Boolean)
    if name == "BR1.AGIT":
        return ua.Variant(float(row), ua.VariantType.Float)
    return ua.Variant(36.5 + row / 10_000, ua.VariantType.Double)


def row_of(name: str, row: int) -> Any:
    """Give one kept value; the temperature has a stretch of sensor failure without numbers."""
    moment = START + timedelta(seconds=row)
    if name == "BR1.TEMP" and row in BAD:
        status = ua.StatusCode(ua.UInt32(0x808C0000))  # BadSensorFailure
        return ua.DataValue(ua.Variant(), status, SourceTimestamp=moment, ServerTimestamp=moment)
    return ua.DataValue(
        value_of(name, row), ua.StatusCode(ua.UInt32(0)), SourceTimestamp=moment, ServerTimestamp=moment
    )


class Memory(HistoryStorageInterface):
    """History in memory; the end of a window is in, as many servers have it."""

    def __init__(self) -> None:
        super().__init__(PAGE)
        self.rows: dict[Any, list[Any]] = {}

    async def init(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def read_node_history(
        self, node_id: Any, start: datetime | None, end: datetime | None, nb_values: int
    ) -> tuple[list[Any], datetime | None]:
        rows = self.rows.get(node_id)
        if rows is None:
            raise ua.uaerrors.BadHistoryOperationUnsupported
        times = [_aware(row.SourceTimestamp) for row in rows]
        first = bisect_left(times, _aware(start)) if start else 0
        last = bisect_right(times, _aware(end)) if end else len(rows)
        limit = min(nb_values or PAGE, PAGE)
        more = times[first + limit] if last - first > limit else None
        return rows[first : min(last, first + limit)], more


def _aware(moment: Any) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Doorkeeper(UserManager):
    """Lets strangers and one user in; not the user with a wrong password."""

    def get_user(  # type: ignore[override]
        self, iserver: Any, username: str | None = None, password: Any = None, certificate: Any = None
    ) -> User | None:
        if username is None:
            return User(role=UserRole.User)
        given = password.decode() if isinstance(password, bytes) else password
        return User(role=UserRole.User, name=username) if (username, given) == ("hub", PASSWORD) else None


async def serve(secure: Path | None, rows: int) -> None:
    """Serve until standard input ends."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    server = Server(user_manager=Doorkeeper())
    await server.init()
    if secure is None:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    else:
        await server.set_application_uri("urn:test:historian")
        policies = [
            ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
            ua.SecurityPolicyType.Basic256Sha256_Sign,
        ]
        store = TrustStore([secure / "trusted_clients"], [])
        await store.load()
        options = CertificateValidatorOptions.TRUSTED | CertificateValidatorOptions.PEER_CLIENT
        server.set_security_policy(policies)
        await server.load_certificate(str(secure / "server.der"))
        await server.load_private_key(str(secure / "server.pem"))
        server.set_certificate_validator(CertificateValidator(options, store))
    server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken])
    memory = Memory()
    server.iserver.history_manager.set_storage(memory)
    await _build(server, memory, rows)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/test")
    async with server:
        print(f"ready opc.tcp://127.0.0.1:{port}/test", flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def _build(server: Server, memory: Memory, rows: int) -> None:
    index = await server.register_namespace("urn:test")
    plant = await server.nodes.objects.add_object(ua.NodeId("BR1", index), ua.QualifiedName("BR1", index))
    for name in (*NAMES, "BR1.NEVER", "BR1.LIVE"):
        kept = name in NAMES
        value = value_of(name if kept else "BR1.TEMP", 0)
        node = await plant.add_variable(
            ua.NodeId(name, index), ua.QualifiedName(name, index), value.Value, varianttype=value.VariantType
        )
        level = 1 if name == "BR1.LIVE" else 5
        for attribute in (ua.AttributeIds.AccessLevel, ua.AttributeIds.UserAccessLevel):
            await node.write_attribute(attribute, ua.DataValue(ua.Variant(level, ua.VariantType.Byte)))
        if kept:
            memory.rows[node.nodeid] = [row_of(name, row) for row in range(rows)]
        if name == "BR1.TEMP":
            unit = ua.EUInformation(
                NamespaceUri="http://www.opcfoundation.org/UA/units/un/cefact",
                UnitId=int.from_bytes(b"CEL", "big"),
                DisplayName=ua.LocalizedText("°C"),
            )
            await node.add_property(
                ua.NodeId(f"{name}.EngineeringUnits", index), ua.QualifiedName("EngineeringUnits", 0), unit
            )
            await node.add_property(
                ua.NodeId(f"{name}.EURange", index),
                ua.QualifiedName("EURange", 0),
                ua.Range(Low=0.0, High=80.0),
            )
        if name == "BR1.STATE":
            words = [ua.LocalizedText(word) for word in ("Idle", "Running", "Held")]
            await node.add_property(
                ua.NodeId(f"{name}.EnumStrings", index), ua.QualifiedName("EnumStrings", 0), words
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--secure", type=Path)
    parser.add_argument("--rows", type=int, default=COUNT)
    given = parser.parse_args()
    asyncio.run(serve(given.secure, given.rows))
