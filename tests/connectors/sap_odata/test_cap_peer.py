"""The connector against SAP's own CAP server, V2 and V4: software that this project did not write."""

import os
import shutil
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
from hub.model import Batch, Identifier, LotDisposition, MaterialActual, OperationsRequest, Sample, TestResult
from hub.sdk import Misconfigured, Rejected
from tests.connectors.sap_odata.cap import seed

ROOT = Path(__file__).resolve().parents[3]
PEERS = Path(os.environ.get("PLANTWIDE_PEERS") or ROOT.parent / "shared" / "peers")
SCRIPT = PEERS / "sap_cap_peer.sh"
ORDERS = 500
CHAINS = 60
"""Lots with their movements and inspections, served from quality.cds."""
pytestmark = [pytest.mark.peers, pytest.mark.against("sap_odata", "SAP CAP server", how="live")]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("SAP CAP peer: PLANTWIDE_TEST_PEERS is not 1 (it installs from npm)")
    if not SCRIPT.is_file():
        pytest.skip(f"SAP CAP peer: no {SCRIPT.name} in the folder that PLANTWIDE_PEERS names")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("cap")
    seed.write(folder / "srv" / "data", CHAINS)
    shutil.copy(Path(__file__).parent / "cap" / "quality.cds", folder / "srv")
    started = subprocess.Popen(
        ["bash", str(SCRIPT), str(folder), str(port)],
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


# ------------------------------------------------------------- the further services, in both versions

STREAMS = {
    "products": 3,
    "batches": CHAINS,
    "production_orders": CHAINS,
    "material_documents": 4 * CHAINS,
    "inspection_lots": CHAINS,
    "inspection_characteristics": 2 * CHAINS,
    "inspection_results": 2 * CHAINS,
    "usage_decisions": CHAINS,
}


def connect_version(url: str, protocol: str) -> SapOdata:
    place = url if protocol == "v2" else url.removesuffix("/sap/opu/odata/sap")
    return connect(place, protocol=protocol, streams=[*STREAMS, "orders"], page_size=50)


@pytest.mark.parametrize("protocol", ["v2", "v4"])
def test_every_row_of_every_service_is_read_once_and_understood(url: str, protocol: str) -> None:
    with connect_version(url, protocol) as connector:
        connector.check()
        for stream, count in {**STREAMS, "orders": ORDERS}.items():
            documents = [d for page in connector.read(stream, None) for d in page.documents]
            assert (stream, len({d.key for d in documents})) == (stream, count)
            parts = [part for d in documents for part in connector.parse(d)]
            assert [part for part in parts if isinstance(part, Rejected)] == []


@pytest.mark.parametrize("protocol", ["v2", "v4"])
def test_one_batch_is_traced_from_its_issues_to_its_release(url: str, protocol: str) -> None:
    with connect_version(url, protocol) as connector:
        parts = [
            part
            for stream in ("material_documents", "inspection_lots", "inspection_results", "usage_decisions")
            for page in connector.read(stream, None)
            for document in page.documents
            for part in connector.parse(document)
        ]
    order = Identifier(scheme="process_order", value="1000007")
    moved = [
        (m.use, m.lot.label if m.lot else None, m.quantity.value, m.reverses)
        for m in parts
        if isinstance(m, MaterialActual) and m.batch == order and m.quantity
    ]
    assert moved == [
        ("Consumed", "RM-100-L00", 1500.0, None),
        ("Consumed", "RM-200-L00", 120.0, None),
        ("Consumed", "RM-200-L00", -20.0, "2024/4900000701/1"),
        ("Produced", "B240007", 1700.0, None),
    ]
    (sample,) = (s for s in parts if isinstance(s, Sample) and s.batch == order)
    results = [r for r in parts if isinstance(r, TestResult) and r.sample == sample.key]
    assert {(r.test_code, r.value.text, r.value.unit, r.verdict) for r in results} == {
        ("TITER", "5.00", "g/L", "pass"),
        ("PH", "7.00", None, "pass"),
    }
    (decision,) = (d for d in parts if isinstance(d, LotDisposition) and d.batch == order)
    assert (decision.lot, decision.decision) == (sample.lot, "UnRestricted")


@pytest.mark.parametrize("protocol", ["v2", "v4"])
def test_either_version_gives_from_any_cursor_what_is_left(url: str, protocol: str) -> None:
    with connect_version(url, protocol) as connector:
        for stream in ("batches", "inspection_results", "production_orders"):
            pages = list(connector.read(stream, None))
            whole = {d.key for page in pages for d in page.documents}
            known = {d.key for d in pages[0].documents}
            assert (
                known | {d.key for p in connector.read(stream, pages[0].cursor) for d in p.documents} == whole
            )
            assert len({d.key for p in connector.read(stream, pages[-1].cursor) for d in p.documents}) < 10
