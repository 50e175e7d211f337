"""What an edge agent and the hub say to each other: JSON bodies of `/v1/deliveries`, checked on arrival.

A document travels word for word, with the records that the agent's connector read in it: the hub need not
have that connector. Records are built anew from their fields here, so that whatever the agent's release
thought of them, the hub's own checks decide.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hub.ingest.sources import SourceKind
from hub.ingest.telling import Meaning
from hub.model import Instant, Record, Tag
from hub.sdk import Document, Rejected, reject
from hub.sdk.mapping import RECORD_TYPES

StreamName = Field(min_length=1, max_length=120)
TagName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class _Sent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SentRejected(_Sent):
    """A part that the agent's connector could not read."""

    reason: str
    where: str = ""
    remedy: str = ""
    payload: str = ""
    key: str = ""

    @classmethod
    def of(cls, rejected: Rejected) -> Self:
        """Give it as it travels."""
        return cls(
            reason=rejected.reason,
            where=rejected.where,
            remedy=rejected.remedy,
            payload=rejected.payload,
            key=rejected.key,
        )

    def receive(self) -> Rejected:
        """Give it as the hub knows it."""
        return Rejected(**self.model_dump())


class SentRecord(_Sent):
    """A record by its type and the fields that are stated."""

    type: str
    fields: dict[str, Any]


class SentDocument(_Sent):
    """A document word for word, and what the agent's connector read in it."""

    object_type: str
    key: str
    payload: str
    media_type: str = "application/json"
    changed_at: Instant | None = None
    seq: int | None = None
    deleted: bool = False
    records: list[SentRecord] = Field(default_factory=list[SentRecord])
    rejected: list[SentRejected] = Field(default_factory=list[SentRejected])
    unreadable: bool = False

    @classmethod
    def of(cls, document: Document, meaning: Meaning) -> Self:
        """Give it as it travels."""
        return cls(
            object_type=document.object_type,
            key=document.key,
            payload=document.payload,
            media_type=document.media_type,
            changed_at=document.changed_at,
            seq=document.seq,
            deleted=document.deleted,
            records=[
                SentRecord(
                    type=record.record_type,
                    fields=record.model_dump(mode="json", exclude_none=True),
                )
                for record in meaning.records
            ],
            rejected=[SentRejected.of(one) for one in meaning.rejected],
            unreadable=meaning.unreadable,
        )

    def receive(self) -> tuple[Document, Meaning]:
        """Give document and meaning; a record that this hub refuses is rejected by name."""
        document = Document(
            object_type=self.object_type,
            key=self.key,
            payload=self.payload,
            media_type=self.media_type,
            changed_at=self.changed_at,
            seq=self.seq,
            deleted=self.deleted,
        )
        records: list[Record] = []
        rejected = [one.receive() for one in self.rejected]
        for sent in self.records:
            built = _build(sent, self.key)
            if isinstance(built, Rejected):
                rejected.append(built)
            else:
                records.append(built)
        unreadable = self.unreadable or (bool(rejected) and not records)
        return document, Meaning(records=records, rejected=rejected, unreadable=unreadable)


def _build(sent: SentRecord, where: str) -> Record | Rejected:
    kind = RECORD_TYPES.get(sent.type)
    if kind is None:
        return Rejected(
            reason=f"the agent's connector states a {sent.type!r}, which this hub does not know",
            where=where,
            remedy="bring hub and agent to the same release",
        )
    try:
        return kind.model_validate(sent.fields)
    except ValidationError as error:
        return reject(error, where)


class SentOpening(_Sent):
    """A reading of a stream begins: who reads, through what, with which meaning; what the stream `holds`."""

    agent: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)
    kind: SourceKind
    connector: str = Field(min_length=1, max_length=60)
    mapping_version: str = Field(min_length=1, max_length=200)
    mapping: dict[str, Any]
    timezone: str | None = None
    stream: str = StreamName
    every_s: float = Field(gt=0)
    holds: Literal["records", "samples"] = "records"


class Opened(_Sent):
    """What the hub answers: whether the agent may read, under which epoch, from which cursor on."""

    taken: bool
    epoch: int = 0
    cursor: dict[str, Any] | None = None
    why: str = ""


class SentPage(_Sent):
    """A page: documents, pieces that are none, and the cursor that becomes true with them."""

    stream: str = StreamName
    epoch: int
    mapping_version: str = Field(min_length=1, max_length=200)
    cursor: dict[str, Any] | None
    documents: list[SentDocument] = Field(default_factory=list[SentDocument], max_length=100_000)
    rejected: list[SentRejected] = Field(default_factory=list[SentRejected], max_length=100_000)


class Kept(_Sent):
    """What came of a page. When it is not `kept`, another reading has begun since; nothing was written."""

    kept: bool
    documents: int = 0
    records: int = 0
    rejected: int = 0
    unchanged: int = 0


class SentError(_Sent):
    """What ended a reading at the source, in the words of the contract."""

    kind: Literal["Unavailable", "Unauthorized", "Misconfigured", "BadRecord", "other"]
    what: str = Field(max_length=4000)
    retry_after: float | None = None


class SentEnd(_Sent):
    """A reading has come to its end, or has failed."""

    stream: str = StreamName
    epoch: int
    means: Literal["snapshot", "extent"] | None = None
    moved: bool = False
    error: SentError | None = None


class Ended(_Sent):
    """How the stream stands now, and when it is due again."""

    kept: bool
    state: str = "idle"
    due_at: Instant | None = None


class SentTypes(_Sent):
    """Of which object types the agent asks what the hub has."""

    object_types: list[str] = Field(max_length=1000)


class LiveKeys(_Sent):
    """What the hub has of these types: key and version."""

    keys: dict[str, dict[str, int]]


class SentTags(_Sent):
    """All the tags that a source lists, given whole: what is not among them has vanished there."""

    stream: str = StreamName
    epoch: int
    mapping_version: str = Field(min_length=1, max_length=200)
    tags: list[dict[str, Any]] = Field(max_length=200_000)

    def receive(self) -> tuple[list[Tag], list[Rejected]]:
        """Give the tags, and by name those that this hub refuses."""
        tags: list[Tag] = []
        rejected: list[Rejected] = []
        for number, fields in enumerate(self.tags):
            try:
                tags.append(Tag.model_validate(fields))
            except ValidationError as error:
                told = reject(error, f"tags[{number}]")
                name = _name_of(fields) or told.where
                remedy = "bring hub and agent to the same release"
                rejected.append(Rejected(key=name, reason=told.reason, where=told.where, remedy=remedy))
        return tags, rejected


def _name_of(fields: dict[str, Any]) -> str:
    """Give the name of a tag that is no tag for this hub, where it has one."""
    match fields.get("id"):
        case {"value": str(name)} | str(name):
            return name[:200]
        case _:
            return ""


class SentSpan(_Sent):
    """Which tags keep history at the source, and of which time; the agent asks what of it the hub lacks.

    `extent` is the time in which the source has samples, where it can tell; `start` the one that is set.
    """

    stream: str = StreamName
    epoch: int
    tags: list[TagName] = Field(max_length=200_000)
    start: Instant | None = None
    extent: tuple[Instant, Instant] | None = None
    window_s: float = Field(ge=0.001, le=1e10)
    settle_s: float = Field(default=0.0, ge=0, le=1e9)

    @model_validator(mode="after")
    def check_extent(self) -> Self:
        """Refuse a time that ends before it starts."""
        if self.extent and self.extent[1] < self.extent[0]:
            msg = "an extent does not end before its start"
            raise ValueError(msg)
        return self


class WantedWindow(_Sent):
    """A window, start in and end out, that the hub has not got yet of these tags."""

    tags: list[str]
    start: Instant
    end: Instant


class Wanted(_Sent):
    """What the hub lacks, oldest first; `more` when there is more than is listed.

    When it is not `kept`, another reading has begun since.
    """

    kept: bool
    windows: list[WantedWindow] = Field(default_factory=list[WantedWindow])
    more: bool = False


class SentWindow(_Sent):
    """Which window an Arrow body brings; stands as JSON in the schema's metadata under `plantwide.window`.

    `seq` is one more than that of the cursor. `tags` were asked for; those `rejected` (by `key`) could not be
    read. A body that is not `whole` is a part of the window, the last one is whole.
    """

    stream: str = StreamName
    epoch: int
    seq: int = Field(ge=1, le=2**53)
    mapping_version: str = Field(min_length=1, max_length=200)
    tags: list[TagName] = Field(min_length=1, max_length=200_000)
    start: Instant
    end: Instant
    whole: bool = True
    rejected: list[SentRejected] = Field(default_factory=list[SentRejected], max_length=200_000)

    @model_validator(mode="after")
    def check_window(self) -> Self:
        """Refuse a window that ends before it starts."""
        if self.end <= self.start:
            msg = "a window ends after its start"
            raise ValueError(msg)
        return self


class KeptWindow(_Sent):
    """What came of a window: samples stored, parts in quarantine, and the number of the last one stored.

    When it is not `kept`, another reading has begun since; nothing was written.
    """

    kept: bool
    samples: int = 0
    rejected: int = 0
    seq: int = 0


def sort_keys(live: dict[tuple[str, str], int]) -> LiveKeys:
    """Give keys by type."""
    keys: dict[str, dict[str, int]] = {}
    for (object_type, key), version in sorted(live.items()):
        keys.setdefault(object_type, {})[key] = version
    return LiveKeys(keys=keys)


def send_documents(pairs: Sequence[tuple[Document, Meaning]]) -> list[SentDocument]:
    """Give documents as they travel."""
    return [SentDocument.of(document, meaning) for document, meaning in pairs]
