"""Every route of every door, tried by everybody: `docs/rights.md` says what each is answered."""

import importlib.util
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from hub.agents.door import make_door as make_agents
from hub.api.app import create_app
from hub.api.rights import RIGHTS
from hub.api.routing import list_leaves
from hub.i3x.door import make_door as make_i3x
from hub.odata.door import make_door as make_odata
from hub.store.database import Database
from hub.store.keys import UnknownScope, create_key, verify_key
from hub.store.permissions import ROLES, SCOPES
from tests.api.conftest import Filled
from tests.api.factories import NOW

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "rights.md"
KINDS = {401: "key-needed", 403: "scope-missing"}
STEPS = {
    "kind": "batch",
    "entity_type": "batch",
    "collection": "batches",
    "noun": "batches",
    "code": "oos_rate",
}


def read_page() -> dict[str, dict[str, str]]:
    """Give the cells of the committed page by route and by who asks."""
    lines = PAGE.read_text(encoding="utf-8").partition("## Routes")[2].strip().split("\n")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): dict(zip(cells[0][2:], row[2:], strict=True)) for row in cells[2:]}


EXPECTED = read_page()
EVERYBODY = list(next(iter(EXPECTED.values())))


def scopes_of(who: str) -> list[str]:
    kind, _, name = who.partition(" ")
    return ["read", "site:CORK"] if who == "narrow" else [f"role:{name}" if kind == "role" else name]


def ask(client: TestClient, route: str) -> Any:
    """Ask for a route: for things that are not there, with a body that says nothing."""
    method, _, path = route.partition(" ")
    found = re.sub(r"\{(\w+)\}", lambda step: STEPS.get(step[1], "999999"), path)
    method = "GET" if method == "*" else method
    found += "?once=true" if route == "GET /v1/events/stream" else ""  # else it goes on for ever
    return client.request(method, found, json=None if method == "GET" else {}, follow_redirects=False)


@pytest.fixture(scope="module")
def app(filled: Filled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """A hub with all doors."""
    path = shutil.copy(filled.url.removeprefix("sqlite:///"), tmp_path_factory.mktemp("rights"))
    database = Database(f"sqlite:///{path}")
    yield create_app(database, doors=[make_i3x(), make_odata(), make_agents()])
    database.close()


def let_in(app: FastAPI, scopes: list[str]) -> TestClient:
    with app.state.room.database.begin("test") as connection:
        key = create_key(connection, name="somebody", scopes=scopes)
    return TestClient(app, headers={"X-API-Key": key}, raise_server_exceptions=False)


def test_the_page_names_every_route_that_there_is_and_no_other(app: FastAPI) -> None:
    served = {name for leaf in list_leaves(app.routes) for name in leaf.list_names()}
    assert served - set(EXPECTED) == set(), "name them in hub/api/rights.py and run `poe docs-write`"
    assert set(EXPECTED) - served == set(), "take them out of hub/api/rights.py and run `poe docs-write`"


def test_the_page_has_every_role_and_scope_and_is_what_the_table_says() -> None:
    assert {*(f"role {one}" for one in ROLES), *(f"scope {one}" for one in SCOPES)} <= set(EVERYBODY)
    spec = importlib.util.spec_from_file_location("docs", ROOT / ".ci" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docs)
    assert PAGE.read_text(encoding="utf-8") == docs.write_rights()


@pytest.mark.parametrize("who", EVERYBODY)
def test_everybody_is_answered_as_the_page_says(app: FastAPI, who: str) -> None:
    client = (
        TestClient(app, raise_server_exceptions=False) if who == "nobody" else let_in(app, scopes_of(who))
    )
    wrong = dict[str, tuple[str, int]]()
    for route, cells in EXPECTED.items():
        answer = ask(client, route)
        expected = {"401": (401,), "403": (403,)}.get(cells[who])
        is_right = answer.status_code in expected if expected else answer.status_code not in (401, 403, 500)
        if not is_right:
            wrong[route] = (cells[who], answer.status_code)
        if expected and answer.headers["content-type"] == "application/problem+json":
            assert answer.json()["type"] == f"urn:plantwide:problem:{KINDS[answer.status_code]}"
    assert wrong == {}


def test_a_route_that_nobody_classified_is_closed_to_all(filled: Filled) -> None:
    database = Database(filled.url)
    app = create_app(database)
    keys = TestClient(app, headers={"X-API-Key": filled.operator}, raise_server_exceptions=False)
    for path in ("/v1/before", "/v1/after-others-were-asked-for"):
        app.add_api_route(path, lambda: "secret", methods=["GET", "POST"])
        for method in ("GET", "POST"):
            answer = keys.request(method, path)
            assert answer.status_code == 403
            assert "hub/api/rights.py" in answer.json()["detail"]
            assert TestClient(app).request(method, path).status_code == 401
    assert keys.get("/v1/nowhere").status_code == 404
    assert keys.delete("/v1/batches").status_code == 405
    database.close()


def test_a_refusal_says_which_permission_lacks_and_who_has_it(app: FastAPI) -> None:
    detail = let_in(app, ["role:reader"]).post("/v1/links", json={}).json()["detail"]
    assert "permission decide" in detail
    assert "the role steward" in detail
    assert "the scope operate" in detail
    assert "the role reviewer" not in detail


def test_a_key_delivers_for_the_source_it_names_and_an_agent_for_all(app: FastAPI) -> None:
    own, agent = let_in(app, ["deliver:edge.lab"]), let_in(app, ["role:agent"])
    codes = {
        (who, source): client.post(f"/v1/deliveries/{source}/open", json={}).status_code
        for who, client in (("own", own), ("agent", agent))
        for source in ("edge.lab", "edge.lab2", "edge")
    }
    assert codes == {(who, s): 422 if who == "agent" or s == "edge.lab" else 403 for who, s in codes}


def test_roles_add_up(app: FastAPI) -> None:
    both = let_in(app, ["role:agent", "role:reviewer"])
    assert both.get("/v1/batches").status_code == 200
    assert both.post("/v1/deliveries/lab/open", json={}).status_code == 422
    assert both.post("/v1/links", json={}).status_code == 403


def test_a_role_that_there_is_not_gives_nothing_and_can_not_be_given(app: FastAPI) -> None:
    database: Database = app.state.room.database
    with database.begin("test") as connection, pytest.raises(UnknownScope, match="steward"):
        create_key(connection, name="x", scopes=["role:owner"])
    with database.begin("test") as connection:
        key = create_key(connection, name="x", scopes=["role:reader"])
    with database.read() as connection:
        caller = verify_key(connection, key, now=NOW)
    assert caller is not None
    assert not any(caller.may(one) for one in ("decide", "admin", "role:reader", "deliver:lab", ""))


@pytest.mark.parametrize("role", ROLES)
def test_only_roles_that_look_can_be_narrowed(app: FastAPI, role: str) -> None:
    scopes = [f"role:{role}", "site:CORK"]
    if role in ("reader", "analyst"):
        narrow = let_in(app, scopes)
        assert narrow.get("/v1/batches").json()["items"] == []
        assert narrow.get("/v1/sources").status_code == 403
        assert narrow.get("/odata/").status_code == (200 if role == "analyst" else 403)
    else:
        with pytest.raises(UnknownScope, match="only looks"):
            let_in(app, scopes)


def test_every_right_of_the_table_is_one_that_somebody_can_have() -> None:
    held = {*(p for found in (*ROLES.values(), *SCOPES.values()) for p in found), "open", "known"}
    assert {right.needs for right in RIGHTS.values()} <= held
