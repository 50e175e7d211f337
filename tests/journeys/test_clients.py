"""Clients that generators make of the description, as `docs/clients.md` has it, read the demo's plant from a hub."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from hub.store.database import Database
from hub.store.keys import create_key
from tests.compose.services import find_free_port
from tests.journeys.command import ROOT, plain_environment
from tests.journeys.demo import Demo
from tests.journeys.serving import serving

PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
JOURNEYS = Path(__file__).parent / "clients"
MYPY = "mypy==2.4.1"
TSC = {
    "target": "es2022",
    "lib": ["es2022", "dom", "dom.iterable"],
    "module": "nodenext",
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "skipLibCheck": True,
    "outDir": "build",
}


@dataclass(frozen=True)
class Hub:
    """A hub that serves the demo's plant, and a key that reads."""

    url: str
    key: str

    def ask(self, path: str, **parameters: Any) -> Any:
        """Give the JSON of an address, by no client but HTTP's."""
        answer = httpx.get(f"{self.url}{path}", params=parameters, headers={"X-API-Key": self.key})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Serve a copy of the demo's data by the command."""
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("peers: PLANTWIDE_TEST_PEERS=1 is not set (clients generated from the OpenAPI document)")
    demo: Demo = request.getfixturevalue("demo")
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(demo.data, folder / "data")
    database = Database(f"sqlite:///{folder / 'data' / 'hub.db'}")
    with database.begin("test") as connection:
        key = create_key(connection, name="client", scopes=["read"])
    database.close()
    port = str(find_free_port())
    with serving("serve", "--port", port, "--data", folder / "data", folder=folder) as served:
        yield Hub(served.await_line("serving on "), key)


def blocks(section: str, language: str) -> str:
    """Give the first block of a language in a section of the page."""
    [text] = re.findall(rf"^## {section}\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[0]


def run(hub: Hub, folder: Path, *command: str | Path) -> str:
    """Run a program in a folder, with the hub's address and key; give all that it printed."""
    environment = plain_environment(HUB_URL=hub.url, HUB_KEY=hub.key)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout + done.stderr


def prepare(folder: Path) -> None:
    """Make a folder what a checkout is to the page's commands."""
    (folder / "openapi").symlink_to(ROOT / "openapi")


@pytest.fixture(scope="module")
def expected(hub: Hub) -> dict[str, Any]:
    """Give what a journey has to tell, read without any client."""
    batch = hub.ask("/v1/batches/B26-0117")
    [conflict] = hub.ask("/v1/batches/B26-0117/conflicts")["items"]
    codes = sorted((one["code"] for one in hub.ask("/v1/batches", limit=1000)["items"]), reverse=True)
    traced = hub.ask("/v1/lots/MP-26-0012/genealogy", direction="forward")
    samples = hub.ask("/v1/batches/B26-0117/samples", tag="ns=2;s=BR2000_01_PH", points=50)
    return {
        "uids": [batch["uid"]] * 3,
        "status": "Complete",
        "product": "300214",
        "size": [118.2, "kg"],
        "phases": [[one["name"], one["duration_s"]] for one in batch["phases"]],
        "results": [
            [r["test_code"], r["value"] and r["value"]["text"], r["verdict"]] for r in batch["results"]
        ],
        "conflicts": {
            conflict["attribute"]: [["erp", 118.2, "kg", True, False], ["mes", 117.3, "kg", False, True]]
        },
        "pages": [codes[at : at + 10] for at in range(0, len(codes), 10)],
        "genealogy": [[one["batch"] and one["batch"]["code"], one["quantity"]] for one in traced["edges"]],
        "samples": [[int(datetime.fromisoformat(s["ts"]).timestamp()), s["value"]] for s in samples["items"]],
        "problems": [
            ["urn:plantwide:problem:not-found", 404, []],
            ["urn:plantwide:problem:key-needed", 401, []],
            ["urn:plantwide:problem:invalid-parameter", 422, [["query", "limit"]]],
        ],
    }


@pytest.mark.peers
def test_the_plant_has_what_the_journeys_look_for(expected: dict[str, Any]) -> None:
    assert len(expected["phases"]) > 5
    assert len(expected["results"]) > 10
    assert len(expected["pages"]) > 2
    assert len(expected["genealogy"]) > 3
    assert len(expected["samples"]) > 20


@pytest.mark.peers
def test_the_python_client_is_made_without_a_warning_typed_and_reads_the_plant(
    hub: Hub, expected: dict[str, Any], tmp_path: Path
) -> None:
    prepare(tmp_path)
    script = blocks("Python", "sh")
    assert "--fail-on-warning" in script
    run(hub, tmp_path, "bash", "-euc", script)
    python = tmp_path / "program" / "bin" / "python"
    shutil.copy(JOURNEYS / "journey.py", tmp_path)
    (tmp_path / "example.py").write_text(blocks("Python", "python"), encoding="utf-8")
    run(hub, tmp_path, python, "-m", "pip", "install", "-q", MYPY)
    run(hub, tmp_path, python, "-m", "mypy", "--strict", "journey.py", "example.py")
    assert json.loads(run(hub, tmp_path, python, "journey.py")) == expected
    shown = run(hub, tmp_path, python, "example.py").splitlines()
    assert shown[0] == f"B26-0117 Complete {len(expected['phases'])}"
    assert " ".join(shown[1:]).split(" ") == sorted(code for page in expected["pages"] for code in page)


@pytest.mark.peers
def test_the_typescript_client_is_made_without_a_warning_typed_and_reads_the_plant(
    hub: Hub, expected: dict[str, Any], tmp_path: Path
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("peers: no npm, which brings the TypeScript client's generator")
    prepare(tmp_path)
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    printed = run(hub, tmp_path, "bash", "-euc", blocks("TypeScript", "sh"))
    assert "warn" not in printed.casefold()
    options = json.dumps({"compilerOptions": TSC, "files": ["journey.ts", "example.ts"]})
    (tmp_path / "tsconfig.json").write_text(options, encoding="utf-8")
    shutil.copy(JOURNEYS / "journey.ts", tmp_path)
    (tmp_path / "example.ts").write_text(blocks("TypeScript", "ts"), encoding="utf-8")
    run(hub, tmp_path, "npx", "tsc", "-p", ".")
    assert json.loads(run(hub, tmp_path, "node", "build/journey.js")) == expected
    assert run(hub, tmp_path, "node", "build/example.js") == f"B26-0117 Complete {len(expected['phases'])}\n"
