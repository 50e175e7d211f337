"""Alembic's entry: one metadata, batch mode on SQLite, derived objects dropped before and restored after."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from hub.store.database import Database
from hub.store.tables import metadata
from hub.store.tables.parts import Json, UtcDateTime
from hub.store.upgrade import install_derived, remove_derived


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
    remove_derived(connection)
    context.run_migrations()
    install_derived(connection)


bound = context.config.attributes.get("connection")
if bound is not None:
    run(bound)
else:
    database = Database(context.config.get_main_option("sqlalchemy.url") or "sqlite:///plantwide-data/hub.db")
    with database.rebuild() as connection:
        run(connection)
