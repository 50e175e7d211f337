"""Statements that resolution has to look at, and the ones it needs beside them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from hub.store.sets import chunks, select_in
from hub.store.tables import statement


@dataclass(frozen=True)
class Statement:
    """What one document states of one record now."""

    id: int
    system_id: int
    record_type: str
    record_key: str
    object_type: str
    source_key: str
    record_id: int
    version: int
    source_time: datetime | None
    body: dict[str, Any]
    body_hash: str
    is_live: bool
    is_pending: bool
    identifier_id: int | None

    @property
    def rank(self) -> tuple[int, str, str]:
        """Orders statements of one record: the newer source version, then a fixed order of documents."""
        return self.version, self.object_type, self.source_key

    @property
    def record(self) -> tuple[int, str, str]:
        """The record stated: system, type, natural key."""
        return self.system_id, self.record_type, self.record_key


_COLUMNS = (
    statement.c.id,
    statement.c.source_system_id,
    statement.c.record_type,
    statement.c.record_key,
    statement.c.object_type,
    statement.c.source_key,
    statement.c.source_record_id,
    statement.c.source_version,
    statement.c.source_time,
    statement.c.body,
    statement.c.body_hash,
    statement.c.is_live,
    statement.c.is_pending,
    statement.c.identifier_id,
)


def pending_statements(connection: Connection, limit: int) -> list[Statement]:
    """Give the oldest statements not resolved yet."""
    query = select(*_COLUMNS).where(statement.c.is_pending).order_by(statement.c.id).limit(limit)
    return [Statement(*row) for row in connection.execute(query).all()]


def count_pending(connection: Connection) -> int:
    """Give how many statements wait."""
    return int(connection.scalar(select(func.count()).where(statement.c.is_pending)) or 0)


def statements_of_names(connection: Connection, name_ids: Iterable[int]) -> list[Statement]:
    """Give the live statements about these names."""
    query = select(*_COLUMNS).where(statement.c.is_live)
    return [Statement(*row) for row in select_in(connection, query, statement.c.identifier_id, name_ids)]


def statements_of_records(connection: Connection, records: Iterable[tuple[int, str, str]]) -> list[Statement]:
    """Give all live statements of these records (system, type, key), from whatever document."""
    grouped: dict[tuple[int, str], list[str]] = {}
    for system_id, record_type, key in records:
        grouped.setdefault((system_id, record_type), []).append(key)
    return [
        Statement(*row)
        for (system_id, record_type), keys in grouped.items()
        for row in select_in(
            connection,
            select(*_COLUMNS).where(
                statement.c.is_live,
                statement.c.source_system_id == system_id,
                statement.c.record_type == record_type,
            ),
            statement.c.record_key,
            keys,
        )
    ]


def names_stated(connection: Connection, name_ids: Iterable[int]) -> set[int]:
    """Give those names under which some document states a thing of its own now."""
    query = select(statement.c.identifier_id).where(statement.c.is_live).distinct()
    return {row[0] for row in select_in(connection, query, statement.c.identifier_id, name_ids)}


def bind_names(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Note which name each statement is about: (statement id, name id)."""
    query = (
        update(statement)
        .where(statement.c.id == bindparam("statement_id"))
        .values(identifier_id=bindparam("name_id"))
    )
    for part in chunks(pairs):
        connection.execute(query, [{"statement_id": s, "name_id": n} for s, n in part])


def mark_resolved(connection: Connection, ids: Sequence[int]) -> None:
    """Take statements off the list of those that wait."""
    for part in chunks(ids):
        connection.execute(update(statement).where(statement.c.id.in_(part)).values(is_pending=False))


def mark_all_pending(connection: Connection) -> None:
    """Put every statement on the list again (rebuild)."""
    connection.execute(update(statement).values(is_pending=True))
