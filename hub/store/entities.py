"""Mastered things in the store: golden rows and the assertions behind them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, update

from hub.store.bulk import update_rows
from hub.store.sets import AnySelect, chunks, insert_all, select_dicts_in, select_in
from hub.store.tables import ENTITY_TABLES, assertion, identifier


class Assertion(NamedTuple):
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
    decision_id: int | None


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
    assertion.c.decision_id,
)
_NAMING = select(assertion.c.entity_type, assertion.c.entity_id).where(assertion.c.superseded_at.is_(None))


@cache
def _rows_of(entity_type: str) -> AnySelect:
    return select(ENTITY_TABLES[entity_type])


@cache
def _said_of(entity_type: str) -> AnySelect:
    return select(*_ASSERTION).where(
        assertion.c.entity_type == entity_type, assertion.c.superseded_at.is_(None)
    )


def load_entities(connection: Connection, entity_type: str, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Give the golden rows by id."""
    table = ENTITY_TABLES[entity_type]
    return {row["id"]: row for row in select_dicts_in(connection, _rows_of(entity_type), table.c.id, ids)}


def load_assertions(connection: Connection, entity_type: str, ids: Iterable[int]) -> list[Assertion]:
    """Give what is said now of these things."""
    query = _said_of(entity_type)
    return list(map(Assertion._make, select_in(connection, query, assertion.c.entity_id, ids)))


def entities_naming(connection: Connection, name_ids: Iterable[int]) -> set[tuple[str, int]]:
    """Give (type, id) of the things of which a source says a value that is one of these names."""
    query = _NAMING
    return {
        (row.entity_type, row.entity_id)
        for row in select_in(connection, query, assertion.c.value_identifier_id, name_ids)
    }


def things_heard_of(
    connection: Connection, entity_type: str, *, attributes: Iterable[str], by_several: bool
) -> list[int]:
    """Give the things of which these attributes are said now; `by_several`: of which two sources say one."""
    query = (
        select(assertion.c.entity_id)
        .where(
            assertion.c.entity_type == entity_type,
            assertion.c.attribute.in_(sorted(attributes)),
            assertion.c.superseded_at.is_(None),
        )
        .group_by(assertion.c.entity_id, assertion.c.attribute)
    )
    if by_several:
        query = query.having(func.count() > 1)
    return sorted(set(connection.scalars(query)))


def assertions_ever(
    connection: Connection, entity_type: str, *, attribute: str, ids: Iterable[int]
) -> list[Assertion]:
    """Give what is and was said of one attribute of these things."""
    query = select(*_ASSERTION).where(
        assertion.c.entity_type == entity_type, assertion.c.attribute == attribute
    )
    return list(map(Assertion._make, select_in(connection, query, assertion.c.entity_id, ids)))


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


def update_assertions(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Change what may change about assertions whose value stands: rows with `id` and the new columns."""
    update_rows(connection, assertion, rows)


def supersede(connection: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """Close assertions that are no longer said."""
    for part in chunks(ids):
        connection.execute(
            update(assertion)
            .where(assertion.c.id.in_(part))
            .values(superseded_at=now, is_winner=False, in_conflict=False, decision_id=None)
        )


def add_assertions(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write what is newly said."""
    insert_all(connection, assertion, rows)


def update_entities(
    connection: Connection, entity_type: str, rows: Sequence[tuple[int, dict[str, Any]]]
) -> None:
    """Write golden rows: (id, all golden columns)."""
    update_rows(connection, ENTITY_TABLES[entity_type], [{"id": i, **values} for i, values in rows])


@cache
def _named(entity_type: str) -> AnySelect:
    return select(identifier.c.entity_id).where(identifier.c.entity_type == entity_type).distinct()


def mark_merged(
    connection: Connection, entity_type: str, targets: Mapping[int, int], *, now: datetime
) -> None:
    """Let things that lost all their names point at the thing that those names mean now: id to id."""
    table = ENTITY_TABLES[entity_type]
    if not targets:
        return
    query = _named(entity_type)
    named = {row[0] for row in select_in(connection, query, identifier.c.entity_id, targets)}
    merged = {thing: target for thing, target in targets.items() if thing not in named}
    for thing, target in merged.items():
        connection.execute(
            update(table)
            .where(table.c.id == thing)
            .values(lifecycle="merged", merged_into_id=target, has_conflict=False)
        )
    supersede(connection, [a.id for a in load_assertions(connection, entity_type, merged)], now=now)
