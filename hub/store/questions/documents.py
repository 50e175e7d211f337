"""Questions answered as documents: pages of them, each with what it was asked to be expanded by."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, func, select

from hub.store.answers.pages import Page, WrittenPage
from hub.store.answers.readings import Document, Reading
from hub.store.questions.collections import Collection, Navigation, find_collection
from hub.store.questions.expression import FilterError
from hub.store.questions.grammar import MAX_STEPS, Expansion
from hub.store.questions.kept import take_keys
from hub.store.questions.paging import Ranking, Seat, order_query, read_cursor, take_rows, write_cursor
from hub.store.questions.question import Question, key_of, rank, refuse_unknown
from hub.store.questions.shelf import Shelved
from hub.store.sets import is_among
from hub.store.star.arrow import read_plain

MOST_EXPANDED = 20_000
"""The most rows that the expansions of one page may show."""
_AT_ONCE = 500
_SPREAD = 2
"""How many times as many rows as are wanted are read of the star's files at most."""


class TooMuch(ValueError):
    """An answer would be larger than it may be; the message says what to ask instead."""


def read_page(
    connection: Connection, question: Question, *, cursor: str | None = None, limit: int = 100, skip: int = 0
) -> Page:
    """Give one page of documents, after `skip` of them. Raises `FilterError`, `CursorError`, `TooMuch`."""
    ranking = rank(connection, question)
    seat = read_cursor(cursor, question.fingerprint, ranking) if cursor else None
    reading = narrow(question)
    query = _with_ways(reading.statement.where(*question.conditions(connection)), question)
    rows = take_rows(connection, query, ranking, seat=seat, limit=limit + 1, skip=skip)
    shown = rows[:limit]
    documents = _expanded(connection, question, reading.documents(shown), rows=shown, depth=1)
    return Page(documents, _next(question, ranking, shown) if len(rows) > limit else None)


def read_shelved_page(
    connection: Connection,
    question: Question,
    shelved: Shelved,
    *,
    cursor: str | None = None,
    limit: int = 100,
    skip: int = 0,
    files: Callable[[], AbstractContextManager[Connection]] | None = None,
) -> WrittenPage | Page:
    """Give the same page as `read_page` with its documents as JSON, those of rows seen lately unread.

    Only for the present. Which rows there are is asked of the store; `files` are the star's, where they say
    what it says, and give the documents of rows whose keys lie near each other. Raises `FilterError`,
    `CursorError`, `TooMuch`.
    """
    if question.expand:
        return read_page(connection, question, cursor=cursor, limit=limit, skip=skip)
    reading = narrow(question)
    found = take_keys(connection, question, cursor=cursor, limit=limit, skip=skip)

    def read(missing: list[int]) -> dict[int, bytes]:
        key = key_of(question.collection)
        near: dict[int, bytes] = {}
        if files is not None and _are_near(missing):
            with files() as there:  # the store itself, when other files have just taken their place
                near = {} if there is connection else _read_near(there, reading, missing, key=key)
        left = [one for one in missing if one not in near] if near else missing
        if not left:
            return near
        rows = connection.execute(reading.statement.where(is_among(connection, key, left))).all()
        return near | _print(reading, rows)

    kind = (question.collection.name, question.select, question.is_flat)
    return WrittenPage(shelved.read(kind, found.keys, read), found.next)


def _are_near(keys: list[int]) -> bool:
    """Tell whether few others lie between these keys: files find a stretch of keys, not each by itself."""
    return max(keys) - min(keys) < _SPREAD * len(keys)


def _read_near(
    files: Connection, reading: Reading, keys: list[int], *, key: ColumnElement[Any]
) -> dict[int, bytes]:
    """Give the documents of these keys from files, whose rows between the first and the last are read."""
    query = reading.statement.where(key.between(min(keys), max(keys)))
    rows, wanted = read_plain(files, query), set(keys)
    return _print(reading, [row for row in rows if row[0] in wanted])


def _print(reading: Reading, rows: Sequence[Any]) -> dict[int, bytes]:
    """Give documents as JSON by the key of their row."""
    how = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC
    documents = zip(rows, reading.documents(rows), strict=True)
    return {row[0]: orjson.dumps(document, option=how) for row, document in documents}


def read_one(connection: Connection, question: Question, key: int) -> Document | None:
    """Give the document with this key, whatever became of it, or None. Raises `FilterError`."""
    one = replace(question, is_whole=True, also=(key_of(question.collection) == key,))
    reading = narrow(one)
    query = _with_ways(reading.statement.where(*one.conditions(connection)), one)
    rows = connection.execute(query.limit(1)).all()
    found = _expanded(connection, one, reading.documents(rows), rows=rows, depth=1)
    return found[0] if found else None


def stream_documents(connection: Connection, question: Question, *, limit: int | None) -> Iterator[Document]:
    """Give the documents of a whole answer one after another, or the first of them."""
    reading = narrow(question)
    query = _with_ways(reading.statement.where(*question.conditions(connection)), question)
    query = order_query(query, rank(connection, question)).limit(limit)
    with connection.execution_options(yield_per=_AT_ONCE).execute(query) as result:
        for rows in result.partitions(_AT_ONCE):
            yield from _expanded(connection, question, reading.documents(rows), rows=rows, depth=1)


def count(connection: Connection, question: Question, *, most: int | None = None) -> int:
    """Give how many rows answer a question; not more than `most`, beyond which nobody counts."""
    rows = select(key_of(question.collection)).where(*question.conditions(connection)).limit(most)
    return int(connection.scalar(select(func.count()).select_from(rows.subquery())) or 0)


def narrow(question: Question) -> Reading:
    """Give the reading of the members that are asked for, or of all. Raises `FilterError`."""
    nested = question.collection.reading
    reading = nested.flat if question.is_flat else nested
    if not question.select:
        return reading
    refuse_unknown(question.select, [slot.name for slot in reading.slots])
    return reading.narrow(question.select)


def _next(question: Question, ranking: Ranking, shown: Sequence[Any]) -> str:
    """Give the cursor of the page after this one."""
    last = shown[-1]
    values = tuple(getattr(last, f"step{at}") for at in range(len(ranking.steps)))
    return write_cursor(question.fingerprint, Seat(values, last.row_id))


def _with_ways(query: Select[Any], question: Question) -> Select[Any]:
    """Add the columns from which expansions go on."""
    table = question.collection.table
    ways = [_way(question.collection, one) for one in question.expand]
    return query.add_columns(*(table.c[way.here].label(f"way{at}") for at, way in enumerate(ways)))


def _expanded(
    connection: Connection,
    question: Question,
    documents: list[Document],
    *,
    rows: Sequence[Any],
    depth: int,
) -> list[Document]:
    for at, one in enumerate(question.expand):
        way = _way(question.collection, one)
        here = [getattr(row, f"way{at}") for row in rows]
        inner = _inner(way, one, is_flat=question.is_flat)
        keys = sorted({key for key in here if key is not None})
        found = _follow(connection, way, inner, keys, depth=depth, most=one.limit)
        for document, key in zip(documents, here, strict=True):
            there = found.get(key, [])
            document[way.name] = there if way.is_many else there[0] if there else None
    return documents


def _inner(way: Navigation, one: Expansion, *, is_flat: bool) -> Question:
    """Give the question at the end of a way; a reference shows its thing, whatever became of that."""
    target = find_collection(way.target)
    return Question(
        target, one.condition, one.order, one.select, one.expand, is_whole=not way.is_many, is_flat=is_flat
    )


def _follow(  # noqa: PLR0917 - a way, what is shown of it, from where
    connection: Connection,
    way: Navigation,
    question: Question,
    keys: list[int],
    *,
    depth: int,
    most: int | None,
) -> dict[int, list[Document]]:
    """Give the documents at the end of a way, by the key from which they are reached."""
    if depth > MAX_STEPS:
        raise FilterError(f"expansions go at most {MAX_STEPS} deep; ask for the inner ones by themselves")
    target = question.collection
    reading = narrow(question)
    there = target.table.c[way.there]
    found: dict[int, list[Document]] = {}
    if not keys:
        return found
    query = _with_ways(reading.statement.where(is_among(connection, there, keys)), question)
    query = query.where(*question.conditions(connection))
    query = order_query(query.add_columns(there.label("there")), rank(connection, question))
    rows = connection.execute(query.limit(MOST_EXPANDED + 1)).all()
    if len(rows) > MOST_EXPANDED:
        raise TooMuch(
            f"the expansion would show more than {MOST_EXPANDED} rows; ask for a smaller page, or for the "
            "inner collection by itself"
        )
    documents = _expanded(connection, question, reading.documents(rows), rows=rows, depth=depth + 1)
    for row, document in zip(rows, documents, strict=True):
        mine = found.setdefault(row.there, [])
        if most is None or len(mine) < most:
            mine.append(document)
    return found


def _way(collection: Collection, one: Expansion) -> Navigation:
    way = collection.navigations.get(one.name)
    if way is None:
        listed = ", ".join(sorted(collection.navigations)) or "none"
        raise FilterError(f"unknown expansion {one.name[:60]}; known are {listed}", one.position)
    return way
