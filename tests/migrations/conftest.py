"""A database that was migrated step by step to the newest shape, on each engine."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from hub.store.database import Database
from tests.databases import ENGINES, fresh_postgres
from tests.migrations.steps import climb


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    """A database without a table."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture(scope="module", params=ENGINES)
def climbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a database that every migration has passed, to be looked at and copied."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('climbed') / 'hub.db'}"
        else:
            url = stack.enter_context(fresh_postgres(request.getfixturevalue("postgres_server")))
        database = Database(url)
        climb(database)
        database.close()
        yield url


@pytest.fixture
def migrated(climbed: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A copy of it, of this test's own."""
    with ExitStack() as stack:
        there = make_url(climbed)
        if there.drivername == "sqlite":
            shutil.copyfile(there.database or "", tmp_path / "hub.db")
            url = f"sqlite:///{tmp_path / 'hub.db'}"
        else:
            server: URL = request.getfixturevalue("postgres_server")
            url = stack.enter_context(fresh_postgres(server, template=there.database or ""))
        database = Database(url)
        yield database
        database.close()


@pytest.fixture
def second_postgres_url(postgres_server: URL) -> Iterator[str]:
    """URL of another empty PostgreSQL database."""
    with fresh_postgres(postgres_server) as url:
        yield url
