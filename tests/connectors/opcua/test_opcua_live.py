"""Live values from a server in this process: they come at once, and what is lost on the way is read again."""

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.subscription_service import SubscriptionService
from pydantic import ValidationError

from connectors.opcua import OpcUa, OpcUaConfig
from hub.ingest.bridge import Bridge
from hub.ingest.live import GAP, Orders, Pace, follow
from hub.ingest.runner import Desk, Outcome, Visit, register
from hub.ingest.sources import History, Source
from hub.ingest.sync import sync_source
from hub.sdk import Window
from hub.sdk.opcua.stack import ServiceError, ua
from hub.sdk.testing import SampleSuite
from hub.store.coverage import covered_spans
from hub.store.database import Database
from hub.store.identifiers import ensure_tags
from hub.store.quarantine import list_open
from hub.store.samples import read_samples
from tests.connectors.opcua.moving import LIVE_NAME, NAMES, MovingServer, moving_server
from tests.swift import swift

FIC, TIC = NAMES
Rows = list[tuple[datetime, float]]


@pytest.fixture(scope="module")
def shared_server() -> Iterator[MovingServer]:
    with moving_server() as made:
        yield made


@pytest.fixture
def server(shared_server: MovingServer) -> MovingServer:
    """Give the server, up; its variables have values, and history from before."""
    shared_server.up()
    for name in (*NAMES, LIVE_NAME):
        shared_server.write(name, -2.0, -1.0)
    return shared_server


@pytest.fixture
def database(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    shutil.copyfile(migrated_sqlite, tmp_path / "hub.db")
    made = swift(f"sqlite:///{tmp_path / 'hub.db'}")
    yield made
    made.close()


def settings_of(server: MovingServer, live: dict[str, Any] | None = None, **more: Any) -> OpcUaConfig:
    """Give the settings of a source that is told every 50 ms."""
    written = {
        "endpoint": server.url,
        "insecure": True,
        "security": {"policy": "None"},
        "nodes": [f"ns=2;s={name}" for name in (*NAMES, LIVE_NAME)],
        "variables": "readable",
        "live": {"publishing_ms": 50, "keep_alive_s": 0.2, **(live or {})},
        **more,
    }
    return OpcUaConfig.model_validate(written)


class Watch:
    """A hub that follows the server in a thread, and what it has stored."""

    def __init__(self, database: Database, config: OpcUaConfig) -> None:
        self.bell = threading.Condition()
        self.desk = Desk(database, progress=self._ring)
        history = History(start=datetime.fromisoformat("2020-01-01T00:00:00+00:00"))
        self.source = Source("pi", "HISTORIAN", "opcua", None, config, history, None)
        self.system = register(self.desk, self.source)
        self.orders = Orders()
        self.following: Future[Outcome] | None = None
        self._pool = ThreadPoolExecutor(1)

    def begin(self) -> None:
        self.orders = Orders()
        self.following = self._pool.submit(self._follow, self.orders)

    def end(self) -> Outcome:
        """Give how following ended: by itself, or because we want it."""
        assert self.following is not None
        self.orders.end()
        return self.following.result(60)

    def wait(self) -> Outcome:
        """Give how following ended by itself."""
        assert self.following is not None
        return self.following.result(60)

    def until(self, is_so: Callable[[], object]) -> None:
        """Wait for something that is stored; fails when it never is."""
        with self.bell:
            assert self.bell.wait_for(is_so, 60)

    def read(self) -> None:
        """Read what is not covered: the next round."""
        assert [o.error for o in sync_source(self.desk, self.source)] == ["", ""]

    def caught_up(self, server: MovingServer, name: str) -> None:
        """Read until history is there up to now: the clock that this server shows goes by whole seconds."""
        for _ in range(1000):
            self.read()
            spans = self.covered(name)
            if len(spans) == 1 and spans[0][1] > server.last:
                return
        pytest.fail("the server's clock stands still")

    def stored(self, name: str) -> Rows:
        """Give the stored samples of a tag."""
        tag = f"ns=2;s={name}"
        with self.desk.begin() as connection:
            ids = ensure_tags(connection, "pi", [tag], now=self.desk.clock())
            ever = (
                datetime.fromisoformat("2020-01-01T00:00:00+00:00"),
                self.desk.clock() + timedelta(days=1),
            )
            table = read_samples(connection, [ids[tag]], *ever)
        return [(row["ts"], row["value"]) for row in table.to_pylist()]

    def covered(self, name: str) -> list[tuple[datetime, datetime]]:
        tag = f"ns=2;s={name}"
        with self.desk.database.read() as connection:
            return covered_spans(connection, self.system.id, [tag]).get(tag, [])

    def gaps(self) -> list[dict[str, Any]]:
        with self.desk.database.read() as connection:
            return [entry for entry in list_open(connection) if entry["object_type"] == GAP]

    def settled(self, is_so: Callable[[], Any]) -> Any:
        """Give something once it is in the store, after however many promises were written down."""
        for _ in range(1000):
            assert self.orders.settle().wait(60)
            if found := is_so():
                return found
        pytest.fail("it never was")

    def _follow(self, orders: Orders) -> Outcome:
        with Bridge(self.source.open()) as bridge:
            visit = Visit(self.desk, self.source, self.system, bridge)
            return follow(visit, orders, Pace(flush_s=0))

    def _ring(self, _: Outcome) -> None:
        with self.bell:
            self.bell.notify_all()


def test_values_that_change_are_in_the_store_at_once(server: MovingServer, database: Database) -> None:
    watch = Watch(database, settings_of(server))
    watch.begin()
    last = [server.history(FIC)[-1]]
    watch.until(lambda: watch.stored(FIC) == last)  # whoever comes is told the last value
    told = {name: server.write(name, 1.0, 2.0, 2.0, 3.0) for name in (FIC, TIC, LIVE_NAME)}
    watch.until(lambda: watch.stored(FIC) == [*last, *told[FIC]])
    watch.until(lambda: (watch.stored(TIC)[1:], watch.stored(LIVE_NAME)[1:]) == (told[TIC], told[LIVE_NAME]))
    outcome = watch.end()
    assert (outcome.error, outcome.samples, outcome.rejected) == ("", 15, 0)


@pytest.mark.parametrize("promise", ["auto", "never"])
def test_a_server_that_falls_over_and_comes_back_costs_and_doubles_nothing(
    server: MovingServer, database: Database, promise: str
) -> None:
    watch = Watch(database, settings_of(server, {"promise": promise}))
    watch.begin()
    watch.until(lambda: watch.stored(FIC))
    server.write(FIC, 2.0, 3.0)
    watch.until(lambda: len(watch.stored(FIC)) == 3)
    server.down()
    failed = watch.wait()
    assert (failed.state, server.url in failed.error) == ("waiting", True)
    server.keep(FIC, 4.0, 5.0)
    server.keep(TIC, 6.0)
    server.up()
    watch.begin()
    after = server.write(TIC, 7.0)
    watch.until(lambda: after[0] in watch.stored(TIC))
    watch.read()
    assert watch.end().error == ""
    watch.caught_up(server, FIC)
    for name in NAMES:
        assert watch.stored(name) == server.history(name)
        assert len(watch.covered(name)) == 1


def test_an_overflow_is_read_again_and_of_a_tag_without_history_it_is_on_record(
    server: MovingServer, database: Database
) -> None:
    watch = Watch(database, settings_of(server, {"queue_size": 5, "publishing_ms": 200}))
    watch.begin()
    watch.until(lambda: watch.stored(FIC) and watch.stored(LIVE_NAME))
    watch.settled(lambda: watch.covered(LIVE_NAME))
    burst = {name: server.write(name, *(float(n) for n in range(40))) for name in (FIC, LIVE_NAME)}
    watch.until(lambda: burst[FIC][-1] in watch.stored(FIC))
    watch.until(lambda: burst[LIVE_NAME][-1] in watch.stored(LIVE_NAME))
    assert watch.stored(FIC)[1:] == burst[FIC][-5:]
    (gap,) = watch.settled(watch.gaps)
    assert "queue overflowed" in gap["reason"]
    start, end = map(datetime.fromisoformat, gap["part"].split("/"))
    assert all(start <= moment < end for moment, _ in burst[LIVE_NAME])
    assert watch.end().rejected == 2
    watch.caught_up(server, FIC)
    assert watch.stored(FIC) == server.history(FIC)
    assert watch.stored(LIVE_NAME)[1:] == burst[LIVE_NAME][-5:]


def test_a_message_that_does_not_come_is_noticed_and_read_again(
    server: MovingServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = InternalSubscription._pop_publish_result
    to_lose: list[str] = []

    def losing(self: InternalSubscription) -> Any:
        result = real(self)
        if result.NotificationMessage.NotificationData and to_lose:
            to_lose.clear()
            return real(self)  # a keep-alive in its place
        return result

    monkeypatch.setattr(InternalSubscription, "_pop_publish_result", losing)
    watch = Watch(database, settings_of(server))
    watch.begin()
    watch.until(lambda: watch.stored(FIC))
    watch.settled(lambda: watch.covered(FIC))
    to_lose.append("the next")
    ((missed, _),) = server.write(FIC, 1.0)
    before, after = watch.settled(lambda: watch.covered(FIC) if watch.covered(FIC)[1:] else None)
    assert watch.end().rejected == 1
    assert before[1] <= missed < after[0]
    assert missed not in dict(watch.stored(FIC))
    watch.caught_up(server, FIC)
    assert watch.stored(FIC) == server.history(FIC)


def test_a_server_that_does_not_date_its_messages_is_believed_by_its_answers(
    server: MovingServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = InternalSubscription._pop_publish_result

    def undated(self: InternalSubscription) -> Any:
        result = real(self)
        result.NotificationMessage.PublishTime = datetime(1601, 1, 1, tzinfo=UTC)
        return result

    monkeypatch.setattr(InternalSubscription, "_pop_publish_result", undated)
    watch = Watch(database, settings_of(server))
    watch.begin()
    watch.until(lambda: watch.stored(FIC))
    ((told, _),) = server.write(FIC, 1.0)
    ((start, end),) = watch.settled(lambda: [s for s in watch.covered(FIC) if s[1] > told])
    watch.end()
    assert start <= told < end
    assert told in dict(watch.stored(FIC))


def test_a_server_that_falls_silent_is_left(
    server: MovingServer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(database, settings_of(server, timeout_s=1.0))
    watch.begin()
    watch.until(lambda: watch.stored(FIC))
    monkeypatch.setattr(InternalSubscription, "has_published_results", lambda _: False)
    failed = watch.wait()
    assert failed.state == "waiting"
    assert "said nothing for 1 s, not even a keep-alive" in failed.error


def test_a_server_without_history_is_only_followed_and_its_gap_is_on_record(
    server: MovingServer, database: Database
) -> None:
    watch = Watch(database, settings_of(server, variables="live_only"))
    watch.read()
    assert watch.stored(FIC) == []
    watch.begin()
    watch.settled(lambda: watch.covered(FIC))
    server.down()
    reason = watch.wait().error
    ((missed, _),) = server.keep(FIC, 2.0)
    server.keep(FIC, 3.0)
    server.up()
    watch.begin()
    (gap,) = watch.settled(watch.gaps)
    watch.end()
    assert reason in gap["reason"]
    assert gap["payload"].split("\n") == sorted(f"ns=2;s={name}" for name in (*NAMES, LIVE_NAME))
    start, end = map(datetime.fromisoformat, gap["part"].split("/"))
    assert start <= missed < end
    watch.read()
    assert missed not in dict(watch.stored(FIC))


@pytest.mark.parametrize(
    ("status", "state", "says"),
    [
        ("BadServiceUnsupported", "stopped", "offers no subscriptions. drop `live`"),
        ("BadTooManySubscriptions", "waiting", "BadTooManySubscriptions"),
    ],
)
def test_a_server_that_lets_nobody_subscribe_says_why(
    server: MovingServer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    state: str,
    says: str,
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise ServiceError(getattr(ua.StatusCodes, status))

    monkeypatch.setattr(SubscriptionService, "create_subscription", refuse)
    watch = Watch(database, settings_of(server))
    watch.begin()
    outcome = watch.wait()
    assert outcome.state == state
    assert says in outcome.error


def test_check_proves_that_subscribing_works_and_counts_what_is_only_followed(server: MovingServer) -> None:
    with Bridge(OpcUa(settings_of(server))) as bridge:
        health = bridge.value(bridge.connector.check())
        assert "2 variables with history" in health.detail
        assert "1 without, followed only" in health.detail


def test_tags_that_can_only_be_followed_need_the_setting_to_follow(server: MovingServer) -> None:
    with pytest.raises(ValidationError, match="can only be followed; set `live"):
        OpcUaConfig.model_validate({**settings_of(server).model_dump(), "live": None})


class TestFollowedOpcUa(SampleSuite):
    @pytest.fixture(autouse=True)
    def world(self, server: MovingServer) -> None:
        self.server = server
        self.move()

    def make(self) -> OpcUa:
        return OpcUa(settings_of(self.server, variables="historized", nodes=[f"ns=2;s={n}" for n in NAMES]))

    def make_refused(self) -> OpcUa:
        return OpcUa(settings_of(self.server, user="hub", password="stolen"))

    def window(self) -> Window:
        times = [moment for moment, _ in self.server.history(FIC)]
        return Window(times[0], times[-1])

    def move(self) -> bool:
        for name in NAMES:
            self.server.write(name, 1.0, 2.0)
        return True
