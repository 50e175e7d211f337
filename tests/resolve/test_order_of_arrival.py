"""The unified state is a function of what is stated, not of the order in which it came."""

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.model import Batch, Identifier, Sample, TestResult
from hub.model.measurement import Measurement
from hub.store.identifiers import names_with_norms
from tests.resolve.worlds import Version, World, versions

pytestmark = pytest.mark.hypothesis  # examples are drawn inside the tests: how many depends on the engine


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
    """A store on SQLite that is told everything at once: what it comes to, every other must come to."""
    path = tmp_path_factory.mktemp("plain") / "hub.db"
    shutil.copyfile(migrated_sqlite, path)
    one = World(f"sqlite:///{path}")
    yield one
    one.database.close()


def told_at_once(world: World, drawn: list[Version]) -> list[str]:
    """Give the dump of a store that got everything in order and resolved once."""
    world.begin()
    world.take(drawn)
    world.resolve()
    return world.dump()


def test_any_order_any_duplicates_and_any_chunks_give_the_same_state(world: World, plain: World) -> None:
    @few(world)
    @given(drawn=versions(), data=st.data())
    def hold(drawn: list[Version], data: st.DataObject) -> None:
        once = told_at_once(plain, drawn)
        again = data.draw(st.lists(st.sampled_from(drawn), max_size=3)) if drawn else []
        order = data.draw(st.permutations([*drawn, *again]))
        chunk = data.draw(st.integers(1, 6))
        world.begin()
        for version in order:
            world.take([version])
            if data.draw(st.booleans()):
                world.resolve(chunk)
        world.resolve(chunk)
        assert world.dump() == once
        world.rebuild()
        assert world.dump() == once

    hold()


def test_pages_of_any_size_give_the_same_state(world: World, plain: World) -> None:
    @few(world)
    @given(drawn=versions(), cuts=st.lists(st.integers(0, 20), max_size=4))
    def hold(drawn: list[Version], cuts: list[int]) -> None:
        once = told_at_once(plain, drawn)
        world.begin()
        edges = sorted({0, len(drawn), *(c for c in cuts if c < len(drawn))})
        for start, end in pairwise(edges):
            world.take(drawn[start:end])
        world.resolve(chunk=2)
        assert world.dump() == once

    hold()


def test_what_is_withdrawn_leaves_nothing_behind(world: World, plain: World) -> None:
    @few(world)
    @given(drawn=versions(), more=versions(), chunk=st.integers(1, 6))
    def hold(drawn: list[Version], more: list[Version], chunk: int) -> None:
        extra = [Version(v.system, f"extra {v.key}", v.number, v.records) for v in more if not v.deleted]
        before = told_at_once(plain, drawn)
        assert told_at_once(world, drawn) == before
        world.take(extra)
        world.resolve(chunk)
        world.take([Version(v.system, v.key, 100, deleted=True) for v in extra])
        world.resolve()
        after = [line for line in world.dump() if '"extra d' not in line]
        assert after == before

    hold()


# ------------------------------------------------------------------------------ what drawing found
def batch(system: str, key: str, number: int, name: str, *also: str) -> Version:
    record = Batch(id=Identifier(value=name), also=tuple(Identifier(value=v) for v in also))
    return Version(system, key, number, (record,))


def names_by_thing(world: World) -> set[frozenset[str]]:
    """Give the names in use, those of one thing together."""
    things: dict[str, set[str]] = {}
    for line in world.dump():
        kind, key, *rest = orjson.loads(line)
        if kind == "identifier" and key[0] == "batch":
            things.setdefault(rest[0]["of"], set()).add(f"{key[1].removesuffix(':batch')} {key[2]}")
    return {frozenset(names) for names in things.values()}


def test_an_ambiguous_comparable_form_joins_nothing_and_joins_again_when_it_no_longer_is(
    world: World,
) -> None:
    world.begin()
    world.take([batch("mes", "d1", 1, "A-1"), batch("lims", "d1", 1, "A1")])
    world.resolve()
    assert names_by_thing(world) == {frozenset({"mes A-1", "lims A1"})}
    world.take([batch("mes", "d2", 1, "A 1")])
    world.resolve()
    assert names_by_thing(world) == {frozenset({n}) for n in ("mes A-1", "mes A 1", "lims A1")}
    world.take([Version("mes", "d2", 2, deleted=True)])
    world.resolve()
    assert names_by_thing(world) == {frozenset({"mes A-1", "lims A1"})}


def test_a_form_is_clear_again_when_a_name_of_it_is_no_longer_called_so(world: World) -> None:
    called = Batch(id=Identifier(value="B-77", match="A-1"))
    world.begin()
    world.take(
        [batch("mes", "d1", 1, "A-1"), batch("lims", "d1", 1, "A1"), Version("mes", "d2", 1, (called,))]
    )
    world.resolve()
    assert names_by_thing(world) == {frozenset({n}) for n in ("mes A-1", "mes B-77", "lims A1")}
    world.take([Version("mes", "d2", 2, deleted=True)])
    world.resolve()
    assert names_by_thing(world) == {frozenset({"mes A-1", "lims A1"})}


def test_two_spellings_of_a_reference_are_no_ambiguity(world: World) -> None:
    world.begin()
    samples = tuple(
        Sample(key=f"s{n}", code="s", batch=Identifier(value=v)) for n, v in enumerate(("a 1", "A1"))
    )
    world.take([batch("mes", "d1", 1, "A-1"), Version("lims", "d1", 1, samples)])
    world.resolve()
    assert names_by_thing(world) == {frozenset({"mes A-1", "lims a 1", "lims A1"})}


LONG = Identifier(scheme="erp:batch", value="300214|A-1")
SHORT = LONG.model_copy(update={"match": "A1"})


@pytest.mark.parametrize("first", ["who calls it by its value", "who says what people call it"])
def test_what_a_name_is_called_does_not_depend_on_who_used_it_first(world: World, first: str) -> None:
    told = [
        Version("lims", "d1", 1, (Sample(key="s", code="s", batch=LONG),)),
        Version("erp", "d1", 1, (Batch(id=SHORT),)),
    ]
    world.begin()
    world.take([batch("mes", "d1", 1, "A-1")])
    for version in told if first == "who calls it by its value" else reversed(told):
        world.take([version])
        world.resolve()
    assert names_by_thing(world) == {frozenset({"mes A-1", "erp 300214|A-1"})}


def test_what_a_name_is_called_goes_with_the_last_statement_that_says_it(world: World) -> None:
    world.begin()
    world.take([batch("mes", "d1", 1, "A-1"), Version("erp", "d1", 1, (Batch(id=SHORT),))])
    world.resolve()
    world.take([Version("erp", "d1", 2, (Batch(id=LONG),))])
    world.resolve()
    assert names_by_thing(world) == {frozenset({"mes A-1"}), frozenset({"erp 300214|A-1"})}
    world.take([Version("erp", "d1", 3, (Batch(id=SHORT),))])
    world.resolve()
    assert names_by_thing(world) == {frozenset({"mes A-1", "erp 300214|A-1"})}


def test_a_declaration_withdrawn_restores_what_was_before(world: World) -> None:
    world.begin()
    world.take([batch("erp", "d1", 1, "X"), batch("mes", "d1", 1, "Y"), batch("mes", "d2", 1, "Z")])
    world.resolve()
    before = names_by_thing(world)
    world.take([batch("mes", "d1", 2, "Y", "Z")])
    world.resolve()
    assert frozenset({"mes Y", "mes Z"}) in names_by_thing(world)
    world.take([batch("mes", "d1", 3, "Y")])
    world.resolve()
    assert names_by_thing(world) == before


def test_a_link_that_both_names_declare_stands_until_neither_does(world: World) -> None:
    world.begin()
    world.take([batch("mes", "d1", 1, "Y", "Z"), batch("mes", "d2", 1, "Z", "Y")])
    world.resolve()
    world.take([batch("mes", "d1", 2, "Y")])
    world.resolve()
    assert names_by_thing(world) == {frozenset({"mes Y", "mes Z"})}
    world.take([batch("mes", "d2", 2, "Z")])
    world.resolve()
    assert names_by_thing(world) == {frozenset({"mes Y"}), frozenset({"mes Z"})}


def test_an_update_that_waits_for_a_later_chunk_may_use_names_nobody_knows_yet(world: World) -> None:
    world.begin()
    world.take([batch("mes", "d1", 1, "Y"), batch("mes", "d2", 1, "Y")])
    world.resolve()
    changed = Batch(id=Identifier(value="Y"), campaign=Identifier(value="NEW"))
    world.take([batch("mes", "d1", 2, "Y", "Q"), Version("mes", "d2", 2, (changed,))])
    world.resolve(chunk=1)
    assert names_by_thing(world) == {frozenset({"mes Y", "mes Q"}), frozenset({"mes NEW"})}


def test_a_peer_no_longer_named_is_no_longer_pointed_at(world: World) -> None:
    def result(number: int, retest_of: str | None) -> Version:
        value = Measurement.of("1")
        records = (
            Sample(key="s", code="s"),
            TestResult(key="r1", sample="s", test_code="t", value=value),
            TestResult(key="r2", sample="s", test_code="t", value=value, retest_of=retest_of),
        )
        return Version("lims", "d1", number, records)

    world.begin()
    world.take([result(1, "r1")])
    world.resolve()
    assert any('"retest_of_id":"lims|r1"' in line for line in world.dump())
    world.take([result(2, None)])
    world.resolve()
    assert not any('"retest_of_id":"lims|r1"' in line for line in world.dump())


def test_a_thing_keeps_its_id_when_the_name_that_made_it_was_a_slip(world: World) -> None:
    world.begin()
    slip = Sample(key="s", code="s", batch=Identifier(value="A 1"))
    world.take([Version("lims", "d1", 1, (slip,))])
    world.resolve()
    world.take([batch("mes", "d1", 1, "A-1")])
    world.resolve()
    with world.database.read() as connection:
        first = {n.entity_id for n in names_with_norms(connection, "batch", ["A1"])}
    world.take([Version("lims", "d1", 2, (Sample(key="s", code="s", batch=Identifier(value="A1")),))])
    world.resolve()
    with world.database.read() as connection:
        names = names_with_norms(connection, "batch", ["A1"])
    assert {n.entity_id for n in names} == first
    assert len(first) == 1
