"""How much each key may ask: told with 429 and when to come again, at every door, each key for itself."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hub.agents import door as agents
from hub.api.allowance import Allowance
from hub.api.app import create_app
from hub.api.problems import Problem
from hub.api.rights import OPEN_PATHS
from hub.api.room import ApiSettings
from hub.i3x.door import make_door as make_i3x
from hub.odata.door import make_door as make_odata
from hub.shift.settings import Settings
from tests.api.conftest import Counter
from tests.api.routes import DOCUMENT, OPERATIONS, check_problem

SECOND = 1_000_000_000


class Clock:
    """A clock that stands where it is put, in nanoseconds."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def wait_of(allowance: Allowance, name: str) -> str | None:
    """Count a request; give what Retry-After says when it was one too many."""
    try:
        allowance.count(name)
    except Problem as problem:
        return problem.headers["Retry-After"]
    return None


def test_so_many_come_in_a_row_and_then_one_at_each_step(clock: Clock) -> None:
    allowance = Allowance(30, 3, clock=clock)
    assert [wait_of(allowance, "a") for _ in range(5)] == [None, None, None, "2", "2"]
    clock.go(0.5)
    assert wait_of(allowance, "a") == "2"
    clock.go(1.5)
    assert [wait_of(allowance, "a") for _ in range(2)] == [None, "2"]
    clock.go(60)
    assert [wait_of(allowance, "a") for _ in range(4)] == [None, None, None, "2"]


def test_who_is_refused_does_not_wait_longer_for_it(clock: Clock) -> None:
    allowance = Allowance(60, 1, clock=clock)
    allowance.count("a")
    for _ in range(50):
        assert wait_of(allowance, "a") == "1"
    clock.go(1)
    assert wait_of(allowance, "a") is None


def test_a_waiting_time_is_always_enough_and_never_a_whole_second_too_long(clock: Clock) -> None:
    allowance = Allowance(7, 2, clock=clock)
    for step in (0.0, 0.3, 1.7, 0.0, 4.4, 0.1, 2.9):
        clock.go(step)
        if (wait := wait_of(allowance, "a")) is not None:
            before = clock.now
            clock.go(int(wait) - 1)
            assert wait_of(allowance, "a") == "1"
            clock.now = before + int(wait) * SECOND
            assert wait_of(allowance, "a") is None


def test_over_an_hour_there_are_as_many_as_it_says_and_not_more(clock: Clock) -> None:
    allowance = Allowance(90, 10, clock=clock)
    passed = 0
    for _ in range(36_000):
        passed += wait_of(allowance, "a") is None
        clock.go(0.1)
    assert passed == 90 * 60 + 9


def test_each_has_its_own_and_who_is_as_new_is_forgotten(clock: Clock) -> None:
    allowance = Allowance(60, 1, clock=clock)
    for number in range(1_000):
        assert wait_of(allowance, f"key {number}") is None
    assert wait_of(allowance, "key 999") == "1"
    clock.go(1)
    assert wait_of(allowance, "another") is None
    assert list(allowance._even) == ["another"]


def test_threads_share_one_count(clock: Clock) -> None:
    allowance, passed = Allowance(60, 100, clock=clock), list[int]()
    begin = threading.Barrier(8)

    def ask() -> None:
        begin.wait()
        passed.append(sum(wait_of(allowance, "a") is None for _ in range(50)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 100


def test_without_a_limit_nobody_is_counted(clock: Clock) -> None:
    allowance = Allowance(None, 1, clock=clock)
    assert {wait_of(allowance, "a") for _ in range(1_000)} == {None}
    assert not allowance._even


# ------------------------------------------------------------------ at the doors
@pytest.fixture
def limited(either_counter: Counter, clock: Clock) -> Iterator[TestClient]:
    """A hub whose keys may ask six times a minute, and twice in a row."""
    app = create_app(
        either_counter.database,
        doors=[make_i3x(), make_odata(), agents.make_door()],
        allowance=Allowance(6, 2, clock=clock),
    )
    headers = {"X-API-Key": either_counter.reader}
    with TestClient(app, base_url="http://127.0.0.1:8000", headers=headers) as client:
        yield client


def test_one_too_many_is_a_problem_that_says_when_to_come_again(
    limited: TestClient, either_counter: Counter, clock: Clock
) -> None:
    assert [limited.get("/v1/batches").status_code for _ in range(2)] == [200, 200]
    refused = limited.get("/v1/batches")  # though the answer is in memory
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    problem = check_problem(refused.json())
    assert problem["type"] == "urn:plantwide:problem:too-many-requests"
    assert "6 times a minute" in problem["detail"]
    other = {"X-API-Key": either_counter.operator}
    assert limited.get("/v1/batches", headers=other).status_code == 200
    clock.go(10)
    assert limited.get("/v1/batches").status_code == 200
    assert limited.get("/v1/batches").status_code == 429


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/odata/batches", lambda body: body["error"]["code"] == "too-many-requests"),
        ("/i3x/v1/namespaces", lambda body: body["responseDetail"]["status"] == 429),
        ("/v1/no-such-address", check_problem),
        ("/v1/webhooks/1/test", check_problem),
    ],
)
def test_each_door_refuses_in_its_own_words(limited: TestClient, path: str, told: Any) -> None:
    answers = [limited.get(path) for _ in range(3)]
    assert 429 not in [one.status_code for one in answers[:2]]
    assert (answers[2].status_code, answers[2].headers["Retry-After"]) == (429, "10")
    assert told(answers[2].json())


def test_what_is_open_to_everybody_and_what_a_stranger_asks_is_not_counted(
    limited: TestClient, either_counter: Counter
) -> None:
    for _ in range(3):
        assert limited.get("/v1/info").status_code == 200
        assert limited.get("/v1/batches", headers={"X-API-Key": "pw_nobody_nothing"}).status_code == 401
    assert limited.get("/v1/batches").status_code == 200


def test_a_tool_of_an_agent_counts_once_whatever_it_asks_in_turn(limited: TestClient) -> None:
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
    call = {"name": "summarise_batch", "arguments": {"batch": "B26-0117"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    answers = [limited.post("/mcp", json=body, headers=headers) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert "B26-0117" in answers[1].text


def test_a_hub_counts_as_its_settings_say(counter: Counter) -> None:
    settings = ApiSettings(requests_a_minute=1, requests_at_once=3)
    client = TestClient(
        create_app(counter.database, settings=settings), headers={"X-API-Key": counter.reader}
    )
    assert [client.get("/v1/batches").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert (Settings().requests_a_minute, ApiSettings().requests_a_minute) == (None, None)


def test_every_guarded_address_says_in_the_document_that_it_may_be_too_much() -> None:
    lacking = [
        f"{method} {path}"
        for method, path in OPERATIONS
        if path not in OPEN_PATHS
        and "Retry-After"
        not in DOCUMENT["paths"][path][method.lower()]["responses"].get("429", {}).get("headers", {})
    ]
    assert lacking == []
