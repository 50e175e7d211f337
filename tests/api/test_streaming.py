"""New samples as they come: over a real connection, from another process's store, taken up again by number."""

import http.client
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import anyio
import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from hub.api.app import create_app
from hub.api.live import LiveResponse
from hub.api.room import ApiSettings
from hub.store.arrivals import arrival_bounds, forget_arrivals, note_arrival, read_arrivals
from hub.store.database import Database
from tests.api.conftest import Counter
from tests.api.factories import NOW, START, add_samples

Event = tuple[str, Any, int | None]
STRAY = "PLC7.AI_0042"


def parse(lines: Iterator[str]) -> Iterator[Event]:
    """Kind, data and number of each event."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        elif fields.get("event"):
            number = int(fields["id"]) if "id" in fields else None
            yield fields["event"], json.loads(fields["data"]), number
            fields = {}


def read_once(counter: Counter, after: int | None, **params: Any) -> list[Event]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    response = counter.client.get("/v1/samples/stream", params={"once": "true", **params}, headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return list(parse(iter(response.text.split("\n"))))


def put(counter: Counter, value: float, seq: int, minutes: float = 5) -> None:
    with counter.database.begin("test") as connection:
        add_samples(
            connection, counter.plant["stray"], [value], start=START + timedelta(minutes=minutes), seq=seq
        )


def test_a_client_that_comes_back_gets_what_came_meanwhile_and_nothing_else(either_counter: Counter) -> None:
    counter = either_counter
    first = read_once(counter, 0, tag=STRAY)
    assert [kind for kind, _, _ in first] == ["ready", "samples", "closing"]
    assert [item["value"] for item in first[1][1]["items"]] == [1.0, 2.0, 3.0]
    last = first[-1][2]
    assert last is not None
    assert [kind for kind, _, _ in read_once(counter, last, tag=STRAY)] == ["ready", "closing"]
    put(counter, 9.0, 2)
    again = read_once(counter, last, tag=STRAY)
    assert [item["value"] for item in again[1][1]["items"]] == [9.0]
    assert [kind for kind, _, _ in read_once(counter, None, tag=STRAY)] == ["ready", "closing"]


def test_many_samples_are_told_as_a_span_that_says_where_to_read_them(looked_at: Counter) -> None:
    events = read_once(looked_at, 0, unit="BR2000-01")
    spans = [data for kind, data, _ in events if kind == "span"]
    assert {span["tag"] for span in spans} == {f"BR2000-01.{n}" for n in ("TEMP", "DO", "PH", "VCD")}
    assert {span["count"] for span in spans} == {2016}
    table = looked_at.client.get(spans[0]["read"], headers={"Accept": "application/vnd.apache.arrow.stream"})
    assert table.status_code == 200
    assert STRAY not in {span["tag"] for span in spans}


def test_news_that_are_gone_are_said_to_be_missed(counter: Counter) -> None:
    put(counter, 9.0, 2)
    with counter.database.begin("test") as connection:
        forget_arrivals(connection, NOW + timedelta(days=1))
        oldest, newest = arrival_bounds(connection)
    assert oldest == newest > 1
    kinds = [kind for kind, _, _ in read_once(counter, 0, tag=STRAY)]
    assert kinds == ["ready", "missed", "samples", "closing"]


def test_a_client_that_falls_behind_is_told_so_and_can_go_on_from_there(counter: Counter) -> None:
    for number in range(60):
        put(counter, float(number), 2 + number, minutes=10 + number)
    app = create_app(counter.database, settings=ApiSettings(stream_lag=5))
    slow = Counter(app, counter.database, counter.client, counter.plant, counter.reader, counter.operator)
    slow.client = TestClient(app, headers={"X-API-Key": counter.reader})
    events = read_once(slow, 5, tag=STRAY)
    assert events[-1][0] == "dropped"
    assert "Last-Event-ID" in events[-1][1]["detail"]
    rest = read_once(counter, events[-1][2], tag=STRAY)
    told = [item["value"] for _, data, _ in (*events, *rest) for item in data.get("items", ())]
    assert told == [float(number) for number in range(60)]


def test_a_client_that_never_reads_is_let_go() -> None:
    ended: list[bool] = []

    async def talk() -> AsyncIterator[bytes]:
        while True:
            yield b"event: samples\n\n"

    async def never(message: Any) -> None:
        if message["type"] == "http.response.body":
            await anyio.sleep_forever()

    async def run() -> None:
        await LiveResponse(talk(), slow_s=0.01, ended=lambda: ended.append(True)).stream_response(never)

    anyio.run(run)
    assert ended == [True]


def test_samples_that_another_process_puts_arrive_and_the_stream_ends_with_the_server(
    counter: Counter,
) -> None:
    settings = ApiSettings(stream_poll_s=0.01)
    app = create_app(counter.database, settings=settings)
    elsewhere = Database(counter.database.url)
    with running(app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        query = urlencode({"tag": STRAY})
        connection.request("GET", f"/v1/samples/stream?{query}", headers={"X-API-Key": counter.reader})
        response = connection.getresponse()
        events = parse(line.decode().rstrip("\r\n") for line in response)
        assert next(events)[0] == "ready"
        assert app.state.room.live.streams == 1
        with elsewhere.begin("test") as other:
            add_samples(other, counter.plant["stray"], [9.0], start=START + timedelta(minutes=5), seq=2)
        kind, data, _ = next(events)
        assert (kind, [item["value"] for item in data["items"]]) == ("samples", [9.0])
        app.state.room.live.is_stopping = True
        assert [kind for kind, _, _ in events] == ["closing"]
        connection.close()
    assert app.state.room.live.streams == 0
    elsewhere.close()


@contextmanager
def running(app: Any) -> Iterator[int]:
    """Serve on a free port of the loopback inside the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(60)


def test_a_stream_of_nothing_or_one_too_many_is_refused(counter: Counter) -> None:
    assert "tag" in counter.problem("/v1/samples/stream", 422)["detail"]
    counter.problem("/v1/samples/stream", 404, tag="nobody")
    counter.app.state.room.live.streams = 200
    assert "later" in counter.problem("/v1/samples/stream", 422, tag=STRAY)["detail"]


def take_impatiently(database: Database) -> None:
    with database.begin("test") as quick:
        quick.execute(text("SET LOCAL lock_timeout = '50ms'"))
        note_arrival(quick, np.array([(2, 0, 1, 2)], np.int64), now=NOW)


def test_whoever_has_seen_a_number_has_seen_all_smaller_ones(migrated_postgres_url: str) -> None:
    """A put that is not committed yet keeps the next one from taking a number."""
    one, other = Database(migrated_postgres_url), Database(migrated_postgres_url)
    with one.begin("test") as slow:
        note_arrival(slow, np.array([(1, 0, 1, 2)], np.int64), now=NOW)
        with pytest.raises(OperationalError):
            take_impatiently(other)
    with other.begin("test") as quick:
        note_arrival(quick, np.array([(2, 5, 6, 2)], np.int64), now=NOW)
        first, second = read_arrivals(quick, 0, limit=10)
    assert first.id < second.id
    assert (first.spans.tolist(), second.spans.tolist()) == ([[1, 0, 1, 2]], [[2, 5, 6, 2]])
    one.close()
    other.close()
