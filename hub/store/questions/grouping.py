"""Rows brought together: OData's `$apply` with `filter`, `groupby` and `aggregate`, compiled to SQL.

`filter(status eq 'Complete')/groupby((product/code),aggregate($count as n,actual_size with sum as size))`

What rows there are, who asks included, is said by the same conditions as everywhere. A group is then a row of
a collection of its own, which has the columns that were made and no ways: whatever stands behind is compiled
over those.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    FromClause,
    Select,
    and_,
    cast,
    distinct,
    func,
    literal,
    select,
    true,
)

from hub.store.answers.readings import Reading, Slot
from hub.store.questions.calculation import Term
from hub.store.questions.collections import Collection, Property
from hub.store.questions.compiler import Compiler
from hub.store.questions.expression import Both, Expression, FilterError, NotCompiled, Ordering, Path
from hub.store.questions.grammar import Reader
from hub.store.questions.question import Question
from hub.store.questions.scope import RowScope, scope_of

MOST_STEPS = 6
"""The most transformations of one question."""
METHODS = ("sum", "min", "max", "average", "countdistinct")
"""How values become a figure."""
_OTHERS = frozenset(
    {
        "identity",
        "compute",
        "expand",
        "concat",
        "search",
        "orderby",
        "skip",
        "top",
        "topcount",
        "topsum",
        "toppercent",
        "bottomcount",
        "bottomsum",
        "bottompercent",
        "join",
        "outerjoin",
        "nest",
        "addnested",
        "ancestors",
        "descendants",
        "traverse",
        "rolluprecursive",
        "from",
    }
)
"""Transformations of the standard that are not compiled."""
_TEXTS = ("text", "choice")
_NUMBERS = ("number", "integer")


@dataclass(frozen=True)
class Aggregate:
    """A figure of a group under a name of its own: `what with method`, or how many rows there are."""

    name: str
    method: str
    what: Expression | None = None
    position: int = 0


@dataclass(frozen=True)
class Keep:
    """Only rows for which a condition holds."""

    condition: Expression


@dataclass(frozen=True)
class Group:
    """A row for each value of these paths (one in all when there are none), with its figures."""

    paths: tuple[Path, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()


Step = Keep | Group


@dataclass(frozen=True)
class Groups:
    """What came of it: the names of the columns, and a row a group."""

    names: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


def parse_apply(text: str) -> tuple[Step, ...]:
    """Give the steps of `filter(…)/groupby((…),aggregate(…))`. Raises `FilterError`, `NotCompiled`."""
    reader = _ApplyReader(text)
    steps = reader.steps()
    reader.expect_end("expected / or the end")
    return steps


class _ApplyReader(Reader):
    def steps(self) -> tuple[Step, ...]:
        found = [self._step()]
        while self.take_sign("/"):
            found.append(self._step())
        if len(found) > MOST_STEPS:
            raise FilterError(f"$apply has at most {MOST_STEPS} steps")
        return tuple(found)

    def _step(self) -> Step:
        word = self.next_token()
        match word.text:
            case "filter":
                self.expect_sign("(")
                condition = self.disjunction(0)
                self.expect_sign(")")
                return Keep(condition)
            case "aggregate":
                return Group((), self._aggregates())
            case "groupby":
                return self._group()
            case other if other in _OTHERS:
                raise NotCompiled(f"{other} of $apply", word.position)
            case _:
                raise FilterError("expected filter(…), groupby(…) or aggregate(…)", word.position)

    def _group(self) -> Group:
        self.expect_sign("(")
        self.expect_sign("(")
        if self.peek().text == "rollup":
            raise NotCompiled("rollup of $apply", self.peek().position)
        paths = [self.path()]
        while self.take_sign(","):
            paths.append(self.path())
        self.expect_sign(")")
        aggregates: tuple[Aggregate, ...] = ()
        if self.take_sign(","):
            word = self.next_token()
            if word.text in _OTHERS or word.text in ("filter", "groupby"):
                raise NotCompiled(f"{word.text} inside groupby", word.position)
            if word.text != "aggregate":
                raise FilterError("expected aggregate(…)", word.position)
            aggregates = self._aggregates()
        self.expect_sign(")")
        return Group(tuple(paths), aggregates)

    def _aggregates(self) -> tuple[Aggregate, ...]:
        self.expect_sign("(")
        found = [self._aggregate()]
        while self.take_sign(","):
            found.append(self._aggregate())
        self.expect_sign(")")
        return tuple(found)

    def _aggregate(self) -> Aggregate:
        start = self.peek()
        what, method = None, "count"
        if start.text == "$count":
            self.next_token()
        else:
            what = self.value()
            if not self.take_word("with"):
                raise NotCompiled("an aggregate without `with` (a custom one)", start.position)
            said = self.next_token()
            method = said.text
            if self.peek().text == "from":
                raise NotCompiled("from of $apply", self.peek().position)
            if method not in METHODS:
                raise NotCompiled(f"the aggregation method {method[:60]}", said.position)
        if not self.take_word("as"):
            raise FilterError("expected `as` and a name", self.peek().position)
        return Aggregate(self.name().text, method, what, start.position)


def list_columns(steps: Sequence[Step]) -> tuple[str, ...]:
    """Give the names of the columns that steps end with: paths as `product/code`, figures by their names."""
    last = next((one for one in reversed(steps) if isinstance(one, Group)), None)
    if last is None:
        return ()
    return (*("/".join(path.steps) for path in last.paths), *(one.name for one in last.aggregates))


def read_groups(
    connection: Connection,
    question: Question,
    steps: Sequence[Step],
    *,
    condition: Expression | None = None,
    order: tuple[Ordering, ...] = (),
    limit: int | None = None,
    skip: int = 0,
) -> Groups:
    """Give the groups of the rows of a question for which `condition` holds; at least one step groups.

    Raises `FilterError`.
    """
    made = _make(connection, question, steps)
    query = select(*made.table.c).where(*_kept(connection, made, condition))
    names = list(made.properties)
    asked = order or tuple(Ordering(Path((name,))) for name in names)
    compiler = _over(connection, made)
    for one in asked:
        term = compiler.term(one.path)
        column = term.column
        if term.kind in _TEXTS and connection.dialect.name != "sqlite":
            column = column.collate("C")
        query = query.order_by(term.column.is_(None), column.desc() if one.descending else column)
    rows = connection.execute(query.limit(limit).offset(skip or None)).all()
    return Groups(tuple(names), rows)


def count_groups(
    connection: Connection, question: Question, steps: Sequence[Step], *, condition: Expression | None = None
) -> int:
    """Give how many groups there are. Raises `FilterError`."""
    made = _make(connection, question, steps)
    query = select(literal(1)).select_from(made.table).where(*_kept(connection, made, condition))
    return int(connection.scalar(select(func.count()).select_from(query.subquery())) or 0)


def _make(connection: Connection, question: Question, steps: Sequence[Step]) -> Collection:
    """Give the collection that the steps end with."""
    before: list[Expression] = [] if question.condition is None else [question.condition]
    at = 0
    for step in steps:
        if not isinstance(step, Keep):
            break
        before.append(step.condition)
        at += 1
    asked = replace(question, condition=Both(tuple(before)) if before else None)
    made, where = asked.collection, asked.conditions(connection)
    scope = scope_of(connection)
    for step in steps[at:]:
        compiler = Compiler(made, made.table, connection.dialect.name, {}, scope)
        if isinstance(step, Keep):
            where = [*where, compiler.condition(step.condition)]
            continue
        made, where, scope = _group(compiler, step, where), [], None
    return made


def _group(compiler: Compiler, step: Group, where: list[ColumnElement[bool]]) -> Collection:
    keys: dict[str, Term] = {"/".join(path.steps): _plain(compiler, path) for path in step.paths}
    figures = {one.name: _figure(compiler, one) for one in step.aggregates}
    if len(keys) != len(step.paths) or len(figures) != len(step.aggregates) or set(keys) & set(figures):
        raise FilterError("each name of $apply stands once")
    columns = [term.column.label(f"k{at}") for at, term in enumerate(keys.values())]
    inner = select(*columns, *_inputs(figures)).select_from(compiler.table).where(and_(true(), *where))
    rows = inner.subquery()
    grouped = [rows.c[f"k{at}"] for at in range(len(keys))]
    made = [figure.make(rows.c[f"v{at}"]) for at, figure in enumerate(figures.values())]
    query: Select[Any] = select(
        *(column.label(f"c{at}") for at, column in enumerate([*grouped, *made]))
    ).select_from(rows)
    if grouped:
        query = query.group_by(*grouped)
    kinds = [term.kind for term in keys.values()] + [figure.kind for figure in figures.values()]
    return _collection(query.subquery(), [*keys, *figures], kinds)


@dataclass(frozen=True)
class _Figure:
    """The value of a row that a figure is made of, how it is made, and the kind of what comes of it."""

    column: ColumnElement[Any]
    make: Callable[[ColumnElement[Any]], ColumnElement[Any]]
    kind: str


def _inputs(figures: Mapping[str, _Figure]) -> list[ColumnElement[Any]]:
    return [figure.column.label(f"v{at}") for at, figure in enumerate(figures.values())]


def _figure(compiler: Compiler, one: Aggregate) -> _Figure:
    if one.what is None:
        return _Figure(literal(1), lambda _column: func.count(), "integer")
    term = compiler.value(one.what)
    is_number = term.kind in _NUMBERS
    if one.method == "countdistinct":
        return _Figure(term.column, lambda column: func.count(distinct(column)), "integer")
    if term.kind == "flag" or (one.method in ("sum", "average") and not is_number):
        takes = "a number" if one.method in ("sum", "average") else "a number, a text or a time"
        raise FilterError(f"{one.method} takes {takes}", one.position)
    match one.method:
        case "sum" if term.kind == "integer":
            return _Figure(term.column, lambda column: cast(func.sum(column), BigInteger), "integer")
        case "sum":
            return _Figure(cast(term.column, Float(53)), func.sum, "number")
        case "average":
            return _Figure(cast(term.column, Float(53)), func.avg, "number")
        case "min":
            return _Figure(term.column, func.min, term.kind)
        case _:
            return _Figure(term.column, func.max, term.kind)


def _plain(compiler: Compiler, path: Path) -> Term:
    term = compiler.value(path)
    if term.kind == "reference":
        raise FilterError(f"group by a value: {path.steps[-1]}/code", path.position)
    return term


def _collection(table: FromClause, names: Sequence[str], kinds: Sequence[str]) -> Collection:
    columns = list(table.c)
    properties = {
        name: Property(name, "text" if kind in ("choice", "date") else kind, str(column.name))  # type: ignore[arg-type] # a kind
        for name, kind, column in zip(names, kinds, columns, strict=True)
    }
    slots = tuple(Slot(name, (column,)) for name, column in zip(names, columns, strict=True))
    reading = Reading(table, slots, table, key=columns[0])
    return Collection("groups", "star", "groups", "", table, "c0", reading, properties, {}, ())


def _over(connection: Connection, made: Collection) -> Compiler:
    """Compile over groups: who asks was looked at when they were made."""
    nobody: RowScope | None = None
    return Compiler(made, made.table, connection.dialect.name, {}, nobody)


def _kept(
    connection: Connection, made: Collection, condition: Expression | None
) -> list[ColumnElement[bool]]:
    return [] if condition is None else [_over(connection, made).condition(condition)]
