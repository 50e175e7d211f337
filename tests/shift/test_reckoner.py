"""Key figures are kept while the hub serves: when they can have changed, and not before it is time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hub.ingest.runner import Desk
from hub.insight.formulas import FORMULAS
from hub.insight.keeping import Kept, keep_all, keep_stale
from hub.model import Batch, OperationsRequest, Quantity
from hub.shift.reckoner import Reckoner
from hub.shift.settings import Settings
from hub.store.keys import create_key
from tests.insight.plant import called, fill
from tests.insight.test_mart import read
from tests.resolve.test_counting import says
from tests.resolve.worlds import NOW, World


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    one = World(migrated_url, keeps=True)
    fill(one)
    yield one
    one.database.close()


def test_figures_are_kept_at_the_first_look_and_again_after_the_pause(world: World) -> None:
    now = [NOW]
    desk = Desk(world.database, clock=lambda: now[0])
    reckoner = Reckoner.of(Settings(kpi_s=3600), desk)
    first = reckoner.tend()
    assert (first.formulas, first.withdrawn) == (len(FORMULAS), 0)
    assert len(read(world.database, "fact_kpi")) == first.written > 100
    world.take([says("erp", Batch(id=called("B1"), kind="batch", actual_size=Quantity.of("96", "kg")))])
    world.resolve()
    now[0] += timedelta(minutes=59)
    assert reckoner.tend() == Kept()
    now[0] += timedelta(minutes=1)
    again = Reckoner(desk, pause_s=3600).tend()
    assert 0 < again.written < first.written
    now[0] += timedelta(hours=1)
    assert reckoner.tend() == Kept()


def test_what_has_fallen_due_since_yesterday_is_counted_though_nothing_was_written_of_it(
    world: World,
) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    order = OperationsRequest(id=called("O-9"), due_at=due)
    world.take([says("mes", order, Batch(id=called("B9"), kind="batch", operations_request=called("O-9")))])
    world.resolve()
    keep_all(world.database, actor="test", now=NOW)
    assert not count_due(world, due)
    with world.database.begin("test", at=due + timedelta(days=1)) as connection:
        create_key(connection, name="somebody", scopes=["role:reader"])
    kept = keep_stale(world.database, actor="test", now=NOW)
    assert 0 < kept.formulas < len(FORMULAS) / 2
    assert count_due(world, due)


def count_due(world: World, day: datetime) -> int:
    """Give how many figures tell of what was due in a month."""
    rows = read(world.database, "fact_kpi")
    month = day.year * 10_000 + day.month * 100 + 1
    return sum(row["kpi"] == "on_time_in_full" and row["period_day"] == month for row in rows)


def test_a_reckoner_that_is_stopped_has_ended(world: World) -> None:
    reckoner = Reckoner(Desk(world.database, clock=lambda: NOW), pause_s=3600)
    reckoner.start()
    reckoner.stop()
    assert read(world.database, "fact_kpi") == []
