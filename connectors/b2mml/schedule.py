"""Operations and production schedules: the orders that a MES was given."""

from datetime import datetime

from connectors.b2mml.markup import Element, child, children, name, text
from connectors.b2mml.reader import Name, Reader, codes, description
from connectors.b2mml.resources import read_scope, site_of
from hub.model import OperationsRequest, Quantity

_REQUESTS = ("OperationsRequest", "ProductionRequest")
_REQUIREMENTS = ("SegmentRequirement", "SegmentRequirementChild")


def read_schedule(reader: Reader, body: Element) -> None:
    """State what a schedule, or a request alone, says."""
    read_scope(reader, body)
    for request in [body] if name(body) in _REQUESTS else children(body, *_REQUESTS):
        read_scope(reader, request)
        product, amount = _made(reader, request)
        reader.state(
            OperationsRequest,
            request,
            id=reader.name(request, "ID"),
            description=description(request),
            request_type=codes(children(request, "OperationsType"))
            or ("Production" if name(request) == "ProductionRequest" else None),
            state=codes([*children(request, "RequestState"), *children(body, "ScheduleState")]),
            product=product,
            quantity=amount,
            site=site_of(reader, request) or site_of(reader, body),
            planned_start=reader.time(request, "StartTime") or _earliest(reader, request),
            planned_end=reader.time(request, "EndTime"),
            priority=text(request, "Priority", "ProductionPriority"),
        )


def _made(reader: Reader, element: Element) -> tuple[Name | None, Quantity | None]:
    """Give product and amount of the first requirement that is produced, outermost segment first."""
    for requirement in children(element, "MaterialRequirement", "MaterialProducedRequirement"):
        use = codes(children(requirement, "MaterialUse")) or ""
        if "Produced" in use or name(requirement) == "MaterialProducedRequirement":
            amount = child(requirement, "Quantity")
            try:
                return reader.name(requirement, "MaterialDefinitionID"), reader.quantity(amount)
            except ValueError as error:
                reader.refuse(requirement if amount is None else amount, error)
                return reader.name(requirement, "MaterialDefinitionID"), None
    for segment in children(element, *_REQUIREMENTS):
        product, amount = _made(reader, segment)
        if product:
            return product, amount
    return None, None


def _earliest(reader: Reader, element: Element) -> datetime | None:
    times = [reader.time(s, "EarliestStartTime") for s in children(element, *_REQUIREMENTS)]
    return min((t for t in times if t), default=None)
