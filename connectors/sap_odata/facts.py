"""Typed reading of one row; what cannot be read is noted by field name, the rest goes on."""

from datetime import datetime, timedelta
from typing import Any, cast

from connectors.sap_odata.client import Row
from connectors.sap_odata.config import SapConfig
from connectors.sap_odata.values import external, read_date, read_duration
from hub.model import Quantity, UnknownUnitError, find_unit, parse_instant
from hub.sdk import Connector
from hub.sdk.statements import Name, Statements


class Facts(Statements):
    """Reads one document's rows, with dates apart from their times and units in two spellings."""

    def __init__(self, connector: Connector[SapConfig], where: str) -> None:
        super().__init__(connector, where)
        self.config = connector.config
        self._system_zone = self.config.system_timezone or self.config.timezone

    def moment(
        self, row: Row, field: str, time_field: str = "", *, by_system: bool = False
    ) -> datetime | None:
        """Give the instant of a date with its time of day, local to the plant (or the system)."""
        try:
            moment = read_date(row.get(field))
            if moment is None:
                return None
            moment += read_duration(row.get(time_field)) if time_field else timedelta()
            zone = self._system_zone if by_system else self.config.zone
            return parse_instant(moment, zone, ambiguous=self.config.ambiguous)
        except (ValueError, OverflowError) as error:
            self.refuse(field, error if isinstance(error, ValueError) else ValueError(str(error)))
            return None

    def amount(self, row: Row, field: str, unit_field: str, *, sign: str = "") -> Quantity | None:
        """Give an amount with its unit by ISO code where SAP sends one; a fault is noted and gives None."""
        amount = str(row.get(field) or "").strip()
        return self.quantity(sign + amount, self.unit(row, unit_field), field) if amount else None

    def unit(self, row: Row, field: str) -> str | None:
        """Give the spelling of a unit: mapped in `units`, else the ISO code, else SAP's own."""
        own = str(row.get(field) or "").strip()
        iso = str(row.get(f"{field}ISOCode") or "").strip()
        if not iso or own in self.config.units:
            return own or None
        try:
            return iso if find_unit(iso) else None
        except UnknownUnitError:
            return own or iso

    def lot(self, material: Any, plant: Any, batch: Any) -> Name | None:
        """Give the name of a lot: `material|plant|batch`, as far as it takes to be unique."""
        number = str(batch or "").strip()
        if not number:
            return None
        level = self.config.lot_level
        place = str(plant or "").strip() if level == "plant" else ""
        product = external(material) if level != "client" else ""
        return {"scheme": "lot", "value": f"{product}|{place}|{number}", "match": number}


def linked(row: Row, field: str) -> list[Row]:
    """Give the rows under an expanded link; none when it was not expanded."""
    held = row.get(field)
    if isinstance(held, dict):
        held = cast("Row", held).get("results")
    return (
        [cast("Row", r) for r in cast("list[Any]", held) if isinstance(r, dict)]
        if isinstance(held, list)
        else []
    )


def plain(value: Any) -> Name | None:
    """Give a name in SAP's own numbering, in external form."""
    text = external(value)
    return {"value": text} if text else None


def named(scheme: str, value: Any) -> Name | None:
    """Give a name in a scheme of SAP's own."""
    text = external(value)
    return {"scheme": scheme, "value": text} if text else None
