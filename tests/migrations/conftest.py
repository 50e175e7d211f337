"""A database that was migrated to the newest shape, on each engine."""

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL

from hub.store.database import Database
from hub.store.upgrade import upgrade
from tests.databases import fresh_postgres


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    """A database without a table."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def migrated(empty: Database) -> Database:
    """A database that every migration has passed."""
    upgrade(empty)
    return empty


@pytest.fixture
def second_postgres_url(postgres_server: URL) -> Iterator[str]:
    """URL of another empty PostgreSQL database."""
    with fresh_postgres(postgres_server) as url:
        yield url
