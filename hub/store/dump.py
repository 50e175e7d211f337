"""A canonical dump of the unified state: the same state gives the same bytes, whatever its ids and times.

Things appear under the smallest of their names, facts under their source's key; row ids, uids and the times
at which the hub learned something are left out, and so is what nobody states or refers to any more.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Connection, exists, select

from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.store.samples import digest_samples, list_sampled_tags
from hub.store.sets import AnySelect
from hub.store.systems import list_systems
from hub.store.tables import (
    ENTITY_TABLES,
    FACT_TABLES,
    assertion,
    coverage,
    identifier,
    link_decision,
    lot_genealogy,
    mention,
    quarantine,
    source_record,
    tag_latest,
)

_NEVER = {"id", "uid", "recorded_at", "version", "merged_into_id", "path"}


def dump_canonical(connection: Connection) -> Iterator[bytes]:
    """Give the dump line by line: one JSON array `[kind, key, content]` a line, sorted inside each kind."""
    things = _things(connection)
    systems = {i: s.code for i, s in list_systems(connection).items()}
    keys = _fact_keys(connection, systems)
    for kind, lines in (
        ("source_record", _records(connection, systems)),
        ("identifier", _identifiers(connection, things)),
        ("link", _links(connection)),
        *((name, _entities(connection, name, things)) for name in sorted(ENTITY_TABLES)),
        ("assertion", _assertions(connection, things, systems)),
        *(
            (name, _facts(connection, name, things=things, systems=systems, keys=keys))
            for name in sorted(FACT_TABLES)
        ),
        ("lot_genealogy", _edges(connection, things)),
        ("quarantine", _quarantine(connection, systems)),
        ("coverage", _coverage(connection, systems)),
        ("samples", _samples(connection, things)),
    ):
        rows = [orjson.dumps([kind, *line], option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z) for line in lines]
        yield from sorted(rows)


Line = tuple[Any, ...]
Things = dict[tuple[str, int], str]
FactKeys = dict[str, dict[int, str]]
"""By type of fact: its source and key, by its id."""


def _things(connection: Connection) -> Things:
    """Give each thing's smallest name in use; a tag that only has samples goes by the name it has."""
    names: dict[tuple[str, int], tuple[bool, str]] = {}
    for entity_type, entity_id, scheme, value, is_used in connection.execute(_THINGS):
        key = (entity_type, entity_id)
        name = (not is_used, f"{scheme}|{value}")
        names[key] = min(names.get(key, name), name)
    return {key: name for key, (_, name) in names.items()}


_IS_USED = exists().where(mention.c.identifier_id == identifier.c.id)
_HAS_SAMPLES = exists().where(
    identifier.c.entity_type == "tag", tag_latest.c.tag_id == identifier.c.entity_id
)
_THINGS = select(
    identifier.c.entity_type,
    identifier.c.entity_id,
    identifier.c.scheme,
    identifier.c.value,
    _IS_USED.label("is_used"),
).where(_IS_USED | _HAS_SAMPLES)
_IDENTIFIERS = select(identifier).where(_IS_USED)
_CALLED = select(identifier.c.id, identifier.c.scheme, identifier.c.value).where(_IS_USED)
_LINKS = select(link_decision).where(link_decision.c.state != "reversed")
_ASSERTIONS = select(
    assertion.c.entity_type,
    assertion.c.entity_id,
    assertion.c.attribute,
    assertion.c.source_system_id,
    assertion.c.value,
    assertion.c.is_winner,
    assertion.c.in_conflict,
    assertion.c.decision_id,
).where(assertion.c.superseded_at.is_(None))


def _records(connection: Connection, systems: dict[int, str]) -> Iterable[Line]:
    newest: dict[tuple[str, str, str], tuple[str, str]] = {}
    c = source_record.c
    for r in connection.execute(
        select(c.source_system_id, c.object_type, c.source_key, c.seq, c.op, c.content_hash).order_by(c.seq)
    ):
        newest[systems[r.source_system_id], r.object_type, r.source_key] = (r.op, r.content_hash)
    return ((key, content) for key, content in newest.items())


def _identifiers(connection: Connection, things: Things) -> Iterable[Line]:
    rows = connection.execute(_IDENTIFIERS).all()
    called = {r.id: f"{r.scheme}|{r.value}" for r in rows}
    for r in rows:
        yield (
            [r.entity_type, r.scheme, r.value],
            {
                "method": r.method,
                "norm": r.value_norm,
                "of": things[r.entity_type, r.entity_id],
                "valid": [r.valid_from, r.valid_to],
                "replaced_by": called.get(r.replaced_by_id),
            },
        )


def _links(connection: Connection) -> Iterable[Line]:
    names = {r.id: f"{r.scheme}|{r.value}" for r in connection.execute(_CALLED)}
    for r in connection.execute(_LINKS):
        if r.identifier_id not in names or r.candidate_id not in names:
            continue
        pair = sorted((names[r.identifier_id], names[r.candidate_id]))
        # what a person saw when deciding is history, what the hub finds is a consequence
        is_found = r.method != "human"
        found = {"evidence": r.evidence, "score": r.score} if is_found else {"clash": r.is_contradicted}
        yield [r.entity_type, *pair, r.method], {"state": r.state, **found}


def _entities(connection: Connection, name: str, things: Things) -> Iterable[Line]:
    query, plain, references = _standing_things(name)
    for thing_id, *row in connection.execute(query):
        content = dict(zip(plain, row, strict=False))
        for column, target, value in zip(references, references.values(), row[len(plain) :], strict=True):
            content[column] = things.get((target, value)) if value else value
        yield things.get((name, thing_id), "?"), content


@cache
def _standing_things(name: str) -> tuple[AnySelect, list[str], dict[str, str]]:
    """Give the query for standing things of a type: id, plain columns, then those that name a thing."""
    table = ENTITY_TABLES[name]
    references = {f"{f.name}_id": f.target or "" for f in fields_of(MASTERED[name]) if f.kind == "reference"}
    plain = [str(c.name) for c in table.c if c.name not in _NEVER and c.name not in references]
    query = select(table.c.id, *(table.c[column] for column in (*plain, *references)))
    return query.where(table.c.lifecycle.not_in(("merged", "retracted"))), plain, references


def _assertions(connection: Connection, things: Things, systems: dict[int, str]) -> Iterable[Line]:
    for r in connection.execute(_ASSERTIONS):
        yield (
            [r.entity_type, things[r.entity_type, r.entity_id], r.attribute, systems[r.source_system_id]],
            {
                "value": r.value,
                "wins": r.is_winner,
                "clashes": r.in_conflict,
                "settled": r.decision_id is not None,
            },
        )


def _facts(
    connection: Connection, name: str, *, things: Things, systems: dict[int, str], keys: FactKeys
) -> Iterable[Line]:
    query, plain, references, peers = _standing_facts(name)
    peers_from = len(plain) + len(references)
    for system_id, source_key, *row in connection.execute(query):
        content: dict[str, Any] = dict(zip(plain, row, strict=False))
        for column, target, value in zip(
            references, references.values(), row[len(plain) : peers_from], strict=True
        ):
            content[column] = None if value is None else things.get((target, value))
        for column, target, value in zip(peers, peers.values(), row[peers_from:], strict=True):
            content[column] = None if value is None else keys[target].get(value)
        yield [systems[system_id], source_key], content


@cache
def _standing_facts(name: str) -> tuple[AnySelect, list[str], dict[str, str], dict[str, str]]:
    """Give the query for facts: system, key, plain columns, those that name a thing, or another fact."""
    table = FACT_TABLES[name]
    fields = fields_of(OBSERVED[name])
    references = {f"{f.name}_id": f.target or "" for f in fields if f.kind == "reference"}
    peers = {f"{f.name}_id": f.target or "" for f in fields if f.kind == "peer"}
    peers |= {column: name for column in ("same_as_id", "disputes_id") if column in table.c}
    left = {*_NEVER, "source_record_id", "source_system_id", "source_key", "source_version"}
    left |= references.keys() | peers.keys()
    plain = [str(c.name) for c in table.c if c.name not in left and not c.name.endswith("_identifier_id")]
    columns = ("source_system_id", "source_key", *plain, *references, *peers)
    query = select(*(table.c[column] for column in columns)).where(~table.c.is_retracted)
    return query, plain, references, peers


def _fact_keys(connection: Connection, systems: dict[int, str]) -> FactKeys:
    """Give the keys of all facts that others may name."""
    return {
        name: {
            fact_id: f"{systems[system_id]}|{key}" for fact_id, system_id, key in connection.execute(query)
        }
        for name, query in _KEYS.items()
    }


_KEYS = {
    name: select(table.c.id, table.c.source_system_id, table.c.source_key)
    for name, table in FACT_TABLES.items()
}


def _edges(connection: Connection, things: Things) -> Iterable[Line]:
    for r in connection.execute(select(lot_genealogy)):
        yield (
            [
                things["material_lot", r.input_lot_id],
                things["material_lot", r.output_lot_id],
                things.get(("batch", r.batch_id)),
                r.kind,
            ],
            [r.quantity, r.unit],
        )


def _quarantine(connection: Connection, systems: dict[int, str]) -> Iterable[Line]:
    for r in connection.execute(select(quarantine).where(quarantine.c.state == "open")):
        yield (
            [systems[r.source_system_id], r.object_type, r.source_key, r.part],
            {"reason": r.reason, "content_hash": r.content_hash},
        )


def _coverage(connection: Connection, systems: dict[int, str]) -> Iterable[Line]:
    for r in connection.execute(select(coverage)):
        yield [systems[r.source_system_id], r.tag_group], [r.start_at, r.end_at]


def _samples(connection: Connection, things: Things) -> Iterable[Line]:
    for tag_id in list_sampled_tags(connection):
        yield things["tag", tag_id], list(digest_samples(connection, tag_id))
