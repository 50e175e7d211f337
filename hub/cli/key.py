"""`plantwide key …`: API keys."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from hub.cli.opening import DatabaseOption, DataOption, fail, open_store, operator, read_settings
from hub.store.keys import UnknownScope, create_key, list_keys, revoke_key
from hub.store.permissions import ROLE

app = typer.Typer(no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="who will use it")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="read, operate, admin, or deliver:<source code>; with read also site:CODE, product:CODE"
        ),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(
            help="reader, analyst, steward, reviewer, author, admin, agent (docs/rights.md: what each may)"
        ),
    ] = None,
    days: Annotated[int | None, typer.Option(help="days until it ends")] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """Make a key and print it: the only time it can be seen."""
    settings = read_settings(data=data, database=database)
    scopes = [*(scope or ()), *(f"{ROLE}{name}" for name in role or ())]
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    with open_store(settings) as store, store.begin(operator()) as connection:
        try:
            typer.echo(create_key(connection, name=name, scopes=scopes or ["read"], expires_at=expires))
        except UnknownScope as error:
            fail(str(error))


@app.command("list")
def list_all(data: DataOption = None, database: DatabaseOption = None) -> None:
    """List keys by name and scope; secrets are not stored."""
    settings = read_settings(data=data, database=database)
    with open_store(settings, writes=False) as store, store.read() as connection:
        for row in list_keys(connection):
            state = "revoked" if row["revoked_at"] else "active"
            typer.echo(f"pw_{row['public_id']}_…  {state:<8} {', '.join(row['scopes']):<16} {row['name']}")


@app.command("revoke")
def revoke(
    public_id: Annotated[str, typer.Argument(help="the part between pw_ and the next _")],
    data: DataOption = None,
    database: DatabaseOption = None,
) -> None:
    """End a key now."""
    settings = read_settings(data=data, database=database)
    with open_store(settings) as store, store.begin(operator()) as connection:
        if not revoke_key(connection, public_id):
            fail(f"no active key {public_id}; see `plantwide key list`")
    typer.echo(f"pw_{public_id}_… is revoked")
