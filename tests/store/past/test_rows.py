"""Every audited table as it was: each column of each row comes out of the trail exactly as it went in."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    Table,
    delete,
    event,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from hub.store.attribution import newest_instant
from hub.store.audited import AUDITED
from hub.store.database import Database
from hub.store.guards import PROTECTED
from hub.store.past.rows import has_bytes
from hub.store.tables.parts import Json, UtcDateTime
from tests.swift import swift

FEW = settings(
    max_examples=max(5, settings().max_examples // 2),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
LOOSE = [
    table
    for table in AUDITED
    if table not in PROTECTED and not has_bytes(table) and table.name != "overtaken_act"
]
"""Tables whose rows change and go; what the hub itself reads to order its acts bears no odd values."""


@pytest.fixture(scope="module")
def store(module_url: str) -> Iterator[Database]:
    """A store without references and checks, so that any value may stand in any column."""
    database = swift(module_url)
    if database.dialect == "sqlite":
        event.listen(database.engine, "connect", _let_pass)
    else:
        with database.begin() as connection:
            _drop_checks(connection)
    yield database
    database.close()


def _let_pass(connection: Any, _record: Any) -> None:
    connection.set_authorizer(None)
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("PRAGMA ignore_check_constraints=ON")


def _drop_checks(connection: Connection) -> None:
    tables = inspect(connection)
    for table in LOOSE:
        found = (*tables.get_foreign_keys(table.name), *tables.get_check_constraints(table.name))
        for name in {str(constraint["name"]) for constraint in found}:
            connection.exec_driver_sql(f'ALTER TABLE "{table.name}" DROP CONSTRAINT "{name}"')


# ------------------------------------------------------------------------------------------ drawing
_CHARACTERS = st.characters(exclude_characters="\x00", exclude_categories=["Cs"])
_NUMBER = st.floats(allow_nan=False, allow_infinity=False)
_LEAF = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _NUMBER | st.text(_CHARACTERS, max_size=8)
_JSON = st.recursive(
    _LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)
Write = tuple[str, int, dict[str, Any]]
"""A verb, which row, and values."""


def value_of(column: Column[Any]) -> st.SearchStrategy[Any]:
    """Draw what a column may hold."""
    kind = column.type
    drawn: st.SearchStrategy[Any]
    if isinstance(kind, Json):
        drawn = _JSON.filter(lambda value: value is not None)
    elif isinstance(kind, UtcDateTime):
        drawn = st.datetimes(timezones=st.just(UTC))
    elif isinstance(kind, Boolean):
        drawn = st.booleans()
    elif isinstance(kind, Float):
        drawn = _NUMBER
    elif isinstance(kind, Integer):
        drawn = st.integers(-(2**63), 2**63 - 1)
    else:
        drawn = st.text(_CHARACTERS, max_size=min(getattr(kind, "length", None) or 20, 20))
    return drawn | st.none() if column.nullable else drawn


@st.composite
def histories(draw: st.DrawFn) -> tuple[Table, list[list[Write]]]:
    """Draw a table and transactions of writes to its rows 1 to 3."""
    table = draw(st.sampled_from(LOOSE))
    columns = [column for column in table.c if not column.primary_key]
    rows: dict[int, st.SearchStrategy[Any]] = {}
    transactions: list[list[Write]] = []
    for _ in range(draw(st.integers(2, 5))):
        some: list[Write] = []
        for _ in range(draw(st.integers(1, 4))):
            row = draw(st.integers(1, 3))
            verb = draw(st.sampled_from(("update", "delete"))) if row in rows else "insert"
            few = st.lists(st.sampled_from(columns), min_size=1, unique=True)
            chosen = {"insert": columns, "delete": [], "update": draw(few)}[verb]
            some.append((verb, row, {column.name: draw(value_of(column)) for column in chosen}))
            if verb == "delete":
                del rows[row]
            else:
                rows[row] = st.nothing()
        transactions.append(some)
    return table, transactions


def write(connection: Connection, table: Table, some: list[Write]) -> None:
    """Write, in savepoints: what breaks a unique key is passed over, and so is what it leaves missing."""
    for verb, row, values in some:
        statement = {
            "insert": insert(table).values(id=row, **values),
            "update": update(table).where(table.c.id == row).values(**values or {"id": row}),
            "delete": delete(table).where(table.c.id == row),
        }[verb]
        try:
            with connection.begin_nested():
                connection.execute(statement)
        except IntegrityError as error:
            if "unique" not in str(error).casefold():
                raise


def look(connection: Connection, table: Table) -> list[list[str]]:
    """Give all rows, read whole, read by key and found by a value, so that the least difference shows."""
    found = select(table).order_by(table.c.id)
    one, other = table.alias(), table.alias()
    joined = (
        select(one.c.id, other).select_from(one.outerjoin(other, other.c.id == one.c.id)).order_by(one.c.id)
    )
    last = list(table.c)[-1]
    sought = found.where(last.in_(select(last).where(table.c.id < 3)))
    return [[repr(tuple(row)) for row in connection.execute(query)] for query in (found, joined, sought)]


def look_back(store: Database, table: Table, then: datetime | None) -> list[list[str]]:
    """Look with the same queries at what was known at an instant."""
    with store.read(as_known_at=then) as connection:
        return look(connection, table)


# -------------------------------------------------------------------------------------------- tests
@FEW
@given(history=histories())
def test_rows_of_every_table_are_read_as_they_were(
    store: Database, history: tuple[Table, list[list[Write]]]
) -> None:
    table, transactions = history
    seen: list[tuple[datetime | None, list[list[str]]]] = []
    with store.begin("test") as connection:
        connection.execute(delete(table))
    for some in transactions:
        with store.begin("test") as connection:
            write(connection, table, some)
        with store.read() as connection:
            seen.append((newest_instant(connection), look(connection, table)))
    for then, rows in seen:
        assert then is None or look_back(store, table, then) == rows


_ODD: dict[type[Any], tuple[Any, ...]] = {
    Json: ({"value": 0.1, "text": None, "of": [1e300, "ä"]}, [None, {"a": {}}], "null", 5e-324, False),
    UtcDateTime: tuple(
        datetime.fromisoformat(t)
        for t in (
            "0001-01-01T00:00:00+00:00",
            "2026-03-29T01:00:00.000001+00:00",
            "9999-12-31T23:59:59.999999Z",
        )
    ),
    Boolean: (True, False),
    Float: (0.1 + 0.2, 5e-324, -1.7976931348623157e308, 1e22, 100.0, 9007199254740993.0),
    Integer: (2**63 - 1, -(2**63), 0),
    object: ("", "ä\u2028\u0001", "\"\\ '%s {0}", "0042", "1e5", "\U0001f9ea", "null"),
}
"""Values at which a text form, a cast or a driver may slip."""


def odd_row(table: Table, number: int) -> dict[str, Any]:
    """Give a row of odd values, other ones for another number."""
    row: dict[str, Any] = {}
    for at, column in enumerate(c for c in table.c if not c.primary_key):
        odd = next(values for kind, values in _ODD.items() if isinstance(column.type, kind))
        length = getattr(column.type, "length", None)
        row[column.name] = odd[(at + number) % len(odd)]
        if isinstance(row[column.name], str) and length:
            row[column.name] = row[column.name][:length]
        if column.nullable and (at + number) % 5 == 0:
            row[column.name] = None
    return row


@pytest.mark.parametrize("table", LOOSE, ids=lambda table: table.name)
def test_a_row_that_was_changed_and_deleted_is_as_it_was_column_by_column(
    store: Database, table: Table
) -> None:
    seen: list[tuple[datetime | None, list[list[str]]]] = []
    with store.begin("test") as connection:
        connection.execute(delete(table))
    steps: list[tuple[str, dict[str, Any]]] = [("insert", odd_row(table, 0))]
    steps += [("update", odd_row(table, number)) for number in range(1, 8)]
    for verb, values in [*steps, ("delete", {})]:
        # a row that was deleted is found on another way than one that is still there
        for then, rows in seen[-2:]:
            assert look_back(store, table, then) == rows
        with store.begin("test") as connection:
            write(connection, table, [(verb, 100, values)])
        with store.read() as connection:
            seen.append((newest_instant(connection), look(connection, table)))
    assert len({str(rows) for _, rows in seen}) > 3
    for then, rows in seen:
        assert look_back(store, table, then) == rows
