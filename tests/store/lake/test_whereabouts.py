"""Whoever opens a store without its cold runs is told where they were folded to, and how to say so."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from hub.api.app import create_app
from hub.store.bookmarks import read_bookmark
from hub.store.database import Database
from hub.store.keys import create_key
from hub.store.lake.cellar import NoPlace
from hub.store.lake.place import LakeUnreachable, Place
from hub.store.lake.survey import survey
from hub.store.lake.whereabouts import note_place
from tests.store.lake.cellars import Row, cellar, read_all

ROWS: list[Row] = [("a", 1, 1.0, None, 0), ("b", 2, 2.0, None, 0)]


@dataclass(frozen=True)
class Folded:
    """A store whose samples were folded into a place, by its URL."""

    url: str
    place: Path
    tags: dict[str, int]


@pytest.fixture
def folded(migrated_url: str, tmp_path: Path) -> Iterator[Folded]:
    place = tmp_path / "cold" / "samples"
    with cellar(migrated_url, place) as one:
        one.put(ROWS, seq=1)
        one.fold()
        yield Folded(migrated_url, place, one.tags)


def test_a_store_that_is_opened_with_another_folder_names_the_right_one(
    folded: Folded, tmp_path: Path
) -> None:
    database = Database(folded.url, samples=tmp_path / "elsewhere")
    for look in (lambda: read_all(database, folded.tags), lambda: survey(database)):
        with pytest.raises(LakeUnreachable) as told:
            look()
        assert f"last folded into {folded.place} on the host {platform.node()}" in str(told.value)
    database.close()


def test_a_store_that_is_opened_by_its_address_alone_names_folder_and_remedy(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    with cellar(migrated_postgres_url, tmp_path / "samples") as one:
        one.put(ROWS, seq=1)
        one.fold()
        alone = Database(migrated_postgres_url)
        for look in (lambda: read_all(alone, one.tags), lambda: survey(alone)):
            with pytest.raises(NoPlace, match="the setting `samples`") as told:
                look()
            assert str(tmp_path / "samples") in str(told.value)
        alone.close()
        told_so = Database(migrated_postgres_url, samples=tmp_path / "samples")
        assert read_all(told_so, one.tags) == ROWS
        told_so.close()


def test_a_request_for_samples_that_lie_elsewhere_is_no_fault_of_the_hub(
    folded: Folded, tmp_path: Path
) -> None:
    database = Database(folded.url, samples=tmp_path / "elsewhere")
    with database.begin("test") as connection:
        key = create_key(connection, name="reader", scopes=["read"])
    with TestClient(create_app(database), raise_server_exceptions=False) as client:
        query = {"tag": "a", "start": "2026-01-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}
        answer = client.get("/v1/samples", params=query, headers={"X-API-Key": key})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:plantwide:problem:store-unavailable")
    database.close()


def test_a_login_in_an_address_is_not_noted(migrated_url: str) -> None:
    database = Database(migrated_url)
    with database.begin() as connection:
        place = Place("s3://AKIA:secret@bucket/plantwide?token=t0k3n")
        note_place(connection, place, now=datetime(2026, 3, 1, tzinfo=UTC))
        noted = read_bookmark(connection, "samples.place")
    assert noted == {"root": "s3://bucket/plantwide", "host": ""}
    database.close()
