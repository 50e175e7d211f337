"""What is deprecated works on and says so: shown on an application with a table, and asked of the real one's."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient

from hub.api.app import create_app
from hub.api.deprecation import DEPRECATIONS, Deprecation
from hub.api.export import export_openapi
from hub.store.database import Database
from tests.api.conftest import Filled
from tests.api.routes import DOCUMENT

ROOT = Path(__file__).resolve().parents[2]
LOTS = Deprecation(
    date(2028, 1, 1), date(2029, 1, 2), "Ask `/v1/collections/lots`.", "/v1/collections/material_lots"
)
NAME = Deprecation(date(2028, 2, 1), date(2029, 6, 1), "Ask `filter`.")
ENDLESS = Deprecation(date(2028, 3, 1), None, "Ask `/v1/batches/{name}`.", "/v1/batches")
TABLE = {
    "GET /v1/lots": LOTS,
    "GET /v1/lots?name": NAME,
    "GET /v1/batches?name": NAME,
    "GET /v1/batches/{name}/phases": ENDLESS,
}
LINK = '</v1/openapi.json#/paths/~1v1~1lots/get>; rel="deprecation"; type="application/json"'


@pytest.fixture(scope="module")
def client(filled: Filled) -> Iterator[TestClient]:
    """A counter over the small plant where something is deprecated."""
    database = Database(filled.url)
    app = create_app(database, deprecations=TABLE)
    with TestClient(app, headers={"X-API-Key": filled.reader}) as client:
        yield client
    database.close()


def told(answer: Any) -> tuple[str | None, str | None]:
    return answer.headers.get("Deprecation"), answer.headers.get("Sunset")


WHOLE = ("@1830297600", "Tue, 02 Jan 2029 00:00:00 GMT")


def test_a_deprecated_route_answers_as_before_and_tells_since_when_and_until_when(
    client: TestClient, filled: Filled
) -> None:
    answer = client.get("/v1/lots?limit=1")
    assert told(answer) == WHOLE
    next_page, why, successor = answer.headers.get_list("Link")
    assert next_page.endswith('rel="next"')
    assert why == LINK
    assert successor == '</v1/collections/material_lots>; rel="successor-version"'
    assert answer.links["next"]["url"].startswith("/v1/lots?limit=1&cursor=")
    database = Database(filled.url)
    with TestClient(create_app(database), headers={"X-API-Key": filled.reader}) as plain:
        assert plain.get("/v1/lots?limit=1").content == answer.content
    database.close()


def test_an_answer_that_is_remembered_or_unchanged_tells_it_too(client: TestClient) -> None:
    first = client.get("/v1/lots?limit=2")
    again = client.get("/v1/lots?limit=2")
    unchanged = client.get("/v1/lots?limit=2", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.content, unchanged.status_code) == (first.content, 304)
    assert [told(answer) for answer in (first, again, unchanged)] == [WHOLE] * 3
    assert client.head("/v1/lots?limit=2").headers["Deprecation"] == WHOLE[0]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/v1/lots", {"X-API-Key": "pw_no"}, 401), ("/v1/lots?limit=0", {}, 422)],
)
def test_a_refusal_tells_it_too(client: TestClient, path: str, headers: dict[str, str], status: int) -> None:
    answer = client.get(path, headers=headers)
    assert (answer.status_code, told(answer)) == (status, WHOLE)


def test_a_deprecated_parameter_is_told_where_it_is_used(client: TestClient) -> None:
    assert told(client.get("/v1/batches?limit=1")) == (None, None)
    used = client.get("/v1/batches?name=B26-0117")
    assert told(used) == ("@1832976000", "Fri, 01 Jun 2029 00:00:00 GMT")
    assert [link.partition(";")[2] for link in used.headers.get_list("Link")] == [LINK.partition(";")[2]]


def test_of_several_things_the_earliest_dates_are_told(client: TestClient) -> None:
    both = client.get("/v1/lots?name=B260117")
    assert told(both) == WHOLE
    assert len(both.headers.get_list("Link")) == 3


def test_where_no_end_is_decided_there_is_no_sunset(client: TestClient) -> None:
    answer = client.get("/v1/batches/B26-0117/phases")
    assert told(answer) == ("@1835481600", None)
    assert "/paths/~1v1~1batches~1%7Bname%7D~1phases/get>" in answer.headers["Link"]


def test_the_description_marks_it_and_the_link_leads_there(client: TestClient) -> None:
    document = client.get("/v1/openapi.json").json()
    found = document
    for step in unquote(LINK.partition("#/")[2].partition(">")[0]).split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    assert (found["deprecated"], found["x-sunset"]) == (True, "2029-01-02")
    assert "works as before until 2029-01-02, then it may be gone. Ask `/v1/coll" in found["description"]
    assert {"Deprecation", "Sunset", "Known-At"} <= set(found["responses"]["200"]["headers"])
    batches = document["paths"]["/v1/batches"]["get"]
    assert "deprecated" not in batches
    assert [one["name"] for one in batches["parameters"] if one.get("deprecated")] == ["name"]
    phases = document["paths"]["/v1/batches/{name}/phases"]["get"]
    assert (phases["deprecated"], "x-sunset" in phases) == (True, False)


def test_what_one_application_deprecates_no_other_does(client: TestClient) -> None:
    client.get("/v1/openapi.json")
    assert (ROOT / "openapi" / "plantwide.json").read_bytes() == export_openapi()


def test_the_log_names_each_key_that_still_asks_once(
    filled: Filled, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(filled.url)
    with (
        caplog.at_level(logging.WARNING, "hub.api"),
        TestClient(create_app(database, deprecations=TABLE)) as client,
    ):
        for key in (filled.reader, filled.operator, filled.reader, "pw_no"):
            client.get("/v1/lots?name=x", headers={"X-API-Key": key})
    database.close()
    keys = [key.split("_")[1] for key in (filled.reader, filled.operator)]
    said = [record.getMessage() for record in caplog.records]
    assert [line.partition(".")[0] for line in said] == [
        f"key {key} still asks for {name}" for key in keys for name in ("GET /v1/lots", "GET /v1/lots?name")
    ]
    assert filled.reader not in caplog.text


def test_a_time_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="leave 365 days at least"):
        replace(LOTS, sunset=date(2028, 12, 30))
    assert replace(LOTS, sunset=date(2028, 12, 31)).sunset == date(2028, 12, 31)


@pytest.mark.parametrize("name", ["GET /v1/nothing", "PUT /v1/lots", "GET /v1/lots?nothing"])
def test_a_row_that_names_nothing_of_the_api_is_refused(name: str) -> None:
    database = Database("sqlite://")
    app = create_app(database, deprecations={name: LOTS})
    with pytest.raises(ValueError, match="which the API has not"):
        app.openapi()
    database.close()


def test_what_is_deprecated_is_listed_in_table_description_and_docs() -> None:
    marked = dict[str, dict[str, Any]]()
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            route = f"{method.upper()} {path}"
            named = {route: operation} | {f"{route}?{p['name']}": p for p in operation.get("parameters", ())}
            marked |= {name: one for name, one in named.items() if one.get("deprecated")}
    assert set(marked) == set(DEPRECATIONS)
    page = (ROOT / "docs" / "deprecations.md").read_text(encoding="utf-8")
    assert [name for name in DEPRECATIONS if f"| `{name}` |" not in page] == []
    successors = {one.successor for one in DEPRECATIONS.values() if one.successor}
    assert successors <= {path for path in DOCUMENT["paths"] if f"GET {path}" not in DEPRECATIONS}
