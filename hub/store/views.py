"""Views for reading with other tools; derived objects, made anew after every migration as triggers are.

Nothing in the hub reads them: answers about the past need the tables themselves. On PostgreSQL they stand in
the schema of the star, where its owner sees them and the readers who see all sites: what sources disagree
about belongs to no site.
"""

from sqlalchemy import Connection, inspect

from hub.store.mart.installation import SCHEMA, name_owner
from hub.store.tables import ENTITY_TABLES, assertion, mart_reader, value_decision

_THINGS = " UNION ALL ".join(
    f"SELECT '{name}' AS entity_type, id, uid, code FROM {name}"  # noqa: S608 - names of our own tables
    for name in ENTITY_TABLES
)
_SETTLED = "a.decision_id IS NOT NULL AND NOT a.is_winner"
VIEWS: dict[str, str] = {
    "v_conflict": f"""
SELECT a.entity_type, a.entity_id, t.uid, t.code, a.attribute,
  CASE WHEN max(CASE WHEN a.in_conflict THEN 1 ELSE 0 END) = 1 THEN 'open' ELSE 'resolved' END AS state,
  count(*) AS sources,
  count(DISTINCT CAST(a.value AS text)) AS distinct_values,
  min(CASE WHEN a.is_winner THEN s.code END) AS counts,
  max(d.decided_by) AS decided_by,
  max(d.decided_at) AS decided_at,
  max(d.reason) AS reason
FROM (
  SELECT DISTINCT a.entity_type, a.entity_id, a.attribute FROM assertion a
  WHERE a.superseded_at IS NULL AND (a.in_conflict OR ({_SETTLED}))
) k
JOIN assertion a ON a.entity_type = k.entity_type AND a.entity_id = k.entity_id
  AND a.attribute = k.attribute AND a.superseded_at IS NULL
JOIN source_system s ON s.id = a.source_system_id
JOIN ({_THINGS}) t ON t.entity_type = a.entity_type AND t.id = a.entity_id
LEFT JOIN value_decision d ON d.id = a.decision_id
GROUP BY a.entity_type, a.entity_id, t.uid, t.code, a.attribute
""",  # noqa: S608 - as above
}
"""`v_conflict`: one row an attribute about which sources disagree, or disagreed until a person decided."""


def install_views(connection: Connection) -> None:
    """Create the views, where the tables have all that they read."""
    remove_views(connection)
    if not _is_there(connection):
        return
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    for name, query in VIEWS.items():
        connection.exec_driver_sql(_write(connection, name, query), execution_options={"no_parameters": True})


def remove_views(connection: Connection) -> None:
    """Drop the views, so that a migration can change what they read."""
    for name in VIEWS:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")  # where they stood before, too
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {SCHEMA}.{name}")


def has_views(connection: Connection) -> bool:
    """Tell whether the views stand where they belong."""
    schema = SCHEMA if connection.dialect.name == "postgresql" else None
    return set(VIEWS) <= set(inspect(connection).get_view_names(schema))


def _write(connection: Connection, name: str, query: str) -> str:
    if connection.dialect.name != "postgresql":
        return f"CREATE VIEW {name} AS {query}"
    return (
        f"CREATE VIEW {SCHEMA}.{name} WITH (security_barrier) AS SELECT x.* FROM ({query}) x"  # noqa: S608 - our own text
        f" WHERE (SELECT pg_has_role(current_user, {name_owner(connection)}, 'USAGE')) OR EXISTS"
        f" (SELECT 1 FROM {mart_reader.name} m WHERE m.role_name = current_user AND m.site_id IS NULL)"
    )


def _is_there(connection: Connection) -> bool:
    """Tell whether the tables are as new as the views: at an older revision they are not."""
    tables = inspect(connection)
    there = set(tables.get_table_names())
    wanted = {*ENTITY_TABLES, assertion.name, value_decision.name, mart_reader.name, "source_system"}
    return wanted <= there and any(c["name"] == "decision_id" for c in tables.get_columns(assertion.name))
