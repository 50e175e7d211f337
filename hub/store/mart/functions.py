"""SQL that the two engines spell differently: seconds between instants, days, truth values, paths."""

from typing import Any

from sqlalchemy import ColumnElement, Float, FunctionElement, Integer, String, case, func
from sqlalchemy.ext.compiler import compiles


class Seconds(FunctionElement[float]):
    """Seconds from one instant to another, to the microsecond, as a double; null when one is missing."""

    inherit_cache = True
    type = Float(53)


class Day(FunctionElement[int]):
    """The UTC day of an instant as the whole number yyyymmdd."""

    inherit_cache = True
    type = Integer()


def seconds(start: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[float]:
    """Give the seconds between two instants."""
    return Seconds(start, end)


def day(at: ColumnElement[Any]) -> ColumnElement[int]:
    """Give the day of an instant."""
    return Day(at)


def truth(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Give 1 where a condition holds, else 0: a boolean comes out differently of the two engines."""
    return case((condition, 1), else_=0)


def starts(whole: ColumnElement[str], beginning: ColumnElement[str]) -> ColumnElement[bool]:
    """Tell whether a path lies at another or under it."""
    return func.substr(whole, 1, func.length(beginning), type_=String) == beginning


@compiles(Seconds, "sqlite")
def _seconds_on_sqlite(element: Seconds, compiler: Any, **options: Any) -> str:
    """Instants are text of fixed width; whole seconds and microseconds are subtracted apart, both exactly."""
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    whole = f"(CAST(strftime('%s', {end}) AS INTEGER) - CAST(strftime('%s', {start}) AS INTEGER))"
    return f"({whole} + (CAST(substr({end}, 21, 6) AS REAL) - CAST(substr({start}, 21, 6) AS REAL)) / 1e6)"


@compiles(Seconds, "postgresql")
def _seconds_on_postgresql(element: Seconds, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(extract(epoch FROM ({end} - {start})) AS double precision)"


@compiles(Day, "sqlite")
def _day_on_sqlite(element: Day, compiler: Any, **options: Any) -> str:
    (at,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(replace(substr({at}, 1, 10), '-', '') AS INTEGER)"


@compiles(Day, "postgresql")
def _day_on_postgresql(element: Day, compiler: Any, **options: Any) -> str:
    (at,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(to_char({at} AT TIME ZONE 'UTC', 'YYYYMMDD') AS integer)"
