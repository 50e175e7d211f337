"""Pages in, changed objects out: the catalogue's order and its change times are not to be trusted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.senaite.client import Item, SenaiteClient
from connectors.senaite.seen import Seen
from hub.model import format_instant, parse_instant
from hub.sdk import Cursor
from hub.sdk.clock import utc_now

_PASSES = 3
_BUCKETS = (
    (timedelta(hours=22), "yesterday"),
    (timedelta(days=6), "this-week"),
    (timedelta(days=28), "this-month"),
    (timedelta(days=360), "this-year"),
)
"""Words for the youngest changes that the API knows, by how far back each surely reaches: they count whole
days of the server's own zone, the running one included."""


@dataclass
class _Marks:
    """How far a reading has come: since when it asks, the newest change, when it began."""

    since: datetime | None
    began: datetime
    high: datetime | None = None

    def midway(self, place: int) -> Cursor:
        times = {"since": self.since, "began": self.began, "high": self.high}
        return {"at": place, **{name: format_instant(t) for name, t in times.items() if t}}

    def final(self) -> Cursor:
        """Follow the changes seen, but never beyond the moment at which reading began."""
        newest = max(filter(None, (self.high, self.since)), default=None)
        return {"since": format_instant(min(newest, self.began))} if newest else {}


@dataclass
class Listing:
    """Reads the objects of one portal type that changed since a time.

    The catalogue sorts by its own change time, which was recorded to differ from the object's, and pages are
    numbered by offset: an object that changes meanwhile moves to the end and shifts the others. So pages
    overlap by one object, a page whose first is not the last one's last is read again from further back, and
    a pass that has seen fewer objects than the laboratory counts is followed by another.
    """

    client: SenaiteClient
    kind: str
    size: int
    overlap: timedelta
    changed_at: Callable[[Item], datetime | None]
    _seen: Seen = field(default_factory=Seen)

    def pages(self, cursor: Cursor) -> Iterator[tuple[list[Item], Cursor]]:
        """Give changed objects with the cursor that becomes true with them."""
        since = parse_instant(cursor["since"]) if cursor.get("since") else None
        began = parse_instant(cursor["began"]) if cursor.get("began") else utc_now()
        marks = _Marks(since=since, began=began)
        marks.high = parse_instant(cursor["high"]) if cursor.get("high") else None
        start = since - self.overlap if since else None
        place = max(0, int(cursor.get("at") or 0) - self.size)
        for _ in range(_PASSES):
            total = 0
            for items, counted, following in self._pass(start, place):
                total = counted
                fresh = [i for i in items if self._is_fresh(i, start)]
                marks.high = max(filter(None, (marks.high, *map(self.changed_at, fresh))), default=None)
                if fresh:
                    yield fresh, marks.midway(following)
            if place == 0 and len(self._seen) >= total:
                yield [], marks.final()
                return
            place = 0
        yield [], marks.midway(0)  # it changes faster than it can be read: the next reading begins anew

    def _pass(self, start: datetime | None, place: int) -> Iterator[tuple[list[Item], int, int]]:
        before = ""
        while True:
            answer = self.client.page(self.kind, self._options(start, place))
            uids = [str(item.get("uid")) for item in answer.items]
            if not uids:
                self.client.prove_login()
            if before and uids[:1] != [before]:
                place, before = max(0, place - self.size), ""  # others have moved behind: go back
                continue
            yield answer.items, answer.total, place + len(uids)
            if len(uids) <= 1 or place + len(uids) >= answer.total:
                return
            place, before = place + len(uids) - 1, uids[-1]

    def _options(self, start: datetime | None, place: int) -> dict[str, str]:
        options = {
            "complete": "yes",
            "sort_on": "modified",
            "sort_order": "asc",
            "limit": str(self.size),
            "b_start": str(place),
        }
        age = utc_now() - start if start else None
        word = next((word for reach, word in _BUCKETS if age is not None and age < reach), "")
        return {**options, "recent_modified": word} if word else options

    def _is_fresh(self, item: Item, start: datetime | None) -> bool:
        """Say whether an object was not given yet, and remember that it was seen."""
        changed = self.changed_at(item)
        is_new = self._seen.add(str(item.get("uid")), changed)
        return is_new and (start is None or changed is None or changed >= start)


def pick(item: Item, *names: str) -> Any:
    """Give the first stated of several fields: catalogue and objects name some of them differently."""
    return next((v for name in names if (v := item.get(name)) not in (None, "", {}, [])), None)
