"""Which nodes are alive: on PostgreSQL each holds a lock of its name, and the server lets go when it dies."""

import hashlib
from threading import Lock

from sqlalchemy import Connection, Engine
from sqlalchemy import text as sql
from sqlalchemy.exc import SQLAlchemyError

AGENT = "agent:"
"""How the name of an edge agent begins, before its key and its own name. It has no session here."""
# The lock is shared: it keeps nobody out, it only shows in `pg_locks` that its holder is there.
_HOLD = sql("SELECT pg_advisory_lock_shared(:key)")
_IS_HELD = sql(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND (classid::bigint << 32) | objid::bigint = :key)"
)


class Presence:
    """A session of its own that holds the locks of this process's names; on SQLite there is none to hold."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = Lock()
        self._session: Connection | None = None
        self._names: set[str] = set()

    def show(self, name: str) -> None:
        """Hold the lock of a name from now on; a session that was lost meanwhile is replaced."""
        if self._engine.dialect.name != "postgresql":
            return
        with self._turn:
            if self._session is None or not _answers(self._session):
                self._forget()
                self._session = _connect(self._engine)
            if name not in self._names:
                try:
                    self._session.execute(_HOLD, {"key": _key(name)})
                except SQLAlchemyError:
                    self._forget()
                    raise
                self._names.add(name)

    def end(self) -> None:
        """Let go of all names."""
        with self._turn:
            self._forget()

    def _forget(self) -> None:
        session, self._session = self._session, None
        self._names.clear()
        if session is not None:
            session.close()


def is_gone(connection: Connection, name: str) -> bool:
    """Tell whether no session holds the lock of this name.

    On SQLite nobody can tell, nor of an edge agent anywhere: so never, and the lease must run out.
    """
    if connection.dialect.name != "postgresql" or name.startswith(AGENT):
        return False
    return not connection.scalar(_IS_HELD, {"key": _key(name)})


def _connect(engine: Engine) -> Connection:
    """Give a session outside the pool: a lock outlives its transaction, so it must not go back there."""
    session = engine.connect().execution_options(isolation_level="AUTOCOMMIT", writes=True)
    session.detach()
    session.exec_driver_sql("SET idle_session_timeout = 0")  # it says nothing for hours, and must be let
    return session


def _answers(session: Connection) -> bool:
    try:
        session.exec_driver_sql("SELECT 1")
    except SQLAlchemyError:  # lost, or of no use any more since it was lost
        return False
    return True


def _key(name: str) -> int:
    """Give the 64-bit key of a name's lock."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
