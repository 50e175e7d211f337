"""Answers about rows: pages of sets, single rows, properties, counts, and groups."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from fastapi import Response

from hub.api.room import Room
from hub.api.slips import Counted, with_rows
from hub.model import format_instant
from hub.odata.addresses import Address
from hub.odata.asking import Asked
from hub.odata.options import Options
from hub.odata.refusals import VERSION, Refusal
from hub.odata.searching import compile_search
from hub.odata.settings import OdataSettings
from hub.store.answers.pages import Page, WrittenPage
from hub.store.database import Connection
from hub.store.mart import STAR
from hub.store.past.reading import then_of
from hub.store.questions.documents import TooMuch, count, read_page, read_shelved_page
from hub.store.questions.expression import Both, Expression
from hub.store.questions.grammar import Expansion
from hub.store.questions.grouping import Keep, count_groups, list_columns, read_groups
from hub.store.questions.question import Question
from hub.store.snapshot import Snapshot
from hub.store.star.choosing import Choice, choose

SET_TAKES = (
    "$filter",
    "$select",
    "$orderby",
    "$top",
    "$skip",
    "$count",
    "$expand",
    "$apply",
    "$search",
    "$skiptoken",
)
TAKES: dict[str, tuple[str, ...]] = {
    "set": SET_TAKES,
    "count": ("$filter", "$search", "$apply"),
    "one": ("$select", "$expand"),
    "property": (),
    "value": (),
}
"""The options that each kind of address takes."""
_LARGE = 1_000
"""Rows of a page from which reading the star's files takes less than reading the store."""


@dataclass(frozen=True)
class Case:
    """A question with all that its answer is made with: the room, this moment of its store, the limits."""

    room: Room
    database: Snapshot
    settings: OdataSettings
    asked: Asked
    address: Address
    options: Options
    files: Choice | None = None
    """The star's files, where they answer an `$apply` as the store would, or hold rows of a large page."""


def answer_rows(connection: Connection, case: Case) -> Response:
    """Answer about rows of the store. Raises `Refusal` and whatever the question raises."""
    address, options = case.address, case.options
    for owner in address.owners:
        if not count(connection, owner, most=1):
            raise Refusal(404, "not-found", "The row that the address goes through is not there.")
    match address.kind:
        case "set":
            return _answer_set(connection, case)
        case "count":
            question = narrow(address.question, options, case.settings)
            if list_columns(options.apply):
                with connection_of(connection, case) as read:
                    number = count_groups(read, question, options.apply)
            else:
                number = count(connection, _kept(question, options))
            return Response(str(number), media_type="text/plain", headers=VERSION)
        case "one":
            return _answer_one(connection, case)
        case _:
            return _answer_property(connection, case)


def narrow(question: Question, options: Options, settings: OdataSettings) -> Question:
    """Give the question with the rows that the options want; behind groups, `$filter` is about those."""
    parts: list[Expression] = [] if question.condition is None else [question.condition]
    if options.search is not None:
        parts.append(compile_search(options.search, question.collection, most=settings.words))
    if options.condition is not None and not list_columns(options.apply):
        parts.append(options.condition)
    condition = None if not parts else parts[0] if len(parts) == 1 else Both(tuple(parts))
    return replace(question, condition=condition)


def _kept(question: Question, options: Options) -> Question:
    """Give the question with the conditions of an `$apply` that makes no groups."""
    kept = tuple(step.condition for step in options.apply if isinstance(step, Keep))
    if not kept:
        return question
    before = () if question.condition is None else (question.condition,)
    return replace(question, condition=Both((*before, *kept)))


def _answer_set(connection: Connection, case: Case) -> Response:
    asked, address, options = case.asked, case.address, case.options
    question = narrow(address.question, options, case.settings)
    if list_columns(options.apply):
        return _answer_groups(connection, case, question)
    question = replace(
        _kept(question, options), select=options.select, order=options.order, expand=options.expand
    )
    limit = page_size(asked, options, case.settings)
    skip = 0 if options.skiptoken else options.skip
    page: Page | WrittenPage = Page([])
    if limit:
        known_at = case.database.known_at
        shelved = None if then_of(connection) is not None else case.room.shelf.at(known_at)
        at = options.skiptoken
        if shelved is None:
            page = read_page(connection, question, cursor=at, limit=limit, skip=skip)
        else:
            files = None if case.files is None else partial(case.files.read, connection)
            page = read_shelved_page(
                connection, question, shelved, cursor=at, limit=limit, skip=skip, files=files
            )
    number = count(connection, question) if options.count else None
    following = link_on(asked, options, page.next, shown=limit)
    return write_set(
        f"{address.set.name if not address.owners else address.path}{_shown(options.select, options.expand)}",
        page,
        asked=asked,
        options=options,
        count=number,
        following=following,
    )


def page_size(asked: Asked, options: Options, settings: OdataSettings) -> int:
    """Give how many rows a page has: what is preferred or left of `$top`, never more than the limit."""
    preferred = asked.preference("maxpagesize")
    most = settings.page_rows
    if preferred is not None:
        if not (preferred.isascii() and preferred.isdigit() and 0 < len(preferred) <= 9 and int(preferred)):
            raise Refusal(
                400, "invalid-preference", "maxpagesize is a whole number from 1 on.", target="Prefer"
            )
        most = min(most, int(preferred))
    return most if options.top is None else min(most, options.top)


def link_on(asked: Asked, options: Options, cursor: str | None, *, shown: int) -> str | None:
    """Give the address of what follows; what is left of `$top` stands in it."""
    left = None if options.top is None else options.top - shown
    if cursor is None or left == 0:
        return None
    changes: dict[str, str | None] = {"$skiptoken": cursor, "$skip": None}
    if left is not None:
        changes["$top"] = str(left)
    return asked.address_of(**changes)


def write_set(
    context: str,
    page: Page | WrittenPage,
    *,
    asked: Asked,
    options: Options,
    count: int | None = None,
    following: str | None = None,
) -> Response:
    """Give a page as OData JSON."""
    before: dict[str, Any] = {}
    if options.level != "none":
        before["@odata.context"] = f"{asked.root}/$metadata#{context}"
    if count is not None:
        before["@odata.count"] = count
    after = {} if following is None else {"@odata.nextLink": following}
    if isinstance(page, WrittenPage):
        response = _json(page.write("value", before=before, after=after), options)
    else:
        response = write_json({**before, "value": page.items, **after}, options)
    return with_rows(response, len(page.items))


def write_json(document: Any, options: Options) -> Counted:
    """Give a document as OData JSON."""
    return _json(orjson.dumps(document, option=orjson.OPT_UTC_Z), options)


def _json(body: bytes, options: Options) -> Counted:
    return Counted(
        body,
        media_type=f"application/json;odata.metadata={options.level};charset=utf-8",
        headers=VERSION,
    )


def _shown(select: tuple[str, ...], expand: tuple[Expansion, ...]) -> str:
    """Give the part of a context that says what is shown (Protocol 4.0, 10.7 to 10.10)."""
    inner = [f"{one.name}{_shown(one.select, one.expand)}" for one in expand if one.select or select]
    names = [*select, *inner]
    return f"({','.join(names)})" if names else ""


def _answer_one(connection: Connection, case: Case) -> Response:
    asked, address, options = case.asked, case.address, case.options
    question = replace(address.question, select=options.select, expand=options.expand)
    document = _read_one(connection, question)
    if document is None:
        if address.question.condition is None:
            return Response(status_code=204, headers=VERSION)
        raise Refusal(
            404, "not-found", f"{address.set.name} has no such key; look at the set by $filter or $search."
        )
    shown = _shown(options.select, options.expand)
    context = {"@odata.context": f"{asked.root}/$metadata#{address.set.name}{shown}/$entity"}
    return write_json({**({} if options.level == "none" else context), **document}, options)


def _read_one(connection: Connection, question: Question) -> dict[str, Any] | None:
    page = read_page(connection, question, limit=1)
    items = page.items if not isinstance(page, WrittenPage) else []
    return items[0] if items else None


def _answer_property(connection: Connection, case: Case) -> Response:
    asked, address, options = case.asked, case.address, case.options
    if address.member is None:
        raise Refusal(404, "not-found", "There is no such property.")
    name = address.member.name
    document = _read_one(connection, replace(address.question, select=(name,)))
    if document is None:
        raise Refusal(404, "not-found", f"{address.set.name} has no such key; look at the set.")
    value = document[name]
    if value is None:
        return Response(status_code=204, headers=VERSION)
    if address.kind == "value":
        return Response(_write_bare(value), media_type="text/plain", headers=VERSION)
    context = {"@odata.context": f"{asked.root}/$metadata#{address.path}"}
    return write_json({**({} if options.level == "none" else context), "value": value}, options)


def _write_bare(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return format_instant(value)
        case _:
            return str(value)


def _answer_groups(connection: Connection, case: Case, question: Question) -> Response:
    options = case.options
    if options.expand or options.skiptoken:
        raise Refusal(400, "invalid-query", "Groups of $apply have no navigations and come on one page.")
    most = case.settings.groups
    wanted = most + 1 if options.top is None else min(options.top, most + 1)
    number = None
    with connection_of(connection, case) as read:
        groups = read_groups(
            read,
            question,
            options.apply,
            condition=options.condition,
            order=options.order,
            limit=wanted,
            skip=options.skip,
        )
        if options.count:
            number = count_groups(read, question, options.apply, condition=options.condition)
    if len(groups.rows) > most:
        raise TooMuch(
            f"$apply makes more than {most} groups; group coarser, filter, or ask with $top and $skip"
        )
    names = [name for name in groups.names if not options.select or name in options.select]
    at = {name: groups.names.index(name) for name in names}
    items = [_nest({name: row[place] for name, place in at.items()}) for row in groups.rows]
    shown = ",".join(name.replace("/", "(", 1) + ")" if "/" in name else name for name in names)
    return write_set(
        f"{case.address.set.name}({shown})",
        Page(items),
        asked=case.asked,
        options=options,
        count=number,
    )


@contextmanager
def connection_of(connection: Connection, case: Case) -> Generator[Connection]:
    """Give what groups are read from: the star's files, or else the store."""
    if case.files is None:
        yield connection
    else:
        with case.files.read(connection) as files:
            yield files


def choose_files(connection: Connection, case: Case) -> Choice | None:
    """Give the star's files if they answer the `$apply` of a case as the store would now, or a large page."""
    address, options = case.address, case.options
    if address.kind not in ("set", "count") or address.owners or address.set.name not in STAR:
        return None
    # Rows come out of PostgreSQL's driver quicker than out of the files; those of SQLite take twice as long.
    is_large = address.kind == "set" and not options.expand and connection.dialect.name == "sqlite"
    is_large = is_large and page_size(case.asked, options, case.settings) >= _LARGE
    if not is_large and not list_columns(options.apply):
        return None
    return choose(case.room.star, connection, address.question.collection.name)


def _nest(row: dict[str, Any]) -> dict[str, Any]:
    """Put what stands behind a navigation into it: `product/code` is a member of `product`."""
    document: dict[str, Any] = {}
    for name, value in row.items():
        *steps, last = name.split("/")
        place = document
        for step in steps:
            place = place.setdefault(step, {})
        place[last] = value
    return document
