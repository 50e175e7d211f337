"""Reads a historian through covered windows: what is missing is fetched, stored and marked in one commit."""

from collections.abc import Sequence
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
        seq = int((claim.cursor or {}).get("seq", 0))
        closed: set[str] = set()
        bounds = within or (_extent(visit, outcome) if tags else None)
        errands = _plan(visit, tags, bounds)
        for done, errand in enumerate(errands, start=1):
            still = errand.without(closed)
            if not still.tags:
                continue
            seq += 1
            told, rejected = fetch(visit.bridge, still)
            closed.update(r.key for r in rejected)
            table, faults = sift(told)
            haul = Haul(still, table, rejected, tuple(faults))
            with desk.begin() as connection:
                stored, held = enter_haul(
                    connection, claim, haul, origin=_origin(visit), tag_ids=tag_ids, seq=seq, now=desk.clock()
                )
            outcome.samples += stored
            outcome.rejected += held
            outcome.share = done / len(errands)
            desk.progress(outcome)
    return outcome


def list_lasting(bridge: Bridge) -> list[str]:
    """Give the tags of which the source keeps history."""
    connector = find_sampler(bridge)
    listed = [tag.id.value for tag in bridge.items(connector.tags())]
    return [tag for tag in listed if connector.keeps_history(tag)]


def fetch(bridge: Bridge, errand: Errand) -> tuple[pa.Table, tuple[Rejected, ...]]:
    """Give what the source has in a window, and the tags that could not be read."""
    given = list(bridge.items(find_sampler(bridge).samples(errand.tags, errand.window)))
    batches, unfit = reject_batches((i for i in given if not isinstance(i, Rejected)), errand.tags)
    rejected = [item for item in given if isinstance(item, Rejected)]
    return pa.Table.from_batches(batches, schema=SAMPLE_SCHEMA), (*rejected, *unfit)


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
