"""The shapes of key figures: formulas as data, values with their parts, and the rows behind them."""

from typing import Literal

from pydantic import AwareDatetime

from hub.api.schemas import Schema
from hub.api.values import Cell


class TermOfFormula(Schema):
    """A sum that a formula is made of: which rows of which view, and what of them."""

    name: str
    view: str
    day: str
    column: str | None
    where: list[str]
    missing: Literal["incomplete", "zero", "skip"]
    must_be: bool


class KpiFormula(Schema):
    """A key figure: its formula in words and as data, with its source."""

    code: str
    title: str
    unit: str
    text: str
    source: str
    version: int
    statistic: Literal["ratio", "mean", "median", "deviation", "cp", "cpk"]
    numerator: str
    denominator: str | None
    word: str | None
    scopes: list[str]
    better: Literal["higher", "lower", "neither"]
    terms: list[TermOfFormula]


class PartOfFigure(Schema):
    """What a term amounts to; `missing` rows do not say what is added up, or when it was."""

    rows: int
    missing: int
    total: float


class KpiFigure(Schema):
    """A key figure of a scope and period. `value` is null while it is incomplete, `incomplete` says why.

    `key` is the scope's key in the mart (0 for all), `word` what the figure is kept apart by. `end` is out.
    Rows of which nobody says when they were have a figure of all time (years 1 to 9999) beside the others.
    """

    key: int
    code: str
    description: str
    word: str
    start: AwareDatetime
    end: AwareDatetime
    value: float | None
    numerator: float | None
    denominator: float | None
    rows: int
    incomplete: list[str]
    parts: dict[str, PartOfFigure]


class KpiFigures(Schema):
    """The figures of a formula."""

    formula: KpiFormula
    scope: str
    per: str
    items: list[KpiFigure]


class RowsOfTerm(Schema):
    """Rows of the mart that a term adds up, all columns; `is_complete` is false when `limit` cut them.

    Of rows that last `counted` is what of the measure lies in the period.
    """

    term: str
    view: str
    is_complete: bool
    rows: list[dict[str, Cell]]


class KpiRows(Schema):
    """The rows that a figure is made of."""

    formula: KpiFormula
    items: list[RowsOfTerm]
