"""Deliveries over HTTP: a key opens the counter of its sources, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from hub.api.app import create_app
from hub.api.room import ApiSettings
from hub.ingest.parcel import MEDIA_TYPE, pack_parcel
from hub.ingest.tagmap import TagMap
from hub.ingest.wire import SentWindow
from hub.model import SAMPLE_SCHEMA
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


@pytest.mark.parametrize("what", ["open", "page", "end", "keys", "tags", "windows", "samples"])
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


# -------------------------------------------------------------------------------- samples
AT = datetime(2026, 3, 1, tzinfo=UTC)
HISTORIAN: dict[str, Any] = {**OPENING, "kind": "HISTORIAN", "holds": "samples"}
TAGS = {**OPENING, "kind": "HISTORIAN", "stream": "tags"}


def samples(count: int, tag: str = "TT-1") -> pa.Table:
    """Give a sample a second."""
    rows = [
        {"tag": tag, "ts": AT + timedelta(seconds=n), "value": float(n), "text": None, "quality": 0}
        for n in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)


def window(epoch: int, **more: Any) -> SentWindow:
    told = {"stream": "samples", "epoch": epoch, "seq": 1, "mapping_version": "acme 1", "tags": ["TT-1"]}
    return SentWindow.model_validate({**told, "start": AT, "end": AT + timedelta(hours=1), **more})


def begin(edge: TestClient, body: dict[str, Any] = HISTORIAN, source: str = "edge.pi") -> int:
    """Open a reading; give its epoch."""
    return edge.post(f"/v1/deliveries/{source}/open", json=body).json()["epoch"]


def put(edge: TestClient, body: bytes, source: str = "edge.pi") -> Any:
    headers = {"content-type": MEDIA_TYPE}
    return edge.post(f"/v1/deliveries/{source}/samples", content=body, headers=headers)


def test_samples_are_delivered_and_read_and_their_tags_are_told_as_unmapped(counter: Counter) -> None:
    edge = client(counter, "deliver:edge.pi")
    tags = {
        "stream": "tags",
        "epoch": begin(edge, TAGS),
        "mapping_version": "acme 1",
        "tags": [{"id": "TT-1"}],
    }
    assert edge.post("/v1/deliveries/edge.pi/tags", json=tags).json()["documents"] == 1
    epoch = begin(edge)
    span = {"stream": "samples", "epoch": epoch, "tags": ["TT-1"], "window_s": 3600}
    span["extent"] = ["2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"]
    wanted = edge.post("/v1/deliveries/edge.pi/windows", json=span).json()
    (told,) = wanted["windows"]
    assert told == {"tags": ["TT-1"], "start": "2026-03-01T00:00:00Z", "end": "2026-03-01T01:00:00Z"}
    kept = [put(edge, pack_parcel(window(epoch), samples(5))).json() for _ in range(2)]
    assert [(k["kept"], k["samples"], k["seq"]) for k in kept] == [(True, 5, 1), (True, 0, 1)]
    assert edge.post("/v1/deliveries/edge.pi/windows", json=span).json()["windows"] == []
    end = {"stream": "samples", "epoch": epoch, "means": "extent"}
    assert edge.post("/v1/deliveries/edge.pi/end", json=end).json()["state"] == "idle"
    (found,) = [s for s in counter.get("/v1/sources")["items"] if s["code"] == "edge.pi"]
    assert {one["name"]: one["samples"] for one in found["streams"]} == {"tags": 0, "samples": 5}
    newest = {one["name"]: one["newest_at"] for one in found["streams"]}
    assert newest == {"tags": None, "samples": "2026-03-01T00:00:04Z"}, "a second read brings nothing newer"
    unmapped = [tag["code"] for tag in counter.get("/v1/tags", unmapped=True)["items"]]
    assert "TT-1" in unmapped
    read = counter.get("/v1/samples", tag="TT-1", start="2026-03-01T00:00:00Z", end="2026-03-02T00:00:00Z")
    assert len(read["items"]) == 5


def test_a_map_of_the_hubs_own_completes_what_agents_list(counter: Counter) -> None:
    row = {"tag": "TT-1", "equipment": "T-1", "property": "temperature", "unit": "Cel"}
    app = create_app(counter.database, tag_maps={"edge.pi": TagMap({"TT-1": row}, (), "mes:equipment")})
    with counter.database.begin("test") as connection:
        key = create_key(connection, name="edge", scopes=["deliver:edge.pi"])
    edge = TestClient(app, headers={"x-api-key": key})
    tags = {"stream": "tags", "epoch": begin(edge, TAGS), "mapping_version": "acme 1"}
    kept = edge.post("/v1/deliveries/edge.pi/tags", json={**tags, "tags": [{"id": "TT-1"}, {"id": "TT-2"}]})
    assert kept.json()["records"] == 2
    with counter.database.read() as connection:
        said = connection.exec_driver_sql(
            "SELECT record_key, body FROM statement WHERE record_type = 'tag' AND record_key LIKE 'edge.pi%'"
        ).all()
    assert {key: "T-1" in body for key, body in said} == {"edge.pi:tag|TT-1": True, "edge.pi:tag|TT-2": False}


def broken(table: pa.Table, sent: SentWindow) -> bytes:
    """Give a parcel whose columns are cut off."""
    return pack_parcel(sent, table)[:-70]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (lambda _: b"tag,ts,value", 400, "Arrow IPC stream"),
        (lambda epoch: broken(samples(9), window(epoch)), 400, "Arrow IPC stream"),
        (lambda epoch: pack_parcel(window(epoch), samples(9, tag="TT-2")), 422, "not among"),
        (lambda epoch: pack_parcel(window(epoch, seq=9), samples(9)), 422, "does not follow"),
        (lambda epoch: pack_parcel(window(epoch), samples(1_001)), 413, "in parts"),
        (lambda _: b"x" * 300_000, 413, "less"),
        (lambda epoch: pack_parcel(window(epoch, stream="other"), samples(9)), 404, "no reading"),
    ],
    ids=[
        "no stream",
        "cut off",
        "another tag",
        "out of turn",
        "too many samples",
        "too many bytes",
        "not opened",
    ],
)
def test_a_body_that_cannot_be_taken_says_why_and_changes_nothing(
    counter: Counter, body: Any, status: int, says: str
) -> None:
    app = create_app(counter.database, settings=ApiSettings(delivery_samples=1_000, delivery_bytes=250_000))
    with counter.database.begin("test") as connection:
        key = create_key(connection, name="edge", scopes=["deliver:edge.pi"])
    edge = TestClient(app, headers={"x-api-key": key}, raise_server_exceptions=False)
    epoch = begin(edge)
    answer = put(edge, body(epoch))
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, says in answer.json()["detail"]) == (status, True), answer.text
    (found,) = [s for s in counter.get("/v1/sources")["items"] if s["code"] == "edge.pi"]
    assert [one["samples"] for one in found["streams"]] == [0]
    assert put(edge, pack_parcel(window(epoch), samples(1_000))).json()["samples"] == 1_000
