"""`plantwide feature …`: figures of batches that the project declares, and computing them now."""

from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer

from hub.cli.opening import (
    ConfigOption,
    DatabaseOption,
    DataOption,
    JsonOption,
    SetOption,
    make_desk,
    open_project,
    open_store,
    plain_errors,
    read_settings,
)
from hub.insight.declared import SOURCE, derive_features
from hub.model import format_instant
from hub.resolve.resolution import resolve
from hub.shift.cycle import feature_declaration
from hub.store.answers.features import list_declarations, list_figures

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_features(
    history: Annotated[bool, typer.Option("--history", help="every version that was ever in force")] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the declared figures in force, who approved them, and of how many batches each is known."""
    settings = read_settings(data=data, database=database)
    with open_store(settings, writes=False) as store, store.read() as connection:
        versions = list_declarations(connection, SOURCE)
        counted = list_figures(connection, SOURCE)
    shown = versions if history else versions[:1]
    if as_json:
        body = {"versions": shown, "batches": counted}
        typer.echo(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return
    if not shown:
        typer.echo("no figures are declared; write features.yaml into the project")
    for version in shown:
        approved = version["content"]["approved"]
        by = f", approved by {approved['by']}: {approved['reason']}" if approved else ""
        typer.echo(f"since {format_instant(version['recorded_at'])}, {version['version']}{by}")
        for name, declared in version["content"]["features"].items():
            about = ", ".join(f"{key} {value}" for key, value in declared.items() if key != "description")
            typer.echo(f"  {name:<32} {counted.get(name, 0):>6} batches  {about}")


@app.command("compute")
def compute(
    every: Annotated[bool, typer.Option("--all", help="of all batches, not only of those touched")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    given: SetOption = None,
) -> None:
    """Compute the project's figures of the batches that something new touches, and resolve them."""
    settings = read_settings(config=config, data=data, database=database)
    project = open_project(settings, given)
    with plain_errors(), open_store(settings) as store:
        desk = make_desk(store)
        declared = feature_declaration(project)
        changed = derive_features(store, declared, now=datetime.now(UTC), actor=desk.operator, every=every)
        resolve(store, clock=desk.clock)
    typer.echo(f"{changed} batches have other figures than before")
