"""Something that belongs to a batch, before and after."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hub.store.answers.changes import Row

Document = dict[str, Any]

_NOT_SAID = frozenset(
    {"id", "uid", "key", "source", "version", "recorded_at", "source_record", "decision_id", "name_id"}
)
"""Members that tell of the row, not of what it says."""


@dataclass(frozen=True)
class Item:
    """What it is called, what it said before and says after (None: was not or is not there), its rows.

    `thing` is what a value, a statement or a name is about.
    """

    of: str
    label: str
    before: Document | None
    after: Document | None
    rows: tuple[Row, ...] = ()
    thing: Row | None = None
    source: str | None = None
    id: int | None = None
    attribute: str | None = None

    @cached_property
    def moved(self) -> list[Document]:
        """What differs, member by member."""
        before, after = self.before or {}, self.after or {}
        is_whole = self.before is None or self.after is None
        return [
            {"attribute": name, "from": before.get(name), "to": after.get(name)}
            for name in {**before, **after}
            if name not in _NOT_SAID
            and before.get(name) != after.get(name)
            # that something new or gone is not retracted, or not in conflict, goes without saying
            and not (is_whole and (before.get(name) is False or after.get(name) is False))
        ]

    @property
    def has_moved(self) -> bool:
        """Whether anybody would see a difference."""
        return bool(self.moved) or (self.before is None) != (self.after is None)

    @property
    def change(self) -> str:
        """Whether it was added, changed or removed, or is back to what it was."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "changed" if self.moved else "restored"

    @property
    def members(self) -> set[str]:
        """The names of what differs."""
        return {one["attribute"] for one in self.moved}

    @property
    def records(self) -> set[int]:
        """The source records behind it."""
        both = (self.before or {}, self.after or {})
        return {one["source_record"] for one in both if one.get("source_record")}
