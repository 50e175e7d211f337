"""An independent edge node (npm sparkplug-client, of Eclipse Tahu's origin) at a broker of its own."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.sdk import Rejected
from hub.sdk.mqtt import MqttSession
from tests.connectors.broker import Mosquitto, run_broker
from tests.connectors.sparkplug.test_sparkplug_conformance import make_sparkplug
from tests.house.tree import ROOT

COUNT = 200
PLACE = "Site1/USP-A/BR-2001"


@pytest.fixture(scope="module")
def open_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """Give a broker that lets strangers in, as the peer logs in as nobody."""
    with run_broker(
        tmp_path_factory.mktemp("broker"), "allow_anonymous true", "upgrade_outgoing_qos true"
    ) as broker:
        yield broker


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the installed edge node; npm needs some seconds."""
    script = Path(os.environ.get("PLANTWIDE_PEERS") or ROOT.parent / "shared" / "peers") / "sparkplug_edge.js"
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("peers: PLANTWIDE_TEST_PEERS=1 is not set (sparkplug-client edge node)")
    if not script.is_file() or shutil.which("npm") is None:
        pytest.skip(f"peers: no npm, or no {script.name}; set PLANTWIDE_PEERS to the folder of peer scripts")
    folder = tmp_path_factory.mktemp("edge")
    (folder / script.name).write_bytes(script.read_bytes())
    options = ["--no-audit", "--no-fund", "--prefix", str(folder)]
    subprocess.run(["npm", "install", *options, "sparkplug-client@3.2.4"], check=True, capture_output=True)
    return folder


@pytest.mark.peers
@pytest.mark.against("sparkplug", "sparkplug-client edge node and Mosquitto", how="live")
def test_every_value_of_the_peers_life_is_read_and_its_death_too(open_broker: Mosquitto, peer: Path) -> None:
    def live() -> None:
        command = ["node", "sparkplug_edge.js", f"mqtt://127.0.0.1:{open_broker.port}", str(COUNT)]
        subprocess.run(command, cwd=peer, check=True, capture_output=True, timeout=60)

    async def story() -> list[dict[str, Any]]:
        connector = make_sparkplug(open_broker, client_id="hub-peer", nodes=[], discover_s=4)
        life = asyncio.create_task(asyncio.to_thread(live))
        tags = {tag.id.value: tag async for tag in connector.tags()}
        await life
        assert {name.rpartition(":")[2] for name in tags if name.startswith(PLACE)} == {
            "TEMP",
            "PH",
            "BatchID",
            "Running",
        }
        assert (tags[f"{PLACE}:TEMP"].unit, tags[f"{PLACE}:Running"].value_type) == ("Cel", "boolean")
        broker = connector.config.broker
        async with MqttSession(
            broker,
            [
                f"spBv1.0/+/{k}"
                for k in ("NBIRTH/+", "NDATA/+", "NDEATH/+", "DBIRTH/+/+", "DDATA/+/+", "DDEATH/+/+")
            ],
        ):
            pass  # from now on the broker keeps for us what a second life tells
        await asyncio.to_thread(live)
        rows: list[dict[str, Any]] = []
        given = connector.subscribe(sorted(tags))
        try:
            while not any(row["quality"] == 0x80310000 for row in rows):
                item = await asyncio.wait_for(anext(given), 20)
                assert not (isinstance(item, Rejected) and "did not come" in item.reason)
                rows += item.to_pylist() if hasattr(item, "to_pylist") else []  # type: ignore[union-attr]
        finally:
            await given.aclose()  # type: ignore[attr-defined]
        return rows

    rows = asyncio.run(story())
    temperatures = [row for row in rows if row["tag"] == f"{PLACE}:TEMP"]
    acidities = [row for row in rows if row["tag"] == f"{PLACE}:PH"]
    assert len([row for row in temperatures if row["quality"] == 0]) == COUNT + 1  # the birth and the data
    assert [row["value"] for row in temperatures[:2]] == [36.9, 36.9]
    assert [n for n, row in enumerate(acidities[1 : COUNT + 1]) if row["value"] is None] == list(
        range(49, COUNT, 50)
    )
    assert {row["text"] for row in rows if row["tag"] == f"{PLACE}:BatchID"} == {"B24001", None}
    print(f"{len(rows)} samples of {len({row['tag'] for row in rows})} metrics from sparkplug-client")
