"""Doors beside `/v1`: another standard's application over the same room, let in by the same keys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import Response
from starlette.types import ASGIApp

from hub.api.problems import Problem
from hub.api.room import Room


@dataclass(frozen=True)
class Door:
    """An application below `path`.

    `make` gives it for a room; `refuse` says in its own words why somebody is not let in. What its routes
    need stands in the table of rights (`hub.api.rights`).
    """

    path: str
    make: Callable[[Room], ASGIApp]
    refuse: Callable[[Problem], Response]


def find_door(doors: Sequence[Door], path: str) -> Door | None:
    """Give the door through which an address leads."""
    return next((door for door in doors if path == door.path or path.startswith(f"{door.path}/")), None)
