"""The `sap_odata` connector: reads what changed in S/4HANA, and says what a row means."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import orjson

from connectors.sap_odata.client import Row, SapClient
from connectors.sap_odata.config import Protocol, SapConfig
from connectors.sap_odata.facts import Facts
from connectors.sap_odata.inspection import (
    read_characteristic,
    read_decision,
    read_inspection_lot,
    read_result,
)
from connectors.sap_odata.meaning import read_document, read_lot, read_order, read_product
from connectors.sap_odata.readings import READINGS, Reading, Stamp, Zones
from hub.sdk import (
    BadRecord,
    Cursor,
    Document,
    Health,
    Misconfigured,
    Page,
    Rejected,
    Stream,
    utc_now,
)
from hub.sdk.clock import is_astray
from hub.sdk.statements import ObjectSource

_MEANINGS: dict[str, Callable[[Facts, Row], None]] = {
    "A_Product": read_product,
    "Batch": read_lot,
    "A_ProcessOrder_2": read_order,
    "A_ProductionOrder_2": read_order,
    "A_MaterialDocumentHeader": read_document,
    "A_InspectionLot": read_inspection_lot,
    "A_InspectionCharacteristic": read_characteristic,
    "A_InspectionResult": read_result,
    "A_InspLotUsageDecision": read_decision,
}
_OF_PLANTS = {"orders", "production_orders"}
_ASKED_AT_ONCE = 20
"""Keys in one question: gateways refuse addresses that are too long."""


class SapOdata(ObjectSource[SapConfig]):
    """Reads orders, products, batches, material documents and inspections over OData."""

    name = "sap_odata"
    version = "1.0.0"
    facts = Facts
    config_class = SapConfig

    def __init__(self, config: SapConfig) -> None:
        super().__init__(config)
        self._sap = SapClient(config)
        system = config.system_timezone or config.timezone
        self._zones = Zones(of_stamps=_zone(config.stamp_timezone or system), of_system=_zone(system))

    def check(self) -> Health:
        """Prove that every service to be read answers and lets us read."""
        for name in self.config.streams:
            reading = READINGS[name]
            self._sap.rows(self._path(reading), {"$top": "1", "$select": ",".join(reading.keys)})
        return Health(
            system=f"SAP S/4HANA OData {self.config.protocol.upper()}",
            detail=f"reads {', '.join(self.config.streams)}",
        )

    def close(self) -> None:
        """Close the connections."""
        self._sap.close()

    def streams(self) -> Sequence[Stream]:
        """The streams that the settings name."""
        return [
            Stream(name=name, description=READINGS[name].description, every_s=READINGS[name].every_s)
            for name in self.config.streams
        ]

    # -------------------------------------------------------------------------------------- reading
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        """Give changed rows, oldest change first, then rows created and never changed.

        The cursor holds two marks: `changed` and `created` (ISO texts of SAP's own clocks). The first read
        asks for everything in the order of change; `created` is set when that has come to its end. A row that
        is dated in the future moves no mark, so it is read again until its time has come.
        """
        reading = READINGS.get(stream)
        if reading is None or reading.name not in self.config.streams:
            raise Misconfigured(f"there is no stream {stream!r}", remedy=f"use one of {self.config.streams}")
        marks = {key: str(mark) for key, mark in (cursor or {}).items() if mark and not _is_astray(mark)}
        is_first = not marks
        if reading.changed:
            yield from self._sweep(reading, reading.changed, marks, is_first=is_first)
            if is_first:
                return
        if reading.created:
            yield from self._sweep(reading, reading.created, marks, is_first=False)

    def _sweep(self, reading: Reading, by: Stamp, marks: dict[str, str], *, is_first: bool) -> Iterator[Page]:
        """Read in the order of one stamp; move its mark along, and at the end of a first read both marks."""
        own = "changed" if by is reading.changed else "created"
        overlap = timedelta(seconds=self.config.overlap_s)
        newest: datetime | None = None
        options = self._options(
            reading, by, by.since(marks[own], overlap, self.config.protocol) if own in marks else ""
        )
        for rows, is_last in self._sap.pages(self._path(reading), options):
            documents: list[Document] = []
            rejected: list[Rejected] = []
            latest: datetime | None = None
            now = utc_now()
            for row in self._completed(reading, rows):
                try:
                    documents.append(self._document(reading, row))
                    latest = _later(latest, by.past(row, self._zones, now))
                    if reading.created:
                        newest = _later(newest, reading.created.past(row, self._zones, now))
                except ValueError as error:
                    rejected.append(_unreadable(reading, row, error))
            _advance(marks, own, latest)
            if is_last and is_first and newest:
                _advance(marks, "created", newest)
                # nothing was ever changed: what will be, is changed after the newest was created
                marks.setdefault("changed", (newest - timedelta(days=1)).isoformat())
            if rows or (is_last and is_first and marks):
                yield Page(documents=documents, cursor=dict(marks), rejected=rejected)

    def _options(self, reading: Reading, by: Stamp, since: str) -> dict[str, str]:
        tests = [since] if since else []
        if reading.name in _OF_PLANTS and self.config.plants:
            plants = " or ".join(f"ProductionPlant eq '{_quoted(plant)}'" for plant in self.config.plants)
            tests.append(f"({plants})")
        options = {"$orderby": ",".join((by.field, *reading.keys))}
        if tests:
            options["$filter"] = " and ".join(tests)
        if reading.expand:
            options["$expand"] = ",".join(reading.expand)
        return options

    def _path(self, reading: Reading, entity_set: str = "") -> str:
        service: str = getattr(self.config.services, reading.service or reading.name)
        return f"{service.strip('/')}/{entity_set or reading.entity_set}"

    def _completed(self, reading: Reading, rows: list[Row]) -> list[Row]:
        """Put the rows of another entity set under those that they belong to, one question for many."""
        companion = reading.companion
        if companion is None:
            return rows
        wanted = sorted({str(row.get(companion.by) or "") for row in rows} - {""})
        found: dict[tuple[str, ...], Row] = {}
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            some = wanted[start : start + _ASKED_AT_ONCE]
            options = {
                "$filter": " or ".join(f"{companion.by} eq '{_quoted(value)}'" for value in some),
                "$select": ",".join((*companion.keys, *companion.select)),
                "$orderby": ",".join(companion.keys),
            }
            for page, _ in self._sap.pages(self._path(reading, companion.entity_set), options):
                found.update({tuple(str(row.get(k)) for k in companion.keys): row for row in page})
        return [
            {**row, companion.link: found.get(tuple(str(row.get(k)) for k in companion.keys))} for row in rows
        ]

    def _document(self, reading: Reading, row: Row) -> Document:
        changed_at, seq = reading.version_of(row, self._zones)
        key = reading.key_of(row)
        if not key.strip("/"):
            raise ValueError(f"the row has none of the keys {reading.keys}")
        return Document(
            object_type=reading.entity_set,
            key=key,
            payload=orjson.dumps(_strip(row, self.config.protocol)).decode(),
            changed_at=changed_at,
            seq=seq,
        )

    # -------------------------------------------------------------------------------------- meaning
    def tell(self, facts: Facts, item: Row, kind: str) -> None:
        """Say what a row states."""
        meaning = _MEANINGS.get(kind)
        if meaning is None:
            raise BadRecord(f"it is no row of {kind}")
        meaning(facts, item)


def _strip(node: Row, protocol: Protocol) -> Row:
    """Take out the transport's own fields: they carry the server's address, not what SAP says.

    `__metadata` and deferred links of V2, `@odata.…` annotations of V4. In place: a copy takes longer than
    decoding the answer. Decoded JSON has no other classes than these, and nearly all values are texts.
    """
    foreign = [name for name in node if "@" in name] if protocol == "v4" else []
    for name, value in node.items():
        kind = value.__class__
        if kind is str:
            continue
        if kind is dict:
            if name == "__metadata" or "__deferred" in value:
                foreign.append(name)
            else:
                _strip(value, protocol)
        elif kind is list:
            _strip_all(value, protocol)
    for name in foreign:
        node.pop(name, None)  # one may be foreign twice
    return node


def _strip_all(nodes: list[Any], protocol: Protocol) -> None:
    for node in nodes:
        if type(node) is dict:
            _strip(cast("Row", node), protocol)
        elif type(node) is list:
            _strip_all(cast("list[Any]", node), protocol)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return one if other is None or (one is not None and one >= other) else other


def _advance(marks: dict[str, str], own: str, moment: datetime | None) -> None:
    if moment:
        marks[own] = max(marks.get(own, ""), moment.isoformat())


def _is_astray(mark: str) -> bool:
    """Tell whether a mark lies ahead of now in every zone."""
    return is_astray(datetime.fromisoformat(mark).replace(tzinfo=UTC))


def _zone(name: str | None) -> ZoneInfo | None:
    return ZoneInfo(name) if name else None


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def _unreadable(reading: Reading, row: Row, error: ValueError) -> Rejected:
    return Rejected(
        reason=str(error),
        where=f"{reading.entity_set} {reading.key_of(row)}",
        remedy="correct the row in SAP; it is read again when it changes",
        payload=orjson.dumps(row).decode(),
        key=reading.key_of(row),
    )
