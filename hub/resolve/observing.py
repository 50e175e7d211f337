"""Observed facts: what each source saw, by its own key, with the names it used resolved to things."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hub.model import parse_instant
from hub.model.observed import OBSERVED
from hub.model.shape import Field, fields_of
from hub.model.unit import canonical_amount
from hub.store.database import Connection
from hub.store.facts import batches_of_facts, link_peers, retract_facts, write_facts
from hub.store.identifiers import Name, Wanted, find_names
from hub.store.pending import Statement, statements_of_records


def observe(
    connection: Connection, statements: Sequence[Statement], names: dict[Wanted, Name], *, now: datetime
) -> set[int]:
    """Write the facts that these statements touch; give the batches they belong or belonged to."""
    effective = _effective(connection, {s.record for s in statements if s.record_type in OBSERVED})
    turn = {s.id for s in statements}
    # what counts but still waits is written when its own turn comes, with its names settled
    records = {r for r, s in effective.items() if s is None or s.id in turn or not s.is_pending}
    touched: set[int] = set()
    for record_type in OBSERVED:
        some = [r for r in records if r[1] == record_type]
        if not some:
            continue
        keys = [(system_id, key) for system_id, _, key in some]
        touched |= batches_of_facts(connection, record_type, keys)
        rows = [_row(s, names, connection, now=now) for r in sorted(some) if (s := effective[r])]
        write_facts(connection, record_type, rows)
        retract_facts(
            connection,
            record_type,
            [(system_id, key) for system_id, t, key in some if effective[system_id, t, key] is None],
        )
        touched |= batches_of_facts(connection, record_type, keys)
        by_system: dict[int, set[str]] = defaultdict(set)
        for system_id, key in keys:
            by_system[system_id].add(key)
        touched |= link_peers(connection, record_type, by_system)
    return touched


def _effective(
    connection: Connection, records: set[tuple[int, str, str]]
) -> dict[tuple[int, str, str], Statement | None]:
    """Give the statement that counts for each record: the newest live one; None when nobody states it."""
    effective: dict[tuple[int, str, str], Statement | None] = dict.fromkeys(records)
    for statement in statements_of_records(connection, records):
        before = effective[statement.record]
        if before is None or statement.rank > before.rank:
            effective[statement.record] = statement
    return effective


def _row(
    statement: Statement, names: dict[Wanted, Name], connection: Connection, *, now: datetime
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "source_system_id": statement.system_id,
        "source_key": statement.record_key,
        "source_record_id": statement.record_id,
        "source_version": statement.version,
        "content_hash": statement.body_hash,
        "is_retracted": False,
        "same_as_id": None,  # counting decides anew about a fact that changed
        "version": 1,
        "recorded_at": now,
    }
    for field in fields_of(OBSERVED[statement.record_type]):
        row.update(_columns(field, statement.body.get(field.name), names=names, connection=connection))
    if statement.record_type == "segment_response":
        start, end = row["actual_start"], row["actual_end"]
        row["duration_s"] = (end - start).total_seconds() if start and end else None
    if statement.record_type == "material_actual":
        row["count_state"] = None
    return row


def _columns(
    field: Field, stated: Any, *, names: dict[Wanted, Name], connection: Connection
) -> dict[str, Any]:
    match field.kind:
        case "reference":
            name = _name(field, stated, names=names, connection=connection)
            return {
                f"{field.name}_id": name.entity_id if name else None,
                f"{field.name}_identifier_id": name.id if name else None,
            }
        case "peer":
            return {f"{field.name}_key": stated}
        case "quantity":
            given: dict[str, Any] = stated or {}
            amount, unit = canonical_amount(given["value"], given.get("unit")) if given else (None, None)
            return {
                "quantity": amount,
                "unit": unit,
                "quantity_text": given.get("text"),
                "source_unit": given.get("source_unit"),
            }
        case "measurement":
            given = stated or {}
            return {
                "value_num": given.get("value"),
                "value_text": given.get("text"),
                "comparator": given.get("comparator"),
                "unit": given.get("unit"),
                "source_unit": given.get("source_unit"),
            }
        case "instant":
            return {field.name: parse_instant(stated) if stated else None}
        case _:
            return {field.name: stated}


def _name(field: Field, stated: Any, *, names: dict[Wanted, Name], connection: Connection) -> Name | None:
    if stated is None:
        return None
    key = (field.target or "", stated["scheme"], stated["value"])
    if key not in names:
        names.update(find_names(connection, [key]))
    return names[key]
