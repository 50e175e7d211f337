"""Statements that give no rows are sent ahead: PostgreSQL works on one while Python goes on to the next.

Storing and resolving write large sets and work in between, so that by turns the server waited for Python and
Python for the server. Whatever comes next on the connection (a statement, a savepoint, the commit) waits for
what was sent and raises what became of it: nothing is committed before every statement of it is known to
have succeeded.
"""

from collections.abc import Mapping
from threading import Thread
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

_SENT = "plantwide.sent"
_WORTH_A_THREAD = 20_000
"""Bytes from which it pays: fifty rows take the server a millisecond or two, starting a thread 0.2 ms."""


class _Sent(Thread):
    """A statement on its way; `error` is what the driver raised, if anything."""

    def __init__(self, driver: Any, sql: str, values: Mapping[str, str]) -> None:
        super().__init__(name="plantwide-sent", daemon=True)
        self.error: BaseException | None = None
        self.sql = sql
        self._driver, self._values = driver, values

    def run(self) -> None:
        """Execute; the driver lets one statement at a time onto a connection."""
        try:
            with self._driver.cursor() as cursor:
                cursor.execute(self.sql, self._values)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.error = error


def send(connection: Connection, sql: str, rows: str) -> None:
    """Execute a statement of PostgreSQL whose one parameter is `rows`, without waiting when it is large."""
    if len(rows) < _WORTH_A_THREAD:
        connection.exec_driver_sql(sql, {"rows": rows})
        return
    wait(connection)
    sent = _Sent(connection.connection.driver_connection, sql, {"rows": rows})
    connection.info[_SENT] = sent
    sent.start()


def wait(connection: Connection) -> None:
    """Wait for what was sent on this connection; raises what SQLAlchemy would have, had it been executed."""
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
    sent: _Sent | None = connection.info.pop(_SENT, None)
    if sent is not None:
        sent.join()
    return sent


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
