"""The procedure and formula of a recipe (88.02): its elements and their parameters, with limits."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from connectors.b2mml.markup import Element, child, children, text
from connectors.b2mml.reader import Name, Reader, codes, description, seconds
from hub.model import RecipeElement, RecipeParameter

_LEVELS = {
    "Procedure": "procedure",
    "UnitRecipe": "unit_procedure",
    "UnitProcedure": "unit_procedure",
    "Operation": "operation",
    "Phase": "phase",
}
_LOWER = frozenset({"min", "minimum", "low", "lowlimit", "lowerlimit", "lower"})
_UPPER = frozenset({"max", "maximum", "high", "highlimit", "upperlimit", "upper"})
_NO_UNIT = frozenset({"null", "none", "n/a", "-"})
_YES = frozenset({"true", "yes", "1", "optional"})


@dataclass(frozen=True)
class _Place:
    """Where in a recipe something stands: the recipe, its version, the key of what it stands in."""

    recipe: Name
    version: str | None
    prefix: str
    parent: str | None = None

    def facts(self) -> dict[str, Any]:
        """Give what every part of the recipe says of it."""
        return {"recipe": self.recipe, "recipe_version": self.version}


def read_procedure(reader: Reader, recipe: Element, own: Name) -> None:
    """State the elements and parameters of a recipe; a recipe that has none says nothing here."""
    version = text(recipe, "Version")
    place = _Place(own, version, "/".join(t for t in (own["value"], version) if t))
    for formula in children(recipe, "Formula"):
        _read_parameters(reader, formula, place)
    _read_elements(reader, recipe, place)


def _read_elements(reader: Reader, holder: Element, place: _Place) -> None:
    used: Counter[str] = Counter()
    sequence = 0
    for element in children(holder, "RecipeElement"):
        code = text(element, "ID") or "element"
        used[code] += 1
        key = f"{place.prefix}/{code}" + ("" if used[code] == 1 else f"#{used[code]}")
        kind = codes(children(element, "RecipeElementType"))
        level = _LEVELS.get(kind or "")
        sequence += level is not None
        more = dict(_other(element))
        segment = more.get("processsegmentid")
        block = reader.name(element, "BuildingBlockElementID")
        optional = more.get("optional")
        reader.state(
            RecipeElement,
            element,
            key=key,
            **place.facts(),
            parent=place.parent,
            code=code,
            name=description(element, 200) or code,
            element_type=kind,
            level=level,
            sequence=sequence if level else None,
            process_segment=segment or (block if reader.config.building_blocks_are_segments else None),
            equipment_class=more.get("equipmentclassid"),
            equipment=reader.name(element, "ActualEquipmentID"),
            standard_duration_s=seconds(more.get("duration")),
            is_optional=None if optional is None else optional.casefold() in _YES,
        )
        inside = replace(place, prefix=key, parent=key)
        _read_parameters(reader, element, inside)
        _read_elements(reader, element, inside)


def _other(element: Element) -> Iterator[tuple[str, str]]:
    """Give what an element's OtherInformation says, by its ID in small letters."""
    for part in children(element, "OtherInformation"):
        key = text(part, "ID", "OtherInfoID")
        holder = child(part, "Value")
        value = text(holder, "ValueString") or text(part, "Value", "OtherValue")
        if key and value:
            yield key.casefold().replace(" ", ""), value


# -------------------------------------------------------------------------------------- parameters
def _read_parameters(reader: Reader, holder: Element, place: _Place) -> None:
    used: Counter[str] = Counter()
    for parameter in children(holder, "Parameter"):
        own = text(parameter, "ID") or "parameter"
        used[own] += 1
        key = f"{place.prefix}/parameter/{own}" + ("" if used[own] == 1 else f"#{used[own]}")
        _read_parameter(reader, parameter, place, key=key, own=own)


def _read_parameter(reader: Reader, parameter: Element, place: _Place, *, key: str, own: str) -> None:
    told = description(parameter)
    title = told if told and own.isdecimal() else own
    words = {*(told or "").split(), *(t for p in children(parameter, "ParameterSubType") if (t := text(p)))}
    limits = {"lower": _limit(parameter, _LOWER), "upper": _limit(parameter, _UPPER)}
    value = child(parameter, "Value")
    entry = text(value, "ValueString")
    kind = codes(children(parameter, "ParameterType"))
    if not (entry or told or kind or any(limits.values())):
        return  # an editor's empty row
    unit = text(value, "UnitOfMeasure")
    try:
        # a parameter with limits alone still says in which unit they are: that is its value's
        measured = (
            reader.connector.measurement(entry, None if (unit or "").casefold() in _NO_UNIT else unit)
            if entry is not None
            else None
        )
    except ValueError as error:
        reader.refuse(parameter, error)
        return
    reader.state(
        RecipeParameter,
        parameter,
        key=key,
        **place.facts(),
        element=place.parent,
        name=title[:200],
        description=told,
        parameter_type=kind,
        value=measured,
        is_cpp=any(word in words for word in reader.config.critical_words),
        **limits,
    )
    inside = replace(place, prefix=key)
    used: Counter[str] = Counter()
    for part in children(parameter, "Parameter"):
        name = text(part, "ID") or "parameter"
        if _bare(name) not in _LOWER | _UPPER:
            used[name] += 1
            below = f"{key}/{name}" + ("" if used[name] == 1 else f"#{used[name]}")
            _read_parameter(reader, part, inside, key=below, own=name)


def _limit(parameter: Element, names: frozenset[str]) -> str | None:
    """Give the value of the inner parameter that is a limit."""
    for part in children(parameter, "Parameter"):
        if _bare(text(part, "ID") or "") in names:
            return text(child(part, "Value"), "ValueString")
    return None


def _bare(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
