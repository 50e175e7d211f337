"""Rows of a CSV are those of the csv module, whichever way a line is read."""

import csv
import io
import os
from pathlib import Path

import pytest

from connectors.files.folder import Folder
from connectors.files.lines import RowReader
from connectors.files.settings import Table


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "lines",
    [
        ["a,b", "1,2", "3,4"],
        ["a,b", '"1",2', "3,4"],
        ["a,b", '"one, two",2', '3,"say ""so"""'],
        ["a,b", '"over', 'two lines",2', "3,4"],
        ["a,b", " 1 , 2 ", ",", "3,"],
    ],
)
def test_cells_are_those_of_the_csv_module(tmp_path: Path, lines: list[str], end: str) -> None:
    text = "".join(f"{line}{end}" for line in lines)
    path = tmp_path / "t.csv"
    path.write_text(text, newline="")
    os.utime(path, (1, 1))
    (found,) = Folder(str(tmp_path)).find(("*.csv",))
    rows = list(RowReader(found, Table()).rows())
    assert [row.cells for row in rows] == list(csv.reader(io.StringIO(text, newline="")))
    assert rows[-1].end == len(text)


def test_a_line_end_inside_a_line_is_a_fault_and_no_cell(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\r3\n4,5\n", newline="")
    os.utime(path, (1, 1))
    (found,) = Folder(str(tmp_path)).find(("*.csv",))
    rows = list(RowReader(found, Table()).rows())
    assert [row.cells for row in rows] == [["a", "b"], None, ["4", "5"]]
    assert "new-line" in rows[1].fault
