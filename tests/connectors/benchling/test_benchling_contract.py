"""The connector against a server made from Benchling's own specification: shapes and parameters, not behaviour."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from connectors.benchling import Benchling, BenchlingConfig
from hub.model import MaterialLot, Sample
from hub.sdk import Rejected

pytestmark = pytest.mark.peers
SPECIFICATION = "benchling-api-client==2.0.434"
PRISM = "@stoplight/prism-cli@5"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the specification with Prism, which refuses requests that it does not allow."""
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("Benchling contract: PLANTWIDE_TEST_PEERS is not 1 (it installs from PyPI and npm)")
    folder = tmp_path_factory.mktemp("benchling")
    pip = [sys.executable, "-m", "pip", "-q", "install", "--no-deps", "--target", "spec", SPECIFICATION]
    subprocess.run(pip, cwd=folder, check=True)
    npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", PRISM]
    subprocess.run(npm, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    told = (folder / "spec/benchling_api_client/v2/stable/openapi.yaml").read_text(encoding="utf-8")
    # Prism mounts paths at the root: put the base path into them
    told = re.sub(r"^  /(\S*:)$", r"  /api/v2/\1", told, flags=re.MULTILINE).replace(
        "- url: /api/v2", "- url: /"
    )
    (folder / "benchling.yaml").write_text(told, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = subprocess.Popen(
        [
            "node",
            "node_modules/.bin/prism",
            "mock",
            "--errors",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "benchling.yaml",
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert started.stdout is not None
    for line in started.stdout:
        if "Prism is listening" in line:
            break
    else:
        pytest.fail("Prism ended before it listened")
    rest = threading.Thread(target=started.stdout.read)
    rest.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait(20)
        rest.join()
        started.stdout.close()


def connect(url: str) -> Benchling:
    given = {
        "url": url,
        "api_key": "sk_any",
        "entities": [
            {"schema_id": "ts_lot", "becomes": "lot"},
            {"schema_id": "ts_sample", "becomes": "sample"},
        ],
        "tests": [
            {"schema_id": "assaysch_result", "subject": "sample", "subject_is": "lot"},
            {"schema_id": "assaysch_run", "of": "runs", "subject": "sample", "subject_is": "lot"},
        ],
    }
    return Benchling(BenchlingConfig.model_validate(given))


@pytest.mark.against("benchling", "Benchling's API specification", how="published")
def test_every_question_is_one_that_the_specification_allows(url: str) -> None:
    with connect(url) as connector:
        assert connector.check().system == "Benchling"
        for stream in connector.streams():
            for cursor in (None, {"since": "2026-03-09T08:00:00Z"}):
                page = next(iter(connector.read(stream.name, cursor)))
                assert page.documents


def test_the_specifications_own_examples_are_understood(url: str) -> None:
    with connect(url) as connector:
        for stream, kind in (("ts_lot", MaterialLot), ("ts_sample", Sample)):
            page = next(iter(connector.read(stream, None)))
            parts = [part for document in page.documents for part in connector.parse(document)]
            assert any(isinstance(part, kind) for part in parts)
            assert [part for part in parts if isinstance(part, Rejected)] == []
