"""Key figures month by month into the store, where BI tools read them as `fact_kpi`."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hub.insight.formulas import FORMULAS
from hub.insight.performance import Figure, compute_all
from hub.store.database import Connection, Database
from hub.store.kpis import keep_figures
from hub.store.mart.figures import Scope

_TYPES: dict[Scope, str] = {
    "all": "all",
    "site": "equipment",
    "equipment": "equipment",
    "product": "material_definition",
    "campaign": "batch",
}


def keep_all(database: Database, *, actor: str, now: datetime) -> tuple[int, int]:
    """Compute every figure of every scope by month; give how many were written and how many withdrawn."""
    with database.begin(actor, at=now, reason="key figures computed", alone=True) as connection:
        figures = list(_compute_all(connection))
        return keep_figures(connection, figures, kpis=sorted(FORMULAS), now=now)


def _compute_all(connection: Connection) -> Iterator[dict[str, Any]]:
    for scope in _TYPES:
        formulas = [formula for formula in FORMULAS.values() if scope in formula.scopes]
        for figures in compute_all(connection, formulas, scope, grain="month").values():
            yield from map(_to_row, figures)


def _to_row(figure: Figure) -> dict[str, Any]:
    return {
        "kpi": figure.formula.code,
        "formula_version": figure.formula.version,
        "scope_type": _TYPES[figure.scope],
        "scope_id": figure.key,
        "word": figure.word[:200],
        "period_start": figure.period.start,
        "period_end": figure.period.end,
        "value": figure.value,
        "unit": figure.formula.unit,
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "rows": figure.rows,
        "incomplete": "; ".join(figure.incomplete) or None,
        "inputs_hash": figure.digest,
    }
