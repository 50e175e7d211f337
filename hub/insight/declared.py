"""Keeping declared features: found anew for the batches that news touch, and written down.

The hub says them like any source says its records (kind MODEL, code `features`): one document a batch with
how each figure was found, a statement (`segment_data`, kind feature) for each that has a value. The
declaration is kept by version under the mapping of these documents, with who approved it and when it was
taken up.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from hub.insight.courses import load_courses, to_time
from hub.insight.features import Feature, Figure, compute_features
from hub.insight.selection import names_of
from hub.model import Identifier, SegmentData, format_instant
from hub.model.measurement import Measurement
from hub.resolve.context import Topology, place_batches
from hub.store.answers.tag_kinds import TagKind, read_kinds
from hub.store.arrivals import arrival_bounds, read_arrivals
from hub.store.bookmarks import keep_bookmark, read_bookmark
from hub.store.database import Connection, Database
from hub.store.executions import find_batches, list_batch_ids, load_roles, load_tree
from hub.store.identifiers import names_of_entities
from hub.store.mappings import keep_mapping, name_mapping
from hub.store.mentions import mentioned_beside
from hub.store.statements import Told, list_live_keys, store_documents
from hub.store.stating import state
from hub.store.systems import ensure_system, find_system, note_health
from hub.store.touched import list_touched, newest_audit

SOURCE, OBJECT_TYPE = "features", "features"
CONNECTOR = ("hub.insight.features", "1")
_BATCHES, _ARRIVALS = 20, 1_000
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Declaration:
    """The features of a site, and who approved them and why (None when nobody is named)."""

    features: Sequence[Feature] = ()
    approved: Mapping[str, str] = field(default_factory=dict[str, str])

    def content(self) -> dict[str, Any]:
        """Give it as plain data."""
        declared = {one.name: one.describe() for one in self.features}
        return {"approved": dict(self.approved), "features": declared}

    @property
    def version(self) -> str:
        """The version that documents name: it changes with the content."""
        return name_mapping(*CONNECTOR, self.content())


def derive_features(
    database: Database,
    declaration: Declaration,
    *,
    now: datetime,
    actor: str,
    every: bool = False,
) -> int:
    """Find the features of the batches that changed since the last time; give how many documents changed.

    All batches are looked at when the declaration changed, and with `every`.
    """
    with database.read() as connection:
        mark: dict[str, Any] = read_bookmark(connection, SOURCE) or {}
        if not declaration.features and not mark:
            return 0
        audit, arrival = newest_audit(connection), arrival_bounds(connection)[1]
        ids: Collection[int]
        if (
            every
            or mark.get("version") != declaration.version
            or mark["arrival"] < _oldest_needed(connection)
        ):
            ids = list_batch_ids(connection)
        else:
            ids = _changed(connection, declaration, audit=mark["audit"], arrival=mark["arrival"])
    changed = 0
    wanted = sorted(ids)
    for at in range(0, len(wanted), _BATCHES):
        part = wanted[at : at + _BATCHES]
        with database.read() as connection:
            told = list(_tell(connection, declaration, part, now=now))
        if told:
            with database.begin(actor, at=now, alone=True) as connection:
                changed += _write(connection, declaration, told, now=now)
    new = {"version": declaration.version, "audit": audit, "arrival": arrival}
    if new != mark:
        with database.begin(actor, at=now) as connection:
            keep_bookmark(connection, SOURCE, new, now=now)
    return changed


def _oldest_needed(connection: Connection) -> int:
    """Give the number that a reader must have seen to miss nothing that is forgotten already."""
    oldest, _ = arrival_bounds(connection)
    return max(oldest - 1, 0)


# --------------------------------------------------------------------------------------- what changed
def _changed(connection: Connection, declaration: Declaration, *, audit: int, arrival: int) -> set[int]:
    """Give the batches of whose runs, equipment or samples something is new."""
    touched = list_touched(connection, audit)
    topology = Topology(load_tree(connection), load_roles(connection))
    found = set(touched.batches)
    if touched.equipment:
        around = {n for one in touched.equipment for n in (*topology.reaching(one), *topology.reached(one))}
        found |= find_batches(connection, around, start=_FIRST, end=_LAST)
    for kind, start, end in _new_spans(connection, declaration, arrival):
        if kind.equipment_id is not None:
            around = set(topology.reaching(kind.equipment_id))
            found |= find_batches(connection, around, start=start, end=end)
    return found


def _new_spans(
    connection: Connection, declaration: Declaration, after: int
) -> Iterator[tuple[TagKind, datetime, datetime]]:
    """Give the times in which new samples of declared tags may change a figure: to their next neighbours."""
    spans: dict[int, tuple[int, int]] = {}
    while arrivals := read_arrivals(connection, after, limit=_ARRIVALS):
        for arrival in arrivals:
            for tag_id, first, last, _ in arrival.spans.tolist():
                one, other = spans.get(tag_id, (first, last))
                spans[tag_id] = (min(one, first), max(other, last))
        after = arrivals[-1].id
    names = {feature.tag for feature in declaration.features}
    names |= {name for feature in declaration.features if feature.where for name in feature.where.signals}
    kinds = [kind for kind in read_kinds(connection, spans).values() if names & set(names_of(kind))]
    for kind in kinds:
        first, last = (to_time(at) for at in spans[kind.tag_id])
        times = load_courses(connection, [kind], [(first, last + timedelta(microseconds=1))])[
            kind.tag_id
        ].times
        # Where all were erased the time itself is left.
        before, following = (to_time(int(times[at])) for at in (0, -1)) if len(times) else (first, last)
        # The newest value stands until now: whatever ran since then may have it as its own.
        yield kind, min(before, first), following if following > last else _LAST


# ------------------------------------------------------------------------------------ saying it
def _tell(
    connection: Connection, declaration: Declaration, batch_ids: Sequence[int], *, now: datetime
) -> Iterator[Told]:
    """Give a document a batch; a batch of which nothing can be told any more has its document taken back.

    It is kept under the first in order of the names in use, so that it matters to nobody which came first.
    """
    context = place_batches(connection, batch_ids, now=now)
    known = names_of_entities(connection, "batch", batch_ids)
    own_system = find_system(connection, SOURCE)
    in_use = mentioned_beside(connection, [name.id for name in known], own_system)
    names: dict[int, list[Identifier]] = {}
    for name in sorted(known, key=lambda n: (n.id not in in_use, n.scheme, n.value)):
        names.setdefault(name.entity_id, []).append(Identifier(scheme=name.scheme, value=name.value))
    live = _live_keys(connection)
    for batch_id in batch_ids:
        called = names.get(batch_id, [])
        figures = compute_features(connection, context, batch_id=batch_id, features=declaration.features)
        own = called[0] if called and any(one.spans for one in figures) else None
        if own is not None:
            yield _document(own, figures, now=now)
        for other in called:
            if other != own and _key(other) in live:
                yield _vanished(_key(other), now=now)


def _live_keys(connection: Connection) -> set[str]:
    system = find_system(connection, SOURCE)
    keys = list_live_keys(connection, system, [OBJECT_TYPE]) if system is not None else {}
    return {key for _, key in keys}


def _document(batch: Identifier, figures: Iterable[Figure], *, now: datetime) -> Told:
    told = list(figures)
    records = [
        SegmentData(
            key=f"{_key(batch)}|{one.feature.name}",
            batch=batch,
            name=one.feature.name,
            kind="feature",
            value=Measurement(value=one.value, text=repr(one.value), unit=one.unit, source_unit=one.unit),
            at=one.spans[-1][1],
        )
        for one in told
        if one.value is not None
    ]
    payload = {one.feature.name: _describe(one) for one in told}
    return Told(
        object_type=OBJECT_TYPE,
        source_key=_key(batch),
        payload=orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode(),
        media_type="application/json",
        version=_version(now),
        source_time=max((one.spans[-1][1] for one in told if one.spans), default=None),
        said=[state(SOURCE, record) for record in records],
    )


def _describe(one: Figure) -> dict[str, Any]:
    return {
        **one.feature.describe(),
        "value": one.value,
        "unit": one.unit,
        "reason": one.reason,
        "of": one.tag,
        "spans": [[format_instant(start), format_instant(end)] for start, end in one.spans],
    }


def _vanished(key: str, *, now: datetime) -> Told:
    return Told(
        object_type=OBJECT_TYPE,
        source_key=key,
        payload="",
        media_type="text/plain",
        version=_version(now),
        source_time=None,
        deleted=True,
    )


def _write(connection: Connection, declaration: Declaration, told: Sequence[Told], *, now: datetime) -> int:
    system = ensure_system(connection, SOURCE, "MODEL", now=now, connector=SOURCE)
    version = declaration.version
    keep_mapping(connection, system.id, version=version, content=declaration.content(), now=now)
    stored = store_documents(
        connection, system_id=system.id, stream=SOURCE, connector=version, documents=told, now=now, own=True
    )
    note_health(connection, system.id, state="ok", now=now, system="figures computed from samples")
    return stored.documents


def _key(batch: Identifier) -> str:
    return f"{batch.scheme}|{batch.value}"


def _version(now: datetime) -> int:
    return int(now.timestamp() * 1e6)
