"""Re-numbering: the name that replaced another is the current one; the old one finds the thing for ever."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hub.model import format_instant, parse_instant
from hub.store.database import Connection
from hub.store.identifiers import find_names
from hub.store.pending import Statement, statements_using
from hub.store.validity import Validity, load_validity, names_replaced_by, write_validity

Key = tuple[str, str]
"""Scheme and value."""
Replaced = tuple[Key, int, datetime | None]
"""What replaced a name: its key, its id, and since when."""


def renumber(
    connection: Connection, entity_type: str, statements: Sequence[Statement], *, own: set[int]
) -> None:
    """Bring up to date what replaced what, for the names that statements are about (`own`) or replace.

    Where statements let different names replace one, all link it; it shows the first by scheme and value.
    """
    named = {key for s in statements if s.record_type == entity_type for key in _replaces(s)}
    before = names_replaced_by(connection, own)
    if not named and not before:  # so it is nearly always
        return
    concerned = own | before | set(_ids(connection, entity_type, named).values())
    using = statements_using(connection, concerned)
    said = [s for s in using if s.record_type == entity_type and s.identifier_id]
    ids = _ids(connection, entity_type, {key for s in said for key in _replaces(s)})
    current: dict[int, Replaced] = {}
    since: dict[int, datetime] = {}
    for statement in said:
        newer, at = statement.identifier_id or 0, _renumbered_at(statement)
        replaced = {ids[key] for key in _replaces(statement) if key in ids} - {newer}
        for old in replaced:
            one = (_key(statement), newer, at)
            current[old] = min(one, current.get(old, one), key=_first)
        if replaced and at is not None:
            since[newer] = min(at, since.get(newer, at))
    wanted = {i: _validity(since.get(i), current.get(i)) for i in concerned}
    standing = load_validity(connection, concerned)
    write_validity(connection, {i: v for i, v in wanted.items() if standing[i] != v})


def _validity(since: datetime | None, replaced: Replaced | None) -> Validity:
    """Give when a name is the current one; a start after the end (statements may contradict) is left out."""
    if replaced is None:
        return Validity(since)
    _, newer, until = replaced
    is_ordered = since is None or until is None or since <= until
    return Validity(since if is_ordered else None, until, newer)


def _first(replaced: Replaced) -> tuple[Key, bool, str]:
    key, _, at = replaced
    return key, at is None, "" if at is None else format_instant(at)


def _replaces(statement: Statement) -> list[Key]:
    given: list[dict[str, Any]] = statement.body.get("replaces", [])
    return [(name["scheme"], name["value"]) for name in given]


def _key(statement: Statement) -> Key:
    own = statement.body["id"]
    return own["scheme"], own["value"]


def _renumbered_at(statement: Statement) -> datetime | None:
    given = statement.body.get("renumbered_at")
    return parse_instant(given) if given else None


def _ids(connection: Connection, entity_type: str, keys: set[Key]) -> dict[Key, int]:
    found = find_names(connection, [(entity_type, *key) for key in keys])
    return {(scheme, value): name.id for (_, scheme, value), name in found.items()}
