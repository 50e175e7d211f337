"""What passes through the door: verbatim documents in pages, rejected parts, windows of time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from hub.model import Record
from hub.model.instant import NaiveTimeError

Cursor: TypeAlias = dict[str, Any]
"""Where to go on reading: any JSON object; the hub stores it with the documents it follows."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, init=False)
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

    def __init__(
        self,
        *,
        object_type: str,
        key: str,
        payload: str,
        media_type: str = "application/json",
        changed_at: datetime | None = None,
        seq: int | None = None,
        deleted: bool = False,
    ) -> None:
        """Refuse a naive change time.

        Written out because there is one for each row of a source: all fields are set at once, where a frozen
        dataclass sets them one by one in nearly twice the time.
        """
        if changed_at is not None and changed_at.tzinfo is None:
            raise NaiveTimeError(changed_at)
        self.__dict__.update(
            object_type=object_type,
            key=key,
            payload=payload,
            media_type=media_type,
            changed_at=changed_at,
            seq=seq,
            deleted=deleted,
        )

    @property
    def version(self) -> int:
        """The source's version: `seq`, else the change time in microseconds, else 0."""
        if self.seq is not None:
            return self.seq
        return (self.changed_at - _EPOCH) // _TICK if self.changed_at else 0


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


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a document a value stands: a path as people of that format write it, and what stands there."""

    path: str
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A record, where in its document it stands (`at`, "" for all of it), and its fields where known."""

    record: Record
    at: str = ""
    fields: Mapping[str, Place] = field(default_factory=dict[str, Place])


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


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A promise of a subscription: of these tags, all that the source has by now of this window was given."""

    tags: Sequence[str]
    window: Window


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Asks to be told when all samples that a subscription gave before this are stored.

    For sources that keep what is not acknowledged, such as a message broker: `stored` is called once, after
    the commit, from a thread of the hub, and must come back at once. It is not called for what was never
    stored, so that the source gives that again.
    """

    stored: Callable[[], None]
