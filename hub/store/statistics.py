"""What the planner of the database knows of the tables: taken anew while much is written at once."""

from sqlalchemy import Connection

from hub.store.database import Database


def refresh_statistics(database: Database) -> None:
    """Let PostgreSQL count again; nothing on SQLite, whose plans do not follow counts that were never taken.

    PostgreSQL takes statistics of its own accord once a minute. A table that was empty a moment ago is
    planned for as if it still were: lookups of a first load then walk whole tables and wrong indexes. How
    large tables are is what matters then, so a tenth of PostgreSQL's usual sample of each is looked at.
    """
    if database.dialect != "postgresql":
        return
    with database.begin() as connection:
        connection.exec_driver_sql("SELECT take_statistics()")


def keep_to_indexes(connection: Connection) -> None:
    """Let PostgreSQL find rows by their keys for the rest of this transaction, whatever it knows of tables.

    Who stores a page asks for nothing but rows by key. Of a table that was never counted PostgreSQL believes
    that a hundred keys are half of it, and reads it whole, page after page of a first load, until it has
    counted. The setting ends with the transaction
    (https://www.postgresql.org/docs/current/runtime-config-query.html).
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
