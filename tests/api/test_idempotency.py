"""A request that is sent twice is done once, and answered twice alike."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

from hub.api.app import create_app
from hub.store.replies import Asked, claim_request
from tests.api.conftest import LIMS, MES, Counter

BODY = {"type": "batch", "one": LIMS, "other": MES, "decision": "same", "reason": "same label"}


def post(
    counter: Counter, key: str | None, body: dict[str, Any] = BODY, path: str = "/v1/links", **more: str
) -> Response:
    headers = {"X-API-Key": counter.operator, **more}
    if key is not None:
        headers["Idempotency-Key"] = key
    return counter.client.post(path, json=body, headers=headers)


def decisions(counter: Counter) -> int:
    return len(counter.get("/v1/links", state="all", method="human")["items"])


def test_a_decision_that_is_sent_twice_is_made_once_and_answered_alike(three_batches: Counter) -> None:
    first = post(three_batches, "k1")
    undone = post(three_batches, "k2", {"reason": "other label"}, f"/v1/links/{first.json()['id']}/undo")
    again = post(three_batches, "k1")
    assert (first.status_code, undone.status_code) == (200, 200)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    assert three_batches.get(f"/v1/links/{first.json()['id']}")["state"] == "reversed"
    assert decisions(three_batches) == 1


def test_a_key_that_comes_with_another_request_is_refused(three_batches: Counter) -> None:
    made = post(three_batches, "k1").json()
    for body, path in (({**BODY, "reason": "another"}, "/v1/links"), (BODY, f"/v1/links/{made['id']}/undo")):
        answer = post(three_batches, "k1", body, path)
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:plantwide:problem:key-reused"
    assert decisions(three_batches) == 1


def test_a_request_that_is_refused_may_be_mended_under_the_same_key(three_batches: Counter) -> None:
    assert post(three_batches, "k1", {**BODY, "one": "lims:batch|none"}).status_code == 404
    assert post(three_batches, "k1", {"type": "batch"}).status_code == 422
    assert post(three_batches, "k1").status_code == 200


def test_while_the_first_is_worked_on_the_second_is_told_so(three_batches: Counter) -> None:
    sent = three_batches.client.build_request("POST", "/v1/links", json=BODY)
    digest = hashlib.sha256(b"POST /v1/links?\n" + sent.content).hexdigest()
    caller = three_batches.operator.split("_")[1]
    claim_request(three_batches.database, Asked(caller, "k1", digest), now=datetime.now(UTC))
    answer = post(three_batches, "k1")
    assert answer.status_code == 409, answer.text
    assert answer.json()["type"] == "urn:plantwide:problem:still-running"
    assert answer.headers["Retry-After"] == "1"
    assert decisions(three_batches) == 0


def test_without_a_key_each_request_is_a_new_one_and_an_empty_key_is_none(three_batches: Counter) -> None:
    assert post(three_batches, None).content
    assert post(three_batches, "").status_code == 422
    assert post(three_batches, "k" * 256).status_code == 422


def test_of_many_at_once_one_is_done(three_batches: Counter) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(three_batches, "k1"), range(4)))
    assert {a.status_code for a in answers} <= {200, 409}
    done = [a.content for a in answers if a.status_code == 200]
    assert len(set(done)) == 1
    assert decisions(three_batches) == 1


def test_what_is_read_again_is_read_once(counter: Counter) -> None:
    asked: list[int] = []

    def replay(ids: Any) -> dict[str, int]:
        asked.extend(ids)
        return {"resolved": len(asked), "still_open": 0}

    with TestClient(create_app(counter.database, replay=replay)) as client:
        headers = {"X-API-Key": counter.operator, "Idempotency-Key": "k1"}
        told = [client.post("/v1/quarantine/replay", json={"ids": [7]}, headers=headers) for _ in range(2)]
    assert asked == [7]
    assert told[0].content == told[1].content
