"""Functions and sums of the grammar in SQL: of texts, instants and numbers, equal on both engines."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, FromClause, Integer, String, case, cast, func, literal

from hub.store.questions.collections import Property
from hub.store.questions.expression import Arithmetic, Call, FilterError, Literal
from hub.store.questions.kinds import NUMBERS
from hub.store.questions.parts import DayText, Part

_PARTS = {
    "year": (1, 4),
    "month": (6, 2),
    "day": (9, 2),
    "hour": (12, 2),
    "minute": (15, 2),
    "second": (18, 2),
}


@dataclass(frozen=True)
class Term:
    """A value in SQL and its kind; a reference also knows its column and the property it came from."""

    kind: str
    column: ColumnElement[Any]
    property: Property | None = None
    table: FromClause | None = None


@dataclass(frozen=True)
class Calculation:
    """Calculates for one engine."""

    dialect: str

    def call(self, node: Call, terms: list[Term]) -> Term:
        """Give a function of values. Raises `FilterError`."""
        first = terms[0]
        match node.function:
            case "indexof":
                self._expect(terms, ("text", "choice"), form="two texts", node=node)
                find = func.strpos if self.dialect != "sqlite" else func.instr
                return Term("integer", find(first.column, terms[1].column, type_=Integer) - 1)
            case "substring":
                self._expect(terms[:1], ("text", "choice"), form="a text and numbers", node=node)
                return self._cut(node, first)
            case "tolower" | "toupper" | "trim" | "length" | "concat":
                self._expect(terms, ("text", "choice"), form="text", node=node)
                return self._of_text(node.function, [one.column for one in terms])
            case "year" | "month" | "day" | "hour" | "minute" | "second" | "date":
                self._expect(terms, ("instant",), form="a time", node=node)
                if node.function == "date":
                    return Term("date", DayText(first.column))
                start, size = _PARTS[node.function]
                return Term("integer", Part(first.column, literal(start), literal(size)))
            case "round" | "floor" | "ceiling":
                self._expect(terms, NUMBERS, form="a number", node=node)
                return Term("number", self._rounded(node.function, first.column))
            case _:
                raise FilterError(f"{node.function} is a condition; a value is expected", node.position)

    @staticmethod
    def _cut(node: Call, text: Term) -> Term:
        """Cut a text from a place on (0 is the first), as long as is said."""
        bounds = [one.value for one in node.arguments[1:] if isinstance(one, Literal)]
        whole = [n for n in bounds if type(n) is int and 0 <= n < 2**31 - 1]
        if len(whole) != len(node.arguments) - 1:
            raise FilterError("substring takes a text and whole numbers from 0 on", node.position)
        start, *rest = whole
        return Term("text", func.substr(text.column, start + 1, *rest, type_=String))

    def _of_text(self, function: str, columns: list[ColumnElement[Any]]) -> Term:
        match function:
            case "tolower":
                return Term("text", func.lower(columns[0], type_=String))
            case "toupper":
                return Term("text", func.upper(columns[0], type_=String))
            case "trim":
                return Term("text", func.trim(columns[0], type_=String))
            case "length":
                return Term("integer", func.length(columns[0], type_=Integer))
            case _:
                return Term("text", columns[0].concat(columns[1]))

    def _rounded(self, function: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Round halves away from zero, as OData has it; without SQLite's optional functions."""
        number = cast(column, Float(53))
        if self.dialect != "sqlite":
            if function == "round":
                return func.sign(number) * func.floor(func.abs(number) + 0.5)
            return func.floor(number) if function == "floor" else func.ceiling(number)
        whole = cast(cast(number, Integer), Float(53))
        down = case((whole > number, whole - 1), else_=whole)
        up = case((whole < number, whole + 1), else_=whole)
        return down if function == "floor" else up if function == "ceiling" else func.round(number)

    def calculate(self, node: Arithmetic, left: Term, right: Term) -> Term:
        """Give a sum, difference, product, quotient or remainder. Raises `FilterError`."""
        self._expect((left, right), NUMBERS, form="numbers", node=node)
        one, other = cast(left.column, Float(53)), cast(right.column, Float(53))
        match node.operator:
            case "add":
                return Term("number", one + other)
            case "sub":
                return Term("number", one - other)
            case "mul":
                return Term("number", one * other)
            case "div":
                return Term("number", one / func.nullif(other, 0.0))
            case _:
                quotient = self._whole(one / func.nullif(other, 0.0))
                return Term("number", one - other * quotient)

    def _whole(self, number: ColumnElement[Any]) -> ColumnElement[Any]:
        if self.dialect != "sqlite":
            return func.trunc(number)
        return cast(cast(number, Integer), Float(53))

    @staticmethod
    def _expect(terms: Any, kinds: tuple[str, ...], *, form: str, node: Call | Arithmetic) -> None:
        if any(term.kind not in kinds for term in terms):
            name = node.function if isinstance(node, Call) else node.operator
            raise FilterError(f"{name} takes {form}", node.position)
