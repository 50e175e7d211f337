"""A stand-in for InfluxDB 2.x, made by this project: annotated CSV as its public reference describes it, no engine.

It answers two scripts that the connector writes: the last point of each series, and a range of one measurement.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "let-me-in"
START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = [
    (
        "double",
        "temp",
        "BR-1",
        [(START + timedelta(seconds=n, microseconds=500_000), str(36 + n / 10)) for n in range(60)],
    ),
    ("string", "state", "BR-1", [(START + timedelta(seconds=10 * n), f'"RUN, {n}"') for n in range(6)]),
    (
        "boolean",
        "on",
        "BR-2",
        [(START + timedelta(seconds=20 * n), "true" if n % 2 else "false") for n in range(3)],
    ),
]


def answer(script: str) -> str:
    """Give annotated CSV, a block for each shape of table, as the reference shows it."""
    found = re.search(r"range\(start: ([^,)]+)(?:, stop: ([^)]+))?\)", script)
    assert found
    start = datetime.fromisoformat(found[1])
    stop = datetime.fromisoformat(found[2]) if found[2] else datetime(2100, 1, 1, tzinfo=UTC)
    fields = re.findall(r'r\._field == "([^"]+)"', script)
    blocks: list[str] = []
    for number, (kind, field, unit, points) in enumerate(ROWS):
        rows = [(t, v) for t, v in points if start <= t < stop and (not fields or field in fields)]
        if "last()" in script:
            rows = rows[-1:]
        if rows:
            head = [
                f"#datatype,string,long,dateTime:RFC3339,{kind},string,string,string",
                "#group,false,false,false,false,true,true,true",
                "#default,_result,,,,,,",
                ",result,table,_time,_value,_field,_measurement,unit",
            ]
            body = [
                f",,{number},{t.isoformat().replace('+00:00', 'Z')},{v},{field},bioreactor,{unit}"
                for t, v in rows
            ]
            blocks.append("\r\n".join([*head, *body]))
    return "\r\n\r\n".join(blocks) + "\r\n\r\n"


@contextmanager
def serve() -> Iterator[str]:
    """Serve on a free port; give the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            allowed = self.headers.get("Authorization") == f"Token {TOKEN}"
            body = answer(asked["query"]).encode() if allowed else b'{"code":"unauthorized"}'
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Type", "text/csv; charset=utf-8")
            self.send_header("X-Influxdb-Version", "v2.7 (stand-in)")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
