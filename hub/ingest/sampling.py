"""Reads a historian through covered windows: what is missing is fetched, stored and marked in one commit."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa

from hub.ingest.bridge import Bridge
from hub.ingest.faults import make_fault
from hub.ingest.runner import Outcome, Visit, claimed
from hub.ingest.sifting import reject_batches, sift
from hub.model import SAMPLE_SCHEMA, Tag
from hub.sdk import Rejected, SampleSource, Window
from hub.store.coverage import Span, cover, covered_spans, missing_spans, take_turn
from hub.store.database import Connection
from hub.store.identifiers import ensure_tags
from hub.store.quarantine import Fault, hold_faults, release_faults
from hub.store.samples import put_samples
from hub.store.statements import Told, list_live_keys, store_documents
from hub.store.stating import state
from hub.store.streams import Claim, advance_stream

TAGS_STREAM = "tags"
SAMPLES_STREAM = "samples"
TAG = "Tag"
"""The object type of what a historian says of a tag, and of a tag that it says nothing of any more."""
HISTORY = "history"
"""The object type under which a tag that cannot be read is held in quarantine."""
_EVERY_S = 60.0


@dataclass(frozen=True)
class Errand:
    """A window of some tags that has not been read yet."""

    tags: tuple[str, ...]
    window: Window

    def without(self, tags: Container[str]) -> "Errand":
        """Give the same window without these tags."""
        return Errand(tuple(t for t in self.tags if t not in tags), self.window)


@dataclass(frozen=True)
class Haul:
    """What came back from an errand: samples, tags that cannot be read, samples that cannot be stored."""

    errand: Errand
    table: pa.Table
    rejected: tuple[Rejected, ...]
    faults: tuple[Fault, ...] = ()


def read_tags(visit: Visit) -> Outcome:
    """Note what signals the historian has, completed by the source's tag map."""
    desk, source = visit.desk, visit.source
    connector = find_sampler(visit.bridge)
    outcome = Outcome(source.code, TAGS_STREAM, means="snapshot")
    with claimed(visit, TAGS_STREAM, kind="records", every_s=3600.0, outcome=outcome) as claim:
        if claim is None:
            return outcome
        tags = list(visit.bridge.items(connector.tags()))
        mapped = [source.tag_map.apply(tag) if source.tag_map else tag for tag in tags]
        now = desk.clock()
        with desk.begin() as connection:
            stored = store_documents(
                connection,
                system_id=visit.system.id,
                stream=TAGS_STREAM,
                connector=visit.mapping_version,
                documents=[_tell_tag(source.code, tag) for tag in mapped],
                now=now,
                own=True,  # the list of tags is always given whole: to see one again is no delivery
            )
            listed = [tag.id.value for tag in tags]
            ensure_tags(connection, source.code, listed, now=now)
            vanished = _note_vanished(connection, visit, listed, now=now)
            advance_stream(
                connection,
                claim,
                cursor=None,
                now=now,
                documents=stored.documents,
                records=stored.records,
                rejected=vanished,
                unchanged=stored.unchanged,
                stale=stored.stale,
            )
        outcome.documents, outcome.records = stored.documents, stored.records
        outcome.rejected, outcome.unchanged = vanished, stored.unchanged
    return outcome


def _note_vanished(connection: Connection, visit: Visit, listed: Sequence[str], *, now: datetime) -> int:
    """Put on record the tags that the source listed before and lists no more; give how many are new."""
    known = list_live_keys(connection, visit.system.id, [TAG])
    gone = sorted({tag for _, tag in known} - set(listed))
    release_faults(connection, visit.system.id, [Reading(tag, kind=TAG) for tag in listed], now=now)
    return hold_faults(
        connection,
        [
            make_fault(
                TAG,
                tag,
                reason=f"the source {visit.source.code} no longer lists the tag {tag}",
                remedy="restore it there, or tell the hub its new name; what was read of it is kept",
            )
            for tag in gone
        ],
        system_id=visit.system.id,
        stream=TAGS_STREAM,
        connector=visit.mapping_version,
        now=now,
    )


def read_samples(visit: Visit, within: Window | None = None) -> Outcome:
    """Fetch every window that is not covered yet, oldest first; `within` bounds a back-fill."""
    desk, source = visit.desk, visit.source
    connector = find_sampler(visit.bridge)
    outcome = Outcome(source.code, SAMPLES_STREAM, to_end=within is None)
    with claimed(visit, SAMPLES_STREAM, kind="samples", every_s=_EVERY_S, outcome=outcome) as claim:
        if claim is None:
            return outcome
        listed = [tag.id.value for tag in visit.bridge.items(connector.tags())]
        tags = [tag for tag in listed if connector.keeps_history(tag)]
        with desk.begin() as connection:
            tag_ids = ensure_tags(connection, source.code, tags, now=desk.clock())
        seq = int((claim.cursor or {}).get("seq", 0))
        closed: set[str] = set()
        bounds = within or (_extent(visit, outcome) if tags else None)
        errands = list(plan(visit, tags, bounds))
        for done, errand in enumerate(errands, start=1):
            still = errand.without(closed)
            if not still.tags:
                continue
            seq += 1
            haul = _fetch(visit.bridge, connector, still)
            closed.update(r.key for r in haul.rejected)
            _store(visit, claim, haul, tag_ids=tag_ids, seq=seq, outcome=outcome)
            outcome.share = done / len(errands)
            desk.progress(outcome)
    return outcome


def plan(visit: Visit, tags: Sequence[str], bounds: Window | None) -> Iterator[Errand]:
    """Cut what is missing of each tag's history into windows, tags with the same gaps together."""
    if bounds is None:
        return
    with visit.desk.database.read() as connection:
        covered = covered_spans(connection, visit.system.id, tags)
    gaps: dict[Span, list[str]] = {}
    for tag in tags:
        for span in missing_spans(covered.get(tag, []), bounds.start, bounds.end):
            gaps.setdefault(span, []).append(tag)
    step = timedelta(seconds=visit.source.history.window_s)
    for (start, end), some in sorted(gaps.items()):
        at = start
        while at < end:
            yield Errand(tuple(some), Window(at, min(at + step, end)))
            at += step


def _extent(visit: Visit, outcome: Outcome) -> Window | None:
    history = visit.source.history
    extent = visit.bridge.value(find_sampler(visit.bridge).extent())
    outcome.means = "extent" if extent else None
    now = visit.desk.clock() - timedelta(seconds=history.settle_s)
    start = history.start or (extent.start if extent else None)
    if start is None:
        return None
    end = min(extent.end, now) if extent else now
    return Window(start, end) if start < end else None


def _fetch(bridge: Bridge, connector: SampleSource[Any], errand: Errand) -> Haul:
    given = list(bridge.items(connector.samples(errand.tags, errand.window)))
    batches, unfit = reject_batches((i for i in given if not isinstance(i, Rejected)), errand.tags)
    table, faults = sift(pa.Table.from_batches(batches, schema=SAMPLE_SCHEMA))
    rejected = [item for item in given if isinstance(item, Rejected)]
    return Haul(errand, table, (*rejected, *unfit), tuple(faults))


def _store(
    visit: Visit, claim: Claim, haul: Haul, *, tag_ids: dict[str, int], seq: int, outcome: Outcome
) -> None:
    """The one commit point of samples: frames, coverage, faults, sequence and epoch in one transaction."""
    now: datetime = visit.desk.clock()
    errand = haul.errand.without({r.key for r in haul.rejected})
    span = (errand.window.start, errand.window.end)
    readings = [Reading(tag) for tag in errand.tags]
    with visit.desk.begin() as connection:
        take_turn(connection, visit.system.id)
        stored = put_samples(connection, f"{outcome.source}/{claim.name}", seq, haul.table, tag_ids, now=now)
        cover(connection, visit.system.id, tags=errand.tags, span=span, now=now)
        release_faults(connection, visit.system.id, readings, now=now)
        held = hold_faults(
            connection,
            [*(close_tag(rejected) for rejected in haul.rejected), *haul.faults],
            system_id=visit.system.id,
            stream=claim.name,
            connector=visit.mapping_version,
            now=now,
        )
        advance_stream(connection, claim, cursor={"seq": seq}, now=now, samples=stored, rejected=held)
    outcome.samples += stored
    outcome.rejected += held


@dataclass(frozen=True)
class Reading:
    """A tag whose history can be read again."""

    tag: str
    kind: str = HISTORY
    version: int = 0
    faults: tuple[Fault, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Under which a fault of this tag is held."""
        return self.kind, self.tag


def close_tag(rejected: Rejected) -> Fault:
    """Give the entry of a tag whose samples cannot be read."""
    remedy = rejected.remedy or "its missing history is asked for again at every reading"
    return make_fault(HISTORY, rejected.key, reason=rejected.reason, remedy=remedy, payload=rejected.where)


def _tell_tag(code: str, tag: Tag) -> Told:
    said = state(code, tag)
    return Told(
        object_type=TAG,
        source_key=tag.id.value,
        payload=orjson.dumps(said.body, option=orjson.OPT_SORT_KEYS).decode(),
        media_type="application/json",
        version=0,
        source_time=None,
        said=(said,),
    )


def find_sampler(bridge: Bridge) -> SampleSource[Any]:
    """Give the connector as the source of samples that it is."""
    assert isinstance(bridge.connector, SampleSource)  # noqa: S101 - the caller asked the class
    return bridge.connector
