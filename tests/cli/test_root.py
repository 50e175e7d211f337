"""The command tree: a verb reads what it needs, and a slip of the pen is told what may be meant."""

import shutil
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from hub.cli import app
from hub.cli.root import VERBS

LIST_KEYS = """
import sys
from hub.cli import app
try:
    app(["key", "list", "--data", sys.argv[1]])
finally:
    print(*sorted(name for name in sys.modules if name.startswith("hub.cli.") or name == "alembic"))
"""


def test_a_verb_reads_neither_the_others_nor_the_migration_tool(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    shutil.copy(migrated_sqlite, tmp_path)
    command = [sys.executable, "-c", LIST_KEYS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["hub.cli.key", "hub.cli.opening", "hub.cli.root"]


def test_every_verb_of_the_table_is_there() -> None:
    for name in VERBS:
        shown = CliRunner().invoke(app, [name, "--help"])
        assert shown.exit_code == 0, name
        assert f"plantwide {name}" in shown.output or f"root {name}" in shown.output, shown.output


def test_a_verb_that_is_not_there_is_told_which_may_be_meant() -> None:
    told = CliRunner().invoke(app, ["demmo"])
    assert told.exit_code == 2
    assert "Did you mean 'demo'" in told.output
