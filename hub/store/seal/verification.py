"""Verification: what the trail, the seal and the guards promise is checked, and each breach is named."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DatabaseError

from hub.store.database import Connection, Database
from hub.store.guards import find_broken_guards
from hub.store.seal.findings import Report
from hub.store.seal.history import HeadsFile, check_history, read_heads_file
from hub.store.seal.states import check_states
from hub.store.seal.trail import Unreadable, check_trail, plan_for_batches

_SEALED_TO = "SELECT last_event_id, settled_event_id FROM tree_head ORDER BY id DESC LIMIT 1"


def verify(
    database: Database,
    *,
    heads: Sequence[Path] = (),
    home: Path | None = None,
    trusted: Sequence[str] = (),
) -> Report:
    """Check one moment of a store, in batches; `heads` are files of heads that left it.

    One that lies in `home`, the store's data folder, has not left it. `trusted` are ids of keys that a person
    has compared. Raises `OSError` for a file that cannot be read.
    """
    files = [read_heads_file(file, home=home) for file in heads]
    report: Report | None = None
    try:
        with database.read() as connection:
            report = check_store(connection, files=files, trusted=trusted)
    except DatabaseError as error:  # a damaged file may not even let a reading end
        if report is None:
            raise
        report.add("unreadable", "the store", f"the database says: {error.orig}")
    return report


def check_store(
    connection: Connection, *, files: Sequence[HeadsFile] = (), trusted: Sequence[str] = ()
) -> Report:
    """Check what a reading transaction sees."""
    report = Report()
    plan_for_batches(connection)
    newest: Any = connection.exec_driver_sql(_SEALED_TO).one_or_none() or (0, 0)
    # on PostgreSQL a row with a lower id may still wait for its first head
    sealed_to = newest[0] if connection.dialect.name == "sqlite" else newest[1]
    check_trail(connection, report, sealed_to=sealed_to)
    try:
        check_history(connection, report, files=files, trusted=trusted)
    except Unreadable:
        report.add("unreadable", "the log", "the database cannot read its leaves, nodes, heads or keys")
    check_states(connection, report)
    for fault in find_broken_guards(connection):
        report.add("trigger", fault.partition(" is ")[0], fault)
    return report
