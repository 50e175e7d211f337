"""What belongs to a batch at one reading, row by row; and which acts have touched those rows since."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, or_, select

from hub.store.answers.belonging import belongs, list_lots_of, list_quality_events_of
from hub.store.answers.readings import Document, fact_reading, read_rows, thing_reading
from hub.store.order import late_acts
from hub.store.questions.scope import scope_of, see
from hub.store.sets import select_dicts_in, select_in
from hub.store.tables import (
    ENTITY_TABLES,
    FACT_TABLES,
    assertion,
    audit_event,
    identifier,
    link_decision,
    lot_genealogy,
    source_record,
    source_system,
    value_decision,
)

Row = tuple[str, int]
"""A row of the store: its table and id."""


class Saying(NamedTuple):
    """Who says what of which thing: what it is about, the attribute, the source."""

    thing: Row
    attribute: str
    source: str


@dataclass(frozen=True)
class Act:
    """A writing transaction that touched a row: when it became known, whose it was, why."""

    stamp: datetime
    known_at: datetime
    actor: str
    reason: str | None
    version: int
    digest: str | None


def list_things(connection: Connection, batch_id: int) -> set[Row]:
    """Give the batch, the lots that it made and its quality events, by type and id."""
    lots = list_lots_of(connection, batch_id)
    events = list_quality_events_of(connection, batch_id, lots)
    return {
        ("batch", batch_id),
        *(("material_lot", lot) for lot in lots),
        *(("quality_event", one) for one in events),
    }


def keep_seen(connection: Connection, things: Iterable[Row]) -> set[Row]:
    """Give those of these things that the one who asks may see."""
    kept: set[Row] = set()
    for entity_type, ids in _by_type(things).items():
        table = ENTITY_TABLES[entity_type]
        seen = see(scope_of(connection), entity_type, table)
        query = select(table.c.id).where(table.c.id.in_(sorted(ids)), *seen)
        kept |= {(entity_type, one) for one in (connection.scalars(query) if seen else ids)}
    return kept


def list_golden(connection: Connection, things: Iterable[Row]) -> dict[Row, Document]:
    """Give the golden documents of those of these things that are there."""
    found: dict[Row, Document] = {}
    for entity_type, ids in _by_type(things).items():
        reading = thing_reading(entity_type)
        rows = select_in(connection, reading.statement, reading.table.c.id, ids)
        documents = reading.documents(rows)
        found |= {(entity_type, row[0]): one for row, one in zip(rows, documents, strict=True)}
    return found


def list_facts(
    connection: Connection, batch_id: int, *, lots: Collection[int]
) -> dict[str, dict[int, Document]]:
    """Give all observed facts of a batch, of these lots that it made and of the samples of either.

    By type and id, retracted ones too.
    """
    found: dict[str, dict[int, Document]] = {}
    for record_type, table in FACT_TABLES.items():
        reading = fact_reading(record_type)
        if record_type == "test_result":
            query = reading.select()
            documents = reading.documents(select_in(connection, query, table.c.sample_id, found["sample"]))
            found[record_type] = {document["id"]: document for document in documents}
            continue
        # One condition a question: for an `or` over several, an engine may look through all facts there are.
        if conditions := belongs(record_type, table, batch_id=batch_id, lots=lots):
            found[record_type] = {
                document["id"]: document
                for condition in conditions
                for document in reading.read(connection, reading.select().where(condition))
            }
    return found


def find_owners(connection: Connection, table_name: str, ids: Iterable[int]) -> dict[int, str | None]:
    """Give the batch, by its code, of each of these facts that is there; of names, what they mean.

    None where there is none.
    """
    if table_name == identifier.name:
        return _find_named(connection, ids)
    table = FACT_TABLES.get(table_name)
    if table is None:
        return {}
    if "batch_id" not in table.c:
        return {row.id: None for row in select_in(connection, select(table.c.id), table.c.id, ids)}
    batch = ENTITY_TABLES["batch"]
    query = select(table.c.id, batch.c.code).select_from(
        table.outerjoin(batch, batch.c.id == table.c.batch_id)
    )
    return {row.id: row.code for row in select_in(connection, query, table.c.id, ids)}


def _find_named(connection: Connection, ids: Iterable[int]) -> dict[int, str | None]:
    """Give what names mean, by its code."""
    query = select(identifier.c.id, identifier.c.entity_type, identifier.c.entity_id)
    names = select_in(connection, query, identifier.c.id, ids)
    codes: dict[Row, str] = {}
    for entity_type, wanted in _by_type((n.entity_type, n.entity_id) for n in names if n.entity_id).items():
        table = ENTITY_TABLES[entity_type]
        rows = select_in(connection, select(table.c.id, table.c.code), table.c.id, wanted)
        codes |= {(entity_type, row.id): row.code for row in rows}
    return {name.id: codes.get((name.entity_type, name.entity_id)) for name in names}


def _by_type(things: Iterable[Row]) -> dict[str, set[int]]:
    """Give the ids of things by type; batches first, then by name of the type."""
    found: dict[str, set[int]] = {}
    for entity_type, one in sorted(things, key=lambda row: (row[0] != "batch", row)):
        found.setdefault(entity_type, set()).add(one)
    return found


def list_said(connection: Connection, things: Iterable[Row]) -> dict[Saying, Document]:
    """Give what each source says of these things, with the row's id."""
    query = select(
        assertion.c.entity_id,
        assertion.c.id,
        assertion.c.attribute,
        source_system.c.code.label("source"),
        assertion.c.value,
        assertion.c.is_winner,
        assertion.c.in_conflict,
        assertion.c.source_record_id.label("source_record"),
        assertion.c.decision_id,
    ).join(source_system, source_system.c.id == assertion.c.source_system_id)
    found: dict[Saying, Document] = {}
    for entity_type, ids in _by_type(things).items():
        stands = query.where(assertion.c.entity_type == entity_type, assertion.c.superseded_at.is_(None))
        for said in select_dicts_in(connection, stands, assertion.c.entity_id, ids):
            thing = (entity_type, said.pop("entity_id"))
            found[Saying(thing, said["attribute"], said["source"])] = said
    return found


def list_names(connection: Connection, things: Iterable[Row]) -> dict[tuple[Row, int], Document]:
    """Give the names of these things, by thing and the row's id."""
    names = ("id", "entity_id", "scheme", "value", "label", "method", "is_active", "valid_from", "valid_to")
    query = select(*(identifier.c[name] for name in names))
    found: dict[tuple[Row, int], Document] = {}
    for entity_type, ids in _by_type(things).items():
        mine = query.where(identifier.c.entity_type == entity_type)
        for name in select_dicts_in(connection, mine, identifier.c.entity_id, ids):
            found[(entity_type, name.pop("entity_id")), name["id"]] = name
    return found


def list_judgments(connection: Connection, name_ids: Iterable[int]) -> dict[str, dict[int, Document]]:
    """Give links between these names and people's decisions about their values, by table and id.

    `name_id` is the key of the name that a decision is about, or of the first that a link joins.
    """
    ids = sorted(set(name_ids))
    one, other = identifier.alias("one"), identifier.alias("other")
    links = (
        select(
            link_decision.c.id,
            link_decision.c.identifier_id.label("name_id"),
            one.c.label.label("one"),
            other.c.label.label("other"),
            link_decision.c.method,
            link_decision.c.state,
            link_decision.c.decided_by,
            link_decision.c.reason,
        )
        .join(one, one.c.id == link_decision.c.identifier_id)
        .join(other, other.c.id == link_decision.c.candidate_id)
        .where(or_(link_decision.c.identifier_id.in_(ids), link_decision.c.candidate_id.in_(ids)))
    )
    decisions = (
        select(
            value_decision.c.id,
            value_decision.c.identifier_id.label("name_id"),
            value_decision.c.attribute,
            source_system.c.code.label("counts"),
            value_decision.c.state,
            value_decision.c.decided_by,
            value_decision.c.reason,
        )
        .join(source_system, source_system.c.id == value_decision.c.source_system_id)
        .where(value_decision.c.identifier_id.in_(ids))
    )
    found = {link_decision.name: links, value_decision.name: decisions}
    return {name: {row["id"]: row for row in read_rows(connection, query)} for name, query in found.items()}


def list_edges(connection: Connection, batch_id: int) -> dict[tuple[str, str, str], Document]:
    """Give the edges that a batch adds to the genealogy, by input lot, output lot and kind."""
    lot = ENTITY_TABLES["material_lot"]
    one, other = lot.alias("went_in"), lot.alias("came_out")
    query = (
        select(
            lot_genealogy.c.id,
            one.c.code.label("input"),
            other.c.code.label("output"),
            lot_genealogy.c.kind,
            lot_genealogy.c.quantity,
            lot_genealogy.c.unit,
            one.c.uid.label("input_uid"),
            other.c.uid.label("output_uid"),
        )
        .join(one, one.c.id == lot_genealogy.c.input_lot_id)
        .join(other, other.c.id == lot_genealogy.c.output_lot_id)
        .where(lot_genealogy.c.batch_id == batch_id)
    )
    return {
        (edge.pop("input_uid"), edge.pop("output_uid"), edge["kind"]): edge
        for edge in read_rows(connection, query)
    }


def describe_records(connection: Connection, ids: Iterable[int]) -> dict[int, Document]:
    """Give source, version and times of source records by id."""
    names = ("id", "source_version", "seq", "op", "source_time", "received_at")
    query = select(*(source_record.c[name] for name in names))
    return {row["id"]: row for row in select_dicts_in(connection, query, source_record.c.id, ids)}


def acts_since(connection: Connection, rows: Iterable[Row], since: datetime) -> Mapping[Row, Sequence[Act]]:
    """Give the acts that touched each of these rows and became known after an instant, the oldest first."""
    event = audit_event.c
    late = late_acts(connection, since)
    query = (
        select(event.entity_id, event.version, event.recorded_at, event.actor, event.reason, event.digest)
        .where(or_(event.recorded_at > since, event.recorded_at.in_(late)))
        .order_by(event.version)
    )
    wanted: dict[str, set[int]] = {}
    for table, row in rows:
        wanted.setdefault(table, set()).add(row)
    found: dict[Row, list[Act]] = {}
    for table, ids in wanted.items():
        of_table = query.where(event.entity_type == table)
        for row in select_in(connection, of_table, event.entity_id, ids):
            known_at: datetime = late.get(row.recorded_at) or row.recorded_at
            act = Act(row.recorded_at, known_at, row.actor, row.reason, row.version, row.digest)
            found.setdefault((table, row.entity_id), []).append(act)
    return found


def digest_before(connection: Connection, row: Row, version: int) -> str | None:
    """Give the digest of a row as it was before a version of it."""
    event = audit_event.c
    return connection.scalar(
        select(event.digest).where(
            event.entity_type == row[0], event.entity_id == row[1], event.version == version - 1
        )
    )
