"""Roles of PostgreSQL for BI tools: they read the mart, nothing else, and only the rows of their sites."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, delete, insert, select

from hub.store.mart.installation import SCHEMA, VIEWS
from hub.store.tables import ENTITY_TABLES, mart_reader
from hub.store.views import VIEWS as BESIDE

READER = "bi_reader"
_LONGEST_S = 60


class NoSuchSite(LookupError):
    """There is no site of that code; see `dim_site`, or the equipment page."""


def write_reader(connection: Connection, role: str = READER) -> Iterator[str]:
    """Give the statements that make a role, if need be, and set its rights anew; a password is set by hand.

    It may only read, its statements end after a minute, and it need not name the schema of the views.
    """
    quote = connection.dialect.identifier_preparer.quote
    name = quote(role)
    database = quote(str(connection.exec_driver_sql("SELECT current_database()").scalar()))
    if not connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).scalar():
        yield f"CREATE ROLE {name} LOGIN"
    yield f"ALTER ROLE {name} SET default_transaction_read_only = on"
    yield f"ALTER ROLE {name} SET statement_timeout = '{_LONGEST_S}s'"
    yield f"ALTER ROLE {name} SET search_path = {SCHEMA}"
    yield f"GRANT CONNECT ON DATABASE {database} TO {name}"
    yield f"GRANT USAGE ON SCHEMA {SCHEMA} TO {name}"
    yield f"GRANT SELECT ON {', '.join(f'{SCHEMA}.{view}' for view in (*VIEWS, *BESIDE))} TO {name}"


def set_sites(connection: Connection, role: str, sites: Sequence[str] | None) -> None:
    """Let a role see the rows of these sites (by code), or of all when None. Raises `NoSuchSite`."""
    equipment = ENTITY_TABLES["equipment"].c
    query = select(equipment.code, equipment.id).where(
        equipment.level == "Site", equipment.code.in_(sites or ())
    )
    known = {row.code: row.id for row in connection.execute(query)}
    unknown = sorted(set(sites or ()) - known.keys())
    if unknown:
        raise NoSuchSite(f"there is no site {', '.join(unknown)}; see the view dim_site, or /equipment")
    connection.execute(delete(mart_reader).where(mart_reader.c.role_name == role))
    shown: list[int | None] = [None] if sites is None else sorted(known.values())
    for site in shown:
        connection.execute(insert(mart_reader).values(role_name=role, site_id=site))
