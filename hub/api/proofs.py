"""The shapes of proofs: whether a batch is whole, and where a value comes from."""

from typing import Any, Literal

from pydantic import AwareDatetime

from hub.api.schemas import ReportedAmount, Schema, SpanOfSignal
from hub.api.values import EssenceOfValue, ShownValue

Standing = Literal[
    "present", "late", "in_progress", "not_needed", "missing", "partial", "bad_only", "retest_open"
]


class Subject(Schema):
    """What a proof is about."""

    uid: str
    code: str


class Stated(Schema):
    """Where something is said: by which source, as which fact, in which source record."""

    source: str
    record_type: str
    key: str
    source_record: int


class Lack(Schema):
    """Something that should be there and is not."""

    what: Literal["step", "test", "tag"]
    name: str
    standing: Standing
    detail: str | None


class Doubt(Schema):
    """Why completeness cannot be proved: for all of it, or as far as one source goes."""

    source: str | None
    reason: str


class ExpectedRun(Stated):
    """A run of an expected step."""

    name: str
    state: str | None
    start: AwareDatetime | None
    end: AwareDatetime | None


class ExpectedStep(Schema):
    """A step of the recipe, and the runs of it."""

    code: str
    name: str
    level: str | None
    is_optional: bool
    standing: Standing
    detail: str | None
    stated_by: Stated
    runs: list[ExpectedRun]


class Specification(Schema):
    """The specification that asks for a test."""

    uid: str
    code: str
    version: str | None
    stage: str | None
    material: str | None


class ResultValue(Schema):
    """A result as reported; `<0.05` has the comparator `<`."""

    value: float | None
    text: str | None
    comparator: str | None
    unit: str | None


class ExpectedResult(Stated):
    """A result of an expected test; `is_outside` tells that it breaks the limits in force."""

    value: ResultValue
    verdict: Literal["pass", "fail", "inconclusive"] | None
    is_outside: bool | None
    version: int
    approved_at: AwareDatetime | None


class ExpectedTest(Schema):
    """A test that the specification in force asks for, and the results of it."""

    test_code: str
    property: str | None
    is_cqa: bool
    specification: Specification
    standing: Standing
    detail: str | None
    stated_by: Stated
    results: list[ExpectedResult]


class ExpectedSignal(Schema):
    """A tag of a unit where the batch ran."""

    uid: str
    code: str
    property: str | None
    unit: str | None
    criticality: str | None


class Where(Schema):
    """Where a tag is measured."""

    uid: str
    code: str


class TagName(Schema):
    """What a source calls a tag."""

    source: str
    tag: str


class Covered(Schema):
    """A span that was read; the end is exclusive."""

    start: AwareDatetime
    end: AwareDatetime


class Gap(Covered):
    """A span without samples, and why.

    `not_read`: not read yet. `quarantined`: the tag cannot be read. `unmapped`: no source is known to have
    the tag. `not_there_yet`: the source was read to its end. `silent`: it was read, the source said nothing.
    """

    reason: Literal["not_read", "quarantined", "unmapped", "not_there_yet", "silent"]
    detail: str


class ExpectedTag(Schema):
    """A tag over the `spans` in which it belongs to the batch, from the first `start` to the last `end`.

    `digest` is the SHA-256 of its samples; `delivered_again` counts samples that came more than once.
    """

    tag: ExpectedSignal
    equipment: Where
    sources: list[TagName]
    start: AwareDatetime
    end: AwareDatetime
    spans: list[SpanOfSignal]
    standing: Standing
    detail: str | None
    samples: int
    not_good: int
    delivered_again: int
    digest: str
    covered: list[Covered]
    gaps: list[Gap]


class ExpectedSteps(Schema):
    """The steps of the recipe, in its order; how many of each standing."""

    counts: dict[str, int]
    items: list[ExpectedStep]


class ExpectedTests(Schema):
    """The tests of the specifications in force, critical attributes first."""

    counts: dict[str, int]
    items: list[ExpectedTest]


class ExpectedTags(Schema):
    """The tags of the units where the batch ran, critical parameters first."""

    counts: dict[str, int]
    items: list[ExpectedTag]


class Expected(Schema):
    """What is expected, and how it stands."""

    steps: ExpectedSteps
    tests: ExpectedTests
    tags: ExpectedTags


class DocumentKey(Schema):
    """A document by its type and key inside the source."""

    object_type: str
    key: str


class DocumentLine(DocumentKey):
    """A document with the SHA-256 of `U`, a line feed and its payload."""

    content_hash: str
    source_record: int


class Documents(Schema):
    """The documents of a source that speak of the batch, its order and what it made.

    `digest` is the SHA-256 over one line a document, in byte order: type, key and content hash, by tabs.
    """

    count: int
    by_type: dict[str, int]
    versions: int
    deleted: int
    first: DocumentKey | None
    last: DocumentKey | None
    first_received_at: AwareDatetime | None
    last_received_at: AwareDatetime | None
    digest: str | None
    keys: list[DocumentLine] | None


class FactCount(Schema):
    """Facts of one type; `seen_twice` of them are a second sighting of another source's.

    `digest` is the SHA-256 over one line a fact, in byte order: key and hash of what it states, by a tab.
    """

    record_type: str
    count: int
    seen_twice: int
    retracted: int
    digest: str


class Refused(Schema):
    """Documents that came again and were refused.

    `overlap`: the stored version, word for word. `duplicate`: the same words as another version. `stale`:
    an older version than the stored one.
    """

    overlap: int
    duplicate: int
    stale: int
    last_at: AwareDatetime | None


class Concern(Schema):
    """An open part of quarantine: of a document of the batch (`part`), or one that names it (`name`)."""

    id: int
    object_type: str
    source_key: str
    part: str
    reason: str
    remedy: str | None
    first_seen_at: AwareDatetime
    how: Literal["part", "name"]


class StreamEnd(Schema):
    """How the reading of a stream ended that is on record; `idle` is the end of what the source has.

    `means` is what the source gives to prove that nothing lacks: a full list each time (`snapshot`), or the
    `extent` of its history.
    """

    name: str
    kind: Literal["records", "samples"]
    state: str
    means: Literal["snapshot", "extent"] | None
    error: str | None
    marked_at: AwareDatetime


class SourceProof(Schema):
    """What the hub has of the batch from one source; `is_own`: the hub itself says it.

    `unmapped_tags` belong to no equipment: nobody can tell whose time they cover.
    """

    source: str
    kind: str
    is_own: bool
    documents: Documents
    facts: list[FactCount]
    attributes: int
    refused: Refused
    quarantined: list[Concern]
    unmapped_tags: list[str]
    streams: list[StreamEnd]


class BatchCompleteness(Schema):
    """Whether a batch is whole.

    The verdict is `incomplete` when something lacks that should be there, `in_progress` while it may still
    come, `unprovable` when nothing lacks but nobody can prove it, else `complete`.
    """

    batch: Subject
    state: Literal["unknown", "not_begun", "running", "ended"]
    start: AwareDatetime | None
    end: AwareDatetime | None
    verdict: Literal["complete", "incomplete", "in_progress", "unprovable"]
    lacks: list[Lack]
    unprovable: list[Doubt]
    expected: Expected
    sources: list[SourceProof]


# ------------------------------------------------------------------------------------------------ lineage
class Traced(Schema):
    """What a chain is of: a golden value of a thing (`uid`), or a field of a fact (`source`, `key`)."""

    type: str
    attribute: str
    uid: str | None
    code: str | None
    source: str | None
    key: str | None


class ToleranceOfRule(Schema):
    """How far two values may lie apart and still agree."""

    relative: float
    absolute: float
    unit: str | None


class RuleOfValue(Schema):
    """The version of the rule in force by which a value counts."""

    entity_type: str
    attribute: str
    version: int
    strategy: str
    source_order: list[str]
    tolerance: ToleranceOfRule
    origin: str
    approved_by: str
    reason: str | None
    effective_from: AwareDatetime | None
    recorded_at: AwareDatetime | None


class DecisionOfValue(Schema):
    """A person's decision about a value, and what had been said when it was taken, by source."""

    id: int
    source: str
    judged: dict[str, EssenceOfValue]
    state: str
    reason: str
    decided_by: str
    decided_at: AwareDatetime


class Decider(Schema):
    """Why a value counts: by a rule, by a person, as one system saw it, or as the hub worked it out."""

    how: Literal["rule", "person", "names", "source", "hub", "nobody"]
    detail: str
    rule: RuleOfValue | None
    decision: DecisionOfValue | None


class PlaceInPayload(Schema):
    """Where in a payload a statement stands.

    `at` is the part that states the record, `path` the value's own place, `text` what stands there. None of
    it is guessed: it is said by the connector and mapping that read the document.
    """

    at: str
    path: str | None
    text: str | None


class RecordOfLineage(Schema):
    """What a source said, word for word, and what read it.

    `payload` is cut after 65,536 characters (`is_cut`); `payload_address` gives it whole, as a file.
    `mapping` holds the settings that shaped its meaning, null when they were not kept.
    """

    id: int
    source: str
    stream: str | None
    object_type: str
    source_key: str
    seq: int
    op: Literal["U", "D"]
    source_version: int
    source_time: AwareDatetime | None
    received_at: AwareDatetime
    connector: str
    mapping_version: str
    mapping: dict[str, Any] | None
    media_type: str
    content_hash: str
    payload: str
    payload_characters: int
    is_cut: bool
    payload_address: str


class StatementOfLineage(Schema):
    """What a source says, or said until `superseded_at`, and the record in which it does."""

    source: str
    source_kind: str | None
    value: ShownValue
    is_winner: bool
    in_conflict: bool
    source_time: AwareDatetime | None
    recorded_at: AwareDatetime
    superseded_at: AwareDatetime | None
    places: list[PlaceInPayload]
    record: RecordOfLineage


class NameInScheme(Schema):
    """A name in a scheme."""

    scheme: str
    value: str


class NameOfThing(NameInScheme):
    """A name of a thing, and the step of the ladder that linked it."""

    label: str
    method: Literal["native", "declared", "normalised", "rule", "human"]


class KnownName(NameOfThing):
    """A name of a thing, and since when the hub knows it."""

    recorded_at: AwareDatetime


class LinkOfNames(Schema):
    """A decision that two names are one thing, or are not."""

    one: NameInScheme
    other: NameInScheme
    method: str
    state: str
    evidence: dict[str, Any] | None
    decided_by: str
    decided_at: AwareDatetime
    reason: str | None


class Identity(Schema):
    """The names of a thing, and the decisions about them."""

    names: list[KnownName]
    links: list[LinkOfNames]


class Referred(Identity):
    """What a name that a source stated means."""

    name: NameOfThing
    type: str
    uid: str
    code: str


class SamplesOfLineage(Schema):
    """Samples that something was found in: how many, and the SHA-256 over them."""

    uid: str
    code: str
    start: AwareDatetime
    end: AwareDatetime
    count: int
    digest: str


class PartOfLineage(Schema):
    """A row that something was made of or counted with; `lineage` is the end of the address of its chain."""

    what: Literal["sighting", "counted_with", "went_in", "came_out", "samples"]
    record_type: str | None
    source: str | None
    key: str | None
    source_record: int | None
    value: ReportedAmount | None
    detail: str | None
    lineage: str | None
    samples: SamplesOfLineage | None


class StateOfValue(Schema):
    """What the columns of a value held since an instant, and who changed them why; nulls are left out."""

    since: AwareDatetime
    by: str
    reason: str | None
    value: dict[str, ShownValue]


class Lineage(Schema):
    """The chain of a value, from what counts to what its sources said, word for word.

    `as_written` are the source's own words beside a value that is on no list of the standards. `identity`
    says why the names of the thing are one thing, `refers_to` what each stated name means, `made_of` the
    rows that it was made of or counted with, `history` (when asked for) what it was.
    """

    of: Traced
    value: ShownValue
    as_written: str | None
    decided_by: Decider
    statements: list[StatementOfLineage]
    identity: Identity | None
    refers_to: list[Referred] | None
    made_of: list[PartOfLineage]
    history: list[StateOfValue] | None
