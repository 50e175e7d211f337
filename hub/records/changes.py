"""What has moved in a batch between two instants: what it was, what it is, when that was learned, and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from hub.model import format_instant
from hub.records.causes import CALLED, Known, explain
from hub.records.moves import Item
from hub.resolve.signals import list_signals
from hub.store.answers import changes
from hub.store.answers.changes import Act, Row, Saying
from hub.store.answers.signals import Signal, read_signal
from hub.store.answers.things import read_things
from hub.store.database import Connection
from hub.store.rules import load_rules
from hub.store.samples import list_puts

Document = dict[str, Any]

_WORDS = {
    "segment_response": "phase",
    "segment_data": "phase_data",
    "material_actual": "movement",
    "test_result": "result",
    "operations_event": "event",
    "link_decision": "link",
    "value_decision": "decision",
}
"""What rows that move are called in answers, where that is not the name of their table."""
_NOBODY: Document = {}
_CALLED = ("name", "test_code", "code", "event_type", "use", "kind")
"""Members by which people know a fact; the first that it has."""


@dataclass(frozen=True)
class Readings:
    """A batch at two readings, the earlier first, and the times by which each measures what is still open."""

    before: Connection
    after: Connection
    batch_id: int
    since: datetime
    until: datetime

    @property
    def both(self) -> tuple[Connection, Connection]:
        """Both connections."""
        return self.before, self.after

    @cached_property
    def belonging(self) -> list[set[Row]]:
        """The batch, its lots and its quality events at each reading, as far as the reader may see them."""
        found = [changes.list_things(connection, self.batch_id) for connection in self.both]
        seen = changes.keep_seen(self.after, found[0] | found[1])
        return [some & seen for some in found]

    @cached_property
    def things(self) -> set[Row]:
        """What belongs to the batch at one of the readings: each is told of as it was at both."""
        return self.belonging[0] | self.belonging[1]

    @cached_property
    def golden(self) -> list[dict[Row, Document]]:
        """What counts of these things at each reading."""
        return [changes.list_golden(connection, self.things) for connection in self.both]

    def describe(self, thing: Row) -> Document:
        """Give a thing as it is, or as it was where it is no more."""
        return self.golden[1].get(thing) or self.golden[0].get(thing) or _NOBODY

    def label(self, thing: Row, what: str) -> str:
        """Say what is said of a thing; of the batch itself its code goes without saying."""
        code = self.describe(thing).get("code")
        return what if thing[0] == "batch" else f"{CALLED[thing[0]]} {code}: {what}"


def list_changes(readings: Readings) -> list[Document]:
    """Give what has moved, in the order in which it was learned."""
    said = _pair(changes.list_said(connection, readings.things) for connection in readings.both)
    named = _pair(changes.list_names(connection, readings.things) for connection in readings.both)
    items = [
        *_golden(readings, said),
        *_statements(readings, said),
        *_names(readings, named),
        *_edges(readings),
        *_facts(readings),
    ]
    items += _windows(readings, [row for item in items if item.of == "phase" for row in item.rows])
    acts = changes.acts_since(readings.after, {row for item in items for row in item.rows}, readings.since)
    moved = [item for item in items if item.has_moved or _is_back(readings.after, item, acts)]
    records = {record for item in moved for record in item.records}
    known = Known(
        readings.since,
        said=said,
        renamed=frozenset(thing for thing, _ in named[0].keys() ^ named[1].keys()),
        records=changes.describe_records(readings.after, records),
        owners=_find_owners(readings, moved),
        rules=[load_rules(connection) for connection in readings.both],
    )
    found = [_tell(readings, item, _acts_of(item, acts), cause=explain(item, known)) for item in moved]
    return sorted(
        found, key=lambda one: (one["known_at"] or readings.until, one["of"], one["label"], one["id"] or 0)
    )


# ----------------------------------------------------------------------------------- what belongs to a batch
def _golden(readings: Readings, said: Sequence[Mapping[Saying, Document]]) -> Iterator[Item]:
    """Give the golden values of the batch, of its lots and of its quality events, one item each."""
    for thing in sorted(readings.things):
        documents = [some.get(thing, _NOBODY) for some in readings.golden]
        for name in {**documents[0], **documents[1]}:
            if name not in ("uid", "version", "recorded_at"):
                about = [
                    [one for saying, one in some.items() if saying[:2] == (thing, name)] for some in said
                ]
                yield _golden_value(readings, thing, name, documents=documents, about=about)


def _golden_value(
    readings: Readings,
    thing: Row,
    name: str,
    *,
    documents: Sequence[Document],
    about: Sequence[Sequence[Document]],
) -> Item:
    counting = [next((one for one in some if one["is_winner"]), _NOBODY) for some in about]
    values = [
        None
        if document.get(name) is None
        else {name: document[name], "source_record": one.get("source_record")}
        for document, one in zip(documents, counting, strict=True)
    ]
    return Item(
        "golden",
        readings.label(thing, name),
        values[0],
        values[1],
        rows=(*(("assertion", one["id"]) for some in about for one in some), thing),
        thing=thing,
        source=_either(counting).get("source"),
        attribute=name,
    )


def _statements(readings: Readings, said: Sequence[Mapping[Saying, Document]]) -> Iterator[Item]:
    for saying in {**said[0], **said[1]}:
        pair = [some.get(saying) for some in said]
        yield Item(
            "statement",
            readings.label(saying.thing, f"{saying.attribute}, {saying.source}"),
            *pair,
            rows=tuple({("assertion", one["id"]) for one in pair if one}),
            thing=saying.thing,
            source=saying.source,
            attribute=saying.attribute,
        )


def _names(readings: Readings, named: Sequence[Mapping[tuple[Row, int], Document]]) -> Iterator[Item]:
    """Give the names, the links between them, and the decisions that people made about them."""
    for thing, key in {**named[0], **named[1]}:
        pair = [some.get((thing, key)) for some in named]
        one = _either(pair)
        label = f"{one['scheme']} {one['label']}"
        yield Item("name", label, *pair, rows=(("identifier", key),), thing=thing, id=key)
    meant = {key: thing for thing, key in (*named[0], *named[1])}
    judged = _pair(changes.list_judgments(connection, meant) for connection in readings.both)
    for table in judged[1]:
        for key in {**judged[0][table], **judged[1][table]}:
            pair = [some[table].get(key) for some in judged]
            one = _either(pair)
            label = (
                f"{one['one']} and {one['other']}" if "one" in one else f"{one['attribute']}: {one['counts']}"
            )
            if (thing := meant.get(one["name_id"])) is not None:
                label = readings.label(thing, label)
            yield Item(_WORDS[table], label, *pair, rows=((table, key),), thing=thing, id=key)


def _edges(readings: Readings) -> Iterator[Item]:
    edges = _pair(changes.list_edges(connection, readings.batch_id) for connection in readings.both)
    for key in {**edges[0], **edges[1]}:
        pair = [some.get(key) for some in edges]
        one = _either(pair)
        rows = tuple({("lot_genealogy", edge["id"]) for edge in pair if edge})
        yield Item("genealogy", f"{one['input']} into {one['output']}", *pair, rows=rows)


def _facts(readings: Readings) -> Iterator[Item]:
    facts: list[dict[str, dict[int, Document]]] = _pair(
        changes.list_facts(c, readings.batch_id, lots={one for kind, one in some if kind == "material_lot"})
        for c, some in zip(readings.both, readings.belonging, strict=True)
    )
    for record_type in {**facts[0], **facts[1]}:
        was, now = (some.get(record_type, {}) for some in facts)
        for key in {**was, **now}:
            pair = [was.get(key), now.get(key)]
            one = _either(pair)
            called = next((str(one[name]) for name in _CALLED if one.get(name)), record_type)
            yield Item(
                _WORDS.get(record_type, record_type),
                f"{called} ({one['key']})",
                *pair,
                rows=((record_type, key),),
                source=one["source"],
                id=key,
            )


def _windows(readings: Readings, phases: Sequence[Row]) -> Iterator[Item]:
    """Give the times for which the signals of its units are the batch's, and how many samples are in them."""
    times = (readings.since, readings.until)
    found: list[dict[str, Signal]] = [
        {signal.tag["uid"]: signal for signal in list_signals(c, readings.batch_id, now=now)}
        if read_things(c, "batch", [readings.batch_id])
        else {}
        for c, now in zip(readings.both, times, strict=True)
    ]
    for uid in {**found[0], **found[1]}:
        pair = [some.get(uid) for some in found]
        one = pair[1] or pair[0]
        if one is None:
            continue
        spans = [span for signal in pair if signal is not None for span in signal.spans]
        puts = _pair(set(list_puts(connection, [one.tag_id], spans)) for connection in readings.both)
        new = [("sample_put", key) for key in puts[1] - puts[0]]
        shown = [
            None if signal is None else _describe(c, signal, now=now, counted=bool(new))
            for c, signal, now in zip(readings.both, pair, times, strict=True)
        ]
        item = Item("signal", one.tag["code"], shown[0], shown[1])
        of_time = [*phases, ("batch", readings.batch_id)] if item.members != {"samples"} else []
        yield replace(item, rows=(*new, *of_time))


def _describe(connection: Connection, signal: Signal, *, now: datetime, counted: bool) -> Document:
    """Give when it begins and ends (no end while it is open), and its spans where there are several.

    With the number of its samples where some have come.
    """
    window: Document = {"start": signal.start, "end": None if signal.end == now else signal.end}
    if len(signal.spans) > 1:
        ends = ["" if end == now else format_instant(end) for _, end in signal.spans]
        pairs = zip(signal.spans, ends, strict=True)
        window["spans"] = ", ".join(f"{format_instant(start)}/{end}" for (start, _), end in pairs)
    if counted:
        window["samples"] = read_signal(connection, signal).num_rows
    return window


# ------------------------------------------------------------------------------------------- telling of it
def _find_owners(readings: Readings, moved: Sequence[Item]) -> dict[Row, str | None]:
    """Give where else what came was then, and what went is now."""
    owners: dict[Row, str | None] = {}
    for connection, came in ((readings.before, True), (readings.after, False)):
        wanted: dict[str, list[int]] = {}
        for item in moved:
            if (item.before is None) if came else (item.after is None):
                for table, row in item.rows[:1]:
                    wanted.setdefault(table, []).append(row)
        for table, ids in wanted.items():
            owners |= {
                (table, row): code for row, code in changes.find_owners(connection, table, ids).items()
            }
    return owners


def _acts_of(item: Item, acts: Mapping[Row, Sequence[Act]]) -> list[Act]:
    """Give the acts behind an item, the oldest first."""
    found = {act.stamp: act for row in item.rows for act in acts.get(row, ())}
    if (
        item.of == "golden"
    ):  # a golden value moves when its row does: acts that only touched statements did not
        moving = {act.stamp for act in acts.get(item.rows[-1], ())}
        stated = {act.stamp for row in item.rows[:-1] for act in acts.get(row, ())}
        found = {stamp: act for stamp, act in found.items() if stamp in (moving & stated or moving)}
    return sorted(found.values(), key=lambda act: act.known_at)


def _is_back(connection: Connection, item: Item, acts: Mapping[Row, Sequence[Act]]) -> bool:
    """Tell whether a fact has been something else meanwhile and is what it was."""
    if item.of in ("golden", "statement", "signal") or item.before is None or item.after is None:
        return False
    touched = acts.get(item.rows[0], ())
    if len(touched) < 2:
        return False
    return changes.digest_before(connection, item.rows[0], touched[0].version) == touched[-1].digest


def _tell(readings: Readings, item: Item, acts: Sequence[Act], *, cause: tuple[str, str]) -> Document:
    last = acts[-1] if acts else None
    thing = {} if item.thing is None else readings.describe(item.thing)
    one, other = item.before or {}, item.after or {}
    return {
        "of": item.of,
        "change": item.change,
        "label": item.label,
        "id": item.id,
        "entity_type": item.thing[0] if item.thing else None,
        "entity": {key: thing[key] for key in ("uid", "code", "description")} if thing else None,
        "attribute": item.attribute,
        "moved": item.moved,
        "cause": cause[0],
        "why": cause[1],
        "known_at": last.known_at if last else None,
        "actor": last.actor if last else None,
        "reason": last.reason if last else None,
        "acts": len(acts),
        "source": item.source,
        "source_record_before": one.get("source_record"),
        "source_record": other.get("source_record"),
    }


def _either(pair: Sequence[Document | None]) -> Document:
    """Give what is there after, or what was there before."""
    return pair[1] or pair[0] or {}


def _pair(both: Iterable[Any]) -> list[Any]:
    """Give the earlier and the later reading of something."""
    before, after = both
    return [before, after]
