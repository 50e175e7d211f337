"""Clients of npm that somebody else wrote read the door as it is: @odata/client, SAP CAP, and what odata2ts generates."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hub.odata.model import list_sets
from tests.odata.conftest import Odata
from tests.odata.serving import running

pytestmark = pytest.mark.peers
PEERS = Path(__file__).parent / "peers"
PACKAGES = {
    "client": ["@odata/client@2.21.10"],
    "cap": [
        "@sap/cds@9",
        "@sap/cds-dk@9",
        "@sap-cloud-sdk/http-client@4",
        "@sap-cloud-sdk/resilience@4",
        "@sap-cloud-sdk/connectivity@4",
    ],
    "odata2ts": [
        "@odata2ts/odata2ts@0.34.0",
        "@odata2ts/odata-service@0.18.1",
        "@odata2ts/http-client-fetch@0.6.2",
        "typescript@5",
    ],
}
_TSC = {
    "target": "es2022",
    "module": "commonjs",
    "moduleResolution": "node",
    "strict": True,
    "skipLibCheck": True,
    "outDir": "build",
}
_STACK = "--stack-size=7000"
"""The types of fifty sets that lead to one another are deep for TypeScript."""


def install(name: str, folder: Path) -> Path:
    """Give a folder with the packages of a peer; npm needs up to a minute, unless a folder has them."""
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip(f"peers: PLANTWIDE_TEST_PEERS=1 is not set ({name} for OData)")
    if shutil.which("npm") is None:
        pytest.skip(f"peers: no npm, which brings {name} for OData")
    kept = os.environ.get("PLANTWIDE_ODATA_PEERS")
    home = Path(kept) / name if kept else folder / name
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "node_modules").is_dir():
        options = ["--no-audit", "--no-fund", "--prefix", str(home)]
        subprocess.run(["npm", "install", *options, *PACKAGES[name]], check=True, capture_output=True)
    return home


def run(home: Path, url: str, odata: Odata, *command: str) -> str:
    """Run a program of a peer in its folder; give what it printed."""
    environment = {
        **os.environ,
        "NODE_PATH": str(home / "node_modules"),
        "DOOR_URL": url,
        "DOOR_KEY": odata.keys["all"],
    }
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def last_line(printed: str) -> Any:
    return json.loads(printed.strip().splitlines()[-1])


def describe(home: Path, odata: Odata) -> None:
    (home / "hub.edmx").write_bytes(odata.ask("/$metadata").content)


def test_the_javascript_client_filters_expands_groups_and_sends_both_batches(
    odata: Odata, tmp_path: Path
) -> None:
    home = install("client", tmp_path)
    with running(odata) as url:
        told = last_line(run(home, url, odata, "node", str(PEERS / "client.js")))
    assert told.pop("refused").startswith("unknown name nope; known are ")
    assert told == {
        "code": "B26-0117",
        "product": "300214",
        "phases": ["N-1 expansion", "Fed-batch 2000 L"],
        "ordered": ["CORK-B2", "CORK-B1"],
        "count": 7,
        "groups": [{"product": {"code": "300214"}, "n": 7}, {"product": {"code": None}, "n": 1}],
        "multipart": ["B26-0117", "B26-0117"],
        "json": ["B26-0117", "B26-0117"],
    }


def test_sap_cap_imports_the_model_and_reads_through_it(odata: Odata, tmp_path: Path) -> None:
    home = install("cap", tmp_path)
    describe(home, odata)
    options = ["--keep-namespace", "--as", "csn", "--out", "hub.csn", "--force"]
    with running(odata) as url:
        run(home, url, odata, "npx", "cds", "import", "hub.edmx", *options)
        told = last_line(run(home, url, odata, "node", str(PEERS / "cap.js"), str(home / "hub.csn")))
    assert told == {
        "entities": len(list_sets()),
        "complete": ["B26-0117", "B26-0119"],
        "size": 118.2,
        "product": "300214",
        "phases": 10,
        "page": 3,
        "star": 1,
    }


def test_the_client_that_odata2ts_generates_compiles_and_reads(odata: Odata, tmp_path: Path) -> None:
    home = install("odata2ts", tmp_path)
    describe(home, odata)
    (home / "tsconfig.json").write_text(json.dumps({"compilerOptions": _TSC, "include": ["out", "use.ts"]}))
    shutil.copyfile(PEERS / "odata2ts.ts", home / "use.ts")
    with running(odata) as url:
        run(
            home,
            url,
            odata,
            "npx",
            "odata2ts",
            "--source",
            "hub.edmx",
            "--output",
            "out",
            "--emit-mode",
            "ts",
        )
        run(home, url, odata, "node", _STACK, "node_modules/typescript/lib/tsc.js", "-p", ".")
        told = last_line(run(home, url, odata, "node", "build/use.js"))
    assert told == {"count": 4, "codes": ["B26-0117", "B26-0118"], "product": "300214", "phases": 10}
