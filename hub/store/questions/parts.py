"""Parts of an instant that the engines spell differently: its UTC day as text, its year, month or hour."""

from typing import Any

from sqlalchemy import FunctionElement, Integer, String
from sqlalchemy.ext.compiler import compiles


class DayText(FunctionElement[str]):
    """The UTC day of an instant as `2026-03-01`."""

    inherit_cache = True
    type = String()


class Part(FunctionElement[int]):
    """A whole number that stands in the ISO form of an instant: from which place on, how many signs."""

    inherit_cache = True
    type = Integer()


@compiles(DayText, "sqlite")
def _day_on_sqlite(element: DayText, compiler: Any, **options: Any) -> str:
    (at,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"substr({at}, 1, 10)"


@compiles(DayText, "postgresql")
def _day_on_postgresql(element: DayText, compiler: Any, **options: Any) -> str:
    (at,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"to_char({at} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


@compiles(Part, "sqlite")
def _part_on_sqlite(element: Part, compiler: Any, **options: Any) -> str:
    at, start, size = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(substr({at}, {start}, {size}) AS INTEGER)"


@compiles(Part, "postgresql")
def _part_on_postgresql(element: Part, compiler: Any, **options: Any) -> str:
    at, start, size = (compiler.process(clause, **options) for clause in element.clauses)
    text = f"to_char({at} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
    return f"CAST(substr({text}, CAST({start} AS integer), CAST({size} AS integer)) AS integer)"
