"""The table of grades is computed; a connector without a row has not been graded yet."""

import subprocess
import sys

import pytest

from tests.house.tree import ROOT, list_connectors

README = ROOT / "connectors" / "README.md"


def test_the_table_of_grades_speaks_of_connectors_that_there_are() -> None:
    rows = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    graded = [row.split("`")[1] for row in rows]
    assert rows
    assert len(set(graded)) == len(graded)
    assert set(graded) <= set(list_connectors())


@pytest.mark.nightly
def test_the_table_of_grades_is_what_the_suites_find() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "grades.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
