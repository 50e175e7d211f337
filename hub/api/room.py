"""What every request finds in its room: the store, the settings, the sessions, what may be run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict

from hub.api.remembering import Memory
from hub.api.sessions import Sessions
from hub.api.tokens import Tokens
from hub.events.herald import Herald
from hub.ingest.tagmap import TagMap
from hub.store.database import Database
from hub.store.questions.shelf import Shelf

if TYPE_CHECKING:
    from hub.store.star.reading import Star

Replay = Callable[[Sequence[int]], dict[str, int]]
"""Reads quarantined parts again by id; gives counts such as `{"resolved": 2, "still_open": 1}`."""


class ApiSettings(BaseModel):
    """How the counter behaves; every limit here answers with a problem that says what to do instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = "0"
    title: str = "Plantwide"
    data_folder: Path | None = None
    jobs_folder: Path | None = None
    free_bytes: int = 64 * 1024 * 1024
    body_bytes: int = 1024 * 1024
    read_seconds: float | None = 60.0
    """How long the database may work on a statement of a read; jobs have all the time there is."""
    page_rows: int = 1_000
    rows_at_once: int = 1_000_000
    delivery_bytes: int = 64 * 1024 * 1024
    delivery_samples: int = 1_000_000
    json_samples: int = 10_000
    arrow_samples: int = 20_000_000
    tags_at_once: int = 200
    batches_at_once: int = 1_000
    examined_samples: int = 200_000_000
    windows_at_once: int = 1_000_000
    requests_a_minute: int | None = None
    requests_at_once: int = 100
    streams_at_once: int = 200
    jobs_at_once: int = 4
    job_bytes: int = 1024**3
    jobs_bytes: int = 8 * 1024**3
    stream_poll_s: float = 1.0
    stream_lag: int = 10_000
    stream_s: float = 3600.0
    slow_client_s: float = 30.0
    recheck_s: float = 15.0
    """How often an open stream asks whether whoever opened it is still let in."""
    session_s: float = 8 * 3600.0
    login_s: float = 600.0
    public_address: str = ""
    webhooks_at_once: int = 50


@dataclass
class Live:
    """The open streams and the jobs in work here, and whether the server is about to end."""

    streams: int = 0
    jobs: int = 0
    is_stopping: bool = False


@dataclass(frozen=True)
class Room:
    """The things that routes work with."""

    database: Database
    settings: ApiSettings
    sessions: Sessions
    replay: Replay | None = None
    tokens: Tokens | None = None
    tag_maps: Mapping[str, TagMap] = field(default_factory=dict[str, TagMap])
    """What this hub knows of the tags of sources that edge agents read, by source."""
    herald: Herald | None = None
    """Who tells others outside; None where there is no master key for their secrets."""
    live: Live = field(default_factory=Live)
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    memory: Memory = field(default_factory=Memory)
    shelf: Shelf = field(default_factory=Shelf)
    star: "Star | None" = None
    """The files of the star, where DuckDB is installed and they are kept."""


async def enter(request: Request) -> Room:
    """Give the room of the application that serves this request, as known at the instant it asks for.

    It waits for nothing; but a function that is not `async` would cost each request a way into a thread.
    """
    room: Any = getattr(request.state, "room", None) or request.app.state.room
    return room


RoomOf = Annotated[Room, Depends(enter)]
