"""Whose turn it is to fold: one process at a time holds the lease of the cold runs and moves what counts."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from hub.store.database import Database
from hub.store.lake.state import LakeState, read_lake
from hub.store.lake.table import Lake
from hub.store.lake.whereabouts import note_place
from hub.store.presence import is_gone
from hub.store.sets import insert_unless_there
from hub.store.streams import LeaseLost
from hub.store.tables import sample_hot, sample_lake

LEASE = timedelta(minutes=10)
"""Longer than the longest compaction; a node of PostgreSQL that dies is known sooner, by its lock."""
_ROW = 1
Clock = Callable[[], datetime]


class WrongLake(Exception):
    """The samples' folder or object store belongs to another hub; name this hub's own, or move that away."""


@dataclass
class Turn:
    """The right to move what counts, as long as nobody else has taken it."""

    database: Database
    owner: str
    epoch: int
    clock: Clock

    @property
    def lake(self) -> Lake:
        """The tables. Raises `NoPlace`."""
        return self.database.cellar.lake

    def read(self) -> LakeState:
        """Give what counts now."""
        with self.database.read() as connection:
            return read_lake(connection)

    def acknowledge(self, **values: Any) -> None:
        """Let new versions count, in a transaction of its own."""
        with self.database.begin() as connection:
            self.move(connection, **values)

    def move(self, connection: Connection, **values: Any) -> None:
        """Let new versions count in the caller's transaction. Raises `LeaseLost`."""
        c = sample_lake.c
        moved = connection.execute(
            update(sample_lake)
            .where(c.id == _ROW, c.epoch == self.epoch)
            .values(lease_until=self.clock() + LEASE, **values)
        )
        if moved.rowcount != 1:
            raise LeaseLost("another node folds samples now; nothing of this step was taken over")


@contextmanager
def taken_turn(database: Database, *, owner: str, clock: Clock) -> Generator[Turn | None]:
    """Hold the lease inside the block; None while another process that is alive holds it.

    Raises `LakeUnreachable` when an object store fails what the block does.
    """
    database.presence.show(owner)
    with database.begin() as connection:
        insert_unless_there(connection, sample_lake, {"id": _ROW}, keys=("id",))
        epoch = _claim(connection, owner, clock())
    if epoch is None:
        yield None
        return
    turn = Turn(database, owner, epoch, clock)
    try:
        yield turn
    except OSError as error:
        raise turn.lake.place.judge(error) from error
    finally:
        c = sample_lake.c
        with database.begin() as connection:
            mine = update(sample_lake).where(c.id == _ROW, c.epoch == epoch)
            connection.execute(mine.values(lease_until=None))


def _claim(connection: Connection, owner: str, now: datetime) -> int | None:
    c = sample_lake.c
    holder, until, epoch = connection.execute(
        select(c.owner, c.lease_until, c.epoch).where(c.id == _ROW).with_for_update()
    ).one()
    is_held = until is not None and until >= now and holder != owner
    if is_held and not is_gone(connection, holder):
        return None
    claim = update(sample_lake).where(c.id == _ROW)
    connection.execute(claim.values(owner=owner, epoch=epoch + 1, lease_until=now + LEASE))
    return int(epoch) + 1


def settle(turn: Turn) -> LakeState:
    """Bring tables and database in step after whatever ended the last turn; give what counts then.

    A commit that was made and not acknowledged is taken over: its watermark says which frames it holds, so
    they go now. Tables that are not there yet are made. Raises `WrongLake`.
    """
    known = turn.read()
    moved: dict[str, Any] = {}
    watermark = known.watermark
    for table, version in known.versions.items():
        found, mark = turn.lake.settle(table, version)
        if found < version:
            raise WrongLake(
                f"{turn.lake.place.url(table)} ends at version {found}, but version {version} counts; "
                "give back the samples' folder of this hub"
            )
        if found < 0:
            uid = turn.lake.create(table)
            found = 0
            if table == "live":
                moved["live_uid"] = uid
        elif version < 0 and turn.lake.snapshot(table, found).runs:
            raise WrongLake(
                f"{turn.lake.place.url(table)} holds samples of another hub; set `samples` to a place of "
                "this hub's own, or move it away"
            )
        if found != version:
            moved[f"{table}_version"] = found
        if table == "live" and mark is not None:
            watermark = max(watermark, mark)
    if moved:
        take_over(turn, watermark, **moved)
        known = turn.read()
    with turn.database.begin() as connection:
        note_place(connection, turn.lake.place, now=turn.clock())
    return known


def take_over(turn: Turn, watermark: int, **values: Any) -> None:
    """Let versions count, and with them a watermark: the frames up to it go in the same transaction."""
    c = sample_hot.c
    with turn.database.begin() as connection:
        before = read_lake(connection)
        going = connection.execute(
            select(c["count"].label("rows")).where(c.put_id > before.watermark, c.put_id <= watermark)
        )
        folded = before.folded + sum(int(row.rows) for row in going)
        connection.execute(sample_hot.delete().where(c.put_id <= watermark))
        turn.move(connection, watermark=max(watermark, before.watermark), folded=folded, **values)


def note_error(database: Database, error: str | None) -> None:
    """Keep what ended the last fold, for whoever asks how the store is; None when all is well."""
    with database.begin() as connection:
        connection.execute(update(sample_lake).values(last_error=error))
