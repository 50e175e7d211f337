"""An open stream ends soon after the key that opened it, says why, and is no burden while the key counts."""

import http.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import anyio
import pytest

from hub.api.app import create_app
from hub.api.problems import Problem
from hub.api.room import ApiSettings
from hub.api.standing import NO_LONGER, Standing
from hub.store.database import Database
from hub.store.keys import Caller, create_key, revoke_key
from tests.api.conftest import Counter
from tests.api.factories import NOW, START, add_samples, add_thing
from tests.api.test_streaming import STRAY, running

RECHECK = timedelta(seconds=15)
STREAMS = (f"/v1/samples/stream?tag={STRAY}", "/v1/events/stream")


@dataclass
class Hand:
    """A clock that is put forward by hand."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def names(lines: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """Name and data of each event of a stream."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode().strip().partition(": ")
        if name:
            fields[name] = value
        elif fields:
            yield fields["event"], fields["data"]
            fields = {}


def say_something(counter: Counter, seq: int) -> None:
    with counter.database.begin("test") as connection:
        add_thing(connection, "batch", f"B-{seq}")
        at = START + timedelta(minutes=5 + seq)
        add_samples(connection, counter.plant["stray"], [9.0], start=at, seq=seq)


def make_key(counter: Counter, **given: Any) -> tuple[str, str]:
    """Give a new reader's key and its public id."""
    with counter.database.begin("test") as connection:
        key = create_key(connection, name="watcher", scopes=["read"], **given)
    return key, key.split("_")[1]


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_outlives_its_interval_and_ends_with_its_key(either_counter: Counter, path: str) -> None:
    counter, clock = either_counter, Hand()
    app = create_app(counter.database, settings=ApiSettings(stream_poll_s=0.01))
    object.__setattr__(app.state.room, "clock", clock)
    key, public_id = make_key(counter)
    elsewhere = Database(counter.database.url)
    with running(app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers={"X-API-Key": key})
        told = names(iter(connection.getresponse()))
        assert next(told)[0] == "ready"
        clock.now += 2 * RECHECK
        say_something(counter, 2)
        assert next(told)[0] in ("samples", "event")
        with elsewhere.begin("test") as other:
            assert revoke_key(other, public_id)
        clock.now += RECHECK
        assert [(kind, NO_LONGER in data) for kind, data in told] == [("closing", True)]
        connection.request("GET", path, headers={"X-API-Key": key})
        assert connection.getresponse().status == 401
        connection.close()
    assert app.state.room.live.streams == 0
    elsewhere.close()


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_ends_when_its_key_expires(counter: Counter, path: str) -> None:
    clock = Hand()
    app = create_app(counter.database, settings=ApiSettings(stream_poll_s=0.01))
    object.__setattr__(app.state.room, "clock", clock)
    key, _ = make_key(counter, expires_at=NOW + timedelta(seconds=1))
    with running(app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers={"X-API-Key": key})
        told = names(iter(connection.getresponse()))
        assert next(told)[0] == "ready"
        clock.now += timedelta(seconds=1)
        assert [(kind, NO_LONGER in data) for kind, data in told] == [("closing", True)]
        connection.close()


# ------------------------------------------------------------------------------------ what is asked, and when
@dataclass
class Gate:
    """A gate that says what it is told to, and counts how often it was asked."""

    says: Callable[[], Caller | None]
    asked: int = 0
    clock: Hand = field(default_factory=Hand)

    async def ask(self) -> Caller | None:
        self.asked += 1
        return self.says()

    def let_in(self, caller: Caller) -> Standing:
        return Standing(caller, self.ask, clock=self.clock, every_s=RECHECK.total_seconds())


def caller(*scopes: str, ends_in_s: float | None = None) -> Caller:
    ends = None if ends_in_s is None else NOW + timedelta(seconds=ends_in_s)
    return Caller("7f3a9c", "watcher", frozenset(scopes or ("read",)), ends)


def has_ended(standing: Standing) -> bool:
    return anyio.run(standing.has_ended)


def test_a_thousand_messages_ask_the_gate_once_in_an_interval() -> None:
    gate = Gate(caller)
    standing = gate.let_in(caller())

    async def talk(messages: int) -> None:
        for _ in range(messages):
            assert not await standing.has_ended()

    anyio.run(talk, 1000)
    assert gate.asked == 0
    gate.clock.now += RECHECK
    anyio.run(talk, 1000)
    assert gate.asked == 1


def test_what_has_ended_stays_so() -> None:
    answers = iter([None, caller()])
    gate = Gate(lambda: next(answers))
    standing = gate.let_in(caller())
    gate.clock.now += RECHECK
    assert [has_ended(standing) for _ in range(2)] == [True, True]
    gate.clock.now += RECHECK
    assert has_ended(standing)


def test_other_rights_than_at_the_beginning_end_a_stream() -> None:
    gate = Gate(lambda: caller("role:reader", "site:CRK"))
    standing = gate.let_in(caller("role:reader"))
    gate.clock.now += RECHECK
    assert has_ended(standing)


def test_a_clock_that_is_set_back_does_not_put_off_the_question() -> None:
    gate = Gate(lambda: None)
    standing = gate.let_in(caller())
    gate.clock.now -= timedelta(hours=1)
    assert has_ended(standing)


def test_a_token_is_believed_while_its_issuer_is_away_but_no_longer_than_it_says() -> None:
    def be_away() -> Caller:
        raise Problem("issuer-unavailable", "away")

    gate = Gate(be_away)
    standing = gate.let_in(caller(ends_in_s=300))
    gate.clock.now += RECHECK
    assert not has_ended(standing)
    gate.clock.now = NOW + timedelta(seconds=300)
    assert has_ended(standing)


def test_a_token_that_counts_no_longer_ends_a_stream() -> None:
    def refuse() -> Caller:
        raise Problem("token-invalid", "has expired")

    gate = Gate(refuse)
    standing = gate.let_in(caller(ends_in_s=300))
    gate.clock.now += RECHECK
    assert has_ended(standing)


def test_a_token_that_still_counts_is_believed_anew() -> None:
    gate = Gate(lambda: caller(ends_in_s=600))
    standing = gate.let_in(caller(ends_in_s=300))
    gate.clock.now += timedelta(seconds=300)
    assert not has_ended(standing)
    assert not has_ended(standing)
    assert gate.asked == 1
