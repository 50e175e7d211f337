"""Which rows count unless others are asked for: neither what was merged nor what its source took back."""

from sqlalchemy import ColumnElement, FromClause

from hub.store.questions.collections import Collection
from hub.store.questions.expression import Expression, names_in


def standing(
    collection: Collection, rows: FromClause, condition: Expression | None, *, variable: str | None = None
) -> list[ColumnElement[bool]]:
    """Leave out what was merged or taken back, unless a condition speaks of it.

    Inside a quantifier names of these rows stand behind its `variable`.
    """
    mentioned = set[str]() if condition is None else names_in(condition, variable)
    if collection.family == "thing" and "lifecycle" not in mentioned:
        return [rows.c.lifecycle != "merged"]
    if collection.family == "fact" and "is_retracted" not in mentioned:
        return [rows.c.is_retracted.is_(False)]
    return []
