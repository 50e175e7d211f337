"""Options that all commands share, and what they open."""

import getpass
import os
import socket
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO, cast

import structlog
import typer

from hub.ingest.runner import Desk
from hub.ingest.sources import DeliveredSource, Project, Source, load_delivered, load_project
from hub.sdk import ConnectorError
from hub.shift.folder import FolderInUse, locked_folder
from hub.shift.settings import Settings
from hub.store.database import Database, StoreFull, StoreUnreachable
from hub.store.lake.place import LakeFull, LakeUnreachable
from hub.store.roles import NotTheOwner
from hub.store.upgrade import ensure_current, is_current

if TYPE_CHECKING:
    from hub.api.witness import Noting
    from hub.shift.notary import Notary
    from hub.shift.scribe import Scribe
    from hub.store.star.reading import Star

DataOption = Annotated[Path | None, typer.Option("--data", help="folder of the embedded hub's state")]
DatabaseOption = Annotated[str | None, typer.Option("--database", help="PostgreSQL URL instead of --data")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="project folder with sources/*.yaml")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="fills ${name} in the settings: --set name=value")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON document instead of lines")]

_MENDABLE = (ConnectorError, FolderInUse, StoreFull, StoreUnreachable, LakeFull, LakeUnreachable)
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _StandardError:
    """Where the log goes: a line that cannot be written (a full disk, a closed pipe) is lost, work goes on.

    It is looked up at each line: whoever replaces it for a while must not be written to for ever.
    """

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


_STANDARD_ERROR = _StandardError()


def read_settings(**given: Any) -> Settings:
    """Give the settings with these options on top; a wrong one ends the command with a clear message."""
    try:
        settings = Settings(**{k: v for k, v in given.items() if v is not None})
    except ValueError as error:
        fail(f"settings: {error}")
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS.get(settings.log_level, 30)),
        logger_factory=lambda *_: structlog.PrintLogger(cast("TextIO", _STANDARD_ERROR)),
    )
    return settings


def fail(message: str, code: int = 1) -> NoReturn:
    """End the command with a message on standard error."""
    typer.echo(f"plantwide: {message}", err=True)
    raise typer.Exit(code)


def operator() -> str:
    """Give the name under which this person's writes are noted."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container may run under a number that nobody has named
        return f"cli:uid {os.getuid()}"


@contextmanager
def plain_errors(*more: type[Exception]) -> Generator[None]:
    """Turn the errors a person can mend into one line each; anything else keeps its trace."""
    try:
        yield
    except (
        ConnectorError,
        FolderInUse,
        StoreFull,
        StoreUnreachable,
        LakeFull,
        LakeUnreachable,
        *more,
    ) as error:
        fail(str(error))


@contextmanager
def open_store(settings: Settings, *, writes: bool = True, seals: bool = True) -> Generator[Database]:
    """Open the store. A writer migrates it and holds an embedded one; a reader wants one that is there.

    What a writer has written is sealed at its end, unless it does so itself.
    """
    with plain_errors(), ExitStack() as stack:
        if not settings.database and writes:
            stack.enter_context(locked_folder(settings.data))
        elif not settings.database and not (settings.data / "hub.db").exists():
            fail(f"no store in {settings.data}; give --data, or fill one with `plantwide source sync`")
        database = connect(settings)
        stack.callback(database.close)
        if writes:
            with plain_errors(NotTheOwner):
                changed = ensure_current(database)
            for fault in changed:
                typer.echo(f"plantwide: {fault}; that is put right: run `plantwide audit verify`", err=True)
        elif not is_current(database):
            fail("the store does not have the newest shape; run `plantwide db upgrade`")
        yield database
        if writes and seals:
            _seal(settings, database)


def connect(settings: Settings) -> Database:
    """Give the store of the settings, with the place of its cold runs."""
    options = {name: value.get_secret_value() for name, value in settings.samples_options.items()}
    url = settings.database or f"sqlite:///{settings.data / 'hub.db'}"
    return Database(url, samples=settings.samples or settings.data / "samples", samples_options=options)


def make_notary(settings: Settings, database: Database) -> "Notary":
    """Give who seals this store, with the key and the sinks of the settings."""
    from hub.shift.notary import Notary  # only who writes seals

    return Notary.of(settings, database)


def _seal(settings: Settings, database: Database) -> None:
    """Seal what was written; where that cannot be done, it is written all the same, and said."""
    if settings.database and settings.audit_key is None:  # whoever serves or seals is told
        return
    from hub.store.seal.signing import KeyUnusable  # as above

    try:
        make_notary(settings, database).seal()
    except (KeyUnusable, ValueError) as error:
        typer.echo(f"plantwide: the audit trail is not sealed: {error}", err=True)


def name_node() -> str:
    """Name this process by host, number and a token.

    Host and number alone come again: in a container that is started anew every hub is process 1.
    """
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{token_hex(4)}"


def open_noting(settings: Settings, database: Database) -> "tuple[Noting, Scribe] | None":
    """Give what notes reads as the settings want it, and who writes them down; None where none is noted."""
    from datetime import UTC, datetime, timedelta  # only who serves

    from hub.api.products import Policy
    from hub.api.witness import Noting
    from hub.shift.scribe import Scribe
    from hub.store.reads.notebook import Notebook

    with plain_errors(ValueError):
        policy = Policy.of(settings.audit_reads)
    if policy is None:
        return None
    notebook = Notebook()
    days = settings.audit_reads_days
    scribe = Scribe(
        database,
        notebook,
        lambda: datetime.now(UTC),
        node=name_node(),
        about=", ".join(policy.written),
        keep=None if days is None else timedelta(days=days),
    )
    return Noting(policy, notebook), scribe


def make_desk(database: Database, **more: Any) -> Desk:
    """Give a desk for this process; nodes on PostgreSQL tell each other apart by their names."""
    owner = "embedded" if database.dialect == "sqlite" else name_node()
    return Desk(database, owner=owner, operator=operator(), **more)


def is_star_installed() -> bool:
    """Tell whether the extra that reads the star's files is here."""
    return find_spec("duckdb_engine") is not None


def open_star(settings: Settings) -> "Star | None":
    """Give the star's files; None without the extra that reads them."""
    if not is_star_installed():
        return None
    from hub.store.star.reading import Star  # DuckDB is read where there is something to ask it

    return Star(settings.star_folder)


def open_project(settings: Settings, given: Sequence[str] | None) -> Project:
    """Read the project folder, with `--set` values."""
    with plain_errors():
        return load_project(settings.config, _read_values(given))


def open_delivered(settings: Settings, given: Sequence[str] | None) -> tuple[DeliveredSource, ...]:
    """Read what the project folder knows of sources that edge agents read, with `--set` values."""
    with plain_errors():
        return load_delivered(settings.config, _read_values(given))


def _read_values(given: Sequence[str] | None) -> dict[str, str]:
    values: dict[str, str] = {}
    for item in given or ():
        name, sign, value = item.partition("=")
        if not sign:
            fail(f"--set {item}: write name=value")
        values[name] = value
    return values


def pick_sources(project: Project, codes: Sequence[str] | None, *, every: bool) -> list[Source]:
    """Give the named sources, or all."""
    if every or not codes:
        if not every:
            fail(f"name a source or give --all; known: {', '.join(s.code for s in project.sources)}")
        return list(project.sources)
    with plain_errors():
        return [project.source(code) for code in codes]
