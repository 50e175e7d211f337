"""One read-only session with a database: statements are bound, limited in time, and rolled back."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event, exc, literal_column, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from connectors.sql.connection import arguments, limit_calls
from connectors.sql.settings import Query, SqlConfig
from hub.sdk import Misconfigured, Unauthorized, Unavailable

_READ_ONLY: dict[str, tuple[str, ...]] = {
    "postgresql": ("SET TRANSACTION READ ONLY", "SET LOCAL statement_timeout = {ms}"),
    "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION max_execution_time = {ms}"),
    "mariadb": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION max_statement_time = {s}"),
    "oracle": ("SET TRANSACTION READ ONLY",),
    "mssql": ("SET LOCK_TIMEOUT {ms}",),
    "sqlite": ("PRAGMA query_only = ON",),
}
"""What makes a session unable to write, by dialect. SQL Server has nothing of the kind (see README)."""
_REFUSED = (
    "28p01", "28000", "42501", "password authentication", "permission denied", "access denied", "(1045",
    "(1044",
    "(1142", "(1143", "ora-01017", "ora-01031", "ora-00942", "login failed", "18456", "no password supplied",
)  # fmt: skip
"""Codes and words by which drivers say that the login or a right is missing."""


_UNTRUSTED = (
    "certificate",
    "does not support ssl",
    "doesn't support ssl",
    "wrong version number",
    "wrong_version",
)
"""Words by which drivers say that TLS is not spoken, or by nobody who is trusted."""
_IDLE_S = 300
"""A connection as old is made anew: rights, time-outs and addresses change."""


class Source:
    """The database of a configuration."""

    def __init__(self, config: SqlConfig) -> None:
        self._config = config
        self._engine: Engine | None = None

    @property
    def dialect(self) -> str:
        """The dialect of the URL; MariaDB counts as itself once it has answered."""
        return self._open().dialect.name

    def close(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            self._engine.dispose()

    @contextmanager
    def session(self) -> Generator[Connection]:
        """Give a connection that cannot write; whatever goes wrong inside becomes one of our errors."""
        try:
            with self._open().connect() as connection:
                try:
                    yield connection
                finally:
                    connection.rollback()
        except exc.SQLAlchemyError as error:
            raise _translate(error) from error

    def rows(self, statement: Any, values: Mapping[str, Any], size: int) -> Iterator[list[Any]]:
        """Give rows in lists of at most `size`, fetched as they are asked for."""
        with self.session() as connection:
            found = connection.execution_options(stream_results=True, max_row_buffer=size)
            for part in found.execute(statement, values).partitions(size):
                yield list(part)

    def cells(self, statement: Any, values: Mapping[str, Any], size: int) -> Iterator[list[Any]]:
        """Give rows as the driver has them, in lists of at most `size`: of a history there are too many else.

        A list is one question to the server; SQLAlchemy begins with five rows and takes each out of a queue.
        """
        with self.session() as connection:
            reading = connection.execution_options(stream_results=True)
            with reading.execute(statement, values) as found:
                cursor: Any = found.cursor
                first = [tuple(row) for row in found.fetchmany(1)]  # which SQLAlchemy has taken already
                part = [*first, *self._fetch(cursor, size - 1)] if first else []
                while part:
                    yield part
                    part = self._fetch(cursor, size) if len(part) == size else []

    def _fetch(self, cursor: Any, size: int) -> list[Any]:
        dialect: Any = self._open().dialect
        try:
            return list(cursor.fetchmany(size))
        except dialect.dbapi.Error as error:
            instance: Any = cast("Any", exc.DBAPIError).instance
            raise instance(None, None, error, dialect.dbapi.Error, dialect=dialect) from error

    def first(self, statement: Any, values: Mapping[str, Any]) -> Any:
        """Give the first row as a mapping, or None."""
        with self.session() as connection:
            return connection.execute(statement, values).mappings().first()

    def _open(self) -> Engine:
        if self._engine is None:
            try:
                url = make_url(self._config.url)
                if self._config.password is not None:
                    url = url.set(password=self._config.password.get_secret_value())
                self._engine = create_engine(
                    url,
                    poolclass=QueuePool,
                    pool_size=1,  # one reads on from window to window, from page to page
                    max_overflow=-1,
                    pool_pre_ping=True,  # it may have been cut off meanwhile
                    pool_recycle=_IDLE_S,
                    hide_parameters=True,
                    connect_args=arguments(self._config, url),
                )
            except ModuleNotFoundError as error:
                raise Misconfigured(
                    f"the driver of {self._config.url} is not installed: {error.name}",
                    remedy="install its extra: plantwide[postgres], [mariadb], [sqlserver] or [oracle]",
                ) from error
            except exc.ArgumentError as error:
                raise Misconfigured(
                    "`url` is no database URL", remedy="write dialect+driver://user@host/name"
                ) from error
            event.listen(self._engine, "connect", self._limit_calls)
            event.listen(self._engine, "begin", self._lock_out_writes)
        return self._engine

    def _limit_calls(self, connection: Any, _: object) -> None:
        limit_calls(self._open().dialect.name, connection, self._config.timeout_s)

    def _lock_out_writes(self, connection: Connection) -> None:
        """Bind the new transaction's session to reading, before its first statement."""
        dialect: Any = connection.dialect
        name = "mariadb" if getattr(dialect, "is_mariadb", False) else str(dialect.name)
        cursor: Any = connection.connection.cursor()
        limit = {"s": f"{self._config.timeout_s:g}", "ms": str(int(self._config.timeout_s * 1000))}
        for statement in _READ_ONLY.get(name, ()):
            cursor.execute(statement.format(**limit))
        cursor.close()


_literal: Any = literal_column  # its type speaks of a column's Python type, which nobody knows here


def column(name: str) -> Any:
    """Give a column of the written query; its name was checked when the settings were read."""
    return _literal(f"q.{name}")


def of(query: Query) -> Any:
    """Give a SELECT over a written query, so that conditions and an order can be added in any dialect."""
    written = text(query.query).bindparams(**query.parameters).columns().subquery("q")
    return select(_literal("q.*")).select_from(written)


def _translate(error: exc.SQLAlchemyError) -> Exception:
    original = getattr(error, "orig", None)
    said = " ".join(str(original or error).split())[:400]
    code = str(getattr(original, "sqlstate", "") or "")
    if any(word in f"{code} {said}".lower() for word in _REFUSED):
        return Unauthorized(
            f"the database refused: {said}", remedy="check the user, the password and the grants"
        )
    if isinstance(error, exc.OperationalError | exc.InterfaceError | exc.TimeoutError) and not _is_wrong(
        said
    ):
        if any(word in said.lower() for word in _UNTRUSTED):
            return Misconfigured(
                f"the database cannot prove over TLS who it is: {said}",
                remedy="set `verify` to the file of the authorities that sign its certificate, name the host "
                "as the certificate does, or set `verify: false` where the network itself is trusted",
            )
        return Unavailable(
            f"the database does not answer: {said}", remedy="check that it is up and reachable"
        )
    return Misconfigured(
        f"the database cannot run the query: {said}", remedy="correct the query or its columns"
    )


def _is_wrong(said: str) -> bool:
    """Tell a wrong statement from an absent database: some drivers call both operational."""
    return any(word in said.lower() for word in ("no such", "syntax error", "(1054", "(1146", "(1064"))
