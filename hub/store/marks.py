"""How far each stream had come, on record: a mark when that changes, and one an hour while it does not."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select

from hub.store.streams import Claim
from hub.store.tables import reading_mark

EVERY = timedelta(hours=1)
"""While nothing changes, the end of a stream is known to so much time."""


def note_mark(
    connection: Connection,
    claim: Claim,
    *,
    state: str,
    now: datetime,
    means: str | None = None,
    error: str = "",
    moved: bool = False,
) -> None:
    """Note how a reading of a stream ended; `moved` says that it brought documents."""
    columns = reading_mark.c
    last = connection.execute(
        select(columns.state, columns.means, columns.error, columns.marked_at)
        .where(columns.source_system_id == claim.system_id, columns.stream == claim.name)
        .order_by(columns.marked_at.desc(), columns.id.desc())
        .limit(1)
    ).one_or_none()
    told = (state, means, error or None)
    if last is not None and tuple(last)[:3] == told and not moved and now - last.marked_at < EVERY:
        return
    connection.execute(
        insert(reading_mark).values(
            source_system_id=claim.system_id,
            stream=claim.name,
            kind=claim.kind,
            state=state,
            means=means,
            error=error or None,
            marked_at=now,
        )
    )
