"""From the fields of a record to the columns of its table: one rule for tables, resolution and answers."""

from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column

from hub.model import Record
from hub.model.enums import OTHER
from hub.model.shape import Field, fields_of
from hub.store.tables.parts import instant, integer, number, one_of, reference, text

AMOUNT = ("quantity", "quantity_text", "unit", "source_unit")
RESULT = ("value_num", "value_text", "comparator", "unit", "source_unit")


def golden_columns(field: Field) -> list[Column[Any]]:
    """Give the golden columns of a mastered attribute: one, or those of an amount or of an open list."""
    match field.kind:
        case "quantity":
            return [
                number(field.name),
                text(f"{field.name}_unit", 40),
                text(f"{field.name}_text"),
                text(f"{field.name}_source_unit", 60),
            ]
        case "choice":
            return _choice(field)
        case "reference":
            return [reference(f"{field.name}_id", field.target or "")]
        case _:
            return [_plain(field)]


def observed_columns(field: Field) -> list[Column[Any]]:
    """Give the columns of an observed field; references keep the name as reported beside the resolved id."""
    match field.kind:
        case "quantity":
            return [number(AMOUNT[0]), text(AMOUNT[1]), text(AMOUNT[2], 40), text(AMOUNT[3], 60)]
        case "measurement":
            return [
                number(RESULT[0]),
                text(RESULT[1]),
                text(RESULT[2], 2),
                text(RESULT[3], 40),
                text(RESULT[4], 60),
            ]
        case "reference":
            return [
                reference(f"{field.name}_id", field.target or ""),
                reference(f"{field.name}_identifier_id", "identifier"),
            ]
        case "choice":
            return _choice(field)
        case "peer":
            return [
                text(f"{field.name}_key", 300),
                reference(f"{field.name}_id", field.target or ""),
            ]
        case _:
            return [_plain(field)]


def value_checks(kind: type[Record]) -> list[CheckConstraint]:
    """Give the constraints that hold a record's listed values to their lists."""
    checks: list[CheckConstraint] = []
    for field in fields_of(kind):
        if field.kind == "choice":
            checks.append(one_of(field.name, *field.values, OTHER))
        elif field.values:
            checks.append(one_of(field.name, *field.values))
    return checks


def _choice(field: Field) -> list[Column[Any]]:
    """Give the value on the list, and beside `Other` what was written."""
    return [text(field.name), text(f"{field.name}_text")]


def _plain(field: Field) -> Column[Any]:
    match field.kind:
        case "number":
            return number(field.name)
        case "integer":
            return integer(field.name)
        case "flag":
            return Column(field.name, Boolean(create_constraint=False))
        case "instant":
            return instant(field.name)
        case _:
            return text(field.name)
