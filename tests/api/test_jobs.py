"""A call that prefers to be answered later is a job: told, followed, read, let go, and nobody else's."""

import http.client
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from sqlalchemy import select

from hub.api import routes
from hub.api.app import create_app
from hub.api.later import LATER, name_owner
from hub.api.room import ApiSettings, Room
from hub.api.standing import NO_LONGER
from hub.store.database import Database
from hub.store.jobs import KEPT, LEASE, begin_job, end_job, find_job
from hub.store.keys import Caller, create_key, revoke_key
from hub.store.tables import job as job_table
from tests.api.conftest import Counter
from tests.api.routes import DOCUMENT, check_problem
from tests.api.test_streaming import running

LATER_PLEASE = {"Prefer": "wait=1, Respond-Async"}
MATRIX = "/v1/matrix?batch=B26-0117"
PATIENCE = 600
_MODELS = {"components": DOCUMENT["components"]}
status = Draft202012Validator({"$ref": "#/components/schemas/JobStatus", **_MODELS})


@dataclass
class Desk:
    """A counter that keeps jobs, with an analyst's key and others'."""

    client: TestClient
    database: Database
    folder: Path
    analyst: str
    other: str
    admin: str

    def begin(self, path: str = MATRIX, **options: Any) -> dict[str, Any]:
        answer = self.client.request(options.pop("method", "GET"), path, headers=LATER_PLEASE, **options)
        assert answer.status_code == 202, answer.text
        assert answer.headers["Preference-Applied"] == "respond-async"
        assert answer.headers["Location"] == f"/v1/jobs/{answer.json()['id']}"
        return answer.json()

    def follow(self, told: dict[str, Any], last: int | None = None) -> list[tuple[str, dict[str, Any], int]]:
        """Read the events of a job to their end."""
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        answer = self.client.get(told["events"], headers=headers)
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [event for event in answer.text.split("\n\n") if "data:" in event]
        return [_read_event(event) for event in events]

    @property
    def room(self) -> Room:
        return self.client.app.state.room  # type: ignore[attr-defined]  # an application

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()


def _read_event(text: str) -> tuple[str, dict[str, Any], int]:
    parts = dict(line.split(": ", 1) for line in text.strip().split("\n"))
    return parts["event"], orjson.loads(parts["data"]), int(parts.get("id", 0))


@contextmanager
def opened(counter: Counter, folder: Path, **settings: Any) -> Iterator[Desk]:
    keys = {}
    with counter.database.begin("test") as connection:
        for name, scopes in (("a", ["role:analyst"]), ("o", ["role:analyst"]), ("m", ["admin"])):
            keys[name] = create_key(connection, name=name, scopes=scopes)
    limits = ApiSettings(version="1", jobs_folder=folder, stream_poll_s=0.01, **settings)
    app = create_app(counter.database, settings=limits)
    with TestClient(app, headers={"X-API-Key": keys["a"]}, raise_server_exceptions=False) as client:
        yield Desk(client, counter.database, folder, keys["a"], keys["o"], keys["m"])


@pytest.fixture
def desk(either_counter: Counter, tmp_path: Path) -> Iterator[Desk]:
    with opened(either_counter, tmp_path / "jobs") as desk:
        yield desk


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Hold every matrix until the event is set: a job can be looked at while it is worked on."""
    go = Event()
    build = routes.matrix.build_matrix

    def build_when_told(*given: Any, **named: Any) -> Any:
        assert go.wait(PATIENCE)
        return build(*given, **named)

    monkeypatch.setattr(routes.matrix, "build_matrix", build_when_told)
    yield go
    go.set()


def test_a_job_gives_later_what_the_call_would_have_given_at_once(desk: Desk) -> None:
    at_once = desk.client.get(MATRIX)
    told = desk.begin()
    assert told["request"] == f"GET {MATRIX}"
    *_, (kind, done, _) = desk.follow(told)
    assert (kind, done["state"], done["status"], done["bytes"]) == ("done", "done", 200, len(at_once.content))
    assert desk.client.get(f"/v1/jobs/{told['id']}").json() == done
    status.validate(told)
    status.validate(done)
    result = desk.client.get(done["result"])
    assert (result.status_code, result.content) == (200, at_once.content)
    assert result.headers["content-type"] == at_once.headers["content-type"] == done["media_type"]
    assert result.headers["Known-At"] == at_once.headers["Known-At"]
    assert result.headers["Cache-Control"] == "no-store"


def test_a_body_and_a_format_go_with_the_call(desk: Desk) -> None:
    names = {"batches": ["B26-0117"]}
    desk.client.headers["Accept"] = "text/csv"
    told = desk.begin("/v1/matrix", method="POST", json=names)
    at_once = desk.client.post("/v1/matrix", json=names)
    *_, (_, done, _) = desk.follow(told)
    result = desk.client.get(done["result"])
    assert result.content == at_once.content
    assert result.headers["content-type"].startswith("text/csv")
    assert result.headers.get("content-disposition") == at_once.headers.get("content-disposition")


def test_a_job_is_followed_no_longer_than_the_key_counts(desk: Desk, held: Event) -> None:
    now = [datetime.now(UTC)]
    object.__setattr__(desk.room, "clock", lambda: now[0])
    told = desk.begin()
    with running(desk.client.app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", told["events"], headers={"X-API-Key": desk.analyst})
        response = connection.getresponse()
        assert response.readline() == b"event: running\n"
        with desk.database.begin("test") as other:
            assert revoke_key(other, desk.analyst.split("_")[1])
        now[0] += timedelta(seconds=15)
        rest = response.read().decode()
        connection.close()
    assert not held.is_set()
    assert "event: closing" in rest
    assert NO_LONGER in rest


def test_a_call_that_is_refused_is_a_job_that_failed_with_the_problem(desk: Desk) -> None:
    told = desk.begin("/v1/matrix?batch=NOPE")
    *_, (kind, failed, _) = desk.follow(told)
    assert (kind, failed["status"]) == ("failed", 404)
    result = desk.client.get(failed["result"])
    assert (result.status_code, result.headers["content-type"]) == (404, "application/problem+json")
    assert check_problem(result.json())["type"] == "urn:plantwide:problem:not-found"


def test_a_call_that_breaks_is_a_job_that_failed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*_given: Any, **_named: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(routes.matrix, "build_matrix", break_off)
    *_, (kind, failed, _) = desk.follow(desk.begin())
    assert (kind, failed["status"]) == ("failed", 500)
    problem = desk.client.get(failed["result"]).json()
    assert check_problem(problem)["type"] == "urn:plantwide:problem:internal-error"


def test_a_running_job_is_told_as_such_and_has_no_result_yet(desk: Desk, held: Event) -> None:
    told = desk.begin()
    assert (told["state"], told["result"], told["status"]) == ("running", None, None)
    early = desk.client.get(f"/v1/jobs/{told['id']}/result")
    assert (early.status_code, early.json()["type"]) == (409, "urn:plantwide:problem:still-running")
    held.set()
    events = desk.follow(told)
    assert [kind for kind, _, _ in events][-1] == "done"
    numbers = [number for _, _, number in events]
    assert numbers == sorted(set(numbers))


def test_a_stream_taken_up_again_leaves_out_what_was_seen(desk: Desk, held: Event) -> None:
    told = desk.begin()
    held.set()
    *_, (_, _, last) = desk.follow(told)
    assert [number for _, _, number in desk.follow(told, last - 1)] == [last]
    assert [kind for kind, _, _ in desk.follow(told, last)] == ["done"]


def test_a_job_that_is_let_go_is_gone_with_its_answer(desk: Desk) -> None:
    told = desk.begin()
    *_, (_, done, _) = desk.follow(told)
    assert desk.files() == {told["id"]}
    assert desk.client.delete(f"/v1/jobs/{told['id']}").status_code == 204
    assert desk.files() == set()
    for path in (f"/v1/jobs/{told['id']}", done["result"], done["events"]):
        assert desk.client.get(path).status_code == 404


def test_a_running_job_can_be_ended(desk: Desk, held: Event) -> None:
    told = desk.begin()
    assert desk.client.delete(f"/v1/jobs/{told['id']}").status_code == 204
    assert desk.client.get(f"/v1/jobs/{told['id']}").status_code == 404
    held.set()
    await_that(lambda: desk.room.live.jobs == 0)
    assert desk.files() == set()


def await_that(holds: Callable[[], bool]) -> None:
    """Look again and again; a test that waits in vain fails by its own patience."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        Event().wait(0.01)


def test_nobody_but_who_began_a_job_and_an_administrator_sees_it(desk: Desk) -> None:
    told = desk.begin()
    *_, (_, done, _) = desk.follow(told)
    address = f"/v1/jobs/{told['id']}"
    for path in (address, done["events"], done["result"]):
        assert desk.client.get(path, headers={"X-API-Key": desk.other}).status_code == 404
        assert desk.client.get(path, headers={"X-API-Key": "pw_no"}).status_code == 401
    assert desk.client.delete(address, headers={"X-API-Key": desk.other}).status_code == 404
    assert desk.client.get(address, headers={"X-API-Key": desk.admin}).json() == done
    # an administrator's scope does not open what the call itself is closed to
    needed = desk.client.get(MATRIX, headers={"X-API-Key": desk.admin}).status_code
    assert desk.client.get(done["result"], headers={"X-API-Key": desk.admin}).status_code == needed


def test_who_sees_fewer_rows_than_when_the_call_was_made_has_that_job_no_more() -> None:
    before, after = (
        name_owner(Caller("0011223344556677", "ada", frozenset({"role:reader", *sites})))
        for sites in ((), ("site:CORK",))
    )
    other = name_owner(Caller("0011223344556677", "ada", frozenset({"role:reader", "site:BSL"})))
    assert len({before, after, other}) == 3
    assert max(map(len, (before, after, other))) <= 40


def test_who_may_not_make_the_call_gets_no_job(desk: Desk) -> None:
    with desk.database.begin("test") as connection:
        reader = create_key(connection, name="r", scopes=["role:reader"])
    headers = {**LATER_PLEASE, "X-API-Key": reader}
    assert desk.client.get(MATRIX, headers=headers).status_code == 403
    assert desk.files() == set()


def test_other_calls_ignore_the_preference(desk: Desk) -> None:
    assert desk.client.get("/v1/units", headers=LATER_PLEASE).status_code == 200
    assert desk.client.head(MATRIX, headers=LATER_PLEASE).status_code != 202
    assert desk.client.get(MATRIX, headers={"Prefer": "wait=5"}).status_code == 200


def test_where_no_answers_can_be_kept_the_preference_is_ignored(counter: Counter) -> None:
    app = create_app(counter.database, settings=ApiSettings(version="1"))
    with counter.database.begin("test") as connection:
        key = create_key(connection, name="a", scopes=["role:analyst"])
    with TestClient(app, headers={"X-API-Key": key}) as client:
        assert client.get(MATRIX, headers=LATER_PLEASE).status_code == 200


def test_more_jobs_than_are_worked_on_at_once_are_refused(
    counter: Counter, tmp_path: Path, held: Event
) -> None:
    with opened(counter, tmp_path / "jobs", jobs_at_once=1) as desk:
        told = desk.begin()
        refused = desk.client.get(MATRIX, headers=LATER_PLEASE)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:plantwide:problem:too-much-asked")
        held.set()
        desk.follow(told)
        await_that(lambda: desk.client.get(MATRIX, headers=LATER_PLEASE).status_code == 202)


def test_an_answer_that_is_too_long_is_not_kept(counter: Counter, tmp_path: Path) -> None:
    with opened(counter, tmp_path / "jobs", job_bytes=10) as desk:
        *_, (kind, failed, _) = desk.follow(desk.begin())
        assert (kind, failed["status"]) == ("failed", 422)
        assert "longer than a job may write here" in desk.client.get(failed["result"]).json()["detail"]


@pytest.mark.parametrize("limits", [{"jobs_bytes": 0}, {"free_bytes": 2**62}])
def test_where_there_is_no_room_for_another_answer_the_call_is_refused(
    counter: Counter, tmp_path: Path, limits: dict[str, int]
) -> None:
    with opened(counter, tmp_path / "jobs", **limits) as desk:
        refused = desk.client.get(MATRIX, headers=LATER_PLEASE)
        assert (refused.status_code, desk.room.live.jobs) == (422, 0)
        assert "`DELETE` jobs" in check_problem(refused.json())["detail"]


def test_a_job_of_a_process_that_died_is_lost(desk: Desk) -> None:
    told = desk.begin()
    desk.follow(told)
    caller = find_job(desk.database, told["id"], now=datetime.now(UTC))
    assert caller
    long_ago = datetime.now(UTC) - LEASE
    lost = begin_job(
        desk.database, caller=caller.caller, route=caller.route, request=caller.request, now=long_ago
    )
    found = desk.client.get(f"/v1/jobs/{lost.token}").json()
    assert (found["state"], found["result"]) == ("lost", None)
    assert "make the call again" in found["detail"]
    assert [kind for kind, _, _ in desk.follow(found)] == ["lost"]
    assert desk.client.get(f"/v1/jobs/{lost.token}/result").status_code == 404


def test_a_hub_that_is_ended_loses_its_jobs_at_once(counter: Counter, tmp_path: Path, held: Event) -> None:
    with opened(counter, tmp_path / "jobs") as desk:
        told = desk.begin()
    found = find_job(counter.database, told["id"], now=datetime.now(UTC))
    held.set()
    assert found
    assert found.ended_at is not None
    assert found.state(datetime.now(UTC)) == "lost"
    assert desk.files() == set()


def test_answers_are_let_go_after_a_day(desk: Desk) -> None:
    told = desk.begin()
    desk.follow(told)
    before = datetime.now(UTC) - KEPT - timedelta(seconds=1)
    with desk.database.begin() as connection:
        connection.execute(job_table.update().values(begun_at=before))
    os.utime(desk.folder / told["id"], (before.timestamp(), before.timestamp()))
    assert desk.client.get(f"/v1/jobs/{told['id']}").status_code == 404
    other = desk.begin()
    desk.follow(other)
    assert desk.files() == {other["id"]}
    with desk.database.read() as connection:
        assert list(connection.scalars(select(job_table.c.token))) == [other["id"]]
    assert not end_job(desk.database, told["id"], status=200, headers={}, size=1, now=before)


def test_answers_are_for_the_hubs_own_user(desk: Desk) -> None:
    told = desk.begin()
    desk.follow(told)
    assert (desk.folder / told["id"]).stat().st_mode & 0o777 == 0o600
    assert desk.folder.stat().st_mode & 0o777 == 0o700


def test_the_description_says_which_calls_may_be_answered_later() -> None:
    found = {
        f"{method.upper()} {path}"
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if "202" in operation["responses"] and any(one["name"] == "Prefer" for one in operation["parameters"])
    }
    assert found == LATER
