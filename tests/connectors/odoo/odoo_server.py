"""A small Odoo on loopback, after its public documentation: JSON-RPC and JSON-2, domains, field names by version.

It answers only what a database of these models would: unknown models and fields are the errors that Odoo 16
was recorded to give. It is a test tool: no rights, no computed fields.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Row = dict[str, Any]
DATABASE, USER, PASSWORD = "plant", "hub@plant.example", "9f-Key!"


class OdooError(Exception):
    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass
class Database:
    """Models with their rows; every row has all the fields of its model."""

    models: dict[str, list[Row]]
    version: str = "16.0"
    login: tuple[str, str, str] = (DATABASE, USER, PASSWORD)
    closed: set[str] = field(default_factory=set)
    extra_fields: dict[str, set[str]] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)
    scripted: list[Row] = field(default_factory=list)
    """Whole answers that come before any other: what a real Odoo said."""
    asked: list[tuple[str, str, Row]] = field(default_factory=list)
    url: str = ""

    # ------------------------------------------------------------------------------ the two protocols
    def json_rpc(self, body: Row) -> Row:
        params = body["params"]
        if self.scripted:
            return self.scripted.pop(0)
        try:
            told = self.serve(params["service"], params["method"], params["args"])
        except OdooError as error:
            data = {"name": error.name, "message": str(error), "debug": "Traceback: /opt/odoo/secret.py"}
            told_error = {"code": 200, "message": "Odoo Server Error", "data": data}
            return {"jsonrpc": "2.0", "id": body["id"], "error": told_error}
        return {"jsonrpc": "2.0", "id": body["id"], "result": told}

    def serve(self, service: str, method: str, args: list[Any]) -> Any:
        if (service, method) == ("common", "version"):
            return {"server_version": self.version, "protocol_version": 1}
        if args[0] != self.login[0]:
            raise OdooError("psycopg2.OperationalError", f'FATAL:  database "{args[0]}" does not exist\n')
        if (service, method) == ("common", "authenticate"):
            return 2 if (args[1], args[2]) == self.login[1:] else False
        if (args[1], args[2]) != (2, self.login[2]):
            raise OdooError("odoo.exceptions.AccessDenied", "Access Denied")
        place = {"domain": args[5][0]} if args[5] else {}
        return self.execute(args[3], args[4], {**place, **args[6]})

    def execute(self, model: str, method: str, named: Row) -> Any:
        self.asked.append((model, method, named))
        if self.faults:
            raise OdooError(*self.faults.pop(0))
        if model not in self.models:
            raise OdooError("odoo.exceptions.UserError", f"Object {model} doesn't exist")
        if model in self.closed:
            raise OdooError("odoo.exceptions.AccessError", f"You are not allowed to access {model}.")
        if method == "fields_get":
            return {name: {"type": "char"} for name in self.fields(model)}
        assert method == "search_read", method
        rows = [row for row in self.models[model] if self.holds(row, list(named["domain"]))]
        for name in reversed(named["order"].replace(" asc", "").split(", ")):
            rows.sort(key=lambda row, name=name: row[name])
        unknown = set(named["fields"]) - self.fields(model)
        if unknown:
            raise OdooError("builtins.ValueError", f"Invalid field {unknown.pop()!r} on model {model!r}")
        wanted = {"id", *named["fields"]}
        return [{k: v for k, v in row.items() if k in wanted} for row in rows[: named.get("limit")]]

    def fields(self, model: str) -> set[str]:
        return {name for row in self.models[model] for name in row} | self.extra_fields.get(model, set())

    # ------------------------------------------------------------------------------------- domains
    def holds(self, row: Row, domain: list[Any]) -> bool:
        """Judge a domain: terms in prefix notation, "and" between what is left."""
        verdicts: list[bool] = []
        for term in reversed(domain):
            if isinstance(term, str):
                one, other = verdicts.pop(), verdicts.pop()
                verdicts.append((one or other) if term == "|" else (one and other))
            else:
                verdicts.append(self.judge(self.value(row, term[0].split(".")), term[1], term[2]))
        return all(verdicts)

    def value(self, row: Row, path: list[str]) -> Any:
        held = row.get(path[0], False)
        if len(path) == 1:
            return held
        target = {"move_id": "stock.move"}[path[0]]
        return self.value(next((r for r in self.models[target] if held and r["id"] == held[0]), {}), path[1:])

    @staticmethod
    def judge(value: Any, operator: str, wanted: Any) -> bool:
        if operator == "in":
            many = value if isinstance(value, list) else [value]
            return any(v in wanted for v in many if isinstance(v, int))
        held = value[0] if isinstance(value, list) and value else value
        match operator:
            case "=":
                return held == wanted
            case "!=":
                return held != wanted
            case ">=":
                return held >= wanted
            case "<":
                return held < wanted
            case ">":
                return held > wanted
        raise AssertionError(f"this server does not know {operator!r}")


@contextmanager
def serve(database: Database) -> Iterator[Database]:
    """Serve it on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.path == "/jsonrpc":
                self.send(200, database.json_rpc(body))
                return
            _, json_word, two, model, method = self.path.split("/")
            assert (json_word, two) == ("json", "2")
            if self.headers["authorization"] != f"bearer {database.login[2]}":
                self.send(401, {"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"})
            elif self.headers["x-odoo-database"] != database.login[0] or model not in database.models:
                self.send(404, {"name": "werkzeug.exceptions.NotFound", "message": "not found"})
            else:
                self.send(200, database.execute(model, method, body))

        def do_GET(self) -> None:
            self.send(200, {"version": database.version})

        def send(self, status: int, body: Any) -> None:
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json; charset=utf-8")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    database.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield database
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
