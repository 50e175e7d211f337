"""Mastered things in the store: golden rows, the assertions behind them, and their audit trail."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, func, select, update

from hub.store.sets import chunks, insert_all, select_dicts_in, select_in
from hub.store.tables import ENTITY_TABLES, assertion, audit_event, identifier


@dataclass(frozen=True)
class Assertion:
    """What one source says of one attribute of one thing, as it stands now."""

    id: int
    entity_id: int
    attribute: str
    system_id: int
    record_id: int
    value: Any
    value_name_id: int | None
    source_time: datetime | None
    is_winner: bool
    in_conflict: bool


_ASSERTION = (
    assertion.c.id,
    assertion.c.entity_id,
    assertion.c.attribute,
    assertion.c.source_system_id,
    assertion.c.source_record_id,
    assertion.c.value,
    assertion.c.value_identifier_id,
    assertion.c.source_time,
    assertion.c.is_winner,
    assertion.c.in_conflict,
)


def load_entities(connection: Connection, entity_type: str, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Give the golden rows by id."""
    table = ENTITY_TABLES[entity_type]
    return {row["id"]: row for row in select_dicts_in(connection, select(table), table.c.id, ids)}


def load_assertions(connection: Connection, entity_type: str, ids: Iterable[int]) -> list[Assertion]:
    """Give what is said now of these things."""
    query = select(*_ASSERTION).where(
        assertion.c.entity_type == entity_type, assertion.c.superseded_at.is_(None)
    )
    return [Assertion(*row) for row in select_in(connection, query, assertion.c.entity_id, ids)]


def entities_naming(connection: Connection, name_ids: Iterable[int]) -> set[tuple[str, int]]:
    """Give (type, id) of the things of which a source says a value that is one of these names."""
    query = select(assertion.c.entity_type, assertion.c.entity_id).where(assertion.c.superseded_at.is_(None))
    return {
        (row.entity_type, row.entity_id)
        for row in select_in(connection, query, assertion.c.value_identifier_id, name_ids)
    }


def assertions_ever(
    connection: Connection, entity_type: str, *, attribute: str, ids: Iterable[int]
) -> list[Assertion]:
    """Give what is and was said of one attribute of these things."""
    query = select(*_ASSERTION).where(
        assertion.c.entity_type == entity_type, assertion.c.attribute == attribute
    )
    return [Assertion(*row) for row in select_in(connection, query, assertion.c.entity_id, ids)]


def things_saying(
    connection: Connection, entity_type: str, *, attribute: str, name_ids: Iterable[int]
) -> set[int]:
    """Give the things of which a source says now that this attribute is one of these names."""
    query = select(assertion.c.entity_id).where(
        assertion.c.entity_type == entity_type,
        assertion.c.attribute == attribute,
        assertion.c.superseded_at.is_(None),
    )
    return {row[0] for row in select_in(connection, query, assertion.c.value_identifier_id, name_ids)}


def renew_assertions(connection: Connection, rows: Sequence[tuple[int, int, datetime | None]]) -> None:
    """Let assertions whose value stands point at what says it last: (id, record id, source time)."""
    query = (
        update(assertion)
        .where(assertion.c.id == bindparam("assertion_id"))
        .values(source_record_id=bindparam("record"), source_time=bindparam("said_at"))
    )
    for part in chunks(rows):
        connection.execute(query, [{"assertion_id": i, "record": r, "said_at": t} for i, r, t in part])


def supersede(connection: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """Close assertions that are no longer said."""
    for part in chunks(ids):
        connection.execute(
            update(assertion)
            .where(assertion.c.id.in_(part))
            .values(superseded_at=now, is_winner=False, in_conflict=False)
        )


def add_assertions(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write what is newly said."""
    insert_all(connection, assertion, rows)


def mark_assertions(connection: Connection, marks: Sequence[tuple[int, bool, bool]]) -> None:
    """Set winner and conflict marks: (assertion id, wins, conflicts)."""
    query = (
        update(assertion)
        .where(assertion.c.id == bindparam("assertion_id"))
        .values(is_winner=bindparam("wins"), in_conflict=bindparam("clashes"))
    )
    for part in chunks(marks):
        connection.execute(query, [{"assertion_id": i, "wins": w, "clashes": c} for i, w, c in part])


def update_entities(
    connection: Connection, entity_type: str, rows: Sequence[tuple[int, dict[str, Any]]]
) -> None:
    """Write golden rows: (id, all golden columns)."""
    if not rows:
        return
    table = ENTITY_TABLES[entity_type]
    names = list(rows[0][1])
    query = (
        update(table)
        .where(table.c.id == bindparam("row_id"))
        .values({name: bindparam(f"to_{name}") for name in names})
    )
    for part in chunks(rows):
        connection.execute(
            query, [{"row_id": i, **{f"to_{name}": v[name] for name in names}} for i, v in part]
        )


def mark_merged(
    connection: Connection, entity_type: str, targets: Mapping[int, int], *, now: datetime
) -> None:
    """Let things that lost all their names point at the thing that those names mean now: id to id."""
    table = ENTITY_TABLES[entity_type]
    query = select(identifier.c.entity_id).where(identifier.c.entity_type == entity_type).distinct()
    named = {row[0] for row in select_in(connection, query, identifier.c.entity_id, targets)}
    merged = {thing: target for thing, target in targets.items() if thing not in named}
    for thing, target in merged.items():
        connection.execute(
            update(table)
            .where(table.c.id == thing)
            .values(lifecycle="merged", merged_into_id=target, has_conflict=False)
        )
    supersede(connection, [a.id for a in load_assertions(connection, entity_type, merged)], now=now)


def append_audit(
    connection: Connection,
    entity_type: str,
    events: Sequence[dict[str, Any]],
    *,
    actor: str,
    now: datetime,
) -> None:
    """Append audit rows, each chained to the one before.

    An event has entity_id, version, action, reason, changed and image.
    """
    last = _last_hashes(connection, entity_type, [e["entity_id"] for e in events])
    rows: list[dict[str, Any]] = []
    for event in events:
        row = {
            "entity_type": entity_type,
            "actor": actor,
            "recorded_at": now,
            "prev_hash": last.get(event["entity_id"]),
            **event,
        }
        row["hash"] = hash_event(row)
        last[event["entity_id"]] = row["hash"]
        rows.append(row)
    insert_all(connection, audit_event, rows)


def hash_event(row: dict[str, Any]) -> str:
    """Give the SHA-256 over the previous hash and the canonical JSON of an audit row."""
    content = {k: v for k, v in row.items() if k not in ("hash", "id")}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)).hexdigest()


def _last_hashes(connection: Connection, entity_type: str, ids: Iterable[int]) -> dict[int, str | None]:
    newest = (
        select(audit_event.c.entity_id, func.max(audit_event.c.version).label("version"))
        .where(audit_event.c.entity_type == entity_type)
        .group_by(audit_event.c.entity_id)
        .subquery()
    )
    query = (
        select(audit_event.c.entity_id, audit_event.c.hash)
        .join(
            newest,
            (audit_event.c.entity_id == newest.c.entity_id) & (audit_event.c.version == newest.c.version),
        )
        .where(audit_event.c.entity_type == entity_type)
    )
    return {row.entity_id: row.hash for row in select_in(connection, query, audit_event.c.entity_id, ids)}
