"""Values, qualities and timestamps: what an object says now, and what it said between two instants."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import pyarrow as pa

from hub.i3x.contexts import Standing, read_contexts, trace_contexts
from hub.i3x.elements import Element, JsonObject
from hub.i3x.schemas import shown_members
from hub.i3x.space import list_parts
from hub.store.answers.outline import count_objects, read_documents
from hub.store.answers.signals import Signal
from hub.store.answers.tag_coverage import cut_spans
from hub.store.answers.tags import list_latest
from hub.store.coverage import Span
from hub.store.database import Connection
from hub.store.questions.scope import sees_series
from hub.store.samples import last_samples, scan_samples

Quality = Literal["Good", "GoodNoData", "Bad", "Uncertain"]
_TICK = timedelta(microseconds=1)
_TIMES: Mapping[str, tuple[str, ...]] = {
    "segment_response": ("actual_end", "actual_start"),
    "segment_data": ("at",),
    "sample": ("taken_at", "received_at"),
    "test_result": ("measured_at", "approved_at"),
    "material_actual": ("at",),
    "operations_event": ("at",),
}
"""Members that say when a fact was so, the first that is known; a thing is as of its last change here."""


@dataclass
class Tree:
    """Objects with their parts, each part under the object it was asked through; whether that is all."""

    parts: dict[str, list[Element]]
    is_whole: bool = True


def list_withheld(connection: Connection, elements: Iterable[Element]) -> set[str]:
    """Give those of these objects whose samples whoever asks may not read by tag and time."""
    return set() if sees_series(connection) else {one.id for one in elements if one.is_tag}


# ------------------------------------------------------------------------------------------ now
def read_values(
    connection: Connection, elements: Iterable[Element], *, now: datetime
) -> dict[str, JsonObject]:
    """Give value, quality and timestamp of each of these objects; what is withheld is Bad, without any."""
    wanted = {one.id: one for one in elements}
    tags = {one.id: one for one in wanted.values() if one.is_tag}
    withheld = list_withheld(connection, wanted.values())
    contexts = [one for one in wanted.values() if one.level is not None]
    found = _read_records(connection, [one for one in wanted.values() if one.id not in tags])
    found |= _read_measured(connection, [one for one in wanted.values() if one.signals is not None], now=now)
    if withheld:
        found |= {one: vqt(None, "Bad", now) for one in withheld}
    elif tags:
        found |= _read_signals(connection, tags)
    if contexts:
        standings = read_contexts(connection, contexts, now=now)
        found |= {one: _standing(standing) for one, standing in standings.items()}
    for one in wanted.values():
        if one.row is None:
            number = count_objects(connection, one.id.partition("/")[2])
            found[one.id] = vqt({"objects": number}, "Good", now)
    return found


def vqt(value: Any, quality: Quality, at: datetime) -> JsonObject:
    """Give the triple; a value goes with Good and Uncertain, and no value with GoodNoData and Bad."""
    if value is None and quality in ("Good", "Uncertain"):
        quality = "GoodNoData" if quality == "Good" else "Bad"
    if quality in ("GoodNoData", "Bad"):
        value = None
    return {"value": value, "quality": quality, "timestamp": at}


def _read_signals(connection: Connection, tags: Mapping[str, Element]) -> dict[str, JsonObject]:
    uids = {one.partition("/")[2]: one for one in tags}
    latest = list_latest(connection, list(uids))
    found: dict[str, JsonObject] = {}
    silent: dict[int, str] = {}
    for uid, one in uids.items():
        element = tags[one]
        if uid in latest:
            last = latest[uid]
            found[one] = read_sample(element, last["value"], last["text"], last["quality"], last["ts"])
        elif element.row is not None:
            silent[element.row.id] = one
    if silent:  # it never reported anything; it is known since then
        documents = read_documents(connection, "tag", silent)
        known = {silent[key]: document["recorded_at"] for key, document in documents.items()}
        found |= {one: vqt(None, "GoodNoData", at) for one, at in known.items()}
    return found


def _read_measured(
    connection: Connection, elements: Iterable[Element], *, now: datetime
) -> dict[str, JsonObject]:
    """Give of each signal of a batch the last sample that is the batch's, and of what holds them how many."""
    found: dict[str, JsonObject] = {}
    left: dict[Span, list[tuple[Element, Signal]]] = defaultdict(list)
    for one in elements:
        if one.signal is None:
            found[one.id] = vqt({"signals": len(one.signals or ())}, "Good", now)
        else:
            found[one.id] = vqt(None, "GoodNoData", one.signal.start)
            left[one.signal.spans[-1]].append((one, one.signal))
    while left:  # the last stretch first: most have something there
        span, some = left.popitem()
        last = last_samples(connection, {signal.tag_id for _, signal in some}, span=span)
        for one, signal in some:
            if signal.tag_id in last:
                row = last[signal.tag_id]
                found[one.id] = read_sample(one, row["value"], row["text"], row["quality"], row["ts"])
            elif earlier := signal.spans[: signal.spans.index(span)]:
                left[earlier[-1]].append((one, signal))
    return found


def read_sample(  # noqa: PLR0917 - the columns of a sample
    element: Element, value: float | None, text: str | None, quality: int, at: datetime
) -> JsonObject:
    """Give a sample as its tag's type has it; one that is not of that type is Bad."""
    number = value if value is not None and math.isfinite(value) else None
    said: Any
    match element.row.form if element.row else None:
        case "tag_string":
            said = text if text is not None else (None if number is None else f"{number:g}")
        case "tag_boolean":
            said = None if number is None else bool(number)
        case "tag_float" | "tag_integer":
            said = number
        case _:
            said = number if number is not None else text
    graded: Quality = ("Good", "Uncertain", "Bad", "Bad")[quality >> 30]
    if said is None and text is not None:
        graded = "Bad"
    return vqt(said, graded, at)


def _read_records(connection: Connection, elements: Iterable[Element]) -> dict[str, JsonObject]:
    kinds: dict[str, dict[int, str]] = {}
    for one in elements:
        if one.row is not None and one.is_record:
            kinds.setdefault(one.row.kind, {})[one.row.id] = one.id
    found: dict[str, JsonObject] = {}
    for kind, ids in kinds.items():
        members = shown_members(kind)
        for key, document in read_documents(connection, kind, ids).items():
            times = (document[name] for name in _TIMES.get(kind, ()))
            at = next((at for at in times if at is not None), document["recorded_at"])
            is_sure = not document.get("has_conflict") and document.get("lifecycle") != "stub"
            shown = {name: value for name, value in document.items() if name in members}
            found[ids[key]] = vqt(shown, "Good" if is_sure else "Uncertain", at)
    return found


def _standing(standing: Standing) -> JsonObject:
    return vqt(standing.said, "Good", standing.since)


# ------------------------------------------------------------------------------------------ with parts
def descend(connection: Connection, elements: Sequence[Element], *, depth: int, most: int) -> Tree:
    """Give the parts of objects, of their parts, and so on: `depth` levels in all, 0 for all there are.

    When there are more than `most`, those furthest down lack.
    """
    direct: dict[str, list[Element]] = {}
    level, seen, is_whole, down = list(elements), {one.id for one in elements}, True, 1
    while level and is_whole and (depth == 0 or down < depth):
        found = list_parts(connection, level, limit=most)
        is_whole = len(found) <= most
        for whole, part in found[:most]:
            direct.setdefault(whole, []).append(part)
        most -= min(most, len(found))
        level = [part for _, part in found if part.id not in seen]
        seen.update(part.id for part in level)
        down += 1
    return Tree({one.id: _flatten(one, direct) for one in elements if one.is_composition}, is_whole)


def _flatten(top: Element, direct: Mapping[str, list[Element]]) -> list[Element]:
    found: dict[str, Element] = {}
    waiting = [top]
    while waiting:
        fresh = [one for one in direct.get(waiting.pop().id, ()) if one.id not in found]
        found.update((one.id, one) for one in fresh)
        waiting += fresh
    return list(found.values())


# ------------------------------------------------------------------------------------------ then
@dataclass
class History:
    """What objects said between two instants; whether that is all."""

    values: dict[str, list[JsonObject]]
    is_whole: bool = True


def read_history(  # noqa: PLR0917 - a span is said from start to end
    connection: Connection,
    elements: Iterable[Element],
    start: datetime,
    end: datetime,
    *,
    now: datetime,
    most: int,
) -> History:
    """Give what each object said from `start` to `end`, both included, in the order of time.

    A record counts at the time at which it was so. Where there is nothing, one GoodNoData says so, as the
    guide has it. Of more than `most` samples the later ones lack.
    """
    wanted = {one.id: one for one in elements}
    history = History({})
    withheld = list_withheld(connection, wanted.values())
    series = [one for one in wanted.values() if one.is_series and one.id not in withheld]
    contexts = [one for one in wanted.values() if one.level is not None]
    others = [one for one in wanted.values() if one.level is None and not one.is_series]
    if series:
        history = _read_samples(connection, series, (start, end + _TICK), most=most)
    history.values |= {one: [vqt(None, "Bad", start)] for one in withheld}
    if contexts:
        traced = trace_contexts(connection, contexts, start, end, now=now)
        history.values |= {one: list(map(_standing, standings)) for one, standings in traced.items()}
    for one, value in read_values(connection, others, now=now).items():
        history.values[one] = [value] if start <= value["timestamp"] <= end else []
    for one in wanted:
        history.values[one] = history.values.get(one) or [vqt(None, "GoodNoData", start)]
    return history


def _read_samples(connection: Connection, elements: Iterable[Element], span: Span, *, most: int) -> History:
    wanted = list(elements)
    history = History({one.id: [] for one in wanted})
    for element in wanted:
        values = history.values[element.id]
        spans = [span] if element.signal is None else cut_spans(element.signal.spans, *span)
        key = element.row.id if element.row else 0
        for piece in scan_samples(connection, [key], spans) if spans else ():
            taken = piece.slice(0, most)
            values += _rows(element, taken)
            most -= taken.num_rows
            if taken.num_rows < piece.num_rows:
                history.is_whole = False
                return history
    return history


def _rows(element: Element, piece: pa.Table) -> list[JsonObject]:
    rows: list[dict[str, Any]] = piece.to_pylist()
    return [read_sample(element, row["value"], row["text"], row["quality"], row["ts"]) for row in rows]
