"""The source systems: who may say something, and what we know of each."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from hub.store.sets import insert_unless_there
from hub.store.tables import source, source_system
from hub.store.tables.spine import SOURCE_KINDS

KINDS = SOURCE_KINDS
"""The kinds of source systems that there are."""


@dataclass(frozen=True)
class System:
    """A source system as stored: its id, code and kind (MES, LIMS, ERP, HISTORIAN, QMS, …)."""

    id: int
    code: str
    kind: str


def ensure_system(
    connection: Connection,
    code: str,
    kind: str,
    *,
    now: datetime,
    connector: str | None = None,
    timezone: str | None = None,
) -> System:
    """Give the system with this code, created or brought up to date."""
    columns = source_system.c
    query = select(columns.id, columns.kind, columns.connector, columns.timezone).where(columns.code == code)
    told = {"kind": kind, "connector": connector, "timezone": timezone}
    found = connection.execute(query).one_or_none()
    if found is None:
        row = {"code": code, "recorded_at": now, **told}
        created = insert_unless_there(connection, source_system, row, keys=("code",))
        if created is not None:
            connection.execute(insert(source).values(source_system_id=created, state="new"))
            return System(created, code, kind)
        found = connection.execute(query).one()  # another node was quicker
    if (found.kind, found.connector, found.timezone) != (kind, connector, timezone):
        connection.execute(update(source_system).where(columns.id == found.id).values(**told))
    return System(found.id, code, kind)


def find_system(connection: Connection, code: str) -> int | None:
    """Give the key of the system with this code, if there is one."""
    return connection.scalar(select(source_system.c.id).where(source_system.c.code == code))


def list_systems(connection: Connection) -> dict[int, System]:
    """Give all systems by id."""
    return {row[0]: System(*row) for row in connection.execute(_SYSTEMS)}


_SYSTEMS = select(source_system.c.id, source_system.c.code, source_system.c.kind)


def note_health(
    connection: Connection, system_id: int, *, state: str, now: datetime, system: str = "", error: str = ""
) -> None:
    """Record what the last check or run of a source found; nothing is written when nothing changed."""
    columns = source.c
    before = connection.execute(
        select(columns.state, columns.system, columns.last_error).where(columns.source_system_id == system_id)
    ).one()
    told = {"state": state, "system": system or before.system, "last_error": error or None}
    if (before.state, before.system, before.last_error) == tuple(told.values()):
        return
    connection.execute(
        update(source)
        .where(columns.source_system_id == system_id)
        .values(checked_at=now, last_error_at=now if error else None, **told)
    )
