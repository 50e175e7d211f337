"""Create and drop the star; on PostgreSQL a schema of its own, where each reader sees its sites."""

import hashlib

from sqlalchemy import Connection, Dialect, inspect

from hub.store.mart import STAR
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, kpi_value, lot_genealogy, mart_reader

SCHEMA = "mart"
SHARED = frozenset({"dim_time", "dim_material", "dim_recipe", "dim_segment"})
"""Views that all sites share; of the others a reader sees the rows of its own sites (`site_key`)."""
VIEWS = tuple(STAR)
"""The names of the views."""


_WRITTEN: dict[str, dict[str, str]] = {}


def write_views(dialect: Dialect) -> dict[str, str]:
    """Give the statement of each view by name; they are written once for each kind of database."""
    if dialect.name not in _WRITTEN:
        _WRITTEN[dialect.name] = {
            name: str(write().compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
            for name, write in STAR.items()
        }
    return _WRITTEN[dialect.name]


def install_mart(connection: Connection) -> None:
    """Create the views, where the tables have all that they read."""
    remove_mart(connection)
    if not _can_install(connection):
        return
    views = write_views(connection.dialect)
    if connection.dialect.name == "sqlite":
        for name, query in views.items():
            _run(connection, _on_sqlite(name, query))
        return
    _run(connection, f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    owner = name_owner(connection)
    for name, query in views.items():
        _run(connection, _on_postgresql(name, query, owner))
    _run(connection, f"COMMENT ON SCHEMA {SCHEMA} IS '{_digest(views)}'")
    _let_in_again(connection)


def remove_mart(connection: Connection) -> None:
    """Drop the views, so that a migration can change what they read."""
    schema = "" if connection.dialect.name == "sqlite" else f"{SCHEMA}."
    if (
        schema
        and not connection.exec_driver_sql(
            "SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,)
        ).scalar()
    ):
        return
    for name in VIEWS:
        _run(connection, f"DROP VIEW IF EXISTS {schema}{name}")


def is_mart_current(connection: Connection) -> bool:
    """Tell whether the views that stand are those of this code."""
    views = write_views(connection.dialect)
    if connection.dialect.name == "postgresql":
        query = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s"
        return connection.exec_driver_sql(query, (SCHEMA,)).scalar() == _digest(views)
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'view'")
    standing = {row.name: row.sql for row in rows}
    return all(standing.get(name) == _on_sqlite(name, query) for name, query in views.items())


def _on_sqlite(name: str, query: str) -> str:
    return f"CREATE VIEW {name} AS {query}"


def _on_postgresql(name: str, query: str, owner: str) -> str:
    """Show a reader its sites; a barrier, so that no function of a reader sees a row before it is judged.

    The owner's roles see all, so do readers that are registered without a site. Others see nothing.
    """
    if name in SHARED:
        return f"CREATE VIEW {SCHEMA}.{name} AS {query}"
    mine = f"FROM {mart_reader.name} m WHERE m.role_name = current_user"
    return (
        f"CREATE VIEW {SCHEMA}.{name} WITH (security_barrier) AS SELECT x.* FROM ({query}) x"  # noqa: S608 - our own text
        f" WHERE (SELECT pg_has_role(current_user, {owner}, 'USAGE'))"
        f" OR EXISTS (SELECT 1 {mine} AND m.site_id IS NULL) OR x.site_key IN (SELECT m.site_id {mine})"
    )


def name_owner(connection: Connection) -> str:
    """Give the role whose the views are, as a text of SQL."""
    owner = str(connection.exec_driver_sql("SELECT current_user").scalar())
    return "'" + owner.replace("'", "''") + "'"


def _let_in_again(connection: Connection) -> None:
    """Grant the views to the roles that were let in: a view that is dropped takes its grants with it."""
    quote = connection.dialect.identifier_preparer.quote
    readers = connection.exec_driver_sql(
        f"SELECT DISTINCT m.role_name FROM {mart_reader.name} m JOIN pg_roles r ON r.rolname = m.role_name"  # noqa: S608 - our own names
        f" WHERE has_schema_privilege(r.oid, '{SCHEMA}', 'USAGE')"
    ).scalars()
    views = connection.exec_driver_sql(
        "SELECT viewname FROM pg_views WHERE schemaname = %s AND viewowner = current_user", (SCHEMA,)
    ).scalars()
    listed = ", ".join(f"{SCHEMA}.{quote(view)}" for view in views)
    for reader in readers:
        _run(connection, f"GRANT SELECT ON {listed} TO {quote(reader)}")


def _digest(views: dict[str, str]) -> str:
    text = "\n".join(f"{name}: {query}" for name, query in views.items()) + repr(sorted(SHARED))
    return "plantwide mart " + hashlib.sha256(text.encode()).hexdigest()


def _can_install(connection: Connection) -> bool:
    """Tell whether the tables are as new as the views: at an older revision they are not."""
    tables = inspect(connection)
    wanted = [*ENTITY_TABLES.values(), *FACT_TABLES.values(), lot_genealogy, kpi_value, mart_reader]
    there = set(tables.get_table_names())
    return all(
        t.name in there and {c.name for c in t.columns} <= {c["name"] for c in tables.get_columns(t.name)}
        for t in wanted
    )


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
