"""What is told of a row that an act changed: a function of what it was before the act and what it was after.

Nothing here depends on when it is asked, so an event that is told again says the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hub.model.mastered import MASTERED
from hub.model.shape import fields_of
from hub.store.outbox.catalogue import CATALOGUE
from hub.store.outbox.position import Position
from hub.store.questions.collections import THINGS
from hub.store.tables.columns import golden_columns

Image = Mapping[str, Any]
"""A row by column, without what is null."""
_NOUNS = {kind: noun for noun, kind in THINGS.items()}
_PLACES = {"batch": "/v1/batches/", "material_lot": "/v1/lots/", "equipment": "/v1/equipment/"}
_CHANGED = {"batch": "plantwide.batch.changed.v1", "material_lot": "plantwide.lot.changed.v1"}
_BOOKKEEPING = frozenset({"id", "uid", "version", "recorded_at", "has_conflict"})
"""Columns of a thing whose change says nothing about it."""


@dataclass(frozen=True)
class Row:
    """A row that an act wrote: its table and id, what it was before the act and after (None: not there)."""

    table: str
    id: int
    before: Image | None
    after: Image | None


@dataclass(frozen=True)
class Event:
    """Something to tell: where it stands, its type, what it is about and where that can be read.

    It names what changed and never holds a value: whoever is told asks with a key of their own.
    """

    position: Position
    type: str
    subject: str
    href: str
    label: str
    change: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Said:
    """What is said of a row: the type, how it changed, which attributes."""

    type: str
    change: str
    attributes: tuple[str, ...] = ()


def tell(row: Row, position: Position) -> Iterator[Event]:
    """Give the events of a row; `position` is that of the row."""
    image = row.after or row.before
    if image is None or row.before == row.after:
        return
    subject, href, label = _describe(row, image)
    for said in _TELLERS.get(row.table, _tell_thing)(row):
        place = position._replace(part=CATALOGUE[said.type].part)
        yield Event(place, said.type, subject, href, label, said.change, said.attributes)


def _describe(row: Row, image: Image) -> tuple[str, str, str]:
    """Give subject, address and name of a row."""
    match row.table:
        case "link_decision":
            return f"link/{row.id}", f"/v1/links/{row.id}", ""
        case "quarantine":
            return f"quarantine/{row.id}", f"/v1/quarantine/{row.id}", str(image["source_key"])
        case "test_result":
            return f"result/{row.id}", f"/v1/collections/results/{row.id}", str(image["test_code"])
        case table:
            uid = image["uid"]
            place = _PLACES.get(table, f"/v1/collections/{_NOUNS[table]}/")
            return f"{table}/{uid}", f"{place}{uid}", str(image["code"])


def _tell_thing(row: Row) -> Iterator[_Said]:
    before, after = row.before or {}, row.after or {}
    moved = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    attributes = {_attributes(row.table).get(name, name) for name in moved - _BOOKKEEPING}
    if attributes and row.table in _CHANGED:
        change = "new" if row.before is None else "gone" if row.after is None else "changed"
        yield _Said(_CHANGED[row.table], change, tuple(sorted(attributes)))
    was, is_now = bool(before.get("has_conflict")), bool(after.get("has_conflict"))
    if is_now and not was:
        yield _Said("plantwide.conflict.opened.v1", "opened")
    if was and not is_now:
        yield _Said("plantwide.conflict.resolved.v1", "resolved")


@cache
def _attributes(table: str) -> Mapping[str, str]:
    """Give the attribute of each golden column."""
    named = {c.name: f.name for f in fields_of(MASTERED[table]) for c in golden_columns(f)}
    return {**named, "merged_into_id": "merged_into"}


def _tell_link(row: Row) -> Iterator[_Said]:
    before, after = row.before or {}, row.after or {}
    was, state = before.get("state"), after.get("state")
    is_human = after.get("method") == "human"
    if state == "proposed" and was != "proposed":
        yield _Said("plantwide.link.proposed.v1", "proposed")
    if is_human and was is None and state in ("confirmed", "rejected"):
        yield _Said("plantwide.link.decided.v1", str(after.get("decision", state)))
    if is_human and was not in (None, "reversed") and state == "reversed":
        yield _Said("plantwide.link.undone.v1", "undone")


def _tell_held(row: Row) -> Iterator[_Said]:
    was, state = (row.before or {}).get("state"), (row.after or {}).get("state")
    if state == "open" and was != "open":
        yield _Said("plantwide.document.quarantined.v1", "open")
    if was == "open" and state not in ("open", None):
        yield _Said("plantwide.document.released.v1", str(state))


def _tell_result(row: Row) -> Iterator[_Said]:
    before, after = _counting(row.before), _counting(row.after)
    if after is not None and after.get("verdict") == "fail" and (before or {}).get("verdict") != "fail":
        yield _Said("plantwide.result.failed.v1", "failed")
    if before is not None and after is not None and before["content_hash"] != after["content_hash"]:
        yield _Said("plantwide.result.corrected.v1", "corrected")
    if before is not None and after is None:
        yield _Said("plantwide.result.withdrawn.v1", "withdrawn")


def _counting(image: Image | None) -> Image | None:
    return None if image is None or image.get("is_retracted") else image


_TELLERS = {"link_decision": _tell_link, "quarantine": _tell_held, "test_result": _tell_result}
