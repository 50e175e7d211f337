"""What both engines need to know of a column to read it out of an old image."""

from typing import Any

from sqlalchemy import Column, Dialect, TextClause

# The cast around it all keeps the affinity of the column: without, SQLite does not take a union apart.
_FILLED = "CAST(coalesce({value}, {default}) AS {kind})"


def quote(dialect: Dialect, name: str) -> str:
    """Give a name as it is written in SQL."""
    return dialect.identifier_preparer.quote(name)


def name_type(dialect: Dialect, column: Column[Any]) -> str:
    """Give the name of a column's type, as in the statement that made the table."""
    return dialect.type_compiler_instance.process(column.type.dialect_impl(dialect))


def fill(dialect: Dialect, column: Column[Any], value: str) -> str:
    """Give the SQL of a column's value in an image; one that may not be null and is missing has its default.

    It is missing when a later version of the hub added it.
    """
    given: Any = column.server_default
    if column.nullable or given is None:
        return value
    default = given.arg.text if isinstance(given.arg, TextClause) else f"'{given.arg}'"
    return _FILLED.format(value=value, default=default, kind=name_type(dialect, column))
