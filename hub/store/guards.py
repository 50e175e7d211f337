"""Triggers: append-only rows stay as they were written, and every write of an audited row is noted.

No others may stand beside them: what a stranger's trigger writes is noted under the name of who set it off.

They are derived objects, made anew after every migration: an SQLite batch migration rebuilds a table and
silently drops its triggers.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import JSON, Connection, Inspector, Integer, LargeBinary, inspect

from hub.store.audited import AUDITED
from hub.store.tables import SEAL_TABLES, metadata, read_event, sample_put
from hub.store.tables.spine import APPEND_ONLY
from hub.store.triggers import postgresql, sqlite
from hub.store.triggers.trigger import Function, Kind, Shape, Trigger

PROTECTED = (*APPEND_ONLY, *SEAL_TABLES, sample_put, read_event)
"""Tables whose rows the database refuses to change or delete (some: before their time)."""
_PROTECTED_NAMES = frozenset(t.name for t in PROTECTED)
_KINDS: dict[type[Any], Kind] = {Integer: "integer", JSON: "json", LargeBinary: "bytes"}
# A write can go on to tables that refer to the written one, or inherit from it, in whichever schema. What the
# engine itself makes for references is internal; whoever owns the catalogue may call anything so.
_LISTED = {
    "sqlite": "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": """
WITH RECURSIVE reached(id) AS (
  SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace
  UNION SELECT e.under FROM reached JOIN (
    SELECT conrelid AS under, confrelid AS above FROM pg_constraint WHERE contype = 'f'
    UNION ALL SELECT inhrelid, inhparent FROM pg_inherits
  ) e ON e.above = reached.id
)
SELECT t.tgname, t.tgrelid::regclass::text,
  pg_get_triggerdef(t.oid, true) || CASE t.tgenabled WHEN 'A' THEN '' ELSE ' (not enabled always)' END
FROM pg_trigger t JOIN reached r ON r.id = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal OR p.pronamespace <> 'pg_catalog'::regnamespace
UNION ALL SELECT w.rulename, w.ev_class::regclass::text, pg_get_ruledef(w.oid)
FROM pg_rewrite w JOIN reached r ON r.id = w.ev_class WHERE w.ev_type <> '1'""",
}
"""Triggers, and rules except those that views are made of."""
_FUNCTIONS = """
SELECT p.proname, p.prosrc, p.prosecdef, p.proconfig, p.prorettype::regtype::text, l.lanname
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = current_schema()::regnamespace AND p.pronargs = 0"""
_MADE_BY_US = ("guard_", "audit_")
_TOLD = 300
"""How much of a planted trigger's text a fault tells: where it is put away, nothing else will."""


def install_guards(connection: Connection) -> None:
    """Create the triggers of every protected and audited table that is there."""
    shapes = read_shapes(inspect(connection))
    if connection.dialect.name == "postgresql":
        for function in _write_functions(connection, shapes):
            _execute(connection, postgresql.define(function))
    standing = {trigger.place for trigger in _list_triggers(connection)}
    for trigger in _write_triggers(connection.dialect.name, shapes):
        if trigger.place not in standing:
            _execute(connection, trigger.definition)
            if connection.dialect.name == "postgresql":
                _execute(connection, f"ALTER TABLE {trigger.table} ENABLE ALWAYS TRIGGER {trigger.name}")


def remove_guards(connection: Connection) -> None:
    """Drop the triggers, so that a migration can rebuild the tables; and whatever else acts upon a write."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    for trigger in _list_triggers(connection):
        on = "" if connection.dialect.name == "sqlite" else f" ON {trigger.table}"
        _execute(connection, f"DROP {trigger.kind} IF EXISTS {quote(trigger.name)}{on}")


def find_broken_guards(connection: Connection) -> list[str]:
    """Name each trigger and function that is missing, disabled or not what this version makes.

    So is any other trigger or rule that the hub's own writes can reach: it would write under the hub's name.
    """
    shapes = read_shapes(inspect(connection))
    dialect = connection.dialect.name
    there = sorted(_list_triggers(connection), key=lambda trigger: trigger.place)
    wanted = {trigger.place: trigger for trigger in _write_triggers(dialect, shapes)}
    missing = wanted.keys() - {trigger.place for trigger in there}
    broken = [f"trigger {name} is missing" for name in sorted(name for _, name in missing)]
    broken += [_tell_planted(trigger) for trigger in there if trigger.place not in wanted]
    broken += [
        f"trigger {trigger.name} is disabled or was changed"
        for trigger in there
        if trigger != wanted.get(trigger.place, trigger)
    ]
    return broken + (_find_broken_functions(connection, shapes) if dialect == "postgresql" else [])


def find_planted(connection: Connection) -> list[str]:
    """Name each trigger and rule that no version of the hub has made."""
    there = sorted(_list_triggers(connection), key=lambda trigger: trigger.place)
    return [_tell_planted(trigger) for trigger in there if not trigger.name.startswith(_MADE_BY_US)]


def _tell_planted(trigger: Trigger) -> str:
    text = " ".join(trigger.definition.split())
    told = text if len(text) <= _TOLD else f"{text[:_TOLD]}…"
    return f"{trigger.kind} {trigger.name} is not one of this version, on {trigger.table}: {told}"


def _find_broken_functions(connection: Connection, shapes: Iterable[Shape]) -> list[str]:
    rows = connection.exec_driver_sql(_FUNCTIONS, execution_options=_PLAIN)
    there = {
        name: Function(name, body, is_definer, tuple(sorted(settings or ())), returns, language)
        for name, body, is_definer, settings, returns, language in rows
    }
    return [
        f"function {wanted.name} {'was changed' if wanted.name in there else 'is missing'}"
        for wanted in _write_functions(connection, shapes)
        if there.get(wanted.name) != wanted
    ]


def read_shapes(tables: Inspector) -> list[Shape]:
    """Give the shapes of the protected and audited tables that are there; keys only where rows must stay."""
    there = set(tables.get_table_names())
    names = list(dict.fromkeys(t.name for t in (*PROTECTED, *AUDITED) if t.name in there))
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


def _write_functions(connection: Connection, shapes: Iterable[Shape]) -> Iterator[Function]:
    """Give the functions that the triggers of PostgreSQL call."""
    schema = str(connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar())
    yield postgresql.write_refusal()
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
    return [Trigger(*row) for row in rows]


_PLAIN = {"no_parameters": True}
"""Without parameters no driver gives a percent sign a meaning."""


def _execute(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement, execution_options=_PLAIN)
