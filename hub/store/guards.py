"""Triggers: append-only rows stay as they were written, and every write of an audited row is noted.

They are derived objects, made anew after every migration: an SQLite batch migration rebuilds a table and
silently drops its triggers.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import JSON, Connection, Inspector, Integer, LargeBinary, inspect

from hub.store.audited import AUDITED
from hub.store.tables import SEAL_TABLES, metadata, read_event, sample_put
from hub.store.tables.spine import APPEND_ONLY
from hub.store.triggers import postgresql, sqlite
from hub.store.triggers.trigger import Kind, Shape, Trigger

_PREFIXES = ("guard_", "audit_")
PROTECTED = (*APPEND_ONLY, *SEAL_TABLES, sample_put, read_event)
"""Tables whose rows the database refuses to change or delete (some: before their time)."""
_PROTECTED_NAMES = frozenset(t.name for t in PROTECTED)
_KINDS: dict[type[Any], Kind] = {Integer: "integer", JSON: "json", LargeBinary: "bytes"}
_LISTED = {
    "sqlite": "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": (
        "SELECT t.tgname, c.relname, pg_get_triggerdef(t.oid, true)"
        " || CASE t.tgenabled WHEN 'A' THEN '' ELSE ' (not enabled always)' END"
        " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
    ),
}
_FUNCTIONS = (
    "SELECT p.proname, p.prosrc, p.prosecdef FROM pg_proc p"
    " WHERE p.pronamespace = current_schema()::regnamespace"
    " AND (starts_with(p.proname, 'note_') OR p.proname IN ('refuse_change', 'take_statistics'))"
)


def install_guards(connection: Connection) -> None:
    """Create the triggers of every protected and audited table that is there."""
    shapes = read_shapes(inspect(connection))
    if connection.dialect.name == "postgresql":
        for function in _write_functions(connection, shapes):
            _execute(connection, function)
    standing = list_guards(connection)
    for trigger in _write_triggers(connection.dialect.name, shapes):
        if trigger.name not in standing:
            _execute(connection, trigger.definition)
            if connection.dialect.name == "postgresql":
                _execute(connection, f"ALTER TABLE {trigger.table} ENABLE ALWAYS TRIGGER {trigger.name}")


def remove_guards(connection: Connection) -> None:
    """Drop the triggers, so that a migration can rebuild the tables."""
    for trigger in _list_triggers(connection):
        on = "" if connection.dialect.name == "sqlite" else f' ON "{trigger.table}"'
        _execute(connection, f'DROP TRIGGER "{trigger.name}"{on}')


def list_guards(connection: Connection) -> set[str]:
    """Give the names of the triggers that are there."""
    return {trigger.name for trigger in _list_triggers(connection)}


def expected_guards(dialect: str) -> set[str]:
    """Give the names of the triggers that must be there."""
    shapes = [Shape(name, (), ()) for name in {t.name for t in (*PROTECTED, *AUDITED)}]
    return {trigger.name for trigger in _write_triggers(dialect, shapes)}


def find_broken_guards(connection: Connection) -> list[str]:
    """Name each trigger and function that is missing, disabled or not what this version makes."""
    shapes = read_shapes(inspect(connection))
    dialect = connection.dialect.name
    there = {trigger.name: trigger for trigger in _list_triggers(connection)}
    wanted = {trigger.name: trigger for trigger in _write_triggers(dialect, shapes)}
    broken = [f"trigger {name} is missing" for name in sorted(wanted.keys() - there.keys())]
    broken += [f"trigger {name} is not one of this version" for name in sorted(there.keys() - wanted.keys())]
    broken += [
        f"trigger {name} is disabled or was changed"
        for name in sorted(wanted.keys() & there.keys())
        if there[name] != wanted[name]
    ]
    return broken + (_find_broken_functions(connection, shapes) if dialect == "postgresql" else [])


def _find_broken_functions(connection: Connection, shapes: Iterable[Shape]) -> list[str]:
    rows = connection.exec_driver_sql(_FUNCTIONS, execution_options=_PLAIN)
    there = {name: (body, definer) for name, body, definer in rows}
    broken: list[str] = []
    for text in _write_functions(connection, shapes):
        name = text.removeprefix("CREATE OR REPLACE FUNCTION ").partition("(")[0]
        wanted = (text.split("$$")[1], "SECURITY DEFINER" in text)
        if there.get(name) != wanted:
            broken.append(f"function {name} {'was changed' if name in there else 'is missing'}")
    return broken


def read_shapes(tables: Inspector) -> list[Shape]:
    """Give the shapes of the protected and audited tables that are there."""
    there = set(tables.get_table_names())
    names = list(dict.fromkeys(t.name for t in (*PROTECTED, *AUDITED) if t.name in there))
    return _read_shapes(tables, names)


def read_shape(tables: Inspector, name: str) -> Shape:
    """Give a table as it is in the database; its keys only where rows must stay as they are."""
    return _read_shapes(tables, [name])[0]


def _read_shapes(tables: Inspector, names: Sequence[str]) -> list[Shape]:
    guarded = [name for name in names if name in _PROTECTED_NAMES]
    columns = tables.get_multi_columns(filter_names=names)
    primary = tables.get_multi_pk_constraint(filter_names=guarded) if guarded else {}
    unique = tables.get_multi_unique_constraints(filter_names=guarded) if guarded else {}
    shapes: list[Shape] = []
    for name in names:
        place = (None, name)
        keys = [primary[place]["constrained_columns"]] if place in primary else []
        keys += [u["column_names"] for u in unique.get(place, ())]
        told: list[tuple[str, Kind]] = [(c["name"], _kind(c["type"])) for c in columns[place]]
        shapes.append(Shape(name, tuple(told), tuple(tuple(key) for key in keys)))
    return shapes


def _kind(given: Any) -> Kind:
    for known, kind in _KINDS.items():
        if isinstance(given, known):
            return kind
    return "other"


def _write_functions(connection: Connection, shapes: Iterable[Shape]) -> Iterator[str]:
    """Give the functions that the triggers of PostgreSQL call."""
    schema = str(connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar())
    yield postgresql.REFUSE
    there = set(inspect(connection).get_table_names())
    yield postgresql.write_statistics(sorted(there & set(metadata.tables)), schema)
    audited = {t.name for t in AUDITED}
    for shape in shapes:
        if shape.name in audited:
            yield postgresql.write_function(shape, schema, has_heads="tree_head" in there)


def _write_triggers(dialect: str, shapes: Iterable[Shape]) -> Iterator[Trigger]:
    maker = sqlite if dialect == "sqlite" else postgresql
    audited = {t.name for t in AUDITED}
    for shape in shapes:
        if shape.name in _PROTECTED_NAMES:
            yield from maker.write_guards(shape)
        if shape.name in audited:
            yield from maker.write_audits(shape)


def _list_triggers(connection: Connection) -> list[Trigger]:
    rows = connection.exec_driver_sql(_LISTED[connection.dialect.name], execution_options=_PLAIN)
    return [Trigger(*row) for row in rows if row[0].startswith(_PREFIXES)]


_PLAIN = {"no_parameters": True}
"""Without parameters no driver gives a percent sign a meaning."""


def _execute(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement, execution_options=_PLAIN)
