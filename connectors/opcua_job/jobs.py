"""What job orders, job responses and machine states mean in ISA-95's words (OPC 10031-4, 6.3; OPC 30050)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from hub.model import (
    Batch,
    EquipmentTime,
    MaterialActual,
    Measurement,
    OperationsRequest,
    Quantity,
    Record,
    ResourceActual,
    SegmentData,
    SegmentResponse,
)
from hub.sdk import Rejected, attempt, reject

_RESPONSE_STATES: Mapping[str, str] = {
    "NotAllowedToStart": "Waiting",
    "AllowedToStart": "Ready",
    "Loaded": "Ready",
    "Interrupted": "Held",
    "Ended": "Completed",
}
"""States of job control that 95.02 calls otherwise; the others (Running, Held, Suspended, …) it has too."""
_RESOURCES: tuple[tuple[str, str], ...] = (
    ("equipment", "Equipment"),
    ("physical_asset", "PhysicalAsset"),
    ("person", "Personnel"),
)
Amount = Callable[[str, str | None], Quantity]
Result = Callable[[str, str | None], Measurement]


def state_order(item: Mapping[str, Any]) -> Iterator[Record | Rejected]:
    """Say what a job order with its state (ISA95JobOrderAndStateDataType) is: a request."""
    order = _object(item.get("JobOrder"))
    number = _text(order.get("JobOrderID"))
    priority = order.get("Priority")
    yield attempt(
        OperationsRequest,
        f"job order {number}",
        id=number,
        state=_state(item.get("State")),
        operations_definition=next((_text(m.get("ID")) for m in _list(order.get("WorkMasterID"))), None),
        planned_start=order.get("StartTime"),
        planned_end=order.get("EndTime"),
        priority=None if priority is None else str(priority),
        description=_first_text(order.get("Description")),
    )


def state_response(
    item: Mapping[str, Any], *, batch_parameter: str | None, amount: Amount, result: Result
) -> Iterator[Record | Rejected]:
    """Say what a job response (ISA95JobResponseDataType) states: a run, its data, materials and resources."""
    key, order = str(item.get("JobResponseID") or ""), _text(item.get("JobOrderID"))
    parameters = list(_flatten(_list(item.get("JobResponseData"))))
    batch = next((str(p["Value"]) for name, p in parameters if name == batch_parameter and p["Value"]), None)
    if batch is not None:
        yield attempt(Batch, f"job response {key}", id=batch, operations_request=order)
    equipment = next((_text(e.get("ID")) for e in _list(item.get("EquipmentActuals"))), None)
    yield attempt(
        SegmentResponse,
        f"job response {key}",
        key=key,
        batch=batch,
        name=_first_text(item.get("Description")) or order or key,
        segment_requirement=order,
        equipment=equipment,
        state=_state(item.get("JobState")),
        actual_start=item.get("StartTime"),
        actual_end=item.get("EndTime"),
    )
    for name, parameter in parameters:
        if name != batch_parameter and parameter.get("Value") is not None:
            yield _data(name, parameter, run=(key, batch), at=item.get("EndTime"), result=result)
    yield from _materials(item, (key, batch), amount)
    yield from _resources(item, (key, batch), amount)


def state_machine(item: Mapping[str, Any], key: str) -> Iterator[Record | Rejected]:
    """Say what a stretch of a machine's state is."""
    yield attempt(
        EquipmentTime,
        f"state of {item.get('equipment')}",
        key=key,
        equipment=item.get("equipment"),
        state=item.get("state"),
        start_at=item.get("since"),
        end_at=item.get("until"),
    )


def _data(
    name: str, parameter: Mapping[str, Any], *, run: tuple[str, str | None], at: Any, result: Result
) -> Record | Rejected:
    key, batch = run
    where = f"job response {key}, {name}"
    value = parameter["Value"]
    written = ("true" if value else "false") if isinstance(value, bool) else str(value)
    try:
        measured = result(written, _unit(parameter))
    except ValueError as error:
        return reject(error, where)
    return attempt(
        SegmentData, where, key=f"{key}|{name}", batch=batch, response=key, name=name, value=measured, at=at
    )


def _materials(
    item: Mapping[str, Any], run: tuple[str, str | None], amount: Amount
) -> Iterator[Record | Rejected]:
    key, batch = run
    seen: dict[str, int] = {}
    for told in _list(item.get("MaterialActuals")):
        lot, material = _text(told.get("MaterialLotID")), _text(told.get("MaterialDefinitionID"))
        name = f"{told.get('MaterialUse')}|{material}|{lot}"
        seen[name] = seen.get(name, 0) + 1
        where = f"job response {key}, {name}"
        try:
            quantity = _amount(told, amount)
        except ValueError as error:
            yield reject(error, where)
            continue
        yield attempt(
            MaterialActual,
            where,
            key=f"{key}|{name}|{seen[name]}",
            batch=batch,
            response=key,
            lot=lot,
            material=material,
            use=told.get("MaterialUse"),
            quantity=quantity,
            at=item.get("EndTime"),
        )


def _resources(
    item: Mapping[str, Any], run: tuple[str, str | None], amount: Amount
) -> Iterator[Record | Rejected]:
    key, batch = run
    for kind, word in _RESOURCES:
        for told in _list(item.get(f"{word}Actuals")):
            name, use = _text(told.get("ID")), _text(told.get(f"{word}Use"))
            where = f"job response {key}, {kind} {name}"
            try:
                quantity = _amount(told, amount)
            except ValueError as error:
                yield reject(error, where)
                continue
            yield attempt(
                ResourceActual,
                where,
                key=f"{key}|{kind}|{name}|{use}",
                batch=batch,
                response=key,
                kind=kind,
                use=use,
                quantity=quantity,
                start_at=item.get("StartTime"),
                end_at=item.get("EndTime"),
                **{kind: name},
            )


def _flatten(
    parameters: Sequence[Mapping[str, Any]], above: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give parameters and those inside them, by `outer.inner`."""
    for parameter in parameters:
        name = f"{above}{parameter.get('ID')}"
        yield name, parameter
        yield from _flatten(_list(parameter.get("Subparameters")), f"{name}.")


def _state(states: Any) -> str | None:
    """Give the finest state: a job's state comes with its substates, coarsest first."""
    texts = [text for told in _list(states) if (text := _text(told.get("StateText"))) is not None]
    return _RESPONSE_STATES.get(texts[-1], texts[-1]) if texts else None


def _amount(told: Mapping[str, Any], amount: Amount) -> Quantity | None:
    written = _text(told.get("Quantity"))
    return None if written is None else amount(written, _unit(told))


def _unit(told: Mapping[str, Any]) -> str | None:
    return _text(_object(told.get("EngineeringUnits")).get("DisplayName"))


def _first_text(given: Any) -> str | None:
    """Give a description; some are a list in several languages."""
    if isinstance(given, list):
        return next((text for one in cast("list[Any]", given) if (text := _text(one)) is not None), None)
    return _text(given)


def _text(given: Any) -> str | None:
    text = "" if given is None else str(given).strip()
    return text or None


def _object(given: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


def _list(given: Any) -> list[dict[str, Any]]:
    items = cast("list[Any]", given) if isinstance(given, list) else []
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]
