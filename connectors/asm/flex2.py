"""Nova Biomedical BioProfile FLEX2: the CSV of sample results (metabolites, gases, cells, osmolality)."""

from collections.abc import Iterator

from connectors.asm.readings import Part, Reading, Specimen, Unreadable
from connectors.asm.tables import Row, read_table

MARK = ("Date & Time", "Sample ID", "Sample Type")
_ANALYTES = {
    "Gln": ("glutamine", "molar concentration", "mmol/L"),
    "Glu": ("glutamate", "molar concentration", "mmol/L"),
    "Gluc": ("glucose", "mass concentration", "g/L"),
    "Lac": ("lactate", "mass concentration", "g/L"),
    "NH4+": ("ammonium", "molar concentration", "mmol/L"),
    "Na+": ("sodium", "molar concentration", "mmol/L"),
    "K+": ("potassium", "molar concentration", "mmol/L"),
    "Ca++": ("calcium", "molar concentration", "mmol/L"),
    "HCO3": ("bicarbonate", "molar concentration", "mmol/L"),
    "pH": ("pH", None, "pH"),
    "PO2": ("pO2", None, "mmHg"),
    "PCO2": ("pCO2", None, "mmHg"),
    "O2 Saturation": ("oxygen saturation", None, "%"),
    "CO2 Saturation": ("carbon dioxide saturation", None, "%"),
    "Osm": ("osmolality", None, "mosm/kg"),
    "Vessel Temperature (°C)": ("temperature", None, "Cel"),
    "Total Density": ("total cell density (cell counter)", None, "10^6 cells/mL"),
    "Viable Density": ("viable cell density (cell counter)", None, "10^6 cells/mL"),
    "Viability": ("viability (cell counter)", None, "%"),
    "Total Cell Count": ("total cell count", None, "cell"),
    "Total Live Count": ("viable cell count", None, "cell"),
    "Avg. Live Diameter": ("average live cell diameter (cell counter)", None, "um"),
}
"""Columns: ASM's name of what is measured, which quantity of it, the unit that the instrument reports in."""


def read_flex2(text: str) -> Iterator[Part]:
    """Give the values of a file, in the order of its columns. Raises `BadRecord`."""
    for line, row in read_table(text, MARK):
        if not row["Sample ID"]:
            if not row["Date & Time"]:
                continue  # a second header line, with units
            yield Unreadable(f"line {line}", "the row names no sample")
            continue
        yield from _values(line, row)


def _values(line: int, row: Row) -> Iterator[Part]:
    specimen = Specimen(
        row["Sample ID"],
        row.get("Batch ID") or None,
        row.get("Vessel ID") or None,
        row.get("Sample Type") or None,
    )
    for column, (name, quantity, unit) in _ANALYTES.items():
        entry = row.get(column) or ""
        if not entry:
            continue
        yield Reading(
            key=f"{line}/{column}",
            specimen=specimen,
            name=name,
            quantity=quantity,
            text=entry,
            unit=unit,
            at=row["Date & Time"] or None,
            analyst=row.get("Operator") or None,
        )
