"""The plant of one batch: whole, copied for each test, and before anybody has said anything."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from tests.databases import fresh_postgres
from tests.records.plant import Plant, fill_whole


@pytest.fixture(scope="session")
def whole_sqlite(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the whole plant, to be copied."""
    path = tmp_path_factory.mktemp("whole") / "hub.db"
    shutil.copyfile(migrated_sqlite, path)
    fill_whole(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def whole_postgres(postgres_server: URL, migrated_postgres: str) -> Iterator[str]:
    """Name of a PostgreSQL database with the whole plant, to be copied."""
    with fresh_postgres(postgres_server, template=migrated_postgres) as url:
        fill_whole(url)
        yield make_url(url).database or ""


@pytest.fixture(params=["sqlite", "postgresql"])
def plant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plant]:
    """A plant in which nothing lacks, on SQLite and PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "hub.db"
        shutil.copyfile(request.getfixturevalue("whole_sqlite"), path)
        one = Plant.again(f"sqlite:///{path}")
        yield one
        one.database.close()
        return
    server: URL = request.getfixturevalue("postgres_server")
    with fresh_postgres(server, template=request.getfixturevalue("whole_postgres")) as url:
        one = Plant.again(url)
        yield one
        one.database.close()


@pytest.fixture
def empty_plant(migrated_url: str) -> Iterator[Plant]:
    """A plant that has said nothing yet, on SQLite and PostgreSQL."""
    one = Plant.new(migrated_url)
    yield one
    one.database.close()
