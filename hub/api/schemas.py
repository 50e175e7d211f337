"""The shapes of answers, for the OpenAPI document and for tests: made from the same reading as the tables."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from types import GenericAlias
from typing import Annotated, Any, Literal, Optional

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model
from pydantic.config import JsonDict

from hub.api.instant import Instant
from hub.api.values import ABSENT, Cell, ShownValue, StatedValue
from hub.model.enums import OTHER
from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import Field as RecordField
from hub.model.shape import fields_of
from hub.store.questions.grammar import MAX_LENGTH


class Schema(BaseModel):
    """An answer: every member is there, none is extra."""

    model_config = ConfigDict(extra="forbid")


class Reference(Schema):
    """Another thing."""

    uid: str
    code: str
    description: str | None


class ReportedReference(Schema):
    """Another thing as a source named it (`reported`), and what that was resolved to (null while unknown)."""

    uid: str | None
    code: str | None
    reported: str | None


class Peer(Schema):
    """Another fact of the same source, by the source's key and, once it is there, by its id."""

    key: str | None
    id: int | None


class Amount(Schema):
    """A golden amount with its UCUM unit."""

    value: float | None
    unit: str | None


class ReportedAmount(Schema):
    """An amount as reported: number, verbatim text, UCUM unit, the source's own unit."""

    value: float | None
    text: str | None
    unit: str | None
    source_unit: str | None


class ReportedValue(ReportedAmount):
    """A measurement as reported; `<0.05` has the comparator `<`."""

    comparator: str | None


_GOLDEN: dict[str, Any] = {
    "text": str | None,
    "number": float | None,
    "integer": int | None,
    "flag": bool | None,
    "instant": Optional[AwareDatetime],  # noqa: UP045 - Annotated takes no bar
    "quantity": ReportedAmount | None,
    "reference": Reference | None,
}
_REPORTED: dict[str, Any] = {
    **_GOLDEN,
    "measurement": ReportedValue | None,
    "reference": ReportedReference | None,
    "peer": Peer | None,
}
_THING: dict[str, Any] = {
    "uid": str,
    "code": str,
    "description": str | None,
    "lifecycle": Literal["stub", "active", "retired", "merged", "retracted"],
    "has_conflict": bool,
    "version": int,
    "recorded_at": AwareDatetime,
}
_FACT: dict[str, Any] = {
    "id": int,
    "source": str,
    "source_record": int,
    "key": str,
    "same_as": int | None,
    "is_retracted": bool,
    "version": int,
    "recorded_at": AwareDatetime,
}
_FACT_OWN: dict[str, dict[str, Any]] = {
    "segment_response": {"duration_s": float | None},
    "material_actual": {
        "count_state": Literal["counted", "same_as", "disputed", "netted"] | None,
        "count_difference": float | None,
        "counted": Amount | None,
        "disputes": int | None,
    },
}


@cache
def thing_schema(entity_type: str) -> type[Schema]:
    """Give the schema of a mastered thing."""
    kind = MASTERED[entity_type]
    fields = _members([f for f in fields_of(kind) if f.name != "description"], _GOLDEN)
    return _model(kind.__name__, {**_THING, **fields}, kind.__doc__)


@cache
def fact_schema(record_type: str) -> type[Schema]:
    """Give the schema of an observed fact."""
    kind = OBSERVED[record_type]
    fields = _members(fields_of(kind), _REPORTED)
    return _model(kind.__name__, {**_FACT, **fields, **_FACT_OWN.get(record_type, {})}, kind.__doc__)


def _members(fields: Iterable[RecordField], table: dict[str, Any]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for field in fields:
        members[field.name] = _annotation(field, table)
        if field.kind == "choice":
            members[f"{field.name}_text"] = str | None
    return members


def _annotation(field: RecordField, table: dict[str, Any]) -> Any:
    listed: Any = Literal[*field.values, OTHER] if field.kind == "choice" else Literal[field.values]
    return Optional[listed] if field.values else table[field.kind]  # noqa: UP045 - made at run time


def _model(name: str, fields: dict[str, Any], doc: str | None) -> type[Schema]:
    required: dict[str, Any] = {key: (annotation, ...) for key, annotation in fields.items()}
    return create_model(name, __base__=Schema, __doc__=doc, **required)


def extend(model: type[Schema], name: str, fields: dict[str, Any]) -> type[Schema]:
    """Give a schema with more members."""
    required: dict[str, Any] = {key: (annotation, ...) for key, annotation in fields.items()}
    return create_model(name, __base__=model, **required)


def many(model: type[Schema]) -> Any:
    """Give the annotation of a list of a schema that was made at run time."""
    return GenericAlias(list, (model,))


class LimitsOfResult(Schema):
    """What a result was tested against."""

    lower: float | None
    upper: float | None
    lower_action: float | None
    upper_action: float | None
    text: str | None
    unit: str | None
    method: str | None
    property: str | None
    is_cqa: bool | None


class SampleOfResult(Schema):
    """The sample that was tested."""

    key: str | None
    id: int | None
    code: str | None
    sample_type: str | None
    stage: str | None
    taken_at: AwareDatetime | None
    received_at: AwareDatetime | None
    status: str | None


class Tolerance(Schema):
    """How far values may lie apart and agree: a part of what counts, or an amount (seconds for times)."""

    relative: float
    absolute: float
    unit: str | None


class RuleVersion(Schema):
    """Which version of which rule; `*` as attribute or type is the rule of all that have none."""

    entity_type: str
    attribute: str
    version: int


class Rule(RuleVersion):
    """Whose word counts: a strategy, the order of kinds and codes of sources, and what still agrees."""

    strategy: Literal["system", "latest", "earliest", "widest", "union"]
    order: list[str]
    tolerance: Tolerance
    effective_from: AwareDatetime
    is_in_force: bool
    origin: Literal["hub", "project", "person"]
    approved_by: str
    reason: str | None
    recorded_at: AwareDatetime


class RuleHistory(Schema):
    """Every version of one rule, the newest first."""

    entity_type: str
    attribute: str
    versions: list[Rule]


class DecisionTaken(Schema):
    """Which source a person let count, when and why."""

    id: int
    counts: str
    decided_by: str
    decided_at: AwareDatetime
    reason: str


class JudgedValue(Schema):
    """What a source said when a person decided."""

    source: str
    value: StatedValue


class Decision(DecisionTaken):
    """A decision, and what each source said then: it counts while all of them still say so."""

    judged: list[JudgedValue]


class DecisionEver(Decision):
    """A decision that stands or was taken back."""

    state: Literal["standing", "reversed"]
    reversed_by: str | None
    reversed_at: AwareDatetime | None
    reversed_reason: str | None


class ChangedVoice(Schema):
    """A source that says something else now than when a person decided; null where it said nothing."""

    source: str
    then: StatedValue
    now: StatedValue


class OvertakenDecision(Decision):
    """A decision that no longer settles a conflict, with what changed since."""

    changed: list[ChangedVoice]


class Statement(Schema):
    """What a source says about an attribute.

    `difference` is how much more it says than what counts, in the unit of that. `in_conflict`: it contradicts
    what counts; `is_settled`: so it does, but a person has decided about that. `decision` is theirs.
    """

    source: str
    source_kind: str
    value: StatedValue
    is_winner: bool
    in_conflict: bool
    is_settled: bool
    difference: Amount | None
    decision: DecisionTaken | None
    source_record: int
    source_time: AwareDatetime | None
    recorded_at: AwareDatetime


class Assertion(Statement):
    """What a source says, or said until `superseded_at`, about an attribute; `rule` chose what counts now."""

    attribute: str
    superseded_at: AwareDatetime | None
    rule: RuleVersion | None


class AttributeConflict(Schema):
    """An attribute about which sources disagree beyond the tolerance of `rule`; what counts is marked.

    A resolved one has a `decision`. `reopened` is the newest decision that what is said now has overtaken.
    """

    attribute: str
    state: Literal["open", "resolved", "agreed"]
    rule: Rule | None
    decision: Decision | None
    reopened: OvertakenDecision | None
    statements: list[Statement]


class Conflict(AttributeConflict):
    """A conflict and the thing it is about."""

    entity_type: str
    entity: Reference | None


class ConflictWhole(Conflict):
    """A conflict with every decision there ever was about it, the newest first."""

    decisions: list[DecisionEver]


class NameLink(Schema):
    """A link of a name to another (`scheme|value`): by which method, on what evidence, by whom.

    `rejected`: a person keeps the two apart.
    """

    id: int
    name: str
    method: Literal["native", "declared", "normalised", "rule", "human"]
    state: Literal["confirmed", "rejected"]
    evidence: dict[str, Any] | None
    reason: str | None
    decided_by: str
    decided_at: AwareDatetime


class Name(Schema):
    """A name of a thing in a scheme, the step of the ladder that linked it, and the links that did.

    One that is not active was replaced (`replaced_by`: `scheme|value`); it finds the thing for ever.
    """

    scheme: str
    value: str
    label: str
    method: Literal["native", "declared", "normalised", "rule", "human"]
    recorded_at: AwareDatetime
    is_active: bool
    valid_from: AwareDatetime | None
    valid_to: AwareDatetime | None
    replaced_by: str | None
    links: list[NameLink]


class TagOfSignal(Schema):
    """The tag behind a signal."""

    uid: str
    code: str
    description: str | None
    property: str | None
    unit: str | None
    source_unit: str | None
    is_step: bool | None
    criticality: str | None
    low: float | None
    high: float | None


class EquipmentOfSignal(Schema):
    """Where a signal is measured."""

    uid: str
    code: str


class SpanOfSignal(Schema):
    """A span in which samples belong to the batch; the end is exclusive."""

    start: AwareDatetime
    end: AwareDatetime


class SignalWindow(Schema):
    """A tag of a unit where the batch ran, and when its samples belong to the batch (ends are exclusive).

    A unit that the batch left and came back to has several `spans`; `start` is that of the first, `end` that
    of the last.
    """

    tag: TagOfSignal
    equipment: EquipmentOfSignal
    start: AwareDatetime
    end: AwareDatetime
    spans: list[SpanOfSignal]


class SignalSummary(SignalWindow):
    """A signal with figures of its good samples; `not_good` counts uncertain and bad ones."""

    samples: int
    not_good: int
    first: float | None
    last: float | None
    min: float | None
    max: float | None
    mean: float | None


class Listed(Schema):
    """A list that is given whole."""

    items: list[Any]


class Paged(Schema):
    """A page; `next` is the cursor of the next one (also in the Link header), null on the last."""

    items: list[Any]
    next: str | None


@cache
def list_of(model: type[Schema]) -> type[Schema]:
    """Give the schema of a whole list."""
    return create_model(f"{model.__name__}List", __base__=Listed, items=(many(model), ...))


@cache
def page_of(model: type[Schema]) -> type[Schema]:
    """Give the schema of a page."""
    return create_model(f"{model.__name__}Page", __base__=Paged, items=(many(model), ...))


class NamedProperty(Schema):
    """What `filter` and `order` may name; a reference leads to its `target`, `values` are those of a list."""

    name: str
    kind: Literal["text", "number", "integer", "flag", "instant", "reference"]
    target: str | None
    values: list[str]


class FlatColumn(Schema):
    """A column of CSV, Parquet and Arrow, with its Arrow type."""

    name: str
    type: str


class NamedExpansion(Schema):
    """What `expand` may name: one item, or many."""

    name: str
    collection: str
    is_many: bool


class CollectionCard(Schema):
    """A collection: things of the model, facts about them, or a view of the star."""

    name: str
    family: Literal["thing", "fact", "star"]
    description: str
    key: str
    members: list[str]
    properties: list[NamedProperty]
    columns: list[FlatColumn]
    expansions: list[NamedExpansion]


_ITEM: JsonDict = {
    "code": "B26-0117",
    "status": "Complete",
    "product": {"uid": "…", "code": "300214", "description": None},
}


class CollectionItem(Schema):
    """An item: the members of its collection that were selected, and its expansions (see /v1/collections)."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": _ITEM})


class CollectionList(Listed):
    """All collections."""

    items: list[CollectionCard]


class CollectionPage(Paged):
    """A page of a collection."""

    items: list[CollectionItem]


Batch = thing_schema("batch")
Phase = fact_schema("segment_response")
PhaseData = fact_schema("segment_data")
Movement = fact_schema("material_actual")
Event = fact_schema("operations_event")
Order = thing_schema("operations_request")
QualityEvent = thing_schema("quality_event")
_result_fields: dict[str, Any] = {
    "sample": SampleOfResult | None,
    "limits": LimitsOfResult | None,
    "is_outside": bool | None,
}
Result = extend(fact_schema("test_result"), "Result", _result_fields)


class Asked(Schema):
    """The uid that was asked for, when its batch has been merged into this one."""

    uid: str
    note: str


BatchWhole = extend(
    Batch,
    "BatchWhole",
    {
        "merged_from": Asked | None,
        "names": list[Name],
        "phases": many(Phase),
        "phase_data": many(PhaseData),
        "materials": many(Movement),
        "resources": many(fact_schema("resource_actual")),
        "requirements": many(fact_schema("material_requirement")),
        "results": many(Result),
        "events": many(Event),
        "quality_events": many(QualityEvent),
        "orders": many(Order),
        "signals": list[SignalWindow],
        "conflicts": list[AttributeConflict],
        "assertions": list[Assertion] | None,
    },
)
Lot = thing_schema("material_lot")
LotWhole = extend(
    Lot,
    "LotWhole",
    {
        "merged_from": Asked | None,
        "names": list[Name],
        "movements": many(Movement),
        "conflicts": list[AttributeConflict],
        "assertions": list[Assertion] | None,
    },
)


class LotNode(Schema):
    """A lot in a genealogy; `depth` counts the steps from the lot that was asked for."""

    depth: int
    uid: str
    code: str
    lifecycle: str
    kind: str | None
    quantity: Amount | None
    disposition: str | None
    material: Reference | None


class BatchOfEdge(Schema):
    """The batch in which one lot went into another."""

    uid: str
    code: str


class LotEdge(Schema):
    """One lot went into another; `input` and `output` are uids of `lots`."""

    input: str
    output: str
    batch: BatchOfEdge | None
    kind: str
    quantity: float | None
    unit: str | None


class Genealogy(Schema):
    """The lots before or after a lot; `is_complete` is false when depth or limit cut it."""

    direction: Literal["backward", "forward"]
    is_complete: bool
    lots: list[LotNode]
    edges: list[LotEdge]


class EquipmentNode(Schema):
    """A piece of equipment in the tree; `path` holds the codes from the top, `parent` a uid."""

    uid: str
    code: str
    description: str | None
    level: str | None
    parent: str | None
    depth: int
    path: str
    timezone: str | None
    lifecycle: str
    has_conflict: bool
    tags: int


Equipment = thing_schema("equipment")
EquipmentWhole = extend(
    Equipment,
    "EquipmentWhole",
    {
        "merged_from": Asked | None,
        "names": list[Name],
        "conflicts": list[AttributeConflict],
        "assertions": list[Assertion] | None,
    },
)


class Latest(Schema):
    """The last sample of a tag; quality is an OPC UA status code."""

    ts: AwareDatetime
    value: float | None
    text: str | None
    quality: int


Tag = extend(thing_schema("tag"), "TagWithLatest", {"latest": Latest | None})


class SampleRow(Schema):
    """A sample: source time (UTC, microseconds), number or text, OPC UA status code.

    With the status 1025 (Good, Calculated) the value is the least or greatest of an hour and `ts` its start.
    """

    tag: str
    ts: AwareDatetime
    value: float | None
    text: str | None
    quality: int


class Samples(Schema):
    """Samples sorted by tag and time; start is inclusive, end exclusive.

    `by_hour` names the tags that were thinned by hours, having too many samples to look at each.
    """

    start: AwareDatetime
    end: AwareDatetime
    tags: list[str]
    is_downsampled: bool
    by_hour: list[str]
    items: list[SampleRow]


class SampleInstant(Schema):
    """What a tag was at an instant: read between samples when it slopes, the last sample's when it steps.

    `sampled_at` and `quality` are those of the last sample at or before it; both values are null when nothing
    good is known.
    """

    tag: str
    unit: str | None
    value: float | None
    text: str | None
    is_good: bool
    is_interpolated: bool
    sampled_at: AwareDatetime | None
    quality: int | None


class SampleInstants(Schema):
    """Tags at one instant."""

    at: AwareDatetime
    items: list[SampleInstant]


class SampleGrid(Schema):
    """Tags at the same instants: each row has `ts` and a member a tag (a number, a text, or null)."""

    start: AwareDatetime
    end: AwareDatetime
    every_s: float
    units: dict[str, str | None]
    items: list[dict[str, Cell]]


class WindowStatistics(Schema):
    """A tag over one window (end exclusive); a statistic is null where nothing tells it."""

    tag: str
    unit: str | None
    start: AwareDatetime
    end: AwareDatetime
    statistics: dict[str, float | None]


class SampleStatistics(Schema):
    """Tags over windows, by tag and time."""

    start: AwareDatetime
    end: AwareDatetime
    items: list[WindowStatistics]


class ExecutedStatistics(Schema):
    """A tag over an executed interval: from when to when the interval reaches the tag, and the statistics."""

    batch: str
    unit_procedure: str | None
    operation: str | None
    phase: str | None
    level: str
    name: str
    occurrence: int
    is_derived: bool
    is_open: bool
    tag: str
    property: str | None
    unit: str | None
    start: AwareDatetime
    end: AwareDatetime
    statistics: dict[str, float | None]


class PhaseStatistics(Schema):
    """Statistics of executed intervals, by equipment, batch, tag and start."""

    items: list[ExecutedStatistics]


class SampleInContext(SampleRow):
    """A sample with what it belongs to: a row for each batch that it is of, one without a batch if none."""

    batch: str | None
    unit_procedure: str | None
    operation: str | None
    phase: str | None
    is_derived: bool | None


class SamplesInContext(Schema):
    """Samples with what they belong to, by tag and time."""

    start: AwareDatetime
    end: AwareDatetime
    items: list[SampleInContext]


class MatrixColumn(Schema):
    """A column of the matrix: its group, unit, of how many batches it is known, and who said its values."""

    name: str
    group: Literal["raw", "feature", "ipc", "cqa"]
    label: str
    unit: str | None
    known: int
    sources: list[str]


class MatrixRow(Schema):
    """A batch; `completeness` is the part of the columns that have a value (null without columns)."""

    batch: str
    uid: str
    product: str | None
    actual_start: AwareDatetime | None
    actual_end: AwareDatetime | None
    completeness: float | None
    values: dict[str, float | None]
    provenance: str | None = Field(description="JSON: rows by column; null unless asked for.")


class Matrix(Schema):
    """The modelling matrix."""

    columns: list[MatrixColumn]
    items: list[MatrixRow]


class MatrixRequest(BaseModel):
    """Which batches (by name, or by a filter), which groups of columns, and whether cells say where from."""

    model_config = ConfigDict(extra="forbid")

    batches: list[Annotated[str, Field(max_length=200)]] = Field(default_factory=list[str], max_length=10_000)
    filter: str | None = Field(default=None, max_length=MAX_LENGTH)
    groups: list[Literal["raw", "feature", "ipc", "cqa"]] = Field(
        default=["raw", "feature", "ipc", "cqa"], max_length=4
    )
    provenance: bool = False


class StreamState(Schema):
    """A stream of a source: what it has brought, how long ago it last succeeded, and how new its samples are.

    `newest_at` is the time of the newest sample that the source has given: one that answers with nothing new
    succeeds, so that its `lag_s` stays small.
    """

    name: str
    kind: Literal["records", "samples"]
    state: Literal["idle", "running", "waiting", "paused", "stopped"]
    every_s: float | None
    due_at: AwareDatetime
    documents: int
    records: int
    samples: int
    rejected: int
    attempts: int
    last_error: str | None
    last_error_at: AwareDatetime | None
    last_success_at: AwareDatetime | None
    lag_s: float | None
    newest_at: AwareDatetime | None


class Source(Schema):
    """A source system and its streams."""

    code: str
    kind: str
    connector: str | None
    timezone: str | None
    state: str | None
    system: str | None
    checked_at: AwareDatetime | None
    last_error: str | None
    last_error_at: AwareDatetime | None
    streams: list[StreamState]
    source_records: int
    quarantined: int


class Held(Schema):
    """A part of a document that could not be read: where, why, what to do."""

    id: int
    source: str
    stream: str
    object_type: str
    source_key: str
    part: str
    reason: str
    remedy: str | None
    media_type: str
    connector: str
    state: Literal["open", "resolved", "dismissed"]
    attempts: int
    source_time: AwareDatetime | None
    first_seen_at: AwareDatetime
    last_seen_at: AwareDatetime
    resolved_at: AwareDatetime | None


class HeldWhole(Held):
    """A quarantined part with its payload, word for word."""

    payload: str


class RecordVersion(Schema):
    """Another version of the same source record."""

    id: int
    seq: int
    op: Literal["U", "D"]
    received_at: AwareDatetime


class SourceRecord(Schema):
    """What a source said, word for word, and what read it."""

    id: int
    source: str
    source_kind: str
    connector: str | None
    object_type: str
    source_key: str
    seq: int
    op: Literal["U", "D"]
    content_hash: str
    media_type: str
    source_version: int
    source_time: AwareDatetime | None
    received_at: AwareDatetime
    mapping_version: str
    payload: str
    versions: list[RecordVersion]


class Completeness(Schema):
    """What a batch has."""

    uid: str
    code: str
    lifecycle: str
    kind: str | None
    has_phases: bool
    has_results: bool
    has_samples: bool


class CompletenessSummary(Schema):
    """Counts over all batches."""

    batches: int
    without_phases: int
    without_results: int
    without_samples: int
    results_without_samples: int


class CompletenessReport(Schema):
    """Batches that lack what was asked for, and counts over all."""

    summary: CompletenessSummary
    items: list[Completeness]


class Moved(Schema):
    """A member that differs: what it said before and what it says after."""

    attribute: str
    from_: ShownValue = Field(alias="from")
    to: ShownValue


class ChangeOfBatch(Schema):
    """Something of a batch that has moved; `entity` is what a value, name or decision is about.

    `cause`: `new` and `late` statements (the source had a late one before), `corrected`, `withdrawn` and
    `stated_again` by their source, `linked` (names), `judged` (by a person), `ruled` (a rule changed),
    `weighed` (other sources changed), `counted` (movements compared), `derived`, `gone`. `known_at`, `actor`
    and `reason` are those of the last of the `acts` that touched it.
    """

    of: str
    change: Literal["added", "changed", "removed", "restored"]
    label: str
    id: int | None
    entity_type: str | None
    entity: Reference | None
    attribute: str | None
    moved: list[Moved]
    cause: str
    why: str
    known_at: AwareDatetime | None
    actor: str | None
    reason: str | None
    acts: int
    source: str | None
    source_record_before: int | None
    source_record: int | None


class Tally(Schema):
    """How many items are of one kind."""

    of: str
    count: int


class BatchChanges(Schema):
    """What has moved in a batch between what was known at `since` and at `until`; counts by what it is of."""

    batch: Reference
    since: AwareDatetime
    until: AwareDatetime
    counts: list[Tally]
    items: list[ChangeOfBatch]


class UnitOfMeasure(Schema):
    """A unit: a value in it is `(value + offset) * factor` in the base unit of its dimension."""

    code: str
    unece: str | None
    dimension: str
    factor: float
    offset: float
    aliases: list[str]


class Info(Schema):
    """What this is."""

    name: str
    version: str
    api: str


class Ready(Schema):
    """Whether requests can be served, check by check."""

    ready: bool
    checks: dict[str, str]


class ReplayRequest(BaseModel):
    """Which quarantined parts to read again."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[Annotated[int, Field(ge=1, le=2**63 - 1)]], Field(min_length=1, max_length=1000)]


Reason = Annotated[
    str,
    Field(min_length=3, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$", description="Why, for the record."),
]


class ToleranceGiven(BaseModel):
    """How far values may lie apart: a part of what counts, or an amount (for times a span, else seconds)."""

    model_config = ConfigDict(extra="forbid")

    relative: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    absolute: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    unit: Annotated[str | None, Field(max_length=40)] = None


class RuleGiven(BaseModel):
    """A new version of a rule. Without `effective_from` it is in force at once."""

    model_config = ConfigDict(extra="forbid")

    strategy: Literal["system", "latest", "earliest", "widest", "union"]
    order: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=50)]
    tolerance: ToleranceGiven = ToleranceGiven()
    effective_from: Instant | None = None
    reason: Reason


class ConflictResolution(BaseModel):
    """Which source counts, by its code, and why."""

    model_config = ConfigDict(extra="forbid")

    counts: Annotated[str, Field(min_length=1, max_length=60)]
    reason: Reason


class DecisionReversal(BaseModel):
    """Why a decision is taken back; `decision` when it is another than the one that settles the conflict."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
    decision: Annotated[int | None, Field(ge=1, le=2**63 - 1)] = None


class Replayed(Schema):
    """What came of a replay."""

    resolved: int
    still_open: int


class JobStatus(Schema):
    """A call that is answered later; `bytes` are written so far, `status` is that of the answer.

    Lost is a job whose process ended before the answer was there: make the call again.
    """

    id: str
    state: Literal["running", "done", "failed", "lost"]
    request: str
    begun_at: AwareDatetime
    ended_at: AwareDatetime | None
    bytes: int
    status: int | None
    media_type: str | None
    result: str | None
    events: str
    kept_until: AwareDatetime
    detail: str


class InvalidPlace(Schema):
    """A place of a request that is not valid, and why; `in`: query, path, header, body; `at`: where in it."""

    in_: str = Field(alias="in")
    at: str
    detail: str


class Candidate(Reference):
    """One of several things that have a name."""

    lifecycle: str


class StepBetweenNames(Schema):
    """A link on the way from one name to another that a decision contradicts."""

    one: str
    other: str
    method: str
    link_id: int


class ProblemDetails(BaseModel):
    """RFC 9457 problem details; `type` tells the kind. Some kinds carry one or more of the other members.

    `errors`: what is not valid; `position`: where a filter ends to make sense, from 1; `candidates`: things
    that have the name; `path`: links that contradict a decision; `changed`, `current`, `etag`: what it says
    now.
    """

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    errors: list[InvalidPlace] = ABSENT
    position: int = ABSENT
    candidates: list[Candidate] = ABSENT
    path: list[StepBetweenNames] = ABSENT
    changed: list[str] = ABSENT
    current: dict[str, Any] = ABSENT
    etag: str = ABSENT


EXAMPLES: dict[str, Any] = {
    "uid": "0198c2f4-6d3a-7c1e-9b52-3f1d7a8e4c60",
    "code": "B26-0117",
    "description": "Production bioreactor, fed-batch",
    "source": "mes",
    "source_kind": "MES",
    "scheme": "mes:batch",
    "value": 118.2,
    "from": "Running",
    "to": "Complete",
    "then": 118.2,
    "now": 117.3,
    "unit": "kg",
    "reported": "b26 0117",
    "attribute": "actual_size",
    "name": "Fed-batch",
    "evidence": {"norm": "B260117"},
    "payload": '{"ManufacturingOrder": "000001004711"}',
    "media_type": "application/json",
}
"""What members look like in the examples of the OpenAPI document."""

_MOMENT = datetime.fromisoformat("2026-03-10T08:00:00+00:00")
EXAMPLE_TIME = _MOMENT.isoformat().replace("+00:00", "Z")
