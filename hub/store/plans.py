"""How an engine is told to plan a statement, where it would take longer to think than to read."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection

from hub.store.past.reading import then_of


@contextmanager
def joined_as_written(connection: Connection) -> Generator[None]:
    """Let PostgreSQL join tables in the order in which the statements inside name them.

    For rows with all that they refer to looked up beside them there is no better order, and of ten tables it
    weighs so many that a batch without a single phase took it five milliseconds
    (https://www.postgresql.org/docs/15/explicit-joins.html). SQLite thinks less. The past is planned as ever:
    it answers nothing that it cannot compile.
    """
    if connection.dialect.name != "postgresql" or then_of(connection) is not None:
        yield
        return
    connection.exec_driver_sql("SET LOCAL join_collapse_limit = 1")
    yield  # an error ends the transaction, and this with it
    connection.exec_driver_sql("SET LOCAL join_collapse_limit TO DEFAULT")
