"""The questions of this hub in DuckDB's words: where a view of the star is asked for, its files are read."""

from typing import Any

import duckdb_engine
from sqlalchemy.ext.compiler import compiles

from hub.store.mart import STAR
from hub.store.questions.collections import find_collection
from hub.store.questions.parts import DayText, Part

_driver: Any = duckdb_engine
_theirs: Any = duckdb_engine.Dialect


class StarConnection(_driver.ConnectionWrapper):
    """A connection to DuckDB with cursors that do not wait for one another's last row."""

    def __init__(self, base: Any) -> None:
        theirs: Any = super()
        theirs.__init__(base)
        self.base = base

    def cursor(self) -> Any:
        """Give a cursor of its own."""
        return _driver.CursorWrapper(self.base.cursor(), self)


class StarCompiler(_theirs.statement_compiler):
    """Writes the name of a view where its whole query stands: the files hold what that query gives."""

    def visit_alias(self, alias: Any, **options: Any) -> Any:
        """Write a view of the star by its name, anything else as SQLAlchemy does."""
        name = _views().get(id(alias.element))
        if name is None or not options.get("asfrom"):
            theirs: Any = super()
            return theirs.visit_alias(alias, **options)
        return self.preparer.quote(name)


class StarPreparer(_theirs.preparer):
    """Quotes every name: which words DuckDB keeps for itself (`at` is one) moves with its versions."""

    def _requires_quotes(self, value: str) -> bool:
        return bool(value)


class StarDialect(_theirs):
    """DuckDB over the files of the star."""

    statement_compiler = StarCompiler
    preparer = StarPreparer
    supports_statement_cache = True

    def initialize(self, connection: Any) -> None:
        """Ask nothing of the database before the first question: there is nothing to find out."""


def _views() -> dict[int, str]:
    """Give the name of each view by the query that a question puts in its place."""
    if not _named:
        for name in STAR:
            table: Any = find_collection(name).table
            _named[id(table.element)] = name
    return _named


_named: dict[int, str] = {}


@compiles(DayText, "duckdb")
def _day_on_duckdb(element: DayText, compiler: Any, **options: Any) -> str:
    (at,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"strftime({at}, '%Y-%m-%d')"


@compiles(Part, "duckdb")
def _part_on_duckdb(element: Part, compiler: Any, **options: Any) -> str:
    at, start, size = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(substr(strftime({at}, '%Y-%m-%d %H:%M:%S'), {start}, {size}) AS BIGINT)"
