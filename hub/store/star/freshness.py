"""Whether files still say what the views say: nothing that a view reads was written since."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Table, exists, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import visitors

from hub.store.audited import AUDITED
from hub.store.mart import STAR
from hub.store.questions.collections import find_collection
from hub.store.tables import audit_event, overtaken_act


@cache
def tables_of(view: str) -> frozenset[str]:
    """Give the tables that a view reads; each is under audit, so that no write of it goes unseen."""
    found = {e.name for e in visitors.iterate(STAR[view]()) if isinstance(e, Table)}
    unseen = found - {table.name for table in AUDITED}
    if unseen:
        raise TypeError(f"{view} reads {', '.join(sorted(unseen))}, whose writes leave no audit rows")
    return frozenset(found)


@cache
def define(view: str) -> str:
    """Give the SHA-256 of a view's query: files of another one are not its files."""
    written = STAR[view]().compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    return hashlib.sha256(str(written).encode()).hexdigest()


@cache
def views_about(name: str) -> tuple[str, ...]:
    """Give the views that a question about a view can look into: itself, and those that it leads to."""
    ways = find_collection(name).navigations.values()
    return tuple(sorted({name, *(way.target for way in ways if way.target in STAR)}))


def is_current(connection: Connection, views: Iterable[str], *, since: datetime | None) -> bool:
    """Tell whether the views would give now what they gave when `since` was the newest known instant."""
    if since is None:
        return False
    tables = sorted({table for view in views for table in tables_of(view)})
    written = exists().where(audit_event.c.recorded_at > since, audit_event.c.entity_type.in_(tables))
    if connection.dialect.name == "sqlite":
        return not connection.scalar(select(written))
    late = exists().where(overtaken_act.c.known_at > since, overtaken_act.c.recorded_at <= since)
    return not connection.scalar(select(written | late))
