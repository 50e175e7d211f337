"""The table of grades is computed; a connector without a row has not been graded yet."""

import importlib.util
import subprocess
import sys
from typing import Any

import pytest

from hub.sdk.testing.grades import Finding, Proof, grade
from tests.house.tree import ROOT, list_connectors

README = ROOT / "connectors" / "README.md"


def test_the_table_of_grades_speaks_of_connectors_that_there_are() -> None:
    table = README.read_text(encoding="utf-8").split("<!-- grades -->")[1].split("<!-- /grades -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    graded = [row.split("`")[1] for row in rows]
    assert rows
    assert len(set(graded)) == len(graded)
    assert set(graded) <= set(list_connectors())


def test_a_proof_that_cannot_run_here_stands_only_as_it_was_written() -> None:
    described = importlib.util.spec_from_file_location("grades", ROOT / ".ci" / "grades.py")
    assert described is not None
    assert described.loader is not None
    grades: Any = importlib.util.module_from_spec(described)
    described.loader.exec_module(grades)
    kept = [Finding("acme", "TestIt", "a", "kept")]
    here = grade("acme", kept, [Proof("acme", "Acme 3", "live", "skipped")])
    row = "| `acme` | gold | 1 of 1 | – | Acme 3 (running) |"
    assert (here.grade, grades.keep(here, row).grade) == ("silver", "gold")
    assert grades.keep(here, "| `acme` | silver | 1 of 1 | – | – |").grade == "silver"
    untried = [*kept, Finding("acme", "TestIt", "b", "not tried")]
    assert (
        grades.keep(grade("acme", untried, [Proof("acme", "Acme 3", "live", "skipped")]), row).grade
        == "bronze"
    )


@pytest.mark.nightly
def test_the_table_of_grades_is_what_the_suites_find() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "grades.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
