"""The tabletting configuration says of real tables what pandas counts in them."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from connectors.files import Files
from hub.ingest.sources import Project, load_project
from hub.model import Batch, MaterialActual, Record, Sample, TestCriterion, TestResult
from tests.house.tree import ROOT


@pytest.fixture
def data(shared_folder: Path) -> Path:
    """Give the folder of the data set."""
    return shared_folder / "data" / "tabletting"


@pytest.fixture
def project(data: Path) -> Project:
    """Load the example with the data set's folder."""
    return load_project(ROOT / "examples" / "tabletting", {"data": str(data)})


def say(project: Project, code: str) -> Iterator[Record]:
    """Give all records of a source; anything rejected fails."""
    with project.source(code).open() as source:
        assert isinstance(source, Files)
        for stream in source.streams():
            for page in source.read(stream.name, None):
                assert not page.rejected
                for document in page.documents:
                    for part in source.parse(document):
                        assert isinstance(part, Record), part
                        yield part


def test_the_mes_tells_of_every_batch_and_of_the_campaigns_in_the_series(
    project: Project, data: Path
) -> None:
    table = pd.read_csv(data / "Laboratory.csv", sep=";", dtype=str)
    series = pd.concat(pd.read_csv(f, sep=";", dtype=str) for f in sorted((data / "Process").glob("*.csv")))
    batches = [r for r in say(project, "mes") if isinstance(r, Batch)]
    assert {b.id.value for b in batches if b.kind == "batch"} == set(table["batch"])
    assert {b.id.value for b in batches if b.kind == "campaign"} == {f"C{c}" for c in series["campaign"]}
    member = {b.id.value: b.campaign.value for b in batches if b.campaign is not None}
    assert member == {b: f"C{c}" for b, c in zip(series["batch"], series["campaign"], strict=True)}
    sizes = {b.id.value: b.planned_size.value for b in batches if b.planned_size is not None}
    assert sizes == {b: float(s) for b, s in zip(table["batch"], table["size"], strict=True)}


def test_the_erp_tells_of_every_lot_consumed(project: Project, data: Path) -> None:
    table = pd.read_csv(data / "Laboratory.csv", sep=";", dtype=str)
    consumed = {
        (a.batch.value, a.lot.value)
        for a in say(project, "erp")
        if isinstance(a, MaterialActual) and a.use == "Consumed" and a.batch and a.lot
    }
    expected = set(zip(table["batch"], "API-" + table["api_code"] + "/L" + table["api_batch"], strict=True))
    for name in ("smcc", "lactose", "starch"):
        expected |= set(zip(table["batch"], f"{name.upper()}/L" + table[f"{name}_batch"], strict=True))
    assert consumed == expected


def test_the_lims_tells_of_every_filled_cell_once(project: Project, data: Path) -> None:
    table = pd.read_csv(data / "Laboratory.csv", sep=";", dtype=str)
    records = list(say(project, "lims"))
    results = {r.key: r for r in records if isinstance(r, TestResult)}
    samples = {r.key for r in records if isinstance(r, Sample)}
    criteria = {r.key for r in records if isinstance(r, TestCriterion)}
    columns = table.columns[10:]
    cells = {
        f"{batch}/{column}": cell.strip()
        for column in columns
        for batch, cell in zip(table["batch"], table[column].fillna(""), strict=True)
        if cell.strip()
    }
    assert {key: result.value.text for key, result in results.items()} == cells
    assert {result.sample for result in results.values()} <= samples
    assert criteria == set(columns)
    assert {result.criterion for result in results.values()} == criteria
