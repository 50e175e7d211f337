"""Open quarantine that concerns a batch: parts of its own documents, and documents that name it."""

import re
from collections.abc import Sequence

from sqlalchemy import Connection, func, or_, select

from hub.store.answers.holdings import Holding
from hub.store.answers.readings import Document, read_rows
from hub.store.tables import identifier, quarantine, source_system

_LONG = 6
_SHOWN = ("id", "object_type", "source_key", "part", "reason", "remedy", "first_seen_at")


def list_concerns(connection: Connection, batch_id: int, holdings: Sequence[Holding]) -> list[Document]:
    """Give the open entries that concern a batch, oldest first; `how` tells by what.

    `part`: the rest of that document belongs to the batch. `name`: a name of the batch stands in it. Names
    too short or plain to be told from other numbers are not looked for.
    """
    own = {(h.system_id, p.object_type, p.source_key) for h in holdings for p in h.papers}
    naming = _naming(connection, batch_id)
    columns = quarantine.c
    query = (
        select(
            *(columns[name] for name in _SHOWN),
            columns.source_system_id,
            source_system.c.code.label("source"),
        )
        .join(source_system, source_system.c.id == columns.source_system_id)
        .where(columns.state == "open")
        .order_by(columns.first_seen_at, columns.id)
    )
    found: list[Document] = []
    for row in read_rows(connection, query):
        is_part = (row.pop("source_system_id"), row["object_type"], row["source_key"]) in own
        if is_part or row["id"] in naming:
            found.append({**row, "how": "part" if is_part else "name"})
    return found


def is_telling(name: str) -> bool:
    """Tell whether a name can be told from other numbers and words: four signs with a letter and a digit."""
    has_digit = any(sign.isdigit() for sign in name)
    has_letter = any(sign.isalpha() for sign in name)
    return has_digit and (len(name) >= _LONG or (has_letter and len(name) >= 4))


def stands_in(name: str, text: str) -> bool:
    """Tell whether a name stands in a text as a word of its own."""
    return re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text) is not None


def _naming(connection: Connection, batch_id: int) -> set[int]:
    """Give the open entries in which a name of the batch stands."""
    columns = quarantine.c
    position = func.strpos if connection.dialect.name == "postgresql" else func.instr
    found: set[int] = set()
    for name in _names(connection, batch_id):
        holds = or_(position(columns.payload, name) > 0, position(columns.source_key, name) > 0)
        query = select(columns.id, columns.source_key, columns.payload).where(columns.state == "open", holds)
        for row in connection.execute(query):
            if stands_in(name, row.source_key) or stands_in(name, row.payload):
                found.add(row.id)
    return found


def _names(connection: Connection, batch_id: int) -> list[str]:
    query = select(identifier.c.label, identifier.c.value).where(
        identifier.c.entity_type == "batch", identifier.c.entity_id == batch_id
    )
    return sorted({name for row in connection.execute(query) for name in row if is_telling(name)})
