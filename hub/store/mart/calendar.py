"""The calendar: a row a day, from the first day on which anything was planned or happened to the last."""

from typing import Any

from sqlalchemy import ColumnElement, FunctionElement, Integer, String, cast, func, select, true, union_all
from sqlalchemy.ext.compiler import compiles

from hub.store.sets import AnySelect
from hub.store.tables import ENTITY_TABLES, FACT_TABLES

_T, _F = ENTITY_TABLES, FACT_TABLES


class _Date(FunctionElement[str]):
    """The UTC day of an instant as text, `2026-03-01`."""

    inherit_cache = True
    type = String()


class _Next(FunctionElement[str]):
    """The day after such a day."""

    inherit_cache = True
    type = String()


class _IsoYear(FunctionElement[int]):
    """The year to which the ISO 8601 week of such a day belongs."""

    inherit_cache = True
    type = Integer()


class _IsoWeek(FunctionElement[int]):
    """The ISO 8601 week of such a day."""

    inherit_cache = True
    type = Integer()


class _IsoWeekday(FunctionElement[int]):
    """The day of the ISO 8601 week, 1 for Monday."""

    inherit_cache = True
    type = Integer()


def write_dim_time() -> AnySelect:
    """Days, with month, quarter, year and the ISO 8601 week."""
    batch, lot, order = _T["batch"], _T["material_lot"], _T["operations_request"]
    measured = _F["test_result"].c.measured_at
    ends = union_all(
        select(batch.c.actual_start.label("at")),
        select(batch.c.planned_start),
        select(func.coalesce(batch.c.actual_end, batch.c.planned_end)),
        select(func.max(func.coalesce(lot.c.released_at, lot.c.manufactured_at))),
        select(func.min(measured)),
        select(func.max(measured)),
        select(func.min(order.c.created_at)),
        select(func.max(func.coalesce(order.c.due_at, order.c.planned_end))),
    ).subquery("ends")
    bounds = select(_Date(func.min(ends.c.at)).label("first"), _Date(func.max(ends.c.at)).label("last")).cte(
        "bounds"
    )
    # The key is a column of the days themselves: SQLite makes no index for a join on an expression.
    first = select(bounds.c.first.label("date"), _key(bounds.c.first).label("day_key"))
    day = first.where(bounds.c.first.is_not(None)).cte("day", recursive=True)
    following = _Next(day.c.date)
    day = day.union_all(
        select(following, _key(following))
        .select_from(day.join(bounds, true()))
        .where(day.c.date < bounds.c.last)
    )
    date = day.c.date
    month = _number(date, 6, 2)
    return select(
        day.c.day_key,
        date.label("date"),
        _number(date, 1, 4).label("year"),
        ((month + 2) // 3).label("quarter"),
        month.label("month"),
        func.substr(date, 1, 7, type_=String).label("year_month"),
        _IsoYear(date).label("iso_year"),
        _IsoWeek(date).label("iso_week"),
        _IsoWeekday(date).label("iso_weekday"),
    )


def _key(date: ColumnElement[str]) -> ColumnElement[int]:
    return cast(func.replace(date, "-", ""), Integer)


def _number(date: ColumnElement[str], start: int, size: int) -> ColumnElement[int]:
    return cast(func.substr(date, start, size), Integer)


_ON_SQLITE = {
    _Date: "substr({}, 1, 10)",
    _Next: "date({}, '+1 day')",
    _IsoYear: "CAST(strftime('%Y', date({}, '-3 days', 'weekday 4')) AS INTEGER)",
    _IsoWeek: "((CAST(strftime('%j', date({}, '-3 days', 'weekday 4')) AS INTEGER) - 1) / 7 + 1)",
    _IsoWeekday: "((CAST(strftime('%w', {}) AS INTEGER) + 6) % 7 + 1)",
}
_ON_POSTGRESQL = {
    _Date: "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    _Next: "to_char(CAST({} AS date) + 1, 'YYYY-MM-DD')",
    _IsoYear: "CAST(extract(isoyear FROM CAST({} AS date)) AS integer)",
    _IsoWeek: "CAST(extract(week FROM CAST({} AS date)) AS integer)",
    _IsoWeekday: "CAST(extract(isodow FROM CAST({} AS date)) AS integer)",
}


def _spell(kind: type[FunctionElement[Any]], dialect: str, form: str) -> None:
    """Teach an engine how a part of a day is written."""

    def write(element: FunctionElement[Any], compiler: Any, **options: Any) -> str:
        (at,) = (compiler.process(clause, **options) for clause in element.clauses)
        return form.format(at)

    compiles(kind, dialect)(write)


for _kind, _form in _ON_SQLITE.items():
    _spell(_kind, "sqlite", _form)
for _kind, _form in _ON_POSTGRESQL.items():
    _spell(_kind, "postgresql", _form)
