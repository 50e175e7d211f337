"""The shapes of links between names: what is proposed, what people decided, which schemes are compared."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hub.api.schemas import Reason, Schema

Method = Literal["native", "declared", "normalised", "rule", "human"]
State = Literal["proposed", "confirmed", "rejected", "reversed"]
Decision = Literal["same", "apart"]


class LinkedThing(Schema):
    """What a name means now."""

    uid: str
    code: str
    description: str | None
    lifecycle: Literal["stub", "active", "retired", "merged", "retracted"]


class LinkSide(Schema):
    """One of the two names, and what it means now (null before it means anything)."""

    scheme: str
    value: str
    label: str
    thing: LinkedThing | None


class Link(Schema):
    """What is known of two names: by which method, with what evidence; and what a person decided, if one did.

    `is_contradicted` marks a decision to keep apart what sources declare to be one thing all the same.
    """

    id: int
    entity_type: str
    method: Method
    state: State
    decision: Decision | None
    score: float | None
    evidence: dict[str, Any] | None
    reason: str | None
    decided_by: str
    decided_at: AwareDatetime
    undone_by: str | None
    undone_at: AwareDatetime | None
    undone_reason: str | None
    is_contradicted: bool
    one: LinkSide
    other: LinkSide


class SchemeGroup(Schema):
    """Schemes of one type of things among which names that are equal when stripped are the same."""

    entity_type: str
    schemes: list[str]


class SchemeVersion(Schema):
    """A whitelist of schemes as it was approved: by whom, why, from when, and since when it is applied."""

    version: int
    is_in_force: bool
    approved_by: str
    reason: str
    effective_from: AwareDatetime
    recorded_at: AwareDatetime
    applied_at: AwareDatetime | None
    groups: list[SchemeGroup]


NameGiven = Annotated[
    str,
    Field(
        min_length=3,
        max_length=281,
        pattern=r"^[^|\x00-\x1f]+:[^|\x00-\x1f]*\|[^\x00-\x1f]+$",
        description="A name with its scheme: `scheme|value`.",
        examples=["mes:batch|B26-0117"],
    ),
]


class LinkDecision(BaseModel):
    """Two names of a type, whether they are the same thing or kept apart, and why."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, Field(max_length=30, description="Of what type both are.", examples=["batch"])]
    one: NameGiven
    other: NameGiven
    decision: Decision
    reason: Reason


class LinkReversal(BaseModel):
    """Why a decision is undone."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
