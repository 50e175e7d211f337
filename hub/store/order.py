"""In which order acts became known. An act is a writing transaction; its stamp is on all of its audit rows.

On SQLite one transaction writes at a time and takes its stamp when it begins: stamps are in the order of
commits. On PostgreSQL many write at once. There no two acts have the same stamp, and one that commits after
an act with a later stamp says so before it does, in `overtaken_act`. So whoever has read up to an instant has
read all that will ever count as known at that instant, and nothing else.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy import text as sql

from hub.store.locks import COMMITS
from hub.store.past.reading import then_of
from hub.store.tables import audit_event, overtaken_act

_TICK = timedelta(microseconds=1)
_NEWEST = select(func.max(audit_event.c.recorded_at))
_NEWEST_ON_SQLITE = "SELECT max(recorded_at) FROM audit_event"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The transaction gets its number now, before its stamp: a head that is signed meanwhile then knows that
# somebody is at work, and settles nothing above (see `hub.store.seal.log`).
_HOLD = sql("SELECT pg_try_advisory_xact_lock(:stamp), pg_current_xact_id()")
# A store at an older revision has no order of commits to keep.
_WROTE = sql(
    "SELECT pg_advisory_xact_lock(:commits) WHERE to_regclass('overtaken_act') IS NOT NULL"
    " AND EXISTS (SELECT FROM audit_event WHERE recorded_at = :stamp)"
)


def newest_known(connection: Connection) -> datetime | None:
    """Give the newest instant at which this reading learned something; None in an empty store."""
    stamped = _newest_stamp(connection)
    if stamped is None or connection.dialect.name == "sqlite":
        return stamped
    overtaken: datetime | None = connection.scalar(select(func.max(overtaken_act.c.known_at)))
    return stamped if overtaken is None else max(stamped, overtaken)


def late_acts(connection: Connection, then: datetime) -> dict[datetime, datetime]:
    """Give the acts that were stamped up to an instant and became known after it: stamp, and when."""
    columns = overtaken_act.c
    query = select(columns.recorded_at, columns.known_at)
    rows = connection.execute(query.where(columns.recorded_at <= then, columns.known_at > then))
    return {row.recorded_at: row.known_at for row in rows}


def draw_stamp(connection: Connection, wanted: datetime) -> datetime:
    """Give an act a stamp of its own: the wanted instant, or the first one after it that is free.

    It is later than every stamp that can be seen, and until the transaction ends nobody else gets the same.
    """
    stamp = wanted.astimezone(UTC)
    while True:
        is_free = connection.scalar(_HOLD, {"stamp": (stamp - _EPOCH) // _TICK})
        # Looked up only now: whoever had this stamp before us and let go of it has committed by now.
        newest = _newest_stamp(connection)
        if is_free and (newest is None or newest < stamp):
            return stamp
        stamp = max(stamp, newest or stamp) + _TICK


def keep_order(connection: Connection, stamp: datetime) -> None:
    """Before an act commits: note when it becomes known, if one with a later stamp is known already."""
    if connection.execute(_WROTE, {"commits": COMMITS, "stamp": stamp}).first() is None:
        return
    later: Any = connection.scalar(
        select(func.max(audit_event.c.recorded_at)).where(audit_event.c.recorded_at > stamp)
    )
    overtaken: Any = connection.scalar(
        select(func.max(overtaken_act.c.known_at)).where(overtaken_act.c.known_at >= stamp)
    )
    others = [at for at in (later, overtaken) if at is not None]
    if others:
        known_at = max(others) + _TICK
        connection.execute(overtaken_act.insert().values(recorded_at=stamp, known_at=known_at))


def _newest_stamp(connection: Connection) -> datetime | None:
    is_past = then_of(connection) is not None
    if is_past or connection.dialect.name != "sqlite" or not connection.in_transaction():
        return connection.scalar(_NEWEST)
    # Each request asks this: the driver alone answers in a twentieth of the time.
    driver: Any = connection.connection.driver_connection
    (told,) = driver.execute(_NEWEST_ON_SQLITE).fetchone()
    return None if told is None else datetime.fromisoformat(told)
