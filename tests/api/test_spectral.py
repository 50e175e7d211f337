"""Spectral judges the committed description by `openapi/spectral.yaml`, in which each exception has its reason."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

OPENAPI = Path(__file__).resolve().parents[2] / "openapi"
PACKAGES = ["@stoplight/spectral-cli@6", "@stoplight/spectral-owasp-ruleset@2"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Spectral and the rules, from npm; nothing of it is kept."""
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("peers: PLANTWIDE_TEST_PEERS=1 is not set (Spectral on the OpenAPI document)")
    if shutil.which("npm") is None:
        pytest.skip("peers: no npm, which brings Spectral for the OpenAPI document")
    folder = tmp_path_factory.mktemp("spectral")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    subprocess.run(["npm", "install", *options, *PACKAGES], check=True, capture_output=True)
    shutil.copy(OPENAPI / "spectral.yaml", folder)
    return folder


def judge(home: Path, document: dict[str, Any]) -> str:
    """Give what Spectral says of a document, empty when it finds nothing."""
    (home / "plantwide.json").write_text(json.dumps(document))
    command = ["node_modules/.bin/spectral", "lint", "--ruleset", "spectral.yaml", "--fail-severity", "hint"]
    done = subprocess.run([*command, "plantwide.json"], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), f"{done.stdout}{done.stderr}"
    return done.stdout if done.returncode else ""


@pytest.mark.nightly
def test_the_description_keeps_the_rules(home: Path) -> None:
    assert judge(home, json.loads((OPENAPI / "plantwide.json").read_bytes())) == ""


@pytest.mark.nightly
def test_a_route_that_needs_a_key_and_does_not_say_so_is_found(home: Path) -> None:
    document = json.loads((OPENAPI / "plantwide.json").read_bytes())
    document["paths"]["/v1/batches"]["get"]["security"] = []
    del document["paths"]["/v1/lots"]["get"]["operationId"]
    found = judge(home, document)
    assert "owasp:api2:2023-read-restricted" in found
    assert "operation-operationId" in found
