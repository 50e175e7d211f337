"""Keeps the shift going: sources that are due are read again, and followed in between, until told to stop."""

import threading
from collections.abc import Callable

import structlog

from hub.ingest.live import LIVE_STREAM, Pace
from hub.ingest.runner import Desk
from hub.ingest.sources import Project
from hub.resolve.resolution import prepare, resolve
from hub.shift.cycle import Cycle, run_cycle
from hub.shift.tails import Tails
from hub.store.pending import is_anything_pending
from hub.store.streams import count_delivered, read_schedule
from hub.store.systems import list_systems

log = structlog.get_logger("hub.shift")


class Supervisor:
    """A thread that runs a cycle for the sources that are due, every `tick_s` seconds; live tails beside it.

    `pace` is how often tails write; None follows nothing. Without a project nothing is read here, but what
    edge agents deliver is resolved.
    """

    def __init__(
        self,
        desk: Desk,
        project: Project | None,
        *,
        tick_s: float = 5.0,
        pace: Pace | None = None,
        after: Callable[[Cycle], None] = lambda _: None,
    ) -> None:
        self.desk = desk
        self.project = project
        self.tick_s = tick_s
        self.after = after
        self._tails = Tails(desk, project.sources, pace) if pace and project else None
        self._seen_delivered = 0
        """Samples that agents had delivered by the last cycle."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plantwide-shift", daemon=True)

    def start(self) -> None:
        """Begin."""
        if self._tails is not None:
            self._tails.start()
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """End after the present page; what was read and told until then is stored."""
        self._stop.set()
        if self._tails is not None:
            self._tails.stop(timeout_s)
        self._thread.join(timeout_s)

    def tick(self) -> Cycle | None:
        """Run one cycle over the sources that are due; None when none is and nothing was delivered."""
        if self.project is None:
            return self._resolve_delivered()
        known = self._read_schedule()
        # A source that has never been read has no streams yet: it is due.
        sources = [s for s in self.project.sources if any(known.get(s.code, {"": True}).values())]
        delivered = self._count_delivered()
        if not sources and not self._is_anything_delivered() and delivered == self._seen_delivered:
            return None
        resting = {code: {n for n, due in streams.items() if not due} for code, streams in known.items()}
        if self._tails is not None:
            self._tails.settle({source.code for source in sources})
        cycle = run_cycle(self.desk, self.project, sources, resting=resting)
        if self._tails is not None:
            self._tails.heed(cycle.outcomes)
        self._seen_delivered = delivered
        self.after(cycle)
        return cycle

    def _is_anything_delivered(self) -> bool:
        """Tell whether statements wait: edge agents deliver when they like."""
        with self.desk.database.read() as connection:
            return is_anything_pending(connection)

    def _count_delivered(self) -> int:
        with self.desk.database.read() as connection:
            return count_delivered(connection)

    def _resolve_delivered(self) -> Cycle | None:
        if not self._is_anything_delivered():
            return None
        prepare(self.desk.database, now=self.desk.clock())
        cycle = Cycle(statements=resolve(self.desk.database, clock=self.desk.clock).statements)
        self.after(cycle)
        return cycle

    def _read_schedule(self) -> dict[str, dict[str, bool]]:
        """Tell by source and stream what is due; live tails keep their own time."""
        with self.desk.database.read() as connection:
            schedule = read_schedule(connection, self.desk.clock())
            codes = {system_id: system.code for system_id, system in list_systems(connection).items()}
        known: dict[str, dict[str, bool]] = {}
        for system_id, streams in schedule.items():
            rounds = {name: due for name, due in streams.items() if name != LIVE_STREAM}
            if rounds:
                known[codes[system_id]] = rounds
        return known

    def _run(self) -> None:
        while not self._stop.wait(self.tick_s):
            try:
                self.tick()
            except Exception:  # the shift goes on; the fault is in the log with its trace
                log.exception("a cycle failed")
