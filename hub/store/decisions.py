"""Decisions of people about values: which source counts for one attribute of the thing that has a name.

A decision is stated about a name, so that it follows that name when things are merged and parted again. It
is never removed: who takes one back is noted beside it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update

from hub.store.sets import select_in
from hub.store.tables import value_decision


@dataclass(frozen=True)
class Decision:
    """Which source counts for an attribute, and what each source said when that was decided, by its code."""

    id: int
    entity_type: str
    name_id: int
    attribute: str
    system_id: int
    judged: Mapping[str, Any]
    decided_at: datetime


_COLUMNS = value_decision.c
_QUERY = select(
    _COLUMNS.id,
    _COLUMNS.entity_type,
    _COLUMNS.identifier_id,
    _COLUMNS.attribute,
    _COLUMNS.source_system_id,
    _COLUMNS.judged,
    _COLUMNS.decided_at,
)
_STANDING = _QUERY.where(_COLUMNS.state == "standing")
_ANY = select(exists(select(_COLUMNS.id)))


def standing_decisions(connection: Connection, name_ids: Iterable[int]) -> list[Decision]:
    """Give what people have decided and not taken back about the things with these names."""
    if not connection.scalar(_ANY):  # so it is nearly everywhere
        return []
    return [Decision(*row) for row in select_in(connection, _STANDING, _COLUMNS.identifier_id, name_ids)]


def find_decision(connection: Connection, decision_id: int) -> Decision | None:
    """Give a decision that stands."""
    query = _QUERY.where(_COLUMNS.id == decision_id, _COLUMNS.state == "standing")
    row = connection.execute(query).one_or_none()
    return Decision(*row) if row else None


def add_decision(
    connection: Connection,
    *,
    entity_type: str,
    name_id: int,
    attribute: str,
    system_id: int,
    judged: Mapping[str, Any],
    by: str,
    reason: str,
    now: datetime,
) -> int:
    """Note a decision; give its id."""
    new = (
        insert(value_decision)
        .values(
            entity_type=entity_type,
            identifier_id=name_id,
            attribute=attribute,
            source_system_id=system_id,
            judged=dict(judged),
            state="standing",
            reason=reason,
            decided_by=by,
            decided_at=now,
        )
        .returning(_COLUMNS.id)
    )
    return int(connection.scalar(new) or 0)


def reverse_decision(
    connection: Connection, decision_id: int, *, by: str, reason: str, now: datetime
) -> bool:
    """Note that a decision was taken back; tells whether it stood."""
    done = connection.execute(
        update(value_decision)
        .where(_COLUMNS.id == decision_id, _COLUMNS.state == "standing")
        .values(state="reversed", reversed_by=by, reversed_reason=reason, reversed_at=now)
    )
    return done.rowcount == 1
