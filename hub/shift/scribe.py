"""Writes the log of reads while the hub serves: every second what was noted, at the end what is left."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from hub.store.database import Database
from hub.store.reads.notebook import Kind, Notebook, Read
from hub.store.reads.writing import write_reads

_TICK_S = 1.0
_AT_ONCE = 1_000
log = structlog.get_logger("hub.shift")


class Scribe:
    """A thread that writes what a notebook holds; the log says itself from when to when, and what is missing.

    `node` names this process, `about` says which reads it notes, `keep` for how long (None: for ever). A
    process that dies loses what it noted in its last second: the log shows that it began, and no end.
    """

    def __init__(
        self,
        database: Database,
        notebook: Notebook,
        clock: Callable[[], datetime],
        *,
        node: str,
        about: str,
        keep: timedelta | None = None,
    ) -> None:
        self._database = database
        self._notebook = notebook
        self._clock = clock
        self._node = node
        self._about = about
        self._keep = keep
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plantwide-scribe", daemon=True)

    def start(self) -> None:
        """Say in the log that reads are noted from now on, and begin. Raises what the store raises."""
        self._write([self._say("begun", asked=self._about)])
        self._thread.start()

    def stop(self, timeout_s: float = 60.0) -> None:
        """Write what is left, and that no more is noted."""
        self._stop.set()
        self._notebook.call()
        self._thread.join(timeout_s)
        try:
            while self.write_some():
                pass
            self._write([self._say("ended", asked=self._about)])
        except Exception:  # the hub ends all the same; the log of reads shows no end of this process
            left, lost = self._notebook.take(1_000_000)
            log.exception("reads could not be written to their log", lost=len(left) + lost)

    def write_some(self) -> int:
        """Write some of what waits; give how many. What cannot be written is given back to the notebook."""
        reads, lost = self._notebook.take(_AT_ONCE)
        told = [self._say("lost", rows=lost)] if lost else []
        try:
            self._write([*reads, *told])
        except Exception:
            self._notebook.give_back(reads, lost)
            raise
        if lost:
            log.warning("reads were not noted: more came than could be written", lost=lost)
        return len(reads) + len(told)

    def _say(self, kind: Kind, *, asked: str | None = None, rows: int | None = None) -> Read:
        now = self._clock()
        return Read(kind, now, now, asked=asked, rows=rows)

    def _write(self, reads: list[Read]) -> None:
        write_reads(self._database, reads, node=self._node, keep=self._keep)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._notebook.wait(_TICK_S)
            try:
                while self.write_some() == _AT_ONCE and not self._stop.is_set():
                    pass
            except Exception:  # serving goes on; what waits is written when the store answers again
                log.exception("reads were not written to their log yet")
                self._stop.wait(_TICK_S)
