"""A record as the store keeps it: local schemes get the source's code in front."""

from collections.abc import Sequence
from typing import Any

from hub.model import Identifier, Mastered, Record
from hub.model.shape import fields_of
from hub.store.statements import Said


def state(source_code: str, record: Record) -> Said:
    """Give what a source states with this record; every name carries its full scheme."""
    body = record.model_dump(mode="json", exclude_none=True)
    for field in fields_of(type(record)):
        if field.kind == "reference" and field.name in body:
            reference: Identifier = getattr(record, field.name)
            body[field.name] = _name(reference.under(source_code, field.target or ""))
    if isinstance(record, Mastered):
        own = record.id.under(source_code, record.record_type)
        body["id"] = _name(own)
        body["also"] = [_name(n.under(source_code, record.record_type)) for n in record.also]
        return Said(record.record_type, f"{own.scheme}|{own.value}", body)
    body.pop("key", None)
    return Said(record.record_type, record.record_key, body)


def link(entity_type: str, names: Sequence[Identifier]) -> Said:
    """Give the statement that these names, with their full schemes, are one thing."""
    own, *others = names
    body = {"id": _name(own), "also": [_name(n) for n in others]}
    return Said(entity_type, f"{own.scheme}|{own.value}", body)


def _name(identifier: Identifier) -> dict[str, Any]:
    return identifier.model_dump(exclude_none=True)
