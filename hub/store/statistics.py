"""What the planner of the database knows of the tables: taken anew while much is written at once."""

from hub.store.database import Database


def note_growth(database: Database, *, records: int) -> None:
    """Take statistics each time that what this process stored has doubled; call it outside a transaction."""
    if records and database.growth.add(records):
        refresh_statistics(database)


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
