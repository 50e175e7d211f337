"""`plantwide db …`: the store's shape, its canonical dump, and its resolution anew."""

import sys
from typing import Annotated

import typer

from hub.cli.opening import DatabaseOption, DataOption, fail, open_store, operator, read_settings
from hub.resolve.resolution import resolve_again
from hub.store.dump import dump_canonical
from hub.store.mart.readers import READER, NoSuchSite, set_sites, write_reader
from hub.store.roles import APPLICATION, write_roles
from hub.store.upgrade import is_current

app = typer.Typer(no_args_is_help=True)


@app.command("upgrade")
def upgrade(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Bring the store to the newest shape."""
    with open_store(read_settings(data=data, database=database)) as store:
        typer.echo(f"{store.dialect}: {'current' if is_current(store) else 'not current'}")


@app.command("roles")
def roles(
    application: Annotated[str, typer.Option(help="role that the hub itself will connect as")] = APPLICATION,
    apply: Annotated[bool, typer.Option("--apply", help="do it, and not only print it")] = False,
    database: DatabaseOption = None,
) -> None:
    """Print the SQL, or apply it, that gives the hub a role which cannot touch the audit trail (PostgreSQL).

    Run it as the owner of the tables, again after each upgrade; then set a password for the role.
    """
    settings = read_settings(database=database)
    if not settings.database:
        fail("SQLite has no roles; give the --database of a PostgreSQL store")
    with open_store(settings, seals=False) as store, store.begin() as connection:
        for statement in write_roles(connection, application=application):
            typer.echo(f"{statement};")
            if apply:
                connection.exec_driver_sql(statement)


@app.command("reader")
def reader(
    role: Annotated[str, typer.Argument(help="role that a BI tool will connect as")] = READER,
    site: Annotated[
        list[str] | None, typer.Option("--site", help="code of a site whose rows it sees; may be repeated")
    ] = None,
    all_sites: Annotated[bool, typer.Option("--all-sites", help="it sees all rows")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="do it, and not only print it")] = False,
    database: DatabaseOption = None,
) -> None:
    """Print the SQL, or apply it, that lets a role read the schema `mart` and nothing else (PostgreSQL).

    Without `--site` or `--all-sites` it sees what all sites share. Run it as the owner of the tables, again
    after each upgrade; then set a password for the role.
    """
    settings = read_settings(database=database)
    if not settings.database:
        fail("SQLite has no roles; give the --database of a PostgreSQL store, or open hub.db read-only")
    with open_store(settings, seals=False) as store, store.begin(operator()) as connection:
        for statement in write_reader(connection, role):
            typer.echo(f"{statement};")
            if apply:
                connection.exec_driver_sql(statement)
        if apply:
            try:
                set_sites(connection, role, None if all_sites else site or [])
            except NoSuchSite as error:
                fail(str(error))


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
