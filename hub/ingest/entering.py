"""What a historian gave, whoever read it, is entered: tags and windows of samples, each in one commit."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
import pyarrow as pa

from hub.ingest.faults import make_fault
from hub.model import Tag
from hub.sdk import Rejected, Window
from hub.store.coverage import Span, cover, covered_spans, missing_spans, take_turn
from hub.store.database import Connection
from hub.store.identifiers import ensure_tags
from hub.store.quarantine import Fault, hold_faults, release_faults
from hub.store.samples import put_samples
from hub.store.statements import Stored, Told, list_live_keys, store_documents
from hub.store.stating import state
from hub.store.streams import Claim, advance_stream

TAGS_STREAM = "tags"
SAMPLES_STREAM = "samples"
TAGS_EVERY_S = 3600.0
SAMPLES_EVERY_S = 60.0
TAG = "Tag"
"""The object type of what a historian says of a tag, and of a tag that it says nothing of any more."""
HISTORY = "history"
"""The object type under which a tag that cannot be read is held in quarantine."""


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
    """What came back from an errand: samples, tags that cannot be read, samples that cannot be stored.

    One that is not `whole` is a part of a window: its samples count, but nothing has been read to its end.
    """

    errand: Errand
    table: pa.Table
    rejected: tuple[Rejected, ...]
    faults: tuple[Fault, ...] = ()
    whole: bool = True


@dataclass(frozen=True)
class Origin:
    """Where something comes from: a source's code, its system in the store, and the mapping that reads it."""

    code: str
    system_id: int
    mapping_version: str


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


def plan(
    connection: Connection, system_id: int, tags: Sequence[str], *, within: Window | None, window_s: float
) -> Iterator[Errand]:
    """Cut what is missing of each tag's history into windows, tags with the same gaps together."""
    if within is None:
        return
    covered = covered_spans(connection, system_id, tags)
    gaps: dict[Span, list[str]] = {}
    for tag in tags:
        for span in missing_spans(covered.get(tag, []), within.start, within.end):
            gaps.setdefault(span, []).append(tag)
    step = timedelta(seconds=window_s)
    for (start, end), some in sorted(gaps.items()):
        at = start
        while at < end:
            yield Errand(tuple(some), Window(at, min(at + step, end)))
            at += step


def bound(start: datetime | None, extent: Window | None, *, now: datetime, settle_s: float) -> Window | None:
    """Give the time in which history is asked for: from the set start or the source's to what has settled."""
    settled = now - timedelta(seconds=settle_s)
    begin = start or (extent.start if extent else None)
    if begin is None:
        return None
    end = min(extent.end, settled) if extent else settled
    return Window(begin, end) if begin < end else None


def enter_tags(
    connection: Connection,
    claim: Claim,
    tags: Sequence[Tag],
    *,
    origin: Origin,
    now: datetime,
    unfit: Sequence[Rejected] = (),
) -> tuple[Stored, int]:
    """Note what signals a source lists, given whole; give what was stored and how many entries are held anew.

    Held are those that have vanished, and those that are listed but `unfit` (by `key`).
    """
    stored = store_documents(
        connection,
        system_id=origin.system_id,
        stream=claim.name,
        connector=origin.mapping_version,
        documents=[_tell_tag(origin.code, tag) for tag in tags],
        now=now,
        own=True,  # the list of tags is always given whole: to see one again is no delivery
    )
    listed = [tag.id.value for tag in tags]
    ensure_tags(connection, origin.code, listed, now=now)
    held = _hold_tags(connection, claim, origin=origin, listed=listed, unfit=unfit, now=now)
    advance_stream(
        connection,
        claim,
        cursor=None,
        now=now,
        documents=stored.documents,
        records=stored.records,
        rejected=held,
        unchanged=stored.unchanged,
        stale=stored.stale,
    )
    return stored, held


def _hold_tags(
    connection: Connection,
    claim: Claim,
    *,
    origin: Origin,
    listed: Sequence[str],
    unfit: Sequence[Rejected],
    now: datetime,
) -> int:
    """Put on record tags that were listed before and are no more, and unfit ones; give how many are new."""
    known = list_live_keys(connection, origin.system_id, [TAG])
    gone = sorted({tag for _, tag in known} - set(listed) - {one.key for one in unfit})
    release_faults(connection, origin.system_id, [Reading(tag, kind=TAG) for tag in listed], now=now)
    faults = [
        make_fault(
            TAG,
            tag,
            reason=f"the source {origin.code} no longer lists the tag {tag}",
            remedy="restore it there, or tell the hub its new name; what was read of it is kept",
        )
        for tag in gone
    ]
    faults += [make_fault(TAG, one.key, reason=one.reason, remedy=one.remedy) for one in unfit]
    return hold_faults(
        connection,
        faults,
        system_id=origin.system_id,
        stream=claim.name,
        connector=origin.mapping_version,
        now=now,
    )


def enter_haul(
    connection: Connection,
    claim: Claim,
    haul: Haul,
    *,
    origin: Origin,
    tag_ids: dict[str, int],
    seq: int,
    now: datetime,
) -> tuple[int, int]:
    """Enter frames, coverage, faults, sequence and epoch; give how many samples were stored and parts held.

    Raises `LeaseLost` when the epoch is not ours, `BadSamples` for samples of tags that `tag_ids` lacks.
    """
    errand = haul.errand.without({r.key for r in haul.rejected})
    take_turn(connection, origin.system_id)
    stored = put_samples(connection, f"{origin.code}/{claim.name}", seq, haul.table, tag_ids, now=now)
    if haul.whole:
        span = (errand.window.start, errand.window.end)
        cover(connection, origin.system_id, tags=errand.tags, span=span, now=now)
        release_faults(connection, origin.system_id, [Reading(tag) for tag in errand.tags], now=now)
    held = hold_faults(
        connection,
        [*(close_tag(rejected) for rejected in haul.rejected), *haul.faults],
        system_id=origin.system_id,
        stream=claim.name,
        connector=origin.mapping_version,
        now=now,
    )
    advance_stream(connection, claim, cursor={"seq": seq}, now=now, samples=stored, rejected=held)
    return stored, held


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
