"""Key figures: their formulas, their values over scopes and periods, and the rows each was made of."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from hub.api.answer import answer
from hub.api.documentation import GUARDED, answers
from hub.api.figures import KpiFigures, KpiFormula, KpiRows
from hub.api.parameters import LARGEST
from hub.api.problems import Problem
from hub.api.room import RoomOf
from hub.api.schemas import list_of
from hub.api.strict import StrictRoute
from hub.insight.formula import Formula
from hub.insight.formulas import FORMULAS
from hub.insight.performance import Figure, NoSuchScope, compute, describe, list_parts
from hub.insight.periods import ALWAYS, Grain, Period, find_period
from hub.store.answers.readings import Document
from hub.store.database import Connection
from hub.store.mart.figures import Scope, Span

router = APIRouter(prefix="/v1/kpis", tags=["performance"], route_class=StrictRoute)

Code = Annotated[
    str,
    Path(max_length=60, pattern="^[a-z_]+$", description="Code of a formula.", examples=["right_first_time"]),
]
Of = Annotated[Scope, Query(alias="of", description="By what the figures are told apart.")]
Per = Annotated[
    Grain,
    Query(description="Length of a period: whole UTC days, ISO weeks."),
]
DAY = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
From = Annotated[
    str | None, Query(alias="from", pattern=DAY, description="First day.", examples=["2026-01-01"])
]
To = Annotated[str | None, Query(pattern=DAY, description="Last day, included.", examples=["2026-12-31"])]


@router.get("", response_class=Response, responses=answers(list_of(KpiFormula), *GUARDED))
def list_kpis() -> Response:
    """List the key figures: formula, source, terms, and for which scopes each makes sense."""
    return answer({"items": [describe(formula) for formula in FORMULAS.values()]})


@router.get("/{code}", response_class=Response, responses=answers(KpiFigures, *GUARDED, "not-found"))
def read_kpi(
    room: RoomOf,
    code: Code,
    of: Of = "all",
    per: Per = "month",
    since: From = None,
    to: To = None,
) -> Response:
    """Give a key figure by scope and period, each with numerator, denominator and parts.

    A figure whose inputs are incomplete says what is missing instead of giving a number. What is due or
    planned later than the newest instant that is known does not count yet.
    """
    formula = find_formula(code)
    with room.database.read() as connection:
        figures = compute_figures(connection, formula, of, per=per, span=Span(read_day(since), read_day(to)))
    items = [_tell(figure) for figure in figures]
    return answer({"formula": describe(formula), "scope": of, "per": per, "items": items})


@router.get("/{code}/rows", response_class=Response, responses=answers(KpiRows, *GUARDED, "not-found"))
def list_kpi_rows(
    room: RoomOf,
    code: Code,
    day: Annotated[str, Query(pattern=DAY, description="A day of the period.", examples=["2026-03-15"])],
    of: Of = "all",
    per: Per = "month",
    key: Annotated[int, Query(ge=0, le=LARGEST, description="`key` of the figure.")] = 0,
    word: Annotated[str, Query(max_length=200, description="`word` of the figure.")] = "",
    limit: Annotated[int, Query(ge=1, le=10_000, description="Most rows of each term.")] = 1000,
) -> Response:
    """Give the rows of the mart that one figure was made of, term by term, and whether these are all."""
    formula = find_formula(code)
    number = read_day(day) or 0
    with room.database.read() as connection:
        figure = find_figure(connection, formula, of, key=key, word=word, per=per, day=number)
        rows = list_parts(connection, figure, limit=limit + 1)
    items = [
        {
            "term": name,
            "view": formula.terms[name].selection.view,
            "is_complete": len(some) <= limit,
            "rows": some[:limit],
        }
        for name, some in rows.items()
    ]
    return answer({"formula": describe(formula), "items": items})


def find_formula(code: str) -> Formula:
    """Give a formula by its code. Raises `Problem`."""
    found = FORMULAS.get(code)
    if found is None:
        raise Problem("not-found", f"There is no key figure {code}; /v1/kpis lists them.")
    return found


def compute_figures(
    connection: Connection, formula: Formula, of: Scope, *, per: Grain, span: Span
) -> list[Figure]:
    """Give the figures of a formula. Raises `Problem` for a scope that makes no sense for it."""
    try:
        return compute(connection, formula, of, grain=per, span=span)
    except NoSuchScope as error:
        raise Problem("invalid-parameter", str(error)) from error


def find_figure(
    connection: Connection, formula: Formula, of: Scope, *, key: int, word: str, per: Grain, day: int
) -> Figure:
    """Give the figure of one scope, word and period. Raises `Problem`."""
    period = read_period(day, per)
    figures = compute_figures(connection, formula, of, per=per, span=span_of(period))
    found = next((one for one in figures if (one.key, one.word, one.period) == (key, word, period)), None)
    if found is None:
        raise Problem("not-found", f"There is no {formula.code} of that scope, word and period.")
    return found


def read_period(day: int, per: Grain) -> Period:
    """Give the period in which a day lies. Raises `Problem` for one that the calendar does not end."""
    try:
        return find_period(day, per)
    except (ValueError, OverflowError) as error:
        raise Problem("invalid-parameter", "`day` lies before the year 9999.") from error


def span_of(period: Period) -> Span:
    """Give the days of a period; all time is open on both sides."""
    return Span() if period == ALWAYS else Span(*period.days)


def read_day(text: str | None) -> int | None:
    """Give a day as the mart has it. Raises `Problem` for one that no month has."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Problem("invalid-parameter", f"{text} is no day of the calendar.") from error
    return at.year * 10_000 + at.month * 100 + at.day


def _tell(figure: Figure) -> Document:
    return {
        "key": figure.key,
        "code": figure.name,
        "description": figure.description,
        "word": figure.word,
        "start": figure.period.start,
        "end": figure.period.end,
        "value": figure.value,
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "rows": figure.rows,
        "incomplete": list(figure.incomplete),
        "parts": {
            name: {"rows": part.rows, "missing": part.missing, "total": part.total}
            for name, part in figure.parts.items()
        },
    }
