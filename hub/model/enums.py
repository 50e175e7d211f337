"""The standards' value lists (B2MML V7.0.1, ISA-88.02/95.02); open through `Other`, matched without case."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator

EquipmentLevels = Literal[
    "Enterprise",
    "Site",
    "Area",
    "ProcessCell",
    "Unit",
    "ProductionLine",
    "WorkCell",
    "ProductionUnit",
    "StorageZone",
    "StorageUnit",
    "WorkCenter",
    "WorkUnit",
    "EquipmentModule",
    "ControlModule",
    "Other",
]
BatchStatuses = Literal[
    "Idle",
    "Running",
    "Complete",
    "Pausing",
    "Paused",
    "Holding",
    "Held",
    "Restarting",
    "Stopping",
    "Stopped",
    "Aborting",
    "Aborted",
    "Other",
]
ResponseStates = Literal[
    "Waiting",
    "Ready",
    "Running",
    "Completed",
    "Aborted",
    "Held",
    "Paused",
    "Suspended",
    "Closed",
    "Other",
]
RequestStates = Literal[
    "Forecast",
    "Waiting",
    "Ready",
    "Released",
    "Running",
    "Completed",
    "Aborted",
    "Held",
    "Closed",
    "Cancelled",
    "Other",
]
Dispositions = Literal["Planned", "In-Process", "Restricted", "UnRestricted", "Closed", "Other"]
MaterialUses = Literal[
    "Consumable",
    "Consumed",
    "Produced",
    "Material Consumed",
    "Material Produced",
    "By-product Produced",
    "Co-product Produced",
    "Yield Produced",
    "Sample",
    "Destructive Sample",
    "Returned Sample",
    "Retained Sample",
    "Inventoried",
    "Other",
]


def _open_list(values: tuple[str, ...]) -> Callable[[Any], Any]:
    known = {v.casefold().replace(" ", "").replace("-", "").replace("_", ""): v for v in values}

    def match(given: Any) -> Any:
        if not isinstance(given, str):
            return given
        return known.get(given.strip().casefold().replace(" ", "").replace("-", "").replace("_", ""), "Other")

    return match


EquipmentLevel = Annotated[EquipmentLevels, BeforeValidator(_open_list(get_args(EquipmentLevels)))]
BatchStatus = Annotated[BatchStatuses, BeforeValidator(_open_list(get_args(BatchStatuses)))]
ResponseState = Annotated[ResponseStates, BeforeValidator(_open_list(get_args(ResponseStates)))]
RequestState = Annotated[RequestStates, BeforeValidator(_open_list(get_args(RequestStates)))]
Disposition = Annotated[Dispositions, BeforeValidator(_open_list(get_args(Dispositions)))]
MaterialUse = Annotated[MaterialUses, BeforeValidator(_open_list(get_args(MaterialUses)))]

BatchKind = Literal["campaign", "batch", "sub_batch"]
RecipeKind = Literal["general", "site", "master", "control"]
LotKind = Literal["lot", "sublot", "starting", "donation", "pool", "container"]
MaterialStage = Literal["starting", "raw", "intermediate", "drug_substance", "drug_product", "other"]
ProcedureLevel = Literal["procedure", "unit_procedure", "operation", "phase", "segment"]

CONSUMED: frozenset[str] = frozenset({"Consumed", "Consumable", "Material Consumed"})
"""Uses that take material into a batch."""
PRODUCED: frozenset[str] = frozenset(
    {"Produced", "Material Produced", "By-product Produced", "Co-product Produced", "Yield Produced"}
)
"""Uses that give material out of a batch."""
