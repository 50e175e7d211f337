"""Resolving beside reading: what sources have said is resolved while they go on.

On PostgreSQL many write at once, so that a large load need not be read to its end before anything of it is
resolved: the server does both at the same time. SQLite has one writer, who would only be kept waiting.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from itertools import count, takewhile
from threading import Event, Thread

import structlog

from hub.resolve.resolution import CHUNK, Resolved, resolve_by_chunks
from hub.store.database import Database

log = structlog.get_logger("hub.resolve")
_LOOK_S = 0.1
"""How often is looked whether a full chunk waits."""


@contextmanager
def resolved_meanwhile(
    database: Database, *, clock: Callable[[], datetime], chunk: int = CHUNK
) -> Generator[Resolved]:
    """Resolve full chunks while the block stores; give how many statements were, final when the block ends.

    What makes up no full chunk is left to `resolve`, so that a small reading is resolved at once when it is
    whole. Whatever fails here is left to it too: it meets the same, and raises it.
    """
    done, over = Resolved(), Event()
    if database.dialect == "sqlite":
        yield done
        return
    beside = Thread(
        target=_resolve_until,
        args=(over, done),
        kwargs={"database": database, "clock": clock, "chunk": chunk},
        name="plantwide-resolve",
        daemon=True,
    )
    beside.start()
    try:
        yield done
    finally:
        over.set()
        beside.join()


def _resolve_until(
    over: Event, done: Resolved, *, database: Database, clock: Callable[[], datetime], chunk: int
) -> None:
    numbers = takewhile(lambda _: not over.is_set(), count())
    try:
        while not over.wait(_LOOK_S):
            for number in resolve_by_chunks(
                database, numbers, clock=clock, chunk=chunk, is_load=True, least=chunk
            ):
                done.statements += number
    except Exception as error:  # noqa: BLE001 - it is met again by `resolve`, which raises it
        log.warning("resolving beside reading has ended, it goes on when all is read", error=str(error))
