"""What a database looks like, in a form that two databases can be compared by."""

import re
from typing import Any

from sqlalchemy import Connection, Inspector, inspect

Shape = dict[str, dict[str, Any]]


def read_shape(connection: Connection) -> Shape:
    """Each table and view with its columns, keys, checks, indexes and triggers, without Alembic's own table."""
    inspector = inspect(connection)
    tables = {name: _read_table(inspector, name) for name in inspector.get_table_names()}
    tables.pop("alembic_version", None)
    views = {name: {"view": inspector.get_view_definition(name)} for name in inspector.get_view_names()}
    return tables | views | {"triggers": _read_triggers(connection)}


def _read_table(inspector: Inspector, table: str) -> dict[str, Any]:
    dialect = inspector.bind.dialect
    columns = {
        column["name"]: (column["type"].compile(dialect), column["nullable"], column["default"])
        for column in inspector.get_columns(table)
    }
    return {
        "columns": columns,
        "primary key": inspector.get_pk_constraint(table),
        "foreign keys": _by_name(inspector.get_foreign_keys(table)),
        "unique": _by_name(inspector.get_unique_constraints(table)),
        "checks": _by_name(inspector.get_check_constraints(table)),
        "indexes": _by_name(inspector.get_indexes(table)),
    }


def _by_name(constraints: Any) -> dict[str, Any]:
    """Constraints as text, because reflected SQL expressions do not compare."""
    return {constraint["name"]: _as_text(constraint) for constraint in constraints}


def _as_text(value: Any) -> Any:
    return {key: _as_text(part) for key, part in value.items()} if isinstance(value, dict) else str(value)


def _read_triggers(connection: Connection) -> dict[str, Any]:
    query = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        if connection.dialect.name == "sqlite"
        else "SELECT tgname, pg_get_triggerdef(oid) || ' ' || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal"
    )
    return {row[0]: _in_any_order(row[1]) for row in connection.exec_driver_sql(query)}


def _in_any_order(statement: str) -> list[str]:
    """Words sorted: a trigger names the columns in the order in which the table was given them."""
    return sorted(re.findall(r"\w+", statement))
