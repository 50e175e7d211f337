"""The rows of a table as they were at an instant, as SQL: those untouched since, old images of the others.

Each audited table can be written in two ways. `whole` is a union; a condition on it reaches the indexes of
both its halves. `by_key` is the table itself, each column taken from the old image where there is one: no
planner looks up a row of a union by its key inside an outer join, but any does it here.
"""

from functools import cache

from sqlalchemy import Dialect, LargeBinary, Table

from hub.store.audited import AUDITED
from hub.store.past import postgresql, sqlite
from hub.store.past.columns import quote

REPLACED = frozenset({"coverage", "lot_genealogy", "scheme_group"})
"""Tables whose rows come and go, and that nobody looks up by key: they are always read whole."""
_NAMES = frozenset(t.name for t in AUDITED)
_KNOWN = "(SELECT c.* FROM {name} AS c WHERE {by_then})"


def is_kept(table: Table) -> bool:
    """Tell whether every earlier state of a table can be shown: it is audited."""
    return table.name in _NAMES


def has_bytes(table: Table) -> bool:
    """Tell whether a table holds bytes: of those an old image has only the digest."""
    return any(isinstance(column.type, LargeBinary) for column in table.columns)


@cache
def whole(table: Table, dialect: Dialect) -> str:
    """Give the SQL of all rows of a table as they were; with bytes, only of those untouched since."""
    engine = sqlite if dialect.name == "sqlite" else postgresql
    if has_bytes(table):
        return f"({engine.write_untouched(table, dialect)})"
    return f"({engine.write_untouched(table, dialect)} UNION ALL {engine.write_images(table, dialect)})"


@cache
def by_key(table: Table, dialect: Dialect) -> str:
    """Give the SQL of a table's rows as they were, without those that were deleted since."""
    if has_bytes(table) or table.name in REPLACED:
        return whole(table, dialect)
    engine = sqlite if dialect.name == "sqlite" else postgresql
    return f"({engine.write_each(table, dialect)})"


@cache
def known_by_then(table: Table, dialect: Dialect) -> str:
    """Give the SQL of the rows of an append-only table with `recorded_at` that were there."""
    engine = sqlite if dialect.name == "sqlite" else postgresql
    return _KNOWN.format(name=quote(dialect, table.name), by_then=engine.BY_THEN.format(row="c"))
