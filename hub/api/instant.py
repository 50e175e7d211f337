"""Instants as people and programs write them: RFC 3339 with a zone, never a bare number."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

LONGEST = 40
"""Characters of an instant: a date, a time to the nanosecond and a zone have 35."""


def refuse_number(given: Any) -> Any:
    """Let pass what is written as a date. Pydantic alone takes `3` for three seconds after 1970."""
    if not isinstance(given, str):
        is_number = isinstance(given, int | float)
    else:
        is_number = given[4:5] != "-" or len(given) > LONGEST
    if is_number:
        raise PydanticCustomError(
            "instant_wanted", "Input should be an instant with its zone, such as 2026-03-10T09:00:00Z"
        )
    return given


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(refuse_number),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": LONGEST}),
]
"""An instant that is asked for (RFC 3339, 5.6)."""
