"""Conditions over signals, such as `produced > 0 and speed > 0`: parsed once, evaluated on whole columns."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda one, other: one / other,
}


class BadCondition(ValueError):
    """A condition uses something other than signal names, numbers, comparisons, and/or/not and + - * /."""


class Condition:
    """A parsed condition; `signals` are the names that it reads."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._tree = ast.parse(text, mode="eval").body
        except SyntaxError as error:
            raise BadCondition(f"condition {text!r} cannot be read: {error.msg}") from error
        self.signals = frozenset(n.id for n in ast.walk(self._tree) if isinstance(n, ast.Name))
        self.holds({name: np.zeros(1) for name in self.signals})

    def holds(self, columns: Mapping[str, Column]) -> npt.NDArray[np.bool_]:
        """Tell row by row whether the condition holds; a missing value (NaN) makes no comparison true."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self._value(self._tree, columns), dtype=bool)

    def _value(self, node: ast.expr, columns: Mapping[str, Column]) -> Any:
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return np.logical_and.reduce([self._value(v, columns) for v in values])
            case ast.BoolOp(op=ast.Or(), values=values):
                return np.logical_or.reduce([self._value(v, columns) for v in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return np.logical_not(self._value(operand, columns))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand, columns)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
                return _COMPARE[type(op)](self._value(left, columns), self._value(right, columns))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return _ARITHMETIC[type(op)](self._value(left, columns), self._value(right, columns))
            case ast.Name(id=name):
                return columns[name]
            case ast.Constant(value=int() | float() as value):
                return value
            case _:
                raise BadCondition(
                    f"condition {self.text!r} uses {ast.unparse(node)!r}; allowed are signal names, numbers, "
                    "comparisons, and, or, not, + - * /"
                )
