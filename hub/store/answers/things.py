"""Mastered things of any type: a list by pages, one by any of its names, its names in each system."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, func, literal, or_, select

from hub.model import normalise
from hub.store.answers.links import links_of_names
from hub.store.answers.pages import Page
from hub.store.answers.readings import Document, read_rows, thing_reading
from hub.store.questions.collections import collection_of
from hub.store.questions.documents import read_page
from hub.store.questions.question import ask
from hub.store.questions.scope import scope_of, see
from hub.store.tables import ENTITY_TABLES, identifier

_MERGES = 20
_CANDIDATES = 20
_NAMED_AT_ONCE = 500


class NotFound(LookupError):
    """No thing of this type has this name; look at the list, or at the names that sources report."""


class Ambiguous(LookupError):
    """Several things have this name; ask by `uid`, or by a name that only one of them has."""

    def __init__(self, candidates: Sequence[Document]) -> None:
        super().__init__("several things have this name; ask by uid")
        self.candidates = candidates


@dataclass(frozen=True)
class Found:
    """A thing's key and uid; `merged_from` is the uid that was asked for when it was merged into this one."""

    id: int
    uid: str
    merged_from: str | None = None


def list_things(
    connection: Connection,
    entity_type: str,
    *,
    filter: str | None = None,
    name: str | None = None,
    order: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
    also: Sequence[ColumnElement[bool]] = (),
) -> Page:
    """Give a page of things. `name` finds by any name, however written; `order` is as `code desc, uid`.

    Merged things are left out unless the filter speaks of `lifecycle`. Raises `FilterError`, `CursorError`.
    """
    noun = collection_of(entity_type).name
    question = replace(ask(noun, filter=filter, order=order, name=name), also=tuple(also))
    return read_page(connection, question, cursor=cursor, limit=limit)


def list_ids(connection: Connection, entity_type: str, *, filter: str, most: int) -> list[int]:
    """Give the keys of at most so many things that a filter holds for. Raises `FilterError`."""
    table = ENTITY_TABLES[entity_type]
    question = ask(collection_of(entity_type).name, filter=filter)
    query = select(table.c.id).where(*question.conditions(connection)).order_by(table.c.id).limit(most)
    return list(connection.scalars(query))


def find_thing(connection: Connection, entity_type: str, name: str) -> Found:
    """Give the thing with this uid, code or name in any system; a merged one gives its survivor.

    A name as written goes before a name that only matches without case, signs and leading zeros. What the one
    who asks may not see is not there. Raises `NotFound`, `Ambiguous`.
    """
    table = ENTITY_TABLES[entity_type]
    seen = see(scope_of(connection), entity_type, table)
    found = _find(connection, entity_type, name, seen)
    if seen and connection.scalar(select(table.c.id).where(table.c.id == found.id, *seen)) is None:
        raise NotFound(entity_type)
    return found


def _find(  # noqa: PLR0917 - a name of a type, as far as it is seen
    connection: Connection, entity_type: str, name: str, seen: list[ColumnElement[bool]]
) -> Found:
    table = ENTITY_TABLES[entity_type]
    own = select(table.c.id, table.c.uid, table.c.merged_into_id).where(table.c.uid == name)
    row = connection.execute(own).one_or_none()
    if row is not None:
        return _survivor(connection, entity_type, Found(row.id, row.uid), merged_into=row.merged_into_id)
    written = or_(identifier.c.value == name, identifier.c.label == name)
    for condition in (written, identifier.c.value_norm == normalise(name)):
        ids = set(
            connection.scalars(
                select(identifier.c.entity_id).where(identifier.c.entity_type == entity_type, condition)
            )
        )
        if condition is written:
            ids |= set(
                connection.scalars(
                    select(table.c.id).where(table.c.code == name, table.c.lifecycle != "merged")
                )
            )
        if seen and ids:
            ids = set(connection.scalars(select(table.c.id).where(table.c.id.in_(sorted(ids)), *seen)))
        if len(ids) == 1:
            return _by_id(connection, entity_type, ids.pop())
        if ids:
            raise Ambiguous(describe_things(connection, entity_type, sorted(ids)[:_CANDIDATES]))
    raise NotFound(entity_type)


def read_thing(connection: Connection, entity_type: str, thing_id: int) -> Document:
    """Give the golden document of one thing by its key."""
    reading = thing_reading(entity_type)
    return reading.read(connection, reading.select().where(reading.table.c.id == thing_id))[0]


def read_things(connection: Connection, entity_type: str, ids: Iterable[int]) -> list[Document]:
    """Give the golden documents of things by their keys, by code."""
    reading = thing_reading(entity_type)
    table = reading.table
    query = reading.select().where(table.c.id.in_(sorted(set(ids)))).order_by(table.c.code, table.c.id)
    return reading.read(connection, query)


def describe_things(connection: Connection, entity_type: str, ids: Iterable[int]) -> list[Document]:
    """Give uid, code, description and lifecycle of things, by code."""
    table = ENTITY_TABLES[entity_type]
    query = (
        select(table.c.uid, table.c.code, table.c.description, table.c.lifecycle)
        .where(table.c.id.in_(sorted(set(ids))))
        .order_by(table.c.code, table.c.id)
    )
    return read_rows(connection, query)


def list_names(connection: Connection, entity_type: str, thing_id: int) -> list[Document]:
    """Give the names of a thing in each scheme, by which step of the ladder each was linked, and why.

    A name that was replaced is shown with what replaced it: it finds the thing for ever.
    """
    newer = identifier.alias("newer")
    query = (
        select(
            identifier.c.id,
            identifier.c.scheme,
            identifier.c.value,
            identifier.c.label,
            identifier.c.method,
            identifier.c.recorded_at,
            identifier.c.is_active,
            identifier.c.valid_from,
            identifier.c.valid_to,
            (newer.c.scheme + literal("|") + newer.c.value).label("replaced_by"),
        )
        .select_from(identifier.outerjoin(newer, newer.c.id == identifier.c.replaced_by_id))
        .where(identifier.c.entity_type == entity_type, identifier.c.entity_id == thing_id)
        .order_by(identifier.c.scheme, identifier.c.value)
    )
    names = read_rows(connection, query)
    links = links_of_names(connection, [name["id"] for name in names])
    return [{**name, "links": links.get(name_id, [])} for name in names if (name_id := name.pop("id"))]


def read_names(connection: Connection, entity_type: str, uids: Sequence[str]) -> list[Document]:
    """Give the names of things by their uids: uid, scheme, value, label, method, whether it is in use.

    What the one who asks may not see has none.
    """
    table = ENTITY_TABLES[entity_type]
    query = (
        select(
            table.c.uid,
            identifier.c.scheme,
            identifier.c.value,
            identifier.c.label,
            identifier.c.method,
            identifier.c.is_active,
        )
        .select_from(table.join(identifier, identifier.c.entity_id == table.c.id))
        .where(identifier.c.entity_type == entity_type, *see(scope_of(connection), entity_type, table))
        .order_by(identifier.c.id)
    )
    found: list[Document] = []
    for start in range(0, len(uids), _NAMED_AT_ONCE):
        some = uids[start : start + _NAMED_AT_ONCE]
        found += read_rows(connection, query.where(table.c.uid.in_(some)))
    return found


def count_runs(connection: Connection) -> int:
    """Give how many batches are known (campaigns, which hold batches, are not counted)."""
    table = ENTITY_TABLES["batch"]
    query = select(func.count()).where(
        table.c.lifecycle == "active", table.c.kind.is_distinct_from("campaign")
    )
    return int(connection.scalar(query) or 0)


def count_lifecycles(connection: Connection) -> dict[str, dict[str, int]]:
    """Give how many things of each type are in each lifecycle."""
    counts: dict[str, dict[str, int]] = {}
    for entity_type, table in ENTITY_TABLES.items():
        query = select(table.c.lifecycle, func.count()).group_by(table.c.lifecycle)
        counts[entity_type] = {state: int(count) for state, count in connection.execute(query)}
    return counts


def _by_id(connection: Connection, entity_type: str, thing_id: int) -> Found:
    table = ENTITY_TABLES[entity_type]
    row = connection.execute(
        select(table.c.id, table.c.uid, table.c.merged_into_id).where(table.c.id == thing_id)
    ).one()
    return _survivor(connection, entity_type, Found(row.id, row.uid), merged_into=row.merged_into_id)


def _survivor(connection: Connection, entity_type: str, asked: Found, *, merged_into: int | None) -> Found:
    table = ENTITY_TABLES[entity_type]
    here = asked
    for _ in range(_MERGES):
        if merged_into is None:
            return here if here is asked else Found(here.id, here.uid, asked.uid)
        row = connection.execute(
            select(table.c.id, table.c.uid, table.c.merged_into_id).where(table.c.id == merged_into)
        ).one()
        here, merged_into = Found(row.id, row.uid), row.merged_into_id
    return Found(here.id, here.uid, asked.uid)
