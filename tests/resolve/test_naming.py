"""Tags are named by resolving and by whoever reads samples; at the same time, they mean the same things."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest
from sqlalchemy import func, select

from hub.model import Identifier, Tag
from hub.store.database import Connection
from hub.store.identifiers import ensure_tags
from hub.store.tables import ENTITY_TABLES
from tests.databases import is_waiting
from tests.resolve.worlds import NOW, Version, World

TAGS = ["level", "pressure"]


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    one = World(migrated_url, keeps=True)
    yield one
    one.database.close()


def system(world: World) -> str:
    return min(world.systems)


def hear_of_tags(world: World) -> None:
    """Let the source state its tags."""
    stated = tuple(Tag(id=Identifier(value=tag), unit="bar") for tag in TAGS)
    world.take([Version(system(world), "tags", 1, stated)])


def name(world: World, tags: list[str]) -> dict[str, int]:
    with world.database.begin("test") as connection:
        return ensure_tags(connection, system(world), tags, now=NOW)


def beside(world: World, first: Callable[[Connection], object], second: Callable[[], object]) -> None:
    """Let a second act begin while a first has not committed; fails when the second does."""
    with ThreadPoolExecutor(1) as pool:
        with world.database.begin("test") as connection:
            first(connection)
            other = pool.submit(second)
            while not other.done() and not is_waiting(world.database):
                pass
        other.result()


def things(world: World) -> int:
    with world.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(ENTITY_TABLES["tag"])) or 0


@pytest.mark.parametrize("order", list(permutations(TAGS)))
def test_two_that_read_samples_of_the_same_new_tags_name_them_once(
    world: World, order: tuple[str, ...]
) -> None:
    beside(
        world,
        lambda connection: ensure_tags(connection, system(world), TAGS, now=NOW),
        lambda: name(world, list(order)),
    )
    assert things(world) == 2
    assert len(set(name(world, TAGS).values())) == 2


def test_what_reads_samples_names_tags_while_they_are_resolved(world: World) -> None:
    hear_of_tags(world)
    beside(
        world,
        lambda connection: ensure_tags(connection, system(world), TAGS, now=NOW),
        world.resolve,
    )
    ids = name(world, TAGS)
    assert things(world) == 2
    table = ENTITY_TABLES["tag"].c
    with world.database.read() as connection:
        rows = connection.execute(select(table.id, table.unit, table.lifecycle)).all()
    assert {tuple(row) for row in rows} == {(number, "bar", "active") for number in ids.values()}
