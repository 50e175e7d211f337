"""The form of a question: what is asked with its values left blank.

Questions of one form differ in their values alone, so what is found out about one holds for all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from hub.store.questions.expression import (
    Arithmetic,
    Blank,
    Both,
    Call,
    Comparison,
    Either,
    Expression,
    Literal,
    Membership,
    Not,
    Path,
    Quantifier,
    Value,
)
from hub.store.questions.kinds import is_large

_TYPES = (int, float, str, datetime, date)


class _Formless(Exception):
    """A value decides here what the statement is, not only what it finds."""


@dataclass
class Values:
    """The values of a question in the order of the blanks of its form."""

    found: list[Value] = field(default_factory=list[Value])

    def blank(self, one: Literal) -> Literal:
        """Note a value and give the blank where it stood; what is true, false or null stays."""
        value = one.value
        if value is None or isinstance(value, bool | Blank):
            return one
        kind = float if is_large(value) else type(value)
        if kind not in _TYPES:
            raise _Formless
        self.found.append(value)
        return Literal(Blank(len(self.found) - 1, kind), one.position)

    def leave_out(self, node: Expression) -> Expression:
        """Give an expression with its values left out. Raises `_Formless`."""
        match node:
            case Path():
                return node
            case Not(part):
                return Not(self.leave_out(part))
            case Both(parts):
                return Both(tuple(self.leave_out(part) for part in parts))
            case Either(parts):
                return Either(tuple(self.leave_out(part) for part in parts))
            case Comparison(_, left, right):
                return self._compare(node, left, right)
            case Membership(what, choices):
                return replace(node, what=_whole(what), choices=tuple(map(self.blank, choices)))
            case Quantifier(_, _, _, condition):
                return node if condition is None else replace(node, condition=self.leave_out(condition))
            case Literal() | Call() | Arithmetic():
                return _whole(node)

    def _compare(self, node: Comparison, left: Expression, right: Expression) -> Comparison:
        if isinstance(right, Literal) and not isinstance(left, Literal):
            left, right = _whole(left), self.blank(right)
        elif isinstance(left, Literal) and not isinstance(right, Literal):
            left, right = self.blank(left), _whole(right)
        else:
            left, right = _whole(left), _whole(right)
        return Comparison(node.operator, left, right, node.position)


def form_of(condition: Expression | None) -> tuple[Expression | None, list[Value]] | None:
    """Give the form of a condition and its values; None where a value decides what the statement is.

    So does what a function takes: `contains(code, '')` is another condition than `contains(code, 'B')`.
    """
    values = Values()
    if condition is None:
        return None, []
    try:
        return values.leave_out(condition), values.found
    except _Formless:
        return None


def _whole(node: Expression) -> Expression:
    """Give an expression that has no values. Raises `_Formless`."""
    if any(_literals_in(node)):
        raise _Formless
    return node


def _literals_in(node: Expression) -> Iterator[bool]:
    match node:
        case Literal():
            yield True
        case Call(_, arguments):
            for one in arguments:
                yield from _literals_in(one)
        case Arithmetic(_, left, right) | Comparison(_, left, right):
            yield from _literals_in(left)
            yield from _literals_in(right)
        case Path():
            return
        case _:
            yield True
