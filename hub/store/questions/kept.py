"""Statements that are kept by the form of their question: those that find the rows of a page.

Putting a statement together takes many times as long as finding its rows. What it is follows from the form of
the question, from who asks and from whether a page goes before; all values are its parameters.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, Connection, Dialect, Float, Select, bindparam, select
from sqlalchemy.types import TypeEngine

from hub.store.questions.forms import form_of
from hub.store.questions.kinds import fit, read_parameter
from hub.store.questions.paging import Ranking, Seat, list_parts, read_cursor, take_rows, write_cursor
from hub.store.questions.question import Question, key_of, rank
from hub.store.questions.scope import scope_of

_MOST = 512
_LIMIT, _SKIP, _KEY, _STEP = "most_rows", "rows_skipped", "last_key", "last_step"
_Convert = Callable[[Any], Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Keys:
    """The keys of a page's rows in their order, and the cursor of the page after it; None on the last."""

    keys: list[int]
    next: str | None


def take_keys(
    connection: Connection, question: Question, *, cursor: str | None, limit: int, skip: int = 0
) -> Keys:
    """Give the keys of at most `limit` rows of the present. Raises `FilterError`, `CursorError`."""
    is_plain = question.name is None and question.origin is None and not question.also
    form = form_of(question.condition) if is_plain else None
    if form is None:
        return _take_once(connection, question, cursor=cursor, limit=limit, skip=skip)
    condition, values = form
    who = connection.dialect.name, scope_of(connection), question.collection.name, question.order
    order = _orders.find(who, lambda: _keep_order(connection, question))
    seat = read_cursor(cursor, question.fingerprint, order.ranking) if cursor else None
    goes_on = None if seat is None else tuple(value is not None for value in seat.values)

    def keep() -> _Page:
        asked = replace(question, condition=condition)
        return _keep(connection, asked, order.ranking, seat=seat, skips=bool(skip))

    kept = _statements.find((who, condition, question.is_whole, goes_on, bool(skip)), keep)
    given: dict[str, Any] = {name: fit(kind, values[number]) for name, kind, number in kept.blanks}
    if seat is not None:
        given |= {f"{_STEP}_{at}": value for at, value in enumerate(seat.values) if value is not None}
        given[_KEY] = seat.key
    if skip:
        given[_SKIP] = skip
    rows = kept.take(connection, given, limit + 1)
    if len(rows) <= limit:
        return Keys([row[0] for row in rows], None)
    keys = [row[0] for row in rows[:limit]]
    last = rows[limit - 1][1:]
    told = order.read(last) if kept.is_text else tuple(last)
    return Keys(keys, write_cursor(question.fingerprint, Seat(told, keys[-1])))


class Kept(Generic[T]):
    """What was made lately, by what decides it, the least lately used let go; safe for many threads."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = Lock()

    def find(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give what was made for a key, or make it."""
        with self._lock:
            found = self._made.get(key)
            if found is not None:
                self._made.move_to_end(key)
                return found
        made = make()
        with self._lock:
            self._made[key] = made
            if len(self._made) > self._most:
                self._made.popitem(last=False)
        return made


@dataclass(frozen=True)
class _Order:
    """An order, and how the values of its steps are read from what the driver gives."""

    ranking: Ranking
    readers: tuple[_Convert | None, ...]

    def read(self, told: Sequence[Any]) -> tuple[Any, ...]:
        pairs = zip(told, self.readers, strict=True)
        return tuple(value if read is None or value is None else read(value) for value, read in pairs)


@dataclass(frozen=True)
class _Statement:
    """A statement as the driver takes it.

    `own` are the parameters that are always the same, `names` is the order of all where they have one,
    `writers` give the form in which the driver wants a parameter.
    """

    text: str
    names: tuple[str, ...] | None
    own: Mapping[str, Any]
    writers: Mapping[str, _Convert]

    def run(self, connection: Connection, given: Mapping[str, Any]) -> Sequence[Any]:
        """Give the rows, with their values as the driver gives them."""
        values = {name: given.get(name, value) for name, value in self.own.items()}
        for name, write in self.writers.items():
            values[name] = write(values[name])
        asked = values if self.names is None else tuple([values[name] for name in self.names])
        return connection.exec_driver_sql(self.text, asked).all()


@dataclass(frozen=True)
class _Page:
    """The statements of a form's page, one after another until it is full.

    `blanks` are name, kind and number of the parameters that are values of the question.
    """

    statements: Sequence[_Statement | Select[Any]]
    blanks: tuple[tuple[str, str, int], ...]
    is_text: bool

    def take(self, connection: Connection, given: dict[str, Any], limit: int) -> list[Any]:
        """Give at most `limit` rows: key and values of the order."""
        rows: list[Any] = []
        for one in self.statements:
            if len(rows) < limit:
                given[_LIMIT] = limit - len(rows)
                rows += (
                    one.run(connection, given)
                    if isinstance(one, _Statement)
                    else connection.execute(one, given).all()
                )
        return rows


_orders: Kept[_Order] = Kept()
_statements: Kept[_Page] = Kept()


def _take_once(
    connection: Connection, question: Question, *, cursor: str | None, limit: int, skip: int
) -> Keys:
    """Give the keys by statements that are made for this question alone."""
    ranking = rank(connection, question)
    seat = read_cursor(cursor, question.fingerprint, ranking) if cursor else None
    query = _select(connection, question)
    rows = take_rows(connection, query, ranking, seat=seat, limit=limit + 1, skip=skip)
    keys = [row[0] for row in rows[:limit]]
    if len(rows) <= limit:
        return Keys(keys, None)
    return Keys(keys, write_cursor(question.fingerprint, Seat(tuple(rows[limit - 1][1:]), keys[-1])))


def _select(connection: Connection, question: Question) -> Select[Any]:
    return select(key_of(question.collection).label("row_id")).where(*question.conditions(connection))


def _keep_order(connection: Connection, question: Question) -> _Order:
    ranking, dialect = rank(connection, question), connection.dialect
    return _Order(ranking, tuple(_reader(one.column.type, dialect) for one in ranking.steps))


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    """Give how a value of an order is read; PostgreSQL's driver knows all types but our word for numbers."""
    if dialect.name == "sqlite":
        return kind.dialect_impl(dialect).result_processor(dialect, None)
    return float if isinstance(kind, Float) else None


def _keep(
    connection: Connection, question: Question, ranking: Ranking, *, seat: Seat | None, skips: bool
) -> _Page:
    """Make the statements of a form. Raises `FilterError`."""
    query = _select(connection, question)
    parts = [
        part.limit(bindparam(_LIMIT, type_=BigInteger())).offset(
            bindparam(_SKIP, type_=BigInteger()) if skips else None
        )
        for part in list_parts(query, ranking, seat=_leave_out(seat, ranking), skips=skips)
    ]
    statements = [_write(part, connection.dialect) for part in parts]
    texts = [one for one in statements if one is not None]
    named = {name for part in parts for name in part.compile(dialect=connection.dialect).binds}
    told = {name: read_parameter(name) for name in named}
    blanks = tuple((name, *found) for name, found in told.items() if found is not None)
    is_text = len(texts) == len(parts)
    return _Page(texts if is_text else parts, blanks, is_text)


def _leave_out(seat: Seat | None, ranking: Ranking) -> Seat | None:
    """Give a seat with parameters for its values; what is not known decides what is asked for."""
    if seat is None:
        return None
    pairs = enumerate(zip(seat.values, ranking.steps, strict=True))
    return Seat(
        tuple(
            None if value is None else bindparam(f"{_STEP}_{at}", type_=step.column.type)
            for at, (value, step) in pairs
        ),
        bindparam(_KEY, type_=ranking.key.type),
    )


def _write(query: Select[Any], dialect: Dialect) -> _Statement | None:
    """Give a statement as text; None where its text depends on its values, as that of a list does."""
    compiled: Any = query.compile(dialect=dialect)
    if compiled.post_compile_params or compiled.literal_execute_params:
        return None
    kinds = {name: one.type.dialect_impl(dialect) for name, one in compiled.binds.items()}
    writers = {name: one.bind_processor(dialect) for name, one in kinds.items()}
    return _Statement(
        str(compiled),
        tuple(compiled.positiontup) if compiled.positional else None,
        dict(compiled.params),
        {name: write for name, write in writers.items() if write is not None},
    )
