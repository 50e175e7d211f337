"""A small HTTP server on loopback whose answers are a function, and the same asked of a real one."""

import http.client
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "upgrade", "trailer"}
"""Headers that speak of one connection only (RFC 9110, 7.6.1), and those that are written anew."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it came: `target` is path and query; header names are small."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer; `cut` closes the connection after half of the body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    cut: bool = False


@contextmanager
def serve(answer: Callable[[Asked], Answered]) -> Generator[str]:
    """Serve on a free port of 127.0.0.1; give the base URL, without a slash at its end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _reply(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length") or 0))
            given = answer(Asked(method=self.command, target=self.path, headers=headers, body=body))
            self.send_response(given.status)
            for name, value in given.headers.items():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(given.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(given.body[: len(given.body) // 2] if given.cut else given.body)
            self.close_connection = given.cut

        do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _reply  # noqa: N815 - stdlib

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def origin(url: str) -> str:
    """Give scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def forward(upstream: str, asked: Asked, *, here: str, timeout_s: float = 60.0) -> Answered:
    """Ask the server at `upstream` the same; where either names the other's address, it is put right."""
    parts = urlsplit(upstream)
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.netloc, timeout=timeout_s, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout_s)
    headers = {name: value for name, value in asked.headers.items() if name not in _HOP}
    try:
        question = asked.body.replace(
            here.encode(), origin(upstream).encode()
        )  # questions may hold addresses
        connection.request(asked.method, asked.target, body=question or None, headers=headers)
        answer = connection.getresponse()
        body = answer.read().replace(origin(upstream).encode(), here.encode())
        told = {
            name.lower(): value.replace(origin(upstream), here)
            for name, value in answer.getheaders()
            if name.lower() not in _HOP
        }
        return Answered(status=answer.status, headers=told, body=body)
    finally:
        connection.close()
