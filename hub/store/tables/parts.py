"""The parts that all tables are made of: column types, columns and constraints."""

from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine.processors import str_to_datetime

from hub.model import NaiveTimeError

Key = BigInteger().with_variant(Integer, "sqlite")
"""A bigint key: the rowid alias on SQLite, bigint on PostgreSQL."""


PathText = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in byte order, so that ranges of a materialised path and of codes use the index."""


class Json(TypeDecorator[Any]):
    """A JSON value: jsonb on PostgreSQL, text on SQLite.

    SQLite gives a column declared JSON numeric affinity: a stored `25.0` would come back as a number and
    no longer as text.
    """

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Store text on SQLite."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(JSONB())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Give the stored form."""
        return orjson.dumps(value).decode() if dialect.name == "sqlite" and value is not None else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Give what makes a value of what is stored."""
        return _loads if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant: timestamptz on PostgreSQL, fixed-width ISO text on SQLite (sorts as time).

    In DuckDB, over files, it is a UTC time without a zone. A naive time raises `NaiveTimeError`.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Store text on SQLite, which has no time type."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Give the stored form."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise NaiveTimeError(value)
        utc = value if value.tzinfo is UTC else value.astimezone(UTC)
        if dialect.name == "duckdb":
            return utc.replace(tzinfo=None)
        if dialect.name != "sqlite":
            return utc
        return utc.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Give what makes an aware UTC time of what is stored: one call, for every row has some."""
        return _READ.get(dialect.name)


class JsonWords(Json):
    """A JSON value that no query looks into: json on PostgreSQL, which keeps its words as they came."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Store text on SQLite."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(JSON())


def _loads(stored: str | None) -> Any:
    return None if stored is None else orjson.loads(stored)


def _in_utc(told: datetime | None) -> datetime | None:
    return None if told is None else told.replace(tzinfo=UTC)


_READ = {"sqlite": str_to_datetime, "duckdb": _in_utc}
"""PostgreSQL's driver gives UTC by itself, since that is the zone of our sessions."""


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def key_column() -> Column[int]:
    """Give a generated primary key."""
    return Column("id", Key, primary_key=True, autoincrement=True)


def reference(name: str, target: str, *, index: bool = True, nullable: bool = True) -> Column[int]:
    """Give a foreign key column to `target`.id."""
    return Column(name, Key, ForeignKey(f"{target}.id"), index=index, nullable=nullable)


def text(name: str, length: int | None = None, *, nullable: bool = True) -> Column[str]:
    """Give a text column."""
    return Column(name, String(length) if length else Text(), nullable=nullable)


def words(name: str, length: int = 200) -> Column[str]:
    """Give a text column that is empty where nothing is said."""
    return Column(name, String(length), nullable=False, server_default="")


def number(name: str) -> Column[float]:
    """Give a double."""
    return Column(name, Float(53))


def integer(name: str, *, default: int | None = None) -> Column[int]:
    """Give a bigint; never null when it has a default."""
    return Column(
        name, BigInteger(), nullable=default is None, server_default=None if default is None else str(default)
    )


def flag(name: str, *, default: bool = False) -> Column[bool]:
    """Give a boolean column that is never null."""
    return Column(
        name, Boolean(create_constraint=False), nullable=False, server_default="1" if default else "0"
    )


def instant(name: str, *, nullable: bool = True, index: bool = False) -> Column[datetime]:
    """Give a UTC time column."""
    return Column(name, UtcDateTime(), nullable=nullable, index=index)


def one_of(column: str, *values: str) -> CheckConstraint:
    """Allow only these values (or null)."""
    listed = ", ".join(f"'{v}'" for v in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")
