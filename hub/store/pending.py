"""Statements that resolution has to look at, and the ones it needs beside them."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, func, literal, select, true
from sqlalchemy.dialects import postgresql, sqlite

from hub.store.bulk import delete_rows, update_rows
from hub.store.sets import AnySelect, select_in
from hub.store.tables import mention, pending, statement


class Statement(NamedTuple):
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
    identifier_id: int | None
    ticket: int | None
    """What it waits under, None when it does not wait."""

    @property
    def is_pending(self) -> bool:
        """Whether resolution has yet to look at it."""
        return self.ticket is not None

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
    statement.c.identifier_id,
    pending.c.ticket,
)
_WAITING_TOO = statement.outerjoin(pending, pending.c.statement_id == statement.c.id)
_WAITING = pending.join(statement, pending.c.statement_id == statement.c.id)
_STATEMENTS = select(*_COLUMNS).select_from(_WAITING_TOO)
_LIVE = _STATEMENTS.where(statement.c.is_live)
_FEW = select(pending.c.statement_id).order_by(pending.c.statement_id).limit(bindparam("limit")).subquery()
_STRETCH = select(func.min(_FEW.c.statement_id), func.max(_FEW.c.statement_id))
_OLDEST = (
    select(*_COLUMNS)
    .select_from(_WAITING)
    .where(
        *(c.between(bindparam("first"), bindparam("last")) for c in (pending.c.statement_id, statement.c.id))
    )
    .order_by(pending.c.statement_id)
)
_STATED = select(statement.c.identifier_id).where(statement.c.is_live).distinct()


@lru_cache(maxsize=512)
def _live_of(system_id: int, record_type: str) -> AnySelect:
    return select(statement.c.id).where(
        statement.c.is_live,
        statement.c.source_system_id == system_id,
        statement.c.record_type == record_type,
    )


def pending_statements(connection: Connection, limit: int) -> list[Statement]:
    """Give the oldest statements not resolved yet.

    Both tables are asked for the same stretch of ids: told of one alone, PostgreSQL goes through all that was
    resolved before, so that a load would take longer with each statement that is stored.
    """
    first, last = connection.execute(_STRETCH, {"limit": limit}).one()
    if first is None:
        return []
    return list(map(Statement._make, connection.execute(_OLDEST, {"first": first, "last": last}).all()))


def count_pending(connection: Connection) -> int:
    """Give how many statements wait."""
    return int(connection.scalar(select(func.count()).select_from(pending)) or 0)


def is_anything_pending(connection: Connection) -> bool:
    """Tell whether any statement waits, without counting them."""
    return connection.execute(_FIRST).first() is not None


def are_pending(connection: Connection, least: int) -> bool:
    """Tell whether at least so many statements wait, without counting them all."""
    return connection.execute(_NTH, {"before": least - 1}).first() is not None


_FIRST = select(pending.c.statement_id).order_by(pending.c.statement_id).limit(1)
_NTH = _FIRST.offset(bindparam("before"))


def statements_of_names(connection: Connection, name_ids: Iterable[int]) -> list[Statement]:
    """Give the live statements about these names."""
    return list(map(Statement._make, select_in(connection, _LIVE, statement.c.identifier_id, name_ids)))


def other_statements(
    connection: Connection, records: Iterable[tuple[int, str, str]], *, known: Iterable[Statement]
) -> list[Statement]:
    """Give the live statements of these records (system, type, key), of any document, beside those known.

    What is known need not be read again: mostly nothing else is said of a record.
    """
    grouped: dict[tuple[int, str], list[str]] = {}
    for system_id, record_type, key in records:
        grouped.setdefault((system_id, record_type), []).append(key)
    there = {s.id for s in known}
    others = [
        statement_id
        for (system_id, record_type), keys in grouped.items()
        for (statement_id,) in select_in(
            connection,
            _live_of(system_id, record_type),
            statement.c.record_key,
            keys,
        )
        if statement_id not in there
    ]
    return list(map(Statement._make, select_in(connection, _STATEMENTS, statement.c.id, others)))


def statements_using(connection: Connection, name_ids: Iterable[int]) -> list[Statement]:
    """Give the live statements that use these names, each once for each of them."""
    query = (
        select(*_COLUMNS)
        .select_from(_WAITING_TOO.join(mention, mention.c.statement_id == statement.c.id))
        .where(statement.c.is_live)
    )
    return list(map(Statement._make, select_in(connection, query, mention.c.identifier_id, name_ids)))


def names_stated(connection: Connection, name_ids: Iterable[int]) -> set[int]:
    """Give those names under which some document states a thing of its own now."""
    return {row[0] for row in select_in(connection, _STATED, statement.c.identifier_id, name_ids)}


def bind_names(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Note which name each statement is about: (statement id, name id)."""
    update_rows(connection, statement, [{"id": s, "identifier_id": n} for s, n in pairs])


def let_wait(connection: Connection, which: ColumnElement[bool]) -> None:
    """Put the statements that meet a condition on the list of those that wait, each under a new ticket."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    chosen = select(statement.c.id, literal(secrets.randbits(62))).where(which)
    put = dialect.insert(pending).from_select(["statement_id", "ticket"], chosen)
    connection.execute(
        put.on_conflict_do_update(index_elements=["statement_id"], set_={"ticket": put.excluded.ticket})
    )


def mark_resolved(connection: Connection, statements: Sequence[Statement]) -> None:
    """Take statements off the list of those that wait; one that was put there anew by now waits on."""
    rows = [{"statement_id": s.id, "ticket": s.ticket} for s in statements]
    delete_rows(connection, pending, rows)


def mark_all_pending(connection: Connection) -> None:
    """Put every statement on the list again (rebuild)."""
    let_wait(connection, true())
