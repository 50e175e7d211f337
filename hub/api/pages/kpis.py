"""The pages of key figures: all of a place and period, one in all places, the rows that one is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, cast, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response

from hub.api.pages.figures import Shown, name_period, show_figure, show_rows, show_term, write_day
from hub.api.pages.rendering import render
from hub.api.parameters import LARGEST
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.routes.kpis import compute_figures, find_figure, find_formula, read_day, read_period, span_of
from hub.api.strict import StrictRoute
from hub.insight.formula import Formula
from hub.insight.formulas import FORMULAS
from hub.insight.performance import Figure, compute_all, list_parts
from hub.insight.periods import ALWAYS, Grain, Period
from hub.store.database import Connection
from hub.store.mart.figures import Scope, Span, list_choices, newest_day

router = APIRouter(include_in_schema=False, route_class=StrictRoute)

_MOST_FIGURES, _MOST_ROWS = 500, 300
_KINDS: tuple[Scope, ...] = get_args(Scope)
_GRAINS: tuple[Grain, ...] = get_args(Grain)
_Code = Annotated[str, Path(max_length=60, pattern="^[a-z_]+$")]
_Day = Annotated[str, Query(pattern="^([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?$")]
_Place = Annotated[str, Query(pattern="^(all|(site|equipment|product|campaign):[0-9]{1,18})$")]


@dataclass(frozen=True)
class Line:
    """A key figure in the place and period of the page; several figures where words keep them apart."""

    formula: Formula
    figures: list[Shown]


@dataclass(frozen=True)
class Choice:
    """A scope that can be chosen: how an address names it, and how people do."""

    value: str
    code: str
    description: str


@router.get("/kpis", name="show_kpis")
def show_kpis(room: RoomOf, of: _Place = "all", per: Grain = "month", day: _Day = "") -> Response:
    """Show all key figures of a place and period; unless asked, of the last month in which a batch ended."""
    scope, key = _read_place(of)
    with room.database.read() as connection:
        choices = _list_choices(connection)
        number = read_day(day) if day else newest_day(connection)
        if number is None:
            per = "all"
        period = ALWAYS if number is None else read_period(number, per)
        wanted = [formula for formula in FORMULAS.values() if scope in formula.scopes]
        found = compute_all(connection, wanted, scope, grain=per, span=span_of(period))
        here = {code: [one for one in some if one.period == period] for code, some in found.items()}
        shown = [_show_line(formula, here[formula.code], key=key, per=per) for formula in wanted]
    if key is not None and not any(of == one.value for group in choices.values() for one in group):
        raise Problem("not-found", f"There is no {scope} of this key of which anything is known.")
    return render(
        "kpis.html",
        of=of,
        scope=scope,
        per=per,
        grains=_GRAINS,
        choices=choices,
        day="" if number is None else write_day(number),
        period=name_period(period, per),
        earlier=_step(of, per, period, back=True),
        later=_step(of, per, period, back=False),
        shown=shown,
        others=[formula for formula in FORMULAS.values() if scope not in formula.scopes],
    )


@router.get("/kpis/{code}", name="show_kpi")
def show_kpi(
    room: RoomOf,
    code: _Code,
    of: Scope = "all",
    per: Grain = "month",
    since: Annotated[_Day, Query(alias="from")] = "",
    to: _Day = "",
) -> Response:
    """Show a key figure with its formula: its value in every scope and period of which there is anything."""
    formula = find_formula(code)
    span = Span(read_day(since or None), read_day(to or None))
    with room.database.read() as connection:
        figures = compute_figures(connection, formula, of, per=per, span=span)
    return render(
        "kpi.html",
        formula=formula,
        terms=[show_term(name, term) for name, term in formula.terms.items()],
        of=of,
        per=per,
        grains=_GRAINS,
        since=since,
        to=to,
        figures=[show_figure(one, per) for one in figures[:_MOST_FIGURES]],
        count=len(figures),
    )


@router.get("/kpis/{code}/rows", name="show_kpi_rows")
def show_kpi_rows(
    room: RoomOf,
    code: _Code,
    day: _Day,
    of: Scope = "all",
    per: Grain = "month",
    key: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    word: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show the rows that one figure was made of, term by term, with the batches they belong to."""
    number = read_day(day or None)
    if number is None:
        raise Problem("invalid-parameter", "`day` is a day of the period, such as 2026-03-15.")
    formula = find_formula(code)
    with room.database.read() as connection:
        figure = find_figure(connection, formula, of, key=key, word=word, per=per, day=number)
        parts = list_parts(connection, figure, limit=_MOST_ROWS + 1)
        terms = [
            show_rows(connection, name, term, figure=figure, rows=parts[name], most=_MOST_ROWS)
            for name, term in formula.terms.items()
        ]
    asked = {"of": of, "per": per, "day": day, "key": key, **({"word": word} if word else {})}
    return render(
        "kpi_rows.html",
        formula=formula,
        figure=show_figure(figure, per),
        terms=terms,
        of=of,
        per=per,
        most=_MOST_ROWS,
        json=f"/v1/kpis/{code}/rows?{urlencode(asked)}",
    )


def _read_place(of: str) -> tuple[Scope, int | None]:
    """Give scope and key of `site:12`; of all there is no key."""
    scope, _, key = of.partition(":")
    return cast("Scope", scope), int(key) if key else None


def _list_choices(connection: Connection) -> dict[Scope, list[Choice]]:
    return {
        scope: [Choice(f"{scope}:{key}", code, about) for key, code, about in list_choices(connection, scope)]
        for scope in _KINDS
        if scope != "all"
    }


def _show_line(formula: Formula, figures: Sequence[Figure], *, key: int | None, per: Grain) -> Line:
    return Line(formula, [show_figure(one, per) for one in figures if key is None or one.key == key])


def _step(of: str, per: Grain, period: Period, *, back: bool) -> str:
    """Give the address of the period before or after; empty where there is none."""
    if period == ALWAYS:
        return ""
    try:
        day = (period.start - timedelta(days=1) if back else period.end).date()
    except OverflowError:
        return ""
    return f"/kpis?{urlencode({'of': of, 'per': per, 'day': day.isoformat()})}"
