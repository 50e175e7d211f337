"""Key figures in the store: one is written when it is new or its inputs changed, and goes with them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, delete, select

from hub.store.sets import upsert
from hub.store.tables import kpi_value

KEYS = ("kpi", "formula_version", "scope_type", "scope_id", "word", "period_start", "period_end")
Key: TypeAlias = tuple[Any, ...]


def keep_figures(
    connection: Connection,
    figures: Iterable[dict[str, Any]],
    *,
    kpis: Sequence[str],
    now: datetime,
) -> tuple[int, int]:
    """Keep figures of these codes, all that there are of them; give how many were written and withdrawn.

    What has the digest that is stored already is not touched, so that its audit trail tells of changes only.
    """
    query = select(kpi_value.c.id, kpi_value.c.inputs_hash, *(kpi_value.c[name] for name in KEYS))
    standing: dict[Key, tuple[int, str]] = {
        tuple(getattr(row, name) for name in KEYS): (row.id, row.inputs_hash)
        for row in connection.execute(query.where(kpi_value.c.kpi.in_(kpis)))
    }
    given = {tuple(figure[name] for name in KEYS): figure for figure in figures}
    changed = [
        {**figure, "recorded_at": now}
        for key, figure in given.items()
        if key not in standing or standing[key][1] != figure["inputs_hash"]
    ]
    if changed:
        upsert(connection, kpi_value, changed, keys=KEYS)
    gone = [row_id for key, (row_id, _) in standing.items() if key not in given]
    for row_id in gone:
        connection.execute(delete(kpi_value).where(kpi_value.c.id == row_id))
    return len(changed), len(gone)
