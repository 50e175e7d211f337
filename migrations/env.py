"""Alembic's entry: one metadata, batch mode on SQLite, derived objects dropped before and restored after."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, inspect

from hub.store.database import Database
from hub.store.guards import install_guards, remove_guards
from hub.store.mart.installation import install_mart, remove_mart
from hub.store.tables import metadata
from hub.store.tables.parts import Json, UtcDateTime
from hub.store.views import install_views, remove_views


def render_item(kind: str, item: Any, autogen_context: AutogenContext) -> str | Literal[False]:
    """Write our column type by its name in generated migrations."""
    if kind == "type" and isinstance(item, Json | UtcDateTime):
        autogen_context.imports.add("from hub.store.tables.parts import Json, UtcDateTime")
        return f"{type(item).__name__}()"
    return False


def run(connection: Connection) -> None:
    """Migrate over this connection."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        compare_type=True,
        transaction_per_migration=False,
    )
    remove_guards(connection)
    remove_mart(connection)
    remove_views(connection)
    context.run_migrations()
    tables = inspect(connection)
    if tables.has_table("source_record") and tables.has_table("audit_event"):
        install_guards(connection)
    install_views(connection)
    install_mart(connection)


bound = context.config.attributes.get("connection")
if bound is not None:
    run(bound)
else:
    database = Database(context.config.get_main_option("sqlalchemy.url") or "sqlite:///plantwide-data/hub.db")
    with database.rebuild() as connection:
        run(connection)
