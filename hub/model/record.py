"""What every statement of a source has in common, and how its fields say what they refer to."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hub.model.identifier import Identifier
from hub.model.instant import Instant


@dataclass(frozen=True)
class Refers:
    """Marks a field as a reference to a mastered thing by one of its names.

    `scheme` is the local scheme of a name that is given without one; as a rule that is the type's own.
    """

    entity_type: str
    scheme: str = ""


@dataclass(frozen=True)
class Peer:
    """Marks a field as the source key of another observed record of the same source."""

    record_type: str


class Record(BaseModel):
    """A fact that one source states. Fields left None are not stated (they never erase another statement)."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        str_strip_whitespace=True,
        defer_build=True,  # thirty checks are put together in 0.1 s, and no process needs them all
    )

    record_type: ClassVar[str]
    spans: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Pairs of fields of which the second is never before, or below, the first."""
    one_of: ClassVar[tuple[str, ...]] = ()
    """Fields of which at least one is stated: what the fact is about."""

    verbatim: ClassVar[tuple[str, ...]] = ()
    """Numbers whose text is kept as it was written, in `<name>_text`: 0.050 says more than 0.05."""

    @property
    def record_key(self) -> str:
        """The natural key of the record inside its source and type."""
        raise NotImplementedError

    @model_validator(mode="before")
    @classmethod
    def keep_text(cls, given: Any) -> Any:
        """Keep the text of a number that was given as text."""
        if not isinstance(given, dict):
            return given
        stated = cast("dict[str, Any]", given)
        texts = {f"{n}_text": t.strip() for n in cls.verbatim if isinstance(t := stated.get(n), str)}
        return {**texts, **stated}

    @model_validator(mode="after")
    def check_spans(self) -> Self:
        """Refuse an end before its start."""
        for first, last in self.spans:
            start, end = getattr(self, first), getattr(self, last)
            if start is not None and end is not None and end < start:
                msg = f"{self.record_type} {self.record_key}: {last} {end} is before {first} {start}"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def check_subject(self) -> Self:
        """Refuse a fact about nothing."""
        if self.one_of and all(getattr(self, name) is None for name in self.one_of):
            subjects = ", ".join(self.one_of)
            msg = f"{self.record_type} {self.record_key} is about nothing; state one of {subjects}"
            raise ValueError(msg)
        return self


class Mastered(Record):
    """A statement about a thing with names: `id` is the source's own, `also` what it declares besides.

    `replaces` are names that it had before it was re-numbered (at `renumbered_at`); they stay names of it.
    """

    id: Identifier
    also: tuple[Identifier, ...] = ()
    replaces: tuple[Identifier, ...] = ()
    renumbered_at: Instant | None = None
    description: str | None = Field(default=None, max_length=400)

    @property
    def record_key(self) -> str:
        """The source's own name with its scheme."""
        return f"{self.id.scheme}|{self.id.value}" if self.id.scheme else self.id.value

    @property
    def own_scheme(self) -> str:
        """The local scheme of its names where they are given without one."""
        return self.record_type


class Observed(Record):
    """A statement with a natural key of its source."""

    key: str = Field(min_length=1, max_length=300)
    others: ClassVar[tuple[str, ...]] = ()
    """Fields that name another record of this type, never itself."""

    @property
    def record_key(self) -> str:
        """The source's own key."""
        return self.key

    @model_validator(mode="after")
    def check_others(self) -> Self:
        """Refuse a fact that comes from, or belongs to, itself."""
        for name in self.others:
            if getattr(self, name) == self.key:
                msg = f"{self.record_type} {self.key} names itself as its {name}"
                raise ValueError(msg)
        return self


EquipmentRef = Annotated[Identifier, Refers("equipment")]
AssetRef = Annotated[Identifier, Refers("physical_asset")]
PersonRef = Annotated[Identifier, Refers("person")]
TagRef = Annotated[Identifier, Refers("tag")]
EquipmentClassRef = Annotated[Identifier, Refers("resource_class", "equipment_class")]
AssetClassRef = Annotated[Identifier, Refers("resource_class", "physical_asset_class")]
MaterialClassRef = Annotated[Identifier, Refers("resource_class", "material_class")]
PersonnelClassRef = Annotated[Identifier, Refers("resource_class", "person_class")]
ClassRef = Annotated[Identifier, Refers("resource_class")]
MaterialRef = Annotated[Identifier, Refers("material_definition")]
LotRef = Annotated[Identifier, Refers("material_lot")]
SegmentRef = Annotated[Identifier, Refers("process_segment")]
DefinitionRef = Annotated[Identifier, Refers("operations_definition")]
RequestRef = Annotated[Identifier, Refers("operations_request")]
RequirementRef = Annotated[Identifier, Refers("segment_requirement")]
RecipeRef = Annotated[Identifier, Refers("recipe")]
SpecificationRef = Annotated[Identifier, Refers("test_specification")]
BatchRef = Annotated[Identifier, Refers("batch")]
QualityEventRef = Annotated[Identifier, Refers("quality_event")]
DocumentRef = Annotated[Identifier, Refers("document")]

PropertyKey = Annotated[str, Peer("resource_property")]
ElementKey = Annotated[str, Peer("recipe_element")]
ResponseKey = Annotated[str, Peer("segment_response")]
SampleKey = Annotated[str, Peer("sample")]
CriterionKey = Annotated[str, Peer("test_criterion")]
ResultKey = Annotated[str, Peer("test_result")]
ActualKey = Annotated[str, Peer("material_actual")]
