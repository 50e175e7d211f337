"""The command tree; each verb imports what it needs when it is called, so that help and checks stay quick."""

from importlib.metadata import version
from typing import Annotated

import typer

from hub.cli import (
    agent,
    audit,
    batch,
    conflict,
    connector,
    database,
    demo,
    doctor,
    feature,
    kpi,
    link,
    mcp,
    project,
    quarantine,
    rule,
    samples,
    serving,
    source,
    tags,
)
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
app.command("agent")(agent.agent)
app.command("openapi")(serving.openapi)
app.command("mcp")(mcp.mcp)
app.command("doctor")(doctor.doctor)
app.add_typer(source.app, name="source", help="List, check, discover, sync and back-fill sources.")
app.add_typer(tags.app, name="tags", help="Check the tag map of a source and the quality of its samples.")
app.add_typer(connector.app, name="connector", help="List installed connectors; begin a new one.")
app.add_typer(quarantine.app, name="quarantine", help="See what could not be read, and read it again.")
app.add_typer(batch.app, name="batch", help="Give batches as documents that other systems read.")
app.add_typer(conflict.app, name="conflict", help="See where sources disagree, and settle it.")
app.add_typer(link.app, name="link", help="See which names are or may be one thing, and decide.")
app.add_typer(rule.app, name="rule", help="See and set whose word counts.")
app.add_typer(kpi.app, name="kpi", help="See key figures, their formulas, and keep them for BI tools.")
app.add_typer(feature.app, name="feature", help="See declared figures of batches, and compute them.")
app.add_typer(key_app, name="key", help="Make, list and revoke API keys.")
app.add_typer(samples.app, name="samples", help="See how samples are stored; fold, compact, check, let go.")
app.add_typer(audit.app, name="audit", help="Seal the audit trail, verify and export it; its key.")
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
