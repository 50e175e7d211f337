"""What the names of a filter mean in the tables, and the SQL condition of a whole filter.

Conditions are two-valued, as people read them: a value that is not known is neither equal nor smaller, so
`not (x gt 5)` holds for it, and `x ne 'a'` too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, literal, not_, or_, select, true

from hub.model.mastered import MASTERED
from hub.model.shape import FieldKind, fields_of
from hub.store.answers.grammar import (
    Both,
    Comparison,
    Either,
    FilterError,
    Literal,
    Match,
    Membership,
    Node,
    Not,
)
from hub.store.tables import ENTITY_TABLES, identifier

_FORMS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "text": (str, "'text' in single quotes"),
    "number": (float, "a number"),
    "integer": (float, "a number"),
    "flag": (bool, "true or false"),
    "instant": (datetime, "a time such as 2026-03-01T00:00:00Z"),
    "reference": (str, "'text' in single quotes: any name of the thing"),
}
_COMPARE: dict[str, Callable[[ColumnElement[Any], Any], ColumnElement[bool]]] = {
    "gt": lambda column, value: column > value,
    "ge": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "le": lambda column, value: column <= value,
}


@dataclass(frozen=True)
class Name:
    """A name that a filter may use: its kind, its column and, for a reference, the type of thing."""

    kind: FieldKind
    column: ColumnElement[Any]
    target: str = ""


@cache
def names_of(entity_type: str) -> Mapping[str, Name]:
    """Give the names that filters on a type of thing may use."""
    table = ENTITY_TABLES[entity_type]
    names = {name: Name("text", table.c[name]) for name in ("uid", "code", "description", "lifecycle")}
    names["has_conflict"] = Name("flag", table.c.has_conflict)
    names["recorded_at"] = Name("instant", table.c.recorded_at)
    names["version"] = Name("integer", table.c.version)
    for field in fields_of(MASTERED[entity_type]):
        if field.kind == "reference":
            names[field.name] = Name("reference", table.c[f"{field.name}_id"], field.target or "")
        elif field.kind == "quantity":
            names[field.name] = Name("number", table.c[field.name])
            names[f"{field.name}_unit"] = Name("text", table.c[f"{field.name}_unit"])
        else:
            names[field.name] = Name(field.kind, table.c[field.name])
    return names


def compile_filter(node: Node, names: Mapping[str, Name], *, dialect: str) -> ColumnElement[bool]:
    """Give the SQL condition of a filter.

    Raises `FilterError` for a name that is not among `names` or a literal of the wrong kind.
    """
    match node:
        case Not(part):
            return not_(compile_filter(part, names, dialect=dialect))
        case Both(left, right):
            return and_(
                compile_filter(left, names, dialect=dialect), compile_filter(right, names, dialect=dialect)
            )
        case Either(left, right):
            return or_(
                compile_filter(left, names, dialect=dialect), compile_filter(right, names, dialect=dialect)
            )
        case Comparison():
            return _compare(node, _lookup(node, names), dialect)
        case Membership():
            name = _lookup(node, names)
            equal = [_equal(name, value, node.position) for value in node.literals]
            return or_(false(), *equal)
        case Match():
            return _match(node, _lookup(node, names), dialect)


def _lookup(node: Comparison | Membership | Match, names: Mapping[str, Name]) -> Name:
    found = names.get(node.name)
    if found is None:
        known = ", ".join(sorted(names))
        raise FilterError(f"unknown name {node.name[:60]}; known are {known}", node.position)
    return found


def _compare(node: Comparison, name: Name, dialect: str) -> ColumnElement[bool]:
    if node.operator == "eq":
        return _equal(name, node.literal, node.position)
    if node.operator == "ne":
        return not_(_equal(name, node.literal, node.position))
    if node.literal is None:
        raise FilterError("null can only be compared with eq and ne", node.position)
    if name.kind in ("reference", "flag"):
        raise FilterError("this name can only be compared with eq, ne and in", node.position)
    _check(name, node.literal, node.position)
    column = name.column
    if name.kind == "text" and dialect == "postgresql":
        column = column.collate("C")
    return and_(name.column.is_not(None), _COMPARE[node.operator](column, node.literal))


def _equal(name: Name, value: Literal, position: int) -> ColumnElement[bool]:
    if value is None:
        return name.column.is_(None)
    _check(name, value, position)
    if name.kind == "flag":
        return and_(name.column.is_not(None), name.column.is_(true() if value else false()))
    if name.kind == "reference":
        thing = ENTITY_TABLES[name.target]
        coded = select(thing.c.id).where(thing.c.code == value)
        named = _named(name, identifier.c.label == value)
        return and_(name.column.is_not(None), or_(name.column.in_(coded), name.column.in_(named)))
    return and_(name.column.is_not(None), name.column == value)


def _match(node: Match, name: Name, dialect: str) -> ColumnElement[bool]:
    if name.kind == "text":
        return and_(name.column.is_not(None), _found(node, name.column, dialect))
    if name.kind == "reference":
        thing = ENTITY_TABLES[name.target]
        coded = select(thing.c.id).where(_found(node, thing.c.code, dialect))
        named = _named(name, _found(node, identifier.c.label, dialect))
        return and_(name.column.is_not(None), or_(name.column.in_(coded), name.column.in_(named)))
    raise FilterError(f"{node.function} takes the name of a text", node.position)


def _found(node: Match, column: ColumnElement[Any], dialect: str) -> ColumnElement[bool]:
    # LIKE ignores case on SQLite and treats % and _ as wildcards: positions do neither.
    if node.text == "":
        return true()
    if node.function == "contains":
        position = func.strpos if dialect == "postgresql" else func.instr
        return position(column, node.text) > 0
    size = len(node.text)
    if node.function == "startswith":
        return func.substr(column, 1, size) == node.text
    long_enough = func.length(column) >= size
    return and_(long_enough, func.substr(column, func.length(column) - literal(size - 1)) == node.text)


def _named(name: Name, condition: ColumnElement[bool]) -> Any:
    return select(identifier.c.entity_id).where(identifier.c.entity_type == name.target, condition)


def _check(name: Name, value: Literal, position: int) -> None:
    accepted, form = _FORMS[name.kind]
    if not isinstance(value, accepted):
        raise FilterError(f"this name takes {form}", position)
