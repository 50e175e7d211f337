"""The witness: notes who was answered what, where that is asked for; it never makes anybody wait.

It stands outside the gate, so that it sees answers from memory, refusals of those who are known, and calls
that are made inside the process. Who is not known is not noted: there is no name to note.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.answer import HEADER
from hub.api.parameters import name_actor
from hub.api.products import PRODUCTS, Policy, door_of, product_at
from hub.api.room import Room
from hub.api.routing import Directory
from hub.api.slips import Slip, lay_slip
from hub.store.keys import Caller
from hub.store.reads.notebook import Kind, Notebook, Read

_BODY, _LONGEST, _VALUE = 1_000, 2_000, 300
"""Characters that are noted: of a body, of all that was asked, of one parameter's value."""
_SECRET = re.compile(r"pw_[0-9A-Za-z]+_[\w-]+|eyJ[\w-]*\.[\w-]+(\.[\w-]*)?")
"""Keys of the hub and signed tokens, wherever somebody put them."""
_TELLING = re.compile(r"(?i)key|token|secret|passw|author|credential|cursor")
"""Names of parameters whose values are not noted; `$skiptoken` and cursors say nothing to people."""
_EVENTS = "text/event-stream"
_REFUSED = 400
_NOTHING_READ = (0, HTTPStatus.ACCEPTED)
"""Nothing was answered, or it will be later: that is noted when it is fetched."""


@dataclass
class _Seen:
    """What passes by of one request and its answer."""

    scope: Scope
    begun: datetime
    slip: Slip = field(default_factory=Slip)
    body: bytes = b""
    status: int = 0
    size: int = 0
    media: str = ""
    known_at: str | None = None


@dataclass(frozen=True)
class Noting:
    """Which reads are noted, and where."""

    policy: Policy
    notebook: Notebook


class Witness:
    """Notes the answers that a policy wants to be noted."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        outer: FastAPI,
        read: Callable[[], Sequence[BaseRoute]],
        noting: Noting,
    ) -> None:
        self._app = app
        self._outer = outer
        self._directory = Directory(read)
        self._policy = noting.policy
        self._notebook = noting.notebook

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._directory.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if route is None or route not in PRODUCTS:
            await self._app(scope, receive, send)
            return
        seen = _Seen(scope, self._now())
        lay_slip(scope, seen.slip)
        hears = receive if scope["method"] in ("GET", "HEAD") else partial(_listen, receive, seen)
        try:
            await self._app(scope, hears, partial(self._watch, send, seen, route))
        finally:
            self._note(seen, route, "read")

    def _now(self) -> datetime:
        room: Room = self._outer.state.room
        return room.clock()

    async def _watch(self, send: Send, seen: _Seen, route: str, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = Headers(raw=message.get("headers", []))
            seen.status, seen.known_at = message["status"], headers.get(HEADER)
            seen.media = headers.get("content-type", "")
            if seen.media.startswith(_EVENTS):
                self._note(seen, route, "opened")
        elif message["type"] == "http.response.body":
            seen.size += len(message.get("body", b""))
        await send(message)

    def _note(self, seen: _Seen, route: str, kind: Kind) -> None:
        state: dict[str, Any] = seen.scope.get("state", {})
        caller: Caller | None = state.get("caller")
        if caller is None or seen.status in _NOTHING_READ:
            return
        slip = seen.slip
        for part in slip.parts or (slip,):
            product = part.product or product_at(route, seen.scope["path"])
            door = state.get("door") or door_of(seen.scope["path"])
            if product is None or not self._policy.wants(door, product, caller.public_id):
                continue
            status = seen.status if part.status is None else part.status
            known_at = part.known_at or seen.known_at
            self._notebook.note(
                Read(
                    kind,
                    seen.begun,
                    self._now(),
                    reader=caller.public_id,
                    actor=name_actor(caller),
                    door=door,
                    product=product,
                    route=route,
                    asked=_describe(seen, part, refused=status >= _REFUSED),
                    tool=state.get("tool"),
                    status=status,
                    rows=part.rows,
                    size=seen.size if part.size is None else part.size,
                    known_at=None if known_at is None else datetime.fromisoformat(known_at),
                )
            )


async def _listen(receive: Receive, seen: _Seen) -> Message:
    """Let a body pass and keep its beginning: there stands what is asked."""
    message = await receive()
    if len(seen.body) < _BODY:
        seen.body += message.get("body", b"")[: _BODY - len(seen.body)]
    return message


def _describe(seen: _Seen, part: Slip, *, refused: bool) -> str:
    """Give what was asked: the address, and if it was answered the parameters and the beginning of a body.

    What was refused was not read as what it claims to be: only its address is told.
    """
    if part.asked is None:
        told, query = (
            f"{seen.scope['method']} {seen.scope['path']}",
            seen.scope["query_string"].decode("latin-1"),
        )
        body = f" {seen.body.decode(errors='replace')}" if seen.body else ""
    else:
        told, _, query = part.asked.partition("?")
        body = ""
    return clean(told if refused else f"{told}{write_query(parse_qsl(query, keep_blank_values=True))}{body}")


def write_query(pairs: Sequence[tuple[str, str]]) -> str:
    """Give parameters as people read them, without values that may be secrets."""
    if not pairs:
        return ""
    kept = [f"{name}={'…' if _TELLING.search(name) else value[:_VALUE]}" for name, value in pairs]
    return f"?{'&'.join(kept)}"


def clean(told: str) -> str:
    """Give text that can be kept: no keys and tokens, nothing unprintable, not too long."""
    plain = _SECRET.sub("…", told)
    if not plain.isprintable():
        plain = "".join(one if one.isprintable() else " " for one in plain)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
