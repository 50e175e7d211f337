"""An independent implementation: node-opcua's server with history, installed by npm into a folder of its own."""

import os
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.sdk import Window
from hub.sdk.testing.session import Session
from tests.connectors.opcua.test_opcua import batches_of
from tests.connectors.opcua.test_opcua_conformance import make_opcua
from tests.house.tree import ROOT

COUNT = 20_000
pytestmark = [pytest.mark.peers, pytest.mark.against("opcua", "node-opcua server", how="live")]
START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of the peer; npm needs half a minute to install it."""
    script = (
        Path(os.environ.get("PLANTWIDE_PEERS") or ROOT.parent / "shared" / "peers") / "opcua_history_node.sh"
    )
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("peers: PLANTWIDE_TEST_PEERS=1 is not set (node-opcua server)")
    if not script.is_file():
        pytest.skip(f"peers: no {script.name}; set PLANTWIDE_PEERS to the folder of peer scripts")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("peer")
    command = ["bash", str(script), str(folder), str(port), str(COUNT)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("ready"):
                yield line.split()[1]
                break
        else:
            pytest.fail(f"the peer ended: {process.wait()}")
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def test_the_peers_history_comes_whole_with_its_bad_values(peer: str) -> None:
    with Session(make_opcua(peer, nodes=None, user=None, password=None)) as session:
        names = [tag.id.value for tag in session.collect(session.connector.tags())]
        window = Window(START, START + timedelta(minutes=COUNT))
        batches = batches_of(session, names, window)
        found = [row for batch in batches for row in batch.to_pylist()]
    assert len(names) == 5
    assert len(found) == 5 * COUNT
    for name in names:
        mine = [row for row in found if row["tag"] == name]
        assert [row["ts"] for row in mine] == [START + timedelta(minutes=n) for n in range(COUNT)]
        assert [n for n, row in enumerate(mine) if row["quality"]] == list(range(996, COUNT, 997))
    assert {hex(row["quality"]) for row in found if row["quality"]} == {"0x808c0000"}


def test_windows_of_the_peer_are_half_open(peer: str) -> None:
    with Session(make_opcua(peer, nodes=None, user=None, password=None)) as session:
        window = Window(START + timedelta(minutes=10), START + timedelta(minutes=20))
        batches = batches_of(session, ["ns=1;s=BR-2001.TEMP"], window)
    times = [row["ts"] for batch in batches for row in batch.to_pylist()]
    assert times == [START + timedelta(minutes=n) for n in range(10, 20)]
