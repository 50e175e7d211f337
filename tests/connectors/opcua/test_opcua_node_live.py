"""An independent implementation, live and protected: node-opcua tells of changes, keeps history, and has every policy."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.opcua import OpcUa, OpcUaConfig
from hub.sdk import Window
from hub.sdk.testing.live import LiveSuite
from hub.sdk.testing.session import Session
from tests.connectors.opcua.test_opcua import batches_of

VERSION = "node-opcua@2.186.4"
NAMES = [f"ns=1;s=BR-2001.{name}" for name in ("DO", "PH", "TEMP")]


@dataclass
class Node:
    """A running server and the certificate that it shows."""

    url: str
    certificate: str
    process: Any

    def move(self) -> bool:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        while self.process.stdout.readline().strip() != "done":
            pass
        return True


@pytest.fixture(scope="module")
def moving_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Give a moving server; npm needs half a minute to install it, unless a folder has it."""
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("peers: PLANTWIDE_TEST_PEERS=1 is not set (moving node-opcua server)")
    if shutil.which("npm") is None:
        pytest.skip("peers: no npm, which brings node-opcua")
    folder = tmp_path_factory.mktemp("moving")
    modules = Path(os.environ.get("PLANTWIDE_NODE_OPCUA") or folder) / "node_modules"
    if not (modules / "node-opcua").is_dir():
        options = ["--no-audit", "--no-fund", "--prefix", str(folder)]
        subprocess.run(["npm", "install", *options, VERSION], check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["node", str(Path(__file__).parent / "moving_node.js"), str(port), str(folder)],
        env={**os.environ, "NODE_PATH": str(modules)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("ready "):
                _, url, certificate = line.split()
                yield Node(url, certificate, process)
                break
        else:
            pytest.fail("the moving server did not start")
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def make_protected(node: Node, certificates: Path, policy: str, **settings: Any) -> OpcUa:
    given = {
        "endpoint": node.url,
        "root": "ns=1;s=nothing",
        "nodes": NAMES,
        "security": {
            "policy": policy,
            "certificate": str(certificates / "client.der"),
            "private_key": str(certificates / "client.pem"),
            "server_certificate": node.certificate,
        },
        **settings,
    }
    return OpcUa(OpcUaConfig.model_validate(given))


@pytest.mark.peers
class TestFollowingNodeOpcUa(LiveSuite):
    """Told live over a protected channel, and held against what its history gives."""

    @pytest.fixture(autouse=True)
    def world(self, moving_node: Node, certificates: Path) -> None:
        self.node = moving_node
        self.certificates = certificates

    def make(self) -> OpcUa:
        live = {"publishing_ms": 200, "promise": "always", "keep_alive_s": 2}
        return make_protected(self.node, self.certificates, "Basic256Sha256", live=live)

    def move(self) -> bool:
        return self.node.move()

    def test_refused_credentials_are_an_error_and_stay_hidden(self) -> None:
        pytest.skip("node-opcua is tried with certificates alone here; logins are tried at asyncua")


@pytest.mark.peers
@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"])
def test_every_policy_gives_the_history(moving_node: Node, certificates: Path, policy: str) -> None:
    moving_node.move()
    with Session(make_protected(moving_node, certificates, policy)) as session:
        health = session.wait(session.connector.check())
        extent = session.wait(session.connector.extent())
        assert extent is not None
        batches = batches_of(session, NAMES, Window(extent.end - timedelta(minutes=10), extent.end))
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert "node-opcua" in health.system
    assert {row["tag"] for row in rows} == set(NAMES)
    assert len(rows) >= 18
    print(f"{policy}: {len(rows)} samples of {len(NAMES)} variables")
