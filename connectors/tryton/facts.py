"""Tryton's spellings: `{"__class__": …}` for dates and decimals, `link.` for a link's fields."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from connectors.tryton.client import Row
from hub.sdk.statements import Name, Statements

_OWN = {"u": "1", "c": "carat", "a": "are"}
"""Symbols that Tryton ships and that are read as something else elsewhere: piece (an atomic mass in UCUM),
carat (degree Celsius), are (year). Carat and are stay unknown until `units` maps them."""


class Facts(Statements):
    """Reads one row's fields."""

    def moment(self, row: Row, field: str) -> datetime | None:
        """Give the instant of a time (UTC) or of a date's first moment (local: `timezone`)."""
        try:
            told = read_time(row.get(field))
        except (TypeError, ValueError, OverflowError) as error:
            self.refuse(field, f"{error}")
            return None
        return self.instant(told, field)

    def amount(self, row: Row) -> Any:
        """Give a row's quantity in its unit (`uom` to version 6)."""
        return self.quantity(read_number(row.get("quantity")), self.unit(row, "unit.", "uom."), "quantity")

    def unit(self, row: Row, *links: str, field: str = "symbol") -> str | None:
        """Give the spelling of a unit."""
        spelled = next((t for link in links if (t := text(linked(row, link).get(field)))), None)
        if spelled is None or spelled in self.connector.config.units:
            return spelled
        return _OWN.get(spelled, spelled)


def read_time(value: Any) -> datetime | None:
    """Give an aware instant for a time, a naive one for a date; None for nothing.

    Raises TypeError or ValueError for anything else.
    """
    if value is None:
        return None
    told = cast("Row", value) if isinstance(value, dict) else {}
    kind = told.get("__class__")
    if kind not in {"date", "datetime"}:
        raise ValueError(f"{value!r} is no date")
    if not {"year", "month", "day"} <= told.keys():
        raise ValueError(f"{value!r} is no whole date")
    return datetime(
        int(told["year"]),
        int(told["month"]),
        int(told["day"]),
        int(told.get("hour", 0)),
        int(told.get("minute", 0)),
        int(told.get("second", 0)),
        int(told.get("microsecond", 0)),
        tzinfo=UTC if kind == "datetime" else None,
    )


def read_number(value: Any) -> Any:
    """Give a number: Tryton writes decimals as objects; None for any other object."""
    if not isinstance(value, dict):
        return value
    told = cast("Row", value)
    return told.get("decimal") if told.get("__class__") == "Decimal" else None


def read_span(value: Any) -> timedelta | None:
    """Give a span of time; None for what is none."""
    told = cast("Row", value) if isinstance(value, dict) else {}
    seconds = told.get("seconds")
    if told.get("__class__") != "timedelta" or not isinstance(seconds, int | float):
        return None
    return timedelta(seconds=float(seconds)) if abs(seconds) < 1e12 else None


def linked(row: Row, link: str) -> Row:
    """Give the fields of a link; none when it is empty."""
    held = row.get(link)
    return cast("Row", held) if isinstance(held, dict) else {}


def name(row: Row, link: str, label: str, *, scheme: str = "") -> Name | None:
    """Give the name of a linked thing: its number, which never changes, matched by what people write."""
    held = linked(row, link)
    own = held.get("id")
    return named(own, text(held.get(label)), scheme) if isinstance(own, int) else None


def named(own: Any, label: str | None, scheme: str = "") -> Name:
    """Give a name by number and label."""
    told: Name = {"value": str(own), **({"match": label[:200]} if label else {})}
    return {"scheme": scheme, **told} if scheme else told


def text(value: Any) -> str | None:
    """Give a text; None for nothing."""
    return str(value).strip() or None if isinstance(value, str | int | float) else None
