"""Deliveries over HTTP: a key opens the counter of its sources, and nothing else."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from hub.store.keys import UnknownScope, create_key
from tests.api.conftest import Counter

OPENING: dict[str, Any] = {
    "agent": "edge",
    "kind": "LIMS",
    "connector": "acme",
    "mapping_version": "acme 1",
    "mapping": {},
    "stream": "samples",
    "every_s": 60,
}
DOCUMENT: dict[str, Any] = {
    "object_type": "sample",
    "key": "S-1",
    "payload": "{}",
    "records": [{"type": "sample", "fields": {"key": "S-1", "code": "S-1", "batch": "B-1"}}],
}


def client(counter: Counter, *scopes: str) -> TestClient:
    with counter.database.begin("test") as connection:
        key = create_key(connection, name="edge", scopes=scopes)
    return TestClient(counter.app, headers={"x-api-key": key})


def test_a_reading_is_opened_delivered_and_ended(counter: Counter) -> None:
    edge = client(counter, "deliver:edge.lab")
    opened = edge.post("/v1/deliveries/edge.lab/open", json=OPENING).json()
    assert (opened["taken"], opened["cursor"]) == (True, None)
    page = {
        "stream": "samples",
        "epoch": opened["epoch"],
        "mapping_version": "acme 1",
        "cursor": {"at": 1},
        "documents": [DOCUMENT],
    }
    kept = [edge.post("/v1/deliveries/edge.lab/page", json=page).json() for _ in range(2)]
    assert [(k["documents"], k["unchanged"]) for k in kept] == [(1, 0), (0, 1)]
    keys = edge.post("/v1/deliveries/edge.lab/keys", json={"object_types": ["sample", "other"]}).json()
    assert keys == {"keys": {"sample": {"S-1": 0}}}
    ended = edge.post("/v1/deliveries/edge.lab/end", json={"stream": "samples", "epoch": opened["epoch"]})
    assert ended.json()["state"] == "idle"
    (lab,) = [s for s in counter.get("/v1/sources")["items"] if s["code"] == "edge.lab"]
    assert lab["streams"][0]["documents"] == 1
    assert edge.post("/v1/deliveries/edge.lab/open", json=OPENING).json()["cursor"] == {"at": 1}


@pytest.mark.parametrize("what", ["open", "page", "end", "keys"])
@pytest.mark.parametrize("scopes", [("read",), ("operate",), ("deliver:other",), ("deliver:labx", "read")])
def test_a_key_of_another_source_delivers_nothing(
    looked_at: Counter, what: str, scopes: tuple[str, ...]
) -> None:
    answer = client(looked_at, *scopes).post(f"/v1/deliveries/lab/{what}", json={})
    assert (answer.status_code, "deliver:lab" in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize("path", ["/v1/batches", "/v1/sources", "/v1/quarantine", "/batches/B-1"])
def test_a_key_that_delivers_sees_nothing(looked_at: Counter, path: str) -> None:
    assert client(looked_at, "deliver:lab").get(path).status_code == 403


def test_a_page_of_a_reading_that_nobody_opened_is_not_found(looked_at: Counter) -> None:
    body = {"stream": "samples", "epoch": 1, "mapping_version": "x", "cursor": None}
    answer = client(looked_at, "deliver:nobody").post("/v1/deliveries/nobody/page", json=body)
    assert (answer.status_code, "nobody/samples" in answer.json()["detail"]) == (404, True)


@pytest.mark.parametrize("scope", ["deliver:", "deliver:Lab", "deliver:a b", "deliver", "deliver:*"])
def test_a_scope_names_one_source(looked_at: Counter, scope: str) -> None:
    with looked_at.database.begin("test") as connection, pytest.raises(UnknownScope, match="deliver:<source"):
        create_key(connection, name="x", scopes=[scope])
