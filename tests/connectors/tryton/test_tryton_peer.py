"""The connector against a real Tryton 8 and a real GNU Health laboratory: software that this project did not write."""

import os
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from connectors.tryton import Tryton, TrytonConfig
from connectors.tryton.models import MODELS
from hub.model import Batch, Identifier, MaterialActual, Record, Sample, SegmentResponse, TestResult
from hub.sdk import Cursor, Rejected

pytestmark = pytest.mark.peers
HERE = Path(__file__).resolve().parent
PEERS = Path(os.environ.get("PLANTWIDE_PEERS") or HERE.parents[3] / "shared" / "peers")
POSTGRES = os.environ.get("PLANTWIDE_TEST_POSTGRES", "")
ERP = [name for name in MODELS if not name.startswith(("test_", "lab_"))]
LABORATORY = ["test_types", "test_criteria", "lab_tests", "lab_results"]
Told = dict[str, list[Record | Rejected]]


@contextmanager
def run_peer(script: str, folder: Path, **environment: str) -> Generator[str]:
    """Start a peer on a free port; give its address once it answers."""
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("Tryton peers: PLANTWIDE_TEST_PEERS is not 1 (they install from PyPI)")
    if not (PEERS / script).is_file():
        pytest.skip(f"Tryton peers: no {script} in the folder that PLANTWIDE_PEERS names")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = subprocess.Popen(
        ["bash", str(PEERS / script), str(folder), str(port)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert started.stdout is not None
    said: list[str] = []
    for line in started.stdout:
        said.append(line)
        if "Running on" in line:
            break
    else:
        pytest.fail(f"{script} ended before it listened:\n" + "".join(said[-20:]))
    rest = threading.Thread(target=started.stdout.read)
    rest.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait(30)
        rest.join()
        started.stdout.close()


def connect(url: str, database: str, streams: list[str]) -> Tryton:
    given = {"url": url, "database": database, "user": "admin", "password": "admin-pass", "streams": streams}
    return Tryton(TrytonConfig.model_validate({**given, "timezone": "Europe/Dublin", "page_size": 5}))


def understand(connector: Tryton) -> Told:
    return {
        f"{stream.name} {document.key}": list(connector.parse(document))
        for stream in connector.streams()
        for page in connector.read(stream.name, None)
        for document in page.documents
    }


def count(told: Told) -> Counter[str]:
    return Counter(name.split()[0] for name in told)


# ------------------------------------------------------------------------------------------- Tryton 8


@pytest.fixture(scope="module")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("tryton")
    with run_peer("tryton_peer.sh", folder) as url:
        seed = [
            str(folder / "venv" / "bin" / "python"),
            str(HERE / "seed_works.py"),
            "trytond.conf",
            "hubtest",
        ]
        subprocess.run(seed, cwd=folder, check=True)
        yield url


@pytest.fixture(scope="module")
def told(erp: str) -> Told:
    with connect(erp, "hubtest", ERP) as connector:
        assert connector.check().version == "8.2"
        return understand(connector)


@pytest.mark.against("tryton", "Tryton 8", how="live")
def test_every_row_of_the_erp_is_understood(told: Told) -> None:
    assert [part for parts in told.values() for part in parts if isinstance(part, Rejected)] == []
    read = count(told)
    assert (read["productions"], read["lots"], read["moves"]) == (13, 52, 41)
    assert (read["works"], read["cycles"], read["inspections"]) == (3, 2, 8)


def test_one_batch_is_traced_from_its_materials_to_its_inspection(told: Told) -> None:
    parts = [part for parts in told.values() for part in parts]
    reference = Identifier(scheme="reference", value="B24000")
    (batch,) = (p for p in parts if isinstance(p, Batch) and reference in p.also)
    moved = {
        (m.use, m.lot.label if m.lot else None, m.quantity.value, m.quantity.unit)
        for m in parts
        if isinstance(m, MaterialActual) and m.batch == batch.id and m.quantity
    }
    assert moved == {
        ("Consumed", "RM-100-L000", 1500.0, "L"),
        ("Consumed", "RM-200-L000", 120.0, "kg"),
        ("Consumed", "RM-300-L000", 100.0, "L"),
        ("Produced", "B24000", 1700.0, "L"),
    }
    results = [r for r in told["inspections 1"] if isinstance(r, TestResult)]
    assert {(r.test_code, r.value.value, r.verdict) for r in results} == {
        ("titer_gl", 3.0, "pass"),
        ("hcp_ngmg", 20.0, "pass"),
    }


def test_the_cycles_of_a_work_are_runs_of_its_batch(told: Told) -> None:
    runs = [p for parts in told.values() for p in parts if isinstance(p, SegmentResponse)]
    assert {(run.name, run.state) for run in runs} == {("Inoculation", "Completed")}
    assert {run.batch.value for run in runs if run.batch} == {"13"}


def test_the_erp_gives_from_any_cursor_what_is_left(erp: str) -> None:
    def read(cursor: Cursor | None) -> list[tuple[set[str], Cursor]]:
        with connect(erp, "hubtest", ["lots"]) as connector:
            return [({d.key for d in p.documents}, p.cursor) for p in connector.read("lots", cursor)]

    pages = read(None)
    whole = set[str]().union(*(keys for keys, _ in pages))
    for number in (1, len(pages) // 2):
        known = set[str]().union(*(keys for keys, _ in pages[:number]))
        assert known.union(*(keys for keys, _ in read(pages[number - 1][1]))) == whole


# ------------------------------------------------------------------------------------------- GNU Health


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not POSTGRES:
        pytest.skip("GNU Health peer: PLANTWIDE_TEST_POSTGRES is not set; it keeps its data there")
    port = str(urlsplit(POSTGRES).port or 5432)
    role = "do $$ begin create role gnu login superuser; exception when duplicate_object then null; end $$"
    psql = ["psql", "-q", "-h", "127.0.0.1", "-p", port, "-U", "postgres"]
    subprocess.run([*psql, "-c", role], check=True)
    try:
        with run_peer("gnuhealth_lis_peer.sh", tmp_path_factory.mktemp("gnuhealth"), PGPORT=port) as url:
            yield url
    finally:
        for drop in ("drop database if exists gnu", "drop role if exists gnu"):
            subprocess.run([*psql, "-c", drop], check=True)


@pytest.mark.against("tryton", "GNU Health laboratory", how="live")
def test_a_laboratory_on_the_same_platform_is_read_by_the_same_connector(laboratory: str) -> None:
    with connect(laboratory, "gnu", LABORATORY) as connector:
        connector.check()
        told = understand(connector)
    assert count(told) == {"test_types": 10, "test_criteria": 100, "lab_tests": 5, "lab_results": 5}
    (sample,) = (p for p in told["lab_tests 1"] if isinstance(p, Sample))
    assert sample.batch == Identifier(scheme="other_source", value="B24000")
    found = {
        (r.test_code, r.value.value, r.value.unit, r.verdict)
        for parts in told.values()
        for r in parts
        if isinstance(r, TestResult) and r.sample == sample.key
    }
    assert found == {("TITER", 4.0, "g/L", "pass")}
    unread = [p for parts in told.values() for p in parts if isinstance(p, Rejected)]
    assert all("is not known" in part.reason for part in unread)
