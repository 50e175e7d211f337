"""The command tree; a verb's module is read when the verb is asked for: none waits for the others."""

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_group


class Verb(NamedTuple):
    """Where a command is: a module of this room, and in it a function or, with help, a group."""

    module: str
    name: str = "app"
    help: str | None = None


VERBS = {
    "demo": Verb("demo", "demo"),
    "init": Verb("project", "init"),
    "serve": Verb("serving", "serve"),
    "agent": Verb("agent", "agent"),
    "openapi": Verb("serving", "openapi"),
    "mcp": Verb("mcp", "mcp"),
    "doctor": Verb("doctor", "doctor"),
    "source": Verb("source", help="List, check, discover, sync and back-fill sources."),
    "tags": Verb("tags", help="Check the tag map of a source and the quality of its samples."),
    "connector": Verb("connector", help="List installed connectors; begin a new one."),
    "quarantine": Verb("quarantine", help="See what could not be read, and read it again."),
    "batch": Verb("batch", help="Give batches as documents that other systems read."),
    "conflict": Verb("conflict", help="See where sources disagree, and settle it."),
    "link": Verb("link", help="See which names are or may be one thing, and decide."),
    "rule": Verb("rule", help="See and set whose word counts."),
    "kpi": Verb("kpi", help="See key figures, their formulas, and keep them for BI tools."),
    "star": Verb("star", help="Keep the star as Parquet files, for BI tools and quick answers."),
    "feature": Verb("feature", help="See declared figures of batches, and compute them."),
    "key": Verb("key", help="Make, list and revoke API keys."),
    "samples": Verb("samples", help="See how samples are stored; fold, compact, check, let go, note, erase."),
    "audit": Verb("audit", help="Seal the audit trail, verify and export it; its key."),
    "db": Verb("database", help="Migrate, dump and rebuild the store."),
}


class Verbs(TyperGroup):
    """A group that reads only the module of the verb that was asked for; help reads them all."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All verbs, in the order of the table."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, or None: then all are read, for Typer to find what may be meant."""
        if cmd_name not in VERBS:
            for name in VERBS:
                self.get_command(ctx, name)
            return None
        if cmd_name not in self.commands:
            verb = VERBS[cmd_name]
            found = getattr(import_module(f"hub.cli.{verb.module}"), verb.name)
            holder = typer.Typer()
            if verb.help is None:
                holder.command(cmd_name)(found)
            else:
                holder.add_typer(found, name=cmd_name, help=verb.help)
            self.commands[cmd_name] = get_group(holder).commands[cmd_name]
        return self.commands[cmd_name]


app = typer.Typer(
    name="plantwide",
    cls=Verbs,
    help="One ISA-88/ISA-95 view of what MES, LIMS, ERP and historian systems say.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


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
