"""What every request finds in its room: the store, the settings, the sessions, what may be run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict

from hub.api.sessions import Sessions
from hub.store.database import Database

Replay = Callable[[Sequence[int]], dict[str, int]]
"""Reads quarantined parts again by id; gives counts such as `{"resolved": 2, "still_open": 1}`."""


class ApiSettings(BaseModel):
    """How the counter behaves; every limit here answers with a problem that says what to do instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = "0"
    title: str = "Plantwide"
    data_folder: Path | None = None
    free_bytes: int = 64 * 1024 * 1024
    body_bytes: int = 1024 * 1024
    json_samples: int = 10_000
    arrow_samples: int = 20_000_000
    tags_at_once: int = 200
    session_s: float = 8 * 3600.0
    login_s: float = 600.0


@dataclass(frozen=True)
class Room:
    """The things that routes work with."""

    database: Database
    settings: ApiSettings
    sessions: Sessions
    replay: Replay | None = None
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


def enter(request: Request) -> Room:
    """Give the room of the application that serves this request."""
    room: Any = request.app.state.room
    return room


RoomOf = Annotated[Room, Depends(enter)]
