"""Identity: names that statements use are settled into things; links change, the things' ids never do."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.model import Identifier
from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.resolve.components import Partition, partition
from hub.store.database import Connection
from hub.store.entities import mark_merged
from hub.store.identifiers import (
    Name,
    Wanted,
    add_names,
    create_entities,
    find_names,
    names_by_id,
    names_of_entities,
    names_with_norms,
    point_names,
)
from hub.store.links import Groups, Link, Pair, links_touching, load_scheme_groups, pair_of, write_links
from hub.store.mentions import mentioned, replace_mentions
from hub.store.pending import Statement, bind_names, names_stated, statements_of_names

DECIDER = "hub.resolve"
_REFERENCES = {
    name: {f.name: f.target or "" for f in fields_of(kind) if f.kind == "reference"}
    for name, kind in {**MASTERED, **OBSERVED}.items()
}


@dataclass
class Settled:
    """What settling names changed: moved names, and the things whose names changed."""

    names: dict[Wanted, Name] = field(default_factory=dict[Wanted, Name])
    moved: set[int] = field(default_factory=set[int])
    entities: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))


def names_in(statement: Statement) -> Iterable[tuple[Wanted, Identifier]]:
    """Give every name that a statement uses, with its type."""
    body = statement.body
    if "id" in body:
        for given in (body["id"], *body.get("also", ())):
            yield (statement.record_type, given["scheme"], given["value"]), Identifier(**given)
    for name, target in _REFERENCES[statement.record_type].items():
        if name in body:
            yield (target, body[name]["scheme"], body[name]["value"]), Identifier(**body[name])


def settle(
    connection: Connection,
    statements: Sequence[Statement],
    *,
    now: datetime,
) -> Settled:
    """Store new names, take up declared links, and settle every group of names these touch.

    What a statement no longer uses loses its mention; a name that nothing mentions any more takes no part.
    """
    settled = Settled()
    used: dict[Wanted, Identifier] = {}
    for statement in statements:
        used.update(names_in(statement))
    settled.names = find_names(connection, used)
    alive = {key for s in statements if s.is_live for key, _ in names_in(s)}
    new = add_names(connection, {k: used[k] for k in sorted(alive - settled.names.keys())}, now=now)
    settled.names.update({(n.entity_type, n.scheme, n.value): n for n in new})
    native = _bind(connection, statements, settled.names)
    seeds = _mention(connection, statements, settled)
    for name in new:
        seeds[name.entity_type].add(name.id)
    groups = load_scheme_groups(connection)
    for entity_type, names in native.items():
        # whether a name is stated or only used decides whether its comparable form is ambiguous
        seeds[entity_type] |= {n.id for n in names if n.scheme in groups.get(entity_type, {})}
        ids = {n.id for n in names}
        seeds[entity_type] |= _declare(connection, entity_type, name_ids=ids, names=settled.names, now=now)
    for entity_type in MASTERED:
        if seeds[entity_type]:
            regroup(connection, entity_type, seeds=seeds[entity_type], settled=settled, now=now)
    return settled


def regroup(
    connection: Connection, entity_type: str, *, seeds: set[int], settled: Settled, now: datetime
) -> None:
    """Settle again all names that these reach through links, shared things and equal comparable forms."""
    groups = load_scheme_groups(connection).get(entity_type, {})
    reached, links = _reach(connection, entity_type, seeds=seeds, groups=groups)
    ids = {n.id for n in reached}
    standing = mentioned(connection, ids)
    names = [n for n in reached if n.id in standing]
    parts = partition(names, links, groups=groups, stated=names_stated(connection, standing))
    _write_normalised(connection, entity_type, inside=ids, links=links, parts=parts, now=now)
    _assign(connection, entity_type, parts=parts, links=links, settled=settled, now=now)


def _mention(
    connection: Connection, statements: Sequence[Statement], settled: Settled
) -> dict[str, set[int]]:
    """Note what the statements use now; give the names that came or went, by type."""
    used = {
        s.id: {settled.names[key].id for key, _ in names_in(s)} if s.is_live else set[int]()
        for s in statements
    }
    seeds: dict[str, set[int]] = defaultdict(set)
    for name in names_by_id(connection, replace_mentions(connection, used)).values():
        seeds[name.entity_type].add(name.id)
        if name.entity_id:
            settled.entities[name.entity_type].add(name.entity_id)
    return seeds


def _bind(
    connection: Connection, statements: Sequence[Statement], names: dict[Wanted, Name]
) -> dict[str, list[Name]]:
    """Note the name that each mastered statement is about; give those names by type."""
    native: dict[str, list[Name]] = defaultdict(list)
    pairs: list[tuple[int, int]] = []
    for statement in statements:
        own = statement.body.get("id")
        name = names.get((statement.record_type, own["scheme"], own["value"])) if own else None
        if name is None:  # an observed fact, or a thing withdrawn before anybody looked at it
            continue
        native[statement.record_type].append(name)
        if statement.identifier_id != name.id:
            pairs.append((statement.id, name.id))
    bind_names(connection, pairs)
    return native


def _declare(
    connection: Connection,
    entity_type: str,
    *,
    name_ids: set[int],
    names: dict[Wanted, Name],
    now: datetime,
) -> set[int]:
    """Bring the declared links of these names in line with what is stated now; give the names touched.

    Both names of a pair may declare it, so a link stands while either does.
    """
    standing = {k.pair: k for k in links_touching(connection, name_ids) if k.method == "declared"}
    ends = name_ids | {i for pair in standing for i in pair}
    said = [
        (statement.identifier_id or 0, (entity_type, given["scheme"], given["value"]))
        for statement in statements_of_names(connection, ends)
        for given in statement.body.get("also", ())
    ]
    others = {**find_names(connection, [key for _, key in said if key not in names]), **names}
    wanted = {
        pair: Link(pair, "declared", "confirmed", {"declared_by": own})
        for own, key in said
        # a name not known yet comes with a statement that still waits for its turn
        if key in others and others[key].id != own and name_ids & set(pair := pair_of(own, others[key].id))
    }
    changes = [w for p, w in wanted.items() if p not in standing or standing[p].state != "confirmed"]
    changes += [
        Link(p, "declared", "reversed", link.evidence)
        for p, link in standing.items()
        if p not in wanted and link.state == "confirmed"
    ]
    write_links(connection, entity_type, changes, by=DECIDER, now=now)
    return {i for change in changes for i in change.pair}


def _reach(
    connection: Connection, entity_type: str, *, seeds: set[int], groups: Groups
) -> tuple[list[Name], list[Link]]:
    """Collect names until nothing more is reached: by links, by the thing they mean, by comparable form."""
    known: dict[int, Name] = {}
    links: dict[tuple[Pair, str], Link] = {}
    frontier = names_by_id(connection, seeds)
    while frontier:
        known.update(frontier)
        reached: dict[int, Name] = {}
        touching = links_touching(connection, frontier)
        links.update({(link.pair, link.method): link for link in touching})
        linked = {i for link in touching for i in link.pair} - known.keys()
        reached.update(names_by_id(connection, linked))
        things = {n.entity_id for n in frontier.values() if n.entity_id}
        origins = {n.origin_id for n in frontier.values() if n.origin_id}
        for name in names_of_entities(connection, entity_type, things | origins):
            reached[name.id] = name
        norms = {n.norm for n in frontier.values() if n.scheme in groups}
        for name in names_with_norms(connection, entity_type, norms) if norms else ():
            if name.scheme in groups:
                reached[name.id] = name
        frontier = {i: n for i, n in reached.items() if i not in known}
    return list(known.values()), list(links.values())


def _write_normalised(
    connection: Connection,
    entity_type: str,
    *,
    inside: set[int],
    links: Sequence[Link],
    parts: Partition,
    now: datetime,
) -> None:
    standing = {k.pair: k for k in links if k.method == "normalised" and set(k.pair) <= inside}
    changes = [
        link
        for pair, link in parts.normalised.items()
        if pair not in standing or standing[pair].state != link.state
    ]
    changes += [
        Link(pair, "normalised", "reversed", link.evidence)
        for pair, link in standing.items()
        if pair not in parts.normalised and link.state != "reversed"
    ]
    write_links(connection, entity_type, changes, by=DECIDER, now=now)


def _assign(
    connection: Connection,
    entity_type: str,
    *,
    parts: Partition,
    links: Sequence[Link],
    settled: Settled,
    now: datetime,
) -> None:
    """Give each group its thing; a group without one gets a new one."""
    chosen = _choose_things(parts)
    fresh = [some for some, thing in zip(parts.components, chosen, strict=True) if thing is None]
    created = iter(
        create_entities(
            connection, entity_type, [(f"{s[0].scheme}|{s[0].value}", s[0].label) for s in fresh], now=now
        )
    )
    linked = {
        method: {i for k in links if (k.method, k.state) == (method, "confirmed") for i in k.pair}
        for method in ("human", "declared", "rule")
    }
    moves: list[dict[str, Any]] = []
    targets: dict[int, int] = {}
    for some, thing in zip(parts.components, chosen, strict=True):
        entity_id = thing or next(created)
        for position, name in enumerate(some):
            how = _method(position, name, linked)
            if (name.entity_id, name.method) == (entity_id, how):
                continue
            origin = name.origin_id or entity_id
            moves.append({"name_id": name.id, "to_entity": entity_id, "origin": origin, "how": how})
            _note_move(settled, name, entity_id=entity_id, origin=origin, how=how)
            if name.entity_id not in (0, entity_id):
                targets[name.entity_id] = min(entity_id, targets.get(name.entity_id, entity_id))
    point_names(connection, moves)
    mark_merged(connection, entity_type, targets, now=now)


def _choose_things(parts: Partition) -> list[int | None]:
    """Give the thing of each group: the oldest that one of its names began with and still means.

    Failing that, the thing it means now if no other name began with that (the name that did is out of
    use), so that a thing keeps its id; failing that, any that one of its names began with.
    """
    taken: set[int] = set()
    origins = {n.origin_id for some in parts.components for n in some}
    chosen: list[int | None] = []
    for some in parts.components:
        own = {n.origin_id for n in some if n.origin_id}
        now = {n.entity_id for n in some if n.entity_id}
        free = (sorted((own & now) - taken), sorted(now - origins - taken), sorted(own - taken))
        thing = next((ids[0] for ids in free if ids), None)
        chosen.append(thing)
        taken |= {thing} if thing else set()
    return chosen


def _method(position: int, name: Name, linked: dict[str, set[int]]) -> str:
    """Say how a name came to its thing; the first name of a thing is simply its own."""
    if position == 0:
        return "native"
    return next((method for method, ids in linked.items() if name.id in ids), "normalised")


def _note_move(settled: Settled, name: Name, *, entity_id: int, origin: int, how: str) -> None:
    settled.entities[name.entity_type].add(entity_id)
    if name.entity_id not in (0, entity_id):  # a new name has no facts or values that would have to follow
        settled.moved.add(name.id)
        settled.entities[name.entity_type].add(name.entity_id)
    moved = Name(
        name.id,
        name.entity_type,
        name.scheme,
        name.value,
        name.label,
        name.norm,
        entity_id,
        origin,
        how,
    )
    settled.names[name.entity_type, name.scheme, name.value] = moved
