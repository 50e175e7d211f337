"""Object types: JSON Schemas of values, made from the fields of the record classes, without references.

Types are versioned together: `VERSION` changes its first number when a member goes or changes its meaning.
"""

from functools import cache
from typing import Any

from hub.i3x.naming import ALL_REVERSES, BASIC, KINDS, OURS, RELATIONSHIPS
from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import Field, fields_of
from hub.store.answers.outline import OBJECT_KINDS

Schema = dict[str, Any]
VERSION = "1.0.0"
_TIME: Schema = {"type": "string", "format": "date-time"}
_SIGNALS: dict[str, tuple[str, Schema]] = {
    "tag_float": ("Number signal", {"type": "number"}),
    "tag_integer": ("Integer signal", {"type": "number"}),
    "tag_boolean": ("Boolean signal", {"type": "boolean"}),
    "tag_string": ("Text signal", {"type": "string"}),
    "tag_any": ("Signal", {"type": ["number", "string"]}),
}
_THING: Schema = {
    "uid": {"type": "string"},
    "code": {"type": "string"},
    "description": {"type": ["string", "null"]},
    "lifecycle": {"type": "string", "enum": ["stub", "active", "retired"]},
    "has_conflict": {"type": "boolean", "description": "sources disagree; see /v1/conflicts"},
    "version": {"type": "integer"},
    "recorded_at": _TIME,
}
_FACT: Schema = {
    "id": {"type": "integer"},
    "source": {"type": "string"},
    "key": {"type": "string"},
    "version": {"type": "integer"},
    "recorded_at": _TIME,
}
_OWN: dict[str, Schema] = {
    "segment_response": {"duration_s": {"type": ["number", "null"]}},
    "material_actual": {
        "count_state": {"type": ["string", "null"]},
        "count_difference": {"type": ["number", "null"]},
        "counted": {
            "type": ["object", "null"],
            "properties": {"value": {"type": ["number", "null"]}, "unit": {"type": ["string", "null"]}},
        },
        "disputes": {"type": ["integer", "null"]},
    },
}
"""Members that the hub computes beside what was stated."""


@cache
def list_types() -> tuple[Schema, ...]:
    """Give all object types."""
    found = [_type(kind, KINDS[kind].title, _record_schema(kind)) for kind in OBJECT_KINDS if kind != "tag"]
    found += [_type("tag", title, schema, form=form) for form, (title, schema) in _SIGNALS.items()]
    context = {"type": "string", "description": "codes or names of what runs there, joined by a comma"}
    found.append(_our_type("context", "What runs in a unit", context))
    counted = {"type": "object", "properties": {"objects": {"type": "integer"}}, "required": ["objects"]}
    found.append(_our_type("folder", "Folder", counted))
    number = {"type": "object", "properties": {"signals": {"type": "integer"}}, "required": ["signals"]}
    found.append(_our_type("batch_signals", "Signals of a batch", number))
    found += [
        _our_type(f"batch_{form}", f"{title} of a batch", schema)
        for form, (title, schema) in _SIGNALS.items()
    ]
    return tuple(found)


def is_unlisted(type_id: str) -> bool:
    """Tell whether objects of a type are found around others only."""
    return type_id.startswith("type:batch_") and type_id in types_by_id()


@cache
def types_by_id() -> dict[str, Schema]:
    """Give the object types by their elementId."""
    return {one["elementId"]: one for one in list_types()}


@cache
def relationships_by_id() -> dict[str, Schema]:
    """Give the relationship types by their elementId."""
    return {
        name: {
            "elementId": name,
            "displayName": name,
            "namespaceUri": RELATIONSHIPS if name in BASIC else OURS,
            "relationshipId": name,
            "reverseOf": back,
        }
        for name, back in ALL_REVERSES.items()
    }


def shown_members(kind: str) -> frozenset[str]:
    """Give the members of a document that belong to an object's value."""
    return frozenset(types_by_id()[f"type:{kind}"]["schema"]["properties"])


def _type(kind: str, title: str, schema: Schema, *, form: str | None = None) -> Schema:
    return {
        "elementId": f"type:{form or kind}",
        "displayName": title,
        "namespaceUri": KINDS[kind].namespace,
        "sourceTypeId": KINDS[kind].source,
        "version": VERSION,
        "schema": schema,
    }


def _our_type(form: str, title: str, schema: Schema) -> Schema:
    return {
        "elementId": f"type:{form}",
        "displayName": title,
        "namespaceUri": OURS,
        "sourceTypeId": form,
        "version": VERSION,
        "schema": schema,
    }


def _record_schema(kind: str) -> Schema:
    is_fact = kind in OBSERVED
    record = OBSERVED[kind] if is_fact else MASTERED[kind]
    members = dict(_FACT if is_fact else _THING)
    required = [name for name, schema in members.items() if "null" not in schema["type"]]
    for field in fields_of(record):
        members |= _members(field, is_fact=is_fact)
    members |= _OWN.get(kind, {})
    return {
        "type": "object",
        "description": (record.__doc__ or "").partition("\n")[0],
        "properties": members,
        "required": required,
        "additionalProperties": False,
    }


def _members(field: Field, *, is_fact: bool) -> Schema:
    """Give the members that a field has in a document, each with its schema; all may be null."""
    match field.kind:
        case "reference":
            return {field.name: _group("uid", "code", "reported" if is_fact else "description")}
        case "peer":
            return {field.name: _group("key", numbers=("id",))}
        case "quantity":
            return {field.name: _group("text", "unit", "source_unit", numbers=("value",))}
        case "measurement":
            return {field.name: _group("text", "comparator", "unit", "source_unit", numbers=("value",))}
        case "choice":
            return {name: {"type": ["string", "null"]} for name in (field.name, f"{field.name}_text")}
        case "instant":
            return {field.name: {"type": ["string", "null"], "format": "date-time"}}
        case kind:
            named = {"number": "number", "integer": "integer", "flag": "boolean"}.get(kind, "string")
            return {field.name: {"type": [named, "null"]}}


def _group(*texts: str, numbers: tuple[str, ...] = ()) -> Schema:
    members = {name: {"type": ["string", "null"]} for name in texts}
    members |= {name: {"type": ["number", "null"]} for name in numbers}
    return {"type": ["object", "null"], "properties": members, "additionalProperties": False}
