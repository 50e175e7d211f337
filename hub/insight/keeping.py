"""Key figures month by month into the store, where BI tools read them as `fact_kpi`.

They are computed beside the writers; only writing what came of it keeps others waiting.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import orjson

from hub.insight.formula import Formula
from hub.insight.formulas import FORMULAS
from hub.insight.performance import Figure, compute_all, describe
from hub.insight.periods import ALWAYS
from hub.store.bookmarks import keep_bookmark, read_bookmark
from hub.store.database import Connection, Database
from hub.store.kpis import keep_figures
from hub.store.mart.figures import Scope
from hub.store.order import newest_known
from hub.store.star.freshness import define, is_current

_TYPES: dict[Scope, str] = {
    "all": "all",
    "site": "equipment",
    "equipment": "equipment",
    "product": "material_definition",
    "campaign": "batch",
}
_NAME = "key figures"


@dataclass(frozen=True)
class Kept:
    """How many formulas were computed, how many of their figures were written and how many withdrawn."""

    formulas: int = 0
    written: int = 0
    withdrawn: int = 0


@dataclass(frozen=True)
class _Mark:
    """Up to which instant the figures know the store, by which formulas, and when that was."""

    known_at: datetime
    formulas: str
    kept_at: datetime


def keep_all(database: Database, *, actor: str, now: datetime) -> Kept:
    """Compute every figure of every scope by month, and keep those whose inputs have changed."""
    with database.read() as connection:
        known_at = newest_known(connection) or now
        figures = list(_compute(connection, list(FORMULAS.values())))
    return _keep(database, figures, list(FORMULAS), mark=_Mark(known_at, _digest(), now), actor=actor)


def keep_stale(database: Database, *, actor: str, now: datetime, after: timedelta = timedelta(0)) -> Kept:
    """Do so for the formulas of which a view was written since, if the last time is long enough ago."""
    with database.read() as connection:
        before, known_at = _read_mark(connection), newest_known(connection)
        if known_at is None or (before is not None and now - before.kept_at < after):
            return Kept()
        stale = _list_stale(connection, before, known_at)
        figures = list(_compute(connection, stale))
    if not stale:
        return Kept()
    mark = _Mark(known_at, _digest(), now)
    return _keep(database, figures, [one.code for one in stale], mark=mark, actor=actor)


def _keep(
    database: Database, figures: Sequence[dict[str, Any]], kpis: Sequence[str], *, mark: _Mark, actor: str
) -> Kept:
    """Keep figures, unless somebody else has kept some meanwhile that know more."""
    with database.begin(actor, at=mark.kept_at, reason="key figures computed", alone=True) as connection:
        standing = _read_mark(connection)
        if standing is not None and standing.known_at > mark.known_at:
            return Kept()
        written, withdrawn = keep_figures(connection, figures, kpis=sorted(kpis), now=mark.kept_at)
        told = {
            "known_at": mark.known_at.isoformat(),
            "formulas": mark.formulas,
            "kept_at": mark.kept_at.isoformat(),
        }
        keep_bookmark(connection, _NAME, told, now=mark.kept_at)
        return Kept(len(kpis), written, withdrawn)


def _read_mark(connection: Connection) -> _Mark | None:
    told = read_bookmark(connection, _NAME)
    if told is None:
        return None
    known_at, kept_at = (datetime.fromisoformat(told[name]) for name in ("known_at", "kept_at"))
    return _Mark(known_at, told["formulas"], kept_at)


def _list_stale(connection: Connection, before: _Mark | None, known_at: datetime) -> list[Formula]:
    """Give the formulas that can give something else now: all of them, when one of them was changed."""
    if before is None or before.formulas != _digest():
        return list(FORMULAS.values())
    views = {view for formula in FORMULAS.values() for view in _views_of(formula)}
    written = {view for view in views if not is_current(connection, [view], since=before.known_at)}
    is_another_day = known_at.date() != before.known_at.date()
    return [
        formula
        for formula in FORMULAS.values()
        if _views_of(formula) & written or (is_another_day and _asks_for_now(formula))
    ]


def _views_of(formula: Formula) -> set[str]:
    """Give the views that a formula reads; which batches ran on a unit is told by the phases."""
    views = {term.selection.view for term in formula.terms.values()}
    return views | {"fact_phase"} if "equipment" in formula.scopes else views


def _asks_for_now(formula: Formula) -> bool:
    """Tell whether a formula gives something else when time passes and nothing is written."""
    rows = [term.selection for term in formula.terms.values()]
    return any(one.spread or any(where.test == "past" for where in one.where) for one in rows)


@cache
def _digest() -> str:
    """Give the SHA-256 of all formulas and of the views that they read."""
    views = sorted({view for formula in FORMULAS.values() for view in _views_of(formula)})
    said = [[describe(formula) for formula in FORMULAS.values()], [define(view) for view in views]]
    return hashlib.sha256(orjson.dumps(said)).hexdigest()


def _compute(connection: Connection, formulas: Sequence[Formula]) -> Iterator[dict[str, Any]]:
    """Give the figures of each month; those of no month, of rows without a day, are told when asked for."""
    for scope in _TYPES:
        mine = [formula for formula in formulas if scope in formula.scopes]
        for figures in compute_all(connection, mine, scope, grain="month").values():
            yield from (_to_row(one) for one in figures if one.period != ALWAYS)


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
