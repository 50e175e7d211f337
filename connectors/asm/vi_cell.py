"""Beckman Coulter Vi-CELL BLU: the CSV of cell counts, viabilities and diameters."""

from collections.abc import Iterator

from connectors.asm.readings import Part, Reading, Specimen, Unreadable
from connectors.asm.tables import read_table

MARK = ("Sample ID", "Viability (%)", "Analysis date/time")
_COLUMNS = {
    "Cell count": ("total cell count", "cell"),
    "Viable cells": ("viable cell count", "cell"),
    "Total (x10^6) cells/mL": ("total cell density (cell counter)", "10^6 cells/mL"),
    "Viable (x10^6) cells/mL": ("viable cell density (cell counter)", "10^6 cells/mL"),
    "Viability (%)": ("viability (cell counter)", "%"),
    "Average diameter (µm)": ("average total cell diameter", "um"),
    "Average viable diameter (µm)": ("average live cell diameter (cell counter)", "um"),
    "Average circularity": ("average total cell circularity", "1"),
    "Average viable circularity": ("average viable cell circularity", "1"),
}


def read_vi_cell(text: str) -> Iterator[Part]:
    """Give the values of a file, in the order of its columns. Raises `BadRecord`."""
    for line, row in read_table(text, MARK):
        sample = row["Sample ID"]
        if not sample:
            yield Unreadable(f"line {line}", "the row names no sample")
            continue
        at = row.get("Reanalysis date/time") or row["Analysis date/time"] or None
        analyst = row.get("Reanalysis by") or row.get("Analysis by") or None
        for column, (name, unit) in _COLUMNS.items():
            if entry := row.get(column):
                specimen = Specimen(sample, role=row.get("Cell type") or None)
                yield Reading(f"{line}/{column}", specimen, name, entry, unit, at, analyst=analyst)
