"""Who says what about a thing: the statements behind its golden values, and where they disagree."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, tuple_

from hub.store.answers.pages import CursorError
from hub.store.answers.readings import Document, read_rows
from hub.store.tables import ENTITY_TABLES, assertion, source_record, source_system

_COLUMNS = (
    assertion.c.attribute,
    source_system.c.code.label("source"),
    source_system.c.kind.label("source_kind"),
    assertion.c.value,
    assertion.c.is_winner,
    assertion.c.in_conflict,
    assertion.c.source_record_id.label("source_record"),
    assertion.c.source_time,
    assertion.c.recorded_at,
    assertion.c.superseded_at,
)
_SAID = assertion.join(source_system, source_system.c.id == assertion.c.source_system_id)


def list_assertions(
    connection: Connection, entity_type: str, thing_id: int, *, history: bool = False
) -> list[Document]:
    """Give what each source says of a thing, by attribute; with `history` also what it said before."""
    query = (
        select(*_COLUMNS)
        .select_from(_SAID)
        .where(assertion.c.entity_type == entity_type, assertion.c.entity_id == thing_id)
        .order_by(assertion.c.attribute, source_system.c.code, assertion.c.id)
    )
    if not history:
        query = query.where(assertion.c.superseded_at.is_(None))
    return read_rows(connection, query)


def group_conflicts(assertions: Iterable[Document]) -> list[Document]:
    """Give the attributes on which current statements disagree: the winner and every statement."""
    current = [a for a in assertions if a["superseded_at"] is None]
    conflicts: list[Document] = []
    for attribute, said in groupby(current, key=lambda a: a["attribute"]):
        statements = list(said)
        if any(a["in_conflict"] for a in statements):
            conflicts.append({"attribute": attribute, "statements": [_statement(a) for a in statements]})
    return conflicts


def list_conflicts(
    connection: Connection, *, after: Sequence[Any] | None = None, limit: int = 100
) -> tuple[list[Document], list[Any] | None]:
    """Give conflicts of all things by type, thing and attribute, and the key after which the next ones come.

    `after` is such a key. Raises `CursorError` when it is not.
    """
    key = (assertion.c.entity_type, assertion.c.entity_id, assertion.c.attribute)
    is_open = and_(assertion.c.in_conflict, assertion.c.superseded_at.is_(None))
    query = select(*key).where(is_open).distinct().order_by(*key).limit(limit + 1)
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*_check_key(after)))
    found = [tuple(row) for row in connection.execute(query)]
    shown = found[:limit]
    said = _statements_of(connection, shown)
    things = _describe(connection, shown)
    items = [
        {
            "entity_type": kind,
            "entity": things.get((kind, thing_id)),
            "attribute": attribute,
            "statements": said.get((kind, thing_id, attribute), []),
        }
        for kind, thing_id, attribute in shown
    ]
    return items, list(shown[-1]) if len(found) > limit else None


def read_source_record(connection: Connection, record_id: int) -> Document | None:
    """Give what a source said, word for word, with the connector and mapping that read it."""
    query = (
        select(
            source_record.c.id,
            source_system.c.code.label("source"),
            source_system.c.kind.label("source_kind"),
            source_system.c.connector,
            source_record.c.object_type,
            source_record.c.source_key,
            source_record.c.seq,
            source_record.c.op,
            source_record.c.content_hash,
            source_record.c.media_type,
            source_record.c.source_version,
            source_record.c.source_time,
            source_record.c.received_at,
            source_record.c.mapping_version,
            source_record.c.payload,
        )
        .select_from(
            source_record.join(source_system, source_system.c.id == source_record.c.source_system_id)
        )
        .where(source_record.c.id == record_id)
    )
    found = read_rows(connection, query)
    if not found:
        return None
    return {**found[0], "versions": _versions(connection, record_id)}


def _versions(connection: Connection, record_id: int) -> list[Document]:
    this = select(
        source_record.c.source_system_id, source_record.c.object_type, source_record.c.source_key
    ).where(source_record.c.id == record_id)
    same = tuple_(
        source_record.c.source_system_id, source_record.c.object_type, source_record.c.source_key
    ).in_(this)
    query = (
        select(source_record.c.id, source_record.c.seq, source_record.c.op, source_record.c.received_at)
        .where(same)
        .order_by(source_record.c.seq)
    )
    return read_rows(connection, query)


def _statement(said: Document) -> Document:
    names = ("source", "source_kind", "value", "is_winner", "source_record", "source_time", "recorded_at")
    return {name: said[name] for name in names}


def _statements_of(
    connection: Connection, keys: Sequence[tuple[Any, ...]]
) -> dict[tuple[Any, ...], list[Document]]:
    if not keys:
        return {}
    condition: ColumnElement[bool] = tuple_(
        assertion.c.entity_type, assertion.c.entity_id, assertion.c.attribute
    ).in_(keys)
    query = (
        select(assertion.c.entity_type, assertion.c.entity_id, *_COLUMNS)
        .select_from(_SAID)
        .where(condition, assertion.c.superseded_at.is_(None))
        .order_by(source_system.c.code)
    )
    said: dict[tuple[Any, ...], list[Document]] = {}
    for row in read_rows(connection, query):
        key = (row["entity_type"], row["entity_id"], row["attribute"])
        said.setdefault(key, []).append(_statement(row))
    return said


def _describe(connection: Connection, keys: Sequence[tuple[Any, ...]]) -> dict[tuple[str, int], Document]:
    """Name things of several types: one query a type."""
    wanted: dict[str, set[int]] = {}
    for kind, thing_id, _ in keys:
        wanted.setdefault(kind, set()).add(thing_id)
    named: dict[tuple[str, int], Document] = {}
    for kind, ids in wanted.items():
        table = ENTITY_TABLES[kind]
        query = select(table.c.id, table.c.uid, table.c.code, table.c.description).where(
            table.c.id.in_(sorted(ids))
        )
        for row in connection.execute(query):
            named[kind, row.id] = {"uid": row.uid, "code": row.code, "description": row.description}
    return named


def _check_key(after: Sequence[Any]) -> tuple[str, int, str]:
    match after:
        case [str() as kind, int() as thing_id, str() as attribute] if -(2**63) <= thing_id < 2**63:
            return kind, thing_id, attribute
        case _:
            raise CursorError("the cursor is not one of ours; start again without it")
