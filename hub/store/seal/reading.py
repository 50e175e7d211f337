"""Sealed audit rows as documents, in the order of the log, with the proofs that they are in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, null, select

from hub.store.answers.pages import Order, Page, read_page
from hub.store.answers.readings import Document, Reading, Slot
from hub.store.answers.things import find_thing
from hub.store.attribution import format_at
from hub.store.seal.heads import TreeHead
from hub.store.seal.log import StoredTree
from hub.store.seal.tree import prove_inclusion
from hub.store.tables import ENTITY_TABLES, audit_event, audit_leaf

_NAMES = (
    "entity_type",
    "entity_id",
    "version",
    "action",
    "actor",
    "recorded_at",
    "reason",
    "before",
    "digest",
    "prev_hash",
    "hash",
)
_PAGE = 500
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Thing:
    """Whose audit rows are wanted: a table under audit and the id of a row of it."""

    table: str
    row_id: int


def find_row(connection: Connection, written: str) -> Thing:
    """Give the thing that `batch/B26-0117` (by uid or any name) or `assertion/17` (by id) means.

    Raises `NotFound` or `Ambiguous` for a name, `ValueError` for what is neither.
    """
    table, _, name = written.partition("/")
    if not table or not name:
        msg = "a thing is written type/name, e.g. batch/B26-0117, or table/id, e.g. test_result/17"
        raise ValueError(msg)
    if table in ENTITY_TABLES:
        return Thing(table, find_thing(connection, table, name).id)
    if not name.isascii() or not name.isdigit() or int(name) > _LARGEST:
        msg = f"rows of {table} have no names: write its id, e.g. {table}/17"
        raise ValueError(msg)
    return Thing(table, int(name))


def list_events(
    connection: Connection,
    *,
    thing: Thing | None = None,
    actor: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page:
    """Give a page of audit rows, newest first; `seq` is null until the next head. Raises `CursorError`.

    What a key or a webhook was before is not told here, only its digest: the row holds what the key is
    verified by, or an address that may be secret itself.
    """
    conditions: list[ColumnElement[bool]] = [] if thing is None else _of(thing)
    if actor is not None:
        conditions.append(audit_event.c.actor == actor)
    if start is not None:
        conditions.append(audit_event.c.recorded_at >= start)
    if end is not None:
        conditions.append(audit_event.c.recorded_at < end)
    order = Order("recorded_at", audit_event.c.recorded_at, audit_event.c.id, descending=True)
    return read_page(connection, _reading(), conditions, order=order, cursor=cursor, limit=limit)


def read_sealed(connection: Connection, head: TreeHead, thing: Thing | None = None) -> Iterator[Document]:
    """Give all rows under a head, or those of a thing, in the order of the log, each with its proof."""
    conditions = [] if thing is None else _of(thing)
    last = -1
    while True:
        query = _sealed().where(audit_leaf.c.id > last, audit_leaf.c.id < head.size, *conditions)
        rows = connection.execute(query.order_by(audit_leaf.c.id).limit(_PAGE)).all()
        tree = StoredTree(connection)
        for row in rows:
            yield _describe(row, head, tree)
        if len(rows) < _PAGE:
            return
        last = rows[-1].seq


def _of(thing: Thing) -> list[ColumnElement[bool]]:
    return [audit_event.c.entity_type == thing.table, audit_event.c.entity_id == thing.row_id]


def _sealed() -> Select[Any]:
    joined = audit_leaf.join(audit_event, audit_event.c.id == audit_leaf.c.audit_event_id)
    columns = [audit_event.c[name] for name in _NAMES]
    return select(audit_leaf.c.id.label("seq"), *columns).select_from(joined)


def _describe(row: Any, head: TreeHead, tree: StoredTree) -> Document:
    found: Document = {"seq": row.seq, **{name: getattr(row, name) for name in _NAMES}}
    found["recorded_at"] = format_at(row.recorded_at)
    found["proof"] = [one.hex() for one in prove_inclusion(row.seq, head.size, tree.node)]
    return found


def _reading() -> Reading:
    is_secret = audit_event.c.entity_type.in_(("api_key", "webhook"))
    told = {**dict(audit_event.c), "before": case((is_secret, null()), else_=audit_event.c.before)}
    slots = [Slot("seq", (audit_leaf.c.id,)), *(Slot(name, (told[name],)) for name in _NAMES)]
    joined = audit_event.outerjoin(audit_leaf, audit_leaf.c.audit_event_id == audit_event.c.id)
    return Reading(audit_event, tuple(slots), joined)
