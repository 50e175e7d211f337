from collections.abc import Iterator, Sequence

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy.exc import OperationalError

from hub.api.app import create_app
from tests.api.conftest import Counter
from tests.api.routes import OPERATIONS, address

CANARY = "s3cr3t-c4n4ry"
BODIES = [
    b"",
    b"{",
    b"\xff\xfe{}",
    b'{"ids": [NaN]}',
    b'{"ids": [Infinity]}',
    b'{"ids": [1e999]}',
    b'{"ids": ["\\ud800"]}',
    b'{"\\ud800": 1}',
    b'"\xed\xa0\x80"',
    b"null",
    b"[]",
    b'{"ids": []}',
    b'{"ids": [0]}',
    b'{"ids": [9223372036854775808]}',
    b'{"ids": [1], "more": 1}',
    b"[" * 10_000,
    b'{"ids": [' + b"1," * 2000 + b"1]}",
]


def send(counter: Counter, body: bytes | Iterator[bytes], kind: str = "application/json") -> Response:
    return counter.client.post(
        "/v1/quarantine/replay", content=body, headers={"X-API-Key": counter.operator, "Content-Type": kind}
    )


@pytest.mark.parametrize("body", BODIES, ids=[repr(body[:24]) for body in BODIES])
def test_a_malformed_body_is_a_problem_of_the_sender(looked_at: Counter, body: bytes) -> None:
    answer = send(looked_at, body)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "", "multipart/form-data; boundary=x"])
def test_a_body_of_another_kind_is_a_problem(looked_at: Counter, kind: str) -> None:
    answer = send(looked_at, b'{"ids": [1]}', kind)
    assert answer.status_code in (400, 415, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_over_a_mebibyte_is_refused(looked_at: Counter, is_chunked: bool) -> None:
    body = b'{"ids": [' + b"1," * 600_000 + b"1]}"
    answer = send(
        looked_at, (body[at : at + 65536] for at in range(0, len(body), 65536)) if is_chunked else body
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        f'{{"ids": ["{CANARY}"]}}',
        f'{{"ids": [1], "{CANARY}": 1}}',
        f'{{"ids": {{"{CANARY}": "{CANARY}"}}}}',
        f'"{CANARY}"',
        f'{{"ids": [{CANARY}]}}',
    ],
)
def test_what_a_body_holds_is_never_said_back(looked_at: Counter, body: str) -> None:
    answer = send(looked_at, body.encode())
    assert answer.status_code in (400, 422)
    assert CANARY not in answer.text


PARAMETERS = [
    "limit",
    "cursor",
    "order",
    "filter",
    "include",
    "start",
    "end",
    "points",
    "direction",
    "depth",
    "unmapped",
    "state",
    "missing",
    CANARY,
]


@pytest.mark.parametrize("path", sorted({path for method, path in OPERATIONS if method == "GET"}))
def test_what_a_parameter_holds_is_never_said_back(looked_at: Counter, path: str) -> None:
    for name in PARAMETERS:
        bare = address(path).partition("?")[0]
        answer = looked_at.client.get(bare, params={name: f"'{CANARY}"}, headers=looked_at.headers_for(path))
        assert answer.status_code == 422, (name, answer.text)
        assert CANARY not in answer.text
    answer = looked_at.client.get(path.replace("{", "").replace("}", "") + f"/{CANARY}")
    assert CANARY not in answer.text


def test_an_unknown_name_in_a_filter_is_named_and_literals_are_not(looked_at: Counter) -> None:
    problem = looked_at.problem("/v1/batches", 422, filter=f"produkt eq '{CANARY}'")
    assert "produkt" in problem["detail"]
    assert "product" in problem["detail"]
    assert problem["position"] == 1
    assert CANARY not in str(problem)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/nothing", 404),
        ("/v1/batches/no-such-batch", 404),
        ("/v1/lots/no-such-lot", 404),
        ("/v1/samples?tag=none&start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z", 404),
        ("/v1/batches/B26-0117/samples?tag=PLC7.AI_0042", 404),
        ("/v1/source-records/999999", 404),
        ("/v1/quarantine/999999", 404),
        ("/v1/source-records/9223372036854775808", 422),
        ("/v1/batches?limit=0", 422),
        ("/v1/batches?limit=100000", 422),
        ("/v1/batches?order=nope", 422),
        ("/v1/batches?cursor=x", 422),
        ("/v1/batches?cursor=W10", 422),
        ("/v1/batches?unknown=1", 422),
        ("/v1/batches?limit=1&limit=2", 422),
        ("/v1/batches?as_known_at=3", 422),
        ("/v1/batches?as_known_at=0.5e9", 422),
        (f"/v1/matrix?filter={'a' * 8001}", 422),
        ("/v1/batches?name=%00", 400),
        ("/v1/batches/%00", 400),
        ("/v1/samples?tag=BR2000-01.PH&start=2026-01-01T00:00:00&end=2026-01-02T00:00:00Z", 422),
        ("/v1/samples?tag=BR2000-01.PH&start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z", 422),
        ("/v1/samples?tag=BR2000-01.PH&start=0001-01-01T00:00:00%2B14:00&end=2026-01-01T00:00:00Z", 422),
        ("/v1/samples?start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z", 422),
    ],
)
def test_what_cannot_be_answered_is_a_problem_with_its_status(
    looked_at: Counter, path: str, status: int
) -> None:
    answer = looked_at.client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= set(answer.json())


def test_a_method_that_an_address_does_not_take_is_a_problem(looked_at: Counter) -> None:
    answer = looked_at.client.delete("/v1/batches", headers={"X-API-Key": looked_at.operator})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_browser_sees_a_problem_as_a_page(looked_at: Counter) -> None:
    answer = looked_at.client.get("/batches/nothing", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_a_store_that_does_not_answer_is_said_so(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("SELECT CANARY", {}, Exception("gone"))

    monkeypatch.setattr("hub.api.writers.read_shelved_page", fail)
    answer = counter.client.get("/v1/batches")
    assert answer.status_code == 503
    assert "CANARY" not in answer.text


def test_replay_is_offered_only_where_sources_are_read(counter: Counter) -> None:
    assert send(counter, b'{"ids": [1]}').status_code == 501
    asked: list[Sequence[int]] = []

    def replay(ids: Sequence[int]) -> dict[str, int]:
        asked.append(ids)
        return {"resolved": 1, "still_open": 0}

    client = TestClient(create_app(counter.database, replay=replay))
    answer = client.post("/v1/quarantine/replay", json={"ids": [7]}, headers={"X-API-Key": counter.operator})
    assert answer.json() == {"resolved": 1, "still_open": 0}
    assert asked == [[7]]
