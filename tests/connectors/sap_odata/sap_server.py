"""An OData server on loopback (V2; V4 by `protocol`) after SAP's public documentation, small and honest about what it lacks.

It sorts, filters (`A ge x`, `A eq x`, `and`, one bracket of `or`), pages by `$top`/`$skip` and by a `__next`
that names an inner host, wants basic login and `sap-client`, and plays planned faults first.
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

Row = dict[str, Any]
Fault = tuple[int, dict[str, str], str]
USER, PASSWORD, CLIENT = "PLANTWIDE", "s4-Secret!", "100"
_TEST = re.compile(r"^(\w+) (ge|eq) (?:datetime(?:offset)?)?'?([^']*?)'?$")
_DATE = re.compile(r"^/Date\((-?\d+)")


def error_body(code: str, message: str) -> str:
    return json.dumps({"error": {"code": code, "message": {"lang": "en", "value": message}}})


@dataclass
class Sap:
    """Tables by `service/entity set`, planned faults, and what was asked."""

    tables: dict[str, list[Row]]
    server_page: int = 1000
    protocol: str = "v2"
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    """What happens in the system after each answer, one after the other."""
    url: str = ""

    def answer(self, path: str, options: dict[str, str]) -> tuple[int, str]:
        self.asked.append((path, options))
        if options.get("sap-client") != CLIENT:
            return 400, error_body("CLIENT", "client missing")
        if path not in self.tables:
            return 404, error_body("/IWFND/MED/170", f"No service found for '{path}'")
        rows = list(self.tables[path])
        for test in filter(None, re.split(r" and (?![^(]*\))", options.get("$filter", ""))):
            rows = [row for row in rows if _holds(row, test)]
        for name in reversed(options.get("$orderby", "").split(",")):
            rows.sort(key=lambda row, n=name: _plain(row.get(n)))
        skip, top = int(options.get("$skip", "0")), int(options.get("$top", "100000"))
        wanted = rows[skip : skip + top]
        start = int(options.get("$skiptoken", "0"))
        page = wanted[start : start + self.server_page]
        body: Row = {"results": page}
        if start + self.server_page < len(wanted):
            rest = {k: v for k, v in options.items() if k != "sap-client"} | {
                "$skiptoken": str(start + self.server_page)
            }
            body["__next"] = f"http://inner.sap.example/{path}?{urlencode(rest)}"
        if self.protocol == "v4":
            following = {"@odata.nextLink": body["__next"]} if "__next" in body else {}
            return 200, json.dumps(
                {"@odata.context": "$metadata", "value": [as_v4(r) for r in page], **following}
            )
        return 200, json.dumps({"d": body})


def as_v4(value: Any) -> Any:
    """Write V2's dates, times and collections as V4 does."""
    if isinstance(value, dict):
        if set(value) == {"results"}:
            return [as_v4(row) for row in value["results"]]
        return {"@odata.etag": "W/1", **{k: as_v4(v) for k, v in value.items()}}
    found = _DATE.match(str(value or ""))
    if found:
        moment = datetime.fromtimestamp(int(found.group(1)) / 1000, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if "+" in value else moment.strftime("%Y-%m-%d")
    clock = re.match(r"^PT(\d+)H(\d+)M(\d+)S$", str(value or ""))
    if clock:
        hours, minutes, seconds = (int(part) for part in clock.groups())
        return "23:59:59" if hours == 24 else f"{hours:02d}:{minutes:02d}:{seconds:02d}"
    return value


def _plain(value: Any) -> str:
    """Dates sort by their milliseconds, texts as they are, nothing first."""
    found = _DATE.match(str(value or ""))
    return f"{int(found.group(1)):020d}" if found else str(value or "")


def _holds(row: Row, test: str) -> bool:
    test = test.strip()
    if test.startswith("("):
        return any(_holds(row, part) for part in test[1:-1].split(" or "))
    found = _TEST.match(test)
    if found is None:
        raise AssertionError(f"this server does not know the filter {test!r}")
    name, operator, literal = found.groups()
    value = row.get(name)
    if _DATE.match(str(value or "")):
        literal = (
            f"{int(datetime.fromisoformat(literal.rstrip('Z')).replace(tzinfo=UTC).timestamp() * 1000):020d}"
        )
    return _plain(value) == literal if operator == "eq" else bool(value) and _plain(value) >= literal


@contextmanager
def serve(sap: Sap) -> Iterator[Sap]:
    """Serve it on a free loopback port; `sap.url` leads to the services."""
    login = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if self.headers.get("authorization") != login:
                self.send(401, "<html>Anmeldung fehlgeschlagen</html>", {})
            elif sap.faults:
                status, headers, body = sap.faults.pop(0)
                self.send(status, body, headers)
            else:
                path = parts.path.removeprefix("/sap/opu/odata/sap/")
                status, body = sap.answer(path, dict(parse_qsl(parts.query, keep_blank_values=True)))
                if sap.meanwhile:
                    sap.meanwhile.pop(0)()
                self.send(status, body, {"content-type": "application/json"})

        def send(self, status: int, body: str, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    sap.url = f"http://127.0.0.1:{server.server_address[1]}/sap/opu/odata/sap"
    try:
        yield sap
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
