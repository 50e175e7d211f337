"""What the engines' documentation says of columns, words and codes, as tables. Sources: see README."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["procedure", "unit_procedure", "operation", "phase"]
LEVELS: tuple[Level, ...] = ("procedure", "unit_procedure", "operation", "phase")

COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "journal": {
        "time": ("time", "lcltime", "gmt", "timestamp"),
        "batch": ("batchid",),
        "recipe": ("recipe", "recipepath"),
        "descript": ("descript", "description"),
        "event": ("event", "eventtype"),
        "value": ("pvalue", "value"),
        "eu": ("eu", "engunits"),
        "unit": ("unit",),
        "user": ("userid", "user"),
        "unique": ("uniqueid", "createid"),
    },
    "inbatch": {
        "time": ("datetimeutc", "datetime"),
        "code": ("action_cd",),
        "unique": ("batch_log_id",),
        "batch": ("batch_id",),
        "unit": ("unitorconnection",),
        "unit_procedure": ("unitprocedure_id",),
        "operation": ("operation_id",),
        "phase": ("phase_id",),
        "instance": ("phase_instance_id",),
        "product": ("product_id",),
    },
}
"""Our names of columns and what a header may call them, small letters; the first that is there counts."""
NEEDED = {
    "journal": ("time", "batch", "recipe", "event", "value"),
    "inbatch": ("time", "code", "unique", "batch"),
}
HEADERLESS = (
    "time", "batchid", "recipepath", "description", "eventtype", "value", "engunits", "area", "pcell",
    "unit", "eqmname", "phasetype", "userid", "createid",
)  # fmt: skip
"""Order of fields of a FactoryTalk event record (CreateIDEventData)."""

BEGINS: dict[str, Level] = {
    "beginning of batch": "procedure",
    "unit procedure started": "unit_procedure",
    "operation started": "operation",
}
ENDS: dict[str, Level] = {
    "end of batch": "procedure",
    "unit procedure finished": "unit_procedure",
    "operation finished": "operation",
}
"""System messages (in DESCRIPT or PVALUE) and the level of which they tell."""
RUNNING = "RUNNING"
END_STATES = {
    "COMPLETE": "Completed",
    "ABORTED": "Aborted",
    "STOPPED": "STOPPED",
    "ABANDONED": "ABANDONED",
    "REMOVED": "Closed",
}
"""States that end a run, each with the word of 95.02 for it, or the engine's own."""
ACQUIRED = "resource acquired by recipe"


@dataclass(frozen=True)
class Code:
    """What an action code of InBatch means: which level, whether it begins or ends, in which state."""

    level: Level
    begins: bool
    state: str = ""


ACTIONS: dict[str, Code] = {
    "201": Code("procedure", begins=True),
    "205": Code("procedure", begins=False, state="Completed"),
    "206": Code("procedure", begins=False, state="Closed"),
    "209": Code("procedure", begins=False, state="Aborted"),
    "500": Code("unit_procedure", begins=True),
    "501": Code("unit_procedure", begins=False, state="Completed"),
    "502": Code("operation", begins=True),
    "503": Code("operation", begins=False, state="Completed"),
    **{code: Code("phase", begins=True) for code in ("223", "224", "226", "227", "241", "243")},
    "233": Code("phase", begins=False, state="Aborted"),
    "234": Code("phase", begins=False, state="Completed"),
    "235": Code("phase", begins=False, state="Closed"),
    "239": Code("phase", begins=False, state="Received Bad Ready"),
    "415": Code("phase", begins=False, state="Completed"),
}
