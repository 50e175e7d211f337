"""Identity: names that statements use are settled into things; links change, the things' ids never do."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.model import Identifier
from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.resolve.components import OUTPUT_RULE, Partition, keeps_apart, may_join, partition
from hub.resolve.numbering import renumber
from hub.store.database import Connection
from hub.store.entities import mark_merged
from hub.store.identifiers import (
    Name,
    Wanted,
    add_names,
    create_entities,
    find_names,
    label_names,
    names_by_id,
    names_of_entities,
    names_with_norms,
    point_names,
    take_naming_turn,
)
from hub.store.links import Link, Pair, links_touching, mark_contradicted, pair_of, settle_links
from hub.store.mentions import labels_said, mentioned, replace_mentions
from hub.store.pending import Statement, bind_names, names_stated, statements_of_names
from hub.store.schemes import load_scheme_groups

DECIDER = "hub.resolve"
_REFERENCES = {
    name: {f.name: f.target or "" for f in fields_of(kind) if f.kind == "reference"}
    for name, kind in {**MASTERED, **OBSERVED}.items()
}


@dataclass
class Settled:
    """What settling names changed: moved names, and the things whose names changed.

    `stated` are the things whose own statements, or the names that have such, came or went; `restated` all
    that were stated again because of it.
    """

    names: dict[Wanted, Name] = field(default_factory=dict[Wanted, Name])
    moved: set[int] = field(default_factory=set[int])
    entities: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    stated: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    restated: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))


def names_in(statement: Statement) -> Iterable[tuple[Wanted, str | None]]:
    """Give every name that a statement uses, with its type, and what it says people call it."""
    body = statement.body
    if "id" in body:
        for given in (body["id"], *_declared(body)):
            yield (statement.record_type, given["scheme"], given["value"]), given.get("match")
    for name, target in _REFERENCES[statement.record_type].items():
        if name in body:
            given = body[name]
            yield (target, given["scheme"], given["value"]), given.get("match")


def _declared(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the names that a statement declares to be of the same thing, those that were replaced too."""
    return [*body.get("also", ()), *body.get("replaces", ())]


def settle(
    connection: Connection,
    statements: Sequence[Statement],
    *,
    now: datetime,
) -> Settled:
    """Store new names, take up declared links, and settle every group of names these touch.

    What a statement no longer uses loses its mention; a name that nothing mentions any more takes no part.
    """
    used = {s.id: _labels(s) for s in statements}
    settled = Settled(_find_used(connection, {key for labels in used.values() for key in labels}))
    used |= {s.id: {} for s in statements if not s.is_live}
    said = _merge(used.values())
    unknown = {k: Identifier(scheme=k[1], value=k[2], match=said[k]) for k in said if k not in settled.names}
    new = add_names(connection, dict(sorted(unknown.items())), now=now)
    settled.names.update({(n.entity_type, n.scheme, n.value): n for n in new})
    native = _bind(connection, statements, settled.names)
    seeds = _mention(connection, used, settled)
    for name in new:
        seeds[name.entity_type].add(name.id)
    groups = load_scheme_groups(connection)
    for entity_type, names in native.items():
        # whether a name is stated or only used decides whether its comparable form is ambiguous
        seeds[entity_type] |= {n.id for n in names if n.scheme in groups.get(entity_type, {})}
        ids = {n.id for n in names}
        seeds[entity_type] |= _declare(connection, entity_type, name_ids=ids, names=settled.names, now=now)
        renumber(connection, entity_type, statements, own=ids)
    for entity_type in MASTERED:
        if seeds[entity_type]:
            regroup(connection, entity_type, seeds=seeds[entity_type], settled=settled, now=now)
    return settled


def _find_used(connection: Connection, wanted: set[Wanted]) -> dict[Wanted, Name]:
    found = find_names(connection, wanted)
    tags = {key for key in wanted if key[0] == "tag" and key not in found}
    if tags:  # reading samples may be about to name the same
        take_naming_turn(connection)
        found |= find_names(connection, tags)
    return found


def regroup(
    connection: Connection, entity_type: str, *, seeds: set[int], settled: Settled, now: datetime
) -> None:
    """Settle again all names that these reach through links, shared things and equal comparable forms."""
    groups = load_scheme_groups(connection).get(entity_type, {})
    reached, links = reach(connection, entity_type, seeds)
    ids = {n.id for n in reached}
    standing = mentioned(connection, ids)
    names = [n for n in reached if n.id in standing]
    parts = partition(names, links, groups=groups, stated=names_stated(connection, standing))
    _write_found(connection, entity_type, inside=ids, links=links, parts=parts, now=now)
    _assign(connection, entity_type, parts=parts, settled=settled, now=now)


Labels = dict[Wanted, str | None]
"""Names that are used, and the first in order of what is said that people call each."""


def _labels(statement: Statement) -> Labels:
    said: Labels = {}
    for key, match in names_in(statement):
        said[key] = _first(said[key], match) if key in said else match or None
    return said


def _merge(some: Iterable[Labels]) -> Labels:
    said: Labels = {}
    for labels in some:
        for key, label in labels.items():
            said[key] = _first(said[key], label) if label and key in said else said.get(key, label)
    return said


def _first(one: str | None, other: str | None) -> str | None:
    return min(filter(None, (one, other)), default=None)


def _mention(connection: Connection, used: Mapping[int, Labels], settled: Settled) -> dict[str, set[int]]:
    """Note what statements use now; give the names that came, went or are called otherwise, by type."""
    names = settled.names
    ids = {i: {names[key].id: label for key, label in labels.items()} for i, labels in used.items()}
    came, went = replace_mentions(connection, ids)
    touched = names_by_id(connection, {name_id for name_id, _ in came | went})
    seeds: dict[str, set[int]] = defaultdict(set)
    for name in touched.values():
        seeds[name.entity_type].add(name.id)
        if name.entity_id:
            settled.entities[name.entity_type].add(name.entity_id)
    doubtful = {i for i, label in came if touched[i].label != (label or touched[i].value)}
    doubtful |= {i for i, label in went if label}
    left: dict[str, set[str]] = defaultdict(set)
    for name in label_names(connection, [touched[i] for i in doubtful], labels_said(connection, doubtful)):
        settled.names[name.entity_type, name.scheme, name.value] = name
        settled.moved.add(name.id)  # values that name it show what it is called
        left[name.entity_type].add(touched[name.id].norm)
    for entity_type, norms in left.items():
        # without it, what was ambiguous among those that it was comparable with may be clear
        seeds[entity_type] |= {n.id for n in names_with_norms(connection, entity_type, norms)}
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
    standing = [k for k in links_touching(connection, name_ids) if k.method == "declared"]
    ends = name_ids | {i for link in standing for i in link.pair}
    said = [
        (statement, (entity_type, given["scheme"], given["value"]))
        for statement in statements_of_names(connection, ends)
        for given in _declared(statement.body)
    ]
    others = {**find_names(connection, [key for _, key in said if key not in names]), **names}
    by_pair: dict[Pair, set[str]] = defaultdict(set)
    for statement, key in said:
        own = statement.identifier_id or 0
        # a name not known yet comes with a statement that still waits for its turn
        if key in others and others[key].id != own and name_ids & set(pair := pair_of(own, others[key].id)):
            by_pair[pair].add("{scheme}|{value}".format(**statement.body["id"]))
    wanted = {
        pair: Link(pair, "declared", "confirmed", {"declared_by": sorted(some)})
        for pair, some in by_pair.items()
    }
    return settle_links(connection, entity_type, standing=standing, wanted=wanted, by=DECIDER, now=now)


def reach(connection: Connection, entity_type: str, seeds: set[int]) -> tuple[list[Name], list[Link]]:
    """Collect names until nothing more is reached: by links, by the thing they mean, by comparable form.

    Gives them with all links that touch them, also with those that lead to nothing.
    """
    groups = load_scheme_groups(connection).get(entity_type, {})
    known: dict[int, Name] = {}
    links: dict[int, Link] = {}
    frontier = names_by_id(connection, seeds)
    while frontier:
        known.update(frontier)
        reached: dict[int, Name] = {}
        touching = links_touching(connection, frontier)
        links.update({link.id: link for link in touching})
        linked = {i for link in touching if may_join(link) for i in link.pair} - known.keys()
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


def _write_found(
    connection: Connection,
    entity_type: str,
    *,
    inside: set[int],
    links: Sequence[Link],
    parts: Partition,
    now: datetime,
) -> None:
    """Bring the links that the hub finds by itself in line with what they came to."""
    own = [k for k in links if set(k.pair) <= inside]
    for standing, wanted in (
        ([k for k in own if k.method == "normalised"], parts.normalised),
        ([k for k in own if k.rule == OUTPUT_RULE and k.state != "reversed"], parts.ruled),
    ):
        settle_links(connection, entity_type, standing=standing, wanted=wanted, by=DECIDER, now=now)
    marks = {k.id: k.pair in parts.contradicted for k in own if keeps_apart(k)}
    differing = {k.id: marks[k.id] for k in own if marks.get(k.id, k.is_contradicted) != k.is_contradicted}
    mark_contradicted(connection, differing)


def _assign(
    connection: Connection,
    entity_type: str,
    *,
    parts: Partition,
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
    moves: list[dict[str, Any]] = []
    targets: dict[int, int] = {}
    for some, thing in zip(parts.components, chosen, strict=True):
        entity_id = thing or next(created)
        for name in some:
            how = parts.methods[name.id]
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


def _note_move(settled: Settled, name: Name, *, entity_id: int, origin: int, how: str) -> None:
    settled.entities[name.entity_type].add(entity_id)
    if name.entity_id not in (0, entity_id):  # a new name has no facts or values that would have to follow
        settled.moved.add(name.id)
        settled.entities[name.entity_type].add(name.entity_id)
        settled.stated[name.entity_type] |= {entity_id, name.entity_id}
    moved = name._replace(entity_id=entity_id, origin_id=origin, method=how)
    settled.names[name.entity_type, name.scheme, name.value] = moved
