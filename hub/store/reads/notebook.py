"""Reads on their way to the store: noted in memory at no cost to the answer, taken by who writes them.

It has bounds. What does not fit is counted, and the count is written like any read, so that a gap in the log
is told by the log.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from threading import Event, Lock
from typing import Literal, NamedTuple

MOST = 20_000
"""Reads that wait at most: some 20 MB, or seconds of a busy hub whose store does not answer."""
Kind = Literal["begun", "ended", "lost", "opened", "read"]


class Read(NamedTuple):
    """An answer: to whom (key or person), through which door, of which data product, and how much of it.

    `asked` is what was asked for, without secrets; `tool` what an agent called; `rows` and `size` (bytes)
    where they are known; `known_at` the instant that the answer stands for. See `read_event` for the kinds.
    """

    kind: Kind
    asked_at: datetime
    ended_at: datetime
    reader: str | None = None
    actor: str | None = None
    door: str | None = None
    product: str | None = None
    route: str | None = None
    asked: str | None = None
    tool: str | None = None
    status: int | None = None
    rows: int | None = None
    size: int | None = None
    known_at: datetime | None = None


class Notebook:
    """What waits to be written, at most `most` reads; safe for many threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._reads: deque[Read] = deque()
        self._lost = 0
        self._lock = Lock()
        self._news = Event()

    def note(self, read: Read) -> None:
        """Note a read; where there is no room it counts as lost."""
        with self._lock:
            if len(self._reads) >= self._most:
                self._lost += 1
                return
            self._reads.append(read)
            if len(self._reads) * 2 >= self._most:
                self._news.set()

    def take(self, most: int) -> tuple[list[Read], int]:
        """Give the oldest reads that wait, and how many were lost since the last time."""
        with self._lock:
            taken = [self._reads.popleft() for _ in range(min(most, len(self._reads)))]
            lost, self._lost = self._lost, 0
            self._news.clear()
            return taken, lost

    def give_back(self, reads: Iterable[Read], lost: int) -> None:
        """Put back what could not be written, before what came since; what has no room by now is lost."""
        with self._lock:
            self._lost += lost
            for read in reversed(list(reads)):
                if len(self._reads) >= self._most:
                    self._lost += 1
                else:
                    self._reads.appendleft(read)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the notebook is half full, or somebody calls."""
        self._news.wait(seconds)

    def call(self) -> None:
        """Wake who waits."""
        self._news.set()
