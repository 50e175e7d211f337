"""What comes over a socket and is no request: answered as a problem, and the answer arrives."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from hub.api.app import create_app
from hub.cli.serving import configure_server
from hub.store.database import Database

LONG = "x" * 5_000_000


@contextmanager
def served(app: Any) -> Iterator[int]:
    """Serve as `plantwide serve` does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(configure_server(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(60)


@pytest.fixture(scope="module")
def port(migrated_sqlite: Path) -> Iterator[int]:
    database = Database(f"sqlite:///{migrated_sqlite}")
    with served(create_app(database)) as port:
        yield port
    database.close()


def ask(port: int, path: str, headers: dict[str, str] | None = None) -> tuple[http.client.HTTPResponse, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, json.loads(body)


@pytest.mark.parametrize("path", ["/odata/batches?$filter=", "/v1/collections/batches?filter=", "/"])
def test_an_address_that_is_too_long_is_a_problem_with_a_way_out(port: int, path: str) -> None:
    answer, problem = ask(port, f"{path}{LONG}")
    assert answer.status == problem["status"] == 414
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"].endswith("address-too-long")
    assert "/odata/$batch" in problem["detail"]
    assert LONG[:100] not in problem["detail"]


def test_headers_that_are_too_large_are_a_problem(port: int) -> None:
    answer, problem = ask(port, "/livez", {"X-Long": LONG})
    assert answer.status == problem["status"] == 431
    assert problem["type"].endswith("headers-too-large")


def test_what_is_no_http_is_a_problem_and_the_next_is_served(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"HELLO\r\n\r\n" + b"more of it\r\n" * 1000)
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["type"].endswith("malformed-request")
    assert ask(port, "/livez")[0].status == 200


def test_whoever_never_stops_sending_is_let_go(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"HELLO\r\n\r\n")
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            send_for_ever(connection)


def send_for_ever(connection: socket.socket) -> None:
    for _ in range(1_000):
        connection.sendall(b"x" * 1_000_000)
