"""The one place where a query meets the past: each table it reads from is written as it was."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, ClauseElement
from sqlalchemy.sql.selectable import Join

from hub.store.past.rows import by_key, is_kept, known_by_then, whole
from hub.store.tables import audit_event, sample_hot, sample_lake, sample_put, unit

_TIMELESS = frozenset({unit.name, sample_hot.name, sample_lake.name})
"""Tables without a past: units come with the program, and of samples those count whose put was known."""
_BY_TIME = frozenset({audit_event.name, sample_put.name})
"""Append-only tables whose rows say themselves when they were recorded."""


class NotKept(LookupError):
    """The hub does not keep earlier states of this; ask without an instant, or for what is under audit."""

    def __init__(self, what: str) -> None:
        super().__init__(f"earlier states of {what} are not kept")
        self.what = what


class PastCompiler:
    """Mixed into a dialect's own compiler; `read_from` names the tables that a statement reads."""

    looks_up = True
    """Whether rows joined by their key may be looked up one by one: not when some were deleted since."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.read_from: set[str] = set()
        self._by_key: set[Any] = set()
        super().__init__(*args, **options)

    def visit_join(self, join: Join, **options: Any) -> str:
        """Note whether the right side is looked up by its key."""
        if self.looks_up and _is_by_key(join):
            self._by_key.add(join.right)
        mixed: Any = super()
        return mixed.visit_join(join, **options)

    def visit_table(self, table: Table, **options: Any) -> str:
        """Write a table to read from as it was. Raises `NotKept`."""
        mixed: Any = super()
        name: str = mixed.visit_table(table, **options)
        if not options.get("asfrom"):
            return name
        alias: Any = options.get("enclosing_alias")
        is_aliased = alias is not None and alias.element is table
        rows = self._write(table, alias if is_aliased else table)
        return rows if is_aliased or rows == name else f"{rows} AS {name}"

    def visit_textclause(self, textclause: ClauseElement, **options: Any) -> str:
        """Refuse a statement that is text: nobody can tell what it reads from."""
        mixed: Any = self
        if not mixed.stack:
            raise NotKept("what a statement written as text reads")
        above: Any = super()
        return above.visit_textclause(textclause, **options)

    def _write(self, table: Table, as_named: Any) -> str:
        dialect: Any = vars(self)["dialect"]
        self.read_from.add(table.name)
        if table.name in _BY_TIME:
            return known_by_then(table, dialect)
        if is_kept(table):
            return by_key(table, dialect) if as_named in self._by_key else whole(table, dialect)
        if table.name in _TIMELESS:
            return dialect.identifier_preparer.quote(table.name)
        raise NotKept(table.name)


def _is_by_key(join: Join) -> bool:
    """Tell whether a join asks its right side for rows by their key."""
    right: Any = join.right
    return any(
        term.operator is operators.eq
        and any(
            getattr(side, "table", None) is right and getattr(side, "primary_key", False)
            for side in (term.left, term.right)
        )
        for term in _terms(join.onclause)
    )


def _terms(condition: Any) -> Iterator[Any]:
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for part in condition.clauses:
            yield from _terms(part)
    elif isinstance(condition, BinaryExpression):
        yield condition
