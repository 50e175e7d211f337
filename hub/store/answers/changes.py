"""What belongs to a batch at one reading, row by row; and which acts have touched those rows since."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select

from hub.store.answers.batches import list_sample_ids
from hub.store.answers.readings import Document, fact_reading, read_rows
from hub.store.order import late_acts
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


@dataclass(frozen=True)
class Act:
    """A writing transaction that touched a row: when it became known, whose it was, why."""

    stamp: datetime
    known_at: datetime
    actor: str
    reason: str | None
    version: int
    digest: str | None


def list_facts(connection: Connection, batch_id: int) -> dict[str, dict[int, Document]]:
    """Give all observed facts of a batch and of its lot's samples, retracted ones too, by type and id."""
    samples = list_sample_ids(connection, batch_id)
    found: dict[str, dict[int, Document]] = {}
    for record_type, table in FACT_TABLES.items():
        reading = fact_reading(record_type)
        if record_type in ("sample", "test_result"):
            column = table.c.id if record_type == "sample" else table.c.sample_id
            documents = reading.documents(select_in(connection, reading.select(), column, samples))
        elif "batch_id" in table.c:
            documents = reading.read(connection, reading.select().where(table.c.batch_id == batch_id))
        else:
            continue
        found[record_type] = {document["id"]: document for document in documents}
    return found


def find_owners(connection: Connection, table_name: str, ids: Iterable[int]) -> dict[int, str | None]:
    """Give the batch, by its code, of each of these facts or names that is there; None where it has none."""
    batch = ENTITY_TABLES["batch"]
    table = identifier if table_name == identifier.name else FACT_TABLES.get(table_name)
    if table is None:
        return {}
    if table is not identifier and "batch_id" not in table.c:
        return {row.id: None for row in select_in(connection, select(table.c.id), table.c.id, ids)}
    owner = table.c.entity_id if table is identifier else table.c.batch_id
    query = select(table.c.id, batch.c.code).select_from(table.outerjoin(batch, batch.c.id == owner))
    return {row.id: row.code for row in select_in(connection, query, table.c.id, ids)}


def list_said(connection: Connection, batch_id: int) -> dict[tuple[str, str], Document]:
    """Give what each source says of a batch, by attribute and source, with the row's id."""
    query = (
        select(
            assertion.c.id,
            assertion.c.attribute,
            source_system.c.code.label("source"),
            assertion.c.value,
            assertion.c.is_winner,
            assertion.c.in_conflict,
            assertion.c.source_record_id.label("source_record"),
            assertion.c.decision_id,
        )
        .join(source_system, source_system.c.id == assertion.c.source_system_id)
        .where(
            assertion.c.entity_type == "batch",
            assertion.c.entity_id == batch_id,
            assertion.c.superseded_at.is_(None),
        )
    )
    return {(said["attribute"], said["source"]): said for said in read_rows(connection, query)}


def list_names(connection: Connection, batch_id: int) -> dict[int, Document]:
    """Give the names of a batch by the row's id."""
    names = ("id", "scheme", "value", "label", "method", "is_active", "valid_from", "valid_to")
    query = select(*(identifier.c[name] for name in names)).where(
        identifier.c.entity_type == "batch", identifier.c.entity_id == batch_id
    )
    return {name["id"]: name for name in read_rows(connection, query)}


def list_judgments(connection: Connection, name_ids: Iterable[int]) -> dict[str, dict[int, Document]]:
    """Give links between these names and people's decisions about their values, by table and id."""
    ids = sorted(set(name_ids))
    one, other = identifier.alias("one"), identifier.alias("other")
    links = (
        select(
            link_decision.c.id,
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
