"""What a sample belongs to: worked examples, and a check of each sample by itself against the whole join."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.resolve.context import (
    ABOVE_UNIT,
    BATCH,
    Reached,
    Topology,
    find_innermost,
    list_executed,
    reach,
)
from hub.store.answers.tag_kinds import TagKind
from hub.store.executions import BatchHead, Role, Run, Use

ZERO = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)
"""Clocks in Europe change three hours later, at 01:00 UTC."""
NOW = ZERO + timedelta(hours=60)
Member = tuple[int, int | None]
"""A batch and the run, or None for the batch as a whole."""


def hour(number: float | None) -> datetime | None:
    return None if number is None else ZERO + timedelta(hours=number)


def run(id: int, batch: int | None = 1, **values: object) -> Run:
    start, end = values.pop("start", 0.0), values.pop("end", None)
    row: dict[str, object] = {
        "same_as": None,
        "parent": None,
        "level": "phase",
        "name": f"run {id}",
        "occurrence": 1,
        "equipment": None,
        "is_derived": False,
        "start": hour(start),  # type: ignore[arg-type]
        "end": hour(end),  # type: ignore[arg-type]
    }
    return Run(id=id, batch=batch, **{**row, **values})  # type: ignore[arg-type]


def kind(equipment: int | None, tag_id: int = 1) -> TagKind:
    return TagKind(tag_id, f"uid-{tag_id}", f"T{tag_id}", None, None, is_step=False, equipment_id=equipment)


@dataclass(frozen=True)
class World:
    """A plant and what ran in it."""

    tree: dict[int, tuple[int | None, str | None]]
    roles: Sequence[Role] = ()
    runs: Sequence[Run] = ()
    uses: Sequence[Use] = ()
    batches: Sequence[BatchHead] = ()

    def joined(self, tag: TagKind, at: datetime) -> list[Member]:
        """Ask the join about one sample."""
        return told_at(self.join([tag])[tag.tag_id], at)

    def join(self, tags: Sequence[TagKind]) -> dict[int, list[Reached]]:
        """Ask the join about tags."""
        executed = list_executed(self.runs, self.uses, self.batches, now=NOW)
        places = [tag.equipment_id for tag in tags if tag.equipment_id is not None]
        found = reach(executed, places, Topology(self.tree, self.roles))
        return {tag.tag_id: find_innermost(found.get(tag.equipment_id or 0, [])) for tag in tags}


def told_at(innermost: Sequence[Reached], at: datetime) -> list[Member]:
    members = [
        (one.executed.batch, one.executed.run)
        for one in innermost
        for start, end in one.spans
        if start <= at < end
    ]
    return sorted(members, key=str)


PLANT: dict[int, tuple[int | None, str | None]] = {
    1: (None, "Site"),
    10: (1, "Unit"),
    11: (10, "EquipmentModule"),
    20: (1, "Unit"),
    30: (1, "EquipmentModule"),
}


# --------------------------------------------------------------------------------- worked examples
def test_a_sample_belongs_to_the_innermost_run_and_its_chain() -> None:
    runs = [
        run(1, level="unit_procedure", equipment=10, end=10),
        run(2, level="operation", parent=1, start=1, end=9),
        run(3, parent=2, start=2, end=4, name="Feed"),
    ]
    world = World(PLANT, runs=runs)
    assert world.joined(kind(11), ZERO + timedelta(hours=3)) == [(1, 3)]
    assert world.joined(kind(11), ZERO + timedelta(hours=4)) == [(1, 2)]
    assert world.joined(kind(10), ZERO + timedelta(hours=9.5)) == [(1, 1)]
    assert world.joined(kind(10), ZERO + timedelta(hours=10)) == []
    [feed] = [e for e in list_executed(runs, [], [], now=NOW) if e.run == 3]
    assert (feed.name_at("unit_procedure"), feed.name_at("operation"), feed.equipment) == (
        "run 1",
        "run 2",
        10,
    )


def test_a_sample_in_a_unit_that_two_batches_share_belongs_to_both() -> None:
    world = World(PLANT, runs=[run(1, 1, equipment=10, end=6), run(2, 2, equipment=10, start=4, end=9)])
    assert world.joined(kind(10), ZERO + timedelta(hours=3)) == [(1, 1)]
    assert world.joined(kind(10), ZERO + timedelta(hours=5)) == [(1, 1), (2, 2)]
    assert world.joined(kind(10), ZERO + timedelta(hours=6)) == [(2, 2)]


def test_a_transfer_leaves_dead_time_that_belongs_to_neither_unit() -> None:
    world = World(PLANT, runs=[run(1, equipment=10, end=4), run(2, equipment=20, start=5, end=9)])
    told = {
        at: [world.joined(kind(unit), ZERO + timedelta(hours=at)) for unit in (10, 20)] for at in (3, 4.5, 6)
    }
    assert told == {3: [[(1, 1)], []], 4.5: [[], []], 6: [[], [(1, 2)]]}


def test_a_skid_belongs_to_the_unit_that_it_serves_at_the_time() -> None:
    roles = [Role(30, 5, None, None), Role(10, 5, None, hour(4)), Role(20, 5, hour(4), None)]
    runs = [run(1, 1, equipment=10, end=9), run(2, 2, equipment=20, end=9)]
    world = World(PLANT, roles, runs)
    assert world.joined(kind(30), ZERO + timedelta(hours=3)) == [(1, 1)]
    assert world.joined(kind(30), ZERO + timedelta(hours=4)) == [(2, 2)]


def test_a_run_that_two_systems_saw_counts_once_and_keeps_the_phases_of_both() -> None:
    runs = [
        run(1, level="unit_procedure", equipment=10, end=9),
        run(2, level="unit_procedure", equipment=10, end=9.1, same_as=1, is_derived=True),
        run(3, parent=2, start=2, end=4, is_derived=True),
    ]
    world = World(PLANT, runs=runs)
    assert world.joined(kind(10), ZERO + timedelta(hours=3)) == [(1, 3)]
    assert world.joined(kind(10), ZERO + timedelta(hours=9.05)) == []
    [phase] = [e for e in list_executed(runs, [], [], now=NOW) if e.run == 3]
    assert phase.is_derived
    assert phase.name_at("unit_procedure") == "run 1"


def test_a_batch_without_runs_is_in_its_unit_for_its_whole_time() -> None:
    world = World(PLANT, batches=[BatchHead(1, "u", "B1", 10, hour(1), hour(3))])
    assert world.joined(kind(11), ZERO + timedelta(hours=2)) == [(1, None)]
    assert world.joined(kind(11), ZERO + timedelta(hours=3)) == []


def test_equipment_that_took_part_in_a_run_reaches_as_the_run_does() -> None:
    world = World(
        PLANT,
        runs=[run(1, equipment=10, end=9)],
        uses=[Use(1, 1, 20, hour(2), hour(3)), Use(1, 1, 10, None, None)],
    )
    assert world.joined(kind(20), ZERO + timedelta(hours=2.5)) == [(1, 1)]
    assert world.joined(kind(20), ZERO + timedelta(hours=4)) == []
    assert world.joined(kind(10), ZERO + timedelta(hours=4)) == [(1, 1)]


def test_an_area_reaches_its_own_tags_and_not_those_of_its_units() -> None:
    world = World(PLANT, runs=[run(1, equipment=1, end=9)])
    assert world.joined(kind(1), ZERO + timedelta(hours=1)) == [(1, 1)]
    assert world.joined(kind(10), ZERO + timedelta(hours=1)) == []
    assert world.joined(kind(None), ZERO + timedelta(hours=1)) == []


def test_what_has_not_ended_lasts_until_now_or_until_its_parent_ends() -> None:
    runs = [
        run(1, level="operation", equipment=10, end=8),
        run(2, parent=1, start=1),
        run(3, 2, equipment=20),
    ]
    world = World(PLANT, runs=runs)
    assert world.joined(kind(10), ZERO + timedelta(hours=7.9)) == [(1, 2)]
    assert world.joined(kind(20), ZERO + timedelta(hours=59)) == [(2, 3)]
    assert [e.is_open for e in list_executed(runs, [], [], now=NOW)] == [False, False, True]


def test_a_run_that_nobody_ended_ends_with_its_batch() -> None:
    batches = [BatchHead(1, "u", "B1", None, hour(0), hour(8))]
    world = World(PLANT, runs=[run(1, equipment=10, start=2), run(2, equipment=20, end=9)], batches=batches)
    assert world.joined(kind(10), ZERO + timedelta(hours=7.9)) == [(1, 1)]
    assert world.joined(kind(10), ZERO + timedelta(hours=8)) == []
    assert world.joined(kind(20), ZERO + timedelta(hours=8.5)) == [(1, 2)]
    assert not any(one.is_open for one in list_executed(world.runs, [], batches, now=NOW))


# ------------------------------------------------------------------------------ each sample by itself
HOURS = st.integers(0, 12)
EQUIPMENT = st.integers(1, 5)
TREE = st.tuples(st.integers(0, 4), st.sampled_from(("Unit", "Unit", None, "EquipmentModule", "Area")))
SPANS = st.tuples(HOURS, HOURS, st.integers(0, 9)).map(
    lambda drawn: (
        None if drawn[2] == 0 else float(min(drawn[:2])),
        None if drawn[2] in (0, 1, 2) else float(max(drawn[:2])),
    )
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A few equipments with assets that move, and so many runs in a few hours that they are in each other's way."""
    drawn = draw(st.lists(TREE, min_size=5, max_size=5))
    tree = {
        one: (parent if parent not in (0, one) else None, level)
        for one, (parent, level) in enumerate(drawn, 1)
    }
    roles = [
        Role(equipment, asset, hour(start), hour(end))
        for equipment, asset, (start, end) in draw(
            st.lists(st.tuples(EQUIPMENT, st.integers(1, 2), SPANS), max_size=5)
        )
    ]
    shapes = st.tuples(
        st.sampled_from((1, 1, 2, None)), st.integers(0, 6), st.integers(0, 5), SPANS, st.integers(0, 6)
    )
    runs = [
        run(
            number,
            batch,
            parent=parent if 0 < parent != number else None,
            equipment=equipment or None,
            start=start,
            end=end,
            same_as=twin if 0 < twin < number and twin % 2 else None,
        )
        for number, (batch, parent, equipment, (start, end), twin) in enumerate(
            draw(st.lists(shapes, min_size=1, max_size=7)), 1
        )
    ]
    aliases = {one.id for one in runs if one.same_as is not None}
    runs = [replace(one, same_as=None) if one.same_as in aliases else one for one in runs]
    uses = [
        Use(batch, run_id or None, equipment, hour(start), hour(end))
        for batch, run_id, equipment, (start, end) in draw(
            st.lists(st.tuples(st.sampled_from((1, 2)), st.integers(0, 7), EQUIPMENT, SPANS), max_size=3)
        )
    ]
    batches = [
        BatchHead(one, f"u{one}", f"B{one}", equipment or None, hour(start), hour(end))
        for one, (equipment, (start, end)) in enumerate(
            draw(st.lists(st.tuples(st.integers(0, 5), SPANS), min_size=2, max_size=2)), 1
        )
    ]
    return World(tree, roles, runs, uses, batches)


@given(world=worlds())
def test_the_join_says_of_each_sample_what_looking_at_everything_says(world: World) -> None:
    tags = [kind(equipment, equipment) for equipment in world.tree]
    joined, oracle = world.join(tags), Oracle(world)
    for tag in tags:
        for half_hour in range(-1, 27):
            at = ZERO + timedelta(minutes=30 * half_hour)
            assert told_at(joined[tag.tag_id], at) == oracle.members(tag.tag_id, at), (tag.tag_id, at)


class Oracle:
    """Looks at every run, use and role for one sample, and knows no intervals but those of the rows."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.runs = {one.id: one for one in world.runs}
        self.ends = {head.id: head.end for head in world.batches}
        homeless = [replace(head, equipment=None) for head in world.batches]
        self.executed = list_executed(world.runs, world.uses, homeless, now=NOW)

    def members(self, equipment: int, at: datetime) -> list[Member]:
        found = self.there(equipment, at)
        inner = [
            (batch, run)
            for batch, run in found
            if not any(
                other_batch == batch
                and other is not None
                and (run is None or (other != run and run in self.ancestors(other)))
                for other_batch, other in found
            )
        ]
        return sorted(inner, key=str)

    def there(self, equipment: int, at: datetime) -> set[Member]:
        found = set[Member]()
        carried = set[tuple[int, int]]()
        for one in self.real():
            batch, unit = self.inherited(one, "batch"), self.inherited(one, "equipment")
            end = self.inherited(one, "end") or self.ends.get(batch) or NOW
            if batch is None or unit is None or one.start is None or one.start >= end:
                continue
            carried.add((batch, unit))
            if one.start <= at < end and self.reaches(unit, equipment, at):
                found.add((batch, one.id))
        for use in self.world.uses:
            said = self.runs.get(use.run) if use.run is not None else None
            one = None if said is None else self.runs[self.true(said.id)]
            batch: Any = None if one is None else self.inherited(one, "batch")
            start: Any = None
            end: Any = None
            if one is not None:
                start, end = one.start, self.inherited(one, "end") or self.ends.get(batch) or NOW
            if one is not None and (batch is None or start is None or start >= end):
                batch, start, end = None, None, None
            known = batch is not None
            batch = batch if known else use.batch
            first = use.start or start
            last = use.end or (end if known else None)
            if batch is None or first is None or last is None or first >= last:
                continue
            carried.add((batch, use.equipment))
            if first <= at < last and self.reaches(use.equipment, equipment, at):
                found.add((batch, None if one is None else one.id))
        found |= self.wholes(equipment, at, carried)
        return found

    def wholes(self, equipment: int, at: datetime, carried: set[tuple[int, int]]) -> set[Member]:
        found = set[Member]()
        for head in self.world.batches:
            if head.equipment is None or (head.id, head.equipment) in carried:
                continue
            mine = [one for one in self.executed if one.batch == head.id]
            start = head.start or min((one.start for one in mine), default=None)
            end = head.end or max((one.end for one in mine if not one.is_open), default=None) or NOW
            if start is not None and start <= at < end and self.reaches(head.equipment, equipment, at):
                found.add((head.id, None))
        return found

    def real(self) -> list[Run]:
        return [one for one in self.world.runs if one.same_as is None]

    def true(self, run_id: int) -> int:
        twin = self.runs[run_id].same_as
        return run_id if twin is None else twin

    def ancestors(self, run_id: int) -> list[int]:
        found: list[int] = []
        parent = self.runs[run_id].parent
        while parent in self.runs and self.true(parent) not in (*found, run_id):  # type: ignore[arg-type]
            found.append(self.true(parent))  # type: ignore[arg-type]
            parent = self.runs[found[-1]].parent
        return found

    def inherited(self, one: Run, attribute: str) -> Any:
        for run_id in (one.id, *self.ancestors(one.id)):
            if (value := getattr(self.runs[run_id], attribute)) is not None:
                return value
        return None

    def up(self, equipment: int) -> set[int]:
        found, at, seen = {equipment}, self.world.tree[equipment][0], {equipment}
        while at is not None and at not in seen:
            seen.add(at)
            if self.world.tree[at][1] not in ABOVE_UNIT:
                found.add(at)
            at = self.world.tree[at][0]
        return found

    def reaches(self, unit: object, equipment: int, at: datetime) -> bool:
        if unit in self.up(equipment):
            return True
        now = [
            r
            for r in self.world.roles
            if (r.start is None or r.start <= at) and (r.end is None or at < r.end)
        ]
        return any(
            one.equipment in self.up(equipment)
            and one.asset == other.asset
            and unit in self.up(other.equipment)
            for one in now
            for other in now
            if one.equipment != other.equipment
        )


def test_the_level_of_a_batch_as_a_whole_is_no_level_of_a_procedure() -> None:
    [whole] = list_executed([], [], [BatchHead(1, "u", "B1", 10, hour(0), None)], now=NOW)
    assert (whole.level, whole.run, whole.is_open, whole.end) == (BATCH, None, True, NOW)
