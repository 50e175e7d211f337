"""Sums over the facts: rows of a fact by scope, day and word come in as counts, totals and squares."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
    true,
)

from hub.store.mart import STAR
from hub.store.mart.functions import day
from hub.store.sets import AnySelect

Scope = Literal["all", "site", "equipment", "product", "campaign"]
Test = Literal["=", "!=", "in", ">", "within", "known", "past"]
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
    """A condition on a column of a fact: `within` compares the absolute value, `known` asks for any value.

    `past` asks for an instant that had come when the newest of what is read became known.
    """

    column: str
    test: Test
    value: Any = None


@dataclass(frozen=True)
class Selection:
    """Rows of a fact view: which column has the day, what is measured (None counts rows), which count.

    Rows that last say by `spread` from when to when: what is measured lies evenly between, and each period
    has its part of it. `product` is the column by which products are told apart.
    """

    view: str
    day: str
    column: str | None = None
    where: tuple[Where, ...] = ()
    spread: tuple[str, str] | None = None
    product: str = SCOPES["product"]

    @property
    def look(self) -> tuple[str, str, tuple[str, str] | None, str]:
        """What selections have in common that are read in one go."""
        return self.view, self.day, self.spread, self.product


@dataclass(frozen=True)
class Span:
    """Days yyyymmdd, both included; None is open. Of what lasts, nothing counts that lies after `now`."""

    first: int | None = None
    last: int | None = None
    now: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether all days are in it."""
        return self.first is None and self.last is None

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """From when to when that is; the end is out."""
        begin = _FIRST if self.first is None else _begin(self.first)
        end = _LAST if self.last is None or self.last >= _LAST_DAY else _begin(self.last) + timedelta(days=1)
        return begin, end if self.now is None else min(end, self.now)


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_LAST_DAY = 9999_12_31
_UNDATED: Mapping[tuple[str, str], tuple[Where, ...]] = {
    ("fact_batch", "start_day"): (Where("has_started", "=", 1),),
    ("fact_batch", "end_day"): (Where("has_ended", "=", 1),),
    ("fact_batch", "release_day"): (Where("accepted", "=", 1),),
    ("fact_phase", "start_day"): (Where("has_started", "=", 1),),
    ("fact_material_movement", "day"): (),
    ("fact_test_result", "done_day"): (),
}
"""Rows without such a day of which one is sure that there was one: a batch that still runs has no end, but a
result was got some day."""


@dataclass(frozen=True)
class Sum:
    """What a scope, a word and a day hold: rows, rows without a value, the total of the others.

    `day` is None of rows that do not say it. `reach` is from when to when rows last that do not lie within
    one day; its end is None of those that go on.
    """

    scope: int
    word: str
    day: int | None
    rows: int
    missing: int
    total: float
    reach: tuple[datetime, datetime | None] | None = None


@dataclass(frozen=True)
class Value:
    """One measure; `limits` are what a result is held against, lower and upper."""

    scope: int
    word: str
    day: int | None
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
    """Give the sums of the rows of each selection; all have one `look`, so that the view is read once.

    `word` is a column to tell rows apart by beside scope and day.
    """
    fact, keys, conditions = _select(selections[0], scope, span=span, word=word)
    reaches = _reach(fact, selections[0], span)
    hits = [and_(true(), *(_condition(fact, one, span) for one in each.where)) for each in selections]
    columns: list[ColumnElement[Any]] = []
    for each, hit in zip(selections, hits, strict=True):
        value = fact.c[each.column] if each.column else literal(1.0)
        mine = case((hit, value))
        columns += [func.count(case((hit, 1))), func.count(mine), func.coalesce(func.sum(mine), 0.0)]
    named = [column.label(f"c{number}") for number, column in enumerate(columns)]
    by = [key.element for key in (*keys, *reaches)]
    query = select(*keys, *reaches, *named).where(*conditions, or_(*hits)).group_by(*by).order_by(*by)
    for row in connection.execute(query):
        scope_key, said, at, *rest = row
        (start, end), counted = (rest[:2], rest[2:]) if reaches else ((None, None), rest)
        reach = None if start is None else (start, end)
        for number, each in enumerate(selections):
            rows, given, total = counted[3 * number : 3 * number + 3]
            if rows:
                yield each, Sum(scope_key, str(said or ""), at, rows, rows - given, float(total), reach)


def list_values(
    connection: Connection, selection: Selection, scope: Scope, *, span: Span, word: str | None = None
) -> Iterator[Value]:
    """Give the measure of each selected row, in the order of the values."""
    fact, keys, conditions = _select(selection, scope, span=span, word=word)
    conditions += [_condition(fact, one, span) for one in selection.where]
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
    """Give the rows themselves of one scope, all columns, in the order of days: what a figure was made of.

    Those without a day come first. Of rows that last, `counted` is what of the measure lies in the span.
    """
    fact, keys, conditions = _select(selection, scope, span=span, word=word[0] if word else None)
    wanted = [*conditions, *(_condition(fact, one, span) for one in selection.where)]
    wanted += [keys[0].element == key] if scope != "all" else []
    if word:
        said = fact.c[word[0]]
        wanted.append(said == word[1] if word[1] else or_(said == "", said.is_(None)))
    at = fact.c[selection.day]
    query: AnySelect = select(*fact.c).where(*wanted).order_by(at.is_not(None), at, *list(fact.c)[:1])
    names = [str(column.name) for column in fact.c]
    rows = [dict(zip(names, row, strict=True)) for row in connection.execute(query.limit(limit))]
    return [_count(row, selection, span) for row in rows]


def _count(row: dict[str, Any], selection: Selection, span: Span) -> dict[str, Any]:
    if selection.spread is None or selection.column is None:
        return row
    start, end = (row[name] for name in selection.spread)
    value = row[selection.column]
    counted = None if value is None or end is None else value * find_share((start, end), span.bounds)
    return {**row, "counted": counted}


def find_share(stretch: tuple[datetime, datetime], bounds: tuple[datetime, datetime]) -> float:
    """Give which part of a stretch of time lies within bounds; of one without length all, or nothing."""
    start, end = stretch
    begin, until = bounds
    if start == end:
        return float(begin <= start < until)
    inside = min(end, until) - max(start, begin)
    return max(inside / (end - start), 0.0)


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
    conditions = [_is_in(fact, selection, span)]
    if scope == "all":
        place: ColumnElement[Any] = literal(0)
    elif scope == "equipment" and selection.view in _BY_RUNS:
        runs = _runs()
        place = runs.c.equipment_key
        conditions.append(runs.c.batch_key == fact.c.batch_key)
    else:
        place = fact.c[selection.product if scope == "product" else SCOPES[scope]]
        conditions.append(place.is_not(None))
    said = fact.c[word] if word else literal("")
    at = fact.c[selection.day]
    return fact, [place.label("scope"), said.label("word"), at.label("day")], conditions


def _is_in(fact: Subquery, selection: Selection, span: Span) -> ColumnElement[bool]:
    """Let rows through that lie or reach into the span, and those of which nobody says when they were."""
    at = fact.c[selection.day]
    dated = [at.is_not(None)]
    dated += [at <= span.last] if span.last is not None else []
    if selection.spread is None:
        dated += [at >= span.first] if span.first is not None else []
    else:
        start, end = (fact.c[name] for name in selection.spread)
        dated += [or_(end.is_(None), day(end) >= span.first)] if span.first is not None else []
        dated += [start <= span.now] if span.now is not None else []
    undated = _UNDATED.get((selection.view, selection.day))
    if undated is None:
        return and_(*dated)
    return or_(and_(*dated), and_(at.is_(None), *(_condition(fact, one, span) for one in undated)))


def _reach(fact: Subquery, selection: Selection, span: Span) -> list[Any]:
    """Give begin and end of each row that does not lie within one day before now; null of the others."""
    if selection.spread is None:
        return []
    start, end = (fact.c[name] for name in selection.spread)
    lasts = [end.is_(None), day(end) > fact.c[selection.day]]
    if span.now is not None:
        # Written into the statement: PostgreSQL does not see that two parameters are equal, as GROUP BY asks.
        today = span.now.year * 10_000 + span.now.month * 100 + span.now.day
        lasts.append(day(end) >= bindparam("today", today, literal_execute=True))
    return [case((or_(*lasts), at)).label(f"reach_{at.name}") for at in (start, end)]


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


def _condition(fact: Subquery, where: Where, span: Span) -> ColumnElement[bool]:
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
        case "past":
            return column.is_not(None) if span.now is None else column <= span.now


def _begin(number: int) -> datetime:
    return datetime(number // 10_000, number // 100 % 100, number % 100, tzinfo=UTC)


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
