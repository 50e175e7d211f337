"""The way in for people: a key in a form or a one-time address, then a session cookie."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from hub.api.pages.rendering import render
from hub.api.room import Room, RoomOf
from hub.api.security import COOKIE, read_cookie
from hub.store.keys import verify_key

router = APIRouter(include_in_schema=False)


@router.get("/login", name="show_login")
def show_login(
    request: Request,
    room: RoomOf,
    target: Annotated[str, Query(alias="next", max_length=2000)] = "/",
    once: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Show the form, or let in whoever has a one-time login."""
    if once is None:
        return render("login.html", next=_local(target), failed=False)
    public_id = room.sessions.redeem(once)
    if public_id is None:
        return render("login.html", 401, next=_local(target), failed=True)
    return _enter(request, room, public_id, _local(target))


@router.post("/login", name="log_in")
def log_in(
    request: Request,
    room: RoomOf,
    key: Annotated[str, Form(max_length=200)],
    target: Annotated[str, Form(alias="next", max_length=2000)] = "/",
) -> Response:
    """Open a session for a valid key."""
    with room.database.read() as connection:
        caller = verify_key(connection, key.strip(), now=room.clock())
    if caller is None:
        return render("login.html", 401, next=_local(target), failed=True)
    return _enter(request, room, caller.public_id, _local(target))


@router.post("/logout", name="log_out")
def log_out(request: Request, room: RoomOf) -> Response:
    """End the session."""
    token = read_cookie(request.headers)
    if token:
        room.sessions.close(token)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


def _enter(request: Request, room: Room, public_id: str, target: str) -> Response:
    response = RedirectResponse(target, 303)
    response.set_cookie(
        COOKIE,
        room.sessions.open(public_id),
        max_age=int(room.sessions.session_s),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )
    return response


def _local(address: str) -> str:
    """Give an address of this site only: an open redirect would lend our name to somebody else's page."""
    is_local = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_local and "\\" not in address else "/"
