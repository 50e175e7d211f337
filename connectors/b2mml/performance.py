"""Executed work: responses with their nested segments, data, materials and people (95.02, 88.04)."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.b2mml.markup import Element, child, children, name, text
from connectors.b2mml.own import is_own, is_whole, read_told, told_name, told_text
from connectors.b2mml.reader import Name, Reader, codes, description
from connectors.b2mml.resources import read_scope
from connectors.b2mml.schedule import requirement_name
from hub.model import (
    Batch,
    MaterialActual,
    MaterialLot,
    Person,
    Quantity,
    ResourceActual,
    SegmentData,
    SegmentResponse,
)
from hub.model.enums import PRODUCED

RESPONSES = ("OperationsResponse", "ProductionResponse", "WorkResponse")
_SEGMENTS = ("SegmentResponse", "SegmentResponseChild", "JobResponse", "JobResponseChild")
_DATA = ("SegmentData", "ProductionData", "JobResponseData")
_IMPLIED_USE = {
    "MaterialProducedActual": "Produced",
    "MaterialConsumedActual": "Consumed",
    "ConsumableActual": "Consumable",
}
_MATERIALS = ("MaterialActual", *_IMPLIED_USE)
_RESOURCES = {
    "EquipmentActual": ("equipment", "Equipment"),
    "PhysicalAssetActual": ("physical_asset", "PhysicalAsset"),
    "PersonnelActual": ("person", "Person"),
}
_CLASS_WORDS = {"Person": "Personnel"}
_BATCH_STATUS = {
    "Waiting": "Idle",
    "Ready": "Idle",
    "Running": "Running",
    "Completed": "Complete",
    "Closed": "Complete",
    "Aborted": "Aborted",
    "Held": "Held",
    "Paused": "Paused",
    "Suspended": "Held",
}
"""BatchStatus of ISA-88.02 by ResponseState of ISA-95.02."""


@dataclass
class Execution:
    """A batch (or a response without one) while it is read, and what its parts add up to."""

    prefix: str
    batch: Name | None = None
    output_lot: Name | None = None
    request: str | None = None
    segments: dict[str, str] = field(default_factory=dict[str, str])
    """Segment ID -> key of its response; the first wins when an ID comes twice."""
    made: list[Quantity] = field(default_factory=list[Quantity])
    starts: list[datetime] = field(default_factory=list[datetime])
    ends: list[datetime | None] = field(default_factory=list[datetime | None])
    told: dict[str, Any] = field(default_factory=dict[str, Any])
    """What is said of the batch itself where its parts would only let one guess it."""

    @property
    def level_names(self) -> bool:
        """Whether nesting has the meaning of ISA-88 levels."""
        return self.batch is not None

    def key(self, *parts: str) -> str:
        """Give a source key below this execution."""
        return "/".join((self.prefix, *parts))

    def size(self) -> Quantity | None:
        """Give what was made of the output lot: the one entry verbatim, several in one unit as their sum."""
        if len(self.made) < 2:
            return self.made[0] if self.made else None
        units = {amount.source_unit for amount in self.made}
        if len(units) > 1:
            return None
        return Quantity.of(repr(sum(amount.value for amount in self.made)), units.pop())


# ---------------------------------------------------------------------------------------- responses
def read_performance(reader: Reader, body: Element) -> None:
    """State what a performance document outside a batch production record says."""
    read_scope(reader, body)
    for response in [body] if name(body) in RESPONSES else children(body, *RESPONSES):
        batch = reader.name(response, "BatchID")
        if batch is None and reader.config.response_is_batch:
            batch = reader.name(response, "ID")
        label = (batch or {}).get("value") or text(response, "ID") or _request_of(response)
        if not label:
            reader.refuse(response, "the response has no ID, so its parts cannot be told from others'")
            continue
        execution = Execution(prefix=label, batch=batch)
        read_response(reader, response, execution)
        if batch:
            facts = response_facts(reader, response, execution)
            reader.state(Batch, response, id=batch, kind="batch", description=description(response), **facts)


def read_response(reader: Reader, response: Element, execution: Execution) -> None:
    """State the segments of a response."""
    read_scope(reader, response)
    execution.request = _request_of(response)
    _read_segments(reader, response, execution, parents=())


def response_facts(reader: Reader, response: Element, execution: Execution) -> dict[str, Any]:
    """Give what a response says of its batch: order, status, start and end."""
    state = codes(children(response, "ResponseState", "WorkState"))
    is_over = state in {None, "Completed", "Closed", "Aborted"} and all(execution.ends)
    ends = [end for end in execution.ends if end]
    return {
        "operations_request": reader.name(response, "OperationsRequestID", "ProductionRequestID"),
        "status": _BATCH_STATUS.get(state or "", state),
        "actual_start": reader.time(response, "StartTime") or min(execution.starts, default=None),
        "actual_end": reader.time(response, "EndTime") or (max(ends, default=None) if is_over else None),
        "actual_size": execution.size(),
        **execution.told,
    }


def _request_of(response: Element) -> str | None:
    return text(response, "OperationsRequestID", "ProductionRequestID")


# ----------------------------------------------------------------------------------------- segments
def _read_segments(
    reader: Reader, element: Element, execution: Execution, *, parents: tuple[str, ...]
) -> None:
    used: Counter[str] = Counter()
    titles: Counter[str] = Counter()
    for segment in children(element, *_SEGMENTS):
        if is_whole(segment):
            _read_whole(reader, segment, execution)
            continue
        code = text(segment, "ProcessSegmentID")
        own = text(segment, "ID") or code or "segment"
        title = description(segment, 200) or own
        used[own] += 1
        titles[title] += 1
        step = own if used[own] == 1 else f"{own}#{used[own]}"
        place = (*parents, step)
        key = execution.key(*place)
        execution.segments.setdefault(own, key)
        execution.segments.setdefault("/".join(place), key)
        start = reader.time(segment, "ActualStartTime", "StartTime")
        end = reader.time(segment, "ActualEndTime", "EndTime")
        if not parents:
            execution.ends.append(end)
        if start:
            execution.starts.append(start)
        told = read_told(segment, "SegmentData")
        equipment = _equipment_of(reader, segment, told)
        reader.state(
            SegmentResponse,
            segment,
            key=key,
            batch=execution.batch,
            parent=execution.key(*parents) if parents else None,
            level=told_text(told, "level") or _level(reader, execution, len(parents)),
            name=title,
            occurrence=told_text(told, "occurrence") or titles[title],
            process_segment=reader.name(segment, "ProcessSegmentID"),
            segment_requirement=_requirement_of(reader, segment, execution),
            equipment=equipment,
            state=codes(children(segment, "SegmentState", "JobState")),
            actual_start=start,
            actual_end=end,
            is_derived=told_text(told, "is_derived") == "true",
        )
        _read_data(reader, segment, execution, key=key)
        _read_materials(reader, segment, execution, key=key, equipment=equipment)
        _read_resources(reader, segment, execution, key=key)
        _read_segments(reader, segment, execution, parents=place)


def _read_whole(reader: Reader, segment: Element, execution: Execution) -> None:
    """State what is said of the batch itself: values and movements of no step, plans, its size."""
    told = read_told(segment, "SegmentData")
    for field_name in ("planned_start", "planned_end"):
        if (value := told.get(field_name)) is not None:
            execution.told[field_name] = reader.time(value, "ValueString")
    for field_name in ("planned_size", "actual_size"):
        try:
            if size := reader.quantity(told.get(field_name)):
                execution.told[field_name] = size
        except ValueError as error:
            reader.refuse(told[field_name], error)
    _read_data(reader, segment, execution, key=None)
    _read_materials(reader, segment, execution, key=None, equipment=None)
    _read_resources(reader, segment, execution, key=None)


def _requirement_of(reader: Reader, segment: Element, execution: Execution) -> Name | None:
    """Give the step of the order that a segment answers, where both are named."""
    named = reader.name(segment, "SegmentRequirementID")
    if named and named["scheme"]:
        return named
    request = text(segment, "OperationsRequestID") or execution.request
    step = text(segment, "SegmentRequirementID")
    return requirement_name(request, step) if request and step else None


def _level(reader: Reader, execution: Execution, depth: int) -> str:
    if not execution.level_names:
        return "segment"
    return reader.config.levels[min(depth, len(reader.config.levels) - 1)]


def _equipment_of(reader: Reader, segment: Element, told: dict[str, Element]) -> Name | None:
    if "no_equipment" in told:
        return None
    if "equipment" in told:
        return told_name(told["equipment"])
    actual = next((a for a in children(segment, "EquipmentActual") if text(a, "EquipmentID")), None)
    return reader.name(actual, "EquipmentID") or read_scope(reader, segment)


def _read_data(reader: Reader, segment: Element, execution: Execution, *, key: str | None) -> None:
    used: Counter[str] = Counter()
    prefix = key or execution.prefix
    for datum in children(segment, *_DATA):
        if is_own(child(datum, "ID")):
            continue
        more = read_told(datum, "SegmentDataChild")
        title = text(datum, "ID") or "value"
        told = text(datum, "Description") or ""
        is_setpoint = title.endswith(reader.config.setpoint_suffixes)
        for value in children(datum, "Value"):
            entry = text(value, "ValueString")
            if entry is None:
                continue
            used[title] += 1
            try:
                measured = reader.connector.measurement(entry, text(value, "UnitOfMeasure"))
            except ValueError as error:
                reader.refuse(datum, error)
                continue
            reader.state(
                SegmentData,
                datum,
                key=f"{prefix}/data/{title}" + ("" if used[title] == 1 else f"#{used[title]}"),
                batch=execution.batch,
                response=key,
                name=title[:200],
                kind=told_text(more, "kind") or ("setpoint" if is_setpoint else "actual"),
                value=measured,
                at=reader.time(more.get("at"), "ValueString"),
                is_cpp=any(word in told.split() for word in reader.config.critical_words),
            )


# ---------------------------------------------------------------------------------------- resources
def _read_resources(reader: Reader, segment: Element, execution: Execution, *, key: str | None) -> None:
    """State the equipment, assets and people that took part."""
    used: Counter[str] = Counter()
    prefix = key or execution.prefix
    for title, (kind, word) in _RESOURCES.items():
        for actual in children(segment, title):
            resource = reader.name(actual, f"{word}ID")
            group = reader.name(actual, f"{_CLASS_WORDS.get(word, word)}ClassID")
            if resource is None and group is None:
                continue
            if resource and kind == "person":
                reader.state_once(Person, actual, id=resource)
            named = (resource or group or {})["value"]
            own = f"{kind}/{text(actual, 'ID') or named}"
            used[own] += 1
            amount = child(actual, "Quantity")
            try:
                quantity = reader.quantity(amount)
            except ValueError as error:
                reader.refuse(actual if amount is None else amount, error)
                quantity = None
            more = read_told(actual, f"{title}Property")
            reader.state(
                ResourceActual,
                actual,
                key=f"{prefix}/{own}" + ("" if used[own] == 1 else f"#{used[own]}"),
                batch=execution.batch,
                response=key,
                kind=kind,
                resource_class=group,
                use=codes(children(actual, f"{_CLASS_WORDS.get(word, word)}Use")),
                quantity=quantity,
                start_at=reader.time(more.get("start_at"), "ValueString"),
                end_at=reader.time(more.get("end_at"), "ValueString"),
                **{kind: resource},
            )


# ---------------------------------------------------------------------------------------- materials
def _read_materials(
    reader: Reader, segment: Element, execution: Execution, *, key: str | None, equipment: Name | None
) -> None:
    used: Counter[str] = Counter()
    prefix = f"{key or execution.prefix}/material"
    for actual in children(segment, *_MATERIALS):
        own = text(actual, "ID") or "material"
        used[own] += 1
        material = reader.name(actual, "MaterialDefinitionID")
        lot = _lot_of(reader, actual, material)
        use = codes(children(actual, "MaterialUse")) or _IMPLIED_USE.get(name(actual), "Other")
        amount = child(actual, "Quantity")
        try:
            quantity = reader.quantity(amount)
        except ValueError as error:
            reader.refuse(actual if amount is None else amount, error)
            continue
        told = read_told(actual, "MaterialActualProperty")
        reverses = told_text(told, "reverses")
        stated = reader.state(
            MaterialActual,
            actual,
            key=f"{prefix}/{own}" + ("" if used[own] == 1 else f"#{used[own]}"),
            batch=execution.batch,
            response=key,
            lot=lot,
            material=material,
            equipment=None if "no_equipment" in told else _elsewhere(told, equipment),
            use=use,
            quantity=quantity,
            at=reader.time(told.get("at"), "ValueString"),
            reverses=f"{prefix}/{reverses}" if reverses else None,
        )
        is_output = lot is not None and lot == execution.output_lot
        if isinstance(stated, MaterialActual) and stated.use in PRODUCED and is_output and quantity:
            execution.made.append(quantity)


def _elsewhere(told: dict[str, Element], equipment: Name | None) -> Name | None:
    return told_name(told["equipment"]) if "equipment" in told else equipment


def _lot_of(reader: Reader, actual: Element, material: Name | None) -> Name | None:
    """State lot and sublot of a movement with their material; give the finer one."""
    lot, sublot = reader.name(actual, "MaterialLotID"), reader.name(actual, "MaterialSubLotID")
    if lot:
        reader.state_once(MaterialLot, actual, id=lot, material=material)
    if sublot:
        reader.state_once(
            MaterialLot, actual, id=sublot, material=material, parent_lot=lot, kind="sublot" if lot else None
        )
    return sublot or lot
