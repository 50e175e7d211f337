"""What has moved in a batch between two instants: what it was, what it is, when that was learned, and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hub.model import format_instant
from hub.records.causes import Known, explain
from hub.records.moves import Item
from hub.resolve.signals import list_signals
from hub.store.answers import changes
from hub.store.answers.changes import Act, Row
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


def list_changes(readings: Readings) -> list[Document]:
    """Give what has moved, in the order in which it was learned."""
    said = _pair(changes.list_said(connection, readings.batch_id) for connection in readings.both)
    named = _pair(changes.list_names(connection, readings.batch_id) for connection in readings.both)
    items = [
        *_golden(readings, said),
        *_statements(said),
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
        names_moved=named[0].keys() != named[1].keys(),
        records=changes.describe_records(readings.after, records),
        owners=_find_owners(readings, moved),
        rules=[load_rules(connection) for connection in readings.both],
    )
    found = [_tell(item, _acts_of(item, acts), explain(item, known)) for item in moved]
    return sorted(
        found, key=lambda one: (one["known_at"] or readings.until, one["of"], one["label"], one["id"] or 0)
    )


# ----------------------------------------------------------------------------------- what belongs to a batch
def _golden(readings: Readings, said: Sequence[Mapping[tuple[str, str], Document]]) -> Iterator[Item]:
    """Give the golden values, one item each."""
    things: list[Document] = [
        {**one} for c in readings.both for one in read_things(c, "batch", [readings.batch_id]) or [{}]
    ]
    for name in {**things[0], **things[1]}:
        if name in ("uid", "version", "recorded_at"):
            continue
        about = [[one for (attribute, _), one in some.items() if attribute == name] for some in said]
        counting: list[Document] = [
            next((one for one in some if one["is_winner"]), _NOBODY) for some in about
        ]
        values = [
            None
            if thing.get(name) is None
            else {name: thing[name], "source_record": one.get("source_record")}
            for thing, one in zip(things, counting, strict=True)
        ]
        yield Item(
            "golden",
            name,
            values[0],
            values[1],
            rows=(
                *(("assertion", one["id"]) for some in about for one in some),
                ("batch", readings.batch_id),
            ),
            source=_either(counting).get("source"),
            attribute=name,
        )


def _statements(said: Sequence[Mapping[tuple[str, str], Document]]) -> Iterator[Item]:
    for key in {**said[0], **said[1]}:
        pair = [some.get(key) for some in said]
        rows = {("assertion", one["id"]) for one in pair if one}
        yield Item(
            "statement", f"{key[0]}, {key[1]}", *pair, rows=tuple(rows), source=key[1], attribute=key[0]
        )


def _names(readings: Readings, named: Sequence[Mapping[int, Document]]) -> Iterator[Item]:
    """Give the names, the links between them, and the decisions that people made about them."""
    for key in {**named[0], **named[1]}:
        pair = [some.get(key) for some in named]
        one = _either(pair)
        yield Item("name", f"{one['scheme']} {one['label']}", *pair, rows=(("identifier", key),), id=key)
    ids = {*named[0], *named[1]}
    judged = _pair(changes.list_judgments(connection, ids) for connection in readings.both)
    for table in judged[1]:
        for key in {**judged[0][table], **judged[1][table]}:
            pair = [some[table].get(key) for some in judged]
            one = _either(pair)
            label = (
                f"{one['one']} and {one['other']}" if "one" in one else f"{one['attribute']}: {one['counts']}"
            )
            yield Item(_WORDS[table], label, *pair, rows=((table, key),), id=key)


def _edges(readings: Readings) -> Iterator[Item]:
    edges = _pair(changes.list_edges(connection, readings.batch_id) for connection in readings.both)
    for key in {**edges[0], **edges[1]}:
        pair = [some.get(key) for some in edges]
        one = _either(pair)
        rows = tuple({("lot_genealogy", edge["id"]) for edge in pair if edge})
        yield Item("genealogy", f"{one['input']} into {one['output']}", *pair, rows=rows)


def _facts(readings: Readings) -> Iterator[Item]:
    facts: list[dict[str, dict[int, Document]]] = _pair(
        changes.list_facts(connection, readings.batch_id) for connection in readings.both
    )
    for record_type in facts[1]:
        for key in {**facts[0][record_type], **facts[1][record_type]}:
            pair = [some[record_type].get(key) for some in facts]
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


def _tell(item: Item, acts: Sequence[Act], cause: tuple[str, str]) -> Document:
    last = acts[-1] if acts else None
    one, other = item.before or {}, item.after or {}
    return {
        "of": item.of,
        "change": item.change,
        "label": item.label,
        "id": item.id,
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
