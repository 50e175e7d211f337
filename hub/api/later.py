"""Calls that are answered later: `Prefer: respond-async` (RFC 7240, 4.1) is met by 202 and a job.

The call is made inside this process as it would have been at once, with the rights of the caller then; its
answer goes to a file instead of to a client. Where there is no folder for such files the preference is
ignored, as the RFC allows.
"""

import asyncio
import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import anyio
from anyio import to_thread
from fastapi import FastAPI, Response
from starlette.datastructures import Headers
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.answer import answer
from hub.api.moment import UNHURRIED
from hub.api.problems import Problem, problem_of
from hub.api.room import Room
from hub.api.routing import Directory
from hub.api.slips import without_slip
from hub.store.answers.failures import StoreFailure
from hub.store.database import StoreUnreachable
from hub.store.jobs import KEPT, Job, beat, begin_job, drop_job, end_job, forget_jobs, list_answers
from hub.store.keys import Caller

LATER = frozenset(
    {
        "GET /v1/collections/{collection}",
        "GET /v1/kpis/{code}",
        "GET /v1/matrix",
        "GET /v1/phases/statistics",
        "GET /v1/samples",
        "GET /v1/samples/grid",
        "GET /v1/samples/statistics",
        "POST /v1/matrix",
    }
)
"""Routes that may take longer than a second."""
PREFERENCE = "respond-async"
_TOLD = ("content-type", "content-disposition", "known-at", "link")
_log = logging.getLogger("hub.api")


_TOO_LONG = "The answer is longer than a job may write here; ask for less, or read it page by page."


class TooLong(RuntimeError):
    """The answer is longer than a job may write here; ask for less, or read it page by page."""


def prefers_later(headers: Headers) -> bool:
    """Tell whether a request would rather be answered later (RFC 7240, 2: preferences without parameters)."""
    given = ",".join(headers.getlist("prefer")).split(",")
    return PREFERENCE in {one.partition(";")[0].strip().casefold() for one in given}


def describe(job: Job, room: Room) -> dict[str, Any]:
    """Give a job as its caller sees it."""
    now = room.clock()
    state = job.state(now)
    address = f"/v1/jobs/{job.token}"
    is_there = state in ("done", "failed")
    return {
        "id": job.token,
        "state": state,
        "request": job.request,
        "begun_at": job.begun_at,
        "ended_at": job.ended_at,
        "bytes": job.size,
        "status": job.status,
        "media_type": (job.headers or {}).get("content-type"),
        "result": f"{address}/result" if is_there else None,
        "events": f"{address}/events",
        "kept_until": job.begun_at + KEPT,
        "detail": _DETAILS[state],
    }


_DETAILS = {
    "running": "It is being worked on; DELETE ends it.",
    "done": "The answer is at `result`.",
    "failed": "The call was refused or failed; the problem is at `result`.",
    "lost": "The process that worked on it ended before the answer was there; make the call again.",
}


@dataclass
class _Sink:
    """Takes what the application answers: the head as it is, the body into a file."""

    path: Path
    room: Room
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict[str, str])
    size: int = 0
    is_too_long: bool = False
    file: BinaryIO = field(init=False)

    def __post_init__(self) -> None:
        self.file = open(self.path, "wb", opener=_open_own)  # noqa: SIM115 - closed when the call has ended

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = Headers(raw=message.get("headers", []))
            self.headers = {name: given[name] for name in _TOLD if name in given}
        elif message["type"] == "http.response.body" and (body := message.get("body", b"")):
            self.size += len(body)
            if self.size > self.room.settings.job_bytes or _is_full(self.room, self.path.parent):
                self.is_too_long = True
                raise TooLong(_TOO_LONG)
            await to_thread.run_sync(self.file.write, body)


class Later:
    """Makes a job of a call that prefers to be answered later."""

    def __init__(self, app: ASGIApp, *, outer: FastAPI, read: Callable[[], Sequence[BaseRoute]]) -> None:
        self._app = app
        self._outer = outer
        self._directory = Directory(read)
        self._tasks = set[asyncio.Task[None]]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        room: Room = self._outer.state.room
        folder = room.settings.jobs_folder
        if scope["type"] != "http" or folder is None or not prefers_later(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        route = self._directory.find(scope["method"], scope["path"])
        if route not in LATER or scope["method"] == "HEAD":
            await self._app(scope, receive, send)
            return
        body = await _read_body(receive)
        try:
            response = await self._begin(room, folder, scope, body, route)
        except Problem as problem:
            response = problem.respond()
        await response(scope, receive, send)

    async def _begin(self, room: Room, folder: Path, scope: Scope, body: bytes, route: str) -> Response:
        if room.live.jobs >= room.settings.jobs_at_once:
            raise Problem(
                "too-much-asked",
                f"This hub works on {room.settings.jobs_at_once} jobs at once; ask again when one has ended, "
                "or without `Prefer`.",
            )
        caller: Caller = scope["state"]["caller"]
        query = scope["query_string"].decode("latin-1")
        asked = f"{scope['method']} {quote(scope['path'])}{'?' if query else ''}{query}"
        begin = partial(
            begin_job, room.database, caller=name_owner(caller), route=route, request=asked, now=room.clock()
        )
        room.live.jobs += 1  # before anything is awaited: else more calls could pass at once
        try:
            await to_thread.run_sync(_make_room, room, folder)
            job = await to_thread.run_sync(begin)
            task = asyncio.create_task(self._work(room, folder / job.token, job, _repeat(scope), body))
        except BaseException:
            room.live.jobs -= 1
            raise
        self._tasks.add(task)
        task.add_done_callback(partial(self._let_go, room))
        response = answer(describe(job, room), 202)
        response.headers["Location"] = f"/v1/jobs/{job.token}"
        response.headers["Preference-Applied"] = PREFERENCE
        return response

    def _let_go(self, room: Room, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        room.live.jobs -= 1
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a job broke off", exc_info=error)

    async def _work(self, room: Room, path: Path, job: Job, scope: Scope, body: bytes) -> None:
        """Make the call; whatever comes of it is noted, also that nothing did."""
        sink = _Sink(path, room)
        status = None
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_beat, room, job, sink, group.cancel_scope)
                status = await self._answer(scope, body, sink)
                group.cancel_scope.cancel()
        finally:
            sink.file.close()
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(_end, room, job, sink, status)

    async def _answer(self, scope: Scope, body: bytes, sink: _Sink) -> int:
        """Make the call into a file; what goes wrong there becomes the problem that the client would get."""
        given = False

        async def receive() -> Message:
            nonlocal given
            if given:
                await anyio.sleep_forever()  # nobody goes away
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        try:
            await self._app(scope, receive, sink.send)
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes the problem that is answered
            problem = Problem("too-much-asked", _TOO_LONG) if sink.is_too_long else problem_of(error)
            response = problem.respond()
            sink.status, sink.size = response.status_code, len(bytes(response.body))
            sink.headers = {"content-type": response.headers["content-type"]}
            sink.file.seek(0)
            sink.file.truncate()
            sink.file.write(bytes(response.body))
        return sink.status


async def _beat(room: Room, job: Job, sink: _Sink, scope: anyio.CancelScope) -> None:
    """Say again and again that it is worked on; end it when nobody wants it any more."""
    while True:
        await anyio.sleep(room.settings.stream_poll_s)
        say = partial(beat, room.database, job.token, size=sink.size, now=room.clock())
        try:
            is_wanted = await to_thread.run_sync(say)
        except (StoreFailure, StoreUnreachable):
            continue  # the store may come back while the job is worked on; else it will count as lost
        if not is_wanted:
            scope.cancel()
            return


def _end(room: Room, job: Job, sink: _Sink, status: int | None) -> None:
    """Note how a job ended; an answer that nobody can or wants to have is not kept."""
    is_kept = False
    try:
        is_kept = end_job(
            room.database,
            job.token,
            status=status,
            headers=sink.headers,
            size=sink.size,
            now=room.clock(),
        )
    except (StoreFailure, StoreUnreachable):
        _log.exception("the end of job %s could not be noted; it will count as lost", job.token)
    if status is None or not is_kept:
        sink.path.unlink(missing_ok=True)


def _open_own(path: str, flags: int) -> int:
    """Open a file that only the hub's own user may read."""
    return os.open(path, flags, 0o600)


async def _read_body(receive: Receive) -> bytes:
    """Read a body whole; the gate stops one that is too long."""
    parts = list[bytes]()
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _repeat(scope: Scope) -> Scope:
    """Give the same call without the preference, apart from the request that brought it."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"prefer"]
    return {**scope, "headers": headers, "state": {**without_slip(scope["state"]), UNHURRIED: True}}


def _make_room(room: Room, folder: Path) -> None:
    """Let go of what is old; raise `Problem` when there is no room for another answer."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    forget_jobs(room.database, folder, now=room.clock())
    held = sum(path.stat().st_size for path in list_answers(folder))
    if held >= room.settings.jobs_bytes or _is_full(room, folder):
        raise Problem(
            "too-much-asked",
            "There is no room for another answer: `DELETE` jobs whose answers were read, or ask without "
            "`Prefer`.",
        )


def _is_full(room: Room, folder: Path) -> bool:
    return shutil.disk_usage(folder).free < room.settings.free_bytes


def name_owner(caller: Caller) -> str:
    """Name who may have a job: who made the call, as long as they see the rows that they saw then."""
    if not caller.rows.is_limited:
        return caller.public_id
    return f"{caller.public_id}:{hashlib.sha256(repr(caller.rows).encode()).hexdigest()[:16]}"


def drop(room: Room, token: str) -> None:
    """Let go of a job and of its answer; what works on it ends when it looks."""
    drop_job(room.database, token)
    if room.settings.jobs_folder is not None:
        (room.settings.jobs_folder / token).unlink(missing_ok=True)


def mark_later(document: dict[str, Any], accepted: Mapping[str, Any]) -> None:
    """Say in an OpenAPI document which operations may be answered later; `accepted` describes the 202."""
    for name in LATER:
        method, _, path = name.partition(" ")
        operation = document["paths"][path][method.lower()]
        operation.setdefault("parameters", []).append(_PREFER)
        operation["responses"]["202"] = dict(accepted)


_PREFER: dict[str, Any] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async`: answer at once with a job, and later at its `result` (RFC 7240).",
    "schema": {"type": "string", "maxLength": 200},
}
