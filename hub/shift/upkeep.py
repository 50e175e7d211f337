"""Keeps the store in order while the hub serves: folds and compacts samples when due, lets old answers go."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from hub.ingest.runner import Desk
from hub.shift.settings import Settings
from hub.store.arrivals import NEWS_KEPT, forget_arrivals, has_old_arrivals
from hub.store.database import Database
from hub.store.jobs import forget_jobs
from hub.store.lake.cellar import NoPlace
from hub.store.lake.cleaning import clean, is_due
from hub.store.lake.compaction import compact
from hub.store.lake.folding import fold
from hub.store.lake.survey import hot_state
from hub.store.lake.table import Overtaken
from hub.store.lake.turn import Turn, note_error, taken_turn
from hub.store.reads.writing import forget_reads
from hub.store.replies import forget_replies, has_old_replies
from hub.store.streams import LeaseLost

_TICK_S = 5.0
log = structlog.get_logger("hub.shift")


@dataclass(frozen=True)
class Policy:
    """When to fold and compact; see the settings of the same names."""

    fold_s: float = 60.0
    fold_rows: int = 1_000_000
    compact_s: float = 900.0
    compact_runs: int = 8
    period_rows: int = 10_000_000


class Upkeep:
    """A thread that tends the samples of a store; on PostgreSQL one of all nodes at a time."""

    def __init__(self, desk: Desk, policy: Policy, *, jobs: Path | None = None) -> None:
        self._desk = desk
        self._policy = policy
        self._jobs = jobs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plantwide-upkeep", daemon=True)

    @classmethod
    def of(cls, settings: Settings, desk: Desk) -> "Upkeep":
        """Give the upkeep of the settings."""
        policy = Policy(
            fold_s=settings.fold_s,
            fold_rows=settings.fold_rows,
            compact_s=settings.compact_s,
            compact_runs=settings.compact_runs,
            period_rows=settings.period_rows,
        )
        return cls(desk, policy, jobs=settings.data / "jobs")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 60.0) -> None:
        """End after the present commit; frames stay where they are, as durable as any run."""
        self._stop.set()
        self._thread.join(timeout_s)

    def tend(self) -> bool:
        """Do what is due now, if nobody else does it; tell whether anything was done."""
        database, clock = self._desk.database, self._desk.clock
        waiting = hot_state(database)
        folds = waiting.samples >= self._policy.fold_rows or (
            waiting.oldest is not None and clock() - waiting.oldest >= timedelta(seconds=self._policy.fold_s)
        )
        if not folds and not self._compacts(clock):
            return False
        if not database.cellar.has_place:
            return False
        with taken_turn(database, owner=self._desk.owner, clock=clock) as turn:
            if turn is None:
                return False
            try:
                self._work(turn, folds=folds)
            except (LeaseLost, Overtaken) as error:
                log.warning("folding goes on at the next turn", why=str(error))
                return False
            except Exception as error:
                note_error(database, str(error))
                raise
        return True

    def clear(self) -> int:
        """Let go of answers no longer given again, of reads and news whose time is over; give how many.

        Any node may do it.
        """
        database, now = self._desk.database, self._desk.clock()
        gone = forget_replies(database, now=now) if has_old_replies(database, now=now) else 0
        gone += forget_reads(database, now=now)
        gone += _forget_news(database, before=now - NEWS_KEPT)
        return gone + (0 if self._jobs is None else forget_jobs(database, self._jobs, now=now))

    def _compacts(self, clock: Callable[[], datetime]) -> bool:
        after = timedelta(seconds=self._policy.compact_s)
        return is_due(self._desk.database, now=clock(), after=after)

    def _work(self, turn: Turn, *, folds: bool) -> None:
        if folds:
            fold(turn, rows=self._policy.fold_rows)
        if self._compacts(turn.clock):
            done = compact(turn, runs=self._policy.compact_runs, run_rows=self._policy.period_rows)
            gone = clean(turn)
            log.info("samples tended", tasks=done.tasks, superseded=done.superseded, files_gone=gone)
        note_error(turn.database, None)

    def _run(self) -> None:
        has_place = True
        while not self._stop.wait(_TICK_S):
            try:
                self.clear()
                if has_place:
                    self.tend()
            except NoPlace:
                has_place = False
            except Exception:  # serving goes on, samples stay in frames; doctor tells
                log.exception("samples were not folded, or old answers not let go")


def _forget_news(database: Database, *, before: datetime) -> int:
    with database.read() as connection:
        if not has_old_arrivals(connection, before):
            return 0
    with database.begin() as connection:
        return forget_arrivals(connection, before)
