"""The SQL of the past on SQLite. The instant comes from the function `plantwide_then()`."""

from typing import Any

from sqlalchemy import Column, Dialect, Float, Table

from hub.store.past.columns import fill, name_type, quote

BY_THEN = "{row}.recorded_at <= plantwide_then()"

_UNTOUCHED = """coalesce((
    SELECT e.recorded_at FROM audit_event AS e
    WHERE e.entity_type = '{table}' AND e.entity_id = c.id ORDER BY e.version DESC LIMIT 1
  ) <= plantwide_then(), 1)"""
# The sign before an instant keeps SQLite from walking everything that came later: a row's versions are few.
_IMAGE = """(
    SELECT e.before FROM audit_event AS e WHERE e.entity_type = '{table}' AND e.entity_id = c.id
    AND +e.recorded_at > plantwide_then() ORDER BY e.version LIMIT 1)"""
_ROWS_UNTOUCHED = "SELECT {columns} FROM {name} AS c WHERE {untouched}"
_ROWS_TOUCHED = """SELECT {columns} FROM audit_event AS e
  WHERE e.entity_type = '{table}' AND e.before IS NOT NULL AND e.recorded_at > plantwide_then()
  AND NOT EXISTS (
    SELECT 1 FROM audit_event AS p WHERE p.entity_type = '{table}' AND p.entity_id = e.entity_id
    AND p.version = e.version - 1 AND +p.recorded_at > plantwide_then())"""
_ROWS_EACH = "SELECT {columns} FROM {name} AS c WHERE {untouched} OR {image} IS NOT NULL"
_COLUMN = "CASE WHEN {untouched} THEN c.{name} ELSE {value} END AS {name}"
_VALUE = "CAST(json_extract({image}, '$.\"{name}\"') AS {kind})"
# SQLite prints and parses doubles inexactly.
_DOUBLE = "CAST(plantwide_double({image}, '{name}') AS {kind})"


def write_untouched(table: Table, dialect: Dialect) -> str:
    """Give the rows that were not written since."""
    return _ROWS_UNTOUCHED.format(
        columns=", ".join(f"c.{quote(dialect, c.name)}" for c in table.columns),
        name=quote(dialect, table.name),
        untouched=_UNTOUCHED.format(table=table.name),
    )


def write_images(table: Table, dialect: Dialect) -> str:
    """Give the first old image since of each row that was there before."""
    columns = ", ".join(
        f"{'e.entity_id' if c.primary_key else _read(dialect, c, 'e.before')} AS {quote(dialect, c.name)}"
        for c in table.columns
    )
    return _ROWS_TOUCHED.format(columns=columns, table=table.name)


def write_each(table: Table, dialect: Dialect) -> str:
    """Give each row that is there and was there, as it was."""
    image, untouched = _IMAGE.format(table=table.name), _UNTOUCHED.format(table=table.name)
    columns = ", ".join(
        "c.id"
        if c.primary_key
        else _COLUMN.format(untouched=untouched, name=quote(dialect, c.name), value=_read(dialect, c, image))
        for c in table.columns
    )
    return _ROWS_EACH.format(
        columns=columns, name=quote(dialect, table.name), untouched=untouched, image=image
    )


def _read(dialect: Dialect, column: Column[Any], image: str) -> str:
    """Give a column's value in an image, of the column's own type."""
    form = _DOUBLE if isinstance(column.type, Float) else _VALUE
    value = form.format(image=image, name=column.name, kind=name_type(dialect, column))
    return fill(dialect, column, value)
