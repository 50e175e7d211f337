"""The filter language: a narrow, exact part of OData's `$filter` (OData 4.01 URL conventions, 5.1.1).

`product eq '300214' and actual_start ge 2026-03-01T00:00:00Z and not (status eq 'Complete' or kind eq null)`

Text in, a tree of conditions out. It knows no tables: `hub.store.answers.conditions` gives names a meaning.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from hub.model import parse_instant

Literal = str | float | bool | datetime | None

MAX_LENGTH = 2000
MAX_DEPTH = 40


class FilterError(ValueError):
    """A filter that cannot be answered: the message says where and what is allowed, never what was sent."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message if position is None else f"{message} (at character {position + 1})")
        self.position = position


@dataclass(frozen=True)
class Comparison:
    """`name eq|ne|gt|ge|lt|le literal`."""

    name: str
    operator: str
    literal: Literal
    position: int = 0


@dataclass(frozen=True)
class Membership:
    """`name in (literal, …)`."""

    name: str
    literals: tuple[Literal, ...]
    position: int = 0


@dataclass(frozen=True)
class Match:
    """`contains|startswith|endswith(name, 'text')`; letters count as written."""

    function: str
    name: str
    text: str
    position: int = 0


@dataclass(frozen=True)
class Not:
    """`not condition`."""

    part: "Node"


@dataclass(frozen=True)
class Both:
    """`condition and condition`."""

    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Either:
    """`condition or condition`."""

    left: "Node"
    right: "Node"


Node = Comparison | Membership | Match | Not | Both | Either

OPERATORS = ("eq", "ne", "gt", "ge", "lt", "le")
FUNCTIONS = ("contains", "startswith", "endswith")

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<instant>\d{4}-\d{2}-\d{2}T[0-9:.]+(?:Z|[+-]\d{2}:\d{2})?)
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.:-]))
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign>[(),])
    )""",
    re.VERBOSE,
)
_CONSTANTS: dict[str, Literal] = {"true": True, "false": False, "null": None}
_RESERVED = {*OPERATORS, *FUNCTIONS, *_CONSTANTS, "and", "or", "not", "in"}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


def parse_filter(text: str) -> Node:
    """Give the tree of a filter. Raises `FilterError` with the place and what was expected there."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"a filter has at most {MAX_LENGTH} characters")
    reader = _Reader(list(_tokens(text)), len(text))
    tree = reader.disjunction(0)
    reader.expect_end()
    return tree


def names_in(node: Node) -> set[str]:
    """Give the names that a filter mentions."""
    match node:
        case Not(part):
            return names_in(part)
        case Both(left, right) | Either(left, right):
            return names_in(left) | names_in(right)
        case _:
            return {node.name}


def _tokens(text: str) -> Iterator[_Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at, end)
        if found is None:
            where = at + len(text[at:]) - len(text[at:].lstrip())
            raise FilterError("expected a name, a literal ('text', 12.5, 2026-03-01T00:00:00Z) or ( )", where)
        kind = str(found.lastgroup)
        yield _Token(kind, found[kind], found.start(kind))
        at = found.end()


class _Reader:
    """Recursive descent over the tokens; `or` binds weakest, then `and`, then `not`."""

    def __init__(self, tokens: list[_Token], length: int) -> None:
        self._tokens = tokens
        self._at = 0
        self._end = _Token("end", "", length)

    def disjunction(self, depth: int) -> Node:
        node = self._conjunction(depth)
        while self._take_word("or"):
            node = Either(node, self._conjunction(depth))
        return node

    def expect_end(self) -> None:
        if self._peek().kind != "end":
            raise FilterError("expected `and`, `or` or the end", self._peek().position)

    def _conjunction(self, depth: int) -> Node:
        node = self._negation(depth)
        while self._take_word("and"):
            node = Both(node, self._negation(depth))
        return node

    def _negation(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise FilterError(f"conditions are nested deeper than {MAX_DEPTH}", self._peek().position)
        if self._take_word("not"):
            return Not(self._negation(depth + 1))
        if self._take_sign("("):
            node = self.disjunction(depth + 1)
            self._expect_sign(")")
            return node
        return self._condition()

    def _condition(self) -> Node:
        token = self._next()
        if token.kind == "word" and token.text in FUNCTIONS:
            return self._match(token)
        if token.kind != "word" or token.text in _RESERVED:
            raise FilterError("expected a name, `not`, ( or contains, startswith, endswith", token.position)
        operator = self._next()
        if operator.kind == "word" and operator.text in OPERATORS:
            return Comparison(token.text, operator.text, self._literal(), token.position)
        if operator.kind == "word" and operator.text == "in":
            return Membership(token.text, self._list(), token.position)
        raise FilterError(f"expected one of {', '.join(OPERATORS)}, in", operator.position)

    def _match(self, function: _Token) -> Match:
        self._expect_sign("(")
        name = self._next()
        if name.kind != "word" or name.text in _RESERVED:
            raise FilterError("expected a name", name.position)
        self._expect_sign(",")
        literal = self._next()
        if literal.kind != "text":
            raise FilterError("expected text in single quotes", literal.position)
        self._expect_sign(")")
        return Match(function.text, name.text, _unquote(literal.text), name.position)

    def _list(self) -> tuple[Literal, ...]:
        self._expect_sign("(")
        literals = [self._literal()]
        while self._take_sign(","):
            literals.append(self._literal())
        self._expect_sign(")")
        return tuple(literals)

    def _literal(self) -> Literal:
        token = self._next()
        match token.kind:
            case "text":
                return _unquote(token.text)
            case "number":
                return _number(token)
            case "instant":
                return _instant(token)
            case "word" if token.text in _CONSTANTS:
                return _CONSTANTS[token.text]
            case _:
                raise FilterError(
                    "expected 'text', a number, a time such as 2026-03-01T00:00:00Z, true, false or null",
                    token.position,
                )

    def _peek(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else self._end

    def _next(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _take_word(self, word: str) -> bool:
        token = self._peek()
        taken = token.kind == "word" and token.text == word
        self._at += taken
        return taken

    def _take_sign(self, sign: str) -> bool:
        token = self._peek()
        taken = token.kind == "sign" and token.text == sign
        self._at += taken
        return taken

    def _expect_sign(self, sign: str) -> None:
        token = self._next()
        if token.kind != "sign" or token.text != sign:
            raise FilterError(f"expected {sign}", token.position)


def _unquote(text: str) -> str:
    return text[1:-1].replace("''", "'")


def _number(token: _Token) -> float:
    number = float(token.text)
    if number in (float("inf"), float("-inf")):
        raise FilterError("the number is too large", token.position)
    return number


def _instant(token: _Token) -> datetime:
    try:
        return parse_instant(token.text)
    except (ValueError, OverflowError) as error:
        raise FilterError(
            "expected a time with its zone, such as 2026-03-01T00:00:00Z", token.position
        ) from error
