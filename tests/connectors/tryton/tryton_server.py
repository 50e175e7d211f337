"""A small Tryton on loopback, after what versions 7 and 8 were measured to answer: paths, sessions, errors in 200.

A test tool: no rights but closed models, no computed fields; domains as far as the connector uses them.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hub.sdk.testing.loopback import Answered, Asked
from hub.sdk.testing.loopback import serve as serve_answers

Row = dict[str, Any]
DATABASE, USER, PASSWORD = "plant", "hub", "erp-Secret!"
_NAMES = ("year", "month", "day", "hour", "minute", "second", "microsecond")


def moment(text: str | None) -> Row | None:
    """Give a date or a time as Tryton's JSON has it."""
    if text is None:
        return None
    numbers = [int(n) for n in text.replace(":", "-").replace(" ", "-").replace(".", "-").split("-")]
    if len(numbers) == 3:
        return {"__class__": "date", **dict(zip(_NAMES, numbers, strict=False))}
    return {"__class__": "datetime", **dict(zip(_NAMES, [*numbers, 0], strict=False))}


@dataclass
class Database:
    """Models with their rows; links are held as `link.` with the linked row's fields."""

    models: dict[str, list[Row]]
    version: int = 8
    closed: set[str] = field(default_factory=set)
    faults: list[list[str]] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    logins: int = 0
    asked: list[tuple[str, list[Any]]] = field(default_factory=list)
    url: str = ""

    def answer(self, asked: Asked) -> Answered:
        body = json.loads(asked.body)
        method, parameters = body["method"], body["params"]
        path = f"/{DATABASE}/rpc/" if self.version >= 8 else f"/{DATABASE}/"
        if (asked.target, method) == ("/rpc/", "common.server.version") and self.version >= 8:
            return _tell({"id": 1, "result": "8.2"})
        if asked.target != path:
            return Answered(status=404 if self.version >= 8 or "rpc" not in asked.target else 405)
        if method == "common.db.login":
            return self.log_in(*parameters)
        if asked.headers.get("authorization", "").removeprefix("Session ") not in self.sessions:
            return Answered(status=401)
        if method == "common.db.logout":
            self.sessions.clear()
            return _tell({"id": 1, "result": None})
        self.asked.append((method, parameters))
        if self.faults and method.endswith("search_read"):
            return _tell({"id": 1, "error": self.faults.pop(0)})
        return _tell({"id": 1, **self.call(method, parameters)})

    def log_in(self, user: str, given: Row, _: str) -> Answered:
        if (user, given["password"]) != (USER, PASSWORD):
            return Answered(status=401, body=b"<!doctype html>")
        self.logins += 1
        key = f"key{self.logins}"
        self.sessions.add(base64.b64encode(f"{user}:1:{key}".encode()).decode())
        return _tell({"id": 1, "result": [1, key]})

    def call(self, method: str, parameters: list[Any]) -> Row:
        model, _, verb = method.removeprefix("model.").rpartition(".")
        if verb == "get_preferences":
            return {"result": {"company": 1, "language": "en"}}
        if model not in self.models:
            return {"error": [f"'{model}'", ""]}
        if model in self.closed:
            return {"error": ["AccessError", "You are not allowed to access it."]}
        names = {name.rstrip(".") for row in self.models[model] for name in row}
        if verb == "fields_get":
            return {"result": {name: {"type": "char"} for name in names}}
        domain, _, limit, order, fields, _ = parameters
        unknown = {f for f in fields if f.partition(".")[0] not in names}
        if unknown:
            return {"error": [f"'{unknown.pop()}'", ""]}
        rows = [row for row in self.models[model] if all(self.holds(row, term) for term in domain)]
        for name, _ in reversed(order):
            rows.sort(key=lambda row, n=name: _plain(row.get(n)))
        wanted = {f.partition(".")[0] + ("." if "." in f else "") for f in fields} | {"id"}
        return {"result": [{k: v for k, v in row.items() if k in wanted} for row in rows[:limit]]}

    def holds(self, row: Row, term: list[Any]) -> bool:
        if term[0] == "OR":
            return any(self.holds(row, part) for part in term[1:])
        link, _, rest = term[0].partition(".")
        held = row.get(link, row.get(f"{link}."))
        if rest and isinstance(held, dict):
            held = held.get(rest)
        value, wanted = _plain(held), _plain(term[2])
        match term[1]:
            case "=":
                return value == wanted
            case "!=":
                return value != wanted
            case ">=":
                return held is not None and value >= wanted
            case "<":
                return held is not None and value < wanted
            case ">":
                return held is not None and value > wanted
            case "in":
                return held in term[2]
        raise AssertionError(f"this server does not know {term!r}")


def _plain(value: Any) -> Any:
    """Times sort by their parts, numbers as they are, nothing first."""
    if isinstance(value, dict) and "__class__" in value:
        return tuple(value.get(name, 0) for name in _NAMES)
    if value is None:
        return ()
    return value


def _tell(body: Any) -> Answered:
    return Answered(status=200, headers={"content-type": "application/json"}, body=json.dumps(body).encode())


@contextmanager
def serve(database: Database) -> Iterator[Database]:
    """Serve it on a free loopback port."""
    with serve_answers(database.answer) as base:
        database.url = base
        yield database
