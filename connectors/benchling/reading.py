"""Collections read by their change time, oldest change first, with Benchling's tokens only at ties."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.benchling.client import BenchlingClient, Item
from hub.model import format_instant, parse_instant
from hub.sdk import Cursor
from hub.sdk.clock import is_astray, utc_now

_ARCHIVED_TOO = {"archiveReason": "ANY_ARCHIVED_OR_NOT_ARCHIVED"}
_TIE = timedelta(seconds=1)
"""Asked for again between two pages: entities can only be asked for by "later than"."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A kind of objects: its path, the name of its list, and how it is asked for what changed since."""

    path: str
    held_in: str
    since: str

    def options(self, schema_id: str, start: datetime | None) -> dict[str, str]:
        """Give the question for a schema's objects that changed at `start` or later."""
        options = {"schemaId": schema_id, "sort": "modifiedAt:asc", **_ARCHIVED_TOO}
        if start is None:
            return options
        name, _, sign = self.since.partition(" ")
        moment = start - _TIE if sign else start
        return {**options, name: f"{sign} {format_instant(moment)}".strip()}


ENTITIES = Collection(path="custom-entities", held_in="customEntities", since="modifiedAt >")
RESULTS = Collection(path="assay-results", held_in="assayResults", since="modifiedAt.gte")


def changed_at(item: Item) -> datetime | None:
    """Give the change time, or the time of making for what tells none; None where it is no time."""
    told = item.get("modifiedAt") or item.get("createdAt")
    try:
        return parse_instant(str(told), "UTC") if told else None
    except ValueError:
        return None


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads the objects of one schema."""

    client: BenchlingClient
    schema_id: str
    size: int
    overlap: timedelta

    def changes(self, collection: Collection, cursor: Cursor) -> Iterator[tuple[list[Item], Cursor]]:
        """Give what changed, asking anew from the newest change seen.

        A token goes on where objects have moved away that changed meanwhile, so it is followed only where
        more objects changed in one instant than a page holds.
        """
        since = parse_instant(cursor["since"]) if cursor.get("since") else None
        mark = newest = None if since and is_astray(since) else since
        start, token = (newest - self.overlap if newest else None), None
        known: dict[str, datetime | None] = {}
        while True:
            options = {**collection.options(self.schema_id, start), "pageSize": str(self.size)}
            answer = self.client.page(
                collection.path, collection.held_in, {**options, **({"nextToken": token} if token else {})}
            )
            timed = [(item, str(item.get("id")), changed_at(item)) for item in answer.items]
            fresh = [item for item, own, at in timed if known.get(own, ...) != at]
            known.update((own, at) for _, own, at in timed)
            times = [at for _, _, at in timed if at]
            newest = max(filter(None, (newest, *times)), default=None)
            # what is dated in the future would hide every change until then
            now = utc_now()
            mark = max(filter(None, (mark, *(at for at in times if at <= now))), default=None)
            if fresh:
                yield fresh, ({"since": format_instant(mark)} if mark else {})
            if answer.token is None:
                return
            if newest and (start is None or newest - _TIE > start):
                start, token = newest - _TIE, None
                # what is older is not asked for again, and would only pile up
                known = {own: at for own, at in known.items() if at is None or at >= start - _TIE}
            elif answer.token == token:
                return  # nothing behind it
            else:
                token = answer.token

    def runs(self, days: int, cursor: Cursor) -> Iterator[tuple[list[Item], Cursor]]:
        """Give the runs of the last days: they tell when they were made, not when they were changed."""
        since = parse_instant(cursor["since"]) if cursor.get("since") else None
        first = int((since - timedelta(days=days)).timestamp()) if since else None
        began = utc_now()
        token: str | None = None
        while True:
            options = {"schemaId": self.schema_id, "pageSize": str(self.size)}
            options |= {"minCreatedTime": str(first)} if first else {}
            options |= {"nextToken": token} if token else {}
            answer = self.client.page("assay-runs", "assayRuns", options)
            is_last = answer.token is None or answer.token == token
            # until the last page came, the next reading begins where this one did
            moment = began if is_last else since
            mark: Cursor = {"since": format_instant(moment)} if moment else {}
            if answer.items or is_last:
                yield answer.items, mark
            if is_last:
                return
            token = answer.token
