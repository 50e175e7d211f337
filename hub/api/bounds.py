"""The bounds of questions about samples: what is too much is refused with what to ask instead."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hub.api.problems import Problem
from hub.api.room import Room
from hub.store.answers.tag_kinds import TagKind, read_kinds
from hub.store.answers.tags import find_tags
from hub.store.database import Connection
from hub.store.samples import count_at_most


def check_tags(room: Room, count: int) -> None:
    """Refuse more tags than may be asked for at once."""
    if count > room.settings.tags_at_once:
        raise Problem("too-much-asked", f"Ask for at most {room.settings.tags_at_once} tags at once.")


def check_count(count: float, most: int, what: str, instead: str) -> None:
    """Refuse more of something than the answer may have; `instead` says what to ask for."""
    if count > most:
        raise Problem("too-much-asked", f"This is more than {most} {what}. Ask for {instead}.")


def check_examined(
    connection: Connection,
    room: Room,
    kinds: Sequence[TagKind],
    *,
    start: datetime,
    end: datetime,
    most: int | None = None,
) -> None:
    """Refuse to look at more samples than one question may."""
    limit = most or room.settings.examined_samples
    count = count_at_most(connection, [kind.tag_id for kind in kinds], start=start, end=end)
    if count > limit:
        raise Problem(
            "too-much-asked",
            f"Up to {count} samples would have to be looked at, more than {limit}. Ask for less time or "
            f"fewer tags (about one part in {-(-count // limit)} at once), or for a trend at /v1/samples "
            "with `points=`.",
        )


def find_kinds(connection: Connection, names: Sequence[str]) -> list[TagKind]:
    """Give the tags of these names, in their order. Raises `NotFound`, `Ambiguous`."""
    found = find_tags(connection, names)
    kinds = read_kinds(connection, found)
    return [kinds[tag_id] for tag_id in found]


def find_zone(name: str) -> ZoneInfo:
    """Give a time zone by its IANA name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Problem(
            "invalid-parameter", "`zone` is an IANA time zone, such as Europe/Dublin or UTC."
        ) from error
