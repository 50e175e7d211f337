"""The SQL of the past on PostgreSQL. The instant comes from the setting `plantwide.then`.

`plantwide.late` lists the acts that were stamped before that instant and committed after it.
"""

from sqlalchemy import Dialect, Table

from hub.store.past.columns import fill, name_type, quote

BY_THEN = (
    "({row}.recorded_at <= current_setting('plantwide.then')::timestamptz"
    " AND {row}.recorded_at <> ALL (current_setting('plantwide.late')::timestamptz[]))"
)
_AFTER = (
    "({row}.recorded_at > current_setting('plantwide.then')::timestamptz"
    " OR {row}.recorded_at = ANY (current_setting('plantwide.late')::timestamptz[]))"
)
_ROWS_UNTOUCHED = """SELECT {columns} FROM {name} AS c WHERE NOT EXISTS (
    SELECT FROM audit_event AS e WHERE e.entity_type = '{table}' AND e.entity_id = c.id AND {after})"""
_ROWS_TOUCHED = """SELECT {columns} FROM audit_event AS e
  CROSS JOIN LATERAL json_to_record(e.before::json) AS r({record})
  WHERE e.entity_type = '{table}' AND e.before IS NOT NULL AND {after} AND NOT EXISTS (
    SELECT FROM audit_event AS p WHERE p.entity_type = '{table}' AND p.entity_id = e.entity_id
    AND p.version = e.version - 1 AND {after_p})"""
_ROWS_EACH = """SELECT {columns} FROM {name} AS c
  LEFT JOIN LATERAL (
    SELECT true AS touched, e.before FROM audit_event AS e
    WHERE e.entity_type = '{table}' AND e.entity_id = c.id AND {after} ORDER BY e.version LIMIT 1
  ) AS h ON true
  LEFT JOIN LATERAL json_to_record(h.before::json) AS r({record}) ON true
  WHERE h.touched IS NULL OR h.before IS NOT NULL"""
_COLUMN = "CASE WHEN h.touched IS NULL THEN c.{name} ELSE {value} END AS {name}"


def write_untouched(table: Table, dialect: Dialect) -> str:
    """Give the rows that were not written since."""
    columns = ", ".join(f"c.{quote(dialect, c.name)}" for c in table.columns)
    return _fill(_ROWS_UNTOUCHED, table, dialect, columns=columns)


def write_images(table: Table, dialect: Dialect) -> str:
    """Give the first old image since of each row that was there before."""
    columns = ", ".join(
        f"{fill(dialect, c, f'r.{name}')} AS {name}"
        for c in table.columns
        for name in (quote(dialect, c.name),)
    )
    return _fill(_ROWS_TOUCHED, table, dialect, columns=columns)


def write_each(table: Table, dialect: Dialect) -> str:
    """Give each row that is there and was there, as it was."""
    columns = ", ".join(
        "c.id" if c.primary_key else _COLUMN.format(name=name, value=fill(dialect, c, f"r.{name}"))
        for c in table.columns
        for name in (quote(dialect, c.name),)
    )
    return _fill(_ROWS_EACH, table, dialect, columns=columns)


def _fill(form: str, table: Table, dialect: Dialect, *, columns: str) -> str:
    record = ", ".join(f"{quote(dialect, c.name)} {name_type(dialect, c)}" for c in table.columns)
    return form.format(
        columns=columns,
        name=quote(dialect, table.name),
        table=table.name,
        record=record,
        after=_AFTER.format(row="e"),
        after_p=_AFTER.format(row="p"),
    )
