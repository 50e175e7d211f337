"""The loop of resolution: statements that wait are settled, restated, observed and counted in one commit."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from hub.model.mastered import MASTERED
from hub.resolve.counting import recount
from hub.resolve.golden import restate
from hub.resolve.hierarchy import lay_paths
from hub.resolve.identity import Settled, regroup, settle
from hub.resolve.lots import link_output_lots
from hub.resolve.observing import observe
from hub.resolve.precedence import DEFAULT_RULES
from hub.store.database import Connection, Database
from hub.store.entities import entities_naming
from hub.store.facts import repoint_facts
from hub.store.identifiers import all_names, names_by_id
from hub.store.pending import count_pending, mark_all_pending, mark_resolved, pending_statements
from hub.store.rules import add_missing_rules
from hub.store.statistics import refresh_statistics

CHUNK = 4000


@dataclass
class Resolved:
    """How many statements were resolved."""

    statements: int = 0


def prepare(database: Database, *, now: datetime | None = None) -> None:
    """Store the default precedence rules where there are none."""
    with database.begin() as connection:
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
    result = Resolved()
    with database.read() as connection:
        total = count_pending(connection)
    for number in count():
        with database.read() as connection:
            if not count_pending(connection):
                break
        if total > chunk and number & (number - 1) == 0:  # before the chunks 0, 1, 2, 4, 8, …: tables grow
            refresh_statistics(database)
        with database.begin() as connection:
            done = resolve_chunk(connection, now=clock(), limit=chunk)
        result.statements += done
        progress(result.statements, max(total, result.statements))
    return result


def resolve_again(
    database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Resolved:
    """Settle all names anew and resolve every statement again, e.g. after the identity whitelist changed."""
    with database.begin() as connection:
        for entity_type, ids in all_names(connection).items():
            settled = Settled()
            regroup(connection, entity_type, seeds=ids, settled=settled, now=clock())
            things: dict[str, set[int]] = defaultdict(set)
            things[entity_type] = settled.entities[entity_type]
            recount(connection, _restate_all(connection, things, settled, now=clock()))
        mark_all_pending(connection)
    return resolve(database, clock=clock)


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
    batches = _restate_all(connection, things, settled, now=now)
    touched = observe(connection, statements, settled.names, now=now)
    lay_paths(connection)
    recount(connection, batches | touched)
    mark_resolved(connection, [s.id for s in statements])
    return len(statements)


def _restate_all(
    connection: Connection, things: dict[str, set[int]], settled: Settled, *, now: datetime
) -> set[int]:
    """Restate things and whatever names them, until nothing moves; give the batches this concerned."""
    batches: set[int] = set(things["batch"])
    moved = set(settled.moved)
    while any(things.values()) or moved:
        for entity_type, entity_id in entities_naming(connection, moved):
            things[entity_type].add(entity_id)
        batches |= _follow(connection, moved)
        batches |= things["batch"]
        again = Settled()
        for entity_type in MASTERED:
            if things[entity_type]:
                restate(connection, entity_type, things[entity_type], now=now)
            if entity_type == "batch" and things["batch"]:
                seeds = link_output_lots(connection, things["batch"], now=now)
                if seeds:
                    regroup(connection, "material_lot", seeds=seeds, settled=again, now=now)
                    settled.names.update(again.names)
        moved = again.moved
        things = defaultdict(set, again.entities)
    return batches


def _follow(connection: Connection, moved: set[int]) -> set[int]:
    """Let facts follow names that moved to another thing; give the batches of those facts."""
    names = names_by_id(connection, moved)
    return repoint_facts(connection, [(n.entity_type, n.id, n.entity_id) for n in names.values()])
