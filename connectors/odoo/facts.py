"""Odoo's spellings: [id, "label"] for a link, false for nothing, UTC without an offset."""

import re
from datetime import UTC, datetime
from typing import Any, cast

from connectors.odoo.client import Row
from connectors.odoo.config import OdooConfig
from hub.sdk.statements import Name, Statements

_CODED = re.compile(r"^\[([^\]]{1,120})\] ")
_UNITS = {"Units": "1", "Unit(s)": "1", "Unit": "1"}
"""Units that Odoo ships and the table does not have under their names."""


class Facts(Statements):
    """Reads one row's fields."""

    config: OdooConfig

    def moment(self, row: Row, field: str) -> datetime | None:
        """Give an instant; Odoo writes UTC."""
        try:
            return read_utc(row.get(field))
        except ValueError as error:
            self.refuse(field, error)
            return None

    def unit(self, row: Row, field: str) -> str | None:
        """Give the spelling of a unit, which Odoo lets people change."""
        link = row.get(field)
        spelled = label(link) if isinstance(link, list) else str(link or "")
        own: dict[str, str] = self.connector.config.units
        return spelled if spelled in own else _UNITS.get(spelled, spelled) or None

    def amount(self, row: Row, field: str, *, sign: str = "") -> Any:
        """Give a quantity of a row in its `product_uom_id`."""
        given = row.get(field)
        if given is None or isinstance(given, bool):
            return None
        return self.quantity(f"{sign}{given}", self.unit(row, "product_uom_id"), field)


def read_utc(value: Any) -> datetime | None:
    """Give an instant; None for Odoo's `false`. Raises ValueError for what is no time."""
    if value is None or value is False or value == "":
        return None
    moment = datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def pick(row: Row, *fields: str) -> Any:
    """Give the first field that this version has."""
    return next((row[field] for field in fields if field in row), None)


def number(link: Any) -> int | None:
    """Give the id of a link; None when it is empty."""
    held: Any = (cast("list[Any]", link) or [None])[0] if isinstance(link, list) else link
    return held if isinstance(held, int) and not isinstance(held, bool) else None


def label(link: Any) -> str:
    """Give the label of a link; empty when it is empty."""
    held = cast("list[Any]", link) if isinstance(link, list) else []
    return str(held[1]).strip() if len(held) > 1 else ""


def name(link: Any, scheme: str = "") -> Name | None:
    """Give the name of a linked thing: its number, which never changes, matched by what people write."""
    own = number(link)
    if own is None:
        return None
    return named(own, label(link), scheme)


def named(own: Any, written: str, scheme: str = "") -> Name:
    """Give a name by number and label; of `[CODE] label` the code is what people write elsewhere."""
    coded = _CODED.match(written)
    match = (coded.group(1) if coded else written).strip()[:200]
    told: Name = {"value": str(own), **({"match": match} if match else {})}
    return {"scheme": scheme, **told} if scheme else told


def links(value: Any) -> list[int]:
    """Give the ids of a link to many."""
    return [n for n in cast("list[Any]", value) if isinstance(n, int)] if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """Give a text; None for Odoo's `false`."""
    return str(value).strip() or None if value not in (None, False) else None
