"""The command tree; each verb imports what it needs when it is called, so that help and checks stay quick."""

from importlib.metadata import version
from typing import Annotated

import typer

from hub.cli import connector, database, demo, doctor, project, quarantine, serving, source
from hub.cli.key import app as key_app

app = typer.Typer(
    name="plantwide",
    help="One ISA-88/ISA-95 view of what MES, LIMS, ERP and historian systems say.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("init")(project.init)
app.command("serve")(serving.serve)
app.command("openapi")(serving.openapi)
app.command("doctor")(doctor.doctor)
app.add_typer(source.app, name="source", help="List, check, discover, sync and back-fill sources.")
app.add_typer(connector.app, name="connector", help="List installed connectors; begin a new one.")
app.add_typer(quarantine.app, name="quarantine", help="See what could not be read, and read it again.")
app.add_typer(key_app, name="key", help="Make, list and revoke API keys.")
app.add_typer(database.app, name="db", help="Migrate, dump and rebuild the store.")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(version("plantwide"))
        raise typer.Exit


@app.callback()
def main(
    show_version: Annotated[
        bool,
        typer.Option("--version", help="print the version and end", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """One ISA-88/ISA-95 view of what MES, LIMS, ERP and historian systems say."""
    del show_version  # its callback has answered
