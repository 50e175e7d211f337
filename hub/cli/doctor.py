"""`plantwide doctor`: whether this machine and this store are fit, and what to do where they are not."""

import shutil
import sqlite3
import sys
from collections.abc import Iterator

import typer

from hub.cli.opening import DatabaseOption, DataOption, connect, read_settings
from hub.ingest.registry import list_connectors, load_connector
from hub.sdk import ConnectorError
from hub.shift.settings import Settings
from hub.store.database import Database
from hub.store.guards import find_broken_guards
from hub.store.lake.survey import survey
from hub.store.upgrade import is_current

_FREE_BYTES = 1 << 30
_HOT_ROWS = 20_000_000
"""More samples in frames than this: nobody folds, and reading becomes slow."""
Finding = tuple[bool, str]


def doctor(data: DataOption = None, database: DatabaseOption = None) -> None:
    """Check Python, SQLite, disk, store and connectors; ends with 1 when something is wrong."""
    settings = read_settings(data=data, database=database)
    findings = [*_machine(settings), *_store(settings), *_connectors()]
    for good, told in findings:
        typer.echo(f"{'ok   ' if good else 'WRONG'}  {told}")
    if not all(good for good, _ in findings):
        raise typer.Exit(1)


def _machine(settings: Settings) -> Iterator[Finding]:
    yield sys.version_info >= (3, 11), f"Python {sys.version.split()[0]} (3.11 or newer)"
    yield sqlite3.sqlite_version_info >= (3, 35), f"SQLite {sqlite3.sqlite_version} (3.35 or newer)"
    where = settings.data if settings.data.exists() else settings.data.absolute().parent
    free = shutil.disk_usage(where if where.exists() else ".").free
    yield free > _FREE_BYTES, f"{free / 1e9:.1f} GB free for {settings.data} (1 GB or more)"


def _store(settings: Settings) -> Iterator[Finding]:
    if not settings.database and not (settings.data / "hub.db").exists():
        yield True, f"no store yet in {settings.data}; the first command that writes makes it"
        return
    store = connect(settings)
    try:
        current = is_current(store)
        yield current, "the store has the newest shape" if current else "run `plantwide db upgrade`"
        with store.read() as connection:
            broken = find_broken_guards(connection)
        yield (
            not broken,
            "append-only triggers are in place, and no others"
            if not broken
            else f"{'; '.join(broken)}; run `plantwide audit verify`, then `plantwide db upgrade`",
        )
        if current:
            yield from _samples(store)
    except Exception as error:  # noqa: BLE001 - a diagnosis reports whatever it finds
        yield False, f"the store cannot be opened: {error}"
    finally:
        store.close()


def _samples(store: Database) -> Iterator[Finding]:
    """Tell whether samples are folded, and their cold runs can be read."""
    held = survey(store)
    place = f"{held.place or 'no place'}"
    yield True, f"cold runs of samples in {place}: {held.cold:,} samples in {held.runs:,} runs"
    if held.free_bytes is not None:
        free = held.free_bytes
        yield free > _FREE_BYTES, f"{free / 1e9:.1f} GB free for cold runs of samples (1 GB or more)"
    behind = held.hot > _HOT_ROWS
    remedy = "; run `plantwide samples fold`, or keep a hub serving, which folds by itself" if behind else ""
    yield not behind, f"{held.hot:,} samples wait in frames{remedy}"
    if held.last_error:
        yield False, f"the last fold failed: {held.last_error}"


def _connectors() -> Iterator[Finding]:
    for name in list_connectors():
        try:
            found = load_connector(name)
        except ConnectorError as error:
            yield False, f"connector {name}: {error}"
        else:
            yield True, f"connector {name} {found.version}"
