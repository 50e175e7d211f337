"""The source systems: who may say something, and what we know of each."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from hub.store.tables import source, source_system


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
    found = connection.execute(
        select(columns.id, columns.kind, columns.connector, columns.timezone).where(columns.code == code)
    ).one_or_none()
    told = {"kind": kind, "connector": connector, "timezone": timezone}
    if found is None:
        system_id = connection.scalar(
            insert(source_system).values(code=code, recorded_at=now, **told).returning(columns.id)
        )
        connection.execute(insert(source).values(source_system_id=system_id, state="new"))
        return System(int(system_id or 0), code, kind)
    if (found.kind, found.connector, found.timezone) != (kind, connector, timezone):
        connection.execute(update(source_system).where(columns.id == found.id).values(**told))
    return System(found.id, code, kind)


def list_systems(connection: Connection) -> dict[int, System]:
    """Give all systems by id."""
    rows = connection.execute(select(source_system.c.id, source_system.c.code, source_system.c.kind))
    return {row.id: System(row.id, row.code, row.kind) for row in rows}


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
