"""Key figures as people read them: values in units, periods by name, terms in words, rows with links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from hub.api.pages.rendering import show_number, show_time, show_unit
from hub.insight.formula import Term
from hub.insight.performance import Figure, tell_conditions
from hub.insight.periods import ALWAYS, Grain, Period
from hub.store.database import Connection
from hub.store.mart.figures import name_things

_SPANS = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "min"))
"""From how many seconds on a time is told in which unit."""
_FOUR = ".4g"
_THINGS = {
    "batch": ("batch_key", "dim_batch", "/batches/"),
    "lot": ("lot_key", "dim_lot", "/lots/"),
    "material": ("material_key", "dim_material", ""),
    "equipment": ("equipment_key", "dim_equipment", ""),
}
"""What rows refer to: column, the dimension that names it, and the address of its page, if it has one."""
_ABOUT: Mapping[str, tuple[str, ...]] = {
    "fact_batch": ("actual_start", "actual_end"),
    "fact_test_result": (
        "sample",
        "property",
        "value_num",
        "value_text",
        "unit",
        "verdict",
        "lower",
        "upper",
    ),
    "fact_phase": ("name", "level", "actual_start", "actual_end"),
    "fact_material_movement": ("use", "at", "quantity", "unit"),
    "fact_event": ("event_type", "subtype", "at"),
    "fact_equipment_time": ("element", "basis", "state", "start_at", "end_at"),
}
"""Columns of each view by which people know a row."""
_MISSING = {
    "incomplete": "makes the figure incomplete",
    "zero": "counts as nothing",
    "skip": "is left out",
}


@dataclass(frozen=True)
class Shown:
    """A figure on a page; `value` is empty while it is incomplete, `rows_at` leads to what it is made of."""

    place: str
    about: str
    word: str
    period: str
    value: str
    exact: str
    unit: str
    numerator: str
    denominator: str
    rows: int
    incomplete: tuple[str, ...]
    rows_at: str


@dataclass(frozen=True)
class ShownTerm:
    """What a term adds up, in words, and the column of a view that it is."""

    name: str
    view: str
    what: str
    day: str
    where: str
    missing: str
    must_be: bool


@dataclass(frozen=True)
class Cell:
    """A value of a row; `is_missing` where the term wanted one, `link` where it has a page."""

    text: str
    link: str = ""
    is_missing: bool = False


@dataclass(frozen=True)
class ShownRows:
    """The rows of a term; `more` when there are others."""

    term: ShownTerm
    columns: list[str]
    rows: list[list[Cell]]
    part: str
    more: bool


def show_figure(figure: Figure, per: Grain) -> Shown:
    """Give a figure as a page has it."""
    formula = figure.formula
    value, unit = show_measure(figure.value, formula.unit)
    own: Grain = "all" if figure.period == ALWAYS else per
    asked = {"of": figure.scope, "key": figure.key, "per": own, "day": figure.period.start.date().isoformat()}
    asked |= {"word": figure.word} if figure.word else {}
    return Shown(
        place=figure.name,
        about=figure.description,
        word=figure.word,
        period=name_period(figure.period, per),
        value=value,
        exact="" if figure.value is None else f"{figure.value:.12g} {show_unit(formula.unit)}".strip(),
        unit=unit,
        numerator=show_number(figure.numerator),
        denominator=show_number(figure.denominator),
        rows=figure.rows,
        incomplete=figure.incomplete,
        rows_at=f"/kpis/{formula.code}/rows?{urlencode(asked)}",
    )


def show_measure(value: float | None, unit: str) -> tuple[str, str]:
    """Give a value with four digits and its unit; times in days, hours or minutes."""
    if value is None:
        return "", ""
    if unit == "s":
        for least, size, name in _SPANS:
            if abs(value) >= least:
                return format(value / size, _FOUR), name
    shown = show_number(value) if value == int(value) else format(value, _FOUR)
    return shown, show_unit(unit)


def name_period(period: Period, per: Grain) -> str:
    """Give the name of a period: 2026-03, 2026-W11, 2026 Q1; what no period is known of is without a day."""
    start = period.start
    if period == ALWAYS:
        return "all time" if per == "all" else "without a day"
    match per:
        case "year":
            return f"{start:%Y}"
        case "quarter":
            return f"{start:%Y} Q{(start.month + 2) // 3}"
        case "month":
            return f"{start:%Y-%m}"
        case "week":
            return f"{start:%G-W%V}"
        case _:
            return f"{start:%Y-%m-%d}"


def show_term(name: str, term: Term) -> ShownTerm:
    """Give what a term adds up."""
    rows = term.selection
    what = f"sum of {rows.column}" if rows.column else "number of rows"
    missing = _MISSING[term.missing] if rows.column else ""
    return ShownTerm(name, rows.view, what, rows.day, tell_conditions(term), missing, term.must_be)


def show_rows(
    connection: Connection,
    name: str,
    term: Term,
    figure: Figure,
    rows: Sequence[Mapping[str, Any]],
    most: int,
) -> ShownRows:
    """Give the rows of a term with the things that they refer to by name."""
    shown, selection = rows[:most], term.selection
    has = set(shown[0]) if shown else set[str]()
    things = {word: one for word, one in _THINGS.items() if one[0] in has}
    named = {
        word: name_things(connection, view, [row[column] for row in shown if row[column] is not None])
        for word, (column, view, _) in things.items()
    }
    added = [selection.column] if selection.column else []
    beside = ["counted"] if added and selection.spread else []
    asked = [*(one.column for one in selection.where), *added, *beside]
    plain = list(dict.fromkeys([selection.day, *_ABOUT[selection.view], *asked]))
    cells = [
        [
            *(_name(named[word].get(row[column]), address) for word, (column, _, address) in things.items()),
            *(_show(column, row[column], is_wanted=column in added) for column in plain),
        ]
        for row in shown
    ]
    part = figure.parts[name]
    total = f"{show_number(part.total)}, from {part.known} of {part.rows} rows"
    told = total if added else show_number(part.rows)
    return ShownRows(show_term(name, term), [*things, *plain], cells, told, len(rows) > most)


def _name(thing: tuple[str, str, str] | None, address: str) -> Cell:
    if thing is None:
        return Cell("")
    uid, code, _ = thing
    return Cell(code, f"{address}{uid}" if address else "")


def _show(column: str, value: Any, *, is_wanted: bool) -> Cell:
    """Give a value; days are numbers (yyyymmdd) in the views."""
    match value:
        case None:
            return Cell("not known" if is_wanted else "", is_missing=is_wanted)
        case datetime():
            return Cell(show_time(value))
        case int() if column == "day" or column.endswith("_day"):
            return Cell(write_day(value))
        case bool() | int() | float():
            return Cell(show_number(value))
        case _:
            return Cell(str(value))


def write_day(number: int) -> str:
    """Give a day (yyyymmdd) as it is written: 2026-03-15."""
    return f"{number // 10_000:04}-{number // 100 % 100:02}-{number % 100:02}"
