"""The historian's tags: the unit each belongs to, what it measures, and how often it is kept."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Tag:
    """A historian tag. `minutes` is the grid while the unit is in use; idle units are kept once an hour."""

    name: str
    equipment: str | None
    property: str
    unit: str | None
    description: str
    low: float = 0.0
    high: float = 100.0
    kind: Literal["float", "step", "text"] = "float"
    minutes: int = 10
    criticality: Literal["CPP", "KPP", "other"] = "other"


SPARE = "XX_TEMP_SPARE_7"
"""A probe on a shelf: the tag map does not know it."""

# suffix, property, unit, description, low, high, kind, minutes, criticality
_PRODUCTION: tuple[tuple[str, str, str | None, str, float, float, str, int, str], ...] = (
    ("TEMP", "temperature", "°C", "Vessel temperature", 0, 150, "float", 10, "CPP"),
    ("PH", "pH", "pH", "Culture pH", 2, 12, "float", 10, "CPP"),
    ("DO", "dissolved_oxygen", "%", "Dissolved oxygen, probe A", 0, 150, "float", 10, "CPP"),
    ("AGIT", "agitation", "rpm", "Agitator speed", 0, 200, "float", 15, "KPP"),
    ("AIR", "air_flow", "L/min", "Air to sparger", 0, 200, "float", 15, "other"),
    ("O2", "oxygen_flow", "L/min", "Oxygen to sparger", 0, 100, "float", 15, "other"),
    ("CO2", "carbon_dioxide_flow", "L/min", "Carbon dioxide to sparger", 0, 50, "float", 15, "other"),
    ("PRESS", "pressure", "mbar", "Head-space pressure", 0, 1000, "float", 30, "other"),
    ("WEIGHT", "weight", "kg", "Load-cell weight", 0, 2500, "float", 20, "KPP"),
    ("FEED_RATE", "feed_rate", "L/h", "Feed A pump", 0, 10, "float", 30, "KPP"),
    ("BASE_TOTAL", "base_added", "kg", "Base added since inoculation", 0, 100, "float", 30, "other"),
    ("GLUC", "glucose", "g/L", "Glucose, in-line Raman", 0, 20, "float", 20, "KPP"),
    ("LACT", "lactate", "g/L", "Lactate, in-line Raman", 0, 10, "float", 20, "KPP"),
    ("VCD", "viable_cell_density", "10*6/mL", "Viable cells, capacitance probe", 0, 50, "float", 20, "KPP"),
    ("STEP", "step", None, "Sequence step of the controller", 0, 9, "step", 0, "other"),
    ("BATCH_ID", "batch_id", None, "Batch loaded in the controller", 0, 0, "text", 0, "other"),
)
_SEED: tuple[tuple[str, str, str | None, str, float, float, str, int, str], ...] = (
    ("TEMP", "temperature", "°C", "Vessel temperature", 0, 150, "float", 15, "CPP"),
    ("PH", "pH", "pH", "Culture pH", 2, 12, "float", 15, "KPP"),
    ("DO", "dissolved_oxygen", "%", "Dissolved oxygen", 0, 150, "float", 15, "KPP"),
    ("AGIT", "agitation", "rpm", "Agitator speed", 0, 300, "float", 15, "other"),
    ("VCD", "viable_cell_density", "10*6/mL", "Viable cells, capacitance probe", 0, 50, "float", 15, "KPP"),
)
_SINGLE = (
    Tag("DF01_DP", "DF-01", "differential_pressure", "bar", "Filter differential pressure", 0, 3, minutes=5),
    Tag("DF01_FLOW", "DF-01", "flow", "L/h", "Filtrate flow", 0, 600, minutes=5),
    Tag("CHR01_UV280", "CHR-01", "uv280", "mAU", "UV absorbance 280 nm", 0, 3000,
        minutes=5, criticality="KPP"),
    Tag("CHR01_COND", "CHR-01", "conductivity", "mS/cm", "Conductivity after column", 0, 100, minutes=5),
    Tag("CHR01_PRESS", "CHR-01", "pressure", "bar", "Pressure before column", 0, 6, minutes=5),
    Tag("CHR01_FLOW", "CHR-01", "flow", "L/h", "Flow", 0, 600, minutes=5),
    Tag("VI01_PH", "VI-01", "pH", "pH", "Tank pH", 2, 12, minutes=5, criticality="CPP"),
    Tag("VI01_TEMP", "VI-01", "temperature", "°C", "Tank temperature", 0, 60, minutes=5, criticality="CPP"),
    Tag("CHR02_UV280", "CHR-02", "uv280", "mAU", "UV absorbance 280 nm", 0, 3000, minutes=5),
    Tag("CHR02_COND", "CHR-02", "conductivity", "mS/cm", "Conductivity after column", 0, 100, minutes=5),
    Tag("UF01_TMP", "UF-01", "transmembrane_pressure", "bar", "Transmembrane pressure", 0, 4,
        minutes=5, criticality="CPP"),
    Tag("UF01_FLOW", "UF-01", "permeate_flow", "L/h", "Permeate flow", 0, 300, minutes=5),
    Tag("UF01_CONC", "UF-01", "protein_concentration", "g/L", "Protein by refractive index", 0, 120,
        minutes=5, criticality="KPP"),
    Tag("FILL01_SPEED", "FILL-01", "line_speed", "1/h", "Vials an hour", 0, 6000, minutes=5),
    Tag("FILL01_ISO_DP", "FILL-01", "isolator_pressure", "Pa", "Isolator over-pressure", 0, 100,
        minutes=15, criticality="CPP"),
)  # fmt: skip


def _of_unit(
    unit: str, rows: tuple[tuple[str, str, str | None, str, float, float, str, int, str], ...]
) -> list[Tag]:
    prefix = unit.replace("-", "_")
    return [
        Tag(f"{prefix}_{suffix}", unit, name, measure, text, low, high, kind, minutes, criticality)  # type: ignore[arg-type] - the table below is typed by its columns
        for suffix, name, measure, text, low, high, kind, minutes, criticality in rows
    ]


TAGS: dict[str, Tag] = {
    tag.name: tag
    for tag in (
        *_of_unit("BR50-01", _SEED),
        *_of_unit("BR200-01", _SEED),
        *_of_unit("BR2000-01", _PRODUCTION),
        *_of_unit("BR2000-02", _PRODUCTION),
        *_SINGLE,
        Tag(SPARE, None, "temperature", "°C", "Spare temperature transmitter", 0, 150, minutes=60),
    )
}
"""All tags by name."""
