"""A thing that is re-numbered keeps both names: the old one finds it for ever and is shown as replaced."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.model import Identifier, MaterialLot, Sample
from hub.store.answers.things import find_thing, list_names, read_thing
from tests.resolve.worlds import NOW, SYSTEMS, Version, World

pytestmark = pytest.mark.hypothesis  # examples are drawn inside the tests: how many depends on the engine

AT = NOW + timedelta(days=3)


def few(world: World) -> settings:
    """A fifth of the profile's examples, for each costs dozens of transactions; fewer by day on PostgreSQL."""
    profile = settings()
    is_quick = world.database.dialect == "sqlite" or settings.get_current_profile_name() == "nightly"
    return settings(
        max_examples=profile.max_examples // (5 if is_quick else 12),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url)
    yield one
    one.database.close()


@pytest.fixture(scope="module")
def plain(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A store on SQLite that is told everything at once."""
    path = tmp_path_factory.mktemp("plain") / "hub.db"
    shutil.copyfile(migrated_sqlite, path)
    one = World(f"sqlite:///{path}")
    yield one
    one.database.close()


def lot(value: str, *replaces: str, version: int = 1, key: str = "", **about: Any) -> Version:
    names = tuple(Identifier(value=v) for v in replaces)
    record = MaterialLot(id=Identifier(value=value), replaces=names, **about)
    return Version("erp", key or value, version, (record,))


def tell(world: World, *versions: Version) -> None:
    world.take(versions)
    world.resolve()


def shown(world: World, value: str) -> dict[str, tuple[Any, ...]]:
    """By name of the lot that has this one: whether it is current, from when, until when, replaced by what."""
    with world.database.read() as connection:
        found = find_thing(connection, "material_lot", value)
        return {
            n["value"]: (n["is_active"], n["valid_from"], n["valid_to"], n["replaced_by"])
            for n in list_names(connection, "material_lot", found.id)
        }


def code(world: World, value: str) -> str:
    with world.database.read() as connection:
        return read_thing(connection, "material_lot", find_thing(connection, "material_lot", value).id)[
            "code"
        ]


def test_the_old_name_is_replaced_and_the_new_one_is_what_people_call_it(world: World) -> None:
    world.begin()
    tell(world, lot("10"), lot("20", "10", renumbered_at=AT))
    assert shown(world, "10") == {
        "10": (False, None, AT, "erp:material_lot|20"),
        "20": (True, AT, None, None),
    }
    assert code(world, "10") == "20"


def test_facts_under_the_old_name_belong_to_the_new_one(world: World) -> None:
    world.begin()
    sample = Sample(key="s", code="s", lot=Identifier(scheme="erp:material_lot", value="10"))
    tell(world, Version("lims", "s", 1, (sample,)))
    tell(world, lot("20", "10"))
    (line,) = (orjson.loads(n) for n in world.dump() if n.startswith('["sample"'))
    assert line[2]["lot_id"] == "erp:material_lot|10"
    assert set(shown(world, "10")) == {"10", "20"}


def test_a_chain_of_numbers_is_one_thing_and_each_shows_what_replaced_it(world: World) -> None:
    world.begin()
    later = AT + timedelta(days=1)
    tell(world, lot("30", "20", renumbered_at=later), lot("20", "10", renumbered_at=AT), lot("10"))
    assert shown(world, "10") == {
        "10": (False, None, AT, "erp:material_lot|20"),
        "20": (False, AT, later, "erp:material_lot|30"),
        "30": (True, later, None, None),
    }
    assert code(world, "20") == "30"


def test_what_is_withdrawn_is_current_again_and_both_names_still_find_something(world: World) -> None:
    world.begin()
    tell(world, lot("10"), lot("20"))
    before = world.dump()
    tell(world, lot("30", "20", "10", key="20", version=2))
    assert set(shown(world, "20")) == {"10", "20", "30"}
    tell(world, lot("20", key="20", version=3))
    assert shown(world, "20") == {"20": (True, None, None, None)}
    assert shown(world, "10")["10"] == (True, None, None, None)
    records = '["source_record"'
    assert [n for n in world.dump() if not n.startswith(records)] == [
        n for n in before if not n.startswith(records)
    ]


def test_a_name_that_nobody_uses_any_more_still_finds_its_thing(world: World) -> None:
    world.begin()
    tell(world, lot("10"), lot("20", "10"))
    tell(world, Version("erp", "10", 2, deleted=True), lot("20", version=2))
    assert code(world, "10") == "20"


def test_numbers_that_differ_by_plant_only_are_no_ambiguity_once_one_replaced_the_other(world: World) -> None:
    """Two names of one system with one comparable form are one candidate when they are one thing."""
    world.begin()
    mes = Version("mes", "d", 1, (MaterialLot(id=Identifier(value="L-1")),))
    old, new = (Identifier(value=f"300214|{plant}|L1", match="L1") for plant in ("1010", "1020"))
    apart = Version("erp", "d", 1, (MaterialLot(id=old), MaterialLot(id=new)))
    tell(world, mes, apart)
    assert set(shown(world, "L-1")) == {"L-1"}
    tell(world, Version("erp", "d", 2, (MaterialLot(id=old), MaterialLot(id=new, replaces=(old,)))))
    assert set(shown(world, "L-1")) == {"L-1", "300214|1010|L1", "300214|1020|L1"}


_name = st.sampled_from(("1", "2", "3")).map(lambda v: Identifier(value=v))
_records = st.builds(
    MaterialLot,
    id=_name,
    replaces=st.lists(_name, max_size=2, unique=True).map(tuple),
    renumbered_at=st.sampled_from((None, AT, AT + timedelta(days=1))),
)


@st.composite
def stories(draw: st.DrawFn) -> list[Version]:
    told: list[Version] = []
    for system in sorted(SYSTEMS)[:2]:
        for key in draw(st.lists(st.sampled_from(("d1", "d2", "d3")), unique=True, max_size=3)):
            for number in range(1, draw(st.integers(1, 3)) + 1):
                deleted = draw(st.integers(0, 5)) == 0
                records = () if deleted else tuple(draw(st.lists(_records, min_size=1, max_size=2)))
                told.append(Version(system, key, number, records, deleted))
    return told


def test_what_replaced_what_follows_from_what_is_stated_in_whatever_order(world: World, plain: World) -> None:
    @few(world)
    @given(told=stories(), data=st.data())
    def hold(told: list[Version], data: st.DataObject) -> None:
        plain.begin()
        tell(plain, *told)
        expected = plain.dump()
        world.begin()
        for version in data.draw(st.permutations(told)):
            world.take([version])
            if data.draw(st.booleans()):
                world.resolve(data.draw(st.integers(1, 6)))
        world.resolve()
        assert world.dump() == expected
        world.rebuild()
        assert world.dump() == expected

    hold()
