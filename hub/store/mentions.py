"""Which names the live statements use: what nothing mentions any more takes no part, but is never lost."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, select

from hub.store.sets import chunks, insert_all, select_in
from hub.store.tables import mention


def replace_mentions(connection: Connection, used: Mapping[int, set[int]]) -> set[int]:
    """Note the names that each statement uses now, by statement id; give the names that came or went."""
    before: dict[int, set[int]] = {}
    query = select(mention.c.statement_id, mention.c.identifier_id)
    for statement_id, name_id in select_in(connection, query, mention.c.statement_id, used):
        before.setdefault(statement_id, set()).add(name_id)
    differing = {s: names for s, names in used.items() if names != before.get(s, set())}
    for part in chunks(sorted(differing.keys() & before.keys())):
        connection.execute(delete(mention).where(mention.c.statement_id.in_(part)))
    insert_all(
        connection,
        mention,
        [{"statement_id": s, "identifier_id": n} for s, names in differing.items() for n in sorted(names)],
    )
    return {n for s, names in differing.items() for n in names ^ before.get(s, set())}


def mentioned(connection: Connection, name_ids: Iterable[int]) -> set[int]:
    """Give those names that some live statement uses."""
    query = select(mention.c.identifier_id).distinct()
    return {row[0] for row in select_in(connection, query, mention.c.identifier_id, name_ids)}
