"""`plantwide quarantine …`: what could not be read, why, and reading it again."""

from dataclasses import replace
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
from hub.shift.cycle import read_again
from hub.store.quarantine import list_open

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_entries(
    source: Annotated[str | None, typer.Argument(help="only this source")] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what waits: source, document, place, reason, remedy."""
    settings = read_settings(data=data, database=database)
    with open_store(settings, writes=False) as store, store.read() as connection:
        entries = list_open(connection, source)
    if as_json:
        typer.echo(orjson.dumps(entries, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
        return
    for entry in entries:
        place = f" at {entry['part']}" if entry["part"] else ""
        typer.echo(f"{entry['source']}  {entry['object_type']} {entry['source_key']}{place}")
        typer.echo(f"    {entry['reason']}")
        if entry["remedy"]:
            typer.echo(f"    remedy: {entry['remedy']}")
    typer.echo(f"{len(entries)} open")


@app.command("replay")
def replay(
    source: Annotated[str | None, typer.Argument(help="only this source")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    given: SetOption = None,
) -> None:
    """Read quarantined documents again with today's connectors and settings."""
    settings = read_settings(config=config, data=data, database=database)
    project = open_project(settings, given)
    with plain_errors():
        sources = (project.source(source),) if source else project.sources
    with open_store(settings) as store:
        done = read_again(make_desk(store), replace(project, sources=sources))
    typer.echo(f"tried {done.tried}, released {done.released}, still open {done.tried - done.released}")
