"""Sealing: what was written since the last head gets its place in the tree, and a new head is signed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.model import parse_instant
from hub.store.database import Database
from hub.store.seal.heads import TreeHead, add_head, newest_head, sign_head
from hub.store.seal.log import StoredTree, append_events
from hub.store.seal.signing import Signer
from hub.store.seal.tree import root_at

SLICE = 50_000
"""Most audit rows sealed in one transaction: others wait no longer than a moment."""
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Sealed:
    """The newest head (None before the first audit row) and how many audit rows have been sealed just now."""

    head: TreeHead | None
    added: int


def seal(database: Database, signer: Signer, *, clock: Callable[[], datetime], limit: int = SLICE) -> Sealed:
    """Seal every audit row that has no place in the tree; give the newest head, new or not."""
    total = 0
    while True:
        head, added = _seal_some(database, signer, clock=clock, limit=limit)
        total += added
        if added < limit:
            return Sealed(head, total)


def _seal_some(
    database: Database, signer: Signer, *, clock: Callable[[], datetime], limit: int
) -> tuple[TreeHead | None, int]:
    with database.begin() as connection:
        growth = append_events(connection, limit=limit)
        last = newest_head(connection)
        if not growth.added:
            return last, 0
        root = root_at(growth.size, StoredTree(connection).node)
        # a head is never older than the one before, whatever the clock says
        at = clock() if last is None else max(clock(), parse_instant(last.at) + _TICK)
        head = sign_head(growth.size, root, at, signer)
        add_head(connection, head, growth.progress)
    return head, growth.added
