"""Subscription requirements of i3X 1.0, each test named by the id of its requirement."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn

from hub.api.standing import NO_LONGER
from hub.i3x.bodies import Sync
from hub.i3x.settings import I3xSettings
from hub.i3x.subscriptions import Book, Owner
from hub.store.keys import revoke_key
from hub.store.questions.scope import RowScope
from tests.api.factories import add_samples, add_thing
from tests.i3x.conftest import BOGUS, SMALL, I3x, check_bulk, fill_store, open_door
from tests.i3x.test_query import check_vqt

ME = {"clientId": "a-test-5f1d"}
NOW = datetime(2026, 3, 24, 9, 0, tzinfo=UTC)


def subscribe(i3x: I3x, *ids: str, **more: Any) -> dict[str, str]:
    """Give who asks and which subscription, after these objects were registered with it."""
    response = i3x.client.post("/subscriptions", json={**ME, "displayName": "tests"})
    assert response.status_code == 200, response.text
    mine = {**ME, "subscriptionId": response.json()["result"]["subscriptionId"]}
    if ids:
        assert all(
            one["success"]
            for one in i3x.bulk("/subscriptions/register", **mine, elementIds=list(ids), **more)
        )
    return mine


def sync(i3x: I3x, mine: dict[str, str], **more: Any) -> Any:
    response = i3x.client.post("/subscriptions/sync", json={**mine, **more})
    assert response.status_code == 200, response.text
    return response.json()["result"]


def updates_of(batches: list[Any]) -> list[tuple[str, Any]]:
    return [(one["elementId"], one["value"]) for batch in batches for one in batch["updates"]]


def say(i3x: I3x, *values: float, seq: int = 2) -> None:
    """Let the temperature say some more, a minute apart."""
    with i3x.database.begin("test") as connection:
        add_samples(connection, tag_row(i3x), list(values), start=NOW + timedelta(minutes=10 * seq), seq=seq)


def tag_row(i3x: I3x) -> int:
    from hub.store.answers.things import find_thing

    with i3x.database.read() as connection:
        return find_thing(connection, "tag", "BR2000-01.TEMP").id


@pytest.fixture
def own(make_i3x: Any) -> I3x:
    return make_i3x()


@pytest.fixture
def tag(own: I3x) -> str:
    return own.id_of("BR2000-01.TEMP")


def test_sub_01_a_subscription_is_made(i3x: I3x) -> None:
    response = i3x.client.post("/subscriptions", json={**ME, "displayName": "mine"})
    made = response.json()["result"]
    assert (made["clientId"], made["displayName"]) == (ME["clientId"], "mine")
    assert len(made["subscriptionId"]) > 30
    assert i3x.client.post("/subscriptions", json=ME).json()["result"]["displayName"] == ""


def test_sub_02_a_subscription_is_listed_with_what_it_follows(i3x: I3x) -> None:
    unit = i3x.id_of("CH-01", "equipment")
    mine = subscribe(i3x, unit, maxDepth=2)
    (item,) = i3x.bulk("/subscriptions/list", **ME, subscriptionIds=[mine["subscriptionId"]])
    assert item["result"] == {
        "subscriptionId": mine["subscriptionId"],
        "displayName": "tests",
        "monitoredObjects": [{"elementId": unit, "maxDepth": 2}],
    }


def test_sub_03_objects_are_registered_one_by_one(i3x: I3x) -> None:
    subscribe(i3x, i3x.id_of("BR2000-01.TEMP"), i3x.id_of("B26-0117", "batch"), "folder/batch")


def test_sub_04_registering_again_changes_nothing(own: I3x, tag: str) -> None:
    mine = subscribe(own, tag)
    before = sync(own, mine)
    (item,) = own.bulk("/subscriptions/register", **mine, elementIds=[tag], maxDepth=0)
    assert item["success"]
    assert sync(own, mine) == before
    (listed,) = own.bulk("/subscriptions/list", **ME, subscriptionIds=[mine["subscriptionId"]])
    assert listed["result"]["monitoredObjects"] == [{"elementId": tag, "maxDepth": 1}]


def test_sub_05_an_unknown_object_fails_alone(i3x: I3x) -> None:
    mine = subscribe(i3x)
    ids = [i3x.id_of("BR2000-01.TEMP"), BOGUS]
    good, bad = i3x.bulk("/subscriptions/register", **mine, elementIds=ids)
    assert good["success"]
    assert bad["responseDetail"]["status"] == 404


def test_sub_06_sync_gives_updates(i3x: I3x) -> None:
    ids = list(i3x.everything())
    (batch,) = sync(i3x, subscribe(i3x, *ids))
    assert {one["elementId"] for one in batch["updates"]} == set(ids)
    for one in batch["updates"]:
        assert set(one) == {"elementId", "value", "quality", "timestamp"}
        check_vqt(one)


def test_sub_07_what_is_acknowledged_goes_and_numbers_only_grow(own: I3x, tag: str) -> None:
    mine = subscribe(own, tag)
    (first,) = sync(own, mine)
    say(own, 1.0, 2.0)
    both = sync(own, mine, lastSequenceNumber=0)
    assert both[0] == first
    assert updates_of(both[1:]) == [(tag, 1.0), (tag, 2.0)]
    numbers = [one["sequenceNumber"] for one in both]
    assert numbers == [1, 2]
    assert sync(own, mine, lastSequenceNumber=1) == both[1:]
    assert sync(own, mine, lastSequenceNumber=2) == []
    say(own, 3.0, seq=3)
    (third,) = sync(own, mine, lastSequenceNumber=2)
    assert third["sequenceNumber"] == 3


def test_sub_08_an_object_is_followed_no_more_but_what_waits_stays(own: I3x, tag: str) -> None:
    mine = subscribe(own, tag)
    good, bad = own.bulk("/subscriptions/unregister", **mine, elementIds=[tag, BOGUS])
    assert good["success"]
    assert bad["responseDetail"]["status"] == 404
    say(own, 1.0)
    assert len(updates_of(sync(own, mine))) == 1


def test_sub_10_and_11_a_deleted_subscription_is_gone(i3x: I3x) -> None:
    mine = subscribe(i3x)
    ids = [mine["subscriptionId"], BOGUS]
    good, bad = i3x.bulk("/subscriptions/delete", **ME, subscriptionIds=ids)
    assert good == {"success": True, "subscriptionId": mine["subscriptionId"], "result": None}
    assert bad["responseDetail"]["status"] == 404
    for path in ("sync", "stream", "register", "unregister"):
        response = i3x.client.post(f"/subscriptions/{path}", json={**mine, "elementIds": []})
        assert response.status_code == 404
        assert response.json()["success"] is False
        assert response.json()["responseDetail"]["status"] == 404


def test_sub_12_streams_are_said_to_be_offered(i3x: I3x) -> None:
    assert i3x.get("/info")["capabilities"]["subscribe"] == {"stream": True}


def test_sub_13_minus_one_acknowledges_all(own: I3x, tag: str) -> None:
    mine = subscribe(own, tag)
    say(own, 1.0)
    assert sync(own, mine)
    say(own, 2.0, seq=3)
    assert sync(own, mine, lastSequenceNumber=-1) == []
    assert sync(own, mine) == []


@pytest.mark.parametrize("path", ["", "/list", "/delete", "/register", "/unregister", "/sync", "/stream"])
def test_sub_15_without_a_client_id_nothing_is_done(i3x: I3x, path: str) -> None:
    mine = subscribe(i3x)
    body = {
        "subscriptionId": mine["subscriptionId"],
        "subscriptionIds": [mine["subscriptionId"]],
        "elementIds": [],
    }
    for more in ({}, {"clientId": ""}, {"clientId": 17}):
        response = i3x.client.post(f"/subscriptions{path}", json={**body, **more})
        assert response.status_code == 400
        assert response.json()["success"] is False


def test_sub_16_the_subscription_of_another_is_as_if_there_were_none(i3x: I3x) -> None:
    mine = subscribe(i3x)
    other_name = {**mine, "clientId": "somebody-else"}
    other_key = {"X-API-Key": i3x.keys["read"]}
    for body, headers in ((other_name, {}), (mine, other_key)):
        for path in ("sync", "stream", "register"):
            response = i3x.client.post(
                f"/subscriptions/{path}", json={**body, "elementIds": []}, headers=headers
            )
            nobodys = i3x.client.post(
                f"/subscriptions/{path}", json={**body, "subscriptionId": BOGUS, "elementIds": []}
            )
            assert response.status_code == 404
            assert response.json() == nobodys.json()
        listed = i3x.client.post(
            "/subscriptions/list",
            json={"clientId": body["clientId"], "subscriptionIds": [mine["subscriptionId"]]},
            headers=headers,
        )
        (item,) = check_bulk(listed.json(), [mine["subscriptionId"]])
        assert item["responseDetail"]["status"] == 404


# ------------------------------------------------------------------ streams, over a real connection
@contextmanager
def running(i3x: I3x, wrap: Callable[[Any], Any] = lambda app: app) -> Iterator[httpx2.Client]:
    """Serve a door on loopback, with something around its application; what was opened there ends with it."""
    app = i3x.client.app
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(wrap(app), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/i3x/v1"
            with httpx2.Client(base_url=url, headers=i3x.client.headers, timeout=60) as client:
                yield client
        finally:
            app.state.room.live.is_stopping = True  # type: ignore[attr-defined]
            server.should_exit = True
            thread.join()


def events(response: Any) -> Iterator[list[Any]]:
    for line in response.iter_lines():
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def test_sub_09_a_stream_sends_what_waits_and_what_comes(own: I3x, tag: str) -> None:
    mine = subscribe(own, tag)
    with running(own) as client, client.stream("POST", "/subscriptions/stream", json=mine) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        told = events(response)
        (waiting,) = next(told)
        check_vqt(waiting)
        say(own, 1.25)
        assert next(told) == [
            {"elementId": tag, "value": 1.25, "quality": "Good", "timestamp": "2026-03-24T09:20:00Z"}
        ]
        refused = client.post("/subscriptions/sync", json=mine)
        assert refused.status_code == 400
        assert "stream" in refused.json()["responseDetail"]["detail"]


def test_sub_14_a_second_stream_ends_the_first_cleanly(own: I3x, tag: str) -> None:
    mine = subscribe(own, tag)
    with running(own) as client:
        with client.stream("POST", "/subscriptions/stream", json=mine) as first:
            told = events(first)
            assert len(next(told)) == 1
            with client.stream("POST", "/subscriptions/stream", json=mine) as second:
                assert list(told) == []
                say(own, 2.5)
                assert next(events(second))[0]["value"] == 2.5
        say(own, 3.5, seq=3)
        while (response := client.post("/subscriptions/sync", json=mine)).status_code == 400:
            pass  # the server has not yet noticed that the stream is closed
        assert updates_of(response.json()["result"]) == [(tag, 3.5)]


def test_a_stream_ends_with_its_subscription_and_with_the_server(own: I3x, tag: str) -> None:
    mine, other = subscribe(own, tag), subscribe(own, tag)
    with running(own) as client:
        with client.stream("POST", "/subscriptions/stream", json=mine) as response:
            told = events(response)
            next(told)
            own.bulk("/subscriptions/delete", **ME, subscriptionIds=[mine["subscriptionId"]])
            assert list(told) == []
        with client.stream("POST", "/subscriptions/stream", json=other) as response:
            told = events(response)
            next(told)
            own.client.app.state.room.live.is_stopping = True  # type: ignore[attr-defined]
            assert list(told) == []


def test_a_stream_ends_with_the_key_that_opened_it_and_says_so(own: I3x, tag: str) -> None:
    mine = subscribe(own, tag)
    with running(own) as client, client.stream("POST", "/subscriptions/stream", json=mine) as response:
        lines = response.iter_lines()
        while not next(lines).startswith("data:"):
            pass
        own.clock.now += timedelta(seconds=30)
        say(own, 1.25)
        while not next(lines).startswith("data:"):
            pass
        with own.database.begin("test") as connection:
            assert revoke_key(connection, own.keys["operate"].split("_")[1])
        own.clock.now += timedelta(seconds=15)
        assert NO_LONGER in "\n".join(lines)


# ------------------------------------------------------------------ what the guide asks for beyond
def test_a_subscription_nobody_looks_at_ends(own: I3x, tag: str) -> None:
    mine = subscribe(own, tag)
    own.clock.now += timedelta(seconds=299)
    assert sync(own, mine)
    own.clock.now += timedelta(seconds=299)
    assert sync(own, mine)
    own.clock.now += timedelta(seconds=301)
    assert own.client.post("/subscriptions/sync", json=mine).status_code == 404
    (item,) = own.bulk("/subscriptions/list", **ME, subscriptionIds=[mine["subscriptionId"]])
    assert item["responseDetail"]["status"] == 404


def test_a_full_queue_drops_the_oldest_and_says_so(make_i3x: Any) -> None:
    i3x = make_i3x(queue=3)
    tag = i3x.id_of("BR2000-01.TEMP")
    mine = subscribe(i3x, tag)
    assert len(sync(i3x, mine, lastSequenceNumber=0)) == 1
    for seq, value in enumerate((1.0, 2.0, 3.0), start=2):
        say(i3x, value, seq=seq)
        i3x.client.post("/subscriptions/sync", json=mine)
    say(i3x, 4.0, seq=5)
    response = i3x.client.post("/subscriptions/sync", json=mine)
    assert response.status_code == 206
    body = response.json()
    assert body["success"] is True
    assert body["responseDetail"]["status"] == 206
    assert [one["sequenceNumber"] for one in body["result"]] == [3, 4, 5]
    assert updates_of(body["result"]) == [(tag, 2.0), (tag, 3.0), (tag, 4.0)]
    assert sync(i3x, mine, lastSequenceNumber=5) == []


def test_a_number_that_was_never_given_acknowledges_nothing(own: I3x, tag: str) -> None:
    mine = subscribe(own, tag)
    before = sync(own, mine)
    assert sync(own, mine) == before
    assert sync(own, mine, lastSequenceNumber=99) == before
    assert sync(own, mine, lastSequenceNumber=-2) == before
    assert sync(own, mine, lastSequenceNumber=2**64 - 1) == before
    for wrong in ("1", 1.5, True):
        response = own.client.post("/subscriptions/sync", json={**mine, "lastSequenceNumber": wrong})
        assert response.status_code == 400
    assert sync(own, mine) == before


def test_numbers_are_unsigned_64_bit(own: I3x, tag: str) -> None:
    book = Book(own.database, I3xSettings(), own.clock)
    one = book.create(Owner("key", "client", RowScope()), None)
    one.sequence = 2**64 - 2
    book.register(one, [tag], 1)
    (batch,), _ = book.sync(one, None)
    assert batch["sequenceNumber"] == 2**64 - 1
    assert Sync.model_validate({**ME, "subscriptionId": one.id, "lastSequenceNumber": 2**64 - 1})
    assert book.sync(one, 2**64 - 1) == ([], False)


def test_parts_are_followed_as_deep_as_was_asked_for(own: I3x, tag: str) -> None:
    unit = own.id_of("BR2000-01", "equipment")
    mine = subscribe(own, unit, maxDepth=0)
    ids = {one for one, _ in updates_of(sync(own, mine))}
    assert {unit, tag} < ids
    assert any(one.startswith("context/") for one in ids)
    sync(own, mine, lastSequenceNumber=-1)
    say(own, 1.0)
    assert updates_of(sync(own, mine)) == [(tag, 1.0)]


def test_a_thing_that_changed_is_told_once(own: I3x) -> None:
    mine = subscribe(own, "folder/batch")
    sync(own, mine, lastSequenceNumber=-1)
    assert sync(own, mine) == []
    with own.database.begin("test") as connection:
        add_thing(connection, "batch", "B26-0300")
    (batch,) = sync(own, mine)
    assert updates_of([batch]) == [("folder/batch", {"objects": 5})]


def test_too_many_subscriptions_or_objects_are_refused(make_i3x: Any) -> None:
    i3x = make_i3x(subscriptions=1, registered=1)
    ids = [i3x.id_of("BR2000-01.TEMP"), i3x.id_of("BR2000-01.DO")]
    good, bad = i3x.bulk("/subscriptions/register", **subscribe(i3x), elementIds=ids)
    assert good["success"]
    assert bad["responseDetail"]["status"] == 400
    assert i3x.client.post("/subscriptions", json=ME).status_code == 400


# ------------------------------------------------------------------ clients that do not read
@pytest.fixture
def ours(migrated_url: str) -> Iterator[I3x]:
    """A door of the test's own, on SQLite and on PostgreSQL, that lets a client go at once."""
    for i3x in open_door(fill_store(migrated_url), SMALL):
        limit(i3x, slow_client_s=0.01)
        yield i3x


def limit(i3x: I3x, **settings: Any) -> None:
    room = i3x.client.app.state.room  # type: ignore[attr-defined]
    object.__setattr__(room, "settings", room.settings.model_copy(update=settings))


def stream_to(i3x: I3x, mine: dict[str, str], send: Callable[[Any], Any]) -> None:
    """Open a stream for a client that takes what it is sent as `send` does, until the door ends it."""
    told = iter([{"type": "http.request", "body": json.dumps(mine).encode(), "more_body": False}])

    async def receive() -> Any:
        message = next(told, None)
        return message if message is not None else await anyio.sleep_forever()

    headers = {**i3x.client.headers, "content-type": "application/json"}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/i3x/v1/subscriptions/stream",
        "raw_path": b"/i3x/v1/subscriptions/stream",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    anyio.run(i3x.client.app, scope, receive, send)


def test_a_client_that_does_not_read_is_let_go_and_told_of_what_was_on_its_way(ours: I3x) -> None:
    tag = ours.id_of("BR2000-01.TEMP")
    mine = subscribe(ours, tag)
    sent: list[bytes] = []

    async def take_the_first_line_only(message: Any) -> None:
        if message.get("body", b"").startswith(b"data:"):
            await anyio.sleep_forever()
        sent.append(message.get("body", b""))

    stream_to(ours, mine, take_the_first_line_only)
    assert sent[:2] == [b"", b": nothing new\n\n"]
    assert [text[:23] for text in sent[2:]] == [b": Updates were dropped:"]
    assert ours.client.app.state.room.live.streams == 0  # type: ignore[attr-defined]
    say(ours, 1.5)
    response = ours.client.post("/subscriptions/sync", json=mine)
    assert response.status_code == 206
    assert "what a stream sends" in response.json()["responseDetail"]["detail"]
    assert updates_of(response.json()["result"]) == [(tag, 1.5)]
    assert ours.client.post("/subscriptions/sync", json=mine).status_code == 200


def test_a_stream_says_what_was_lost_before_it(ours: I3x) -> None:
    mine = subscribe(ours, ours.id_of("BR2000-01.TEMP"))
    sent: list[bytes] = []

    async def read_nothing(message: Any) -> None:
        if message.get("body", b"").startswith(b"data:"):
            await anyio.sleep_forever()

    async def read_one(message: Any) -> None:
        sent.append(message.get("body", b""))
        if message.get("body", b"").startswith(b"data:"):
            ours.client.app.state.room.live.is_stopping = True  # type: ignore[attr-defined]

    stream_to(ours, mine, read_nothing)
    say(ours, 1.5)
    stream_to(ours, mine, read_one)
    assert [text[:22] for text in sent] == [
        b"",
        b": nothing new\n\n",
        b": Updates were dropped",
        sent[3][:22],
        b"",
    ]
    assert json.loads(sent[3].removeprefix(b"data:"))[0]["value"] == 1.5


def test_there_are_as_many_open_streams_as_there_may_be(ours: I3x) -> None:
    mine = subscribe(ours, ours.id_of("BR2000-01.TEMP"))
    limit(ours, streams_at_once=0)
    response = ours.client.post("/subscriptions/stream", json=mine)
    assert response.status_code == 400
    assert "close one" in response.json()["responseDetail"]["detail"]
    assert sync(ours, mine)
