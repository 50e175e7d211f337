"""Tags by name, tags that belong to no equipment yet, and their last values."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, select

from hub.store.answers.readings import Document
from hub.store.answers.things import find_thing
from hub.store.past.reading import then_of
from hub.store.samples import digest_table, last_samples, read_samples
from hub.store.tables import ENTITY_TABLES, identifier, source_system, tag_latest


def unmapped() -> ColumnElement[bool]:
    """Give the condition that a tag belongs to no equipment: nobody can find its samples from a batch."""
    tag = ENTITY_TABLES["tag"]
    return tag.c.equipment_id.is_(None) & tag.c.lifecycle.not_in(("merged", "retracted"))


def list_unmapped(
    connection: Connection, system_ids: Sequence[int], *, limit: int = 50
) -> dict[int, list[Document]]:
    """Give tags that belong to no equipment, by the id of the source that has them: uid and code."""
    tag, name, system = ENTITY_TABLES["tag"], identifier, source_system
    scheme = system.c.code + ":tag"
    query = (
        select(system.c.id, tag.c.uid, tag.c.code)
        .select_from(
            tag.join(name, (name.c.entity_type == "tag") & (name.c.entity_id == tag.c.id)).join(
                system, name.c.scheme == scheme
            )
        )
        .where(unmapped(), system.c.id.in_(system_ids))
        .order_by(tag.c.code, tag.c.id, system.c.id)
        .limit(limit)
    )
    found: dict[int, list[Document]] = {}
    for row in connection.execute(query):
        found.setdefault(row.id, []).append({"uid": row.uid, "code": row.code})
    return found


def find_tags(connection: Connection, names: Sequence[str]) -> dict[int, str]:
    """Give key and code of tags by uid, code or any name, in that order. Raises `NotFound`, `Ambiguous`."""
    tag = ENTITY_TABLES["tag"]
    ids = list(dict.fromkeys(find_thing(connection, "tag", name).id for name in names))
    codes = dict(connection.execute(select(tag.c.id, tag.c.code).where(tag.c.id.in_(ids))).all())
    return {tag_id: codes[tag_id] for tag_id in ids}


def list_tag_ids(connection: Connection) -> list[tuple[int, str, str, str | None, bool]]:
    """Give key, uid, code, unit and kind of every tag that has samples: what its files call it, and we."""
    tag = ENTITY_TABLES["tag"]
    query = (
        select(tag.c.id, tag.c.uid, tag.c.code, tag.c.unit, tag.c.is_step)
        .join(tag_latest, tag_latest.c.tag_id == tag.c.id)
        .order_by(tag.c.id)
    )
    return [(row.id, row.uid, row.code, row.unit, bool(row.is_step)) for row in connection.execute(query)]


def describe_span(  # noqa: PLR0917 - a span is said from start to end
    connection: Connection, tag_id: int, start: datetime, end: datetime
) -> Document:
    """Give a tag's samples in a span as a whole: which tag, from when to when, how many, their digest."""
    tag = ENTITY_TABLES["tag"]
    uid, code = connection.execute(select(tag.c.uid, tag.c.code).where(tag.c.id == tag_id)).one()
    table = read_samples(connection, [tag_id], start, end)
    return {
        "uid": uid,
        "code": code,
        "start": start,
        "end": end,
        "count": table.num_rows,
        "digest": digest_table(table),
    }


def list_latest(connection: Connection, uids: Sequence[str]) -> dict[str, Document]:
    """Give the last sample of each tag that has one, by the tag's uid."""
    tag = ENTITY_TABLES["tag"]
    if then_of(connection) is not None:  # last values are not kept, but what they were taken from is
        ids = dict(connection.execute(select(tag.c.id, tag.c.uid).where(tag.c.uid.in_(list(uids)))).all())
        return {ids[tag_id]: last for tag_id, last in last_samples(connection, ids).items()}
    asked = (orjson.dumps(list(uids)).decode() if connection.dialect.name == "sqlite" else list(uids),)
    rows = connection.exec_driver_sql(_LATEST[connection.dialect.name], asked).all()
    read = datetime.fromisoformat if connection.dialect.name == "sqlite" else _in_utc
    return {
        uid: {"ts": read(ts), "value": value, "text": text, "quality": quality}
        for uid, ts, value, text, quality in rows
    }


def _in_utc(at: Any) -> datetime:
    return at.astimezone(UTC)


_ASKED = {
    "sqlite": "(SELECT value AS uid FROM json_each(?)) AS asked",
    "postgresql": "unnest(CAST(%s AS varchar[])) AS asked(uid)",
}
_LATEST = {
    dialect: 'SELECT tag.uid, l.ts, l.value, l."text", l.quality '  # noqa: S608 - names of our own
    f"FROM {asked} JOIN tag ON tag.uid = asked.uid JOIN tag_latest l ON l.tag_id = tag.id"
    for dialect, asked in _ASKED.items()
}
"""Past the layers that make an object of each row: a page that shows a plant's tags asks for all of them."""
