"""Options that all commands share, and what they open."""

import os
import socket
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import structlog
import typer

from hub.ingest.runner import Desk
from hub.ingest.sources import Project, Source, load_project
from hub.sdk import ConnectorError
from hub.shift.folder import FolderInUse, locked_folder
from hub.shift.settings import Settings
from hub.store.database import Database, StoreFull, StoreUnreachable
from hub.store.upgrade import is_current, upgrade

DataOption = Annotated[Path | None, typer.Option("--data", help="folder of the embedded hub's state")]
DatabaseOption = Annotated[str | None, typer.Option("--database", help="PostgreSQL URL instead of --data")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="project folder with sources/*.yaml")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="fills ${name} in the settings: --set name=value")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON document instead of lines")]

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def read_settings(**given: Any) -> Settings:
    """Give the settings with these options on top; a wrong one ends the command with a clear message."""
    try:
        settings = Settings(**{k: v for k, v in given.items() if v is not None})
    except ValueError as error:
        fail(f"settings: {error}")
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS.get(settings.log_level, 30)),
        # Asked for at each line: whoever replaces standard error for a while must not be written to for ever.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    return settings


def fail(message: str, code: int = 1) -> NoReturn:
    """End the command with a message on standard error."""
    typer.echo(f"plantwide: {message}", err=True)
    raise typer.Exit(code)


@contextmanager
def plain_errors(*more: type[Exception]) -> Generator[None]:
    """Turn the errors a person can mend into one line each; anything else keeps its trace."""
    try:
        yield
    except (ConnectorError, FolderInUse, StoreFull, StoreUnreachable, *more) as error:
        fail(str(error))


@contextmanager
def open_store(settings: Settings, *, writes: bool = True) -> Generator[Database]:
    """Open the store. A writer migrates it and holds an embedded one; a reader wants one that is there."""
    with plain_errors(), ExitStack() as stack:
        if settings.database:
            database = Database(settings.database)
        elif writes:
            database = Database.embedded(stack.enter_context(locked_folder(settings.data)))
        elif (settings.data / "hub.db").exists():
            database = Database.embedded(settings.data)
        else:
            fail(f"no store in {settings.data}; give --data, or fill one with `plantwide source sync`")
        stack.callback(database.close)
        if writes:
            upgrade(database)
        elif not is_current(database):
            fail("the store does not have the newest shape; run `plantwide db upgrade`")
        yield database


def make_desk(database: Database, **more: Any) -> Desk:
    """Give a desk for this process; nodes on PostgreSQL tell each other apart by host and process."""
    owner = "embedded" if database.dialect == "sqlite" else f"{socket.gethostname()}:{os.getpid()}"
    return Desk(database, owner=owner, **more)


def open_project(settings: Settings, given: Sequence[str] | None) -> Project:
    """Read the project folder, with `--set` values."""
    values: dict[str, str] = {}
    for item in given or ():
        name, sign, value = item.partition("=")
        if not sign:
            fail(f"--set {item}: write name=value")
        values[name] = value
    with plain_errors():
        return load_project(settings.config, values)


def pick_sources(project: Project, codes: Sequence[str] | None, *, every: bool) -> list[Source]:
    """Give the named sources, or all."""
    if every or not codes:
        if not every:
            fail(f"name a source or give --all; known: {', '.join(s.code for s in project.sources)}")
        return list(project.sources)
    with plain_errors():
        return [project.source(code) for code in codes]
