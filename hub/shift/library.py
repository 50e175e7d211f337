"""Keeps the star's files up to date while the hub serves: looks now and then, writes what changed."""

import threading
from pathlib import Path

import structlog

from hub.ingest.runner import Desk
from hub.shift.settings import Settings
from hub.store.star.generations import StarBusy
from hub.store.star.writing import refresh

log = structlog.get_logger("hub.shift")


class Library:
    """A thread that writes the star's files; of several processes with one folder one does at a time."""

    def __init__(self, desk: Desk, folder: Path, *, pause_s: float) -> None:
        self._desk = desk
        self._folder = folder
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plantwide-library", daemon=True)

    @classmethod
    def of(cls, settings: Settings, desk: Desk) -> "Library":
        """Give the library of the settings."""
        return cls(desk, settings.star_folder, pause_s=settings.star_s)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 60.0) -> None:
        """End after what is being written; what is not finished then is written anew at the next start."""
        self._stop.set()
        self._thread.join(timeout_s)

    def tend(self) -> int:
        """Write what has changed; give how many files that were."""
        try:
            done = refresh(self._desk.database, self._folder, clock=self._desk.clock)
        except StarBusy:
            return 0
        if done.written:
            log.info("star written", views=done.views, files=done.written, kept=done.kept)
        return done.written

    def _run(self) -> None:
        while not self._stop.wait(self._pause_s):
            try:
                self.tend()
            except Exception:  # serving goes on from the views; the next look tries again
                log.exception("the star's files were not written")
