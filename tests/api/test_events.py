"""Events over HTTP: pages, a stream that is taken up again, and webhooks that administrators make."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from hub.api.app import create_app
from hub.api.room import ApiSettings
from hub.events.gatekeeping import Gatekeeper
from hub.events.herald import Herald
from hub.events.master import MasterPlace
from hub.events.sending import Sending
from hub.sdk.testing.loopback import Answered
from hub.store.database import Database
from hub.store.keys import create_key
from hub.store.outbox.catalogue import CATALOGUE, EventType
from hub.store.tables import ENTITY_TABLES
from tests.api.conftest import Counter
from tests.api.factories import add_thing
from tests.api.test_streaming import running
from tests.events.receiver import LOOPBACK, receiving

Told = tuple[str, Any, str]
BATCH = ENTITY_TABLES["batch"]


def make(counter: Counter, *codes: str) -> None:
    """Let batches become known."""
    for code in codes:
        with counter.database.begin("test") as connection:
            add_thing(connection, "batch", code)


def labels(items: list[dict[str, Any]]) -> list[str]:
    return [one["data"]["label"] for one in items]


def parse(lines: Iterator[str]) -> Iterator[Told]:
    """Kind, data and id of each event of a stream."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        elif fields.get("event"):
            yield fields["event"], json.loads(fields["data"]), fields["id"]
            fields = {}


def read_stream(client: TestClient, after: str | None = None, **params: Any) -> list[Told]:
    headers = {} if after is None else {"Last-Event-ID": after}
    response = client.get("/v1/events/stream", params={"once": "true", **params}, headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return list(parse(iter(response.text.split("\n"))))


def test_pages_lead_from_the_first_event_to_the_last(either_counter: Counter) -> None:
    counter = either_counter
    whole = counter.get("/v1/events", limit=1000)
    assert whole["next"] is None
    found, path = list[dict[str, Any]](), "/v1/events?limit=2"
    while path:
        response = counter.client.get(path)
        found += response.json()["items"]
        path = response.links.get("next", {}).get("url", "")
    assert found == whole["items"]
    assert {one["type"] for one in found} >= {"plantwide.batch.changed.v1", "plantwide.link.proposed.v1"}
    make(counter, "B-NEW")
    after = counter.get("/v1/events", after=whole["reached"])
    assert labels(after["items"]) == ["B-NEW"]
    assert counter.get("/v1/events", after=after["reached"])["items"] == []


def test_whatever_an_event_points_at_is_there(looked_at: Counter) -> None:
    items = looked_at.get("/v1/events", limit=1000)["items"]
    assert len({one["data"]["href"] for one in items}) > 3
    for one in items:
        assert looked_at.client.get(one["data"]["href"]).status_code == 200, one


def test_an_event_names_what_changed_and_holds_no_value(counter: Counter) -> None:
    make(counter, "B-NEW")
    after = counter.get("/v1/events", limit=1000)["reached"]
    with counter.database.begin("test") as connection:
        connection.execute(update(BATCH).where(BATCH.c.code == "B-NEW").values(description="a secret word"))
    response = counter.client.get("/v1/events", params={"after": after})
    [one] = response.json()["items"]
    assert one["data"]["attributes"] == ["description"]
    assert "secret" not in response.text


def test_events_are_found_by_type_and_other_types_are_refused(looked_at: Counter) -> None:
    wanted = "plantwide.conflict.opened.v1"
    items = looked_at.get("/v1/events", type=wanted, limit=1000)["items"]
    assert {one["type"] for one in items} == {wanted}
    looked_at.problem("/v1/events", 422, type="plantwide.nothing.v1")
    assert "after" in looked_at.problem("/v1/events", 422, after="yesterday")["detail"]
    assert set(EventType.__args__) == set(CATALOGUE)


def test_a_stream_goes_on_after_the_last_event_that_was_seen(either_counter: Counter) -> None:
    counter = either_counter
    assert [kind for kind, _, _ in read_stream(counter.client)] == ["ready", "closing"]
    here = read_stream(counter.client)[-1][2]
    make(counter, "B-1", "B-2", "B-3")
    told = read_stream(counter.client, here)
    assert [kind for kind, _, _ in told] == ["ready", "event", "event", "event", "closing"]
    assert labels([data for _, data, _ in told[1:-1]]) == ["B-1", "B-2", "B-3"]
    for number in (1, 2, 3):
        rest = read_stream(counter.client, told[number][2])
        assert rest[1:-1] == told[number + 1 : -1]
    assert all(data["id"] == place for kind, data, place in told if kind == "event")
    assert "Last-Event-ID" in counter.client.get("/v1/events/stream", headers={"Last-Event-ID": "x"}).text


def test_a_client_that_falls_behind_is_told_so_and_misses_nothing(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream has come to the end once, and then more comes than it may lag behind."""
    monkeypatch.setattr("hub.api.following._PAGE", 2)
    app = create_app(counter.database, settings=ApiSettings(stream_lag=5, stream_poll_s=0.01))
    with running(app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/v1/events/stream", headers={"X-API-Key": counter.reader})
        events = parse(line.decode().rstrip("\r\n") for line in connection.getresponse())
        assert next(events)[0] == "ready"
        with closing(Database(counter.database.url)) as elsewhere, elsewhere.begin("test") as other:
            for number in range(20):
                add_thing(other, "batch", f"B-{number}")
        told = list(events)
        connection.close()
    assert told[-1][0] == "dropped"
    rest = read_stream(counter.client, told[-1][2])
    both = [data for kind, data, _ in (*told, *rest) if kind == "event"]
    assert labels(both) == [f"B-{number}" for number in range(20)]
    assert app.state.room.live.streams == 0


def test_what_another_process_learns_arrives_and_the_stream_ends_with_the_server(counter: Counter) -> None:
    app = create_app(counter.database, settings=ApiSettings(stream_poll_s=0.01))
    elsewhere = Database(counter.database.url)
    with running(app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/v1/events/stream", headers={"X-API-Key": counter.reader})
        events = parse(line.decode().rstrip("\r\n") for line in connection.getresponse())
        assert next(events)[0] == "ready"
        with elsewhere.begin("test") as other:
            add_thing(other, "batch", "B-NEW")
        assert labels([next(events)[1]]) == ["B-NEW"]
        app.state.room.live.is_stopping = True
        assert [kind for kind, _, _ in events] == ["closing"]
        connection.close()
    elsewhere.close()


def test_a_key_that_is_narrowed_to_a_site_sees_no_events_and_no_webhooks(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        narrow = create_key(connection, name="narrow", scopes=["read", "site:CRK"])
    for path in ("/v1/events", "/v1/events/stream?once=true", "/v1/webhooks", "/v1/webhooks/1/deliveries"):
        answer = counter.client.get(path, headers={"X-API-Key": narrow})
        assert answer.status_code == 403
        assert "narrowed" in answer.json()["detail"]


# ------------------------------------------------------------------------------------ webhooks
@pytest.fixture
def office(either_counter: Counter, tmp_path: Path) -> TestClient:
    """An administrator's client of a hub that may send to loopback."""
    herald = Herald(Sending(Gatekeeper.of(LOOPBACK)), MasterPlace(tmp_path / "webhooks.key"))
    app = create_app(either_counter.database, herald=herald)
    return TestClient(app, headers={"X-API-Key": either_counter.administrator}, raise_server_exceptions=False)


def test_a_webhook_is_made_tried_shown_and_removed(office: TestClient) -> None:
    with receiving() as receiver:
        url = f"{receiver.url}/T0K3N"
        made = office.post("/v1/webhooks", json={"url": url, "types": ["plantwide.batch.changed.v1"]})
        assert made.status_code == 201, made.text
        place = made.headers["location"]
        assert made.json()["secret"].startswith("whsec_")
        shown = office.get(place).json()
        assert shown == {name: value for name, value in made.json().items() if name != "secret"}
        assert shown["receiver"] == receiver.url.removesuffix("/hook")
        tried = office.post(f"{place}/test").json()
        assert (tried["outcome"], tried["status"]) == ("delivered", 204)
        assert receiver.ids == [tried["event_id"]]
        receiver.reply = lambda _: Answered(status=500)
        assert office.post(f"{place}/test").json()["error"] == "the receiver answered 500"
    attempts = office.get(f"{place}/deliveries").json()["items"]
    assert [one["outcome"] for one in attempts] == ["failed", "delivered"]
    everything = office.get("/v1/webhooks").text + office.get("/v1/audit/events", params={"limit": 1000}).text
    assert "T0K3N" not in everything
    assert made.json()["secret"] not in everything
    assert office.post(f"{place}/resume").json()["state"] == "active"
    assert office.delete(place).status_code == 204
    for answer in (office.get(place), office.delete(place), office.post(f"{place}/test")):
        assert answer.status_code == 404
    assert "T0K3N" not in office.get("/v1/audit/events", params={"limit": 1000}).text


def test_who_made_and_removed_a_webhook_is_in_the_trail(office: TestClient) -> None:
    place = office.post("/v1/webhooks", json={"url": "https://receiver.example/"}).headers["location"]
    office.delete(place)
    number = place.rpartition("/")[2]
    events = office.get("/v1/audit/events", params={"thing": f"webhook/{number}"}).json()["items"]
    assert [one["action"] for one in events] == ["delete", "insert"]
    assert all(one["actor"].startswith("administrator") for one in events)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"url": "http://receiver.example/"}, None),
        ({"url": "https://192.168.0.1/"}, "webhook_networks"),
        ({"url": "https://user:word@receiver.example/"}, "without user"),
        ({"url": "https://receiver.example/", "types": ["plantwide.nothing.v1"]}, ""),
        ({"url": "https://receiver.example/", "after": "x"}, "after"),
        ({}, ""),
    ],
)
def test_a_webhook_that_cannot_be_is_refused_with_the_reason(
    office: TestClient, body: dict[str, Any], told: str | None
) -> None:
    answer = office.post("/v1/webhooks", json=body)
    if (
        told is None
    ):  # a name is judged when it is looked up: loopback is open here, the internet is not by http
        assert answer.status_code == 201
        return
    assert answer.status_code == 422
    assert told in answer.text


def test_only_administrators_make_webhooks_and_not_endlessly_many(
    either_counter: Counter, office: TestClient
) -> None:
    body = {"url": "https://receiver.example/"}
    for key in (either_counter.reader, either_counter.operator):
        assert office.post("/v1/webhooks", json=body, headers={"X-API-Key": key}).status_code == 403
    answers = [office.post("/v1/webhooks", json=body).status_code for _ in range(50)]
    assert answers == [201] * 49 + [422]  # one was there


def test_a_hub_without_a_master_key_says_what_to_set(counter: Counter) -> None:
    headers = {"X-API-Key": counter.administrator}
    answer = counter.client.post("/v1/webhooks", json={"url": "https://receiver.example/"}, headers=headers)
    assert answer.status_code == 501
    assert "webhook_key" in answer.json()["detail"]
