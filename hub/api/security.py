"""The door: no key, no entry; what a key may do is settled before a body is read."""

import base64
import binascii
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from anyio import to_thread
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.problems import Problem, problem_of, wants_page
from hub.api.room import Room
from hub.store.keys import Caller, find_caller, verify_key

COOKIE = "plantwide_session"
OPEN_PATHS = frozenset({"/livez", "/readyz", "/v1/info", "/login", "/favicon.ico"})
"""Addresses that answer without a key; files under /static/ do too."""

_SCOPES = {"GET": "read", "HEAD": "read", "OPTIONS": "read"}
_SCOPES_OF_PATHS = {"/logout": "read"}
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
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                is_static = scope["path"].startswith("/static/")
                headers["Cache-Control"] = "public, max-age=300" if is_static else "no-store"
            await send(message)

        try:
            await self._app(scope, receive, send_safely)
        except Exception as error:
            if started:
                raise
            await problem_of(error).respond()(scope, receive, send_safely)


class Gate:
    """Lets a request in by its key, as header, bearer token, Basic password, or session cookie."""

    def __init__(self, app: ASGIApp, *, outer: FastAPI) -> None:
        self._app = app
        self._outer = outer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._admit(scope)
        except Problem as problem:
            response = problem.respond()
            if problem.kind == "key-needed" and wants_page(Request(scope)):
                response = RedirectResponse(f"/login?next={quote(_address(scope), safe='')}", 303)
            await response(scope, receive, send)
            return
        await self._app(scope, self._limit(receive), send)

    def _limit(self, receive: Receive) -> Receive:
        """Stop reading a body that grows beyond the limit, whatever its headers promised."""
        room: Room = self._outer.state.room
        most, read = room.settings.body_bytes, 0

        async def receive_some() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(413)
            return message

        return receive_some

    async def _admit(self, scope: Scope) -> None:
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            raise Problem("malformed-request", "An address never holds the NUL character.")
        headers = Headers(scope=scope)
        if scope["method"] not in _SCOPES and headers.get("sec-fetch-site", "none") not in (
            "same-origin",
            "none",
        ):
            raise Problem("scope-missing", "Another site may not send forms or calls here.")
        if scope["path"] in OPEN_PATHS or scope["path"].startswith("/static/"):
            return
        caller = await to_thread.run_sync(self._identify, scope, headers)
        if caller is None:
            raise Problem(
                "key-needed",
                "Send a key that is valid (`plantwide key create`) as X-API-Key, as bearer token or as Basic "
                "password.",
                headers=_CHALLENGE,
            )
        needed = _SCOPES_OF_PATHS.get(scope["path"]) or _SCOPES.get(scope["method"], "operate")
        if not caller.may(needed):
            raise Problem("scope-missing", f"This needs a key with the scope {needed}.")
        scope.setdefault("state", {})["caller"] = caller

    def _identify(self, scope: Scope, headers: Headers) -> Caller | None:
        room: Room = self._outer.state.room
        given = read_key(headers)
        with room.database.read() as connection:
            if given is not None:
                return verify_key(connection, given, now=room.clock())
            token = read_cookie(headers)
            # A cookie opens pages and their links; to change something a script must show its key.
            if token is None or (scope["method"] not in _SCOPES and scope["path"].startswith("/v1/")):
                return None
            public_id = room.sessions.find(token)
            return find_caller(connection, public_id, now=room.clock()) if public_id else None


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
