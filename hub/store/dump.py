"""A canonical dump of the unified state: the same state gives the same bytes, whatever its ids and times.

Things appear under the smallest of their names, facts under their source's key; row ids, uids and the times
at which the hub learned something are left out, and so is what nobody states or refers to any more.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from sqlalchemy import Connection, Table, exists, select

from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.store.samples import digest_samples, list_sampled_tags
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
    c = identifier.c
    is_used = exists().where(mention.c.identifier_id == c.id)
    has_samples = exists().where(c.entity_type == "tag", tag_latest.c.tag_id == c.entity_id)
    names: dict[tuple[str, int], tuple[bool, str]] = {}
    for row in connection.execute(
        select(c.entity_type, c.entity_id, c.scheme, c.value, is_used.label("is_used")).where(
            is_used | has_samples
        )
    ):
        key = (row.entity_type, row.entity_id)
        name = (not row.is_used, f"{row.scheme}|{row.value}")
        names[key] = min(names.get(key, name), name)
    return {key: name for key, (_, name) in names.items()}


def _records(connection: Connection, systems: dict[int, str]) -> Iterable[Line]:
    newest: dict[tuple[str, str, str], tuple[str, str]] = {}
    c = source_record.c
    for r in connection.execute(
        select(c.source_system_id, c.object_type, c.source_key, c.seq, c.op, c.content_hash).order_by(c.seq)
    ):
        newest[systems[r.source_system_id], r.object_type, r.source_key] = (r.op, r.content_hash)
    return ((key, content) for key, content in newest.items())


def _identifiers(connection: Connection, things: Things) -> Iterable[Line]:
    is_used = exists().where(mention.c.identifier_id == identifier.c.id)
    rows = connection.execute(select(identifier).where(is_used)).all()
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
    names = {
        r.id: f"{r.scheme}|{r.value}"
        for r in connection.execute(
            select(identifier.c.id, identifier.c.scheme, identifier.c.value).where(
                exists().where(mention.c.identifier_id == identifier.c.id)
            )
        )
    }
    for r in connection.execute(select(link_decision).where(link_decision.c.state != "reversed")):
        if r.identifier_id not in names or r.candidate_id not in names:
            continue
        pair = sorted((names[r.identifier_id], names[r.candidate_id]))
        # what a person saw when deciding is history, what the hub finds is a consequence
        is_found = r.method != "human"
        found = {"evidence": r.evidence, "score": r.score} if is_found else {"clash": r.is_contradicted}
        yield [r.entity_type, *pair, r.method], {"state": r.state, **found}


def _entities(connection: Connection, name: str, things: Things) -> Iterable[Line]:
    table = ENTITY_TABLES[name]
    references = {f"{f.name}_id": f.target or "" for f in fields_of(MASTERED[name]) if f.kind == "reference"}
    standing = select(table).where(table.c.lifecycle.not_in(("merged", "retracted")))
    for row in connection.execute(standing).mappings():
        content = {
            str(k): things.get((references[k], v)) if k in references and v else v
            for k, v in row.items()
            if k not in _NEVER
        }
        yield things.get((name, row["id"]), "?"), content


def _assertions(connection: Connection, things: Things, systems: dict[int, str]) -> Iterable[Line]:
    for r in connection.execute(select(assertion).where(assertion.c.superseded_at.is_(None))):
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
    table: Table = FACT_TABLES[name]
    references = {f"{f.name}_id": f.target or "" for f in fields_of(OBSERVED[name]) if f.kind == "reference"}
    peers = {f"{f.name}_id": f.target or "" for f in fields_of(OBSERVED[name]) if f.kind == "peer"}
    left = _NEVER | {"source_record_id", "source_system_id", "source_key", "source_version"}
    for row in connection.execute(select(table).where(~table.c.is_retracted)).mappings():
        content: dict[str, Any] = {}
        for name_, value in row.items():
            column = str(name_)
            if column in left or column.endswith("_identifier_id"):
                continue
            if value is not None and column in references:
                content[column] = things.get((references[column], value))
            elif value is not None and column in peers:
                content[column] = keys[peers[column]].get(value)
            elif value is not None and column in ("same_as_id", "disputes_id"):
                content[column] = keys[name].get(value)
            else:
                content[column] = value
        yield [systems[row["source_system_id"]], row["source_key"]], content


def _fact_keys(connection: Connection, systems: dict[int, str]) -> FactKeys:
    keys: dict[str, dict[int, str]] = defaultdict(dict)
    for name, table in FACT_TABLES.items():
        for r in connection.execute(select(table.c.id, table.c.source_system_id, table.c.source_key)):
            keys[name][r.id] = f"{systems[r.source_system_id]}|{r.source_key}"
    return keys


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
