"""A small laboratory that answers JSON on loopback, in every way of paging, and fails when told to."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "let-me-in"
LOGINS = {
    "Authorization": {f"Bearer {TOKEN}", "Basic " + base64.b64encode(f"lab:{TOKEN}".encode()).decode()},
    "X-API-Key": {TOKEN},
}
CLIENT = "Basic " + base64.b64encode(f"hub:{TOKEN}".encode()).decode()


def item(number: int, changed: str, entry: str = "3.10") -> dict[str, Any]:
    """Give a sample as the laboratory writes it."""
    return {
        "id": f"S-{number:03d}",
        "version": 1,
        "batchRef": f"b26 {number:04d}",
        "modified": changed,
        "results": [{"id": f"R-{number}", "test": "TITRE", "entry": entry, "unit": "mg/mL"}],
    }


@dataclass
class Laboratory:
    """What the server holds, how it answers, and what it was asked."""

    items: list[dict[str, Any]] = field(default_factory=list)
    cap: int = 1000
    inclusive: bool = True
    clamp: bool = False
    sorts: bool = True
    splits: bool = False
    """Whether results stand under an address of their own, `/samples/{id}/results`."""
    fault: tuple[int, dict[str, str]] | None = None
    body: bytes | None = None
    asked: list[str] = field(default_factory=list)
    tokens: list[str] | None = None
    """The tokens that its own `/token` has handed out, of which the last one alone is good; None hands out none."""
    logins: list[tuple[str | None, str]] = field(default_factory=list)
    """Who asked for a token: the header and the form."""
    on_page: Callable[["Laboratory"], None] = lambda _: None
    base: str = ""

    def answer(self, path: str, query: dict[str, str]) -> tuple[Any, dict[str, str]]:
        """Give one page."""
        rows = sorted(self.items, key=lambda r: (r["modified"], r["id"])) if self.sorts else list(self.items)
        if since := query.get("since"):
            rows = [r for r in rows if (r["modified"] >= since if self.inclusive else r["modified"] > since)]
        size = min(int(query.get("size", 2)), self.cap)
        start = self._start(path, query, size=size, count=len(rows))
        page = rows[start : start + size]
        more = start + size < len(rows)
        following = (
            f"{self.base}/{path}?{'since=' + since + '&' if since else ''}size={size}&offset={start + size}"
        )
        if self.splits:
            page = [{name: said for name, said in row.items() if name != "results"} for row in page]
        answer = {
            "data": {"samples": page},
            "count": len(rows),
            "next": following if more else None,
            "token": f"t{start + size}" if more else "",
        }
        return answer, ({"Link": f'<{following}>; rel="next"'} if more else {})

    def knows(self, headers: Any) -> bool:
        """Tell whether a request brings a login that is good now."""
        if self.tokens is not None:
            return bool(self.tokens) and headers.get("Authorization") == f"Bearer {self.tokens[-1]}"
        return any(headers.get(name) in known for name, known in LOGINS.items())

    def hand_out(self, login: str | None, form: str) -> tuple[int, dict[str, Any]]:
        """Give a token to whom it knows."""
        self.logins.append((login, form))
        if login != CLIENT or self.tokens is None:
            return 401, {"error": "invalid_client"}
        self.tokens.append(f"token-{len(self.tokens)}")
        return 200, {"access_token": self.tokens[-1], "expires_in": 3600, "token_type": "Bearer"}

    def withdraw(self) -> None:
        """Let the token that was handed out last be good no longer."""
        assert self.tokens is not None
        self.tokens.append("nobody has it")

    def results_of(self, key: str) -> dict[str, Any] | None:
        """Give the results of a sample; None where there are none."""
        row = next((row for row in self.items if row["id"] == key), {})
        return {"sample": key, "results": row["results"]} if "results" in row else None

    def _start(self, path: str, query: dict[str, str], *, size: int, count: int) -> int:
        if "token" in query:
            return int(query["token"].removeprefix("t"))
        if "page" in query:
            number = int(query["page"])
            if self.clamp:
                number = min(number, max(1, -(-count // size)))
            return (number - 1) * size
        return int(query.get("offset", 0))


@contextmanager
def serve(laboratory: Laboratory) -> Iterator[str]:
    """Serve on a free port; give the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            laboratory.asked.append(self.path)
            url = urlsplit(self.path)
            if laboratory.fault:
                self._send(*laboratory.fault[:1], b"{}", laboratory.fault[1])
                return
            if not laboratory.knows(self.headers):
                self._send(401, b'{"error": "unauthorized"}', {})
                return
            if laboratory.body is not None:
                self._send(200, laboratory.body, {})
                return
            if laboratory.splits and (steps := url.path.split("/"))[-1] == "results":
                given = laboratory.results_of(unquote(steps[2])) if len(steps) == 4 else None
                self._send(200 if given else 404, json.dumps(given).encode(), {})
                return
            query = {name: values[-1] for name, values in parse_qs(url.query).items()}
            answer, headers = laboratory.answer(url.path.strip("/"), query)
            laboratory.on_page(laboratory)
            self._send(200, json.dumps(answer).encode(), headers)

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            status, given = laboratory.hand_out(self.headers.get("Authorization"), form)
            self._send(status, json.dumps(given).encode(), {})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    laboratory.base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield laboratory.base
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
