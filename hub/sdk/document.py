"""What passes through the door: verbatim documents in pages, rejected parts, windows of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from hub.model.instant import NaiveTimeError

Cursor: TypeAlias = dict[str, Any]
"""Where to go on reading: any JSON object; the hub stores it with the documents it follows."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Document:
    """One object as the source gave it, word for word.

    `object_type` and `key` name it inside the source. `changed_at` is the source's own change clock and
    `seq` its version number where it has one: the last source version wins, not the last arrival.
    """

    object_type: str
    key: str
    payload: str
    media_type: str = "application/json"
    changed_at: datetime | None = None
    seq: int | None = None
    deleted: bool = False

    def __post_init__(self) -> None:
        """Refuse a naive change time."""
        if self.changed_at is not None and self.changed_at.tzinfo is None:
            raise NaiveTimeError(self.changed_at)

    @property
    def version(self) -> int:
        """The source's version: `seq`, else the change time in microseconds, else 0."""
        if self.seq is not None:
            return self.seq
        return int((self.changed_at - _EPOCH).total_seconds() * 1e6) if self.changed_at else 0


@dataclass(frozen=True, kw_only=True)
class Page:
    """Documents and the cursor that becomes true in the same commit. `rejected` holds unreadable pieces."""

    documents: Sequence[Document]
    cursor: Cursor
    rejected: Sequence["Rejected"] = ()
    total: int | None = None
    """How many documents the source expects to give in all, when it says so (for progress)."""


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A part that could not be read: where, why, and what to do. The rest of its document goes on."""

    reason: str
    where: str = ""
    remedy: str = ""
    payload: str = ""
    key: str = ""


@dataclass(frozen=True)
class Window:
    """A half-open span of time: start is in, end is out; both aware."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive or reversed ends."""
        for moment in (self.start, self.end):
            if moment.tzinfo is None:
                raise NaiveTimeError(moment)
        if self.end < self.start:
            msg = f"window ends {self.end} before it starts {self.start}"
            raise ValueError(msg)
