"""Who says what about a thing, why one of them counts, and what they said word for word."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select, tuple_

from hub.model.comparison import comparable, difference_of
from hub.model.mastered import MASTERED
from hub.model.shape import Field, fields_of
from hub.store.answers.readings import Document, read_rows
from hub.store.answers.rules import refer_to_rule
from hub.store.rules import find_rule, load_rules
from hub.store.tables import assertion, source_record, source_system, value_decision

_DECIDER = source_system.alias("decided_for")
SAID_COLUMNS = (
    assertion.c.attribute,
    source_system.c.code.label("source"),
    source_system.c.kind.label("source_kind"),
    assertion.c.value,
    assertion.c.is_winner,
    assertion.c.in_conflict,
    assertion.c.source_record_id.label("source_record"),
    assertion.c.source_time,
    assertion.c.recorded_at,
    assertion.c.superseded_at,
    assertion.c.decision_id,
    _DECIDER.c.code.label("decided_for"),
    value_decision.c.decided_by,
    value_decision.c.decided_at,
    value_decision.c.reason.label("decided_because"),
)
"""What is read of each statement, with the decision that touches it."""
SAID = (
    assertion.join(source_system, source_system.c.id == assertion.c.source_system_id)
    .outerjoin(value_decision, value_decision.c.id == assertion.c.decision_id)
    .outerjoin(_DECIDER, _DECIDER.c.id == value_decision.c.source_system_id)
)


def list_assertions(
    connection: Connection, entity_type: str, thing_id: int, *, history: bool = False
) -> list[Document]:
    """Give what each source says of a thing, by attribute, and the rule or decision that lets one count.

    With `history` also what was said before; by which rule that counted the same call tells as known then.
    """
    query = (
        select(*SAID_COLUMNS)
        .select_from(SAID)
        .where(assertion.c.entity_type == entity_type, assertion.c.entity_id == thing_id)
        .order_by(assertion.c.attribute, source_system.c.code, assertion.c.id)
    )
    if not history:
        query = query.where(assertion.c.superseded_at.is_(None))
    rules = load_rules(connection)
    fields = {f.name: f for f in fields_of(MASTERED[entity_type])}
    found: list[Document] = []
    for attribute, some in groupby(read_rows(connection, query), key=lambda row: row["attribute"]):
        rule = find_rule(rules, entity_type, attribute)
        for said in describe_statements(fields[attribute], some):
            by = rule if said["superseded_at"] is None else None
            found.append({**said, "rule": refer_to_rule(by) if by else None})
    return found


def describe_statements(field: Field, rows: Iterable[Mapping[str, Any]]) -> list[Document]:
    """Give what sources say of one attribute of one thing; `difference` is to what counts, in its unit.

    `is_settled` marks a value that contradicts what counts, but has been decided about.
    """
    said = list(rows)
    counts = next((r["value"] for r in said if r["is_winner"] and r["superseded_at"] is None), None)
    return [_describe(field, row, counts) for row in said]


def _describe(field: Field, row: Mapping[str, Any], counts: Any) -> Document:
    is_current = row["superseded_at"] is None
    return {
        "attribute": row["attribute"],
        "source": row["source"],
        "source_kind": row["source_kind"],
        "value": row["value"],
        "is_winner": row["is_winner"],
        "in_conflict": row["in_conflict"],
        "is_settled": row["decision_id"] is not None and not row["is_winner"],
        "difference": _difference(field, counts, row["value"])
        if is_current and not row["is_winner"]
        else None,
        "decision": refer_to_decision(row),
        "source_record": row["source_record"],
        "source_time": row["source_time"],
        "recorded_at": row["recorded_at"],
        "superseded_at": row["superseded_at"],
    }


def _difference(field: Field, counts: Any, value: Any) -> Document | None:
    if counts is None:
        return None
    found = difference_of(field, comparable(field, counts), comparable(field, value))
    return None if found is None else {"value": found[0], "unit": found[1]}


def refer_to_decision(row: Mapping[str, Any]) -> Document | None:
    """Give the decision behind a statement: which source counts, who said so, when and why."""
    if row["decision_id"] is None:
        return None
    return {
        "id": row["decision_id"],
        "counts": row["decided_for"],
        "decided_by": row["decided_by"],
        "decided_at": row["decided_at"],
        "reason": row["decided_because"],
    }


def read_source_record(connection: Connection, record_id: int) -> Document | None:
    """Give what a source said, word for word, with the connector and mapping that read it."""
    query = (
        select(
            source_record.c.id,
            source_system.c.code.label("source"),
            source_system.c.kind.label("source_kind"),
            source_system.c.connector,
            source_record.c.object_type,
            source_record.c.source_key,
            source_record.c.seq,
            source_record.c.op,
            source_record.c.content_hash,
            source_record.c.media_type,
            source_record.c.source_version,
            source_record.c.source_time,
            source_record.c.received_at,
            source_record.c.mapping_version,
            source_record.c.payload,
        )
        .select_from(
            source_record.join(source_system, source_system.c.id == source_record.c.source_system_id)
        )
        .where(source_record.c.id == record_id)
    )
    found = read_rows(connection, query)
    if not found:
        return None
    return {**found[0], "versions": _versions(connection, record_id)}


def _versions(connection: Connection, record_id: int) -> list[Document]:
    this = select(
        source_record.c.source_system_id, source_record.c.object_type, source_record.c.source_key
    ).where(source_record.c.id == record_id)
    same = tuple_(
        source_record.c.source_system_id, source_record.c.object_type, source_record.c.source_key
    ).in_(this)
    query = (
        select(source_record.c.id, source_record.c.seq, source_record.c.op, source_record.c.received_at)
        .where(same)
        .order_by(source_record.c.seq)
    )
    return read_rows(connection, query)
