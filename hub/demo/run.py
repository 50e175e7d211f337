"""Reads the demo plant into a hub: once as of its first instant, once as of now, as a plant's days go by."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from hub.demo.clock import read_clock
from hub.demo.plan import NOW
from hub.demo.plant import Plant
from hub.ingest.runner import Desk, Outcome
from hub.ingest.sources import Project, load_project
from hub.shift.cycle import Cycle, run_cycle
from hub.store.keys import create_key, list_keys, revoke_key
from hub.store.summary import summarise

DEMO_CONFIG = Path(__file__).parent / "config"
KEY_NAME = "demo"


@dataclass
class Report:
    """What reading the plant did, and what the hub holds after it."""

    project: Project
    cycles: list[tuple[datetime, Cycle]] = field(default_factory=list[tuple[datetime, Cycle]])
    holds: dict[str, int] = field(default_factory=dict[str, int])
    seconds: float = 0.0

    @property
    def failed(self) -> list[Outcome]:
        """The streams that could not be read to their end."""
        return [outcome for _, cycle in self.cycles for outcome in cycle.failed]

    def summary(self) -> dict[str, Any]:
        """Give the numbers as one flat JSON object."""
        outcomes = [outcome for _, cycle in self.cycles for outcome in cycle.outcomes]
        return {
            **self.holds,
            "sources": len(self.project.sources),
            "rows_read": sum(o.documents + o.samples for o in outcomes),
            "errors": [f"{o.source}/{o.stream}: {o.error}" for o in self.failed],
            "seconds": round(self.seconds, 2),
        }


def read_plant(
    desk: Desk, plant: Plant, *, resolving: Callable[[int, int], None] = lambda _done, _total: None
) -> Report:
    """Read the plant; a new one first at its first instant, then at its now; a known one only at its now."""
    started = time.monotonic()
    report = Report(load_project(DEMO_CONFIG, plant.environment))
    moment = read_clock(plant.directory)
    report.cycles.append((moment, run_cycle(desk, report.project, resolving=resolving)))
    if moment < NOW:
        plant.set_clock(NOW)
        report.cycles.append((NOW, run_cycle(desk, report.project, resolving=resolving)))
    with desk.database.read() as connection:
        report.holds = summarise(connection)
    report.seconds = time.monotonic() - started
    return report


def renew_key(desk: Desk) -> str:
    """Make the demo's API key; the one of an earlier start ends."""
    with desk.database.begin("hub.demo", at=desk.clock()) as connection:
        for row in list_keys(connection):
            if row["name"] == KEY_NAME and not row["revoked_at"]:
                revoke_key(connection, row["public_id"])
        return create_key(connection, name=KEY_NAME, scopes=["operate"])
