"""From an expression over a collection to SQL: the one place where conditions and orders get a meaning."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Integer,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from hub.store.questions.collections import SOURCES, Collection, Navigation, Property, find_collection
from hub.store.questions.expression import (
    Arithmetic,
    Blank,
    Both,
    Call,
    Comparison,
    Either,
    Expression,
    FilterError,
    Literal,
    Membership,
    Not,
    Path,
    Quantifier,
    Value,
)
from hub.store.questions.parts import DayText, Part
from hub.store.questions.scope import RowScope, see
from hub.store.tables import ENTITY_TABLES, identifier

_FORMS: dict[str, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "'text' in single quotes"),
    "choice": ((str,), "'text' in single quotes"),
    "source": ((str,), "'text' in single quotes: the code of a source"),
    "number": ((int, float), "a number"),
    "integer": ((int, float), "a number"),
    "flag": ((bool,), "true or false"),
    "instant": ((datetime,), "a time such as 2026-03-01T00:00:00Z"),
    "date": ((date,), "a date such as 2026-03-01"),
    "reference": ((str,), "'text' in single quotes: any name of the thing"),
}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_TURNED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}
_NUMBERS = ("number", "integer")
_TEXTS = ("text", "choice", "source")
_PARTS = {
    "year": (1, 4),
    "month": (6, 2),
    "day": (9, 2),
    "hour": (12, 2),
    "minute": (15, 2),
    "second": (18, 2),
}
_LARGEST = 2**63
_BLANK = "blank_"
"""How the name of a blank's parameter begins; other parameters are called by their columns."""


@dataclass(frozen=True)
class Term:
    """A value in SQL and its kind; a reference also knows its column and the property it came from."""

    kind: str
    column: ColumnElement[Any]
    property: Property | None = None
    table: FromClause | None = None


@dataclass(frozen=True)
class Compiler:
    """Compiles for one collection, whose rows stand in `table`; quantified variables stand in `bound`."""

    collection: Collection
    table: FromClause
    dialect: str
    bound: Mapping[str, tuple[Collection, FromClause]]
    scope: RowScope | None = None

    def condition(self, node: Expression) -> ColumnElement[bool]:
        """Give the condition of a tree. Raises `FilterError` for unknown names and wrong kinds."""
        match node:
            case Not(part):
                return not_(self.condition(part))
            case Both(parts):
                return and_(true(), *(self.condition(part) for part in parts))
            case Either(parts):
                return or_(false(), *(self.condition(part) for part in parts))
            case Comparison():
                return self._compare(node)
            case Membership():
                term = self.term(node.what)
                return or_(false(), *(self._equal(term, one) for one in node.choices))
            case Quantifier():
                return self._quantify(node)
            case Call("contains" | "startswith" | "endswith"):
                return self._match(node)
            case Literal(bool() as value):
                return true() if value else false()
            case Path():
                term = self.term(node)
                if term.kind != "flag":
                    raise FilterError("this is no condition by itself; compare it", node.position)
                return and_(term.column.is_not(None), term.column.is_(true()))
            case Call() | Arithmetic() | Literal():
                raise FilterError("this is no condition by itself; compare it", node.position)

    def term(self, node: Expression) -> Term:
        """Give the value of a path, function or sum. Raises `FilterError`."""
        match node:
            case Path():
                return self._path(node)
            case Call():
                return self._call(node)
            case Arithmetic():
                return self._calculate(node)
            case Literal():
                return _say(node)
            case _:
                raise FilterError("this is a condition; a value is expected", _position(node))

    def value(self, node: Expression) -> Term:
        """Give a value that can be shown: of a fact's source its code. Raises `FilterError`."""
        term = self.term(node)
        if term.kind != "source":
            return term
        code = select(SOURCES.c.code).where(SOURCES.c.id == term.column)
        return Term("text", code.scalar_subquery())

    def _compare(self, node: Comparison) -> ColumnElement[bool]:
        left, right, sign = node.left, node.right, node.operator
        if isinstance(left, Literal) and not isinstance(right, Literal):
            left, right, sign = right, left, _TURNED[sign]
        term = self.term(left)
        if not isinstance(right, Literal):
            both = self.value(left), self.value(right)
            return self._compare_terms(*both, Comparison(sign, left, right, node.position))
        if sign == "eq":
            return self._equal(term, right)
        if sign == "ne":
            return not_(self._equal(term, right))
        if right.value is None:
            raise FilterError("null can only be compared with eq and ne", right.position or node.position)
        term = self.value(left)
        if term.kind in ("reference", "flag"):
            raise FilterError("this name can only be compared with eq, ne and in", node.position)
        value = _check(term.kind, right)
        column = self._ordered(term)
        return and_(term.column.is_not(None), _COMPARE[sign](column, _to_compare(value, column)))

    def _compare_terms(self, left: Term, right: Term, node: Comparison) -> ColumnElement[bool]:
        sign = node.operator
        kinds = {_family(left.kind), _family(right.kind)}
        if len(kinds) > 1 or "reference" in kinds:
            raise FilterError("these two cannot be compared with each other", node.position)
        known = and_(left.column.is_not(None), right.column.is_not(None))
        if sign in ("eq", "ne"):
            neither = and_(left.column.is_(None), right.column.is_(None))
            same = or_(and_(known, left.column == right.column), neither)
            return same if sign == "eq" else not_(same)
        return and_(known, _COMPARE[sign](self._ordered(left), self._ordered(right)))

    def _ordered(self, term: Term) -> ColumnElement[Any]:
        """Give a column as it is ordered: text by its letters' numbers on both engines."""
        is_text = term.kind in _TEXTS
        return term.column.collate("C") if is_text and self.dialect != "sqlite" else term.column

    def _equal(self, term: Term, one: Literal) -> ColumnElement[bool]:
        if one.value is None:
            return term.column.is_(None)
        value = _check(term.kind, one)
        known = term.column.is_not(None)
        match term.kind:
            case "flag":
                return and_(known, term.column.is_(true() if value else false()))
            case "reference":
                return and_(known, self._refers(term, lambda name: name == _to_compare(value, name)))
            case "source":
                code = SOURCES.c.code
                return term.column.in_(select(SOURCES.c.id).where(code == _to_compare(value, code)))
            case "choice" if (beside := self._beside(term)) is not None:
                same = beside == _to_compare(value, beside)
                return or_(
                    and_(known, term.column == _to_compare(value, term.column)),
                    and_(beside.is_not(None), same),
                )
            case _:
                return and_(known, term.column == _to_compare(value, term.column))

    def _refers(
        self, term: Term, test: Callable[[ColumnElement[Any]], ColumnElement[bool]]
    ) -> ColumnElement[bool]:
        """Let a reference be meant by its thing's code or any of its names."""
        target = term.property.target if term.property else ""
        thing = ENTITY_TABLES[target].alias()
        coded = select(thing.c.id).where(test(thing.c.code))
        named = select(identifier.c.entity_id).where(
            identifier.c.entity_type == target, test(identifier.c.label)
        )
        return or_(term.column.in_(coded), term.column.in_(named))

    def _beside(self, term: Term) -> ColumnElement[Any] | None:
        if term.property is None or term.property.beside is None or term.table is None:
            return None
        return term.table.c[term.property.beside]

    def _match(self, node: Call) -> ColumnElement[bool]:
        term, sought = self.value(node.arguments[0]), node.arguments[1]
        if not isinstance(sought, Literal) or not isinstance(sought.value, str):
            raise FilterError(f"{node.function} takes a name and text in single quotes", node.position)
        text = sought.value
        known = term.column.is_not(None)
        if term.kind == "reference":
            return and_(known, self._refers(term, lambda name: self._found(node.function, name, text)))
        if term.kind not in ("text", "choice"):
            raise FilterError(f"{node.function} takes the name of a text", node.position)
        found = and_(known, self._found(node.function, term.column, text))
        beside = self._beside(term)
        if beside is None:
            return found
        return or_(found, and_(beside.is_not(None), self._found(node.function, beside, text)))

    def _found(self, function: str, column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
        # LIKE ignores case on SQLite and treats % and _ as wildcards: positions do neither.
        if text == "":
            return true()
        if function == "contains":
            position = func.strpos if self.dialect != "sqlite" else func.instr
            return position(column, text) > 0
        size = len(text)
        if function == "startswith":
            return func.substr(column, 1, size) == text
        long_enough = func.length(column) >= size
        return and_(long_enough, func.substr(column, func.length(column) - literal(size - 1)) == text)

    def _quantify(self, node: Quantifier) -> ColumnElement[bool]:
        way, here, inner = self._follow(node.path)
        if not way.is_many:
            raise FilterError("any and all go over several rows; this leads to one", node.position)
        table = inner.table.alias()
        joined = and_(table.c[way.there] == here.c[way.here], *see(self.scope, inner.kind, table))
        if node.condition is None:
            return exists(select(literal(1)).select_from(table).where(joined))
        within = Compiler(
            inner, table, self.dialect, {**self.bound, node.variable: (inner, table)}, self.scope
        )
        condition = within.condition(node.condition)
        if node.kind == "any":
            return exists(select(literal(1)).select_from(table).where(joined, condition))
        return not_(exists(select(literal(1)).select_from(table).where(joined, not_(condition))))

    def _follow(self, path: Path) -> tuple[Navigation, FromClause, Collection]:
        """Give the way that a path of one step (after a variable) is, from where, and to which collection."""
        collection, table, steps = self._begin(path)
        if len(steps) != 1:
            raise FilterError("any and all stand behind one way, not behind several", path.position)
        way = collection.navigations.get(steps[0])
        if way is None:
            raise _unknown("way", collection.navigations, path, name=steps[0])
        return way, table, find_collection(way.target)

    def _begin(self, path: Path) -> tuple[Collection, FromClause, tuple[str, ...]]:
        if path.steps[0] in self.bound and len(path.steps) > 1:
            collection, table = self.bound[path.steps[0]]
            return collection, table, path.steps[1:]
        return self.collection, self.table, path.steps

    def _path(self, path: Path) -> Term:
        return self._walk(self._begin(path), path)

    def _walk(self, place: tuple[Collection, FromClause, tuple[str, ...]], path: Path) -> Term:
        collection, table, steps = place
        found = collection.properties.get("/".join(steps))
        if found is not None and found.kind == "said":
            said = select(identifier.c.label).where(identifier.c.id == table.c[found.column])
            return Term("text", said.scalar_subquery())
        if found is not None:
            return Term(found.kind, table.c[found.column], found, table)
        if steps[0] in collection.aliases:
            return self._walk((collection, table, (*collection.aliases[steps[0]], *steps[1:])), path)
        if len(steps) == 1:
            raise _unknown("name", {**collection.properties, **collection.aliases}, path, name=steps[0])
        if steps[1:] == ("$count",):
            return self._number_of(collection, table, path)
        way = collection.navigations.get(steps[0])
        if way is None or way.is_many:
            one = {n: w for n, w in collection.navigations.items() if not w.is_many}
            raise _unknown("reference", one, path, name=steps[0])
        inner = find_collection(way.target)
        other = inner.table.alias()
        term = self._walk((inner, other, steps[1:]), path)
        mine = see(self.scope, inner.kind, other)
        looked_up = select(term.column).where(other.c[way.there] == table.c[way.here], *mine)
        return Term(term.kind, looked_up.scalar_subquery(), term.property, None)

    def _number_of(self, collection: Collection, table: FromClause, path: Path) -> Term:
        """Give how many rows a way leads to."""
        way = collection.navigations.get(path.steps[-2])
        if way is None or not way.is_many:
            many = {n: w for n, w in collection.navigations.items() if w.is_many}
            raise _unknown("way to several", many, path, name=path.steps[-2])
        inner = find_collection(way.target)
        other = inner.table.alias()
        joined = other.c[way.there] == table.c[way.here]
        query = select(func.count()).select_from(other).where(joined, *see(self.scope, inner.kind, other))
        if inner.family == "fact":
            query = query.where(other.c.is_retracted.is_(False))
        elif inner.family == "thing":
            query = query.where(other.c.lifecycle != "merged")
        return Term("integer", query.scalar_subquery())

    def _call(self, node: Call) -> Term:
        terms = [self.value(argument) for argument in node.arguments]
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
                self._expect(terms, _NUMBERS, form="a number", node=node)
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

    def _calculate(self, node: Arithmetic) -> Term:
        left, right = self.term(node.left), self.term(node.right)
        self._expect((left, right), _NUMBERS, form="numbers", node=node)
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


def compile_condition(
    node: Expression,
    collection: Collection,
    *,
    dialect: str,
    table: FromClause | None = None,
    scope: RowScope | None = None,
) -> ColumnElement[bool]:
    """Give the SQL condition of an expression over the rows of a collection's table (or an alias of it).

    Raises `FilterError` for a name that the collection has not, or a value of the wrong kind.
    """
    return Compiler(collection, collection.table if table is None else table, dialect, {}, scope).condition(
        node
    )


def compile_path(
    path: Path,
    collection: Collection,
    *,
    dialect: str,
    table: FromClause | None = None,
    scope: RowScope | None = None,
) -> ColumnElement[Any]:
    """Give the column by which a path orders: text by its letters' numbers. Raises `FilterError`."""
    compiler = Compiler(collection, collection.table if table is None else table, dialect, {}, scope)
    term = compiler.value(path)
    if term.kind == "reference":
        raise FilterError(f"order by a value: {path.steps[-1]}/code", path.position)
    is_plain = term.kind in _TEXTS and dialect != "sqlite"
    return term.column.collate("C") if is_plain else term.column


def _say(node: Literal) -> Term:
    match node.value:
        case bool():
            return Term("flag", literal(node.value))
        case int() | float():
            return Term("number", literal(float(node.value), Float(53)))
        case str():
            return Term("text", literal(node.value))
        case datetime():
            raise FilterError("compare a time with a name", node.position)
        case _:
            raise FilterError("expected a name or a value", node.position)


@dataclass(frozen=True)
class Parameter:
    """A blank whose kind is known, as a parameter of a statement; `read_parameter` reads its name again."""

    number: int
    kind: str
    type: type

    @property
    def name(self) -> str:
        """Under which name a statement has it."""
        return f"{_BLANK}{self.kind}_{self.number}"


def read_parameter(name: str) -> tuple[str, int] | None:
    """Give kind and number of a blank from its name in a statement; None for what is no blank."""
    if not name.startswith(_BLANK):
        return None
    kind, _, number = name.removeprefix(_BLANK).partition("_")
    return kind, int(number)


_SAMPLES: dict[type, Any] = {
    int: 0,
    float: 0.0,
    str: "",
    datetime: datetime(2000, 1, 1, tzinfo=UTC),
}


def _to_compare(value: Value | Parameter, column: ColumnElement[Any]) -> Any:
    """Give what a column is compared with: the value, or a parameter of the type that a value would have."""
    if not isinstance(value, Parameter):
        return value
    sample = _SAMPLES[value.type]
    return bindparam(value.name, type_=column.type.coerce_compared_value(operator.eq, sample))


def _check(kind: str, one: Literal) -> Value | Parameter:
    """Give a literal that fits a kind, of a blank its parameter. Raises `FilterError`."""
    accepted, form = _FORMS[kind]
    value = one.value
    if isinstance(value, Blank):
        if value.type not in accepted:
            raise FilterError(f"this name takes {form}", one.position)
        told = float if kind == "number" else str if kind == "date" else value.type
        return Parameter(value.number, kind, told)
    is_wrong_truth = isinstance(value, bool) and bool not in accepted
    is_wrong_time = isinstance(value, datetime) and datetime not in accepted
    if is_wrong_truth or is_wrong_time or not isinstance(value, accepted):
        raise FilterError(f"this name takes {form}", one.position)
    return fit(kind, value)


def fit(kind: str, value: Value) -> Value:
    """Give a value of the right type as a kind of property is compared with it."""
    if kind == "date" and isinstance(value, date):
        return value.isoformat()
    if kind in _NUMBERS and isinstance(value, int | float):
        return float(value) if kind == "number" or is_large(value) else value
    return value


def is_large(value: Value) -> bool:
    """Tell whether a whole number is more than the engines' integers hold."""
    return isinstance(value, int) and not -_LARGEST <= value < _LARGEST


def _family(kind: str) -> str:
    return "number" if kind in _NUMBERS else "text" if kind in ("text", "choice") else kind


def _unknown(what: str, known: Mapping[str, Any], path: Path, *, name: str) -> FilterError:
    listed = ", ".join(sorted(known)) or "none"
    return FilterError(f"unknown {what} {name[:60]}; known are {listed}", path.position)


def _position(node: Expression) -> int | None:
    return getattr(node, "position", None)
