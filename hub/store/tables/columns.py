"""From the fields of a record to the columns of its table: one rule for tables, resolution and answers."""

from typing import Any

from sqlalchemy import Boolean, Column

from hub.model.shape import Field
from hub.store.tables.parts import instant, integer, number, reference, text

AMOUNT = ("quantity", "quantity_text", "unit", "source_unit")
RESULT = ("value_num", "value_text", "comparator", "unit", "source_unit")


def golden_columns(field: Field) -> list[Column[Any]]:
    """Give the golden columns of a mastered attribute: one, or value and unit for an amount."""
    match field.kind:
        case "quantity":
            return [number(field.name), text(f"{field.name}_unit", 40)]
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
        case "peer":
            return [
                text(f"{field.name}_key", 300),
                reference(f"{field.name}_id", field.target or ""),
            ]
        case _:
            return [_plain(field)]


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
