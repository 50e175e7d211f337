"""The door: no key, no entry; what a key may do is settled before a body is read."""

import base64
import binascii
import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from anyio import to_thread
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.doors import Door, find_door
from hub.api.problems import Problem, problem_of, wants_page
from hub.api.remembering import NEWEST, answer_unchanged, is_held, question_of, write_tag
from hub.api.rights import DELIVERIES, KNOWN, OPEN, RIGHTS, Right
from hub.api.room import Room
from hub.api.routing import Directory
from hub.api.tokens import looks_like_token
from hub.store.database import Connection
from hub.store.keys import Caller, find_caller, verify_key
from hub.store.order import newest_known
from hub.store.permissions import list_holders

COOKIE = "plantwide_session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that ask for nothing but an answer (RFC 9110, 9.2.1)."""
_NOT_THERE = "/favicon.ico"
"""Browsers ask for it unasked; a stranger is told that it is not there instead of being sent to log in."""
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="plantwide", Basic realm="plantwide", charset="UTF-8"'}
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


_SAFE_HEADERS = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
_SAFE_NAMES = frozenset(name for name, _ in _SAFE_HEADERS)
_CACHING = b"cache-control"
_MOST_SEEN = 1_000


@dataclass(frozen=True)
class _Seen:
    """A key that was verified, and the newest known instant, while the store looked like `mark`."""

    mark: int
    caller: Caller
    newest: datetime | None


class Shell:
    """The outermost layer: safe headers on every answer, and a problem instead of a bare failure."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _make_safe(message, is_static=scope["path"].startswith("/static/"))
            await send(message)

        try:
            await self._app(scope, receive, send_safely)
        except Exception as error:
            if started:
                raise
            await problem_of(error).respond()(scope, receive, send_safely)


def _make_safe(message: Message, *, is_static: bool) -> None:
    """Put safe headers into the beginning of an answer, instead of its own of the same names."""
    own: list[tuple[bytes, bytes]] = [
        pair for pair in message.get("headers", ()) if pair[0] not in _SAFE_NAMES
    ]
    if is_static or not any(name == b"etag" for name, _ in own):
        how = b"public, max-age=300" if is_static else b"no-store"
        own = [pair for pair in own if pair[0] != _CACHING]
        own.append((_CACHING, how))
    message["headers"] = [*own, *_SAFE_HEADERS]


class Gate:
    """Lets a request in by its key (header, bearer, Basic password, session cookie) or a token."""

    def __init__(self, app: ASGIApp, *, outer: FastAPI, doors: Sequence[Door] = ()) -> None:
        self._app = app
        self._outer = outer
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()
        self._doors = doors
        self._directory = Directory(lambda: outer.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            known = await self._admit(scope)
        except Problem as problem:
            door = find_door(self._doors, scope["path"])
            response = problem.respond() if door is None else door.refuse(problem)
            if door is None and problem.kind == "key-needed" and wants_page(Request(scope)):
                response = RedirectResponse(f"/login?next={quote(_address(scope), safe='')}", 303)
            await response(scope, receive, send)
            return
        if known is not None:
            await known(scope, receive, send)
            return
        is_delivery = scope["path"].startswith(DELIVERIES)
        await self._app(scope, self._limit(receive, is_delivery=is_delivery), send)

    def _limit(self, receive: Receive, *, is_delivery: bool) -> Receive:
        """Stop reading a body that grows beyond the limit, whatever its headers promised."""
        room: Room = self._outer.state.room
        most = room.settings.delivery_bytes if is_delivery else room.settings.body_bytes
        read = 0

        async def receive_some() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(413)
            return message

        return receive_some

    async def _admit(self, scope: Scope) -> Response | None:
        """Let a request in, or raise `Problem`; what was answered and still stands is answered here."""
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            raise Problem("malformed-request", "An address never holds the NUL character.")
        headers = Headers(scope=scope)
        if scope["method"] not in _SAFE and headers.get("sec-fetch-site", "none") not in (
            "same-origin",
            "none",
        ):
            raise Problem("scope-missing", "Another site may not send forms or calls here.")
        path: str = scope["path"]
        route = self._directory.find(scope["method"], path)
        right = None if route is None else RIGHTS.get(route)
        if (right is not None and right.needs == OPEN) or path == _NOT_THERE:
            return None
        caller, newest = await self._find(scope, headers)
        if caller is None:
            raise Problem(
                "key-needed",
                "Send a key that is valid (`plantwide key create`) as X-API-Key, as bearer token or as Basic "
                "password.",
                headers=_CHALLENGE,
            )
        if route is None and (route := self._directory.find_late(scope["method"], path)) is not None:
            right = RIGHTS.get(route)
        state = scope.setdefault("state", {})
        state["caller"] = caller  # whoever is refused is known too
        state["ask_again"] = partial(self._find_caller, scope, headers)
        if "door" not in state:  # what a tool of the agents' door asks in turn was counted with its call
            self._outer.state.allowance.count(caller.public_id)
        if route is not None:  # where there is none, the application says so
            check_right(caller, right, path)
        if newest is None:
            return None
        if find_door(self._doors, path) is not None:
            scope["state"][NEWEST] = newest  # a door remembers in its own way
            return None
        return self._recall(scope, headers, newest)

    async def _find(self, scope: Scope, headers: Headers) -> tuple[Caller | None, datetime | None]:
        """Give who asks and the newest known instant; both from memory while nothing has been written."""
        room: Room = self._outer.state.room
        given = read_key(headers)
        mark = None if given is None else room.database.watch.look()
        if given is None or mark is None:
            return await to_thread.run_sync(self._identify, scope, headers)
        digest = hashlib.sha256(given.encode()).digest()
        seen = self._seen.get(digest)
        if seen is not None and seen.mark == mark and not seen.caller.has_ended(room.clock()):
            return seen.caller, seen.newest
        caller, newest = await to_thread.run_sync(self._identify, scope, headers)
        if caller is not None:
            self._seen[digest] = _Seen(mark, caller, newest)
            self._seen.move_to_end(digest)
            while len(self._seen) > _MOST_SEEN:
                self._seen.popitem(last=False)
        return caller, newest

    async def _find_caller(self, scope: Scope, headers: Headers) -> Caller | None:
        """Give who asks, or nobody, as things stand now."""
        caller, _ = await self._find(scope, headers)
        return caller

    def _recall(self, scope: Scope, headers: Headers, newest: datetime) -> Response | None:
        """Give what was answered to the same question about the same state, or that it has not changed."""
        room: Room = self._outer.state.room
        question = question_of(scope, headers)
        if question is None:
            return None
        tag = write_tag(question, newest, room.settings.version)
        if is_held(tag, headers.get("if-none-match")):
            return answer_unchanged(tag, newest)
        found = room.memory.find(question, newest)
        if found is None:
            return None
        response = found.respond()
        response.headers["ETag"] = tag
        return response

    def _identify(self, scope: Scope, headers: Headers) -> tuple[Caller | None, datetime | None]:
        room: Room = self._outer.state.room
        person = self._verify_token(headers)  # the issuer may be asked: no connection waits for that
        with room.database.read() as connection:
            caller = person or self._verify(connection, scope, headers)
            # An embedded store says it at once, and it stays with the key for whatever is asked next.
            path, is_sqlite = scope["path"], room.database.dialect == "sqlite"
            is_kept = path.startswith("/v1/") or find_door(self._doors, path) is not None
            is_asked = is_sqlite or (scope["method"] == "GET" and is_kept)
            return caller, newest_known(connection) if caller and is_asked else None

    def _verify_token(self, headers: Headers) -> Caller | None:
        room: Room = self._outer.state.room
        token = None if room.tokens is None else read_token(headers)
        return None if token is None or room.tokens is None else room.tokens.verify(token, now=room.clock())

    def _verify(self, connection: Connection, scope: Scope, headers: Headers) -> Caller | None:
        room: Room = self._outer.state.room
        given = read_key(headers)
        if given is not None:
            return verify_key(connection, given, now=room.clock())
        token = read_cookie(headers)
        # A cookie opens pages and their links; to change something a script must show its key.
        is_call = scope["path"].startswith("/v1/") or find_door(self._doors, scope["path"]) is not None
        if token is None or (scope["method"] not in _SAFE and is_call):
            return None
        public_id = room.sessions.find(token)
        return find_caller(connection, public_id, now=room.clock()) if public_id else None


def check_right(caller: Caller, right: Right | None, path: str) -> None:
    """Raise `Problem` unless somebody may use a route: what nobody gave a right to is closed to all."""
    if right is None:
        raise Problem(
            "scope-missing",
            "This address is closed to everybody: the table of rights (hub/api/rights.py) does not name it.",
        )
    if right.needs == KNOWN:
        return
    needed = right.needs_at(path)
    if not caller.may(needed):
        holders = ", ".join(list_holders(needed))
        raise Problem("scope-missing", f"This needs the permission {right.needs}, held by {holders}.")
    if caller.rows.is_limited and not right.is_narrowed:
        raise Problem(
            "scope-missing",
            "This key sees the rows of some sites or products. This address cannot be narrowed to them: "
            "ask /v1/collections, /v1/batches, /v1/lots, /v1/equipment/{name}, /odata and /i3x/v1.",
        )


def read_key(headers: Headers) -> str | None:
    """Give the key of a request's headers, or None when it shows none."""
    if (plain := headers.get("x-api-key")) is not None:
        return plain.strip()
    method, _, rest = headers.get("authorization", "").partition(" ")
    match method.casefold():
        case "bearer":
            return rest.strip()
        case "basic":
            return _basic_password(rest.strip())
        case _:
            return None


def read_token(headers: Headers) -> str | None:
    """Give the signed token of a request, which comes as bearer only (RFC 6750, 2.1), or None."""
    method, _, rest = headers.get("authorization", "").partition(" ")
    is_token = method.casefold() == "bearer" and "x-api-key" not in headers and looks_like_token(rest)
    return rest.strip() if is_token else None


def read_cookie(headers: Headers) -> str | None:
    """Give the session token of a request's cookies."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel else None


def _basic_password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _address(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"{scope['path']}?{query}" if query else str(scope["path"])
