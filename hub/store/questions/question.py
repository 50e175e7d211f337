"""A question about one collection, and what of it meets SQL: its conditions, its order, its fingerprint."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, false, select

from hub.model import normalise
from hub.store.questions.collections import Collection, find_collection
from hub.store.questions.compiler import compile_condition, compile_path
from hub.store.questions.expression import Expression, FilterError, Ordering, Path
from hub.store.questions.grammar import Expansion, parse_expand, parse_filter, parse_order, parse_select
from hub.store.questions.paging import Ranking, Step
from hub.store.questions.scope import scope_of, visible
from hub.store.questions.standing import standing
from hub.store.tables import identifier

_FINGERPRINT = 12


@dataclass(frozen=True)
class Origin:
    """From which rows a way leads to those that are asked for; these may be reached by a way themselves."""

    collection: Collection
    condition: Expression | None
    way: str
    origin: "Origin | None" = None


@dataclass(frozen=True)
class Question:
    """What is asked of a collection; `name` finds a thing by any of its names, however written.

    `select` names members, none means all. Merged things and facts that their source has taken back are left
    out unless the condition speaks of them (`lifecycle`, `is_retracted`), or all are wanted (`is_whole`).
    Documents are flat (`product_code` instead of `product.code`) when `is_flat`.
    """

    collection: Collection
    condition: Expression | None = None
    order: tuple[Ordering, ...] = ()
    select: tuple[str, ...] = ()
    expand: tuple[Expansion, ...] = ()
    name: str | None = None
    is_whole: bool = False
    is_flat: bool = False
    origin: Origin | None = None
    also: tuple[ColumnElement[bool], ...] = field(default=(), compare=False, repr=False)

    @property
    def fingerprint(self) -> str:
        """What binds a cursor to its question: all that decides which rows come in which order."""
        told = repr((self.collection.name, self.condition, self.order, self.name, _told(self.origin)))
        return hashlib.sha256(told.encode()).hexdigest()[:_FINGERPRINT]

    def conditions(
        self, connection: Connection, table: FromClause | None = None
    ) -> list[ColumnElement[bool]]:
        """Give the conditions of the rows, who asks included. Raises `FilterError`."""
        rows = self.collection.table if table is None else table
        found = list(self.also)
        if self.condition is not None:
            dialect, scope = connection.dialect.name, scope_of(connection)
            found.append(
                compile_condition(self.condition, self.collection, dialect=dialect, table=rows, scope=scope)
            )
        if not self.is_whole:
            found += standing(self.collection, rows, self.condition)
        if self.name is not None:
            found.append(self._named(rows, self.name))
        if self.origin is not None:
            found.append(_reached(connection, self.origin, rows))
        return [*found, *visible(connection, self.collection, rows)]

    def steps(self, connection: Connection) -> list[tuple[ColumnElement[Any], bool]]:
        """Give the columns of the order, each with whether it descends. Raises `FilterError`."""
        order = self.order or tuple(Ordering(Path((name,))) for name in self.collection.first)
        dialect, scope = connection.dialect.name, scope_of(connection)
        return [
            (compile_path(one.path, self.collection, dialect=dialect, scope=scope), one.descending)
            for one in order
        ]

    def _named(self, rows: FromClause, name: str) -> ColumnElement[bool]:
        if self.collection.family != "thing":
            return false()
        return rows.c.id.in_(
            select(identifier.c.entity_id).where(
                identifier.c.entity_type == self.collection.kind,
                identifier.c.value_norm == normalise(name),
            )
        )


def _reached(connection: Connection, origin: Origin, rows: FromClause) -> ColumnElement[bool]:
    """Give the condition of rows that a way leads to, from what the one who asks may see."""
    way = origin.collection.navigations[origin.way]
    table = origin.collection.table.alias()
    start = Question(origin.collection, origin.condition, is_whole=True, origin=origin.origin)
    keys = select(table.c[way.here]).where(*start.conditions(connection, table))
    return rows.c[way.there].in_(keys)


def _told(origin: Origin | None) -> Any:
    if origin is None:
        return None
    return origin.collection.name, origin.condition, origin.way, _told(origin.origin)


def rank(connection: Connection, question: Question) -> Ranking:
    """Give the whole order of a question's answer. Raises `FilterError`."""
    steps = tuple(
        Step(column, descending, bool(getattr(column, "nullable", True)))
        for column, descending in question.steps(connection)
    )
    return Ranking(steps, key_of(question.collection))


def key_of(collection: Collection) -> ColumnElement[Any]:
    """Give the column of a collection's own key."""
    return collection.table.c[collection.key]


def ask(
    collection: str,
    *,
    filter: str | None = None,
    order: str | None = None,
    select: str | None = None,
    expand: str | None = None,
    name: str | None = None,
) -> Question:
    """Give a question from its texts. Raises `FilterError`, `NoSuchCollection`."""
    found = find_collection(collection)
    return Question(
        found,
        condition=parse_filter(filter) if filter else None,
        order=parse_order(order) if order else (),
        select=parse_select(select) if select else (),
        expand=parse_expand(expand) if expand else (),
        name=name,
    )


def refuse_unknown(names: tuple[str, ...], known: list[str]) -> None:
    """Refuse members that there are not. Raises `FilterError`."""
    if unknown := sorted(set(names) - set(known)):
        raise FilterError(f"unknown name {unknown[0][:60]}; known are {', '.join(sorted(known))}")
