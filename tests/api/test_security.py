import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import select
from starlette.routing import BaseRoute

from hub.api.app import create_app, issue_login
from hub.api.rights import OPEN_PATHS
from hub.api.security import COOKIE
from hub.api.sessions import Sessions
from hub.store.database import Database
from hub.store.keys import UnknownScope, create_key, list_keys, revoke_key, verify_key
from hub.store.tables import api_key
from tests.api.conftest import Counter
from tests.api.routes import OPERATIONS, PAGES, address

NOW = datetime(2026, 4, 20, tzinfo=UTC)
GUARDED = [(method, path) for method, path in OPERATIONS if path not in OPEN_PATHS]


def stranger(counter: Counter) -> TestClient:
    """Somebody without a key."""
    return TestClient(counter.app, raise_server_exceptions=False, follow_redirects=False)


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nobody_gets_in_without_a_key(looked_at: Counter, method: str, path: str) -> None:
    answer = stranger(looked_at).request(
        method, address(path), json={"ids": [1]} if method == "POST" else None
    )
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Bearer" in answer.headers["www-authenticate"]


def test_every_route_of_the_application_is_closed_unless_it_is_named_open(looked_at: Counter) -> None:
    def paths(routes: list[BaseRoute]) -> set[str]:
        found = {route.path_format for route in routes if isinstance(route, APIRoute)}
        for route in routes:
            inner = getattr(route, "original_router", None) or getattr(route, "router", None)
            found |= paths(inner.routes) if inner is not None else set()
        return found

    known = paths(looked_at.app.routes)
    assert {path for _, path in OPERATIONS} <= known
    assert "/batches/{name}" in known
    for path in known - OPEN_PATHS:
        answer = stranger(looked_at).get(path.replace("{name}", "x").replace("{held_id}", "1"))
        assert answer.status_code == 401, path


@pytest.mark.parametrize("path", sorted(OPEN_PATHS - {"/favicon.ico", "/i3x/v1/info"}))
def test_probes_the_card_and_the_login_form_are_open(looked_at: Counter, path: str) -> None:
    assert stranger(looked_at).get(path).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        lambda key: {"X-API-Key": key},
        lambda key: {"Authorization": f"Bearer {key}"},
        lambda key: {"Authorization": "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode()},
    ],
    ids=["header", "bearer", "basic"],
)
def test_a_key_opens_in_each_of_its_three_forms(
    looked_at: Counter, headers: Callable[[str], dict[str, str]]
) -> None:
    assert stranger(looked_at).get("/v1/batches", headers=headers(looked_at.reader)).status_code == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key + "x",
        lambda key: key.replace("pw_", "px_"),
        lambda key: "pw_000000000000_" + key.rpartition("_")[2],
        lambda key: "",
        lambda key: "pw__",
        lambda key: "pw_' OR 1=1 --_x",
    ],
)
def test_a_key_that_is_not_exact_does_not_open(looked_at: Counter, spoil: Callable[[str], str]) -> None:
    answer = stranger(looked_at).get("/v1/batches", headers={"X-API-Key": spoil(looked_at.reader)})
    assert answer.status_code == 401


@pytest.mark.parametrize("value", ["Basic", "Basic !!!", "Basic /w==", "Bearer", "Digest x", "\x7f"])
def test_broken_authorization_headers_are_refused_as_strangers(looked_at: Counter, value: str) -> None:
    assert stranger(looked_at).get("/v1/batches", headers={"Authorization": value}).status_code == 401


def test_scopes_are_checked_before_the_body_is_read(looked_at: Counter) -> None:
    answer = looked_at.client.post(
        "/v1/quarantine/replay", content=b"{broken", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 403
    assert "operate" in answer.json()["detail"]


def test_an_expired_and_a_revoked_key_do_not_open(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        old = create_key(
            connection, name="old", scopes=["read"], expires_at=datetime.now(UTC) - timedelta(seconds=1)
        )
        assert revoke_key(connection, counter.reader.split("_")[1])
        assert not revoke_key(connection, counter.reader.split("_")[1])
    assert counter.client.get("/v1/batches").status_code == 401
    assert stranger(counter).get("/v1/batches", headers={"X-API-Key": old}).status_code == 401


def test_the_store_never_holds_the_secret(counter: Counter) -> None:
    secret = counter.reader.split("_", 2)[2]
    assert len(base64.urlsafe_b64decode(secret + "=")) == 32
    with counter.database.read() as connection:
        stored = repr(connection.execute(select(api_key)).all()) + repr(list_keys(connection))
    assert secret not in stored
    assert "secret_hash" not in repr(stored)


def test_operate_includes_read_and_admin_includes_all(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        admin = create_key(connection, name="admin", scopes=["admin"])
        with pytest.raises(UnknownScope, match="read, operate, admin"):
            create_key(connection, name="x", scopes=["root"])
        with pytest.raises(UnknownScope):
            create_key(connection, name="x", scopes=[])
    with counter.database.read() as connection:
        operator = verify_key(connection, counter.operator, now=NOW)
        everything = verify_key(connection, admin, now=NOW)
    assert operator is not None
    assert everything is not None
    assert (operator.may("read"), operator.may("operate"), operator.may("admin")) == (True, True, False)
    assert everything.may("operate")


@pytest.mark.parametrize("path", ["/", "/batches/B26-0117?signals=all"])
def test_a_person_without_a_session_is_sent_to_the_login_form_and_back(looked_at: Counter, path: str) -> None:
    person = stranger(looked_at)
    sent = person.get(path, headers={"Accept": "text/html"})
    assert sent.status_code == 303
    form = person.get(sent.headers["location"])
    assert form.status_code == 200
    back = person.post("/login", data={"key": looked_at.reader, "next": path})
    assert back.status_code == 303
    assert back.headers["location"] == path
    cookie = back.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert looked_at.reader not in cookie
    assert person.get(path).status_code == 200
    assert person.get("/v1/batches").status_code == 200


def test_a_wrong_key_in_the_form_opens_nothing_and_is_not_shown_again(looked_at: Counter) -> None:
    person = stranger(looked_at)
    answer = person.post("/login", data={"key": "pw_abc_CANARY"})
    assert answer.status_code == 401
    assert "CANARY" not in answer.text
    assert COOKIE not in person.cookies


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "\\evil", "x"]
)
def test_the_login_leads_only_to_this_site(looked_at: Counter, target: str) -> None:
    answer = stranger(looked_at).post("/login", data={"key": looked_at.reader, "next": target})
    assert answer.headers["location"] == "/"


def test_a_session_ends_with_log_out_and_with_its_key(counter: Counter) -> None:
    person = stranger(counter)
    person.post("/login", data={"key": counter.reader})
    kept = dict(person.cookies)
    assert person.get("/").status_code == 200
    person.post("/logout")
    thief = stranger(counter)
    thief.cookies.update(kept)
    assert thief.get("/").status_code == 401
    person.post("/login", data={"key": counter.reader})
    with counter.database.begin("test") as connection:
        revoke_key(connection, counter.reader.split("_")[1])
    assert person.get("/").status_code == 401


def test_a_one_time_login_opens_once(looked_at: Counter) -> None:
    path = issue_login(looked_at.app, looked_at.reader)
    assert looked_at.reader not in path
    person = stranger(looked_at)
    assert person.get(path).status_code == 303
    assert person.get("/").status_code == 200
    assert stranger(looked_at).get(path).status_code == 401
    with pytest.raises(PermissionError):
        issue_login(looked_at.app, "pw_no_key")


def test_sessions_and_one_time_logins_end_in_time() -> None:
    now = [0.0]
    sessions = Sessions(session_s=100, login_s=10, clock=lambda: now[0])
    session, login = sessions.open("k"), sessions.issue_login("k")
    now[0] = 9.9
    assert sessions.find(session) == "k"
    now[0] = 10.0
    assert sessions.redeem(login) is None
    now[0] = 100.0
    assert sessions.find(session) is None


def test_a_session_cookie_changes_nothing_under_v1(counter: Counter) -> None:
    person = stranger(counter)
    person.post("/login", data={"key": counter.operator})
    assert person.post("/v1/quarantine/replay", json={"ids": [1]}).status_code == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_can_not_send_forms_here(looked_at: Counter, site: str) -> None:
    answer = stranger(looked_at).post(
        "/login", data={"key": looked_at.reader}, headers={"Sec-Fetch-Site": site}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/livez", "/v1/batches", "/v1/nothing", "/", "/static/plantwide.css", "/x"])
def test_every_answer_has_safe_headers(looked_at: Counter, path: str) -> None:
    for client in (looked_at.client, stranger(looked_at)):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        kept = "private, no-cache" if "etag" in headers else "no-store"
        expected = "public, max-age=300" if path.startswith("/static/") else kept
        assert headers["cache-control"] == expected


def test_a_failure_inside_is_a_problem_with_safe_headers_and_no_words_about_it(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("CANARY")

    monkeypatch.setattr("hub.store.answers.sources._streams", explode)
    answer = counter.client.get("/v1/sources")
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:plantwide:problem:internal-error"
    assert "CANARY" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_pages_hold_no_script_and_no_inline_style(looked_at: Counter) -> None:
    for path in PAGES:
        text = looked_at.client.get(path).text
        assert "<script" not in text
        assert " style=" not in text
        assert "http://" not in text.replace("http://www.w3.org/", "").replace("http://www.mesa.org/", "")


def test_readiness_names_what_is_missing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    client = TestClient(create_app(database))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "db upgrade" in answer.json()["checks"]["store"]
    assert client.get("/livez").status_code == 200
    database.close()
