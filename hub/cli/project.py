"""`plantwide init`: a project folder to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.opening import fail

_FILES = {
    "plantwide.toml": """\
# The hub's own settings; see `plantwide --help` and docs/settings.md.
# database = "postgresql://plantwide@db/plantwide"   # without it: SQLite in the data folder
data = "plantwide-data"
config = "."
host = "127.0.0.1"
port = 8000
""",
    "identity.yaml": """\
# Schemes among which names that are equal in capitals, without signs and leading zeros, mean one thing.
# A scheme is <source code>:<scheme of the connector>. QA approves this list.
normalised:
  batch: []
  material_lot: []
""",
    "rules.yaml": """\
# Whose word counts, where that differs from what `plantwide rule list` shows. QA approves this list.
# order: kinds (MES, LIMS, ERP, HISTORIAN, QMS, …) or codes of sources; the first that speaks counts.
rules: []
#  - entity_type: batch
#    attribute: actual_size
#    strategy: system            # or latest, earliest, widest (both ends of a time range), union (texts)
#    order: [ERP, MES]
#    tolerance: {relative: 0.005}  # or {absolute: 5, unit: min}
#    approved_by: J. Murphy, QA
#    reason: posted stock is the financial truth
""",
    "sources/mes.yaml.example": """\
# Rename to mes.yaml. One file a source; ${env:NAME} and ${file:PATH} are filled in memory only.
code: mes
kind: MES
connector: b2mml
timezone: Europe/Dublin
settings:
  folder: /path/to/b2mml
""",
}


def init(
    folder: Annotated[Path, typer.Argument(help="project folder, made when missing")] = Path(),
) -> None:
    """Write a project folder: settings, identity whitelist, an example source. Existing files stay."""
    written: list[Path] = []
    for name, text in _FILES.items():
        path = folder / name
        if path.exists():
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            fail(f"cannot write {path}: {error.strerror}")
        written.append(path)
    for path in written:
        typer.echo(f"wrote {path}")
    typer.echo("next: describe a source in sources/, then `plantwide source check --all`")
