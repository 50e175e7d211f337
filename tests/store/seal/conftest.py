"""A store to seal, and the place of its key."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.store.database import Database
from hub.store.seal.keeping import KeyPlace, open_signer
from hub.store.seal.signing import Signer
from tests.store.seal.writing import Clock
from tests.swift import swift


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(tmp_path: Path) -> KeyPlace:
    return KeyPlace(tmp_path / "keys" / "audit.pem")


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    one = swift(migrated_url)
    yield one
    one.close()


@pytest.fixture
def signer(database: Database, place: KeyPlace, clock: Clock) -> Signer:
    return open_signer(database, place, clock=clock)


@pytest.fixture
def signer_of_postgres(
    migrated_postgres_url: str, place: KeyPlace, clock: Clock
) -> Iterator[tuple[Database, Signer]]:
    """The same on PostgreSQL alone, for what only several connections at work can show."""
    one = swift(migrated_postgres_url)
    yield one, open_signer(one, place, clock=clock)
    one.close()
