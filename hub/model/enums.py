"""The standards' value lists (B2MML and BatchML V7.0.1, ISO 22400-2, ISA-TR88.00.02), and the hub's own.

The standards' lists are open: a value that is not on one is kept word for word. It is stored as `Other` with
the words beside it (`status` and `status_text`), as `Other/@OtherValue` does in B2MML.
"""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

OTHER = "Other"
_LONGEST = 200


@dataclass(frozen=True)
class OpenList:
    """Marks a text as a value of a list of the standards, or whatever else the source wrote."""

    values: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read the text that the field's own type accepts."""
        return core_schema.no_info_after_validator_function(self.read, handler(source))

    def read(self, written: str) -> str:
        """Give the standard's spelling of a value (compared without case, spaces and dashes), else the text.

        Raises `ValueError` for a text too long to be a value.
        """
        if len(written) > _LONGEST:
            msg = f"a value of a list has at most {_LONGEST} characters, this has {len(written)}"
            raise ValueError(msg)
        if written in self.values:
            return written
        return _spellings(self.values).get(_bare(written), written)

    def split(self, stated: str | None) -> tuple[str | None, str | None]:
        """Give the value on the list and, where that is `Other`, what was written."""
        if stated is None or stated in self.values or stated == OTHER:
            return stated, None
        return OTHER, stated


@cache
def _spellings(values: tuple[str, ...]) -> dict[str, str]:
    """Give the standard's spelling by the bare one."""
    return {_bare(value): value for value in reversed((*values, OTHER))}


def _bare(text: str) -> str:
    return "".join(c for c in text.casefold() if c not in " -_")


EquipmentLevel = Annotated[
    str,
    OpenList(
        (
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
        )
    ),
]
"""95.02 and 88.01 levels of the equipment hierarchy."""

BatchStatus = Annotated[
    str,
    OpenList(
        (
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
        )
    ),
]
"""88.02 BatchStatus."""

ResponseState = Annotated[
    str,
    OpenList(
        ("Waiting", "Ready", "Running", "Completed", "Aborted", "Held", "Paused", "Suspended", "Closed")
    ),
]
"""95.02 ResponseState."""

RequestState = Annotated[
    str,
    OpenList(
        (
            "Forecast",
            "Released",
            "Waiting",
            "Cancelled",
            "Ready",
            "Running",
            "Completed",
            "Aborted",
            "Held",
            "Suspended",
            "Closed",
        )
    ),
]
"""95.02 RequestState."""

OperationsType = Annotated[str, OpenList(("Production", "Maintenance", "Quality", "Inventory", "Mixed"))]
"""95.02 OperationsType."""

Disposition = Annotated[str, OpenList(("Planned", "In-Process", "Restricted", "UnRestricted", "Closed"))]
"""95.02 Disposition."""

MaterialUse = Annotated[
    str,
    OpenList(
        (
            "Consumable",
            "Consumed",
            "Produced",
            "Material Consumed",
            "Material Produced",
            "By-product Produced",
            "Co-product Produced",
            "Yield Produced",
            "Sample",  # not in V7, but written by older systems
            "Destructive Sample",
            "Returned Sample",
            "Retained Sample",
            "Inventoried",
        )
    ),
]
"""95.02 MaterialUse."""

RecipeElementType = Annotated[
    str,
    OpenList(
        (
            "Procedure",
            "UnitRecipe",
            "UnitProcedure",
            "Operation",
            "Phase",
            "Allocation",
            "Begin",
            "End",
            "RecipeSegment",
        )
    ),
]
"""88.02 RecipeElementType."""

ParameterType = Annotated[str, OpenList(("ProcessInput", "ProcessOutput", "ProcessParameter"))]
"""88.02 ParameterType."""

EventType = Annotated[
    str,
    OpenList(
        (
            "Alarm",
            "Control Recipe",
            "Equipment",
            "General",
            "Material",
            "Message",
            "Operator",
            "Procedural Execution",
            "Event",
            "Alert",
        )
    ),
]
"""88.04 EventType and 95.02 OperationsEventType."""

EventSubtype = Annotated[
    str,
    OpenList(
        (
            "Allocation",
            "Application",
            "Consume",
            "Deallocation",
            "Equipment",
            "Message",
            "Mode Change",
            "Mode Command",
            "Modification",
            "Movement",
            "Parameter Data",
            "Process",
            "Process Data",
            "Produce",
            "Prompt",
            "Prompt Response",
            "Property Value Change",
            "Reconciliation",
            "Security",
            "State Change",
            "State Command",
            "Status Change",
            "System",
            "Target End Time",
            "Target Start Time",
        )
    ),
]
"""88.04 EventSubType."""

QualityEventKind = Annotated[
    str, OpenList(("deviation", "OOS", "OOT", "CAPA", "change", "complaint", "exception"))
]
"""What quality systems keep; no standard has a list."""

TimeElement = Annotated[
    str,
    OpenList(
        (
            "POT",
            "PBT",
            "PDOT",
            "PSUT",
            "AOET",
            "AUBT",
            "AUPT",
            "APT",
            "ASUT",
            "ADET",
            "ADOT",
            "AQT",
            "ATT",
        )
    ),
]
"""ISO 22400-2 time elements: planned operation, busy, down and setup time; actual order execution, busy,
processing, production, setup, delay, down, queuing and transport time."""

PackmlState = Annotated[
    str,
    OpenList(
        (
            "Clearing",
            "Stopped",
            "Starting",
            "Idle",
            "Suspended",
            "Execute",
            "Stopping",
            "Aborting",
            "Aborted",
            "Holding",
            "Held",
            "Unholding",
            "Suspending",
            "Unsuspending",
            "Resetting",
            "Completing",
            "Complete",
        )
    ),
]
"""ISA-TR88.00.02 (PackML) unit states."""

BatchKind = Literal["campaign", "batch", "sub_batch"]
RecipeKind = Literal["general", "site", "master", "control"]
LotKind = Literal["lot", "sublot", "starting", "donation", "pool", "container"]
MaterialStage = Literal["starting", "raw", "intermediate", "drug_substance", "drug_product", "other"]
ProcedureLevel = Literal["procedure", "unit_procedure", "operation", "phase", "segment"]
ResourceKind = Literal["equipment", "physical_asset", "material", "person"]
DocumentKind = Literal[
    "batch_record", "certificate", "chromatogram", "method", "print_out", "report", "other"
]

CONSUMED: frozenset[str] = frozenset({"Consumed", "Consumable", "Material Consumed"})
"""Uses that take material into a batch."""
PRODUCED: frozenset[str] = frozenset(
    {"Produced", "Material Produced", "By-product Produced", "Co-product Produced", "Yield Produced"}
)
"""Uses that give material out of a batch."""
SAMPLED: frozenset[str] = frozenset({"Sample", "Destructive Sample", "Retained Sample"})
"""Uses that take material for testing."""
LOST: frozenset[str] = frozenset({"scrap", "scrapped", "waste", "wasted", "loss", "lost"})
"""Words, in small letters, by which sources say that material was lost: the standard has no use for it."""
ARCHIVED = "archived"
WITHDRAWN: frozenset[str] = frozenset(
    {ARCHIVED, "withdrawn", "retracted", "cancelled", "canceled", "excluded", "invalid", "invalidated"}
)
"""Words, in small letters, by which laboratories say that a result no longer counts (`archived: why`)."""
REFUSED = "rejected"
"""So do they by this word where nobody judged the result; with a verdict beside it, the verdict stands."""
