"""The `b2mml` connector: reads what changed in the place, and says what a document means."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from connectors.b2mml.assets import read_assets
from connectors.b2mml.batch_record import read_batch_record
from connectors.b2mml.config import B2mmlConfig
from connectors.b2mml.definitions import read_definitions, read_segments
from connectors.b2mml.identity import UNREADABLE, Envelope, open_envelope
from connectors.b2mml.listing import Entries, Entry, open_listing
from connectors.b2mml.marks import Marks
from connectors.b2mml.markup import Element, decode, read_markup, text
from connectors.b2mml.performance import read_performance
from connectors.b2mml.properties import read_class
from connectors.b2mml.quality import read_events, read_tests
from connectors.b2mml.reader import Reader, path
from connectors.b2mml.recipes import read_batch_information
from connectors.b2mml.resources import read_equipment, read_material, read_personnel
from connectors.b2mml.schedule import read_schedule
from connectors.b2mml.times import read_calendar
from hub.model import Record, parse_instant
from hub.sdk import (
    BadRecord,
    Cursor,
    Document,
    Health,
    Misconfigured,
    Page,
    Placed,
    RecordSource,
    Rejected,
    Stream,
)

_READERS: dict[str, Callable[[Reader, Element], None]] = {
    "BatchProductionRecord": read_batch_record,
    "BatchInformation": read_batch_information,
    "BatchList": read_batch_information,
    "MasterRecipe": read_batch_information,
    "ControlRecipe": read_batch_information,
    "OperationsPerformance": read_performance,
    "OperationsResponse": read_performance,
    "ProductionPerformance": read_performance,
    "ProductionResponse": read_performance,
    "WorkPerformance": read_performance,
    "OperationsSchedule": read_schedule,
    "OperationsRequest": read_schedule,
    "ProductionSchedule": read_schedule,
    "ProductionRequest": read_schedule,
    "MaterialInformation": read_material,
    "MaterialDefinition": read_material,
    "MaterialLot": read_material,
    "MaterialSubLot": read_material,
    "EquipmentInformation": read_equipment,
    "Equipment": read_equipment,
    "PersonnelInformation": read_personnel,
    "Person": read_personnel,
    "MaterialClass": read_class,
    "EquipmentClass": read_class,
    "PersonnelClass": read_class,
    "PhysicalAssetClass": read_class,
    "PhysicalAssetInformation": read_assets,
    "PhysicalAsset": read_assets,
    "ProcessSegmentInformation": read_segments,
    "ProcessSegment": read_segments,
    "OperationsDefinitionInformation": read_definitions,
    "OperationsDefinition": read_definitions,
    "ProductDefinitionInformation": read_definitions,
    "ProductDefinition": read_definitions,
    "OperationsTestInformation": read_tests,
    "TestSpecification": read_tests,
    "TestResult": read_tests,
    "OperationsEventInformation": read_events,
    "OperationsEvent": read_events,
    "WorkCalendarInformation": read_calendar,
    "WorkCalendar": read_calendar,
}


@dataclass
class _Memory:
    """What the cursor remembers: states of files that were read, names of files that were no B2MML."""

    seen: Marks
    broken: Marks

    @classmethod
    def recall(cls, cursor: Cursor | None) -> "_Memory":
        """Give what a cursor remembers."""
        return cls(*(Marks(str((cursor or {}).get(name, ""))) for name in ("seen", "broken")))

    def forget_all_but(self, there: Entries) -> None:
        """Forget files that have gone, as far as the listing tells states apart."""
        if self.seen and not any(entry.is_known_by_content for entry in there):
            self.seen.keep_only(entry.mark() for entry in there)
        if self.broken:
            self.broken.keep_only(entry.name_mark for entry in there)

    def is_new(self, entry: Entry) -> bool:
        """Tell whether a file has to be read."""
        return entry.is_known_by_content or entry.mark() not in self.seen

    def written(self) -> Cursor:
        """Give the cursor."""
        return {"seen": self.seen.pack(), "broken": self.broken.pack()}


class B2mml(RecordSource[B2mmlConfig]):
    """Reads B2MML and BatchML documents from a folder or an HTTP directory."""

    name = "b2mml"
    version = "1.0.0"
    config_class = B2mmlConfig

    def __init__(self, config: B2mmlConfig) -> None:
        super().__init__(config)
        self._place = open_listing(config)

    def check(self) -> Health:
        """Prove that the place can be listed and its newest document read."""
        found = self._place.entries()
        for newest in deque(found, maxlen=1):
            with suppress(FileNotFoundError, BadRecord):
                self._place.read(newest)
        place = self.config.url or str(self.config.folder)
        return Health(system="B2MML documents", detail=f"{len(found)} in {place}")

    def close(self) -> None:
        """Close the connections."""
        self._place.close()

    def streams(self) -> Sequence[Stream]:
        """One stream: a document may speak of anything."""
        return [Stream(name="documents", description="B2MML and BatchML documents", every_s=30.0)]

    # -------------------------------------------------------------------------------------- reading
    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        """Give new and changed documents, oldest change first."""
        if stream != "documents":
            raise Misconfigured(f"there is no stream {stream!r}", remedy="use documents")
        there = self._place.entries()
        memory = _Memory.recall(cursor)
        memory.forget_all_but(there)
        fresh = [entry for entry in there if memory.is_new(entry)] if memory.seen else there
        count, size = len(fresh), max(self.config.page_size, min(500, len(fresh) // 200))
        coming = iter(fresh)
        while some := list(islice(coming, size)):
            documents: list[Document] = []
            rejected: list[Rejected] = []
            for entry in some:
                documents += self._fetch(entry, memory, rejected)
            yield Page(documents=documents, cursor=memory.written(), rejected=rejected, total=count)

    def _fetch(self, entry: Entry, memory: "_Memory", rejected: list[Rejected]) -> list[Document]:
        """Give the documents of a file, and remember it unless it may change under the same mark."""
        try:
            content = self._place.read(entry)
        except FileNotFoundError:
            return []
        except BadRecord as error:
            memory.seen.add(entry.mark())
            rejected.append(
                Rejected(reason=error.reason, where=entry.label, remedy=error.remedy, key=entry.label)
            )
            return []
        mark = entry.mark(content if entry.is_known_by_content else None)
        if mark in memory.seen:
            return []
        if not entry.is_young:
            memory.seen.add(mark)
        document = self._document(entry, decode(content))
        if document.object_type == UNREADABLE:
            memory.broken.add(entry.name_mark)
            return [document]
        if not memory.broken or entry.name_mark not in memory.broken:
            return [document]
        memory.broken.discard(entry.name_mark)
        return [document, _withdrawn(entry)]

    def _document(self, entry: Entry, payload: str) -> Document:
        """Name a document by what it says of itself, or by its file when it is no B2MML."""
        try:
            envelope = open_envelope(read_markup(payload))
        except BadRecord:
            return Document(
                object_type=UNREADABLE,
                key=entry.label,
                payload=payload,
                media_type="application/xml",
                changed_at=entry.changed_at,
            )
        changed_at = entry.changed_at
        with suppress(ValueError, OverflowError):  # `parse` reports a clock that cannot be read
            if (clock := envelope.clock) is not None:
                changed_at = self._read_clock(clock)
        return Document(
            object_type=envelope.noun,
            key=envelope.key or entry.label,
            payload=payload,
            media_type="application/xml",
            changed_at=changed_at,
        )

    # -------------------------------------------------------------------------------------- meaning
    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        """Say what a document states; raises `BadRecord` for what is no B2MML."""
        return [] if document.deleted else self._read_document(document).parts

    def places(self, document: Document) -> Iterable[Placed]:
        """Give the element that says each record, with IDs and line."""
        stated = [] if document.deleted else self._read_document(document).stated
        return [Placed(record=record, at=path(element)) for record, element in stated]

    def _read_document(self, document: Document) -> Reader:
        try:
            envelope = open_envelope(read_markup(document.payload))
        except BadRecord as error:
            raise BadRecord(error.reason, where=document.key, remedy=error.remedy) from error
        reader = Reader(self)
        self._check_clock(reader, envelope)
        for body in envelope.bodies:
            _READERS[envelope.noun](reader, body)
        return reader

    def _check_clock(self, reader: Reader, envelope: Envelope) -> None:
        if (clock := envelope.clock) is not None:
            try:
                self._read_clock(clock)
            except (ValueError, OverflowError) as error:
                reader.refuse(clock, error)

    def _read_clock(self, clock: Element) -> datetime:
        """Give a version's time: of two readings the earlier, for it only orders versions."""
        return parse_instant(text(clock) or "", self.config.zone, ambiguous="earliest")


def _withdrawn(entry: Entry) -> Document:
    return Document(
        object_type=UNREADABLE, key=entry.label, payload="", changed_at=entry.changed_at, deleted=True
    )
