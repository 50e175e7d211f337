"""`plantwide db …`: the store's shape, its canonical dump, and its resolution anew."""

import sys
from typing import Annotated

import typer

from hub.cli.opening import DatabaseOption, DataOption, open_store, read_settings
from hub.resolve.resolution import resolve_again
from hub.store.dump import dump_canonical
from hub.store.upgrade import is_current

app = typer.Typer(no_args_is_help=True)


@app.command("upgrade")
def upgrade(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Bring the store to the newest shape."""
    with open_store(read_settings(data=data, database=database)) as store:
        typer.echo(f"{store.dialect}: {'current' if is_current(store) else 'not current'}")


@app.command("dump")
def dump(
    canonical: Annotated[  # noqa: ARG001 - the only form so far; a script that says so stays right
        bool,
        typer.Option(
            "--canonical", help="leave out ids and times of learning; equal states give equal bytes"
        ),
    ] = True,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Print the unified state, one JSON line a fact."""
    settings = read_settings(data=data, database=database)
    with open_store(settings, writes=False) as store, store.read() as connection:
        for line in dump_canonical(connection):
            sys.stdout.buffer.write(line + b"\n")


@app.command("rebuild")
def rebuild(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Settle all names and resolve every statement again; the result must be what it was."""
    with open_store(read_settings(data=data, database=database)) as store:
        done = resolve_again(store)
    typer.echo(f"resolved {done.statements:,} statements again")
