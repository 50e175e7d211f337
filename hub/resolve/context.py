"""The context of samples: tag to equipment to executed interval, found when it is asked for, never copied.

A sample of a tag at an instant belongs to a run when the run's equipment reaches the tag then:

- the tag measures on the run's equipment, or on something below it (a unit reaches its modules; an area does
  not reach all its units, only its own tags);
- or the tag's equipment is played by an asset that at that instant also plays an equipment the run reaches
  (a skid that is moved from unit to unit in a campaign).

A run without equipment, batch or end has its parent's; one that has no end so ends with its batch. What took
part in a run (`resource_actual`) reaches as the run does. A run that two systems saw counts once. A batch of
which nobody stated a run on its main equipment is there for its whole time. All times are half-open.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hub.store.answers.tag_kinds import TagKind
from hub.store.coverage import Span, join_spans, missing_spans
from hub.store.database import Connection
from hub.store.executions import (
    BatchHead,
    Hold,
    Role,
    Run,
    Use,
    find_batches,
    load_batches,
    load_branches,
    load_holds,
    load_roles,
    load_runs,
    load_tree,
    load_uses,
    tags_on,
)

ABOVE_UNIT = frozenset(
    {
        "Enterprise",
        "Site",
        "Area",
        "ProcessCell",
        "ProductionLine",
        "ProductionUnit",
        "StorageZone",
        "WorkCenter",
    }
)
"""Levels that hold many units: a run on one reaches its own tags, not those of all its units."""
BATCH = "batch"
"""The level of the interval that a batch without runs has as a whole."""
Tree = Mapping[int, tuple[int | None, str | None]]
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Executed:
    """An executed interval on an equipment. `chain` are the runs it lies in, from the outermost to itself."""

    batch: int
    chain: tuple[Run, ...]
    level: str
    name: str
    occurrence: int
    equipment: int
    start: datetime
    end: datetime
    is_derived: bool
    is_open: bool

    @property
    def run(self) -> int | None:
        """The run itself; None for a batch as a whole."""
        return self.chain[-1].id if self.chain else None

    def name_at(self, level: str) -> str | None:
        """Give the name of the innermost run of a level in the chain."""
        return next((run.name for run in reversed(self.chain) if run.level == level), None)


@dataclass(frozen=True)
class Reached:
    """An executed interval as it reaches an equipment: when samples of the tags there belong to it."""

    executed: Executed
    spans: tuple[Span, ...]


# ------------------------------------------------------------------------------------------ what ran
def list_executed(
    runs: Sequence[Run], uses: Sequence[Use], batches: Sequence[BatchHead], *, now: datetime
) -> list[Executed]:
    """Give every executed interval of these batches; what has not ended lasts until `now`."""
    ends = {head.id: head.end for head in batches if head.end is not None}
    told = {run.id: run for run in runs}
    chains = {run.id: _chain(run, told) for run in runs if run.same_as is None or run.same_as not in told}
    found = [one for chain in chains.values() if (one := _execute(chain, ends, now=now))]
    for use in uses:
        run = None if use.run is None else _canonical(use.run, told)
        found += _take_part(use, chains.get(run) if run is not None else None, ends, now=now)
    placed = {(one.batch, one.equipment) for one in found}
    for head in batches:
        if head.equipment is not None and (head.id, head.equipment) not in placed:
            found += _whole(head, [one for one in found if one.batch == head.id], now=now)
    return list(dict.fromkeys(found))


def _chain(run: Run, told: Mapping[int, Run]) -> tuple[Run, ...]:
    """Give the runs from the outermost to this one; a ring of parents ends where it closes."""
    chain = [run]
    seen = {run.id}
    while (parent := chain[0].parent) is not None:
        parent = _canonical(parent, told)
        if parent in seen or parent not in told:
            break
        seen.add(parent)
        chain.insert(0, told[parent])
    return tuple(chain)


def _canonical(run_id: int, told: Mapping[int, Run]) -> int:
    """Give the run that stands for one that two systems saw."""
    run = told.get(run_id)
    return run.same_as if run is not None and run.same_as in told and run.same_as is not None else run_id


def _execute(chain: tuple[Run, ...], ends: Mapping[int, datetime], *, now: datetime) -> Executed | None:
    run = chain[-1]
    inner = chain[::-1]
    equipment = next((one.equipment for one in inner if one.equipment is not None), None)
    batch = next((one.batch for one in inner if one.batch is not None), None)
    end = next((one.end for one in inner if one.end is not None), None)
    if equipment is None or batch is None or run.start is None:
        return None
    end = end or ends.get(batch)
    return _interval(
        Executed(
            batch=batch,
            chain=chain,
            level=run.level,
            name=run.name,
            occurrence=run.occurrence,
            equipment=equipment,
            start=run.start,
            end=end or now,
            is_derived=run.is_derived,
            is_open=end is None,
        )
    )


def _interval(one: Executed) -> Executed | None:
    return one if one.start < one.end else None


def _take_part(
    use: Use, chain: tuple[Run, ...] | None, ends: Mapping[int, datetime], *, now: datetime
) -> Iterator[Executed]:
    """Give the interval of an equipment that took part: in its own time, or in that of the run."""
    own = (
        None
        if chain is None
        else _execute((*chain[:-1], replace(chain[-1], equipment=use.equipment)), ends, now=now)
    )
    batch = use.batch if own is None else own.batch
    start = use.start or (own.start if own else None)
    if batch is None or start is None or (own is None and use.end is None):
        return
    end = use.end or (own.end if own else now)
    base = own or Executed(
        batch, (), BATCH, BATCH, 1, use.equipment, start, end, is_derived=False, is_open=False
    )
    chain = chain or ()
    if (one := _interval(replace(base, chain=chain, start=start, end=end))) is not None:
        yield one


def _whole(head: BatchHead, others: Sequence[Executed], *, now: datetime) -> Iterator[Executed]:
    """Give a batch as a whole on its main equipment."""
    start = head.start or min((one.start for one in others), default=None)
    if start is None or head.equipment is None:
        return
    end = head.end or max((one.end for one in others if not one.is_open), default=None)
    whole = Executed(
        batch=head.id,
        chain=(),
        level=BATCH,
        name=BATCH,
        occurrence=1,
        equipment=head.equipment,
        start=start,
        end=end or now,
        is_derived=False,
        is_open=end is None,
    )
    if (one := _interval(whole)) is not None:
        yield one


# ------------------------------------------------------------------------------------- what it reaches
class Topology:
    """Which equipment reaches which, and when: the tree, and assets that are moved between roles."""

    def __init__(self, tree: Tree, roles: Iterable[Role]) -> None:
        self._tree = tree
        self._by_equipment: dict[int, list[Role]] = defaultdict(list)
        self._by_asset: dict[int, list[Role]] = defaultdict(list)
        for role in roles:
            self._by_equipment[role.equipment].append(role)
            self._by_asset[role.asset].append(role)
        self._below: dict[int, list[int]] = defaultdict(list)
        for one, (parent, _) in tree.items():
            if parent is not None:
                self._below[parent].append(one)

    def owners(self, equipment: int) -> set[int]:
        """Give the equipments that reach this one by the tree: itself, and what it is a part of."""
        found, seen = {equipment}, {equipment}
        at = self._tree.get(equipment, (None, None))[0]
        while at is not None and at not in seen:
            seen.add(at)
            parent, level = self._tree.get(at, (None, None))
            if level not in ABOVE_UNIT:
                found.add(at)
            at = parent
        return found

    def owned(self, equipment: int) -> set[int]:
        """Give the equipments that this one reaches by the tree."""
        if self._tree.get(equipment, (None, None))[1] in ABOVE_UNIT:
            return {equipment}
        found, waiting = {equipment}, [equipment]
        while waiting:
            fresh = [one for one in self._below[waiting.pop()] if one not in found]
            found.update(fresh)
            waiting += fresh
        return found

    def reaching(self, equipment: int) -> dict[int, list[Span]]:
        """Give the equipments whose runs reach the tags of this one, each with the spans in which they do."""
        found: dict[int, list[Span]] = {one: [(_FIRST, _LAST)] for one in self.owners(equipment)}
        for played in self.owners(equipment):
            for other, span in self._moved(played):
                for one in self.owners(other):
                    found.setdefault(one, []).append(span)
        return {one: join_spans(spans) for one, spans in found.items()}

    def reached(self, equipment: int) -> set[int]:
        """Give the equipments whose tags a run on this one may reach at some time."""
        found = self.owned(equipment)
        moved = {other for one in found for other, _ in self._moved(one)}
        return found.union(*(self.owned(one) for one in moved)) if moved else found

    def _moved(self, equipment: int) -> Iterator[tuple[int, Span]]:
        """Give the other roles that assets of an equipment played while they played this one."""
        for role in self._by_equipment.get(equipment, ()):
            for other in self._by_asset[role.asset]:
                start = max(role.start or _FIRST, other.start or _FIRST)
                end = min(role.end or _LAST, other.end or _LAST)
                if other.equipment != equipment and start < end:
                    yield other.equipment, (start, end)


def reach(
    executed: Sequence[Executed], equipment_ids: Iterable[int], topology: Topology
) -> dict[int, list[Reached]]:
    """Give, by equipment, the executed intervals that reach the tags on it, by start."""
    by_equipment: dict[int, list[Executed]] = defaultdict(list)
    for one in executed:
        by_equipment[one.equipment].append(one)
    found: dict[int, list[Reached]] = {}
    for place in set(equipment_ids):
        joined: dict[tuple[int, int | None], Reached] = {}
        for equipment, when in topology.reaching(place).items():
            for one in by_equipment.get(equipment, ()):
                if spans := tuple(_cut(when, one.start, one.end)):
                    key = one.batch, one.run
                    before = joined.get(key)
                    # A run and equipment that took part in it may reach a tag both ways: it is one run.
                    whole = spans if before is None else tuple(join_spans((*before.spans, *spans)))
                    joined[key] = Reached(one if before is None else before.executed, whole)
        found[place] = sorted(joined.values(), key=_order)
    return found


def _order(one: Reached) -> tuple[Span, int, int, int]:
    return one.spans[0], one.executed.batch, len(one.executed.chain), one.executed.run or 0


def find_innermost(reached: Sequence[Reached]) -> list[Reached]:
    """Give the intervals that reach a tag without the time in which a run inside them does so too.

    What is left tells of every instant the innermost runs, one for each batch and each run that goes on
    beside others.
    """
    inside: dict[tuple[int, int | None], list[Span]] = defaultdict(list)
    for one in reached:
        for outer in one.executed.chain[:-1]:
            inside[one.executed.batch, outer.id].extend(one.spans)
        if one.executed.chain:
            inside[one.executed.batch, None].extend(one.spans)
    found: list[Reached] = []
    for one in reached:
        taken = inside.get((one.executed.batch, one.executed.run), [])
        left = tuple(gap for span in one.spans for gap in missing_spans(taken, *span)) if taken else one.spans
        if left:
            found.append(replace(one, spans=left))
    return found


def cut_holds(context: "Context", reached: Reached) -> tuple[Span, ...]:
    """Give the spans of an interval without the times in which it was held or suspended."""
    one, topology = reached.executed, context.topology
    mine = topology.owners(one.equipment) | topology.owned(one.equipment)
    held = [
        (hold.start, hold.end or _LAST)
        for hold in context.holds
        if hold.equipment in mine and hold.batch in (None, one.batch)
    ]
    return tuple(gap for span in reached.spans for gap in missing_spans(held, *span))


def _cut(spans: Iterable[Span], start: datetime, end: datetime) -> Iterator[Span]:
    for one, other in spans:
        if max(one, start) < min(other, end):
            yield max(one, start), min(other, end)


# --------------------------------------------------------------------------------------- from the store
@dataclass(frozen=True)
class Context:
    """What was found for a question: batches, tags, and by equipment the intervals that reach its tags."""

    batches: Mapping[int, BatchHead]
    kinds: Mapping[int, TagKind]
    reached: Mapping[int, Sequence[Reached]]
    holds: Sequence[Hold]
    topology: Topology

    def of(self, kind: TagKind) -> Sequence[Reached]:
        """Give the intervals that reach a tag, by start."""
        return () if kind.equipment_id is None else self.reached.get(kind.equipment_id, ())


def place_tags(  # noqa: PLR0917 - which tags, over which time
    connection: Connection, kinds: Mapping[int, TagKind], start: datetime, end: datetime, *, now: datetime
) -> Context:
    """Give what these tags' samples in [start, end) belong to; intervals are cut to that time."""
    units = {kind.equipment_id for kind in kinds.values() if kind.equipment_id is not None}
    return _place_between(connection, units, kinds, start, end, now=now)


def place_units(  # noqa: PLR0917 - as place_tags
    connection: Connection, equipment_ids: Iterable[int], start: datetime, end: datetime, *, now: datetime
) -> Context:
    """Give what ran in [start, end) on these equipments, as their tags' samples would belong to it."""
    return _place_between(connection, set(equipment_ids), {}, start, end, now=now)


def _place_between(  # noqa: PLR0917 - as place_tags
    connection: Connection,
    units: set[int],
    kinds: Mapping[int, TagKind],
    start: datetime,
    end: datetime,
    *,
    now: datetime,
) -> Context:
    topology = Topology(load_tree(connection), load_roles(connection))
    around = set[int]().union(*(topology.reaching(unit).keys() for unit in units))
    batch_ids = find_batches(connection, around, start=start, end=end)
    batches, executed = _load_executed(connection, batch_ids, now=now)
    found = _join(connection, topology, batches, executed, kinds, units)
    cut = {
        place: [replace(one, spans=spans) for one in some if (spans := tuple(_cut(one.spans, start, end)))]
        for place, some in found.reached.items()
    }
    there = {one.executed.batch for some in cut.values() for one in some}
    return replace(found, reached=cut, batches={i: b for i, b in found.batches.items() if i in there})


def place_batches(connection: Connection, batch_ids: Iterable[int], *, now: datetime) -> Context:
    """Give the tags whose samples belong to these batches, and to which of their runs when."""
    batches, executed = _load_executed(connection, set(batch_ids), now=now)
    places = {one.equipment for one in executed}
    topology = _load_topology(connection, places)
    kinds = tags_on(connection, set[int]().union(*(topology.reached(one) for one in places)))
    return _join(connection, topology, batches, executed, kinds)


def find_places(connection: Connection, batch_id: int, *, now: datetime) -> set[int]:
    """Give the equipments on which a batch ran, whether or not they have tags."""
    _, executed = _load_executed(connection, {batch_id}, now=now)
    return {one.equipment for one in executed}


def _load_executed(
    connection: Connection, batch_ids: set[int], *, now: datetime
) -> tuple[list[BatchHead], list[Executed]]:
    batches = load_batches(connection, batch_ids)
    runs, uses = load_runs(connection, batch_ids), load_uses(connection, batch_ids)
    return batches, list_executed(runs, uses, batches, now=now)


def _load_topology(connection: Connection, places: set[int]) -> Topology:
    """Give what runs on these equipments reach, and what reaches that: no more of the plant is looked at."""
    roles = load_roles(connection)
    played: dict[int, set[int]] = defaultdict(set)
    for role in roles:
        played[role.asset].add(role.equipment)
    moved = {one for some in played.values() if len(some) > 1 for one in some}
    return Topology(load_branches(connection, places | moved) if places else {}, roles)


def _join(  # noqa: PLR0917 - what is known of the plant, what ran, for which tags
    connection: Connection,
    topology: Topology,
    batches: Sequence[BatchHead],
    executed: Sequence[Executed],
    kinds: Mapping[int, TagKind],
    places: Collection[int] = (),
) -> Context:
    holds = load_holds(connection, {unit for one in executed for unit in topology.owners(one.equipment)})
    there = {kind.equipment_id for kind in kinds.values() if kind.equipment_id is not None}
    reached = reach(executed, there.union(places), topology)
    return Context({head.id: head for head in batches}, kinds, reached, holds, topology)
