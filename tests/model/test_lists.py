"""The standards' lists: their values are known in whatever spelling, anything else is kept word for word."""

from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree as ET  # the schemas of a standard, not what a source sends

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model import Batch, MaterialActual, OperationsEvent, enums
from hub.model.enums import OTHER, OpenList
from hub.model.shape import fields_of

LISTS: dict[str, tuple[Any, ...]] = {
    "EquipmentLevel1Type": (enums.EquipmentLevel,),
    "BatchStatus1Type": (enums.BatchStatus,),
    "ResponseState1Type": (enums.ResponseState,),
    "RequestState1Type": (enums.RequestState,),
    "OperationsType1Type": (enums.OperationsType,),
    "Disposition1Type": (enums.Disposition,),
    "MaterialUse1Type": (enums.MaterialUse,),
    "RecipeElementType1Type": (enums.RecipeElementType,),
    "ParameterType1Type": (enums.ParameterType,),
    "EventType1Type": (enums.EventType,),
    "OperationsEventType1Type": (enums.EventType,),
    "EventSubType1Type": (enums.EventSubtype,),
}
"""The lists of B2MML and BatchML V7.0.1 by the name of their type, and ours."""
SCHEMA = "{http://www.w3.org/2001/XMLSchema}"


def listed(kind: Any) -> OpenList:
    """Give the list behind a type."""
    return next(mark for mark in get_args(kind) if isinstance(mark, OpenList))


@pytest.mark.parametrize("name", LISTS)
def test_our_lists_hold_what_the_schemas_hold(shared_folder: Path, name: str) -> None:
    values = {
        str(value.get("value"))
        for file in (shared_folder / "data" / "b2mml").glob("*.xsd")
        for kind in ET.parse(file).getroot()
        if kind.get("name") == name
        for value in kind.iter(f"{SCHEMA}enumeration")
    }
    assert values
    for kind in LISTS[name]:
        assert values - {OTHER} <= set(listed(kind).values)


@pytest.mark.parametrize(
    ("written", "status", "text"),
    [
        ("Running", "Running", None),
        ("RUNNING", "Running", None),
        (" held ", "Held", None),
        ("Other", "Other", None),
        ("Verriegelt", "Other", "Verriegelt"),
        ("On hold (QA)", "Other", "On hold (QA)"),
    ],
)
def test_a_value_on_no_list_is_other_with_what_was_written(
    written: str, status: str, text: str | None
) -> None:
    said = Batch.model_validate({"id": "B1", "status": written})
    field = next(f for f in fields_of(Batch) if f.name == "status")
    assert field.split(said.status) == (status, text)


@given(st.text(min_size=1, max_size=200))
def test_nothing_that_is_written_is_lost(written: str) -> None:
    chosen = listed(enums.BatchStatus)
    value, text = chosen.split(chosen.read(written))
    assert value in (*chosen.values, OTHER)
    if value == OTHER and chosen.read(written) != OTHER:
        assert text == written
    else:
        assert text is None


def test_spaces_dashes_and_case_do_not_matter() -> None:
    assert MaterialActual(key="1", use="by product produced").use == "By-product Produced"
    event = {
        "key": "1",
        "at": "2026-01-01T00:00:00Z",
        "event_type": "procedural-execution",
        "subtype": "StateChange",
    }
    said = OperationsEvent.model_validate(event)
    assert (said.event_type, said.subtype) == ("Procedural Execution", "State Change")


def test_a_text_too_long_to_be_a_value_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 200 characters"):
        Batch.model_validate({"id": "B1", "status": "x" * 201})
