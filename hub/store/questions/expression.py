"""What a question says, apart from how it was written: a tree that any syntax may make.

The meaning is that of OData 4.01 (URL conventions, 5.1.1), two-valued as people read it: what is not known is
neither equal nor smaller, so `not (x gt 5)` holds for it, and `x ne 'a'` too. The tree knows no tables.
`position` is where a part stood in the text it came from; it takes no part in comparisons.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

Value = str | int | float | bool | datetime | date | None
"""What a question says of a property's value."""
COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
ARITHMETIC = ("add", "sub", "mul", "div", "mod")
FUNCTIONS: dict[str, int] = {
    "contains": 2,
    "startswith": 2,
    "endswith": 2,
    "tolower": 1,
    "toupper": 1,
    "trim": 1,
    "length": 1,
    "concat": 2,
    "indexof": 2,
    "substring": 2,
    "year": 1,
    "month": 1,
    "day": 1,
    "hour": 1,
    "minute": 1,
    "second": 1,
    "date": 1,
    "round": 1,
    "floor": 1,
    "ceiling": 1,
}
"""The functions that can be compiled, with the number of their arguments (`substring` takes one more)."""
OTHER_FUNCTIONS = frozenset(
    {
        "matchesPattern",
        "fractionalseconds",
        "time",
        "now",
        "mindatetime",
        "maxdatetime",
        "totaloffsetminutes",
        "totalseconds",
        "cast",
        "isof",
        "hassubset",
        "hassubsequence",
        "case",
        "divby",
        "geo.distance",
        "geo.length",
        "geo.intersects",
        "has",
    }
)
"""Functions and operators of OData that are not compiled."""


class FilterError(ValueError):
    """A question that cannot be answered: the message says where and what is allowed, never what was sent."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message if position is None else f"{message} (at character {position + 1})")
        self.position = position


class NotCompiled(FilterError):
    """A part of OData that has no meaning here yet; the message names it."""

    def __init__(self, what: str, position: int | None = None) -> None:
        super().__init__(f"{what} is not compiled here", position)


def _place() -> int:
    place: int = field(default=0, compare=False, repr=False)
    return place


@dataclass(frozen=True)
class Blank:
    """A place for values of one type, the how-manieth of its question: what a form has instead of a value."""

    number: int
    type: type


@dataclass(frozen=True)
class Literal:
    """A value: text, number, truth, instant, date or null; in the form of a question a blank."""

    value: Value | Blank
    position: int = _place()


@dataclass(frozen=True)
class Path:
    """A property, or one of what a reference leads to: `status`, `product/code`."""

    steps: tuple[str, ...]
    position: int = _place()


@dataclass(frozen=True)
class Call:
    """A function of `FUNCTIONS`."""

    function: str
    arguments: tuple["Expression", ...]
    position: int = _place()


@dataclass(frozen=True)
class Arithmetic:
    """`left add|sub|mul|div|mod right`, of numbers; dividing by nothing gives nothing."""

    operator: str
    left: "Expression"
    right: "Expression"
    position: int = _place()


@dataclass(frozen=True)
class Comparison:
    """`left eq|ne|gt|ge|lt|le right`."""

    operator: str
    left: "Expression"
    right: "Expression"
    position: int = _place()


@dataclass(frozen=True)
class Membership:
    """`what in (literal, …)`."""

    what: "Expression"
    choices: tuple[Literal, ...]
    position: int = _place()


@dataclass(frozen=True)
class Quantifier:
    """`path/any(variable:condition)` or `path/all(…)`; any without a condition asks whether there is one.

    Inside, a path of what is quantified begins with the variable.
    """

    kind: str
    path: Path
    variable: str
    condition: "Expression | None"
    position: int = _place()


@dataclass(frozen=True)
class Not:
    """`not part`."""

    part: "Expression"


@dataclass(frozen=True)
class Both:
    """All parts hold."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True)
class Either:
    """At least one part holds."""

    parts: tuple["Expression", ...]


Expression = Literal | Path | Call | Arithmetic | Comparison | Membership | Quantifier | Not | Both | Either


@dataclass(frozen=True)
class Ordering:
    """One step of an order; what is not known comes last in both directions."""

    path: Path
    descending: bool = False


def paths_in(expression: Expression) -> Iterator[Path]:
    """Give the paths that an expression mentions, those behind a quantifier as far as the quantified."""
    match expression:
        case Path():
            yield expression
        case Call(_, arguments):
            for argument in arguments:
                yield from paths_in(argument)
        case Arithmetic() | Comparison():
            yield from paths_in(expression.left)
            yield from paths_in(expression.right)
        case Membership(what):
            yield from paths_in(what)
        case Quantifier():
            yield expression.path
        case Not(part):
            yield from paths_in(part)
        case Both(parts) | Either(parts):
            for part in parts:
                yield from paths_in(part)
        case Literal():
            return


def names_in(expression: Expression, variable: str | None = None) -> set[str]:
    """Give the names with which the paths of an expression begin, after the variable where it goes before."""
    return {_named(path, variable) for path in paths_in(expression)}


def _named(path: Path, variable: str | None) -> str:
    first, *rest = path.steps
    return rest[0] if rest and first == variable else first
