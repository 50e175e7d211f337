"""`plantwide connector …`: what is installed, and the start of a new one."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.cli.opening import JsonOption, fail
from hub.cli.scaffold import Kind, write_connector
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
    kind: Annotated[
        Kind, typer.Option(help="what is at the other end: a JSON API, views of a database, or anything else")
    ] = "python",
    folder: Annotated[Path, typer.Option(help="where to write the package")] = Path(),
) -> None:
    """Write a package with a connector that works, its conformance test, README and example settings."""
    try:
        target = write_connector(name, folder, kind)
    except (ValueError, FileExistsError) as error:
        fail(str(error))
    typer.echo(f"wrote {target}; next: pip install -e {target} && pytest {target}/tests")


@app.command("grade")
def grade(
    names: Annotated[list[str] | None, typer.Argument(help="connectors, e.g. rest")] = None,
    every: Annotated[bool, typer.Option("--all", help="every installed connector")] = False,
    tests: Annotated[
        list[Path] | None,
        typer.Option(help="where their suites are; else tests/connectors/NAME, or tests"),
    ] = None,
    table: Annotated[bool, typer.Option("--table", help="print a Markdown table")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the conformance suites of connectors and compute their grades from what was found."""
    from hub.cli.grading import Ungradable, run_suites
    from hub.sdk.testing.grades import grade as compute
    from hub.sdk.testing.grades import write_table

    chosen = list(list_connectors()) if every else list(names or ())
    if not chosen:
        fail(f"name a connector or give --all; installed: {', '.join(list_connectors())}")
    try:
        findings, proofs = run_suites(chosen, tests or [])
    except Ungradable as error:
        fail(str(error))
    grades = [compute(name, findings, proofs) for name in chosen]
    if as_json:
        typer.echo(orjson.dumps([g.to_json() for g in grades], option=orjson.OPT_INDENT_2).decode())
    elif table:
        typer.echo(write_table(grades), nl=False)
    else:
        for one in grades:
            typer.echo(f"{one.connector:<14} {one.grade:<7} {one.kept} of {one.tried} promises  {one.why}")
            for proof in one.proofs:
                typer.echo(f"{'':<14} proven against {proof}")
            for proof in one.not_run:
                typer.echo(f"{'':<14} did not run here: {proof}")
    if any(one.grade == "none" for one in grades):
        raise typer.Exit(1)
