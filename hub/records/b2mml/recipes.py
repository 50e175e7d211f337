"""Recipes with procedure and parameters, and the batch's entry in a batch list (ISA-88.02)."""

from collections.abc import Mapping
from typing import Any, get_args

from hub.model.enums import BatchStatus, OpenList
from hub.records.b2mml import markup
from hub.records.b2mml.gathering import Gathering
from hub.records.b2mml.markup import Document, Element, make, maybe, within
from hub.records.b2mml.performance import tail

_LEVELS = {
    "Procedure": "procedure",
    "UnitRecipe": "unit_procedure",
    "UnitProcedure": "unit_procedure",
    "Operation": "operation",
    "Phase": "phase",
}
_LIMITS = (("lower", "Low limit"), ("upper", "High limit"))


def build_batch_information(facts: Gathering) -> Element:
    """Give BatchInformation: the recipes from which the batch was made, and the batch as a list entry."""
    recipes = [write_recipe(facts, one, is_whole=True) for one in facts.recipes]
    entry = _list_entry(facts) if facts.kind == "batch" else None
    header = make(
        "ListHeader",
        facts.subject_id(),
        maybe("CreateDate", facts.newest),
    )
    masters = [one for one in recipes if one.tag == "MasterRecipe"]
    controls = [one for one in recipes if one.tag == "ControlRecipe"]
    listed = make("BatchList", entry) if entry is not None else None
    return make("BatchInformation", header, *masters, *controls, listed)


def write_recipe(facts: Gathering, recipe: Document, *, is_whole: bool) -> Element:
    """Give a MasterRecipe or ControlRecipe; without `is_whole` its header only."""
    is_control = recipe["kind"] == "control"
    names, batch = facts.names, facts.batch
    own = facts.recipes[0]["uid"] == recipe["uid"]
    return make(
        "ControlRecipe" if is_control else "MasterRecipe",
        names.element("ID", "recipe", recipe),
        maybe("Version", recipe["recipe_version"]),
        maybe("Description", recipe["description"]),
        names.element("BatchID", "batch", batch) if is_control and own and batch["uid"] else None,
        make(
            "Header",
            maybe("EffectiveDate", recipe["effective_from"]),
            maybe("ExpirationDate", recipe["effective_to"]),
            names.element("ProductID", "material_definition", recipe["product"]),
            _batch_size(batch["planned_size"]) if own else None,
            _status(recipe["status"]),
        ),
        *(_Procedure(facts, recipe).build() if is_whole else ()),
    )


def _batch_size(size: Mapping[str, Any] | None) -> Element | None:
    if size is None:
        return None
    text, unit = markup.as_written(size)
    return make("BatchSize", make("Nominal", markup.decimal(text)), maybe("UnitOfMeasure", unit))


_STATUSES = frozenset(next(m for m in get_args(BatchStatus) if isinstance(m, OpenList)).values)


def _status(status: str | None) -> Element | None:
    if status is None:
        return None
    return make("Status", status) if status in _STATUSES else make("Status", "Other", OtherValue=status)


class _Procedure:
    """Writes the parameters and elements of one version of a recipe."""

    def __init__(self, facts: Gathering, recipe: Document) -> None:
        self._facts = facts
        version = recipe["recipe_version"]

        def mine(one: Mapping[str, Any]) -> bool:
            return one["recipe"]["uid"] == recipe["uid"] and one["recipe_version"] in {None, version}

        self._elements: dict[int | None, list[Document]] = {}
        self._parameters: dict[int | None, list[Document]] = {}
        for one in filter(mine, facts.recipe_elements):
            self._elements.setdefault(within(one["parent"], "id"), []).append(one)
        for one in filter(mine, facts.recipe_parameters):
            self._parameters.setdefault(within(one["element"], "id"), []).append(one)

    def build(self) -> list[Element]:
        formula = [_parameter(one) for one in self._parameters.get(None, [])]
        elements = [self._element(one) for one in self._elements.get(None, [])]
        return [*([make("Formula", *formula)] if formula else []), *elements]

    def _element(self, one: Document) -> Element:
        names = self._facts.names
        kind = markup.code("RecipeElementType", one, "element_type")
        parent = within(one["parent"], "key")
        own = tail(one["key"], parent) if parent else one["code"]
        optional = one["is_optional"]
        duration = one["standard_duration_s"]
        segment, of_class = one["process_segment"], one["equipment_class"]
        told = {
            "ProcessSegmentID": segment and names.text("process_segment", segment),
            "EquipmentClassID": of_class and names.text("resource_class", of_class),
            "Duration": None if duration is None else _duration(duration),
            "Optional": None if optional is None else markup.write_text(optional),
        }
        return make(
            "RecipeElement",
            make("ID", own if own == one["code"] or own.startswith(f"{one['code']}#") else one["code"]),
            make("Description", one["name"]),
            kind if kind is not None else make("RecipeElementType", "Other"),
            names.element("ActualEquipmentID", "equipment", one["equipment"]),
            *(_parameter(p) for p in self._parameters.get(one["id"], [])),
            *(self._element(inner) for inner in self._elements.get(one["id"], [])),
            *(_other(key, text) for key, text in told.items() if text),
        )


def _parameter(one: Document) -> Element:
    kind = markup.code("ParameterType", one, "parameter_type")
    words = (one["description"] or "").split()
    value = one["value"]
    text, unit = markup.as_written(value) if value else (None, None)
    is_number = bool(value) and value["value"] is not None
    limits = [
        make(
            "Parameter",
            make("ID", title),
            make("ParameterType", "ProcessParameter"),
            markup.recipe_value(one[f"{field}_text"] or repr(one[field]), unit),
        )
        for field, title in _LIMITS
        if one[field] is not None
    ]
    return make(
        "Parameter",
        make("ID", one["name"]),
        maybe("Description", one["description"]),
        kind if kind is not None else make("ParameterType", "Other"),
        make("ParameterSubType", "CPP") if one["is_cpp"] and "CPP" not in words else None,
        markup.recipe_value(text, unit, "double" if is_number else "string") if text is not None else None,
        *limits,
    )


def _other(key: str, text: str) -> Element:
    return make("OtherInformation", make("ID", key), markup.recipe_value(text, None, "string"))


def _duration(seconds: float) -> str:
    return f"PT{seconds:g}S" if seconds < 1e6 else f"PT{seconds:.0f}S"


# --------------------------------------------------------------------------------------- batch list
def _list_entry(facts: Gathering) -> Element:
    batch, names = facts.batch, facts.names
    planned, actual = (
        markup.as_written(batch[field]) if batch[field] else None for field in ("planned_size", "actual_size")
    )
    unit = (actual or planned or (None, None))[1]
    differs = planned and planned[1] and planned[1] != unit
    is_campaign = batch["kind"] == "campaign"
    equipment = batch["equipment"]
    return make(
        "BatchListEntry",
        names.element("ID", "batch", batch),
        maybe("Description", batch["description"]),
        make("BatchListEntryType", "Campaign" if is_campaign else "Batch"),
        markup.code("Status", batch, "status"),
        names.element("RecipeID", "recipe", batch["recipe"]),
        names.element("BatchID", "batch", batch),
        names.element("LotID", "material_lot", batch["output_lot"]),
        names.element("CampaignID", "batch", batch["campaign"]),
        names.element("ProductID", "material_definition", batch["product"]),
        names.element("OrderID", "operations_request", batch["operations_request"]),
        maybe("RequestedStartTime", batch["planned_start"]),
        maybe("ActualStartTime", batch["actual_start"]),
        maybe("RequestedEndTime", batch["planned_end"]),
        maybe("ActualEndTime", batch["actual_end"]),
        make(
            "RequestedBatchSize",
            markup.decimal(planned[0]),
            **({"unitCode": planned[1] or ""} if differs else {}),
        )
        if planned
        else None,
        make("ActualBatchSize", markup.decimal(actual[0])) if actual else None,
        maybe("UnitOfMeasure", unit),
        names.element("EquipmentID", "equipment", equipment),
    )
