"""Two roles on PostgreSQL: one owns the tables and migrates, the hub's own cannot touch the trail.

The hub's role reads everything, writes what is under audit, adds to what is append-only, lets go of what the
tables let go of, and no more: audit rows are written for it by the owner's trigger functions.
"""

from collections.abc import Iterator

from sqlalchemy import Connection

from hub.store.audited import AUDITED
from hub.store.guards import PROTECTED
from hub.store.mart.installation import SCHEMA
from hub.store.tables import metadata
from hub.store.triggers.trigger import LIMITED

APPLICATION = "plantwide_app"
_READ_ONLY = frozenset({"audit_event", "unit"})
"""Written by triggers, and by migrations."""


class NotTheOwner(Exception):
    """The role does not own the tables, so it cannot upgrade them; use the owner's for that."""


def write_roles(connection: Connection, *, application: str = APPLICATION) -> Iterator[str]:
    """Give the statements that make the application's role, if need be, and set its rights anew."""
    quote = connection.dialect.identifier_preparer.quote
    role = quote(application)
    schema = quote(str(connection.exec_driver_sql("SELECT current_schema()").scalar()))
    database = quote(str(connection.exec_driver_sql("SELECT current_database()").scalar()))
    protected = {table.name for table in PROTECTED}
    names = sorted(metadata.tables)
    if not connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = %s", (application,)).scalar():
        yield f"CREATE ROLE {role} LOGIN"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}"
    yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {role}"
    yield f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"
    # a temporary table hides one of the same name from whoever uses the connection next
    yield f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC"
    noting = ", ".join(f"{schema}.{quote(f'note_{table.name}')}()" for table in AUDITED)
    yield f"REVOKE EXECUTE ON FUNCTION {noting} FROM PUBLIC"
    yield f"GRANT CONNECT ON DATABASE {database} TO {role}"
    yield f"GRANT USAGE ON SCHEMA {schema} TO {role}"
    yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}"
    growing = [quote(name) for name in names if name in protected - _READ_ONLY]
    yield f"GRANT INSERT ON {', '.join(growing)} TO {role}"
    limited = [quote(name) for name in sorted(LIMITED)]
    yield f"GRANT DELETE ON {', '.join(limited)} TO {role}"
    free = [quote(name) for name in names if name not in protected | _READ_ONLY]
    yield f"GRANT INSERT, UPDATE, DELETE ON {', '.join(free)} TO {role}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"
    yield f"REVOKE ALL ON SEQUENCE audit_event_id_seq FROM {role}"
    yield f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}"
    yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {role}"


def owns_tables(connection: Connection) -> bool:
    """Tell whether this role may change the schema; on SQLite there are no roles."""
    if connection.dialect.name == "sqlite":
        return True
    query = (
        "SELECT coalesce(bool_and(pg_has_role(current_user, c.relowner, 'USAGE')), true) FROM pg_class c"
        " WHERE c.relname = %s AND c.relnamespace = current_schema()::regnamespace"
    )
    return bool(connection.exec_driver_sql(query, (AUDITED[0].name,)).scalar())
