"""Statements that give no rows are sent ahead: PostgreSQL works on them while Python goes on.

Storing and resolving write large sets and work in between, so that by turns the server waited for Python and
Python for the server. What is sent stands in line, one statement after the other. Whatever comes next on the
connection (a statement that gives rows, a savepoint, the commit) waits for the whole line and raises what
became of it: nothing is committed before every statement of it is known to have succeeded.
"""

from collections import deque
from threading import Thread
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

_SENT = "plantwide.sent"
_WORTH_A_THREAD = 20_000
"""Bytes from which it pays: fifty rows take the server a millisecond or two, starting a thread 0.2 ms."""
_LINE = 32_000_000
"""Bytes that may wait; whoever sends more waits for the oldest of them, so that memory stays bounded."""


class _Sent(Thread):
    """A statement on its way; `error` is what the driver raised, of this one or of one before it in line."""

    def __init__(self, driver: Any, sql: str, rows: str, *, after: "_Sent | None") -> None:
        super().__init__(name="plantwide-sent", daemon=True)
        self.error: BaseException | None = None
        self.sql = sql
        self.size = len(rows)
        self._driver, self._rows, self._after = driver, rows, after

    def run(self) -> None:
        """Execute when all before it are done; when one of them failed, nothing more is tried."""
        before, self._after = self._after, None
        if before is not None:
            before.join()
            if before.error is not None:
                self.error, self.sql = before.error, before.sql
                return
        rows, self._rows = self._rows, ""
        try:
            with self._driver.cursor() as cursor:
                cursor.execute(self.sql, {"rows": rows})
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.error = error


def send(connection: Connection, sql: str, rows: str) -> None:
    """Execute a statement of PostgreSQL whose one parameter is `rows`, without waiting.

    A small one is waited for, unless others stand in line before it.
    """
    line: deque[_Sent] = connection.info.get(_SENT) or deque()
    if not line and len(rows) < _WORTH_A_THREAD:
        connection.exec_driver_sql(sql, {"rows": rows})
        return
    after = line[-1] if line else None  # it knows what became of all before it, also of those let go here
    while line and sum(one.size for one in line) + len(rows) > _LINE:
        line.popleft().join()
    connection.info[_SENT] = line
    line.append(_Sent(connection.connection.driver_connection, sql, rows, after=after))
    line[-1].start()


def wait(connection: Connection) -> None:
    """Wait for all that was sent on this connection; raises what SQLAlchemy would have raised."""
    sent = _end(connection)
    if sent is not None and sent.error is not None:
        raise _wrap(connection, sent) from sent.error


def listen(engine: Engine) -> None:
    """Let connections of a PostgreSQL engine wait for what was sent before anything else happens on them."""
    event.listen(engine, "before_cursor_execute", _before_statement)
    event.listen(engine, "commit", wait)
    event.listen(engine, "rollback", _before_rollback)


def _before_statement(connection: Connection, *_: object) -> None:
    wait(connection)


def _before_rollback(connection: Connection) -> None:
    _end(connection)  # what became of it does not matter any more


def _end(connection: Connection) -> _Sent | None:
    if connection.invalidated:  # the server is gone, and what was sent with it
        return None
    line: deque[_Sent] = connection.info.pop(_SENT, deque())
    for sent in line:
        sent.join()
    return line[-1] if line else None


def _wrap(connection: Connection, sent: _Sent) -> BaseException:
    error = sent.error
    driver = connection.dialect.loaded_dbapi
    if not isinstance(error, driver.Error):
        return error or RuntimeError("the statement was not executed")
    is_lost = connection.dialect.is_disconnect(error, connection.connection.driver_connection, None)
    if is_lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        sent.sql,
        None,
        error,
        driver.Error,
        hide_parameters=True,
        connection_invalidated=is_lost,
        dialect=connection.dialect,
    )
