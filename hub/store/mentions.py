"""Which names the live statements use: what nothing mentions any more takes no part, but is never lost."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from sqlalchemy import Connection, delete, select

from hub.store.sets import AnySelect, chunks, insert_all, select_in
from hub.store.tables import mention, statement

Mention = tuple[int, str | None]
"""A name's id, and what people call it where that is not its whole value."""
_MENTIONS = select(mention.c.statement_id, mention.c.identifier_id, mention.c.label)
_LABELS = select(mention.c.identifier_id, mention.c.label).where(mention.c.label.is_not(None)).distinct()
_MENTIONED = select(mention.c.identifier_id).distinct()


def replace_mentions(
    connection: Connection, used: Mapping[int, Mapping[int, str | None]]
) -> tuple[set[Mention], set[Mention]]:
    """Note the names that each statement uses now, by statement id; give what came and what went."""
    before: dict[int, dict[int, str | None]] = {}
    for statement_id, name_id, label in select_in(connection, _MENTIONS, mention.c.statement_id, used):
        before.setdefault(statement_id, {})[name_id] = label
    none: dict[int, str | None] = {}
    differing = {s: said for s, said in used.items() if said != before.get(s, none)}
    for part in chunks(sorted(differing.keys() & before.keys())):
        connection.execute(delete(mention).where(mention.c.statement_id.in_(part)))
    insert_all(
        connection,
        mention,
        [
            {"statement_id": s, "identifier_id": n, "label": label}
            for s, said in differing.items()
            for n, label in sorted(said.items())
        ],
    )
    came: set[Mention] = set()
    went: set[Mention] = set()
    for s, said in differing.items():
        came |= said.items() - before.get(s, none).items()
        went |= before.get(s, none).items() - said.items()
    return came, went


def mentioned(connection: Connection, name_ids: Iterable[int]) -> set[int]:
    """Give those names that some live statement uses."""
    return {row[0] for row in select_in(connection, _MENTIONED, mention.c.identifier_id, name_ids)}


def mentioned_beside(connection: Connection, name_ids: Iterable[int], system_id: int | None) -> set[int]:
    """Give those names that some live statement of another system than this one uses."""
    query = _mentioned_beside(system_id)
    return {row[0] for row in select_in(connection, query, mention.c.identifier_id, name_ids)}


@lru_cache(maxsize=256)
def _mentioned_beside(system_id: int | None) -> AnySelect:
    return (
        select(mention.c.identifier_id)
        .join(statement, statement.c.id == mention.c.statement_id)
        .where(statement.c.source_system_id.is_distinct_from(system_id))
        .distinct()
    )


def labels_said(connection: Connection, name_ids: Iterable[int]) -> dict[int, str]:
    """Give what people call these names: the first in order of what live statements say, if any does."""
    said: dict[int, str] = {}
    for name_id, label in select_in(connection, _LABELS, mention.c.identifier_id, name_ids):
        said[name_id] = min(label, said.get(name_id, label))
    return said
