"""What the mapping of a source was: the settings that shape meaning, kept under the version records name."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from hub.store.sets import insert_unless_there
from hub.store.tables import mapping

_DIGITS = 12


def name_mapping(connector: str, version: str, content: Mapping[str, Any]) -> str:
    """Give the version of a mapping, `<connector>/<version>#<digest>`: it changes when the content does."""
    digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return f"{connector}/{version}#{digest[:_DIGITS]}"


def keep_mapping(
    connection: Connection, system_id: int, *, version: str, content: Mapping[str, Any], now: datetime
) -> None:
    """Keep what a version of a source's mapping is, unless it is known already."""
    key = {"source_system_id": system_id, "mapping_version": version}
    columns = mapping.c
    known = select(columns.id).where(
        columns.source_system_id == system_id, columns.mapping_version == version
    )
    if connection.scalar(known) is None:
        row = {**key, "content": dict(content), "recorded_at": now}
        insert_unless_there(connection, mapping, row, keys=tuple(key))
