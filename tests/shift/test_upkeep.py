"""What the hub does for its samples while it serves: folds when due, and keeps them when it cannot."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hub.ingest.runner import Desk
from hub.shift.upkeep import Policy, Upkeep
from hub.store.arrivals import NEWS_KEPT, read_arrivals
from hub.store.jobs import begin_job
from hub.store.lake.survey import survey
from hub.store.replies import Asked, claim_request
from tests.store.lake.cellars import Cellar, cellar


@pytest.fixture
def store(migrated_url: str, tmp_path: Path) -> Iterator[Cellar]:
    with cellar(migrated_url, tmp_path / "samples") as one:
        yield one


def upkeep(store: Cellar, **policy: float) -> Upkeep:
    desk = Desk(store.database, owner="node", clock=lambda: store.clock)
    return Upkeep(desk, Policy(**policy))  # type: ignore[arg-type]  # numbers by the policy's names


def test_samples_are_folded_when_they_have_waited_long_enough(store: Cellar) -> None:
    store.put([("a", 1, 1.0, None, 0)], seq=1)
    keeper = upkeep(store, fold_s=60)
    assert not keeper.tend()
    store.clock += timedelta(seconds=60)
    assert keeper.tend()
    held = survey(store.database)
    assert (held.hot, held.cold) == (0, 1)
    assert not keeper.tend()


def test_many_samples_are_folded_at_once(store: Cellar) -> None:
    store.put([("a", hour, 1.0, None, 0) for hour in range(10)], seq=1)
    assert upkeep(store, fold_rows=10).tend()
    assert survey(store.database).cold == 10


def test_another_node_that_folds_is_left_alone(store: Cellar) -> None:
    store.put([("a", hour, 1.0, None, 0) for hour in range(10)], seq=1)
    with store.turn("other"):
        assert not upkeep(store, fold_rows=10).tend()
    assert upkeep(store, fold_rows=10).tend()


def test_a_fold_that_fails_keeps_the_samples_and_says_why(store: Cellar) -> None:
    store.put([("a", 1, 1.0, None, 0)], seq=1)
    Path(store.database.cellar.lake.place.root).write_bytes(b"a file where a folder belongs")
    keeper = upkeep(store, fold_rows=1)
    with pytest.raises(Exception, match=r"(?i)not a directory|exists"):
        keeper.tend()
    held = survey(store.database)
    assert held.hot == 1
    assert held.last_error
    assert store.read() == store.expected()
    Path(store.database.cellar.lake.place.root).unlink()
    assert keeper.tend()
    assert survey(store.database).last_error is None
    assert store.read() == store.expected()


def test_answers_are_let_go_when_they_are_no_longer_given_again(store: Cellar) -> None:
    claim_request(store.database, Asked("caller", "key", "0" * 64), now=store.clock)
    keeper = upkeep(store)
    assert keeper.clear() == 0
    store.clock += timedelta(hours=24)
    assert keeper.clear() == 1
    assert keeper.clear() == 0


def test_news_of_samples_are_let_go_after_some_days_but_for_the_newest(store: Cellar) -> None:
    for seq in (1, 2, 3):
        store.put([("a", seq, 1.0, None, 0)], seq=seq)
    keeper = upkeep(store)
    assert keeper.clear() == 0
    store.clock += NEWS_KEPT + timedelta(seconds=1)
    assert (keeper.clear(), keeper.clear()) == (2, 0)
    with store.database.read() as connection:
        assert len(read_arrivals(connection, 0, limit=9)) == 1


def test_jobs_and_their_answers_are_let_go_after_a_day(store: Cellar, tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()
    desk = Desk(store.database, owner="node", clock=lambda: store.clock)
    keeper = Upkeep(desk, Policy(), jobs=folder)
    made = begin_job(store.database, caller="me", route="GET /v1/a", request="GET /v1/a", now=store.clock)
    answer = folder / made.token
    answer.write_bytes(b"1")
    os.utime(answer, (store.clock.timestamp(), store.clock.timestamp()))
    assert (keeper.clear(), answer.exists()) == (0, True)
    store.clock += timedelta(hours=24)
    assert (keeper.clear(), answer.exists()) == (1, False)
    assert keeper.clear() == 0
