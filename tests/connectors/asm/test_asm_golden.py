"""Value by value: what our readers read from instruments' files, beside the published ASM of the same files.

The published ASM was made by allotropy. What it changes is told here, one rule a change; nothing else may differ.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.asm import Asm, AsmConfig
from hub.model import Record, Sample, TestResult
from hub.model.unit import convert

FILES = [
    *(("novabio_flex2", name, "csv") for name in (
        "SampleResults2022-06-28_142558",
        "SampleResultsDEVICE1232021-02-18_104838",
        "SampleResultsT123456789C2020-01-01_162647",
    )),
    *(("beckman_vi_cell_blu", f"Beckman_Vi-Cell-BLU_{name}", "csv") for name in (
        "different_mu_character", "example01", "example01_utf16", "example02",
    )),
    *(("roche_cedex_bioht", f"roche_cedex_bioht_{name}", "txt") for name in (
        "example01", "example02", "example03", "example04", "example_with_mg_L", "v5_example01", "v5_example02",
        "v5_multiple_detection_ranges", "v7_dilution_and_replicates", "v7_example_01",
    )),
]  # fmt: skip
ENZYME = 0.0167
"""allotropy turns U/L into mmol/L by this; we keep the catalytic activity that the instrument reports."""
CEDEX = "roche_cedex_bioht"

Fact = tuple[Any, ...]


def read(root: Path, name: str) -> list[Record]:
    """Give what one file of a folder states."""
    asm = Asm(AsmConfig(root=root, globs=(name,), timezone="Etc/UTC"))
    (page,) = asm.read("results", None)
    assert page.rejected == []
    (document,) = page.documents
    found = list(asm.parse(document))
    assert all(isinstance(part, Record) for part in found), [p for p in found if not isinstance(p, Record)]
    return [part for part in found if isinstance(part, Record)]


def facts(records: list[Record], vendor: str, *, is_ours: bool) -> Counter[Fact]:
    """Count the results as (sample, batch, what, value, comparator), with the time where both keep it."""
    samples = {one.key: one for one in records if isinstance(one, Sample)}
    found: list[Fact] = []
    for one in records:
        if isinstance(one, TestResult):
            sample = samples[one.sample]
            said = one.value
            value = said.value
            if value is not None and not said.comparator:
                value = _in_common(value, said.unit, is_ours=is_ours, what=f"{one.test_code} {one.property}")
            # allotropy gives all values of a sample the time of its first
            at = one.measured_at if vendor != CEDEX else None
            code = (one.property or "").rpartition(", ")[2] if vendor == CEDEX else one.property
            code = "" if one.test_code == "absorbance" else code
            text = None if value is not None else said.text
            comparator = said.comparator
            if one.test_code == "absorbance" and (comparator or said.text == "-0.0"):
                value, comparator, text = None, None, "out of range"  # the model has lost the bound
            found.append(
                (
                    sample.code, _batch(sample), one.test_code, code, at,
                    None if value is None else f"{value:.7g}", comparator, text,
                    one.analyst and one.analyst.value,
                )
            )  # fmt: skip
    return Counter(found)


def _batch(sample: Sample) -> str | None:
    """Give the batch; allotropy takes `1` for a number and writes `1.0`."""
    return sample.batch.value.removesuffix(".0") if sample.batch else None


def _in_common(value: float, unit: str | None, *, is_ours: bool, what: str) -> float:
    if is_ours and unit == "U/L":
        assert "ldh" in what
        return value * ENZYME
    for common in ("g/L", "1"):
        try:
            return convert(value, unit or "1", common)
        except ValueError:
            continue
    if unit == "{AU}":
        return value  # allotropy writes the same number as mAU
    return value * 1000 if unit == "10*-3{AU}" and is_ours else value


@pytest.mark.against("asm", "allotropy's published instrument files and their ASM", how="published")
@pytest.mark.parametrize(("vendor", "name", "ending"), FILES, ids=[name for _, name, _ in FILES])
def test_a_file_says_the_same_as_its_published_model(
    shared_folder: Path, vendor: str, name: str, ending: str
) -> None:
    root = shared_folder / "data" / "instruments" / vendor / "testdata"
    ours = facts(read(root, f"{name}.{ending}"), vendor, is_ours=True)
    theirs = facts(read(root, f"{name}.json"), vendor, is_ours=False)
    assert ours.total() > 8
    only_ours, only_theirs = differing(ours - theirs), differing(theirs - ours)
    assert (only_ours, only_theirs) == DIFFERENCES.get(name, ([], []))


def test_every_published_model_is_read_without_a_fault(shared_folder: Path) -> None:
    root = shared_folder / "data" / "instruments"
    models = sorted(path for path in root.glob("*/testdata/**/*.json") if path.parent.name != "input")
    assert len(models) == 26
    for path in models:
        records = read(path.parent, path.name)
        assert any(isinstance(one, Sample) for one in records), path


DIFFERENCES: dict[str, tuple[list[Fact], list[Fact]]] = {
    # a number with a percent sign in a column of densities is no density
    "SampleResultsDEVICE1232021-02-18_104838": (
        [("SAMPLE 0002", "viable cell density (cell counter)", "10.00%")],
        [("SAMPLE 0002", "viable cell density (cell counter)", "10")],
    ),
    # where the instrument says ERROR, the model says nothing
    "Beckman_Vi-Cell-BLU_example01": (
        [("CLB008", "total cell count", "ERROR"), ("CLB008", "viable cell count", "ERROR")],
        [],
    ),
    # the model has lost the bound of what lay above the range
    "roche_cedex_bioht_v7_example_01": (
        [("SAMPLE19", "asparagine", ">0.264")],
        [("SAMPLE19", "asparagine", "unknown")],
    ),
}
"""What only we read, and what only the published model says: sample, what, value."""


def differing(found: Counter[Fact]) -> list[Fact]:
    return sorted((f[0], f[2], f"{f[6] or ''}{f[5] or f[7]}") for f in found.elements())
