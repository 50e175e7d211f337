"""New samples as they come: over a real connection, from another process's store, taken up again by number."""

import http.client
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import anyio
import numpy as np
import pyarrow as pa
import pytest
import uvicorn
from fastapi.testclient import TestClient
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from hub.api import live
from hub.api.app import create_app
from hub.api.live import LiveResponse
from hub.api.room import ApiSettings
from hub.model import SAMPLE_SCHEMA
from hub.store.answers.things import find_thing
from hub.store.arrivals import Arrival, arrival_bounds, forget_arrivals, note_arrival, read_arrivals
from hub.store.database import Connection, Database
from hub.store.samples import put_samples
from tests.api.conftest import Counter
from tests.api.factories import NOW, START, add_samples, add_thing

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


def test_a_client_that_was_away_long_is_told_all_of_it_in_one_stream(counter: Counter) -> None:
    """However far behind it is, it reads as fast as it is told: it is not slow."""
    for number in range(120):
        put(counter, float(number), 2 + number, minutes=10 + number)
    app = create_app(counter.database, settings=ApiSettings(stream_lag=5))
    away = replace(counter, client=TestClient(app, headers={"X-API-Key": counter.reader}))
    events = read_once(away, 5, tag=STRAY)
    assert [kind for kind, _, _ in events] == ["ready", *["samples"] * 120, "closing"]
    told = [item["value"] for _, data, _ in events for item in data.get("items", ())]
    assert told == [float(number) for number in range(120)]


def test_a_client_that_falls_behind_is_told_so_and_can_go_on_from_there(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream has come to the end once, and then more comes than it may lag behind."""
    monkeypatch.setattr("hub.api.live._ARRIVALS", 2)
    app = create_app(counter.database, settings=ApiSettings(stream_lag=5, stream_poll_s=0.01))
    with running(app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", f"/v1/samples/stream?tag={STRAY}", headers={"X-API-Key": counter.reader})
        events = parse(line.decode().rstrip("\r\n") for line in connection.getresponse())
        assert next(events)[0] == "ready"
        put(counter, -1.0, 1_000, minutes=5)
        assert next(events)[0] == "samples"  # so it has looked up to the end
        with counter.database.begin("test") as other:
            for number in range(20):
                at = START + timedelta(minutes=10 + number)
                add_samples(other, counter.plant["stray"], [float(number)], start=at, seq=2 + number)
        told = list(events)
        connection.close()
    assert told[-1][0] == "dropped"
    assert "Last-Event-ID" in told[-1][1]["detail"]
    rest = read_once(counter, told[-1][2], tag=STRAY)
    values = [item["value"] for _, data, _ in (*told, *rest) for item in data.get("items", ())]
    assert values == [float(number) for number in range(20)]


def test_news_that_go_while_a_client_catches_up_are_said_to_be_missed(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.api.live._ARRIVALS", 1)
    for number in range(3):
        put(counter, float(number), 2 + number, minutes=10 + number)
    newest = read_once(counter, None, tag=STRAY)[0][2]
    assert newest is not None
    read = live.read_arrivals

    def read_and_forget(connection: Connection, after: int, *, limit: int) -> list[Arrival]:
        found = read(connection, after, limit=limit)
        # all but the newest are let go meanwhile
        with closing(Database(counter.database.url)) as elsewhere, elsewhere.begin() as other:
            forget_arrivals(other, datetime.now(UTC) + timedelta(days=1))
        return found

    monkeypatch.setattr("hub.api.live.read_arrivals", read_and_forget)
    events = read_once(counter, newest - 3, tag=STRAY)
    assert [(kind, number) for kind, _, number in events] == [
        ("ready", newest - 3),
        ("samples", newest - 2),
        ("missed", newest - 1),
        ("samples", newest),
        ("closing", newest),
    ]


# ------------------------------------------------------------------ puts of many tags
def put_many(counter: Counter, tags: int, samples: int, *, seq: int, step_s: float = 1.0) -> list[str]:
    """Put so many samples of so many tags at once; give their codes."""
    codes = [f"MANY{seq}.{number}" for number in range(tags)]
    with counter.database.begin("test") as connection:
        ids = {code: add_thing(connection, "tag", code) for code in codes}
        rows = [
            {
                "tag": code,
                "ts": START + timedelta(days=40 + seq, seconds=step_s * at),
                "value": float(at),
                "text": None,
                "quality": 0,
            }
            for code in codes
            for at in range(samples)
        ]
        put_samples(connection, "many", seq, pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA), ids, now=NOW)
    return codes


def correct(counter: Counter, wrong: Mapping[str, Sequence[float]], *, seq: int) -> None:
    """Put -1 for tags of `put_many(…, seq=1)` at these seconds, all at once."""
    at = START + timedelta(days=41)
    rows = [
        {"tag": code, "ts": at + timedelta(seconds=second), "value": -1.0, "text": None, "quality": 0}
        for code, seconds in wrong.items()
        for second in seconds
    ]
    with counter.database.begin("test") as connection:
        ids = {code: find_thing(connection, "tag", code).id for code in wrong}
        put_samples(connection, "many", seq, pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA), ids, now=NOW)


def count_statements(counter: Counter, run: Callable[[], Any]) -> int:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(counter.database.engine, "before_cursor_execute", note)
    run()
    event.remove(counter.database.engine, "before_cursor_execute", note)
    return len([one for one in seen if "sample_hot" in one])


def test_a_put_of_many_tags_is_told_in_as_many_questions_as_one_of_few(either_counter: Counter) -> None:
    counter = either_counter
    asked: dict[int, int] = {}
    for seq, number in enumerate((2, 60)):
        last = read_once(counter, None, tag=STRAY)[-1][2]
        codes = put_many(counter, number, 3, seq=seq)
        told: list[Event] = []
        asked[number] = count_statements(
            counter,
            lambda last=last, codes=codes, told=told: told.extend(read_once(counter, last, tag=codes)),
        )
        items = [item for _, data, _ in told for item in data.get("items", ())]
        assert [(one["tag"], one["value"]) for one in items] == [
            (code, value) for code in codes for value in (0.0, 1.0, 2.0)
        ]
    assert asked[2] == asked[60]


def test_many_puts_are_told_in_as_many_questions_as_one(either_counter: Counter) -> None:
    counter = either_counter
    asked: dict[int, int] = {}
    for number in (1, 20):
        last = read_once(counter, None, tag=STRAY)[-1][2]
        for at in range(number):
            put(counter, float(at), 100 * number + at, minutes=10 * number + at)
        told: list[Event] = []
        asked[number] = count_statements(
            counter, lambda last=last, told=told: told.extend(read_once(counter, last, tag=STRAY))
        )
        items = [item for _, data, _ in told for item in data.get("items", ())]
        assert [one["value"] for one in items] == [float(at) for at in range(number)]
    assert asked[1] == asked[20]


def test_puts_that_lie_far_apart_are_each_told_although_many_samples_lie_between(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.api.live._EXAMINED", 20)
    codes = put_many(counter, 2, 60, seq=1)
    last = read_once(counter, None, tag=STRAY)[-1][2]
    for seq, second in ((8, 3), (9, 55)):
        correct(counter, {codes[0]: [second]}, seq=seq)
    items = [item for _, data, _ in read_once(counter, last, tag=codes) for item in data.get("items", ())]
    assert [item["value"] for item in items] == [-1.0, -1.0]


def test_of_a_put_of_many_samples_some_are_sent_and_all_are_told(either_counter: Counter) -> None:
    """Tags that have few samples have them sent; so many at most that one put fits into memory."""
    counter = either_counter
    last = read_once(counter, None, tag=STRAY)[-1][2]
    codes = put_many(counter, 20, 800, seq=1)
    few = put_many(counter, 3, 2, seq=2)
    events = read_once(counter, last, tag=[*codes, *few])
    sent = [item["tag"] for kind, data, _ in events if kind == "samples" for item in data["items"]]
    spans = [data for kind, data, _ in events if kind == "span"]
    assert len(sent) == 6 * 800 + 6
    assert set(sent) >= set(few)
    assert {*sent, *(span["tag"] for span in spans)} == {*codes, *few}
    assert {span["count"] for span in spans} == {800}
    assert max(len(data["items"]) for kind, data, _ in events if kind == "samples") <= 1_000


def test_a_put_that_corrects_two_of_many_samples_is_told_without_reading_all_between(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.api.live._EXAMINED", 500)
    codes = put_many(counter, 2, 600, seq=1)
    last = read_once(counter, None, tag=STRAY)[-1][2]
    correct(counter, {codes[0]: [0, 599], codes[1]: [7, 7.5]}, seq=9)
    events = read_once(counter, last, tag=codes)
    (span,) = [data for kind, data, _ in events if kind == "span"]
    (samples,) = [data["items"] for kind, data, _ in events if kind == "samples"]
    assert (span["tag"], span["count"]) == (codes[0], 2)
    assert [(item["tag"], item["value"]) for item in samples] == [(codes[1], -1.0)] * 2


# ------------------------------------------------------------------ clients that do not read
async def talk() -> AsyncIterator[bytes]:
    while True:
        yield b"event: samples\n\n"


FAREWELL = b"event: dropped\n\n"


def test_a_client_that_never_reads_is_let_go() -> None:
    ended: list[bool] = []

    async def never(message: Any) -> None:
        if message["type"] == "http.response.body":
            await anyio.sleep_forever()

    async def run() -> None:
        response = LiveResponse(talk(), slow_s=0.01, ended=lambda: ended.append(True), farewell=FAREWELL)
        await response.stream_response(never)

    anyio.run(run)
    assert ended == [True]


def test_a_client_that_reads_again_hears_that_it_was_let_go() -> None:
    ended: list[bool] = []
    sent: list[tuple[bytes, bool]] = []

    async def pause(message: Any) -> None:
        if message["type"] == "http.response.start":
            return
        if not ended:
            await anyio.sleep_forever()
        sent.append((message["body"], message["more_body"]))

    async def run() -> None:
        response = LiveResponse(talk(), slow_s=0.01, ended=lambda: ended.append(True), farewell=FAREWELL)
        await response.stream_response(pause)

    anyio.run(run)
    assert ended == [True]
    assert sent == [(FAREWELL, False)]


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
