"""A unit whose runs and phases are found in its signals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa

from hub.model import SAMPLE_SCHEMA, Identifier
from hub.resolve.conditions import Condition
from hub.resolve.deriving import derive_frames
from hub.resolve.frames import FrameRule
from hub.resolve.resolution import prepare
from hub.store.database import Database
from hub.store.identifiers import ensure_tags
from hub.store.samples import put_samples
from hub.store.statements import list_live_keys, stored_documents
from hub.store.systems import find_system
from tests.api.factories import add_name, add_thing

NOW = datetime(2026, 9, 1, tzinfo=UTC)
START = datetime(2026, 3, 10, 8, tzinfo=UTC)
GOOD, UNCERTAIN, BAD = 0, 0x40000000, 0x80000000


def rule(gap_s: float | None = None, min_s: float = 0, **phases: str) -> FrameRule:
    return FrameRule(
        source="pi",
        equipment=Identifier(scheme="unit", value="U1"),
        batch_tag="BATCH",
        batch_scheme="batch",
        name="Run",
        gap_s=gap_s,
        min_s=min_s,
        phases={name: Condition(text) for name, text in phases.items()},
    )


class Plant:
    """A unit with signals a and b, and a tag that holds the batch."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._seq = 0
        prepare(database, now=NOW)
        with database.begin("test", at=NOW) as connection:
            unit = add_thing(connection, "equipment", "U1", level="Unit")
            add_name(connection, "equipment", unit, "U1", scheme="unit")
            self.tags = {
                name: add_thing(connection, "tag", name, equipment_id=unit, property=name) for name in "ab"
            }
            for name, tag in self.tags.items():
                add_name(connection, "tag", tag, name, scheme="pi:tag")
            self.tags |= ensure_tags(connection, "pi", ["BATCH"], now=NOW)

    def put(self, tag: str, *said: Any) -> None:
        """Store samples of a tag: (second, value), or (second, value, quality)."""
        self._seq += 1
        rows = [(*one, GOOD)[:3] for one in said]
        table = pa.table(
            {
                "tag": pa.array([tag] * len(rows), pa.string()),
                "ts": pa.array(
                    [START + timedelta(seconds=s) for s, _, _ in rows], pa.timestamp("us", tz="UTC")
                ),
                "value": pa.array([v if isinstance(v, float) else None for _, v, _ in rows], pa.float64()),
                "text": pa.array([v if isinstance(v, str) else None for _, v, _ in rows], pa.string()),
                "quality": pa.array([q for _, _, q in rows], pa.uint32()),
            },
            schema=SAMPLE_SCHEMA,
        )
        with self.database.begin("test", at=NOW) as connection:
            put_samples(connection, "s", self._seq, table, self.tags, now=NOW)

    def derive(self, *rules: FrameRule, now: datetime = NOW) -> int:
        return derive_frames(self.database, rules, now=now, actor="test")

    def phases(self) -> list[tuple[str, float, float]]:
        """Give the phases that are written down, with their seconds."""
        found: list[tuple[str, float, float]] = []
        for document in self.documents().values():
            told = orjson.loads(document)["phases"]
            found += [(name, seconds(start), seconds(end)) for name, start, end in told]
        return found

    def documents(self) -> dict[str, str]:
        """Give what is written down, by run."""
        with self.database.read() as connection:
            system = find_system(connection, "pi.frames")
            assert system is not None
            keys = sorted(list_live_keys(connection, system, ["frame"]))
            return {key: d.payload for (_, key), d in stored_documents(connection, system, keys).items()}


def seconds(instant: str) -> float:
    return (datetime.fromisoformat(instant) - START).total_seconds()
