"""The shapes of what people do to samples: notes on stretches of a tag's time, and erasures."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hub.api.instant import Instant
from hub.api.schemas import Reason, Schema


class Annotation(Schema):
    """What somebody noted of a stretch of a tag's time (end exclusive)."""

    id: int
    start: AwareDatetime
    end: AwareDatetime
    text: str
    author: str
    recorded_at: AwareDatetime


class Erasure(Schema):
    """A tag's samples that count no more: those of a time (end exclusive) that had come by `recorded_at`."""

    id: int
    start: AwareDatetime
    end: AwareDatetime
    reason: str
    erased_by: str
    recorded_at: AwareDatetime


class ErasureMade(Erasure):
    """An erasure, and how many samples it hides."""

    hidden: int


class AnnotationGiven(BaseModel):
    """What is noted, of a stretch (`start`, `end`) or of an instant (`at`)."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00-\x1f\x7f]+$")]
    start: Instant | None = None
    end: Instant | None = None
    at: Instant | None = None


class ErasureGiven(BaseModel):
    """From when to when (exclusive) samples count no more, and why."""

    model_config = ConfigDict(extra="forbid")

    start: Instant
    end: Instant
    reason: Reason
