"""The MES: B2MML V7 documents of the plant, each with the instant it was published.

Units are written as MES does (`KG`, `Cel`, `10^6 cells/mL`), materials by their ERP number without zeros.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from hub.demo.b2mml import Element, entry, make, quantity, scope, value, when, write
from hub.demo.curves import LOW_OXYGEN
from hub.demo.definitions import (
    master_recipe,
    operations_definitions,
    physical_assets,
    process_segments,
    segment_of,
)
from hub.demo.kinetics import Culture, grow
from hub.demo.plan import (
    ENTERPRISE,
    MATERIALS,
    PLACES,
    SEED,
    SITE,
    WORKED_EXAMPLE,
    Batch,
    Place,
    Span,
)
from hub.demo.procedure import MEDIUM, RECIPES, STEPS, Parameter, Step

MASTER_DATA_AT = datetime(2025, 11, 3, 8, tzinfo=UTC)
CORRECTED_AT = datetime(2026, 4, 19, 9, 30, tzinfo=UTC)
"""MES corrects the size of B26-0117 from 118.20 to 117.30 kg."""
CORRECTED_SIZE = "117.30"
BROKEN_BATCH = "B26-0115"
"""Its final record was cut off while it was written; the whole record was sent again eleven hours later."""
MADE_READY, CLEANED = timedelta(minutes=30), timedelta(minutes=20)
"""How long a unit is made ready before a step, and cleaned after it."""
RESENT_AFTER = timedelta(hours=11)


@dataclass(frozen=True)
class Document:
    """A file of the MES: its name sorts by publication."""

    name: str
    at: datetime
    content: bytes


def publish_all(batches: tuple[Batch, ...]) -> tuple[Document, ...]:
    """Give every document, oldest first."""
    cultures = grow(batches)
    documents = [_equipment(), _materials(), *_definitions()]
    campaigns = sorted({b.campaign for b in batches})
    for campaign in campaigns:
        members = tuple(b for b in batches if b.campaign == campaign)
        documents += [_schedule(campaign, members), _lots(campaign, members)]
    for batch in batches:
        if batch.titre:
            documents.append(_medium_preparation(batch))
        documents += [*_records(batch, cultures.get(batch.id)), _equipment_log(batch)]
    return tuple(sorted(documents, key=lambda d: (d.at, d.name)))


def _document(kind: str, subject: str, *, at: datetime, root: Element) -> Document:
    return Document(f"{at:%Y%m%dT%H%M%SZ}_{kind}_{subject}.xml", at, write(root))


def _site() -> Element:
    return scope((ENTERPRISE, "Enterprise"), (SITE, "Site"))


# ------------------------------------------------------------------------------------------ master data
def _equipment() -> Document:
    def place(node: Place) -> Element:
        properties = [make("EquipmentProperty", make("ID", "TimeZone"), value("Europe/Dublin", "string"))] * (
            node.level == "Site"
        )
        return make(
            "EquipmentChild" if node.parent else "Equipment",
            make("ID", node.id),
            make("Description", node.description),
            make("EquipmentLevel", node.level),
            *properties,
            *(place(child) for child in PLACES if child.parent == node.id),
            make("EquipmentClassID", node.equipment_class) if node.equipment_class else None,
        )

    classes = sorted({p.equipment_class for p in PLACES if p.equipment_class})
    root = make(
        "EquipmentInformation",
        make("ID", "EQ-CRK"),
        make("Description", "Equipment hierarchy of the Cork site"),
        when("PublishedDate", MASTER_DATA_AT),
        place(PLACES[0]),
        *(make("EquipmentClass", make("ID", name), make("EquipmentLevel", "Unit")) for name in classes),
    )
    return _document("EquipmentInformation", SITE, at=MASTER_DATA_AT, root=root)


def _materials() -> Document:
    groups = sorted({m.product_group for m in MATERIALS.values()})
    root = make(
        "MaterialInformation",
        make("ID", "MAT-CRK"),
        _site(),
        when("PublishedDate", MASTER_DATA_AT),
        *(make("MaterialClass", make("ID", group)) for group in groups),
        *(
            make(
                "MaterialDefinition",
                make("ID", m.number),
                make("Description", m.description),
                make("MaterialDefinitionProperty", make("ID", "BaseUnitOfMeasure"), value(m.unit, "string")),
                make("MaterialClassID", m.product_group),
            )
            for m in MATERIALS.values()
        ),
    )
    return _document("MaterialInformation", SITE, at=MASTER_DATA_AT, root=root)


def _definitions() -> list[Document]:
    """Segments, recipes, definitions and assets, each a document of its own."""
    at = MASTER_DATA_AT
    recipes = [
        _document("BatchInformation", RECIPES[product][0], at=at, root=master_recipe(product))
        for product in RECIPES
    ]
    return [
        _document("ProcessSegmentInformation", SITE, at=at, root=process_segments(at)),
        *recipes,
        _document("OperationsDefinitionInformation", SITE, at=at, root=operations_definitions(at)),
        _document("PhysicalAssetInformation", SITE, at=at, root=physical_assets(at)),
    ]


def _lots(campaign: str, batches: tuple[Batch, ...]) -> Document:
    """The lots weighed in for a campaign, before it starts; what the batches themselves make is not here."""
    at = min(b.start for b in batches) - timedelta(days=3)
    made = {b.lot for b in batches}
    lots = {u.lot: u for b in batches for u in b.uses if u.lot not in made and u.material != "MAB214-DS"}
    root = make(
        "MaterialInformation",
        make("ID", f"LOTS-{campaign}"),
        _site(),
        when("PublishedDate", at),
        *(
            make(
                "MaterialLot",
                make("ID", lot),
                make("MaterialDefinitionID", MATERIALS[use.material].number),
                make("Status", "Released"),
                make("Disposition", "UnRestricted"),
            )
            for lot, use in sorted(lots.items())
        ),
    )
    return _document("MaterialInformation", f"LOTS-{campaign}", at=at, root=root)


def _schedule(campaign: str, batches: tuple[Batch, ...]) -> Document:
    at = min(b.planned_start for b in batches) - timedelta(days=10)
    root = make(
        "OperationsSchedule",
        make("ID", f"SCH-{campaign}"),
        make("Description", f"Campaign {campaign}, MAB214"),
        make("Version", "1"),
        when("PublishedDate", at),
        when("StartTime", min(b.planned_start for b in batches)),
        when("EndTime", max(b.planned_end for b in batches)),
        _site(),
        make("OperationsType", "Production"),
        *(_request(batch) for batch in batches),
    )
    return _document("OperationsSchedule", campaign, at=at, root=root)


def _request(batch: Batch) -> Element:
    recipe, version = RECIPES[batch.product]
    return make(
        "OperationsRequest",
        make("ID", batch.order, schemeID="sap.prd:process_order"),
        make("Description", MATERIALS[batch.product].description),
        when("StartTime", batch.planned_start),
        when("EndTime", batch.planned_end),
        make("Priority", "5"),
        make("OperationsDefinitionID", f"{recipe} {version}"),
        make(
            "SegmentRequirement",
            make("ID", f"{batch.order}-1"),
            when("EarliestStartTime", batch.planned_start),
            when("LatestEndTime", batch.planned_end),
            make("ProcessSegmentID", "PS-MAB214"),
            make("OperationsDefinitionID", f"{recipe} {version}"),
            make("OperationsSegmentID", "OS-MAB214"),
            make(
                "MaterialRequirement",
                make("ID", f"{batch.order}-P"),
                make("MaterialDefinitionID", MATERIALS[batch.product].number),
                make("MaterialUse", "Produced"),
                quantity(batch.planned_size, batch.size_unit),
            ),
        ),
    )


# --------------------------------------------------------------------------- performance without a batch
def _medium_preparation(batch: Batch) -> Document:
    """Medium is made the day before it is used: an order of MES alone, no batch, no ERP order."""
    use = next(u for u in batch.uses if u.material == "MEDIA-PRD")
    end = batch.span("SR-120").start - timedelta(hours=14)
    start = end - timedelta(hours=6)
    rng = Random(f"{SEED}/{use.lot}")
    made = float(use.quantity) + rng.uniform(60, 90)
    segment = make(
        "SegmentResponse",
        make("ID", f"MPO-{use.lot}-1"),
        make("Description", "Production medium preparation"),
        when("ActualStartTime", start),
        when("ActualEndTime", end),
        make("ProcessSegmentID", "PS-MEDIA"),
        make("SegmentState", "Completed"),
        make(
            "SegmentData",
            make("ID", "Osmolality"),
            value(f"{rng.gauss(298, 3):.0f}", "double", "mOsm/kg"),
        ),
        make("EquipmentActual", make("ID", "E1"), make("EquipmentID", "MIX-01")),
        make(
            "MaterialActual",
            make("ID", f"MPO-{use.lot}-M1"),
            make("MaterialDefinitionID", MATERIALS["POWDER-PRD"].number),
            make("MaterialLotID", f"PP-25-{(batch.seed - 110) // 5 + 31:03d}"),
            make("MaterialUse", "Consumed"),
            quantity(f"{made * 0.0205:.2f}", "KG"),
        ),
        make(
            "MaterialActual",
            make("ID", f"MPO-{use.lot}-M2"),
            make("MaterialDefinitionID", MATERIALS["MEDIA-PRD"].number),
            make("MaterialLotID", use.lot),
            make("MaterialUse", "Produced"),
            quantity(f"{made:.1f}", "KG"),
        ),
    )
    root = make(
        "OperationsPerformance",
        make("ID", f"PERF-{use.lot}"),
        when("PublishedDate", end + timedelta(minutes=20)),
        when("StartTime", start),
        when("Endtime", end),
        _site(),
        make("OperationsType", "Production"),
        make("PerformanceState", "Completed"),
        make(
            "OperationsResponse",
            make("ID", f"MPO-{use.lot}"),
            when("StartTime", start),
            when("EndTime", end),
            make("OperationsType", "Production"),
            make("OperationsDefinitionID", " ".join(MEDIUM)),
            make("ResponseState", "Completed"),
            segment,
        ),
    )
    return _document("OperationsPerformance", use.lot, at=end + timedelta(minutes=20), root=root)


# -------------------------------------------------------------------------------------- equipment log
def _equipment_log(batch: Batch) -> Document:
    """How the units were used for a batch: made ready, running, cleaned (ISO 22400 and PackML)."""
    at = batch.end + timedelta(minutes=45)
    stretches = [
        (f"{span.step}-{number}", span.unit, *stretch)
        for span in batch.spans
        for number, stretch in enumerate(
            (
                (span.start - MADE_READY, span.start, "ASUT", "Resetting"),
                (span.start, span.end, "APT", "Execute"),
                (span.end, span.end + CLEANED, "ASUT", "Clearing"),
            ),
            start=1,
        )
    ]
    root = make(
        "WorkCalendarInformation",
        make("ID", f"USE-{batch.id}"),
        when("PublishedDate", at),
        make(
            "WorkCalendar",
            make("ID", f"USE-{batch.id}"),
            make("Description", f"Use of the units for {batch.id}"),
            *(_stretch(batch, *stretch) for stretch in stretches),
        ),
    )
    return _document("WorkCalendarInformation", batch.id, at=at, root=root)


def _stretch(  # noqa: PLR0917 - the columns of the log in their order
    batch: Batch, key: str, unit: str, start: datetime, end: datetime, element: str, state: str
) -> Element:
    told = {"Basis": "actual", "State": state, "BatchID": batch.id}
    return make(
        "WorkCalendarEntry",
        make("ID", key),
        when("StartDateTime", start),
        when("FinishDateTime", end),
        scope((unit, "Unit")),
        make("EntryType", element),
        *(
            make("WorkCalendarEntryProperty", make("ID", name), value(text, "string"))
            for name, text in told.items()
        ),
    )


# ------------------------------------------------------------------------------- batch production record
def _records(batch: Batch, culture: Culture | None) -> list[Document]:
    """The versions of a batch's record: while it runs, when it is done, and what came after."""
    done = batch.end + timedelta(minutes=30)
    versions: list[tuple[datetime, str]] = [(done, batch.size)]
    if culture:
        versions.insert(0, (batch.span("SR-120").start + timedelta(minutes=12), batch.size))
    if batch.seed == WORKED_EXAMPLE:
        versions.append((CORRECTED_AT, CORRECTED_SIZE))
    if batch.id == BROKEN_BATCH:
        versions.append((done + RESENT_AFTER, batch.size))
    documents = [
        _document(
            "BatchProductionRecord",
            f"{batch.id}_v{number:02d}",
            at=at,
            root=Record(batch, culture, at, number, size).build(),
        )
        for number, (at, size) in enumerate(versions, start=1)
    ]
    if batch.id == BROKEN_BATCH:
        cut = documents[-2]
        documents[-2] = Document(cut.name, cut.at, cut.content[: len(cut.content) * 2 // 3])
    return documents


@dataclass(frozen=True)
class Record:
    """One version of a batch production record as it stood at `at`."""

    batch: Batch
    culture: Culture | None
    at: datetime
    version: int
    size: str

    @property
    def is_complete(self) -> bool:
        """Whether the batch had ended."""
        return self.batch.end <= self.at

    def build(self) -> Element:
        """Give the document."""
        batch = self.batch
        number = batch.id.split("-")[-1]
        prefix = "EBR" if batch.titre else "EFR"
        recipe, version = RECIPES[batch.product]
        return make(
            "BatchProductionRecord",
            make("ID", f"{prefix}-2026-{number}", schemeID="mes.cork"),
            *entry("1", "Batch Production Record", self.at),
            make("EquipmentScope", SITE),
            when("PublishedDate", self.at),
            when("CreationDate", batch.start),
            make("BatchID", batch.id),
            make("BatchProductionRecordSpec", f"{recipe} {version}"),
            make("CampaignID", batch.campaign),
            when("LastChangedDate", self.at),
            make("LotID", batch.lot),
            make("MaterialDefinitionID", MATERIALS[batch.product].number),
            make("RecordStatus", "In Review" if self.is_complete else "In Process"),
            make("Version", str(self.version)),
            self._changes(),
            self._recipe(recipe, version),
            self._events(),
            self._master_recipe(recipe, version),
            self._signatures(),
            self._performance(),
            self._qualifications(),
        )

    def _changes(self) -> Element | None:
        changes: list[Element] = []
        if self.batch.seed == WORKED_EXAMPLE and self.is_complete:
            at = self.batch.span("SR-130").end
            reason = "Transcription: balance print-out reads 1428 g"
            changes.append(_change("C1", at, before=("SR-130/LoadMass", "1482", "G"), reason=reason))
        if self.size != self.batch.size:
            reason = "Tare of the last bag had not been subtracted"
            before = ("SR-160/SR-160-M2", self.batch.size, "KG")
            changes.append(_change("C2", self.at, before=before, reason=reason))
        return make("ChangeHistory", *changes) if changes else None

    def _recipe(self, recipe: str, version: str) -> Element:
        batch = self.batch
        header = make(
            "Header",
            make("ProductID", MATERIALS[batch.product].number),
            make("ProductName", MATERIALS[batch.product].description),
            make("BatchSize", make("Nominal", batch.planned_size), make("UnitOfMeasure", batch.size_unit)),
            make("ActualProductProduced", batch.lot) if self.is_complete else None,
            make("Status", "Complete" if self.is_complete else "Running"),
        )
        control = make(
            "ControlRecipe",
            make("ID", f"CR-{batch.id}"),
            make("Version", version),
            make("Description", f"Made from {recipe} {version}"),
            make("BatchID", batch.id),
            header,
        )
        return make(
            "ControlRecipes",
            make(
                "ControlRecipeRecord",
                *entry("R1", "Control Recipe"),
                make("ExternalReference", recipe),
                control,
            ),
        )

    def _master_recipe(self, recipe: str, version: str) -> Element:
        material = MATERIALS[self.batch.product]
        master = make(
            "MasterRecipe",
            make("ID", recipe),
            make("Version", version),
            make("Description", f"{material.description}, master recipe"),
            make("Header", make("ProductID", material.number), make("ProductName", material.description)),
        )
        return make("MasterRecipes", make("MasterRecipeRecord", *entry("R2", "Master Recipe"), master))

    def _events(self) -> Element | None:
        events: list[Element] = []
        name, start, length, lowest = LOW_OXYGEN
        if self.batch.seed == WORKED_EXAMPLE and start <= self.at:
            events.append(
                make(
                    "Event",
                    *entry("E1", "Event", start),
                    make("Description", "Dissolved oxygen low"),
                    make("EventType", "Alarm"),
                    make("EventSubType", "Process"),
                    make("EquipmentID", self.batch.span("SR-120").unit),
                    value(f"{lowest}", "double", "%"),
                    make("MessageText", f"{name} below 30 % for {length.seconds // 60} minutes"),
                    make("ProceduralElementReference", "SR-120"),
                    make(
                        "AlarmData",
                        make("AlarmEvent", "Active"),
                        make("AlarmType", "Low"),
                        value("30", "double", "%", name="AlarmLimit"),
                        make("Priority", "2"),
                    ),
                )
            )
        for number, (at, text) in enumerate(self._messages(), start=2):
            events.append(
                make(
                    "Event",
                    *entry(f"E{number}", "Event", at),
                    make("EventType", "Message"),
                    make("EventSubType", "Message"),
                    make("EquipmentID", self.batch.span("SR-120").unit),
                    make("MessageText", text),
                    make("ProceduralElementReference", "SR-120"),
                )
            )
        return make("Events", *events) if events else None

    def _messages(self) -> list[tuple[datetime, str]]:
        if self.culture is None:
            return []
        start = self.batch.span("SR-120").start
        steps = ((72, "Feed A started"), (120, "Temperature lowered to 34.5 °C"), (324, "Feed A stopped"))
        told = [(start + timedelta(hours=hour, minutes=4), text) for hour, text in steps]
        return [message for message in told if message[0] <= self.at]

    def _signatures(self) -> Element | None:
        if not self.is_complete:
            return None
        meanings = (("P1", "Performed", "OP-114"), ("P2", "Verified", "OP-131"))
        return make(
            "PersonnelIdentification",
            *(
                make(
                    "PersonnelIdentificationManifest",
                    *entry(
                        number,
                        "Personnel Identification Manifest",
                        self.batch.end + timedelta(minutes=minute),
                    ),
                    make("RecordReference", self.batch.spans[-1].step),
                    make("Name", person),
                    make("ChangeIndication", f"{self.batch.id}/{number}"),
                    make("Reason", meaning),
                )
                for minute, (number, meaning, person) in enumerate(meanings, start=5)
            ),
        )

    def _qualifications(self) -> Element | None:
        if not self.is_complete:
            return None
        return make(
            "ResourceQualifications",
            *(
                make(
                    "ResourceQualificationsManifest",
                    *entry(f"Q{number}", "Other", self.batch.end, other="Resource Qualification"),
                    make("RecordReference", self.batch.spans[-1].step),
                    make("ResourceID", person),
                    make("ResourceUse", "Operator" if number == 1 else "Verifier"),
                    make("ResourceType", "Person"),
                    make("QualificationStatus", "Qualified"),
                    when("EffectiveTimeStamp", MASTER_DATA_AT),
                    when("ExpirationTimeStamp", MASTER_DATA_AT + timedelta(days=730)),
                )
                for number, person in enumerate(("OP-114", "OP-131"), start=1)
            ),
        )

    def _performance(self) -> Element:
        batch = self.batch
        started = [span for span in batch.spans if span.start <= self.at]
        recipe, version = RECIPES[batch.product]
        response = make(
            "OperationsResponse",
            make("ID", f"OR-{batch.id}"),
            when("StartTime", batch.start),
            when("EndTime", batch.end if self.is_complete else None),
            make("OperationsType", "Production"),
            make("OperationsRequestID", batch.order, schemeID="sap.prd:process_order"),
            make("OperationsDefinitionID", f"{recipe} {version}"),
            make("ResponseState", "Completed" if self.is_complete else "Running"),
            *(self._unit_procedure(span) for span in started),
        )
        performance = make(
            "OperationsPerformance",
            make("ID", f"PERF-{batch.id}"),
            when("PublishedDate", self.at),
            _site(),
            make("OperationsType", "Production"),
            make("PerformanceState", "Completed" if self.is_complete else "Running"),
            response,
        )
        head = entry("OP1", "Other", self.at, other="Operations Performance")
        return make("OperationsPerformances", make("OperationsPerformanceRecord", *head, performance))

    def _unit_procedure(self, span: Span) -> Element:
        step = STEPS[span.step]
        ended = span.end <= self.at
        return make(
            "SegmentResponse",
            make("ID", span.step),
            make("Description", step.name),
            when("ActualStartTime", span.start),
            when("ActualEndTime", span.end if ended else None),
            make("OperationsType", "Production"),
            make("ProcessSegmentID", step.segment),
            make("SegmentState", "Completed" if ended else "Running"),
            *(self._data(span, step) if ended else _setpoints(step)),
            *_people(span),
            make("EquipmentActual", make("ID", "E1"), make("EquipmentID", span.unit)),
            *self._material(span, ended=ended),
            *self._operations(span, step),
        )

    def _data(self, span: Span, step: Step) -> list[Element]:
        rng = Random(f"{SEED}/{self.batch.id}/{step.id}/data")
        data = _setpoints(step)
        for parameter in step.parameters:
            text = f"{rng.gauss(parameter.nominal, parameter.spread):.{parameter.decimals}f}"
            if self.batch.seed == WORKED_EXAMPLE and parameter.name == "LoadMass":
                text = "1428"
            if parameter.name == "Rejected vials":
                text = str(int(self.batch.uses[1].quantity) - int(self.batch.size))
            data.append(_datum(parameter, parameter.name, text))
        if span.step == "SR-120" and self.culture:
            last = self.culture.at((span.end - span.start).total_seconds() / 3600)
            more = (
                ("Peak viable cell density", f"{self.culture.viable.max():.1f}", "10^6 cells/mL"),
                ("Harvest viability", f"{self.culture.viability[last]:.1f}", "%"),
                ("Harvest titre", f"{self.batch.titre:.1f}", "g/L"),
            )
            data += [
                make("SegmentData", make("ID", n), value(text, "double", unit)) for n, text, unit in more
            ]
        return data

    def _material(self, span: Span, *, ended: bool) -> list[Element]:
        moved: list[tuple[str, str, str, str, str]] = []
        if span is not self.batch.spans[0] and self.batch.titre:
            before = self.batch.spans[self.batch.spans.index(span) - 1].step
            material, kg = self.batch.intermediates[before]
            moved.append((material, self.batch.lot_of(material), "Consumed", kg, "KG"))
        moved += [
            (u.material, u.lot, "Consumable" if u.consumable else "Consumed", u.quantity, u.unit)
            for u in self.batch.uses
            if u.step == span.step
        ]
        if ended and span.step in self.batch.intermediates:
            material, made = self.batch.intermediates[span.step]
            is_product = material == self.batch.product
            text, unit = (self.size, self.batch.size_unit) if is_product else (made, "KG")
            moved.append((material, self.batch.lot_of(material), "Produced", text, unit))
        return [
            make(
                "MaterialActual",
                make("ID", f"{span.step}-M{number}"),
                make("MaterialDefinitionID", MATERIALS[material].number),
                make("MaterialLotID", lot),
                make("MaterialUse", use),
                quantity(text, unit),
            )
            for number, (material, lot, use, text, unit) in enumerate(moved, start=1)
        ]

    def _operations(self, span: Span, step: Step) -> list[Element]:
        """Operations and phases that had begun, each directly after the one before."""
        length = span.end - span.start
        begin, operations = span.start, list[Element]()
        for number, (name, share, phases) in enumerate(step.operations, start=1):
            end = span.end if number == len(step.operations) else begin + _whole_seconds(length * share)
            if begin <= self.at:
                key = f"{step.id}-{number * 10}"
                each = (end - begin) / len(phases)
                inner = [
                    self._element((f"{key}-{i}", phase, "Phase"), begin + _whole_seconds(each * (i - 1)),
                                  end if i == len(phases) else begin + _whole_seconds(each * i))
                    for i, phase in enumerate(phases, start=1)
                    if begin + each * (i - 1) <= self.at
                ]  # fmt: skip
                operations.append(self._element((key, name, "Operation"), begin, end, *inner))
            begin = end
        return operations

    def _element(
        self, names: tuple[str, str, str], start: datetime, end: datetime, *inner: Element
    ) -> Element:
        key, name, level = names
        ended = end <= self.at
        return make(
            "SegmentResponseChild",
            make("ID", key),
            make("Description", name),
            when("ActualStartTime", start),
            when("ActualEndTime", end if ended else None),
            make("ProcessSegmentID", segment_of(level, name)),
            make("SegmentState", "Completed" if ended else "Running"),
            *inner,
        )


def _whole_seconds(length: timedelta) -> timedelta:
    return timedelta(seconds=int(length.total_seconds()))


def _setpoints(step: Step) -> list[Element]:
    return [_datum(p, f"{p.name} setpoint", p.setpoint) for p in step.parameters if p.setpoint is not None]


def _datum(parameter: Parameter, name: str, text: str) -> Element:
    return make(
        "SegmentData",
        make("ID", name),
        make("Description", "CPP") if parameter.is_critical else None,
        value(text, "double", parameter.unit),
    )


def _people(span: Span) -> list[Element]:
    number = span.start.toordinal()
    return [
        make(
            "PersonnelActual",
            make("ID", f"P{i}"),
            make("PersonID", f"OP-{110 + (number * i) % 24}"),
            make("PersonnelUse", use),
        )
        for i, use in enumerate(("Operator", "Verifier"), start=1)
    ]


def _change(number: str, at: datetime, *, before: tuple[str, str, str], reason: str) -> Element:
    reference, text, unit = before
    return make(
        "Change",
        *entry(number, "Change", at),
        make("RecordReference", reference),
        value(text, "double", unit, name="PrechangeData"),
        make("Reason", reason),
    )
