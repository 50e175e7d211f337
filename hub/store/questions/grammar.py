"""The text of filters, orders and expansions: OData's `$filter`, `$orderby`, `$select` and `$expand`.

`product eq '300214' and actual_start ge 2026-03-01T00:00:00Z and not (status eq 'Complete' or kind eq null)`

Text in, trees of `hub.store.questions.expression` out; what names mean is not known here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from hub.model import parse_instant
from hub.store.questions.expression import (
    ARITHMETIC,
    COMPARISONS,
    FUNCTIONS,
    OTHER_FUNCTIONS,
    Arithmetic,
    Both,
    Call,
    Comparison,
    Either,
    Expression,
    FilterError,
    Literal,
    Membership,
    Not,
    NotCompiled,
    Ordering,
    Path,
    Quantifier,
    Value,
)

MAX_LENGTH = 8000
MAX_DEPTH = 40
MAX_STEPS = 4
"""The most steps of a path, and of expansions in one another."""
MAX_TERMS = 400
"""The most comparisons and literals of one text: an engine takes no condition of any size."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<instant>\d{4}-\d{2}-\d{2}T[0-9:.]+(?:Z|[+-]\d{2}:\d{2})?)
    | (?P<date>\d{4}-\d{2}-\d{2}(?![\w.:-]))
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.:-]))
    | (?P<word>\$?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<sign>[(),:/;=*-])
    )""",
    re.VERBOSE,
)
_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "null": None}
_RESERVED = {*COMPARISONS, *ARITHMETIC, *_CONSTANTS, "and", "or", "not", "in"}
_FORM = "'text', a number, a time such as 2026-03-01T00:00:00Z, true, false or null"


@dataclass(frozen=True)
class Expansion:
    """What an answer shows of what a reference or a collection leads to, and how much of it."""

    name: str
    select: tuple[str, ...] = ()
    condition: Expression | None = None
    order: tuple[Ordering, ...] = ()
    limit: int | None = None
    expand: tuple["Expansion", ...] = ()
    position: int = 0


@dataclass(frozen=True)
class Token:
    """A word, literal or sign, and where it stands."""

    kind: str
    text: str
    position: int


def parse_filter(text: str) -> Expression:
    """Give the tree of a filter. Raises `FilterError` with the place and what was expected there."""
    reader = Reader(text)
    tree = reader.disjunction(0)
    reader.expect_end("expected `and`, `or` or the end")
    return tree


def parse_order(text: str) -> tuple[Ordering, ...]:
    """Give the steps of `column`, `column desc, other/name asc`. Raises `FilterError`."""
    reader = Reader(text)
    order = reader.orderings()
    reader.expect_end("expected , or the end")
    return order


def parse_select(text: str) -> tuple[str, ...]:
    """Give the names of `code,status`; `*` is all of them and gives none. Raises `FilterError`."""
    reader = Reader(text)
    names = reader.names()
    reader.expect_end("expected , or the end")
    return names


def parse_expand(text: str) -> tuple[Expansion, ...]:
    """Give the expansions of `product,phases(select=name;filter=…;order=…;limit=5;expand=…)`.

    The options may be written with `$`, and `top` for limit, as OData has them. Raises `FilterError`.
    """
    reader = Reader(text)
    found = reader.expansions(1)
    reader.expect_end("expected , or the end")
    return found


def _tokens(text: str) -> Iterator[Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at, end)
        if found is None:
            where = at + len(text[at:]) - len(text[at:].lstrip())
            raise FilterError("expected a name, a literal ('text', 12.5, 2026-03-01T00:00:00Z) or ( )", where)
        kind = str(found.lastgroup)
        yield Token(kind, found[kind], found.start(kind))
        at = found.end()


class Reader:
    """Recursive descent; `or` binds weakest, then `and`, `not`, comparisons, `add sub`, `mul div mod`."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise FilterError(
                f"a filter, order or expansion has at most {MAX_LENGTH} characters; ask in several questions"
            )
        self._tokens = list(_tokens(text))
        self._at = 0
        self._terms = 0
        self._end = Token("end", "", len(text))

    def disjunction(self, depth: int) -> Expression:
        """Read a condition; `depth` is how deep it is nested."""
        parts = [self._conjunction(depth)]
        while self.take_word("or"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def orderings(self) -> tuple[Ordering, ...]:
        """Read the steps of an order."""
        order = [self._ordering()]
        while self.take_sign(","):
            order.append(self._ordering())
        return tuple(order)

    def names(self) -> tuple[str, ...]:
        """Read names; `*` gives none."""
        if self.take_sign("*"):
            return ()
        names = [self.name().text]
        while self.take_sign(","):
            names.append(self.name().text)
        return tuple(names)

    def expansions(self, depth: int) -> tuple[Expansion, ...]:
        """Read expansions; `depth` is how deep they stand in others."""
        if depth > MAX_STEPS:
            raise FilterError(
                f"expansions go at most {MAX_STEPS} deep; ask for the inner ones by themselves",
                self.peek().position,
            )
        found = [self._expansion(depth)]
        while self.take_sign(","):
            found.append(self._expansion(depth))
        return tuple(found)

    def expect_end(self, expected: str) -> None:
        """Refuse whatever is left."""
        if self.peek().kind != "end":
            raise FilterError(expected, self.peek().position)

    def _ordering(self) -> Ordering:
        path = self._path(self.name())
        descending = self.take_word("desc")
        if not descending:
            self.take_word("asc")
        return Ordering(path, descending)

    def _expansion(self, depth: int) -> Expansion:
        name = self.name()
        options: dict[str, object] = {}
        if self.take_sign("("):
            while not self.take_sign(")"):
                self._option(options, depth)
                if not self.take_sign(";") and self.peek().text != ")":
                    raise FilterError("expected ; or )", self.peek().position)
        return Expansion(name.text, position=name.position, **options)  # type: ignore[arg-type] # by `_option`

    def _option(self, options: dict[str, object], depth: int) -> None:
        word = self.next_token()
        option = word.text.lstrip("$")
        self.expect_sign("=")
        match option:
            case "select":
                options["select"] = self.names()
            case "filter":
                options["condition"] = self.disjunction(0)
            case "order" | "orderby":
                options["order"] = self.orderings()
            case "limit" | "top":
                number = self.next_token()
                if number.kind != "number" or not number.text.isdigit() or len(number.text) > 6:
                    raise FilterError("expected a whole number below a million", number.position)
                options["limit"] = int(number.text)
            case "expand":
                options["expand"] = self.expansions(depth + 1)
            case "skip" | "count" | "search" | "levels" | "apply" | "compute":
                raise NotCompiled(f"${option} inside $expand", word.position)
            case _:
                raise FilterError("expected select, filter, order, limit or expand", word.position)

    def _conjunction(self, depth: int) -> Expression:
        parts = [self._negation(depth)]
        while self.take_word("and"):
            parts.append(self._negation(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _negation(self, depth: int) -> Expression:
        self._watch(depth)
        if self.take_word("not"):
            return Not(self._negation(depth + 1))
        if self.peek().kind == "end":
            raise FilterError("expected a name, `not`, ( or a function", self.peek().position)
        left = self._sum(depth)
        token = self.peek()
        if token.kind == "word" and token.text in COMPARISONS:
            self._at += 1
            return Comparison(token.text, left, self._sum(depth), token.position)
        if token.kind == "word" and token.text == "in":
            self._at += 1
            return Membership(left, self._list(), token.position)
        if token.kind == "word" and token.text in OTHER_FUNCTIONS:
            raise NotCompiled(token.text, token.position)
        # In brackets a value may stand alone, `(a add b) gt 5`: whether it is a condition shows its meaning.
        if isinstance(left, Path | Literal | Arithmetic) and (depth == 0 or token.text != ")"):
            raise FilterError(f"expected one of {', '.join(COMPARISONS)}, in", token.position)
        return left

    def _sum(self, depth: int) -> Expression:
        left = self._product(depth)
        while (token := self.peek()).kind == "word" and token.text in ("add", "sub"):
            self._at += 1
            left = Arithmetic(token.text, left, self._product(depth), token.position)
        return left

    def _product(self, depth: int) -> Expression:
        left = self._operand(depth)
        while (token := self.peek()).kind == "word" and token.text in ("mul", "div", "mod"):
            self._at += 1
            left = Arithmetic(token.text, left, self._operand(depth), token.position)
        return left

    def _operand(self, depth: int) -> Expression:
        self._watch(depth)
        if self.take_sign("("):
            inner = self.disjunction(depth + 1)
            self.expect_sign(")")
            return inner
        token = self.peek()
        if token.kind == "word" and token.text in FUNCTIONS and self._is_call():
            return self._call(depth)
        if (token.text in OTHER_FUNCTIONS and self._is_call()) or token.text in ("$it", "$root", "$this"):
            raise NotCompiled(token.text, token.position)
        if token.kind == "word" and token.text not in _RESERVED:
            self._at += 1
            return self._path_or_quantifier(token, depth)
        if token.kind == "word" and token.text not in _CONSTANTS:
            raise FilterError("expected a name, `not`, ( or a function", token.position)
        return self._literal()

    def _call(self, depth: int) -> Call:
        function = self.next_token()
        self.expect_sign("(")
        arguments = [self._sum(depth + 1)]
        while self.take_sign(","):
            arguments.append(self._sum(depth + 1))
        self.expect_sign(")")
        takes = FUNCTIONS[function.text]
        if len(arguments) != takes and (function.text, len(arguments)) != ("substring", 3):
            raise FilterError(f"{function.text} takes {takes}", function.position)
        return Call(function.text, tuple(arguments), function.position)

    def _path_or_quantifier(self, first: Token, depth: int) -> Expression:
        steps = [first.text]
        while self.take_sign("/"):
            step = self.name()
            if step.text in ("any", "all") and self.take_sign("("):
                return self._quantifier(step.text, Path(tuple(steps), first.position), depth)
            steps.append(step.text)
            self._watch_steps(steps, first)
        return Path(tuple(steps), first.position)

    def _quantifier(self, kind: str, path: Path, depth: int) -> Quantifier:
        if kind == "any" and self.take_sign(")"):
            return Quantifier(kind, path, "", None, path.position)
        variable = self.name()
        self.expect_sign(":")
        condition = self.disjunction(depth + 1)
        self.expect_sign(")")
        return Quantifier(kind, path, variable.text, condition, path.position)

    def value(self) -> Expression:
        """Read a value: a path, a function or a sum."""
        return self._sum(0)

    def path(self) -> Path:
        """Read a path."""
        return self._path(self.name())

    def _path(self, first: Token) -> Path:
        steps = [first.text]
        while self.take_sign("/"):
            steps.append(self.name().text)
            self._watch_steps(steps, first)
        return Path(tuple(steps), first.position)

    def _watch_steps(self, steps: list[str], first: Token) -> None:
        if len(steps) > MAX_STEPS:
            raise FilterError(f"a path has at most {MAX_STEPS} steps", first.position)

    def _watch(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise FilterError(f"conditions are nested deeper than {MAX_DEPTH}", self.peek().position)
        self._terms += 1
        if self._terms > 2 * MAX_TERMS:
            raise FilterError(f"more than {MAX_TERMS} conditions; ask in several questions, or with `in`")

    def name(self) -> Token:
        """Read a name."""
        token = self.next_token()
        if token.kind != "word" or token.text in _RESERVED:
            raise FilterError("expected a name", token.position)
        return token

    def _is_call(self) -> bool:
        after = self._tokens[self._at + 1 : self._at + 2]
        return bool(after) and after[0].text == "("

    def _list(self) -> tuple[Literal, ...]:
        self.expect_sign("(")
        literals = [self._literal()]
        while self.take_sign(","):
            literals.append(self._literal())
        self.expect_sign(")")
        if len(literals) > MAX_TERMS:
            raise FilterError(f"`in` takes at most {MAX_TERMS} values; ask in several questions")
        return tuple(literals)

    def _literal(self) -> Literal:
        token = self.next_token()
        match token.kind:
            case "text":
                return Literal(_unquote(token.text), token.position)
            case "number":
                return Literal(_number(token), token.position)
            case "instant":
                return Literal(_instant(token), token.position)
            case "date":
                return Literal(_date(token), token.position)
            case "word" if token.text in _CONSTANTS:
                return Literal(_CONSTANTS[token.text], token.position)
            case _:
                raise FilterError(f"expected {_FORM}", token.position)

    def peek(self) -> Token:
        """Give the next token and leave it there."""
        return self._tokens[self._at] if self._at < len(self._tokens) else self._end

    def next_token(self) -> Token:
        """Take the next token."""
        token = self.peek()
        self._at += 1
        return token

    def take_word(self, word: str) -> bool:
        """Take a word if it stands there."""
        token = self.peek()
        taken = token.kind == "word" and token.text == word
        self._at += taken
        return taken

    def take_sign(self, sign: str) -> bool:
        """Take a sign if it stands there."""
        token = self.peek()
        taken = token.kind == "sign" and token.text == sign
        self._at += taken
        return taken

    def expect_sign(self, sign: str) -> None:
        """Take a sign, or refuse what stands there."""
        token = self.next_token()
        if token.kind != "sign" or token.text != sign:
            raise FilterError(f"expected {sign}", token.position)


def _unquote(text: str) -> str:
    return text[1:-1].replace("''", "'")


def _number(token: Token) -> float | int:
    if token.text.lstrip("-").isdigit() and len(token.text) <= 18:
        return int(token.text)
    number = float(token.text)
    if number in (float("inf"), float("-inf")):
        raise FilterError("the number is too large", token.position)
    return number


def _instant(token: Token) -> datetime:
    try:
        return parse_instant(token.text)
    except (ValueError, OverflowError) as error:
        raise FilterError(
            "expected a time with its zone, such as 2026-03-01T00:00:00Z", token.position
        ) from error


def _date(token: Token) -> date:
    try:
        return date.fromisoformat(token.text)
    except ValueError as error:
        raise FilterError("expected a date, such as 2026-03-01", token.position) from error
