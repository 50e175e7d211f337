"""Roche Cedex Bio HT: the archive file, tab-separated lines that begin with a record type."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.asm.readings import Part, Reading, Specimen, Unreadable
from hub.sdk import BadRecord

MARK = "#ARC-FILE#"
_HEADER, _RESULT = "0", "40"
_NAMES = {
    "AC": "acetate",
    "ASNH": "asparagine",
    "ASNL": "asparagine",
    "ASP": "aspartate",
    "CA": "calcium",
    "ETOH": "ethanol",
    "FE": "iron",
    "FOR": "formate",
    "GAL": "galactose",
    "GLC": "glucose",
    "GLN": "glutamine",
    "GLU": "glutamate",
    "GLY": "glycerol",
    "IGGH": "IgG human",
    "K": "potassium",
    "LAC": "lactate",
    "LDH": "ldh",
    "MG": "magnesium",
    "NA": "sodium",
    "NH": "ammonia",
    "OD": "absorbance",
    "PHO": "phosphate",
    "PYR": "pyruvate",
    "TP": "total protein",
}
"""What a test measures, by its code without the kit's number and letters (`GLN2B` is a kit for glutamine)."""
_KIT = re.compile(r"([A-Z]+)\d+[A-Z]*")
_QUANTITIES = {
    "mmol/l": "molar concentration",
    "mm": "molar concentration",
    "mg/l": "mass concentration",
    "g/l": "mass concentration",
    "u/l": "catalytic activity concentration",
}
_OLD = 6
"""Software before this version writes the test before the sample."""


@dataclass(frozen=True)
class _Layout:
    """In which column what stands; `batch` is None where nothing is known of it."""

    sample: int
    batch: int | None
    role: int
    code: int
    unit: int
    flag: int
    value: int

    @property
    def width(self) -> int:
        return self.value + 1


_NOW = _Layout(sample=2, batch=3, role=4, code=6, unit=8, flag=9, value=10)
_BEFORE = _Layout(sample=5, batch=None, role=6, code=2, unit=7, flag=8, value=9)


def read_cedex(text: str) -> Iterator[Part]:
    """Give the values of a file, line by line. Raises `BadRecord`."""
    lines = [line.split("\t") for line in text.splitlines()]
    header = next((cells for cells in lines if cells[0].strip() == _HEADER), None)
    if header is None or MARK not in header:
        raise BadRecord("the file has no header line (0 … #ARC-FILE#)", remedy="archive the results again")
    layout, analyst = _layout_of(header), _cell(header, 9)
    for number, cells in enumerate(lines, start=1):
        if cells[0].strip() != _RESULT:
            continue
        if len(cells) < layout.width or not _cell(cells, layout.sample) or not _cell(cells, layout.code):
            yield Unreadable(f"line {number}", "the line ends before its result, or names no sample or test")
            continue
        yield _reading(number, cells, layout, analyst=analyst)


def _layout_of(header: list[str]) -> _Layout:
    """Tell by the software's version in which order the columns are."""
    major = (_cell(header, 8) or "").partition(".")[0]
    return _BEFORE if major.isdecimal() and int(major) < _OLD else _NOW


def _reading(number: int, cells: list[str], layout: _Layout, *, analyst: str | None) -> Reading:
    code, unit = _cell(cells, layout.code) or "", _cell(cells, layout.unit)
    batch = None if layout.batch is None else _cell(cells, layout.batch)
    flag = _cell(cells, layout.flag)
    return Reading(
        key=str(number),
        specimen=Specimen(_cell(cells, layout.sample) or "", batch, role=_cell(cells, layout.role)),
        name=_NAMES.get(_bare(code), code),
        quantity=", ".join(part for part in (_QUANTITIES.get((unit or "").casefold()), code) if part),
        text=_cell(cells, layout.value) or "",
        unit=unit,
        at=_cell(cells, 1),
        analyst=analyst,
        status=flag,
    )


def _bare(code: str) -> str:
    """Give a test's code without what tells the kit: a number and letters, or a last letter."""
    found = _KIT.fullmatch(code)
    return found.group(1) if found else code[:-1]


def _cell(cells: list[str], at: int) -> str | None:
    return (cells[at].strip() or None) if at < len(cells) else None
