"""The loop of resolution: statements that wait are settled, restated, observed and counted in one commit."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from hub.model.mastered import MASTERED
from hub.model.shape import fields_of
from hub.resolve.counting import recount
from hub.resolve.golden import Changes, restate
from hub.resolve.hierarchy import lay_paths
from hub.resolve.identity import Settled, regroup, settle
from hub.resolve.lots import link_output_lots
from hub.resolve.observing import observe
from hub.resolve.precedence import COUNTING, DEFAULT_RULES, rule_for
from hub.resolve.proposals import propose
from hub.store.attribution import give_reason
from hub.store.database import Collided, Connection, Database
from hub.store.entities import entities_naming, things_heard_of
from hub.store.evidence import batches_at
from hub.store.facts import repoint_facts
from hub.store.identifiers import all_names, names_by_id
from hub.store.movements import (
    Touched,
    touched_by_all,
    touched_by_lots,
    touched_by_materials,
    touched_by_names,
)
from hub.store.pending import (
    are_pending,
    count_pending,
    mark_all_pending,
    mark_resolved,
    pending_statements,
)
from hub.store.rubbish import rubbish_kept
from hub.store.rules import Key, Rule, add_missing_rules, due_rules, load_rules, put_in_force
from hub.store.sets import chunks
from hub.store.statistics import refresh_statistics

ACTOR = "hub.resolve"
"""Who changes the unified state: whatever sources state, it is resolution that finds out what follows."""
CHUNK = 8000
_TRIES = 3


@dataclass
class Resolved:
    """How many statements were resolved."""

    statements: int = 0


def prepare(database: Database, *, now: datetime | None = None) -> None:
    """Store the default precedence rules where there are none."""
    with database.begin(ACTOR, at=now, alone=True) as connection:
        add_missing_rules(connection, DEFAULT_RULES, by="plantwide", now=now or datetime.now(UTC))


def resolve(
    database: Database,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    chunk: int = CHUNK,
) -> Resolved:
    """Resolve everything that waits. Each chunk is one transaction: a stop in between loses nothing.

    The unified state is a function of what is stated, not of the order in which it came.
    """
    with database.read() as connection:
        total = count_pending(connection)
        is_due = bool(due_rules(connection, clock()))
    if is_due:
        with database.begin(ACTOR, at=clock(), alone=True) as connection:
            enforce_rules(connection, now=clock())
    result = Resolved()
    for done in resolve_by_chunks(database, count(), clock=clock, chunk=chunk, is_load=total > chunk):
        result.statements += done
        progress(result.statements, max(total, result.statements))
    return result


def resolve_by_chunks(
    database: Database,
    numbers: Iterator[int],
    *,
    clock: Callable[[], datetime],
    chunk: int = CHUNK,
    is_load: bool,
    least: int = 1,
) -> Iterator[int]:
    """Resolve chunk by chunk while at least so many statements wait; give how many after each.

    `numbers` counts the chunks of a load, to its end: tables grow, so that statistics are taken before the
    chunks 0, 1, 2, 4, 8, ….
    """
    while True:
        with database.read() as connection:
            if not are_pending(connection, least):
                return
        number = next(numbers, None)
        if number is None:
            return
        if is_load and number & (number - 1) == 0:
            refresh_statistics(database)
        yield _resolve_once(database, clock=clock, chunk=chunk)


def _resolve_once(database: Database, *, clock: Callable[[], datetime], chunk: int) -> int:
    """Resolve one chunk; again when what is stored beside it and this waited for each other."""
    for tries_left in reversed(range(_TRIES)):
        try:
            with rubbish_kept(), database.begin(ACTOR, at=clock(), alone=True) as connection:
                return resolve_chunk(connection, now=clock(), limit=chunk)
        except Collided:
            if not tries_left:
                raise
    return 0


def resolve_again(
    database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Resolved:
    """Settle all names anew and resolve every statement again, e.g. after the identity whitelist changed."""
    with database.begin(ACTOR, at=clock(), alone=True) as connection:
        for entity_type, ids in all_names(connection).items():
            settle_again(connection, entity_type, ids, now=clock())
        mark_all_pending(connection)
    return resolve(database, clock=clock)


def enforce_rules(connection: Connection, *, now: datetime) -> list[Rule]:
    """Put the rules in force whose time has come, and let every value they choose follow at once; give them.

    The audit trail gives the rule and its version as the reason of each change.
    """
    due = due_rules(connection, now)
    for rule in due:
        give_reason(connection, f"rule {rule.label}" + (f": {rule.reason}" if rule.reason else ""))
        before = load_rules(connection)
        put_in_force(connection, rule)
        if rule.key == COUNTING:
            recount(connection, touched_by_all(connection))
        else:
            _judge_by(connection, rule, before=before, now=now)
    return due


def _judge_by(connection: Connection, rule: Rule, *, before: Mapping[Key, Rule], now: datetime) -> None:
    """Let a rule choose anew wherever several sources speak; what one alone says only a union rewrites."""
    after = load_rules(connection)
    for entity_type in MASTERED if rule.entity_type == "*" else (rule.entity_type,):
        names = [f.name for f in fields_of(MASTERED[entity_type])]
        ruled = [n for n in names if rule_for(after, entity_type, n).key == rule.key]
        strategies = {rule_for(rules, entity_type, n).strategy for n in ruled for rules in (before, after)}
        things = things_heard_of(
            connection, entity_type, attributes=ruled, by_several="union" not in strategies
        )
        for part in chunks(things):
            judge_again(connection, entity_type, part, now=now)


def judge_again(connection: Connection, entity_type: str, ids: Iterable[int], *, now: datetime) -> None:
    """Let rules and decisions choose anew among what is said of these things, and follow what changes."""
    changed = restate(connection, entity_type, ids, now=now)
    recount(connection, _to_recount(connection, entity_type, changed))
    if entity_type == "equipment":
        lay_paths(connection)
    restated: dict[str, set[int]] = defaultdict(set)
    _note(restated, connection, entity_type, things=changed, changed=changed)
    propose(connection, restated, {}, now=now)


def _to_recount(connection: Connection, entity_type: str, changed: Changes) -> Touched:
    """Give what looks, when it is counted, at what changed: an output lot, what a lot is made of, a unit."""
    if entity_type == "batch":
        return Touched(batches={i for i, columns in changed.items() if "output_lot_id" in columns})
    if entity_type == "material_lot":
        lots = {i for i, columns in changed.items() if columns & {"material_id", "parent_lot_id"}}
        return touched_by_lots(connection, lots)
    if entity_type == "material_definition":
        materials = {i for i, columns in changed.items() if "base_unit" in columns}
        return touched_by_materials(connection, materials)
    return Touched()


def settle_again(connection: Connection, entity_type: str, name_ids: set[int], *, now: datetime) -> None:
    """Settle names of a type anew, in the caller's transaction, with everything that follows from it."""
    settled = Settled()
    regroup(connection, entity_type, seeds=name_ids, settled=settled, now=now)
    things: dict[str, set[int]] = defaultdict(set)
    things[entity_type] |= settled.entities[entity_type]
    things[entity_type] |= {n.entity_id for n in names_by_id(connection, name_ids).values() if n.entity_id}
    touched = _restate_all(connection, things, settled, now=now)
    lay_paths(connection)
    recount(connection, touched)
    propose(connection, settled.restated, settled.stated, now=now)


def resolve_chunk(connection: Connection, *, now: datetime, limit: int) -> int:
    """Resolve the oldest waiting statements in the caller's transaction; give how many."""
    statements = pending_statements(connection, limit)
    settled = settle(connection, statements, now=now)
    things: dict[str, set[int]] = defaultdict(set)
    for entity_type, ids in settled.entities.items():
        things[entity_type] |= ids
    for statement in statements:
        own = statement.body.get("id")
        name = settled.names.get((statement.record_type, own["scheme"], own["value"])) if own else None
        if name is not None:
            things[statement.record_type].add(name.entity_id)
            settled.stated[statement.record_type].add(name.entity_id)
    touched = _restate_all(connection, things, settled, now=now)
    seen, counted = observe(connection, statements, settled.names, now=now)
    touched |= seen
    lay_paths(connection)
    recount(connection, touched, counted)
    propose(connection, settled.restated, settled.stated, now=now)
    mark_resolved(connection, statements)
    return len(statements)


def _restate_all(
    connection: Connection, things: dict[str, set[int]], settled: Settled, *, now: datetime
) -> Touched:
    """Restate things and whatever names them, until nothing moves; give what has to be counted again."""
    touched = Touched()
    moved = set(settled.moved)
    while any(things.values()) or moved:
        for entity_type, entity_id in entities_naming(connection, moved):
            things[entity_type].add(entity_id)
        touched |= _follow(connection, moved)
        again = Settled()
        for entity_type in MASTERED:
            if things[entity_type]:
                changed = restate(connection, entity_type, things[entity_type], now=now)
                touched |= _to_recount(connection, entity_type, changed)
                _note(settled.restated, connection, entity_type, things=things[entity_type], changed=changed)
            if entity_type == "batch" and things["batch"]:
                seeds = link_output_lots(connection, things["batch"], now=now)
                if seeds:
                    regroup(connection, "material_lot", seeds=seeds, settled=again, now=now)
                    settled.names.update(again.names)
                    settled.stated["material_lot"] |= again.stated["material_lot"]
        moved = again.moved
        things = defaultdict(set, again.entities)
    return touched


def _note(
    restated: dict[str, set[int]],
    connection: Connection,
    entity_type: str,
    *,
    things: Iterable[int],
    changed: Changes,
) -> None:
    """Note that things were stated again; with a unit whose level changed also the batches made on it."""
    restated[entity_type] |= set(things)
    if entity_type == "equipment":
        units = {i for i, columns in changed.items() if "level" in columns}
        restated["batch"] |= batches_at(connection, units)


def _follow(connection: Connection, moved: set[int]) -> Touched:
    """Let facts follow names that moved to another thing; give what those facts belonged and belong to."""
    touched = touched_by_names(connection, moved)
    names = names_by_id(connection, moved)
    touched.batches |= repoint_facts(connection, [(n.entity_type, n.id, n.entity_id) for n in names.values()])
    touched |= touched_by_names(connection, moved)
    return touched
