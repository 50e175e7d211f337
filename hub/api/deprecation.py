"""What will leave the API one day: a table, and how those who still ask for it are told.

A row is a route as the table of rights has it (`GET /v1/things`), or a query parameter of one
(`GET /v1/things?kind`). From it come `deprecated: true` in the description, the headers `Deprecation`
(RFC 9745), `Sunset` (RFC 8594) and `Link` (relations `deprecation`, RFC 9745, 3, and `successor-version`,
RFC 5829) on every answer, a line in the log for each key that still asks, and the list in
`docs/deprecations.md`, which also has the policy.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.routing import Directory
from hub.store.keys import Caller

SHORTEST = timedelta(days=365)
"""How long what is deprecated works on as before, at least: plants change validated programs once a year."""
_MOST_TOLD = 10_000
_log = logging.getLogger("hub.api")


@dataclass(frozen=True)
class Deprecation:
    """Since when something is deprecated, when it may be gone (None: not decided), what to do instead.

    `successor` is the address of what takes its place, if one address does. Raises `ValueError` when less
    than `SHORTEST` lies between the dates.
    """

    since: date
    sunset: date | None
    instead: str
    successor: str | None = None

    def __post_init__(self) -> None:
        if self.sunset is not None and self.sunset - self.since < SHORTEST:
            raise ValueError(
                f"deprecated on {self.since} and gone on {self.sunset}: leave {SHORTEST.days} days at least"
            )

    def tell(self) -> str:
        """Give it as a sentence."""
        until = "." if self.sunset is None else f"; works as before until {self.sunset}, then it may be gone."
        return f"Deprecated since {self.since}{until} {self.instead}"


DEPRECATIONS: Mapping[str, Deprecation] = {}
"""What is deprecated today."""


class Notice:
    """Says in each answer of what is deprecated that it is, and once a key in the log who asked."""

    def __init__(
        self, app: ASGIApp, *, read: Callable[[], Sequence[BaseRoute]], table: Mapping[str, Deprecation]
    ) -> None:
        self._app = app
        self._directory = Directory(read)
        self._table = table
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope) if scope["type"] == "http" else {}
        if not found:
            await self._app(scope, receive, send)
            return

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                _write_headers(MutableHeaders(scope=message), found)
                self._note(scope, found)
            await send(message)

        await self._app(scope, receive, send_told)

    def _find(self, scope: Scope) -> dict[str, Deprecation]:
        route = self._directory.find(scope["method"], scope["path"])
        given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if route is None:
            return {}
        names = [route, *(f"{route}?{name}" for name in dict.fromkeys(key for key, _ in given))]
        return {name: self._table[name] for name in names if name in self._table}

    def _note(self, scope: Scope, found: Mapping[str, Deprecation]) -> None:
        caller: Caller | None = scope.get("state", {}).get("caller")
        for name in found if caller else ():
            key = (caller.public_id if caller else "", name)
            if key not in self._told:
                _log.warning("key %s still asks for %s. %s", *key, found[name].tell())
                self._told[key] = None
                while len(self._told) > _MOST_TOLD:
                    self._told.popitem(last=False)


def mark_deprecated(document: dict[str, Any], table: Mapping[str, Deprecation]) -> None:
    """Mark in an OpenAPI document what a table says. Raises `ValueError` for what the document has not."""
    for name, deprecation in table.items():
        route, _, wanted = name.partition("?")
        method, _, path = route.partition(" ")
        operation = document["paths"].get(path, {}).get(method.lower())
        parameters = operation.get("parameters", ()) if operation else ()
        queries = [one for one in parameters if one["in"] == "query" and one["name"] == wanted]
        marked = queries[0] if queries else operation
        if marked is None or (wanted and not queries):
            raise ValueError(f"the table of deprecations names {name}, which the API has not")
        marked["deprecated"] = True
        marked["description"] = f"{marked.get('description', '')}\n\n{deprecation.tell()}".strip()
        if deprecation.sunset is not None:
            marked["x-sunset"] = deprecation.sunset.isoformat()
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                answer["headers"] = {**answer.get("headers", {}), **_HEADERS}


_HEADERS: dict[str, Any] = {
    "Deprecation": {
        "description": "Since when this is deprecated: `@` and seconds since 1970 (RFC 9745).",
        "schema": {"type": "string", "maxLength": 30},
    },
    "Sunset": {
        "description": "From when on this may be gone, where that is decided (RFC 8594).",
        "schema": {"type": "string", "maxLength": 40},
    },
}


def _write_headers(headers: MutableHeaders, found: Mapping[str, Deprecation]) -> None:
    """Write the earliest dates, since a header has one, and the links of all."""
    headers["Deprecation"] = f"@{int(_begin(min(one.since for one in found.values())).timestamp())}"
    ends = [one.sunset for one in found.values() if one.sunset is not None]
    if ends:
        headers["Sunset"] = format_datetime(_begin(min(ends)), usegmt=True)
    for name, one in found.items():
        headers.append("Link", f'<{_locate(name)}>; rel="deprecation"; type="application/json"')
        if one.successor is not None:
            headers.append("Link", f'<{quote(one.successor)}>; rel="successor-version"')


def _locate(name: str) -> str:
    """Give the address of an operation's description: a JSON pointer (RFC 6901, 6) into the document."""
    method, _, path = name.partition("?")[0].partition(" ")
    pointer = path.replace("~", "~0").replace("/", "~1")
    return f"/v1/openapi.json#/paths/{quote(pointer, safe='~')}/{method.lower()}"


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
