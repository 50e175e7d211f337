"""Reads a historian through covered windows: what is missing is fetched, stored and marked as read.

A window may hold more than memory does, so it is stored in parts as it comes; the commit of the last part
marks it. A reading that ends before has stored samples of a window that is read again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from hub.ingest.bridge import Bridge
from hub.ingest.entering import (
    SAMPLES_EVERY_S,
    SAMPLES_STREAM,
    TAGS_EVERY_S,
    TAGS_STREAM,
    Errand,
    Haul,
    Origin,
    bound,
    enter_haul,
    enter_tags,
    plan,
)
from hub.ingest.runner import Outcome, Visit, claimed
from hub.ingest.sifting import reject_batches, sift
from hub.model import SAMPLE_SCHEMA
from hub.sdk import Rejected, SampleSource, Window
from hub.store.identifiers import ensure_tags
from hub.store.streams import Claim

PART_ROWS = 500_000
PART_BYTES = 64 * 1024 * 1024
"""So many samples are held before they are stored."""


@dataclass(frozen=True)
class Part:
    """Some of a window's samples; the last part names the tags that could not be read."""

    table: pa.Table
    rejected: tuple[Rejected, ...] = ()
    is_last: bool = False


def read_tags(visit: Visit) -> Outcome:
    """Note what signals the historian has, completed by the source's tag map."""
    desk, source = visit.desk, visit.source
    connector = find_sampler(visit.bridge)
    outcome = Outcome(source.code, TAGS_STREAM, means="snapshot")
    with claimed(visit, TAGS_STREAM, kind="records", every_s=TAGS_EVERY_S, outcome=outcome) as claim:
        if claim is None:
            return outcome
        tags = list(visit.bridge.items(connector.tags()))
        mapped = [source.tag_map.apply(tag) if source.tag_map else tag for tag in tags]
        with desk.begin() as connection:
            stored, vanished = enter_tags(connection, claim, mapped, origin=_origin(visit), now=desk.clock())
        outcome.documents, outcome.records = stored.documents, stored.records
        outcome.rejected, outcome.unchanged = vanished, stored.unchanged
    return outcome


def read_samples(visit: Visit, within: Window | None = None) -> Outcome:
    """Fetch every window that is not covered yet, oldest first; `within` bounds a back-fill."""
    desk, source = visit.desk, visit.source
    outcome = Outcome(source.code, SAMPLES_STREAM, to_end=within is None)
    with claimed(visit, SAMPLES_STREAM, kind="samples", every_s=SAMPLES_EVERY_S, outcome=outcome) as claim:
        if claim is None:
            return outcome
        tags = list_lasting(visit.bridge)
        with desk.begin() as connection:
            tag_ids = ensure_tags(connection, source.code, tags, now=desk.clock())
        hauling = _Hauling(visit, claim, outcome, tag_ids, seq=int((claim.cursor or {}).get("seq", 0)))
        bounds = within or (_extent(visit, outcome) if tags else None)
        errands = _plan(visit, tags, bounds)
        for done, errand in enumerate(errands, start=1):
            still = errand.without(hauling.closed)
            if not still.tags:
                continue
            hauling.run(still)
            outcome.share = done / len(errands)
            desk.progress(outcome)
    return outcome


@dataclass
class _Hauling:
    """One run over windows: what has been stored of them, and which tags turned out to be closed."""

    visit: Visit
    claim: Claim
    outcome: Outcome
    tag_ids: dict[str, int]
    seq: int
    closed: set[str] = field(default_factory=set[str])

    def run(self, errand: Errand) -> None:
        """Fetch a window and store it, each part in a commit of its own."""
        desk = self.visit.desk
        for part in fetch(self.visit.bridge, errand):
            self.closed.update(r.key for r in part.rejected)
            table, faults = sift(part.table)
            haul = Haul(errand, table, part.rejected, tuple(faults), whole=part.is_last)
            self.seq += 1
            with desk.begin() as connection:
                stored, held = enter_haul(
                    connection,
                    self.claim,
                    haul,
                    origin=_origin(self.visit),
                    tag_ids=self.tag_ids,
                    seq=self.seq,
                    now=desk.clock(),
                )
            self.outcome.samples += stored
            self.outcome.rejected += held
            if not part.is_last:
                desk.progress(self.outcome)


def list_lasting(bridge: Bridge) -> list[str]:
    """Give the tags of which the source keeps history."""
    connector = find_sampler(bridge)
    listed = [tag.id.value for tag in bridge.items(connector.tags())]
    return [tag for tag in listed if connector.keeps_history(tag)]


def fetch(bridge: Bridge, errand: Errand) -> Iterator[Part]:
    """Give what the source has in a window, part by part as it comes; there is always a last one."""
    rejected: list[Rejected] = []
    unfit: dict[str, Rejected] = {}
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for item in bridge.items(find_sampler(bridge).samples(errand.tags, errand.window)):
        if isinstance(item, Rejected):
            rejected.append(item)
            continue
        if held and (rows >= PART_ROWS or size >= PART_BYTES):
            yield Part(pa.Table.from_batches(held, schema=SAMPLE_SCHEMA))
            held, rows, size = [], 0, 0
        sound, faulty = reject_batches([item], errand.tags)
        for one in faulty:
            unfit.setdefault(one.key, one)
        held += sound
        rows += sum(batch.num_rows for batch in sound)
        size += sum(batch.nbytes for batch in sound)
    yield Part(pa.Table.from_batches(held, schema=SAMPLE_SCHEMA), (*rejected, *unfit.values()), is_last=True)


def find_sampler(bridge: Bridge) -> SampleSource[Any]:
    """Give the connector as the source of samples that it is."""
    assert isinstance(bridge.connector, SampleSource)  # noqa: S101 - the caller asked the class
    return bridge.connector


def _origin(visit: Visit) -> Origin:
    return Origin(visit.source.code, visit.system.id, visit.mapping_version)


def _plan(visit: Visit, tags: Sequence[str], bounds: Window | None) -> list[Errand]:
    with visit.desk.database.read() as connection:
        window_s = visit.source.history.window_s
        return list(plan(connection, visit.system.id, tags, within=bounds, window_s=window_s))


def _extent(visit: Visit, outcome: Outcome) -> Window | None:
    history = visit.source.history
    extent = visit.bridge.value(find_sampler(visit.bridge).extent())
    outcome.means = "extent" if extent else None
    return bound(history.start, extent, now=visit.desk.clock(), settle_s=history.settle_s)
