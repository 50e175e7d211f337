"""The way of the migrations, one after the other: up, and down again."""

from alembic import command
from alembic.script import Script, ScriptDirectory

from hub.store.database import Database
from hub.store.upgrade import alembic_config, upgrade

SCRIPTS = ScriptDirectory.from_config(alembic_config())


def list_steps() -> list[Script]:
    """Revisions from the oldest to the newest."""
    return list(SCRIPTS.walk_revisions())[::-1]


def climb(database: Database) -> None:
    """Take every step, also where nothing is yet."""
    upgrade(database, list_steps()[-1].revision)


def downgrade(database: Database, revision: str) -> None:
    """Give migrations back down to a revision."""
    with database.rebuild() as connection:
        command.downgrade(alembic_config(connection), revision)
