"""Sums over the facts: rows of a fact by scope, day and word come in as counts, totals and squares."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    true,
)

from hub.store.mart import STAR
from hub.store.sets import AnySelect

Scope = Literal["all", "site", "equipment", "product", "campaign"]
Test = Literal["=", "!=", "in", ">", "within", "known"]
SCOPES: dict[Scope, str] = {
    "site": "site_key",
    "equipment": "equipment_key",
    "product": "material_key",
    "campaign": "campaign_key",
}
"""The column by which the rows of each kind of scope are told apart; `all` needs none."""
_BY_RUNS = frozenset({"fact_batch", "fact_test_result"})
"""Facts of whole batches: they belong to every unit that the batch ran on."""


@dataclass(frozen=True)
class Where:
    """A condition on a column of a fact: `within` compares the absolute value, `known` asks for any value."""

    column: str
    test: Test
    value: Any = None


@dataclass(frozen=True)
class Selection:
    """Rows of a fact view: which column has the day, what is measured (None counts rows), which count."""

    view: str
    day: str
    column: str | None = None
    where: tuple[Where, ...] = ()


@dataclass(frozen=True)
class Span:
    """Days yyyymmdd, both included; None is open."""

    first: int | None = None
    last: int | None = None


@dataclass(frozen=True)
class Sum:
    """What a scope, a word and a day hold: rows, rows without a value, the total of the others."""

    scope: int
    word: str
    day: int
    rows: int
    missing: int
    total: float


@dataclass(frozen=True)
class Value:
    """One measure; `limits` are what a result is held against, lower and upper."""

    scope: int
    word: str
    day: int
    value: float | None
    limits: tuple[float | None, float | None]


def sum_rows(
    connection: Connection,
    selections: Sequence[Selection],
    scope: Scope,
    *,
    span: Span,
    word: str | None = None,
) -> Iterator[tuple[Selection, Sum]]:
    """Give the sums of the rows of each selection; all are of one view and day, which is looked at once.

    `word` is a column to tell rows apart by beside scope and day.
    """
    fact, keys, conditions = _select(selections[0], scope, span=span, word=word)
    hits = [and_(true(), *(_condition(fact, one) for one in each.where)) for each in selections]
    columns: list[ColumnElement[Any]] = []
    for each, hit in zip(selections, hits, strict=True):
        value = fact.c[each.column] if each.column else literal(1.0)
        mine = case((hit, value))
        columns += [func.count(case((hit, 1))), func.count(mine), func.coalesce(func.sum(mine), 0.0)]
    named = [column.label(f"c{number}") for number, column in enumerate(columns)]
    by = [key.element for key in keys]
    query = select(*keys, *named).where(*conditions, or_(*hits)).group_by(*by).order_by(*by)
    for row in connection.execute(query):
        scope_key, said, day, *counted = row
        for number, each in enumerate(selections):
            rows, given, total = counted[3 * number : 3 * number + 3]
            if rows:
                yield each, Sum(scope_key, str(said or ""), day, rows, rows - given, float(total))


def list_values(
    connection: Connection, selection: Selection, scope: Scope, *, span: Span, word: str | None = None
) -> Iterator[Value]:
    """Give the measure of each selected row, in the order of the values."""
    fact, keys, conditions = _select(selection, scope, span=span, word=word)
    conditions += [_condition(fact, one) for one in selection.where]
    value = fact.c[selection.column or ""]
    lower, upper = (fact.c[n] if n in fact.c else null() for n in ("lower", "upper"))
    query = select(*keys, value.label("value"), lower.label("lower"), upper.label("upper"))
    for row in connection.execute(query.where(*conditions).order_by(value)):
        yield Value(row.scope, str(row.word or ""), row.day, row.value, (row.lower, row.upper))


def list_rows(
    connection: Connection,
    selection: Selection,
    scope: Scope,
    *,
    key: int,
    span: Span,
    word: tuple[str, str] | None = None,
    limit: int = 1000,
) -> list[dict[str, Any]]:
    """Give the rows themselves of one scope, all columns, in the order of days: what a figure was made of."""
    fact, keys, conditions = _select(selection, scope, span=span, word=word[0] if word else None)
    wanted = [*conditions, *(_condition(fact, one) for one in selection.where)]
    wanted += [keys[0].element == key] if scope != "all" else []
    if word:
        wanted.append(fact.c[word[0]] == word[1])
    query: AnySelect = select(*fact.c).where(*wanted).order_by(fact.c[selection.day], *list(fact.c)[:1])
    names = [str(column.name) for column in fact.c]
    return [dict(zip(names, row, strict=True)) for row in connection.execute(query.limit(limit))]


def name_scopes(connection: Connection, scope: Scope, keys: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Give code and description of scopes by key."""
    view = {
        "product": "dim_material",
        "campaign": "dim_batch",
        "site": "dim_equipment",
        "equipment": "dim_equipment",
    }
    if scope == "all" or not keys:
        return {}
    dimension = _of(view[scope])
    key = next(iter(dimension.c))
    query = select(key, dimension.c.code, dimension.c.description).where(key.in_(sorted(set(keys))))
    return {row[0]: (row[1], row[2] or "") for row in connection.execute(query)}


@cache
def _of(view: str) -> Subquery:
    """Give a view of the star as a part of queries; it is put together once."""
    return STAR[view]().subquery(view)


def _select(
    selection: Selection, scope: Scope, *, span: Span, word: str | None
) -> tuple[Subquery, list[Any], list[ColumnElement[bool]]]:
    """Give the view, the columns that tell its rows apart, and what they have to fulfil but for `where`."""
    fact = _of(selection.view)
    at = fact.c[selection.day]
    conditions: list[ColumnElement[bool]] = [at.is_not(None)]
    conditions += [at >= span.first] if span.first is not None else []
    conditions += [at <= span.last] if span.last is not None else []
    if scope == "all":
        place: ColumnElement[Any] = literal(0)
    elif scope == "equipment" and selection.view in _BY_RUNS:
        runs = _runs()
        place = runs.c.equipment_key
        conditions.append(runs.c.batch_key == fact.c.batch_key)
    else:
        place = fact.c[SCOPES[scope]]
        conditions.append(place.is_not(None))
    said = fact.c[word] if word else literal("")
    return fact, [place.label("scope"), said.label("word"), at.label("day")], conditions


@cache
def _runs() -> Subquery:
    """Give which batch ran on which unit, once each."""
    phase = _of("fact_phase")
    return (
        select(phase.c.batch_key, phase.c.equipment_key)
        .where(phase.c.equipment_key.is_not(None), phase.c.batch_key.is_not(None))
        .distinct()
        .subquery("runs")
    )


def _condition(fact: Subquery, where: Where) -> ColumnElement[bool]:
    column = fact.c[where.column]
    match where.test:
        case "=":
            return column == where.value
        case "!=":
            return column != where.value
        case "in":
            return column.in_(where.value)
        case ">":
            return column > where.value
        case "within":
            return and_(column >= -where.value, column <= where.value)
        case "known":
            return column.is_not(None)


MOST_SCOPES = 300
"""Scopes of one kind that somebody can choose from."""
_CHOICES: dict[Scope, tuple[str, tuple[str, str] | None]] = {
    "site": ("dim_site", None),
    "equipment": ("dim_equipment", ("fact_phase", "equipment_key")),
    "product": ("dim_material", ("dim_batch", "material_key")),
    "campaign": ("dim_batch", ("dim_batch", "campaign_key")),
}
"""Where scopes of a kind are listed, and the column that tells which of them anything is known of."""


def list_choices(connection: Connection, scope: Scope) -> list[tuple[int, str, str]]:
    """Give key, code and description of the scopes of a kind of which there is anything, by code."""
    if scope == "all":
        return []
    view, known = _CHOICES[scope]
    dimension = _of(view)
    key = next(iter(dimension.c))
    query = select(key, dimension.c.code, dimension.c.description)
    if known is not None:
        used = _of(known[0]).alias("used").c[known[1]]
        query = query.where(key.in_(select(used).where(used.is_not(None))))
    rows = connection.execute(query.order_by(dimension.c.code, key).limit(MOST_SCOPES))
    return [(row[0], row[1], row[2] or "") for row in rows]


def newest_day(connection: Connection) -> int | None:
    """Give the last day (yyyymmdd) on which a batch ended; None when none has."""
    return connection.scalar(select(func.max(_of("fact_batch").c.end_day)))


def name_things(connection: Connection, view: str, keys: Sequence[int]) -> dict[int, tuple[str, str, str]]:
    """Give uid, code and description of rows of a dimension by key."""
    if not keys:
        return {}
    dimension = _of(view)
    key = next(iter(dimension.c))
    query = select(key, dimension.c.uid, dimension.c.code, dimension.c.description)
    rows = connection.execute(query.where(key.in_(sorted(set(keys)))))
    return {row[0]: (row[1], row[2], row[3] or "") for row in rows}
