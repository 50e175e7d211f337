"""The links of a value's chain, each as it is stored: statements, records, names, decisions, what it was."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, or_, select

from hub.model.enums import CONSUMED, PRODUCED
from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.store.answers.readings import Document, fact_reading, read_rows
from hub.store.sets import select_dicts_in, select_in
from hub.store.tables import (
    ENTITY_TABLES,
    FACT_TABLES,
    assertion,
    audit_event,
    identifier,
    link_decision,
    lot_genealogy,
    mapping,
    source_record,
    source_system,
    value_decision,
)
from hub.store.tables.columns import golden_columns, observed_columns

MOST_SHOWN = 65_536
"""Characters of a payload that a chain shows; the rest is at the payload's own address."""

_RECORD = (
    "id",
    "object_type",
    "source_key",
    "seq",
    "op",
    "source_version",
    "source_time",
    "received_at",
    "media_type",
    "content_hash",
    "stream",
    "mapping_version",
    "payload",
)


# ----------------------------------------------------------------------------------------- statements
def list_said(
    connection: Connection, entity_type: str, thing_id: int, *, attribute: str, history: bool
) -> list[Document]:
    """Give what each source says of an attribute, what counts first; with `history` also what it said."""
    query = (
        select(
            assertion.c.id,
            source_system.c.code.label("source"),
            source_system.c.kind.label("source_kind"),
            assertion.c.value,
            assertion.c.value_identifier_id,
            assertion.c.is_winner,
            assertion.c.in_conflict,
            assertion.c.decision_id,
            assertion.c.source_record_id,
            assertion.c.source_time,
            assertion.c.recorded_at,
            assertion.c.superseded_at,
        )
        .select_from(assertion.join(source_system, source_system.c.id == assertion.c.source_system_id))
        .where(
            assertion.c.entity_type == entity_type,
            assertion.c.entity_id == thing_id,
            assertion.c.attribute == attribute,
        )
        .order_by(
            assertion.c.superseded_at.is_not(None),
            assertion.c.is_winner.desc(),
            source_system.c.code,
            assertion.c.id,
        )
    )
    return read_rows(connection, query if history else query.where(assertion.c.superseded_at.is_(None)))


def records_by_id(connection: Connection, ids: Iterable[int]) -> dict[int, Document]:
    """Give source records with the beginning of what they say, and what the mapping that read them was."""
    query = select(
        *(source_record.c[name] for name in _RECORD),
        source_system.c.code.label("source"),
        source_system.c.id.label("system_id"),
    ).join(source_system, source_system.c.id == source_record.c.source_system_id)
    rows = select_dicts_in(connection, query, source_record.c.id, ids)
    mappings = _mappings(connection, {row["mapping_version"] for row in rows})
    return {row["id"]: _record({str(k): v for k, v in row.items()}, mappings) for row in rows}


def _record(row: Document, mappings: dict[tuple[int, str], Any]) -> Document:
    payload: str = row.pop("payload")
    system_id: int = row.pop("system_id")
    return {
        **row,
        "connector": row["mapping_version"].partition("#")[0],
        "mapping": mappings.get((system_id, row["mapping_version"])),
        "payload": payload[:MOST_SHOWN],
        "payload_characters": len(payload),
        "is_cut": len(payload) > MOST_SHOWN,
        "payload_address": f"/v1/source-records/{row['id']}/payload",
    }


def _mappings(connection: Connection, versions: Iterable[str]) -> dict[tuple[int, str], Any]:
    columns = mapping.c
    query = select(columns.source_system_id, columns.mapping_version, columns.content)
    return {
        (row.source_system_id, row.mapping_version): row.content
        for row in select_in(connection, query, columns.mapping_version, versions)
    }


def read_payload(connection: Connection, record_id: int) -> Document | None:
    """Give what a source said, word for word, with media type and hash; None when there is no such record."""
    columns = source_record.c
    query = select(columns.payload, columns.media_type, columns.content_hash, columns.source_key)
    found = read_rows(connection, query.where(columns.id == record_id))
    return found[0] if found else None


# ----------------------------------------------------------------------------------------- identity
def list_identity(
    connection: Connection, entity_type: str, thing_id: int, *, history: bool = False
) -> Document:
    """Give the names of a thing, and the decisions that made them one or hold others apart, by time.

    With `history` also those that were taken back.
    """
    name = identifier.c
    names = read_rows(
        connection,
        select(name.id, name.scheme, name.value, name.label, name.method, name.recorded_at)
        .where(name.entity_type == entity_type, name.entity_id == thing_id)
        .order_by(name.scheme, name.value),
    )
    ids = [row.pop("id") for row in names]
    links = _links(connection, ids)
    return {"names": names, "links": [one for one in links if history or one["state"] != "reversed"]}


def _links(connection: Connection, name_ids: Sequence[int]) -> list[Document]:
    one, other = identifier.alias("one"), identifier.alias("other")
    link = link_decision.c
    own = [link[name] for name in ("state", "method", "evidence", "decided_by", "decided_at")]
    reason = [link[name] for name in ("reason",) if name in link]
    query = (
        select(
            one.c.scheme.label("one_scheme"),
            one.c.value.label("one_value"),
            other.c.scheme.label("other_scheme"),
            other.c.value.label("other_value"),
            *own,
            *reason,
        )
        .select_from(
            link_decision.join(one, one.c.id == link.identifier_id).join(
                other, other.c.id == link.candidate_id
            )
        )
        .where(or_(link.identifier_id.in_(name_ids), link.candidate_id.in_(name_ids)))
        .order_by(link.decided_at, link.id)
    )
    return [
        {
            "one": {"scheme": row["one_scheme"], "value": row["one_value"]},
            "other": {"scheme": row["other_scheme"], "value": row["other_value"]},
            **{name: row[name] for name in ("state", "method", "evidence", "decided_by", "decided_at")},
            "reason": row.get("reason"),
        }
        for row in read_rows(connection, query)
    ]


def read_name(connection: Connection, name_id: int) -> Document | None:
    """Give a name by its key: what it is in which scheme, and the thing it means."""
    name = identifier.c
    query = select(name.entity_type, name.entity_id, name.scheme, name.value, name.label, name.method)
    found = read_rows(connection, query.where(name.id == name_id))
    return found[0] if found else None


def read_decision(connection: Connection, decision_id: int) -> Document | None:
    """Give a person's decision about a value: whose word was to count, why, and what had been heard."""
    decided = value_decision.c
    query = (
        select(
            decided.id,
            source_system.c.code.label("source"),
            decided.judged,
            decided.state,
            decided.reason,
            decided.decided_by,
            decided.decided_at,
        )
        .join(source_system, source_system.c.id == decided.source_system_id)
        .where(decided.id == decision_id)
    )
    found = read_rows(connection, query)
    return found[0] if found else None


# ----------------------------------------------------------------------------------------- facts
def kind_of(connection: Connection, source: str) -> str | None:
    """Give the kind of a source by its code."""
    return connection.scalar(select(source_system.c.kind).where(source_system.c.code == source))


def find_fact(connection: Connection, record_type: str, *, source: str, key: str) -> int | None:
    """Give the id of a fact by its source and the source's key; None when there is none."""
    table = FACT_TABLES[record_type]
    return connection.scalar(
        select(table.c.id)
        .join(source_system, source_system.c.id == table.c.source_system_id)
        .where(source_system.c.code == source, table.c.source_key == key)
    )


def read_fact(connection: Connection, record_type: str, fact_id: int) -> Document:
    """Give one fact as everywhere."""
    reading = fact_reading(record_type)
    return reading.read(connection, reading.select().where(reading.table.c.id == fact_id))[0]


def read_fact_row(connection: Connection, record_type: str, fact_id: int) -> Document:
    """Give the columns of one fact as they are stored."""
    table = FACT_TABLES[record_type]
    return read_rows(connection, select(table).where(table.c.id == fact_id))[0]


def list_sightings(connection: Connection, record_type: str, row: Document) -> list[Document]:
    """Give the other sightings of the same fact: what it is the same as, and what is the same as it."""
    table = FACT_TABLES[record_type]
    same: list[ColumnElement[bool]] = [table.c.same_as_id == row["id"]]
    if row["same_as_id"] is not None:
        same += [table.c.id == row["same_as_id"], table.c.same_as_id == row["same_as_id"]]
    return _facts(connection, record_type, or_(*same), but=row["id"])


def list_counted_with(connection: Connection, row: Document) -> list[Document]:
    """Give the movements that were counted together with one: of its batch, its lot, its direction."""
    table = FACT_TABLES["material_actual"]
    direction = next((uses for uses in (CONSUMED, PRODUCED) if row["use"] in uses), {row["use"]})
    thing = "lot_id" if row["lot_id"] is not None else "material_id"
    if row["batch_id"] is None or row[thing] is None:
        return []
    alike = (
        (table.c.batch_id == row["batch_id"])
        & (table.c[thing] == row[thing])
        & table.c.use.in_(sorted(direction))
    )
    return _facts(connection, "material_actual", alike, but=row["id"])


def list_edges(connection: Connection, input_id: int, output_id: int) -> list[Document]:
    """Give the edges of the genealogy from one lot to another."""
    batch = ENTITY_TABLES["batch"]
    query = (
        select(
            lot_genealogy.c.kind,
            lot_genealogy.c.quantity,
            lot_genealogy.c.unit,
            lot_genealogy.c.batch_id,
            batch.c.uid,
            batch.c.code,
        )
        .select_from(lot_genealogy.outerjoin(batch, batch.c.id == lot_genealogy.c.batch_id))
        .where(lot_genealogy.c.input_lot_id == input_id, lot_genealogy.c.output_lot_id == output_id)
        .order_by(lot_genealogy.c.kind, batch.c.code, lot_genealogy.c.id)
    )
    return read_rows(connection, query)


def list_moved(
    connection: Connection, lot_ids: Collection[int], batch_ids: Collection[int]
) -> list[Document]:
    """Give the movements of lots into and out of batches: what edges of the genealogy are made of."""
    table = FACT_TABLES["material_actual"]
    condition = table.c.lot_id.in_(sorted(lot_ids)) & table.c.batch_id.in_(sorted(batch_ids))
    return _facts(connection, "material_actual", condition, but=0)


def _facts(
    connection: Connection, record_type: str, condition: ColumnElement[bool], *, but: int
) -> list[Document]:
    reading = fact_reading(record_type)
    table = reading.table
    query = reading.select().where(condition, table.c.id != but, table.c.is_retracted.is_(False))
    return reading.read(connection, query.order_by(table.c.source_system_id, table.c.source_key, table.c.id))


# ----------------------------------------------------------------------------------------- what it was
def columns_of(kind: str, attribute: str) -> list[str]:
    """Give the columns that hold an attribute of a thing, or a field of a fact."""
    if kind in MASTERED:
        made = {f.name: golden_columns(f) for f in fields_of(MASTERED[kind])}
    else:
        made = {f.name: observed_columns(f) for f in fields_of(OBSERVED[kind])}
    if attribute in made:
        return [str(column.name) for column in made[attribute]]
    return ["same_as_id"] if attribute == "same_as" else [attribute]


def list_states(connection: Connection, table_name: str, row_id: int) -> list[Document]:
    """Give the states of a row that the audit trail knows, the oldest first: since when, by whom, why, what.

    A state is a dictionary of columns; nulls are left out.
    """
    event = audit_event.c
    query = (
        select(event.recorded_at, event.actor, event.reason, event.before)
        .where(event.entity_type == table_name, event.entity_id == row_id)
        .order_by(event.version)
    )
    events = read_rows(connection, query)
    changes = [one for place, one in enumerate(events) if place == 0 or one["before"] is not None]
    table = ENTITY_TABLES.get(table_name, FACT_TABLES.get(table_name))
    assert table is not None  # noqa: S101 - the caller knows the type
    [row] = read_rows(connection, select(table).where(table.c.id == row_id))
    last = {name: value for name, value in row.items() if value is not None}
    images: list[Document] = [orjson.loads(one["before"]) for one in changes[1:]]
    return [
        {"since": one["recorded_at"], "by": one["actor"], "reason": one["reason"], "row": image}
        for one, image in zip(changes, [*images, last], strict=False)
    ]
