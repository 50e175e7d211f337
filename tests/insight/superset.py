"""A real Apache Superset in an environment of its own, asked over its REST API as its pages ask it."""

import json
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import stamina

from tests.environments import install_peer

PACKAGES = ("apache-superset==6.1.0", "psycopg2-binary", "rich", "cachetools", "flask-caching<2.4")
"""The last three it needs and does not ask for (seen with 6.1.0)."""
_CONFIG = """
SECRET_KEY = "{secret}"
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
"""


@dataclass(frozen=True)
class Superset:
    """A running server and the client that is logged in to it."""

    client: httpx2.Client

    def post(self, path: str, **body: Any) -> Any:
        """Send a request; give what came back. Raises when it was refused."""
        answer = self.client.post(path, json=body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json()

    def add_database(self, url: str) -> int:
        """Add a database; give its id."""
        return int(
            self.post(
                "/api/v1/database/", database_name="plantwide", sqlalchemy_uri=url, expose_in_sqllab=True
            )["id"]
        )

    def add_dataset(self, database: int, name: str, *, question: str | None = None) -> int:
        """Add a table of the schema `mart`, or a question under a name; give its id."""
        virtual = {} if question is None else {"sql": question}
        body = {"database": database, "schema": "mart", "table_name": name, **virtual}
        return int(self.post("/api/v1/dataset/", **body)["id"])

    def draw(self, dataset: int, *, by: list[str], column: str, how: str) -> list[dict[str, Any]]:
        """Give the rows that a chart of one figure by some columns shows."""
        figure = {
            "expressionType": "SIMPLE",
            "column": {"column_name": column},
            "aggregate": how,
            "label": "figure",
        }
        asked = {"columns": by, "metrics": [figure], "orderby": [], "filters": [], "row_limit": 1000}
        told = self.post(
            "/api/v1/chart/data",
            datasource={"id": dataset, "type": "table"},
            queries=[asked],
            result_format="json",
            result_type="full",
            force=True,
        )
        return list(told["result"][0]["data"])

    def ask(self, database: int, question: str) -> list[dict[str, Any]]:
        """Give the rows of a query of SQL Lab."""
        told = self.post(
            "/api/v1/sqllab/execute/",
            database_id=database,
            sql=question,
            schema="mart",
            runAsync=False,
            queryLimit=1000,
            client_id=secrets.token_hex(5),
        )
        return list(told["data"])


def install(folder: Path) -> Path:
    """Give the programs of a Superset; pip needs a minute or two, unless a folder has them already."""
    if os.environ.get("PLANTWIDE_TEST_PEERS") != "1":
        pytest.skip("peers: PLANTWIDE_TEST_PEERS=1 is not set (Apache Superset for the mart)")
    return install_peer(folder, PACKAGES, kept=os.environ.get("PLANTWIDE_SUPERSET"))


@contextmanager
def running(programs: Path, folder: Path) -> Iterator[Superset]:
    """Set a Superset up in an empty folder and serve it on loopback."""
    password = secrets.token_urlsafe(12)
    config = folder / "superset_config.py"
    config.write_text(_CONFIG.format(secret=secrets.token_urlsafe(42), folder=folder), encoding="utf-8")
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("PLANTWIDE_", "PYTHON"))}
    around = {
        **outer,
        "SUPERSET_CONFIG_PATH": str(config),
        "FLASK_APP": "superset",
        "SUPERSET_HOME": str(folder),
    }
    named = ["--username", "qa", "--firstname", "Q", "--lastname", "A", "--email", "qa@plant.example"]
    for words in (["db", "upgrade"], ["fab", "create-admin", *named, "--password", password], ["init"]):
        done = subprocess.run(
            [programs / "superset", *words],
            cwd=folder,
            env=around,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    log = (folder / "superset.log").open("wb")
    server = subprocess.Popen(
        [programs / "superset", "run", "-p", str(port)], cwd=folder, env=around, stdout=log, stderr=log
    )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _log_in(client, password)
            yield Superset(client)
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def _log_in(client: httpx2.Client, password: str) -> None:
    for attempt in stamina.retry_context(on=httpx2.TransportError, attempts=None, timeout=120):
        with attempt:
            client.get("/health").raise_for_status()
    body = {"username": "qa", "password": password, "provider": "db", "refresh": True}
    told = client.post(
        "/api/v1/security/login", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    client.headers["Authorization"] = f"Bearer {told.raise_for_status().json()['access_token']}"
