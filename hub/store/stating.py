"""A record as the store keeps it: local schemes get the source's code in front."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hub.model import Identifier, Mastered, Record, format_instant
from hub.model.shape import fields_of
from hub.store.statements import Said


def state(source_code: str, record: Record) -> Said:
    """Give what a source states with this record; every name carries its full scheme."""
    body = record.model_dump(mode="json", exclude_none=True)
    for field in fields_of(type(record)):
        if field.kind == "reference" and field.name in body:
            reference: Identifier = getattr(record, field.name)
            body[field.name] = _name(reference.under(source_code, field.scheme))
    if isinstance(record, Mastered):
        own = record.id.under(source_code, record.own_scheme)
        body["id"] = _name(own)
        body["also"] = [_name(n.under(source_code, record.own_scheme)) for n in record.also]
        body.pop("replaces")
        if record.replaces:
            body["replaces"] = [_name(n.under(source_code, record.own_scheme)) for n in record.replaces]
        return Said(record.record_type, f"{own.scheme}|{own.value}", body)
    body.pop("key", None)
    return Said(record.record_type, record.record_key, body)


def link(entity_type: str, names: Sequence[Identifier]) -> Said:
    """Give the statement that these names, with their full schemes, are one thing."""
    own, *others = names
    body = {"id": _name(own), "also": [_name(n) for n in others]}
    return Said(entity_type, f"{own.scheme}|{own.value}", body)


def renumber(
    entity_type: str, name: Identifier, *, replaces: Sequence[Identifier], at: datetime | None
) -> Said:
    """Give the statement that a name replaced others (since a time); all have their full schemes."""
    body: dict[str, Any] = {"id": _name(name), "also": [], "replaces": [_name(n) for n in replaces]}
    if at is not None:
        body["renumbered_at"] = format_instant(at)
    return Said(entity_type, f"{name.scheme}|{name.value}", body)


def _name(identifier: Identifier) -> dict[str, Any]:
    return identifier.model_dump(exclude_none=True)
