"""The connector against SAP's own CAP server (V2 adapter): software that this project did not write."""

import os
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.sap_odata import SapConfig, SapOdata
from hub.model import Batch, OperationsRequest
from hub.sdk import Misconfigured, Rejected

ROOT = Path(__file__).resolve().parents[3]
PEERS = Path(os.environ.get("PLANTWIDE_PEERS") or ROOT.parent / "shared" / "peers")
SCRIPT = PEERS / "sap_cap_peer.sh"
ORDERS = 500


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("SAP CAP peer: PLANTWIDE_TEST_PEERS is not 1 (it installs from npm)")
    if not SCRIPT.is_file():
        pytest.skip(f"SAP CAP peer: no {SCRIPT.name} in the folder that PLANTWIDE_PEERS names")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = subprocess.Popen(
        ["bash", str(SCRIPT), str(tmp_path_factory.mktemp("cap")), str(port)],
        env={**os.environ, "N": str(ORDERS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert started.stdout is not None
    try:
        said: list[str] = []
        for line in started.stdout:
            said.append(line)
            if "server listening on" in line:
                break
        else:
            pytest.fail("the CAP peer ended before it listened:\n" + "".join(said[-20:]))
        rest = threading.Thread(target=started.stdout.read)
        rest.start()
        yield f"http://127.0.0.1:{port}/sap/opu/odata/sap"
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait(20)
    rest.join()
    started.stdout.close()


def connect(url: str, **settings: Any) -> SapOdata:
    given = {"url": url, "streams": ["orders"], "timezone": "Europe/Dublin", "page_size": 120, **settings}
    return SapOdata(SapConfig.model_validate(given))


def test_every_order_of_the_peer_is_read_and_understood(url: str) -> None:
    kinds: Counter[str] = Counter()
    with connect(url) as connector:
        assert connector.check().system
        pages = list(connector.read("orders", None))
        for document in (d for page in pages for d in page.documents):
            for part in connector.parse(document):
                assert not isinstance(part, Rejected), part
                kinds[part.record_type] += 1
    assert (kinds["operations_request"], kinds["batch"], kinds["material_lot"]) == (ORDERS, ORDERS, ORDERS)


def test_the_peer_gives_only_what_changed_since(url: str) -> None:
    with connect(url) as connector:
        pages = list(connector.read("orders", None))
        whole = {d.key for page in pages for d in page.documents}
        for page_number in (1, 3):
            cursor = pages[page_number - 1].cursor
            rest = {d.key for page in connector.read("orders", cursor) for d in page.documents}
            assert {d.key for page in pages[:page_number] for d in page.documents} | rest == whole
        again = [d.key for page in connector.read("orders", pages[-1].cursor) for d in page.documents]
    assert 0 < len(set(again)) < 10


def test_an_order_of_the_peer_has_its_lot_and_its_local_time(url: str) -> None:
    with connect(url, plants=["1010"]) as connector:
        page = next(iter(connector.read("orders", None)))
        parts = list(connector.parse(page.documents[0]))
    request = next(part for part in parts if isinstance(part, OperationsRequest))
    batch = next(part for part in parts if isinstance(part, Batch))
    assert request.id.value == "1000000"
    assert batch.output_lot is not None
    assert batch.output_lot.value == "IM-500|1010|B240000"
    assert request.planned_start is not None
    assert request.planned_start.isoformat() == "2024-01-01T08:00:00+00:00"


def test_the_peers_error_body_is_told(url: str) -> None:
    with (
        connect(url, services={"orders": "API_NOPE_SRV"}) as connector,
        pytest.raises(Misconfigured, match="404"),
    ):
        connector.check()
