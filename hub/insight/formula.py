"""A formula of a key figure: versioned data that say what is added up, and how the sums are combined."""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hub.store.mart.figures import Selection

Statistic = Literal["ratio", "mean", "median", "deviation", "cp", "cpk"]
Missing = Literal["incomplete", "zero", "skip"]
_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


class WrongFormula(ValueError):
    """A formula cannot be read; write sums, differences and products of its own terms."""


@dataclass(frozen=True)
class Term:
    """A sum over rows. `missing` says what a row without a value does: it makes the figure incomplete,
    counts as nothing, or is left out. `must_be` says that no row at all makes the figure incomplete.
    """

    selection: Selection
    missing: Missing = "incomplete"
    must_be: bool = False


@dataclass(frozen=True)
class Formula:
    """How a key figure comes about.

    `ratio` divides two expressions of terms (without a denominator it is the numerator alone); the others are
    statistics of the one term `x`. `word` is a column by which the figure is kept apart, such as the property
    of a test. `scopes` are those for which it makes sense.
    """

    code: str
    title: str
    unit: str
    text: str
    source: str
    terms: Mapping[str, Term]
    statistic: Statistic = "ratio"
    numerator: str = "x"
    denominator: str | None = None
    version: int = 1
    word: str | None = None
    scopes: tuple[str, ...] = ("all", "site", "product", "campaign")
    better: Literal["higher", "lower", "neither"] = "neither"

    def __post_init__(self) -> None:
        """Refuse a formula that names what it does not have. Raises `WrongFormula`."""
        for text in (self.numerator, self.denominator):
            if text is not None:
                evaluate(text, dict.fromkeys(self.terms, 1.0))
        if self.statistic != "ratio" and set(self.terms) != {"x"}:
            msg = f"{self.code} is a {self.statistic} and so has one term, x"
            raise WrongFormula(msg)


def evaluate(text: str, values: Mapping[str, float]) -> float:
    """Give the value of an expression of terms. Raises `WrongFormula`."""
    return _evaluate(ast.parse(text, mode="eval").body, values, text)


def _evaluate(node: Any, values: Mapping[str, float], text: str) -> float:
    match node:
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(left, values, text), _evaluate(right, values, text))
        case _:
            msg = f"{text!r} is no sum, difference or product of {', '.join(values)}"
            raise WrongFormula(msg)
