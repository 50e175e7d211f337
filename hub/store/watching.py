"""Whether anything was written since: a look that costs microseconds, where the database has one."""

import sqlite3
from threading import Lock

from sqlalchemy import Engine


class Watch:
    """Looks at a store. On an SQLite file SQLite itself counts what other connections have committed.

    PostgreSQL has no such count that costs no journey: there `look` gives None, and nothing may be concluded.
    """

    def __init__(self, engine: Engine) -> None:
        file = engine.url.database
        self._file = file if engine.dialect.name == "sqlite" and file and file != ":memory:" else None
        self._connection: sqlite3.Connection | None = None
        self._lock = Lock()

    def look(self) -> int | None:
        """Give a number that stays the same while nothing is written; None when nobody can tell."""
        if self._file is None:
            return None
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = sqlite3.connect(
                        f"file:{self._file}?mode=ro", uri=True, check_same_thread=False, isolation_level=None
                    )
                (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:
                self._connection = None
                return None
            return int(version)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
