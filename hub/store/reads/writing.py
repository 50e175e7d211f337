"""Reads into the store, many in one transaction, and out of it when their time is over."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select

from hub.store.database import Database
from hub.store.reads.notebook import Read
from hub.store.tables import read_event

_AT_ONCE = 10_000
"""Rows that one transaction lets go of, so that nobody waits long for it."""
_t = read_event.c


def write_reads(database: Database, reads: Sequence[Read], *, node: str, keep: timedelta | None) -> None:
    """Write reads; each is kept as long as is said now (None: for ever), whatever is said later."""
    if not reads:
        return
    rows = [
        {**one._asdict(), "node": node, "kept_until": None if keep is None else one.ended_at + keep}
        for one in reads
    ]
    with database.begin() as connection:
        connection.execute(insert(read_event), rows)


def forget_reads(database: Database, *, now: datetime) -> int:
    """Let go of reads whose time is over; give how many. The database refuses to let go of others."""
    with database.read() as connection:
        query = select(_t.id).where(_t.kept_until <= now).order_by(_t.kept_until).limit(_AT_ONCE)
        due = list(connection.scalars(query))
    if not due:
        return 0
    with database.begin() as connection:
        first, last = min(due), max(due)
        return connection.execute(
            delete(read_event).where(_t.id.between(first, last), _t.kept_until <= now)
        ).rowcount
