"""One page of 100 batches over HTTP, new, asked again and held (304), against FastAPI that only answers the same bytes."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse, RemoteDisconnected
from itertools import count, repeat
from pathlib import Path

from hub.resolve.resolution import prepare, resolve
from hub.store.keys import create_key
from tests.bench.laboratory import NOW, write_batches
from tests.bench.ruler import Row, judge, seconds_side_by_side
from tests.bench.stores import embedded, register_laboratory, store_pages

ROOT = Path(__file__).resolve().parents[2]
PLANTWIDE = Path(sys.executable).with_name("plantwide")
PAGE = "/v1/batches?limit=100"
BATCHES, CALLS = 1_000, 20
Command = list[str | Path]


def bench_page(folder: Path) -> Iterator[Row]:
    """Requests in turns over one kept connection each; both servers are processes of their own."""
    data = folder / "data"
    with embedded(data) as database:
        prepare(database, now=NOW)
        store_pages(database, register_laboratory(database), list(write_batches(BATCHES)))
        resolve(database)
        with database.begin("test") as connection:
            key = create_key(connection, name="bench", scopes=["read"])
    ours: Command = [PLANTWIDE, "serve", "--data", data, "--config", folder]
    constant: Command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--log-level",
        "warning",
        "tests.bench.constant:app",
    ]
    body = folder / "body.json"
    with served(ours, "/readyz") as hub:
        body.write_bytes(fetch(hub, key))
        with served(constant, PAGE, PLANTWIDE_BENCH_BODY=str(body)) as least:
            new = (f"{PAGE}&filter=version gt -{number}".replace(" ", "%20") for number in count(1))
            held = ask(hub, PAGE, {"X-API-Key": key})[0].headers["ETag"]
            for what, pages, tag, target in (
                ("new", new, None, 0.5),
                ("again", repeat(PAGE), None, 0.8),
                ("with its tag", repeat(PAGE), held, 0.8),
            ):
                one, other = seconds_side_by_side(
                    lambda some=pages, tag=tag: [fetch(hub, key, next(some), tag=tag) for _ in range(CALLS)],
                    lambda: [fetch(least, key) for _ in range(CALLS)],
                    runs=7,
                )
                figures = CALLS / one, CALLS / other
                name = f"page of 100 batches over HTTP, asked {what}"
                yield judge(name, figures[0], "/s", against=figures[1], at_least=target)


def fetch(connection: HTTPConnection, key: str, page: str = PAGE, *, tag: str | None = None) -> bytes:
    """Give the body of a page, which must be unchanged where its tag is shown."""
    answer, body = ask(connection, page, {"X-API-Key": key} | ({"If-None-Match": tag} if tag else {}))
    if answer.status != (304 if tag else 200):
        raise RuntimeError(f"{answer.status}: {body[:300]!r}")
    return body


def ask(connection: HTTPConnection, page: str, headers: dict[str, str]) -> tuple[HTTPResponse, bytes]:
    """Give an answer and its body; a server lets go of a connection while the other one is busy for long."""
    try:
        connection.request("GET", page, headers=headers)
        answer = connection.getresponse()
    except RemoteDisconnected:
        connection.close()
        connection.request("GET", page, headers=headers)
        answer = connection.getresponse()
    return answer, answer.read()


@contextmanager
def served(command: Command, ready: str, **environment: str) -> Iterator[HTTPConnection]:
    """Run a server on a free port until the block ends; give a connection to it once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [*command, "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            while not _answers(connection, ready):
                if process.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended with {process.returncode}")
                time.sleep(0.02)
            yield connection
            connection.close()
        finally:
            process.terminate()


def _answers(connection: HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except OSError:
        connection.close()
        return False
    return answer.status == 200
