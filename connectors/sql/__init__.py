"""SQL: a database's views come in, read only; rows become documents, wide or long history becomes columns."""

from connectors.sql.connector import Sql
from connectors.sql.settings import SqlConfig

__all__ = ["Sql", "SqlConfig"]
