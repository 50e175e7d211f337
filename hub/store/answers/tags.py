"""Tags by name, tags that belong to no equipment yet, and their last values."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from hub.store.answers.readings import Document
from hub.store.answers.things import find_thing
from hub.store.tables import ENTITY_TABLES, sample_frame, tag_latest


def unmapped() -> ColumnElement[bool]:
    """Give the condition that a tag belongs to no equipment: nobody can find its samples from a batch."""
    tag = ENTITY_TABLES["tag"]
    return tag.c.equipment_id.is_(None) & tag.c.lifecycle.not_in(("merged", "retracted"))


def find_tags(connection: Connection, names: Sequence[str]) -> dict[int, str]:
    """Give key and code of tags by uid, code or any name, in that order. Raises `NotFound`, `Ambiguous`."""
    tag = ENTITY_TABLES["tag"]
    ids = list(dict.fromkeys(find_thing(connection, "tag", name).id for name in names))
    codes = dict(connection.execute(select(tag.c.id, tag.c.code).where(tag.c.id.in_(ids))).all())
    return {tag_id: codes[tag_id] for tag_id in ids}


def count_at_most(connection: Connection, tag_ids: Sequence[int], *, start: datetime, end: datetime) -> int:
    """Give an upper bound of the samples of tags in a window, from the frames that touch it."""
    frame = sample_frame
    query = select(func.coalesce(func.sum(frame.c.count), 0)).where(
        frame.c.tag_id.in_(sorted(set(tag_ids))), frame.c.last_at >= start, frame.c.first_at < end
    )
    return int(connection.scalar(query) or 0)


def list_latest(connection: Connection, uids: Sequence[str]) -> dict[str, Document]:
    """Give the last sample of each tag that has one, by the tag's uid."""
    tag = ENTITY_TABLES["tag"]
    query = (
        select(tag.c.uid, tag_latest.c.ts, tag_latest.c.value, tag_latest.c.text, tag_latest.c.quality)
        .select_from(tag.join(tag_latest, tag_latest.c.tag_id == tag.c.id))
        .where(tag.c.uid.in_(list(uids)))
    )
    return {
        row.uid: {"ts": row.ts, "value": row.value, "text": row.text, "quality": row.quality}
        for row in connection.execute(query)
    }
