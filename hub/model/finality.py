"""Which results stand: the words by which laboratories say that one is open, or that it was taken back.

A result's status is its source's own word. A word that is on neither list is that of a result that stands.
"""

from typing import Literal

from hub.model.identifier import normalise

Finality = Literal["final", "open", "withdrawn"]

_OPEN = (
    # HL7 FHIR R5, value set observation-status
    "registered",
    "specimen-in-process",
    "preliminary",
    # SENAITE's workflow of an analysis
    "unassigned",
    "assigned",
    "to_be_verified",
    # GNU Health; SAP QM, status of the results record (TQ76)
    "draft",
    "optional",
    "required",
    "being processed",
    # what laboratories write
    "open",
    "initial",
    "pending",
    "planned",
    "scheduled",
    "ordered",
    "started",
    "running",
    "in process",
    "in progress",
    "incomplete",
    "entered",
    "submitted",
    "not verified",
    "unverified",
    "to be approved",
    "to be reviewed",
    "awaiting approval",
    "awaiting review",
    "in review",
    "under review",
    "on hold",
    "suspended",
)
_WITHDRAWN = (
    # HL7 FHIR R5, value set observation-status
    "cancelled",
    "canceled",
    "entered-in-error",
    # SENAITE's workflow of an analysis
    "retracted",
    "rejected",
    # GNU Health; Benchling
    "excluded",
    "invalid",
    "archived",
    # SAP QM, status of the results record (TQ76)
    "skipped",
    "blocked",
    # what laboratories write
    "invalidated",
    "void",
    "voided",
    "withdrawn",
    "superseded",
    "deleted",
    "aborted",
    "not performed",
    "not tested",
    "not done",
)
_MEANS: dict[str, Finality] = {
    **{normalise(word): "open" for word in _OPEN},
    **{normalise(word): "withdrawn" for word in _WITHDRAWN},
}
_BLANKS = frozenset(
    {"", "-", "--", "---", "?", "n/a", "n.a.", "tbd", "t.b.d.", "pending", "not tested", "not done"}
)
"""Entries that only say that there is no result. `ND` is none of them: not detected is a result."""


def read_finality(status: str | None, verdict: str | None = None) -> Finality:
    """Tell by a result's status whether it stands, is still open, or was taken back.

    Words are compared without case and signs; what follows a colon is a reason. `rejected` is also a word
    for what failed: with the verdict `fail` it is a result like any other.
    """
    word = normalise((status or "").partition(":")[0])
    if word == "REJECTED" and verdict == "fail":
        return "final"
    return _MEANS.get(word, "final")


def is_blank(entry: str) -> bool:
    """Tell whether a text that stands where a result should says that there is none."""
    return entry.strip().casefold() in _BLANKS
