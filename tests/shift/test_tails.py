"""A hub that serves follows its sources: again after a failure, with new tags too, and beside the rounds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.ingest.live import LIVE_STREAM, Pace
from hub.ingest.runner import Desk
from hub.ingest.sources import FrameRule, Project
from hub.sdk import Unauthorized, Unavailable
from hub.shift.supervisor import Supervisor
from hub.store.database import Database, StoreUnreachable
from hub.store.samples import count_samples
from hub.store.summary import list_streams
from tests.ingest.tides import KEPT, START, Sea, batch_of, seconds, source_of
from tests.swift import swift

LEVEL = ("level", START + seconds(1))


@pytest.fixture
def sea() -> Sea:
    return Sea(now=START + seconds(100))


@pytest.fixture
def desk(migrated_url: str, sea: Sea) -> Iterator[Desk]:
    database = swift(migrated_url)
    sea.tells = lambda: streams(database)
    yield Desk(database, clock=sea, sleep=lambda _: None, progress=sea.ring)
    database.close()


@pytest.fixture
def supervisor(desk: Desk, sea: Sea) -> Iterator[Supervisor]:
    """Give a shift that follows, and reads when the test says so."""
    made = Supervisor(desk, Project(Path(), (source_of(sea),)), tick_s=3600, pace=Pace(flush_s=0))
    yield made
    made.stop()


def held(desk: Desk) -> int:
    with desk.database.read() as connection:
        return count_samples(connection)


def streams(database: Database) -> list[dict[str, Any]]:
    with database.read() as connection:
        return list_streams(connection)


def state(desk: Desk) -> str:
    return next(s["state"] for s in streams(desk.database) if s["name"] == LIVE_STREAM)


def test_a_shift_follows_what_can_be_followed_and_lets_go_when_it_stops(
    supervisor: Supervisor, desk: Desk, sea: Sea
) -> None:
    sea.says = [batch_of([LEVEL])]
    supervisor.start()
    sea.until(lambda: held(desk) == 1)
    supervisor.stop()
    assert (sea.closed, state(desk)) == (1, "idle")


def test_a_source_that_went_away_is_followed_again(supervisor: Supervisor, desk: Desk, sea: Sea) -> None:
    sea.said_before = [[Unavailable("restarts", retry_after=0)], [Unavailable("restarts", retry_after=0)]]
    sea.says = [batch_of([LEVEL])]
    supervisor.start()
    sea.until(lambda: held(desk) == 1)
    assert len(sea.subscribed) == 3


def test_a_refused_login_is_not_tried_again_before_the_source_was_read(
    supervisor: Supervisor, desk: Desk, sea: Sea
) -> None:
    sea.said_before = [[Unauthorized("wrong password")]]
    sea.says = [batch_of([LEVEL])]
    supervisor.start()
    sea.until(lambda: sea.closed)
    while state(desk) == "running":  # until the failure has been noted
        pass
    assert state(desk) == "paused"
    sea.now += seconds(3600)
    assert len(sea.subscribed) == 1
    for _ in range(1000):  # the tail may not have sat down to wait when the first rounds end
        sea.now += seconds(61)
        supervisor.tick()
        if held(desk):
            break
    assert held(desk) == 1


def test_new_tags_are_followed_too(supervisor: Supervisor, desk: Desk, sea: Sea) -> None:
    sea.listed = KEPT[:1]
    supervisor.start()
    sea.until(lambda: sea.subscribed == [["level"]])
    read_well(supervisor)
    sea.listed = KEPT
    sea.now += seconds(3601)
    read_well(supervisor)
    sea.until(lambda: sea.subscribed[1:] == [["level", "pressure"]])


def read_well(supervisor: Supervisor) -> None:
    """Run a round that must find nothing wrong."""
    cycle = supervisor.tick()
    assert cycle is not None
    assert cycle.failed == []


def test_new_tags_are_followed_though_the_round_that_found_them_failed(
    supervisor: Supervisor, sea: Sea, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were stored before it failed, so that the next round finds nothing new."""
    sea.listed = KEPT[:1]
    supervisor.start()
    sea.until(lambda: sea.subscribed == [["level"]])
    supervisor.tick()
    sea.listed = KEPT
    sea.now += seconds(3601)
    with monkeypatch.context() as patched:
        patched.setattr("hub.shift.cycle.resolve", fail)
        with pytest.raises(StoreUnreachable):
            supervisor.tick()
    assert sea.subscribed == [["level"]]
    sea.now += seconds(3601)
    supervisor.tick()
    sea.until(lambda: sea.subscribed[1:] == [["level", "pressure"]])


def fail(*_: object, **__: object) -> None:
    raise StoreUnreachable("the database does not answer")


def test_a_source_that_is_followed_is_not_due_by_that(supervisor: Supervisor, sea: Sea) -> None:
    supervisor.start()
    sea.until(lambda: sea.subscribed)
    cycle = supervisor.tick()
    assert cycle is not None
    assert [o.stream for o in cycle.outcomes] == ["tags", "samples"]
    sea.now += seconds(59)
    assert supervisor.tick() is None


def test_a_round_does_not_read_what_the_tail_was_promised(
    supervisor: Supervisor, desk: Desk, sea: Sea
) -> None:
    sea.says = [sea.promise(*KEPT, start=START), batch_of([LEVEL])]
    supervisor.start()
    sea.until(lambda: held(desk) == 1)
    supervisor.tick()
    assert sea.asked == []
    sea.now += seconds(61)
    supervisor.tick()
    assert [(w.start, w.end) for _, w in sea.asked] == [(START + seconds(100), sea.now)]


def test_runs_are_found_in_what_was_only_followed(desk: Desk, sea: Sea) -> None:
    rule = FrameRule(source="pi", equipment="U1", batch_tag="level", batch_scheme="pi:batch", name="Run")
    sea.says = [sea.promise(*KEPT, start=START), batch_of([LEVEL, ("level", START + seconds(2))])]
    project = Project(Path(), (source_of(sea),), frames=(rule,))
    supervisor = Supervisor(desk, project, tick_s=3600, pace=Pace(flush_s=0))
    supervisor.start()
    sea.until(lambda: held(desk) == 2)
    cycle = supervisor.tick()
    supervisor.stop()
    assert cycle is not None
    assert (sum(o.samples for o in cycle.outcomes), cycle.frames) == (0, 2)
