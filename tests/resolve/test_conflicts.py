"""What a person decides about a conflict counts while what was judged stands, and leaves nothing when undone."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.model import Batch, Identifier, Quantity
from hub.resolve.conflicts import NoDecision, NoSuchVoice, NothingToDecide
from hub.store.rules import Rule, Tolerance
from hub.store.tables import ENTITY_TABLES, audit_event, value_decision
from tests.resolve.worlds import Decided, Version, World, versions

pytestmark = pytest.mark.hypothesis
BATCH = ENTITY_TABLES["batch"].c


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url)
    yield one
    one.database.close()


@pytest.fixture(scope="module")
def plain(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("plain") / "hub.db"
    shutil.copyfile(migrated_sqlite, path)
    one = World(f"sqlite:///{path}")
    yield one
    one.database.close()


def says(system: str, size: str | None, number: int = 1, **more: Any) -> Version:
    """One system's word on the size of batch B-1, which each calls by a name of its own."""
    name = {"mes": "B-1", "erp": "B1", "lims": "b 1"}[system]
    record = Batch(
        id=Identifier(value=name), actual_size=None if size is None else Quantity.of(size, "kg"), **more
    )
    return Version(system, "d", number, (record,))


def disagree(world: World) -> tuple[str, int, str]:
    """Begin with MES and ERP at odds; give the place of their conflict."""
    world.begin()
    world.take([says("mes", "117.3"), says("erp", "118.2")])
    world.resolve()
    (conflict,) = world.conflicts()
    return conflict["place"]


def golden(world: World) -> tuple[Any, ...]:
    """Give size and mark of the one batch that is there."""
    query = select(BATCH.actual_size, BATCH.has_conflict).where(BATCH.lifecycle == "active")
    with world.database.read() as connection:
        return tuple(connection.execute(query).one())


# ---------------------------------------------------------------------------------------- the law of it
def test_decisions_give_the_same_state_whenever_they_are_taken_and_none_when_undone(
    world: World, plain: World
) -> None:
    @settings(
        max_examples=max(4, settings().max_examples // (8 if world.database.dialect == "sqlite" else 25)),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(drawn=versions(), data=st.data())
    def hold(drawn: list[Version], data: st.DataObject) -> None:
        plain.begin()
        plain.take(drawn)
        plain.resolve()
        before = plain.dump()
        taken: list[Decided] = []
        for conflict in plain.conflicts():
            if data.draw(st.booleans(), label="decide"):
                voices = [s["source"] for s in conflict["statements"]]
                taken.append(plain.settle(conflict["place"], data.draw(st.sampled_from(voices))))
        decided = plain.dump()

        world.begin()
        waiting = list(taken)
        for version in data.draw(st.permutations(drawn), label="order"):
            world.take([version])
            if data.draw(st.booleans(), label="resolve now"):
                world.resolve(3)
            waiting = [d for d in waiting if data.draw(st.booleans(), label="wait") or not world.decide(d)]
        world.resolve()
        assert all(world.decide(d) for d in waiting)
        assert world.dump() == decided
        world.rebuild()
        assert world.dump() == decided

        for place in data.draw(st.permutations([c["place"] for c in plain.conflicts("resolved")])):
            plain.undo(place)
        assert plain.dump() == before

    hold()


# ------------------------------------------------------------------------------------ one after another
def test_a_decision_lets_its_source_count_and_leaves_the_conflict_resolved(world: World) -> None:
    place = disagree(world)
    before = world.dump()
    assert golden(world) == (118.2, True)
    world.settle(place, "mes")
    assert golden(world) == (117.3, False)
    assert world.conflicts() == []
    (conflict,) = world.conflicts("resolved")
    assert (conflict["state"], conflict["decision"]["counts"], conflict["decision"]["reason"]) == (
        "resolved",
        "mes",
        "so it was",
    )
    said = {s["source"]: (s["is_winner"], s["in_conflict"], s["is_settled"]) for s in conflict["statements"]}
    assert said == {"mes": (True, False, False), "erp": (False, False, True)}
    world.undo(place)
    assert world.dump() == before
    (again,) = world.conflicts()
    assert (again["decision"], again["reopened"]) == (None, None)


def test_a_changed_value_opens_the_conflict_again_and_tells_what_changed(world: World) -> None:
    place = disagree(world)
    world.settle(place, "mes")
    world.take([says("erp", "119.0", 2)])
    world.resolve()
    assert golden(world) == (119.0, True)
    (conflict,) = world.conflicts()
    assert conflict["decision"] is None
    assert conflict["reopened"]["changed"] == [
        {"source": "erp", "then": {"value": 118.2, "unit": "kg"}, "now": {"value": 119.0, "unit": "kg"}}
    ]
    world.take([says("erp", "118.20", 3)])
    world.resolve()
    assert golden(world) == (117.3, False)


def test_a_value_written_otherwise_is_still_what_was_judged(world: World) -> None:
    place = disagree(world)
    world.settle(place, "mes")
    world.take([says("erp", "118.200", 2)])
    world.resolve()
    assert golden(world) == (117.3, False)


def test_a_new_voice_that_contradicts_opens_the_conflict_and_one_that_agrees_does_not(world: World) -> None:
    place = disagree(world)
    world.settle(place, "mes")
    world.take([says("lims", "117.31")])
    world.resolve()
    assert golden(world) == (117.3, False)
    world.take([says("lims", "90", 2)])
    world.resolve()
    assert golden(world) == (117.3, True)
    (conflict,) = world.conflicts()
    assert conflict["decision"]["counts"] == "mes"
    assert conflict["reopened"]["changed"] == [
        {"source": "lims", "then": None, "now": {"value": 90.0, "unit": "kg"}}
    ]


def test_a_decision_follows_its_name_through_parting_and_joining(world: World) -> None:
    place = disagree(world)
    world.settle(place, "mes")
    decided = world.dump()
    other = Batch(id=Identifier(value="B 1"))  # a second MES name of the same form: nothing is joined by it
    world.take([Version("mes", "e", 1, (other,))])
    world.resolve()
    assert world.conflicts("all") == []
    world.take([Version("mes", "e", 2, deleted=True)])
    world.resolve()
    assert [line for line in world.dump() if '"e"' not in line] == decided


def test_a_later_decision_counts_and_the_earlier_one_when_that_is_undone(world: World) -> None:
    place = disagree(world)
    world.settle(place, "mes")
    first = world.dump()
    world.settle(place, "erp")
    assert golden(world) == (118.2, False)
    world.undo(place)
    assert world.dump() == first
    assert golden(world) == (117.3, False)


def test_a_decision_stands_whatever_rule_comes(world: World) -> None:
    place = disagree(world)
    world.settle(place, "mes")
    world.rule(Rule("batch", "actual_size", "system", ("LIMS", "ERP"), Tolerance(0.0001)))
    assert golden(world) == (117.3, False)
    world.undo(place)
    assert golden(world) == (118.2, True)


def test_decisions_are_never_removed_and_the_trail_has_who_and_why(world: World) -> None:
    place = disagree(world)
    world.settle(place, "mes")
    world.undo(place)
    with world.database.read() as connection:
        c = value_decision.c
        kept = connection.execute(
            select(c.state, c.decided_by, c.reason, c.reversed_by, c.reversed_reason, c.judged)
        ).one()
        noted = connection.execute(
            select(audit_event.c.action, audit_event.c.actor).where(
                audit_event.c.entity_type == "value_decision"
            )
        ).all()
    assert tuple(kept) == (
        "reversed",
        "test",
        "so it was",
        "test",
        "it was not so",
        {"erp": [118.2, "kg"], "mes": [117.3, "kg"]},
    )
    assert [tuple(row) for row in noted] == [("insert", "test"), ("update", "test")]


def test_the_view_for_other_tools_shows_open_and_resolved_conflicts(world: World) -> None:
    place = disagree(world)
    columns = "entity_type, entity_id, code, attribute, state, sources, distinct_values, counts, decided_by"

    view = "v_conflict" if world.database.dialect == "sqlite" else "mart.v_conflict"

    def rows() -> list[tuple[Any, ...]]:
        with world.database.read() as connection:
            return [tuple(r) for r in connection.exec_driver_sql(f"SELECT {columns} FROM {view}")]

    assert rows() == [("batch", place[1], "B-1", "actual_size", "open", 2, 2, "erp", None)]
    world.settle(place, "mes")
    assert rows() == [("batch", place[1], "B-1", "actual_size", "resolved", 2, 2, "mes", "test")]
    world.take([says("mes", "118.20", 2)])
    world.resolve()
    assert rows() == []


def test_for_a_word_that_was_withdrawn_a_moment_ago_nothing_can_be_decided(world: World) -> None:
    place = disagree(world)
    world.take([says("mes", None, 2)])
    with pytest.raises(NoSuchVoice, match="withdrawn meanwhile"):
        world.settle(place, "mes")
    world.settle(place, "erp")
    world.resolve()
    assert golden(world) == (118.2, False)


def test_what_cannot_be_decided_is_refused(world: World) -> None:
    place = disagree(world)
    with pytest.raises(NoSuchVoice, match="only erp, mes"):
        world.settle(place, "lims")
    with pytest.raises(NothingToDecide):
        world.settle((place[0], place[1], "status"), "mes")
    with pytest.raises(NoDecision):
        world.undo(place)
    world.settle(place, "mes")
    with pytest.raises(NoDecision):
        world.undo(place, decision=10**6)
    world.undo(place)
    with pytest.raises(NoDecision):
        world.undo(place)
