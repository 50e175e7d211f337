"""Every kind of request goes through a server that Prism makes from the vendor's own specification and refuses what
that does not allow; answers are the specification's shapes (see `conftest` for the other half of the proof)."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.sdk import ConnectorError, HttpClient, HttpLimits, Window
from tests.connectors.pi_web_api.conftest import SPECIFICATION
from tests.connectors.pi_web_api.simulator import START, PiSystem
from tests.connectors.pi_web_api.world import make_pi, second

PRISM = "@stoplight/prism-cli@5"


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a validating server; npm needs half a minute to install it."""
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("peers: PLANTWIDE_TEST_PEERS=1 is not set (Prism on the specification of PI Web API)")
    if not SPECIFICATION.is_file() or shutil.which("npm") is None:
        pytest.skip(
            "peers: no npm, or no data/piwebapi/swagger.json in the folder that PLANTWIDE_SHARED names"
        )
    folder = tmp_path_factory.mktemp("prism")
    program = Path(os.environ.get("PLANTWIDE_PRISM") or folder) / "node_modules" / ".bin" / "prism"
    if not program.is_file():
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
        subprocess.run(["npm", "install", *options, PRISM], check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "prism.log").open("wb") as log:
        command = [str(program), "mock", "-h", "127.0.0.1", "-p", str(port), str(SPECIFICATION)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):  # a large specification: it listens after about twenty seconds
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "prism.log").read_text()[-500:]
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.peers
@pytest.mark.against("pi_web_api", "PI Web API's specification", how="published")
def test_the_vendors_specification_allows_every_request(prism: str, system: PiSystem) -> None:
    ask_everything(system)
    asked = {(m, p, repr(q)): (m, p, q, b) for m, p, q, b in system.asked}
    kinds = set[str]()
    with closing(HttpClient(prism, limits=HttpLimits(timeout_s=60))) as client:
        for method, path, query, body in asked.values():
            kinds.add("/".join(part for part in path.split("/") if not part.startswith("I1")))
            if method == "GET":
                client.get_json(path, query)
            else:
                client.query(path, orjson.dumps(body))
        with pytest.raises(ConnectorError):  # the judge is awake
            client.get_json("/streams/x/recorded", {"maxCount": "many"})
    assert len(kinds) >= 15
    print(f"{len(asked)} requests of {len(kinds)} kinds passed the specification")


def ask_everything(system: PiSystem) -> None:
    """Let the connector ask each kind of question once at least."""
    window = Window(START, second(40))
    varied: tuple[dict[str, Any], ...] = (
        {},
        {"batch": False},
        {"read": {"kind": "interpolated", "step_s": 5}},
        {"read": {"kind": "summary", "step_s": 5}},
        {"tags": "attributes"},
    )
    for settings in varied:
        with make_pi(system.base, **settings) as pi:
            pi.check()
            names = [tag.id.value for tag in pi.tags()]
            pi.extent()
            list(pi.samples(names, window))
            for stream in pi.streams():
                list(pi.read(stream.name, None))
