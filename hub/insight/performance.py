"""Key figures: a formula, a kind of scope and a grain come in; values with their parts go out."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median, stdev
from typing import Any, TypeAlias, cast

import orjson

from hub.insight.formula import Formula, Term, evaluate
from hub.insight.periods import ALWAYS, Grain, Period, find_period, list_periods
from hub.store.database import Connection
from hub.store.mart.figures import (
    Scope,
    Selection,
    Span,
    Sum,
    Where,
    find_share,
    list_rows,
    list_values,
    name_scopes,
    sum_rows,
)
from hub.store.order import newest_known

Place: TypeAlias = tuple[int, str, Period]
"""Key of a scope, a word (empty where the formula has none), a period."""
_Term: TypeAlias = tuple[Formula, str]
_Look: TypeAlias = tuple[tuple[Any, ...], str | None]
"""What selections have in common, and the word: what is read in one go."""


BY_VALUE = frozenset({"mean", "median", "deviation", "cp", "cpk"})
"""Statistics that look at each value; the others need sums only."""


class NoSuchScope(LookupError):
    """The formula makes no sense for this kind of scope; ask for one of those that it lists."""


@dataclass
class Part:
    """What a term amounts to in one place; `values` and `limits` only where a statistic needs them.

    `missing` rows do not say what is added up, or when it was; of the latter there are `undated`.
    """

    rows: int = 0
    missing: int = 0
    undated: int = 0
    total: float = 0.0
    values: list[float] = field(default_factory=list[float])
    limits: set[tuple[float | None, float | None]] = field(
        default_factory=set[tuple[float | None, float | None]]
    )

    @property
    def known(self) -> int:
        """How many rows have a value."""
        return self.rows - self.missing


@dataclass(frozen=True)
class Figure:
    """A key figure in one place. `value` is null while it is incomplete, and `incomplete` says why."""

    formula: Formula
    scope: Scope
    key: int
    name: str
    description: str
    word: str
    period: Period
    value: float | None
    numerator: float | None
    denominator: float | None
    rows: int
    incomplete: tuple[str, ...]
    parts: Mapping[str, Part]

    @property
    def digest(self) -> str:
        """SHA-256 over the formula's version and every sum: equal inputs, equal digest."""
        said = [
            (
                name,
                p.rows,
                p.missing,
                p.undated,
                f"{p.total:.12g}",
                [f"{v:.12g}" for v in p.values],
                sorted(map(str, p.limits)),
            )
            for name, p in sorted(self.parts.items())
        ]
        return hashlib.sha256(orjson.dumps([self.formula.code, self.formula.version, said])).hexdigest()


def compute(
    connection: Connection,
    formula: Formula,
    scope: Scope,
    *,
    grain: Grain = "month",
    span: Span | None = None,
) -> list[Figure]:
    """Give the figure of each scope, word and period in which there is anything, by scope, word and period.

    Raises `NoSuchScope`.
    """
    return compute_all(connection, [formula], scope, grain=grain, span=span)[formula.code]


def compute_all(
    connection: Connection,
    formulas: Sequence[Formula],
    scope: Scope,
    *,
    grain: Grain = "month",
    span: Span | None = None,
) -> dict[str, list[Figure]]:
    """Give the figures of several formulas by code, as `compute` does; each fact is looked at once for all.

    What is due, planned or lasts beyond the newest instant that is known does not count yet. Rows of which
    nobody says when they were are in no period: they have an incomplete figure of all time beside those of
    the periods.

    Raises `NoSuchScope`.
    """
    for formula in formulas:
        if scope not in formula.scopes:
            msg = f"{formula.code} is of {', '.join(formula.scopes)}, not of {scope}"
            raise NoSuchScope(msg)
    now = newest_known(connection)
    gathering = _Gathering(connection, scope, grain=grain, span=replace(span or Span(), now=now))
    gathering.add_up(formulas)
    places = gathering.places
    named = name_scopes(connection, scope, [key for some in places.values() for key, _, _ in some])
    return {
        formula.code: [
            _figure(formula, scope, place, parts=parts, named=named)
            for place, parts in sorted(
                places[formula.code].items(), key=lambda one: (named.get(one[0][0], ("",))[0], *one[0][1:])
            )
        ]
        for formula in formulas
    }


def list_parts(
    connection: Connection, figure: Figure, *, limit: int = 1000
) -> dict[str, list[dict[str, Any]]]:
    """Give the rows that a figure is made of, by term."""
    formula = figure.formula
    first, last = figure.period.days
    now = newest_known(connection)
    span = Span(now=now) if figure.period == ALWAYS else Span(first, last, now)
    return {
        name: list_rows(
            connection,
            term.selection,
            figure.scope,
            key=figure.key,
            span=span,
            word=(formula.word, figure.word) if formula.word else None,
            limit=limit,
        )
        for name, term in formula.terms.items()
    }


class _Gathering:
    """Adds up what the terms of formulas select: by formula, scope, word and period."""

    def __init__(self, connection: Connection, scope: Scope, *, grain: Grain, span: Span) -> None:
        self._connection = connection
        self._scope: Scope = scope
        self._grain: Grain = grain
        self._span = span
        self.places: dict[str, dict[Place, dict[str, Part]]] = {}

    def add_up(self, formulas: Sequence[Formula]) -> None:
        """Read each view once for all sums of it, and once for each list of values."""
        sums: dict[_Look, dict[Selection, list[_Term]]] = {}
        values: dict[tuple[Selection, str | None], list[_Term]] = {}
        for formula in formulas:
            self.places[formula.code] = {}
            for name, term in formula.terms.items():
                rows = term.selection
                if formula.statistic in BY_VALUE:
                    values.setdefault((rows, formula.word), []).append((formula, name))
                else:
                    look = sums.setdefault((rows.look, formula.word), {})
                    look.setdefault(rows, []).append((formula, name))
        for (_, word), some in sums.items():
            self._sum(some, word)
        for (rows, word), terms in values.items():
            self._list(rows, word, terms)

    def _sum(self, wanted: Mapping[Selection, Sequence[_Term]], word: str | None) -> None:
        found = sum_rows(self._connection, list(wanted), self._scope, span=self._span, word=word)
        for rows, one in found:
            for period, share in self._share(one):
                for formula, name in wanted[rows]:
                    if not self._is_set_aside(formula, name, one):
                        part = self._part(formula, name, (one.scope, one.word, period))
                        part.rows += one.rows
                        part.missing += one.missing
                        part.total += one.total * share

    def _list(self, rows: Selection, word: str | None, terms: Sequence[_Term]) -> None:
        for one in list_values(self._connection, rows, self._scope, span=self._span, word=word):
            told = Sum(one.scope, one.word, one.day, 1, int(one.value is None), one.value or 0.0)
            for formula, name in terms:
                if self._is_set_aside(formula, name, told):
                    continue
                place = (one.scope, one.word, find_period(one.day, self._grain))
                part = self._part(formula, name, place)
                part.rows += 1
                part.limits.add(one.limits)
                if one.value is None:
                    part.missing += 1
                else:
                    part.total += one.value
                    part.values.append(one.value)

    def _share(self, one: Sum) -> Iterator[tuple[Period, float]]:
        """Give the periods to which rows belong, and which part of what they measure lies in each."""
        if one.reach is None:
            yield find_period(one.day, self._grain), 1.0
            return
        begin, until = self._span.bounds
        start, end = one.reach
        last = until if end is None else min(end, until)
        for period in list_periods(max(start, begin), last, self._grain):
            within = max(begin, period.start), min(until, period.end)
            share = 0.0 if end is None else find_share((start, end), within)
            if share or end is None:
                yield period, share

    def _is_set_aside(self, formula: Formula, name: str, one: Sum) -> bool:
        """Count rows without a day as missing, unless all time is asked for: they can be of any period."""
        if one.day is not None or (self._grain == "all" and self._span.is_open):
            return False
        skips = formula.terms[name].missing == "skip"
        undated = one.rows - one.missing if skips else one.rows
        if undated:
            part = self._part(formula, name, (one.scope, one.word, ALWAYS))
            part.rows += undated
            part.missing += undated
            part.undated += undated
        return True

    def _part(self, formula: Formula, name: str, place: Place) -> Part:
        places = self.places[formula.code]
        if place not in places:
            places[place] = {name: Part() for name in formula.terms}
        return places[place][name]


def _figure(
    formula: Formula,
    scope: Scope,
    place: Place,
    *,
    parts: Mapping[str, Part],
    named: Mapping[int, tuple[str, str]],
) -> Figure:
    key, word, period = place
    lacking = _find_lacking(formula, parts)
    numerator, denominator = _sides(formula, parts)
    value = None
    if not lacking:
        value, lacking = _value(formula, parts, numerator=numerator, denominator=denominator)
    name, description = named.get(key, ("", ""))
    return Figure(
        formula,
        scope,
        key,
        name,
        description,
        word,
        period,
        value,
        numerator,
        denominator,
        sum(part.rows for part in parts.values()),
        tuple(lacking),
        parts,
    )


def _find_lacking(formula: Formula, parts: Mapping[str, Part]) -> list[str]:
    """Say what is missing: rows that must be there, and rows that do not say what is added up."""
    found: list[str] = []
    for name, term in formula.terms.items():
        part, rows = parts[name], term.selection
        what = f"{rows.view} ({tell_conditions(term)})" if rows.where else rows.view
        lacking = part.missing - part.undated
        if term.must_be and not part.rows:
            found.append(f"{name}: there is no row of {what}")
        if part.undated:
            found.append(f"{name}: {part.undated} of {part.rows} rows of {what} have no {rows.day}")
        if term.missing == "incomplete" and lacking:
            found.append(f"{name}: {lacking} of {part.rows} rows of {what} have no {rows.column}")
    return found


def tell_conditions(term: Term) -> str:
    """Give the conditions of a term as people read them: `element in POT, basis = planned`."""
    return ", ".join(_spell_condition(one) for one in term.selection.where)


def _spell_condition(where: Where) -> str:
    return f"{where.column} {where.test} {_spell(where.value)}".rstrip()


def _spell(value: object) -> str:
    if isinstance(value, tuple):
        return " or ".join(str(one) for one in cast("tuple[object, ...]", value))
    return "" if value is None else str(value)


def _sides(formula: Formula, parts: Mapping[str, Part]) -> tuple[float | None, float | None]:
    """Give numerator and denominator; of a statistic the sum and the number of its values."""
    if formula.statistic != "ratio":
        return parts["x"].total, float(parts["x"].known)
    sums = {name: part.total for name, part in parts.items()}
    bottom = None if formula.denominator is None else evaluate(formula.denominator, sums)
    return evaluate(formula.numerator, sums), bottom


def _value(
    formula: Formula, parts: Mapping[str, Part], *, numerator: float | None, denominator: float | None
) -> tuple[float | None, list[str]]:
    """Give the value, or why there is none."""
    if formula.statistic == "ratio":
        if denominator is None:
            return numerator, []
        if not denominator or numerator is None:
            return None, [f"the denominator ({formula.denominator}) is 0"]
        return numerator / denominator, []
    return _statistic(formula, parts["x"])


def _statistic(formula: Formula, part: Part) -> tuple[float | None, list[str]]:
    if not part.known:
        return None, ["there is no value"]
    if formula.statistic == "mean":
        return part.total / part.known, []
    if formula.statistic == "median":
        return median(part.values), []
    if part.known < 2:
        return None, ["there is one value, and a spread needs two"]
    if formula.statistic == "deviation":
        return stdev(part.values), []
    return _capability(part, is_centred=formula.statistic == "cp")


def _capability(part: Part, *, is_centred: bool) -> tuple[float | None, list[str]]:
    """Give Cp (`is_centred`: needs both limits) or Cpk (one is enough) of values under one pair of limits."""
    if len(part.limits) != 1:
        return None, ["the limits changed within the period; ask for a shorter one"]
    ((lower, upper),) = part.limits
    spread, centre = stdev(part.values), part.total / part.known
    if is_centred and (lower is None or upper is None):
        return None, ["Cp needs a lower and an upper limit"]
    if lower is None and upper is None:
        return None, ["there is no limit to be held against"]
    if not spread:
        return None, ["all values are equal"]
    if is_centred and lower is not None and upper is not None:
        return (upper - lower) / (6 * spread), []
    sides = [
        side
        for side in (
            None if upper is None else (upper - centre) / (3 * spread),
            None if lower is None else (centre - lower) / (3 * spread),
        )
        if side is not None
    ]
    return min(sides), []


def describe(formula: Formula) -> dict[str, Any]:
    """Give a formula as data: everything that decides what it gives."""
    return {
        "code": formula.code,
        "title": formula.title,
        "unit": formula.unit,
        "text": formula.text,
        "source": formula.source,
        "version": formula.version,
        "statistic": formula.statistic,
        "numerator": formula.numerator,
        "denominator": formula.denominator,
        "word": formula.word,
        "scopes": list(formula.scopes),
        "better": formula.better,
        "terms": [_describe_term(name, term) for name, term in formula.terms.items()],
    }


def _describe_term(name: str, term: Term) -> dict[str, Any]:
    rows = term.selection
    return {
        "name": name,
        "view": rows.view,
        "day": rows.day,
        "column": rows.column,
        "where": [_spell_condition(one) for one in rows.where],
        "missing": term.missing,
        "must_be": term.must_be,
    }
