"""What Benchling's objects state, as the settings say what a tenant's schemas are."""

from typing import Any, cast

from connectors.benchling.client import Item
from connectors.benchling.config import EntitySchema, TestSchema
from hub.model import MaterialDefinition, MaterialLot, ResourceClass, Sample, TestResult
from hub.sdk.statements import Name, Statements

_NUMBERS = {"float", "integer"}


# --------------------------------------------------------------------------------------------- entities
def read_entity(facts: Statements, item: Item, schema: EntitySchema) -> None:
    """State a registered entity as a material, a lot or a sample."""
    own = {"value": str(item.get("id") or ""), "match": _label(item)}
    also = tuple(
        {"scheme": "registry", "value": name} for name in (_text(item.get("entityRegistryId")),) if name
    )
    archived = _text(_mapping(item.get("archiveRecord")).get("reason"))
    match schema.becomes:
        case "material":
            group = _mapping(item.get("schema"))
            kind = (
                {"value": str(group.get("id")), "match": _text(group.get("name"))}
                if group.get("id")
                else None
            )
            if kind:
                facts.state(ResourceClass, id=kind, kind="material")
            facts.state(
                MaterialDefinition,
                id=own,
                also=also,
                description=_text(item.get("name")),
                material_class=kind,
            )
        case "lot":
            facts.state(
                MaterialLot,
                id=own,
                also=also,
                kind="lot",
                material=_link(item, schema, "material"),
                manufactured_at=_moment(facts, item, schema.fields.get("manufactured_at")),
                expires_at=_moment(facts, item, schema.fields.get("expires_at")),
                supplier_lot=_shown(item, schema.fields.get("supplier_lot")),
                disposition="Closed" if archived else None,
                description=_text(item.get("name")),
            )
        case "sample":
            facts.state(
                Sample,
                key=str(item.get("id") or ""),
                code=own["match"],
                lot=_link(item, schema, "lot"),
                batch=_named(item, schema.fields.get("batch"), "batch"),
                sample_type=_text(_mapping(item.get("schema")).get("name")),
                taken_at=_moment(facts, item, schema.fields.get("taken_at")),
                status=f"archived: {archived}" if archived else None,
            )


def _label(item: Item) -> str | None:
    return _text(item.get("entityRegistryId")) or _text(item.get("name"))


def _link(item: Item, schema: EntitySchema, ours: Any) -> Name | None:
    """Give the name of a linked entity; of a field that is a text, the text."""
    field = _field(item, schema.fields.get(ours))
    value = field.get("value")
    if str(field.get("type") or "").endswith("_link") and isinstance(value, str):
        return {"value": value, "match": _text(field.get("textValue") or field.get("displayValue"))}
    return {"scheme": ours, "value": shown} if (shown := _shown(item, schema.fields.get(ours))) else None


def _named(item: Item, name: str | None, scheme: str) -> Name | None:
    shown = _shown(item, name)
    return {"scheme": scheme, "value": shown} if shown else None


# ---------------------------------------------------------------------------------------------- results
def read_tests(facts: Statements, item: Item, schema: TestSchema) -> None:
    """State the tests of a result or run, and for a lot or a batch the sample that was it."""
    own = str(item.get("id") or "")
    subject = _field(item, schema.subject)
    sample = own
    if schema.subject_is == "sample":
        linked = subject.get("value")
        if not isinstance(linked, str) or not linked:
            facts.refuse(f"fields/{schema.subject}", "it names no sample that was tested")
            return
        sample = linked
    else:
        facts.state(Sample, key=own, code=_code(item, schema) or own, **_subject(item, schema))
    for name, code in _tests(item, schema):
        _read_test(facts, item, name=name, about={"sample": sample, "test_code": code, "schema": schema})


def _subject(item: Item, schema: TestSchema) -> dict[str, Any]:
    field = _field(item, schema.subject)
    shown, value = _shown(item, schema.subject), field.get("value")
    is_link = str(field.get("type") or "").endswith("_link") and isinstance(value, str)
    if schema.subject_is == "lot" and is_link:
        return {"lot": {"value": value, "match": shown}}
    return {schema.subject_is: {"scheme": schema.subject_is, "value": shown} if shown else None}


def _code(item: Item, schema: TestSchema) -> str | None:
    return _shown(item, schema.subject)


def _tests(item: Item, schema: TestSchema) -> list[tuple[str, str]]:
    """Give field and test code of what was tested."""
    if schema.tests:
        return list(schema.tests.items())
    fields = _mapping(item.get("fields"))
    return [(n, n) for n, field in fields.items() if _mapping(field).get("type") in _NUMBERS]


def _read_test(facts: Statements, item: Item, *, name: str, about: dict[str, Any]) -> None:
    field = _field(item, name)
    schema: TestSchema = about["schema"]
    entry = field.get("value")
    if entry is None:
        entry = _text(field.get("textValue")) or _text(
            field.get("displayValue")
        )  # "<0.05" is no number there
    if isinstance(entry, dict | list):
        entry = _text(field.get("displayValue"))
    unit = _mapping(field.get("unit"))
    value = facts.measurement(entry, _text(unit.get("symbol")) or _text(unit.get("name")), f"fields/{name}")
    if value is None:
        return
    facts.state(
        TestResult,
        f"fields/{name}",
        key=f"{item.get('id')}/{name}",
        sample=about["sample"],
        test_code=about["test_code"],
        property=name,
        value=value,
        status=_status(item, name),
        measured_at=_moment(facts, item, schema.measured_at),
        analyst=_person(item),
    )


def _status(item: Item, name: str) -> str | None:
    """Give what was said about a value: withdrawn, judged valid or not, or reviewed with its entry."""
    archived = _text(_mapping(item.get("archiveRecord")).get("reason"))
    if archived:
        return f"archived: {archived}"
    judged = _mapping(_mapping(item.get("fieldValidation")).get(name)).get("validationStatus")
    judged = judged or item.get("validationStatus")
    return _text(judged) or ("reviewed" if item.get("isReviewed") is True else "not reviewed")


def _person(item: Item) -> Name | None:
    who = _mapping(item.get("creator"))
    return {"value": str(who["id"]), "match": _text(who.get("name"))} if who.get("id") else None


# --------------------------------------------------------------------------------------------- spellings
def _field(item: Item, name: str | None) -> Item:
    return _mapping(_mapping(item.get("fields")).get(name)) if name else {}


def _shown(item: Item, name: str | None) -> str | None:
    """Give a field's value as people see it."""
    field = _field(item, name)
    value = field.get("value")
    return _text(field.get("textValue") or field.get("displayValue")) or (
        str(value).strip() or None if isinstance(value, str | int | float) else None
    )


def _moment(facts: Statements, item: Item, name: str | None) -> Any:
    return facts.instant(_field(item, name).get("value"), f"fields/{name}") if name else None


def _mapping(value: Any) -> Item:
    return cast("Item", value) if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return str(value).strip() or None if isinstance(value, str | int | float) else None
