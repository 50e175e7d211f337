"""Keeps the key figures of `fact_kpi` while the hub serves: now and then those that can have changed."""

import threading
from datetime import timedelta

import structlog

from hub.ingest.runner import Desk
from hub.insight.keeping import Kept, keep_stale
from hub.shift.settings import Settings

ACTOR = "plantwide"
_TICK_S = 60.0
log = structlog.get_logger("hub.shift")


class Reckoner:
    """A thread that keeps key figures; the store says when it was done, so one node does it for all."""

    def __init__(self, desk: Desk, *, pause_s: float) -> None:
        self._desk = desk
        self._pause = timedelta(seconds=pause_s)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plantwide-reckoner", daemon=True)

    @classmethod
    def of(cls, settings: Settings, desk: Desk) -> "Reckoner":
        """Give the reckoner of the settings."""
        return cls(desk, pause_s=settings.kpi_s)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 60.0) -> None:
        """End after what is being computed; what is not kept then is computed anew at the next start."""
        self._stop.set()
        self._thread.join(timeout_s)

    def tend(self) -> Kept:
        """Compute and keep what can have changed, if it is time; give what came of it."""
        done = keep_stale(self._desk.database, actor=ACTOR, now=self._desk.clock(), after=self._pause)
        if done.formulas:
            log.info("key figures kept", formulas=done.formulas, written=done.written, gone=done.withdrawn)
        return done

    def _run(self) -> None:
        while not self._stop.wait(_TICK_S):
            try:
                self.tend()
            except Exception:  # serving goes on, `/v1/kpis` computes by itself; the next look tries again
                log.exception("key figures were not kept")
