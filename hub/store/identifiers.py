"""Names in the store: looked up and added in sets, each pointing at the thing it means."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy import text as sql

from hub.model import Identifier
from hub.store.bulk import update_rows
from hub.store.locks import NAMING
from hub.store.sets import AnySelect, insert_returning_ids, select_in
from hub.store.tables import ENTITY_TABLES, identifier

_UID_SPACE = uuid.UUID("6f1c1a52-3b0a-5d0e-9c1b-7b2f3f5b8a10")


class Name(NamedTuple):
    """A stored identifier: its id, type, scheme, value, comparable form, and the thing it means now.

    One that is not active was replaced by another; it means its thing all the same.
    """

    id: int
    entity_type: str
    scheme: str
    value: str
    label: str
    norm: str
    entity_id: int
    origin_id: int
    method: str
    is_active: bool = True

    @property
    def system(self) -> str:
        """The system part of the scheme."""
        return self.scheme.split(":", 1)[0]


Wanted = tuple[str, str, str]
"""Entity type, scheme, value."""

_COLUMNS = (
    identifier.c.id,
    identifier.c.entity_type,
    identifier.c.scheme,
    identifier.c.value,
    identifier.c.label,
    identifier.c.value_norm,
    identifier.c.entity_id,
    identifier.c.origin_entity_id,
    identifier.c.method,
    identifier.c.is_active,
)
_NAMES = select(*_COLUMNS)


@cache
def _names_of(entity_type: str) -> AnySelect:
    return _NAMES.where(identifier.c.entity_type == entity_type)


@lru_cache(maxsize=512)
def _names_in(entity_type: str, scheme: str) -> AnySelect:
    return _NAMES.where(identifier.c.entity_type == entity_type, identifier.c.scheme == scheme)


def find_names(connection: Connection, wanted: Iterable[Wanted]) -> dict[Wanted, Name]:
    """Give the stored names among those wanted."""
    grouped: dict[tuple[str, str], set[str]] = {}
    for entity_type, scheme, value in wanted:
        grouped.setdefault((entity_type, scheme), set()).add(value)
    found: dict[Wanted, Name] = {}
    for (entity_type, scheme), values in grouped.items():
        query = _names_in(entity_type, scheme)
        for name in map(Name._make, select_in(connection, query, identifier.c.value, values)):
            found[entity_type, scheme, name.value] = name
    return found


def names_by_id(connection: Connection, ids: Iterable[int]) -> dict[int, Name]:
    """Give names by their ids."""
    return {n.id: n for n in map(Name._make, select_in(connection, _NAMES, identifier.c.id, ids))}


def names_of_entities(connection: Connection, entity_type: str, entity_ids: Iterable[int]) -> list[Name]:
    """Give all names that mean these things."""
    query = _names_of(entity_type)
    return list(map(Name._make, select_in(connection, query, identifier.c.entity_id, entity_ids)))


def all_names(connection: Connection) -> dict[str, set[int]]:
    """Give the ids of all names by entity type."""
    found: dict[str, set[int]] = {}
    for name_id, entity_type in connection.execute(select(identifier.c.id, identifier.c.entity_type)):
        found.setdefault(entity_type, set()).add(name_id)
    return found


def names_with_norms(connection: Connection, entity_type: str, norms: Iterable[str]) -> list[Name]:
    """Give all names of a type whose comparable form is one of these."""
    query = _names_of(entity_type)
    return list(map(Name._make, select_in(connection, query, identifier.c.value_norm, norms)))


def add_names(connection: Connection, names: dict[Wanted, Identifier], *, now: datetime) -> list[Name]:
    """Add names that mean nothing yet (entity 0); give them with their ids."""
    rows: list[dict[str, Any]] = [
        {
            "entity_type": entity_type,
            "entity_id": 0,
            "origin_entity_id": 0,
            "scheme": scheme,
            "value": value,
            "label": name.label,
            "value_norm": name.norm,
            "method": "native",
            "recorded_at": now,
        }
        for (entity_type, scheme, value), name in names.items()
    ]
    ids = insert_returning_ids(connection, identifier, rows)
    return [
        Name(i, r["entity_type"], r["scheme"], r["value"], r["label"], r["value_norm"], 0, 0, "native")
        for i, r in zip(ids, rows, strict=True)
    ]


def take_naming_turn(connection: Connection) -> None:
    """Wait until no other transaction names tags; whoever was waited for has committed, so look again.

    Tags alone are named by two: by resolving, and by whoever reads samples, which waits for no resolving. On
    SQLite one transaction writes at a time.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sql("SELECT pg_advisory_xact_lock(:key)"), {"key": NAMING})


def point_names(connection: Connection, moves: Sequence[dict[str, Any]]) -> None:
    """Let names mean things: rows of `name_id`, `entity_id`, `origin_entity_id`, `method`."""
    rows = [
        {"id": m["name_id"], "entity_id": m["to_entity"], "origin_entity_id": m["origin"], "method": m["how"]}
        for m in moves
    ]
    update_rows(connection, identifier, rows)


def label_names(connection: Connection, names: Iterable[Name], said: Mapping[int, str]) -> list[Name]:
    """Let names be called what is said, or else by their value; give those for which that is new."""
    changed: list[Name] = []
    for name in names:
        called = Identifier(value=name.value, match=said.get(name.id))
        if (called.label, called.norm) != (name.label, name.norm):
            changed.append(name._replace(label=called.label, norm=called.norm))
    rows = [{"id": n.id, "label": n.label, "value_norm": n.norm} for n in changed]
    update_rows(connection, identifier, rows)
    return changed


def create_entities(
    connection: Connection, entity_type: str, labels: Sequence[tuple[str, str]], *, now: datetime
) -> list[int]:
    """Create stubs for (scheme and value, label) pairs; give their ids in order.

    A thing's uid comes from its first name; where another thing has that already (the name was part of it
    when it was made), the uid is derived once more from itself.
    """
    uids = _free_uids(connection, entity_type, [name for name, _ in labels])
    return insert_returning_ids(
        connection,
        ENTITY_TABLES[entity_type],
        [
            {
                "uid": uid,
                "code": label,
                "lifecycle": "stub",
                "version": 0,
                "has_conflict": False,
                "recorded_at": now,
            }
            for uid, (_, label) in zip(uids, labels, strict=True)
        ],
    )


@cache
def _uids(entity_type: str) -> AnySelect:
    return select(ENTITY_TABLES[entity_type].c.uid)


def _free_uids(connection: Connection, entity_type: str, names: Sequence[str]) -> list[str]:
    column = ENTITY_TABLES[entity_type].c.uid
    wanted = {name: str(uuid.uuid5(_UID_SPACE, f"{entity_type}|{name}")) for name in names}
    while taken := {row[0] for row in select_in(connection, _uids(entity_type), column, wanted.values())}:
        for name, uid in wanted.items():
            if uid in taken:
                wanted[name] = str(uuid.uuid5(_UID_SPACE, uid))
    return [wanted[name] for name in names]


def ensure_tags(
    connection: Connection, system_code: str, tags: Iterable[str], *, now: datetime
) -> dict[str, int]:
    """Give the entity ids of a source's tags by name, making stubs of those not stated yet."""
    scheme = f"{system_code}:tag"
    wanted = {("tag", scheme, tag): Identifier(scheme=scheme, value=tag) for tag in tags}
    found = find_names(connection, wanted)
    if len(found) < len(wanted):
        take_naming_turn(connection)
        found = find_names(connection, wanted)
    new = {key: name for key, name in wanted.items() if key not in found}
    if new:
        added = add_names(connection, new, now=now)
        ids = create_entities(connection, "tag", [(f"{n.scheme}|{n.value}", n.label) for n in added], now=now)
        point_names(
            connection,
            [
                {"name_id": n.id, "to_entity": i, "origin": i, "how": "native"}
                for n, i in zip(added, ids, strict=True)
            ],
        )
        found = find_names(connection, wanted)
    return {value: name.entity_id for (_, _, value), name in found.items()}
