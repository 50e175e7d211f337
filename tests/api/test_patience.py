"""A question that the database works on for too long: refused with what to ask instead, at every door, but no job."""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert

from hub.api.app import create_app
from hub.api.room import ApiSettings
from hub.odata.door import make_door
from hub.shift.settings import Settings
from hub.store.database import Database
from hub.store.keys import create_key
from hub.store.tables import FACT_TABLES
from tests.api.factories import NOW, add_record, add_system
from tests.api.routes import check_problem
from tests.api.test_streaming import running

EARLY, LATE = 1_000, 1_000
_LONG = "concat(concat(comment,comment),concat(comment,comment))"
HEAVY = " or ".join(f"contains({_LONG},'z{at}')" for at in range(78))
"""More work for each event than one should ask for."""
PAGE = "/v1/collections/events"


@dataclass
class Asked:
    """A hub that is soon out of patience, and a key for it."""

    app: Any
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.key}


@pytest.fixture(scope="module")
def asked(module_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    database = Database(module_url)
    with database.begin("test") as connection:
        system = add_system(connection)
        told = {"source_system_id": system, "source_record_id": add_record(connection, system)}
        rows = [
            {**told, "source_key": str(at), "content_hash": "0" * 64, "recorded_at": NOW, "is_retracted": False,
             "version": 1, "comment": "early" if at < EARLY else "x" * 4000}
            for at in range(EARLY + LATE)
        ]  # fmt: skip
        connection.execute(insert(FACT_TABLES["operations_event"]), rows)
        key = create_key(connection, name="reader", scopes=["read"])
    settings = ApiSettings(read_seconds=0.05, jobs_folder=tmp_path_factory.mktemp("jobs"))
    yield Asked(create_app(database, settings=settings, doors=[make_door()]), key)
    database.close()


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "parquet", "arrow"])
def test_what_takes_too_long_is_a_problem_that_says_what_to_ask(asked: Asked, form: str) -> None:
    with TestClient(asked.app, headers=asked.headers) as client:
        answer = client.get(PAGE, params={"filter": HEAVY, "format": form})
        assert answer.status_code == 503
        problem = check_problem(answer.json())
        assert problem["type"].endswith("took-too-long")
        assert "`read_seconds`" in problem["detail"]
        assert "respond-async" in problem["detail"]
        assert client.get(PAGE, params={"filter": "id eq 1"}).status_code == 200


def test_the_hub_is_as_patient_as_its_settings_say() -> None:
    assert Settings().read_seconds == ApiSettings().read_seconds == 60.0


def test_odata_says_it_in_its_own_words(asked: Asked) -> None:
    client = TestClient(asked.app, headers=asked.headers)
    answer = client.get("/odata/events", params={"$filter": HEAVY})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "took-too-long"


def test_a_job_has_the_time_that_it_needs(asked: Asked) -> None:
    with TestClient(asked.app, headers=asked.headers) as client:
        told = client.get(PAGE, params={"filter": HEAVY}, headers={"Prefer": "respond-async"})
        assert told.status_code == 202
        assert "ended" in client.get(told.json()["events"]).text
        answer = client.get(f"{told.headers['Location']}/result")
        assert (answer.status_code, answer.json()["items"]) == (200, [])


def test_a_stream_that_is_cut_shows_that_it_is(asked: Asked) -> None:
    if asked.app.state.room.database.dialect == "postgresql":
        pytest.skip(
            "it may sort before it gives the first row; tests/store/test_patience.py cuts its streams"
        )
    query = urlencode(
        {"filter": f"startswith(comment,'early') or {HEAVY}", "format": "jsonl", "limit": EARLY + LATE}
    )
    with running(asked.app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", f"{PAGE}?{query}", headers=asked.headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        with pytest.raises(http.client.IncompleteRead) as cut:
            answer.read()
        assert 0 < cut.value.partial.count(b"\n") <= EARLY
        connection.close()
