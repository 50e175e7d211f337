"""A hub whose events go to receivers on loopback, on either engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.events.receiver import Post
from tests.swift import swift


@pytest.fixture
def post(migrated_url: str, tmp_path: Path) -> Iterator[Post]:
    """A hub with an empty store of its own."""
    database = swift(migrated_url)
    yield Post(database, tmp_path)
    database.close()
