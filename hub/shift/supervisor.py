"""Keeps the shift going: sources that are due are read again, in one thread, until told to stop."""

import threading
from collections.abc import Callable

import structlog

from hub.ingest.runner import Desk
from hub.ingest.sources import Project
from hub.shift.cycle import Cycle, run_cycle
from hub.store.streams import read_schedule
from hub.store.systems import list_systems

log = structlog.get_logger("hub.shift")


class Supervisor:
    """A thread that runs a cycle for the sources that are due, every `tick_s` seconds."""

    def __init__(
        self,
        desk: Desk,
        project: Project,
        *,
        tick_s: float = 5.0,
        after: Callable[[Cycle], None] = lambda _: None,
    ) -> None:
        self.desk = desk
        self.project = project
        self.tick_s = tick_s
        self.after = after
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plantwide-shift", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """End after the present page; what was read until then is stored."""
        self._stop.set()
        self._thread.join(timeout_s)

    def tick(self) -> Cycle | None:
        """Run one cycle over the sources that are due; None when none is."""
        with self.desk.database.read() as connection:
            schedule = read_schedule(connection, self.desk.clock())
            codes = {system_id: system.code for system_id, system in list_systems(connection).items()}
        known = {codes[system_id]: streams for system_id, streams in schedule.items()}
        # A source that has never been read has no streams yet: it is due.
        sources = [s for s in self.project.sources if any(known.get(s.code, {"": True}).values())]
        if not sources:
            return None
        resting = {code: {n for n, due in streams.items() if not due} for code, streams in known.items()}
        cycle = run_cycle(self.desk, self.project, sources, resting=resting)
        self.after(cycle)
        return cycle

    def _run(self) -> None:
        while not self._stop.wait(self.tick_s):
            try:
                self.tick()
            except Exception:  # the shift goes on; the fault is in the log with its trace
                log.exception("a cycle failed")
