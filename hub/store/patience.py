"""How long a statement of a read may work: what takes longer is ended by the database itself.

A stream has this time for each of its parts, so that a slow reader is not ended with a slow question.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from sqlalchemy import Connection

_OPTION = "read_seconds"
_STEPS_A_SECOND = 100_000
"""Steps of SQLite's machine after which it looks at the clock, for each second that it has: it makes some
hundred times as many, so a look costs nothing, and is late by less than a hundredth of the time."""
_CANCELLED = "57014"
"""PostgreSQL's SQLSTATE of a statement that was ended."""


class TookTooLong(Exception):
    """The database worked on it for as long as it may for a read; ask for less at once, or for a job."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"the database worked on this for {seconds:g} s, as long as it may (setting `read_seconds`)"
        )
        self.seconds = seconds


class Patient(sqlite3.Connection):
    """A connection of SQLite whose statements end when they have worked for so long."""

    seconds: float | None = None
    deadline = 0.0

    def cursor(self, factory: Any = None) -> sqlite3.Cursor:
        """Give a cursor that has its time from each statement on, and from each part of a stream."""
        return super().cursor(factory or _Cursor)

    def allow(self, seconds: float | None) -> None:
        """Let each statement from now on work for so long; for ever with None."""
        self.seconds = seconds
        steps = max(1, int((seconds or 0.0) * _STEPS_A_SECOND))
        self.set_progress_handler(None if seconds is None else self._is_late, steps)

    def begin(self) -> None:
        """Begin the time of a statement."""
        if self.seconds is not None:
            self.deadline = monotonic() + self.seconds

    def _is_late(self) -> bool:
        return monotonic() > self.deadline


class _Cursor(sqlite3.Cursor):
    def execute(self, *asked: Any) -> "_Cursor":
        self._begin()
        return super().execute(*asked)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        self._begin()
        return super().fetchmany(self.arraysize if size is None else size)

    def _begin(self) -> None:
        driver: Any = self.connection
        driver.begin()


def options_of(seconds: float | None) -> dict[str, Any]:
    """Give what a connection is told of it before it begins."""
    return {} if seconds is None else {_OPTION: seconds}


@contextmanager
def allowed(connection: Connection) -> Generator[None]:
    """Let each statement work for as long as a connection's options say; PostgreSQL is told at the start."""
    seconds = connection.get_execution_options().get(_OPTION)
    driver = connection.connection.dbapi_connection
    if seconds is None or not isinstance(driver, Patient):
        yield
        return
    driver.allow(seconds)
    try:
        yield
    finally:
        driver.allow(None)


def write_limit(connection: Connection) -> str:
    """Give the statement by which PostgreSQL learns it for a transaction; empty where nothing is said."""
    seconds = connection.get_execution_options().get(_OPTION)
    return "" if seconds is None else f"; SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}"


def was_ended(error: BaseException | None) -> bool:
    """Tell whether an error of a driver says that a statement was ended for its time."""
    name = getattr(error, "sqlite_errorname", "")
    return name == "SQLITE_INTERRUPT" or getattr(error, "sqlstate", "") == _CANCELLED
