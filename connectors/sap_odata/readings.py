"""What each stream asks for: entity set, keys, links, and the stamps by which changes are found."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Literal

from connectors.sap_odata.client import Row
from connectors.sap_odata.config import Protocol, StreamName
from connectors.sap_odata.values import external, read_duration, read_moment
from hub.model.instant import place_local


@dataclass(frozen=True)
class Stamp:
    """A field that tells when: YYYYMMDDhhmmss, a date, or an instant."""

    field: str
    kind: Literal["text", "date", "instant"]

    def past(self, row: Row, zones: "Zones", now: datetime) -> datetime | None:
        """Give the row's stamp as the system's wall clock (UTC for fields with an offset); None when unset.

        None too for one that lies in the future: whoever followed it would see no change until then. Where
        nobody declared a zone, what is past in any is past. Raises ValueError when it cannot be read.
        """
        moment = read_moment(row.get(self.field))
        if moment is None:
            return None
        zone = zones.of_stamps if self.kind == "text" else zones.of_system
        has_come = moment <= (
            now if moment.tzinfo else now.astimezone(zone or _FOREMOST).replace(tzinfo=None)
        )
        return moment.replace(tzinfo=None) if has_come else None

    def since(self, mark: str, overlap: timedelta, protocol: Protocol) -> str:
        """Give the filter for stamps from `mark` (ISO text) minus the overlap on."""
        moment = datetime.fromisoformat(mark) - overlap
        return f"{self.field} ge {moment.strftime(_LITERALS[protocol][self.kind])}"


_FOREMOST = timezone(timedelta(hours=14))
"""The zone in which each day begins first."""
_LITERALS: dict[Protocol, dict[str, str]] = {
    "v2": {
        "text": "'%Y%m%d%H%M%S'",
        "date": "datetime'%Y-%m-%dT00:00:00'",
        "instant": "datetimeoffset'%Y-%m-%dT%H:%M:%SZ'",
    },
    "v4": {"text": "'%Y%m%d%H%M%S'", "date": "%Y-%m-%d", "instant": "%Y-%m-%dT%H:%M:%SZ"},
}


@dataclass(frozen=True, kw_only=True)
class Companion:
    """Rows of another entity set that complete a page's rows: of the same `keys`, put under `link`."""

    link: str
    entity_set: str
    by: str
    keys: tuple[str, ...]
    select: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Zones:
    """Zones of local times: of text stamps, and of creation dates; None where nobody declared one."""

    of_stamps: tzinfo | None
    of_system: tzinfo | None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A stream: where its rows are, how a row is named, and which stamps order its changes."""

    name: StreamName
    entity_set: str
    keys: tuple[str, ...]
    expand: tuple[str, ...] = ()
    changed: Stamp | None = None
    created: Stamp | None = None
    """None where every row has a change stamp from the beginning."""
    companion: Companion | None = None
    service: str = ""
    """Name of the service's path in the settings, when it is not the stream's."""
    clocks: tuple[tuple[str, str], ...]
    """Fields that date a version, best first: a stamp, or a date with its time of day."""
    every_s: float
    description: str

    def key_of(self, row: Row) -> str:
        """Give the row's name inside SAP, in external form."""
        if len(self.keys) == 1:
            return external(row.get(self.keys[0]))
        return "/".join(external(row.get(key)) for key in self.keys)

    def version_of(self, row: Row, zones: Zones) -> tuple[datetime | None, int | None]:
        """Give (changed_at, seq): the instant of the row's version; its digits where the zone is not known.

        Raises ValueError when a stamp cannot be read.
        """
        for field, time_of_day in self.clocks:
            told = row.get(field)
            moment = read_moment(told)
            if moment is None:
                continue
            if time_of_day:
                moment += read_duration(row.get(time_of_day))
            if moment.tzinfo:
                return moment, None
            zone = zones.of_stamps if str(told).isdecimal() else zones.of_system
            offset = zone.utcoffset(moment) if zone else None
            if offset is not None:
                return place_local(moment, offset), None
            return None, int(moment.strftime("%Y%m%d%H%M%S"))
        return None, None


_CHARACTERISTIC = ("InspectionLot", "InspPlanOperationInternalID", "InspectionCharacteristic")

READINGS: dict[str, Reading] = {
    reading.name: reading
    for reading in (
        Reading(
            name="products",
            description="material master",
            entity_set="A_Product",
            keys=("Product",),
            expand=("to_Description",),
            changed=Stamp("LastChangeDate", "date"),
            created=Stamp("CreationDate", "date"),
            clocks=(("LastChangeDateTime", ""), ("LastChangeDate", ""), ("CreationDate", "")),
            every_s=3600.0,
        ),
        Reading(
            name="batches",
            description="batch master: ISA-95 lots",
            entity_set="Batch",
            keys=("Material", "BatchIdentifyingPlant", "Batch"),
            changed=Stamp("LastChangeDateTime", "instant"),
            created=Stamp("CreationDateTime", "instant"),
            clocks=(("LastChangeDateTime", ""), ("CreationDateTime", "")),
            every_s=300.0,
        ),
        Reading(
            name="orders",
            description="process orders",
            entity_set="A_ProcessOrder_2",
            keys=("ManufacturingOrder",),
            expand=("to_ProcessOrderItem", "to_ProcessOrderOperation", "to_ProcessOrderComponent"),
            changed=Stamp("LastChangeDateTime", "text"),
            created=Stamp("MfgOrderCreationDate", "date"),
            clocks=(("LastChangeDateTime", ""), ("MfgOrderCreationDate", "MfgOrderCreationTime")),
            every_s=60.0,
        ),
        Reading(
            name="production_orders",
            description="production orders",
            entity_set="A_ProductionOrder_2",
            keys=("ManufacturingOrder",),
            expand=("to_ProductionOrderItem", "to_ProductionOrderOperation", "to_ProductionOrderComponent"),
            changed=Stamp("LastChangeDateTime", "text"),
            created=Stamp("MfgOrderCreationDate", "date"),
            clocks=(("LastChangeDateTime", ""), ("MfgOrderCreationDate", "MfgOrderCreationTime")),
            every_s=60.0,
        ),
        Reading(
            name="material_documents",
            description="goods movements",
            entity_set="A_MaterialDocumentHeader",
            keys=("MaterialDocumentYear", "MaterialDocument"),
            expand=("to_MaterialDocumentItem",),
            created=Stamp("CreationDate", "date"),
            clocks=(("CreationDate", "CreationTime"),),
            every_s=60.0,
        ),
        Reading(
            name="inspection_lots",
            description="inspection lots: samples",
            entity_set="A_InspectionLot",
            keys=("InspectionLot",),
            changed=Stamp("ChangedDateTime", "instant"),
            created=Stamp("InspectionLotCreatedOn", "date"),
            clocks=(("ChangedDateTime", ""), ("InspectionLotCreatedOn", "InspectionLotCreatedOnTime")),
            every_s=300.0,
        ),
        Reading(
            name="inspection_characteristics",
            description="inspection characteristics: limits",
            entity_set="A_InspectionCharacteristic",
            service="inspection_lots",
            keys=_CHARACTERISTIC,
            changed=Stamp("ChangedDateTime", "instant"),
            clocks=(("ChangedDateTime", ""),),
            every_s=300.0,
        ),
        Reading(
            name="inspection_results",
            description="inspection results",
            entity_set="A_InspectionResult",
            service="inspection_lots",
            keys=_CHARACTERISTIC,
            companion=Companion(
                link="characteristic",
                entity_set="A_InspectionCharacteristic",
                by="InspectionLot",
                keys=_CHARACTERISTIC,
                select=(
                    "InspectionSpecification",
                    "InspectionCharacteristicText",
                    "InspectionSpecificationUnit",
                ),
            ),
            changed=Stamp("ChangedDateTime", "instant"),
            clocks=(("ChangedDateTime", ""),),
            every_s=300.0,
        ),
        Reading(
            name="usage_decisions",
            description="usage decisions: dispositions of lots",
            entity_set="A_InspLotUsageDecision",
            service="inspection_lots",
            keys=("InspectionLot",),
            companion=Companion(
                link="lot",
                entity_set="A_InspectionLot",
                by="InspectionLot",
                keys=("InspectionLot",),
                select=("Material", "Plant", "Batch", "ManufacturingOrder"),
            ),
            changed=Stamp("ChangedDateTime", "instant"),
            clocks=(("ChangedDateTime", ""),),
            every_s=300.0,
        ),
    )
}
