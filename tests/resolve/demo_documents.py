"""What the demo plant's systems say, cut to a size of which thousands of orders can be tried.

The plant's own sources are read over their own protocols, at its first instant and at its now, so every version of
every document is there as its connector reads it. Of these the documents of each planted mess are taken and a few
more, so that every kind of record is there, and of the long ones the records that matter to the mess and the first
ones of each type.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select

from hub.demo.plan import FIRST, NOW
from hub.demo.plant import running_plant
from hub.demo.run import DEMO_CONFIG
from hub.demo.tags import SPARE
from hub.ingest.bridge import Bridge
from hub.ingest.runner import Desk
from hub.ingest.sources import Project, Source, load_project
from hub.ingest.sync import sync_sources
from hub.ingest.telling import tell
from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.sdk import Document, RecordSource, Window
from hub.shift.cycle import run_cycle
from hub.store.database import Connection, Database
from hub.store.quarantine import list_open
from hub.store.statements import Said, Told
from hub.store.stating import state
from hub.store.systems import list_systems
from hub.store.tables import source_record, statement

SEEN = Window(datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 26, tzinfo=UTC))
"""Of which the historian is asked: the run of B26-0117 in its bioreactor lies inside."""
Place = tuple[str, str, str]
"""System, object type, key."""

RECORD = ("mes", "BatchProductionRecord", "EBR-2026-0117")
_ORDER = ("erp", "A_ProcessOrder_2", "1004711")
_LATE_ORDER = ("erp", "A_ProcessOrder_2", "1004726")
_ISSUES: tuple[Place, ...] = tuple(
    ("erp", "A_MaterialDocumentHeader", f"2026/{n}") for n in ("4900012201", "4900012261", "4900012262")
)
_MEDIUM = ("erp", "Batch", "100210/1010/MP260012")
_FRAME = ("historian.frames", "frame", "BR2000-01|B26-0117|2026-03-10T07:58:21Z")
_OOS = ("lims", "samples", "S-2026-004831")
EARLY = ("lims", "samples", "S-2026-004870")
_LATE_BATCH = (
    _LATE_ORDER,
    ("erp", "Batch", "300214/1010/B260122"),
    ("mes", "BatchProductionRecord", "EBR-2026-0122"),
)
_MATERIALS = ("mes", "MaterialInformation", "MAT-CRK")
_LOTS = ("mes", "MaterialInformation", "LOTS-C26-03")
_UNITS = ("mes", "EquipmentInformation", "*")
STORIES: Mapping[str, tuple[Place, ...]] = {
    "three-names": (RECORD, _ORDER, _OOS, _FRAME),
    "early-result": (EARLY, *_LATE_BATCH),
    "corrected-result": (EARLY, *_LATE_BATCH),
    "reversed-issue": (*_ISSUES, _MEDIUM, _ORDER),
    "seen-twice": (RECORD, *_ISSUES[2:], _MEDIUM, _LOTS),
    "size-conflict": (RECORD, _ORDER, ("erp", "Batch", "300214/1010/B260117")),
    "unmapped-tag": (
        ("historian", "Tag", f"ns=2;s={SPARE}"),
        ("historian", "Tag", "ns=2;s=BR2000_01_TEMP"),
        _UNITS,
    ),
    "broken-document": (
        ("mes", "unreadable", "*"),
        ("mes", "BatchProductionRecord", "EBR-2026-0115"),
        ("lims", "usage_decisions", "UD-B26-0115"),
    ),
    "oos-and-retest": (_OOS, RECORD, ("lims", "usage_decisions", "UD-B26-0117")),
    "rejected-batch": (
        ("lims", "usage_decisions", "UD-B26-0112"),
        ("mes", "BatchProductionRecord", "EBR-2026-0112"),
        ("erp", "Batch", "300214/1010/B260112"),
    ),
    "censored-result": (("lims", "samples", "S-2026-004708"), ("lims", "specifications", "SPEC-MAB214-DS")),
    "lot-spelling": (
        _MATERIALS,
        _LOTS,
        _MEDIUM,
        ("erp", "A_Product", "100210"),
        ("erp", "A_Product", "300214"),
        ("lims", "specifications", "SPEC-MAB214-DS"),
        ("crosswalk", "material_definition", "mes:material_definition|300214"),
    ),
    "second-code": (
        ("lims", "usage_decisions", "UD-F26-0040"),
        ("mes", "BatchProductionRecord", "EFR-2026-0040"),
        ("erp", "Batch", "300314/1010/F260040"),
        ("erp", "A_Product", "300314"),
    ),
    "clock-skew": (_FRAME, RECORD, _UNITS),
    "oxygen-excursion": (RECORD, _UNITS),
    "summer-time": (_ORDER, _LATE_ORDER, ("mes", "OperationsSchedule", "SCH-C26-03")),
    "how it works": (
        ("mes", "BatchInformation", "MR-MAB214-DS 07"),
        ("mes", "OperationsDefinitionInformation", "*"),
        ("mes", "ProcessSegmentInformation", "*"),
        ("mes", "PhysicalAssetInformation", "*"),
        ("mes", "OperationsPerformance", "PERF-MP-26-0012"),
        ("mes", "WorkCalendarInformation", "USE-B26-0117"),
        ("crosswalk", "equipment", "mes:equipment|CRK"),
    ),
}
"""Documents by what is to be seen in them: the planted messes by their names, and how the plant works."""
IN_SAMPLES = {"bad-stretch", "overlap"}
"""What is planted in samples alone: no statement tells of it."""

_MATTERS = (
    "SR-120",
    "SR-120/material/SR-120-M2",
    "SR-160",
    "SR-160/material/SR-160-M2",
    "event/E1",
    "MP-26-0012",
)
_OTHERWISE = "\nread otherwise: "
_FIRST = 2
"""How many records of each type are taken of a document, besides those that matter."""


@dataclass(frozen=True)
class Paper:
    """One version of a document, and of which system it is."""

    system: str
    told: Told

    def __repr__(self) -> str:
        """Tell which it is, and how it was altered, not all that it says."""
        said = self.told.payload.rpartition(_OTHERWISE)
        how = (
            "gone"
            if self.told.deleted
            else f"otherwise {said[2]}"
            if said[1]
            else f"{len(self.told.said)} records"
        )
        return (
            f"Paper({self.system} {self.told.object_type} {self.told.source_key} v{self.told.version}: {how})"
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print an example as short as that; Hypothesis would print a dataclass with all it holds."""
        printer.text("Paper(...)" if cycle else repr(self))

    @property
    def place(self) -> Place:
        """Where it belongs."""
        return self.system, self.told.object_type, self.told.source_key


@dataclass(frozen=True)
class Plant:
    """The plant's systems with their kinds, how it is set up, and its documents: all versions, oldest first."""

    systems: Mapping[str, str]
    project: Project
    papers: Mapping[Place, Sequence[Paper]]
    types: frozenset[str]
    """Every type of record that the plant states, in these documents or in others."""

    @cached_property
    def records(self) -> Mapping[str, Sequence[Said]]:
        """All records of the documents by their type."""
        found: dict[str, list[Said]] = defaultdict(list)
        for paper in chain.from_iterable(self.papers.values()):
            for said in paper.told.said:
                found[said.record_type].append(said)
        return found

    def of(self, story: str) -> list[Place]:
        """Give the places of a story's documents; `*` stands for the only one of its type."""
        return [self._find(place) for place in STORIES[story]]

    def _find(self, place: Place) -> Place:
        if place[2] != "*":
            return place
        (found,) = (p for p in self.papers if p[:2] == place[:2])
        return found


def keep_documents(folder: Path) -> None:
    """Run the plant, read it into the migrated store `hub.db` of a folder, and note there how it was set up."""
    database = Database(f"sqlite:///{folder / 'hub.db'}")
    with running_plant(folder / "plant", at=FIRST) as plant:
        (folder / "environment.json").write_text(json.dumps(dict(plant.environment)), encoding="utf-8")
        project = load_project(DEMO_CONFIG, plant.environment)
        historian, others = project.source("historian"), [s for s in project.sources if s.code != "historian"]
        run_cycle(Desk(database, clock=lambda: FIRST), project, [historian], within=SEEN)
        for instant in (FIRST, NOW):
            plant.set_clock(instant)
            outcomes = sync_sources(Desk(database, clock=lambda: instant), others)  # noqa: B023 - used at once
            assert not [o for o in outcomes if o.error]
    database.close()


def read_documents(folder: Path) -> Plant:
    """Give what the plant's systems said, of a folder in which it was kept."""
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    project = load_project(DEMO_CONFIG, environment)
    database = Database(f"sqlite:///{folder / 'hub.db'}")
    with database.read() as connection:
        systems = {s.code: s.kind for s in list_systems(connection).values()}
        told = [
            *_read_anew(connection, project),
            *_as_stated(connection, {"historian", "historian.frames", "crosswalk"}),
        ]
        types = frozenset(connection.scalars(select(statement.c.record_type).distinct()))
    database.close()
    papers: dict[Place, list[Paper]] = defaultdict(list)
    for paper in sorted(told, key=lambda p: p.told.version):
        papers[paper.place].append(paper)
    whole = Plant(systems, project, papers, types)
    wanted = {place for story in STORIES for place in whole.of(story)}
    return replace(whole, papers={place: [_cut(p) for p in papers[place]] for place in sorted(wanted)})


def _read_anew(connection: Connection, project: Project) -> Iterator[Paper]:
    """Read every version of every stored document through its connector, and those that cannot be read."""
    codes = {i: s.code for i, s in list_systems(connection).items()}
    rows = connection.execute(select(source_record).order_by(source_record.c.seq)).all()
    for source in project.sources:
        documents = [
            Document(
                object_type=r.object_type,
                key=r.source_key,
                payload=r.payload,
                media_type=r.media_type,
                changed_at=r.source_time,
                seq=r.source_version,
            )
            for r in rows
            if codes[r.source_system_id] == source.code
        ]
        with Bridge(source.open()) as bridge:
            if isinstance(bridge.connector, RecordSource):
                for document in (*documents, *_unreadable(connection, source)):
                    yield Paper(source.code, tell(source.code, bridge.connector, document))


def _unreadable(connection: Connection, source: Source) -> list[Document]:
    return [
        Document(
            object_type=e["object_type"],
            key=e["source_key"],
            payload=e["payload"],
            media_type=e["media_type"],
            changed_at=e["source_time"],
            seq=e["source_version"],
        )
        for e in list_open(connection, source.code)
    ]


def _as_stated(connection: Connection, systems: set[str]) -> Iterator[Paper]:
    """Give the documents that the hub makes itself (of tags, frames, declarations) as they are stated."""
    codes = {i: s.code for i, s in list_systems(connection).items()}
    said: dict[int, list[Said]] = defaultdict(list)
    for r in connection.execute(select(statement).where(statement.c.is_live).order_by(statement.c.id)):
        said[r.source_record_id].append(Said(r.record_type, r.record_key, r.body))
    for r in connection.execute(select(source_record).where(source_record.c.id.in_(list(said)))):
        if codes[r.source_system_id] in systems:
            told = Told(
                object_type=r.object_type,
                source_key=r.source_key,
                payload=r.payload,
                media_type=r.media_type,
                version=r.source_version,
                source_time=r.source_time,
                said=said[r.id],
            )
            yield Paper(codes[r.source_system_id], told)


def _cut(paper: Paper) -> Paper:
    """Keep the records that matter, and the first of each type."""
    seen: dict[str, int] = defaultdict(int)
    kept: list[Said] = []
    for said in paper.told.said:
        seen[said.record_type] += 1
        if seen[said.record_type] <= _FIRST or said.record_key.endswith(_MATTERS):
            kept.append(said)
    return Paper(paper.system, replace(paper.told, said=kept))


# -------------------------------------------------------------------------------- what might have been said
def alter(plant: Plant, paper: Paper, pick: tuple[int, int, int], *, number: int) -> Paper:
    """Give another version of a document: one of its records lacks, or says what another record says."""
    said = list(paper.told.said)
    if said:
        at = pick[0] % len(said)
        changed = _misread(plant, said[at], pick)
        said[at : at + 1] = [changed] if changed else []
    payload = f"{paper.told.payload}{_OTHERWISE}{pick}"
    return Paper(paper.system, replace(renumber(paper.told, number), said=said, payload=payload))


def renumber(told: Told, number: int) -> Told:
    """Give the same as another version, with its faults."""
    return replace(told, version=number, faults=[replace(f, version=number) for f in told.faults])


def _misread(plant: Plant, said: Said, pick: tuple[int, int, int]) -> Said | None:
    """Give a record with a field that lacks or is another record's, or one name more; None when it is left out."""
    kind = {**MASTERED, **OBSERVED}[said.record_type]
    others = [s for s in plant.records[said.record_type] if s != said]
    other = others[pick[2] % len(others)] if others else said
    fields = [f.name for f in fields_of(kind)]
    field = [*fields, "also", "replaces", ""][pick[1] % (len(fields) + 3)]
    if not field:
        return None
    body = dict(said.body)
    if field in ("also", "replaces"):
        if "id" not in body or other.body["id"] == body["id"]:
            return None
        body[field] = [other.body["id"]]
    elif field in other.body and other.body[field] != body.get(field):
        body[field] = other.body[field]
    else:
        body.pop(field, None)
    own = {} if "id" in body else {"key": said.record_key}
    try:
        return replace(said, body=state("?", kind.model_validate({**body, **own})).body)
    except ValidationError:  # such a record would wait in quarantine
        return None
