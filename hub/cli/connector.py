"""`plantwide connector …`: what is installed, and the start of a new one."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.opening import fail
from hub.cli.scaffold import write_connector
from hub.ingest.registry import list_connectors, load_connector
from hub.sdk import ConnectorError, RecordSource, SampleSource

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_installed() -> None:
    """List installed connectors with their version and what they read."""
    for name in list_connectors():
        try:
            found = load_connector(name)
        except ConnectorError as error:
            typer.echo(f"{name:<14} cannot be loaded: {error}")
            continue
        reads = [
            word
            for word, kind in (("records", RecordSource), ("samples", SampleSource))
            if issubclass(found, kind)
        ]
        first_line = (found.__doc__ or "").strip().splitlines()[0]
        typer.echo(f"{name:<14} {found.version:<8} {', '.join(reads):<17} {first_line}")


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="name of the connector, e.g. acme_lims")],
    folder: Annotated[Path, typer.Option(help="where to write the package")] = Path(),
) -> None:
    """Write a package with a connector that works, its conformance test, README and example settings."""
    try:
        target = write_connector(name, folder)
    except (ValueError, FileExistsError) as error:
        fail(str(error))
    typer.echo(f"wrote {target}; next: pip install -e {target} && pytest {target}/tests")
