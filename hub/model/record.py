"""What every statement of a source has in common, and how its fields say what they refer to."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from hub.model.identifier import Identifier


@dataclass(frozen=True)
class Refers:
    """Marks a field as a reference to a mastered thing by one of its names."""

    entity_type: str


@dataclass(frozen=True)
class Peer:
    """Marks a field as the source key of another observed record of the same source."""

    record_type: str


class Record(BaseModel):
    """A fact that one source states. Fields left None are not stated (they never erase another statement)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)

    record_type: ClassVar[str]

    @property
    def record_key(self) -> str:
        """The natural key of the record inside its source and type."""
        raise NotImplementedError


EquipmentRef = Annotated[Identifier, Refers("equipment")]
PersonRef = Annotated[Identifier, Refers("person")]
TagRef = Annotated[Identifier, Refers("tag")]
MaterialRef = Annotated[Identifier, Refers("material_definition")]
LotRef = Annotated[Identifier, Refers("material_lot")]
RequestRef = Annotated[Identifier, Refers("operations_request")]
RecipeRef = Annotated[Identifier, Refers("recipe")]
SpecificationRef = Annotated[Identifier, Refers("test_specification")]
BatchRef = Annotated[Identifier, Refers("batch")]

ResponseKey = Annotated[str, Peer("segment_response")]
SampleKey = Annotated[str, Peer("sample")]
CriterionKey = Annotated[str, Peer("test_criterion")]
ResultKey = Annotated[str, Peer("test_result")]
ActualKey = Annotated[str, Peer("material_actual")]


def marker(metadata: list[Any]) -> Refers | Peer | None:
    """Give the reference mark of a field's metadata, if it has one."""
    return next((m for m in metadata if isinstance(m, Refers | Peer)), None)
