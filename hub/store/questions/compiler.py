"""From an expression over a collection to SQL: the one place where conditions and orders get a meaning."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    and_,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from hub.store.questions.calculation import Calculation, Term
from hub.store.questions.collections import SOURCES, Collection, Navigation, find_collection
from hub.store.questions.expression import (
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
    Path,
    Quantifier,
)
from hub.store.questions.kinds import TEXTS, check, family_of, to_compare
from hub.store.questions.scope import RowScope, see
from hub.store.questions.standing import standing
from hub.store.tables import ENTITY_TABLES, identifier

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_TURNED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}


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
                return Calculation(self.dialect).call(node, [self.value(one) for one in node.arguments])
            case Arithmetic():
                return Calculation(self.dialect).calculate(node, self.term(node.left), self.term(node.right))
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
        value = check(term.kind, right)
        column = self._ordered(term)
        return and_(term.column.is_not(None), _COMPARE[sign](column, to_compare(value, column)))

    def _compare_terms(self, left: Term, right: Term, node: Comparison) -> ColumnElement[bool]:
        sign = node.operator
        kinds = {family_of(left.kind), family_of(right.kind)}
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
        is_text = term.kind in TEXTS
        return term.column.collate("C") if is_text and self.dialect != "sqlite" else term.column

    def _equal(self, term: Term, one: Literal) -> ColumnElement[bool]:
        if one.value is None:
            return term.column.is_(None)
        value = check(term.kind, one)
        known = term.column.is_not(None)
        match term.kind:
            case "flag":
                return and_(known, term.column.is_(true() if value else false()))
            case "reference":
                return and_(known, self._refers(term, lambda name: name == to_compare(value, name)))
            case "source":
                code = SOURCES.c.code
                return term.column.in_(select(SOURCES.c.id).where(code == to_compare(value, code)))
            case "choice" if (beside := self._beside(term)) is not None:
                same = beside == to_compare(value, beside)
                return or_(
                    and_(known, term.column == to_compare(value, term.column)),
                    and_(beside.is_not(None), same),
                )
            case _:
                return and_(known, term.column == to_compare(value, term.column))

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
        joined = and_(
            table.c[way.there] == here.c[way.here],
            *standing(inner, table, node.condition, variable=node.variable),
            *see(self.scope, inner.kind, table),
        )
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
        counted = [joined, *standing(inner, other, None), *see(self.scope, inner.kind, other)]
        query = select(func.count()).select_from(other).where(*counted)
        return Term("integer", query.scalar_subquery())


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
    is_plain = term.kind in TEXTS and dialect != "sqlite"
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


def _unknown(what: str, known: Mapping[str, Any], path: Path, *, name: str) -> FilterError:
    listed = ", ".join(sorted(known)) or "none"
    return FilterError(f"unknown {what} {name[:60]}; known are {listed}", path.position)


def _position(node: Expression) -> int | None:
    return getattr(node, "position", None)
