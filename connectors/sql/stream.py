"""Rows of a query: by their clock from the last change on, ties told apart by the key; or all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeGuard
from uuid import UUID

import orjson
from sqlalchemy import and_, bindparam, or_

from connectors.sql.database import Source, column, of
from connectors.sql.settings import RecordQuery
from hub.model import parse_instant
from hub.sdk import Cursor, Document, Misconfigured, Page, Rejected, utc_now
from hub.sdk.clock import is_astray
from hub.sdk.mapping import Reader, RecordMapping

Row = dict[str, Any]


@dataclass(frozen=True)
class StreamReader:
    """Reads one stream. The cursor is `{"clock": …, "key": […]}`, both as the database gave them.

    It follows the clock, but never beyond the present: a row that is dated in the future would hide every
    change until then. Such a row is read again and again until its time has come.
    """

    name: str
    settings: RecordQuery
    source: Source
    reader: Reader
    mapping: RecordMapping

    def check(self) -> str:
        """Read one row; `Misconfigured` when a column is missing that the settings name."""
        row = self.source.first(of(self.settings).limit(1), {})
        if row is None:
            return f"{self.name}: no row"
        lacking = [name for name in (*self.settings.key, self.settings.clock) if name and name not in row]
        if lacking:
            raise Misconfigured(
                f"the query of stream {self.name} has no column {', '.join(lacking)}",
                remedy=f"it has {', '.join(row)}; rename with AS, or correct `key` and `clock`",
            )
        return f"{self.name}: {len(row)} columns"

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """Give pages from the cursor on, oldest change first."""
        return self._changes(cursor) if self.settings.clock else self._all()

    def _all(self) -> Iterator[Page]:
        """Give every row, without an order: the hub finds out what is new and what has gone."""
        for rows in self.source.rows(of(self.settings), {}, self.settings.page_rows):
            yield self._page(_named(rows), {})

    def _changes(self, cursor: Cursor | None) -> Iterator[Page]:
        """Ask again and again for the rows behind the last one; a page is one short transaction."""
        cursor = self._trusted(cursor)
        last: tuple[Any, list[Any]] | None = None
        if cursor:
            last = self._look_back(_revive(cursor["clock"])), []
        yield from self._without_clock(cursor)
        while True:
            statement, values = self._behind(last)
            rows = [
                row for part in self.source.rows(statement, values, self.settings.page_rows) for row in part
            ]
            if not rows:
                return
            page = _named(rows)
            self._require_columns(page[-1])
            last = page[-1][self.settings.clock or ""], [page[-1][name] for name in self.settings.key]
            documents = [self._document(row) for row in page]
            cursor = self._follow(page, documents) or cursor
            yield Page(documents=documents, cursor=cursor)
            if len(page) < self.settings.page_rows:
                return

    def _follow(self, page: list[Row], documents: list[Document]) -> Cursor:
        """Give the cursor of the last row of a page that is not dated in the future; empty when all are."""
        now = utc_now()
        for row, document in zip(reversed(page), reversed(documents), strict=True):
            if document.changed_at is None or document.changed_at <= now:
                clock = row[self.settings.clock or ""]
                return {"clock": _keep(clock), "key": [_keep(row[name]) for name in self.settings.key]}
        return {}

    def _trusted(self, cursor: Cursor | None) -> Cursor:
        """Give the cursor, or the beginning in place of one that a row dated in the future has set."""
        clock = _revive(cursor["clock"]) if cursor else None
        is_time = clock is not None and not _is_number(clock)
        return {} if cursor is None or (is_time and is_astray(self._instant(clock))) else cursor

    def _behind(self, last: tuple[Any, list[Any]] | None) -> tuple[Any, Row]:
        """Give the SELECT of the next page: behind clock and key, or from a clock on when there is no key."""
        clock = column(self.settings.clock or "")
        keys = [column(name) for name in self.settings.key]
        statement = of(self.settings).order_by(clock, *keys).limit(self.settings.page_rows)
        if last is None:
            return statement.where(clock.is_not(None)), {}
        values: Row = {"last_clock": last[0]} | _bound(last[1])
        if not last[1]:
            return statement.where(clock >= bindparam("last_clock")), values
        tie = and_(clock == bindparam("last_clock"), _after(keys))
        return statement.where(or_(clock > bindparam("last_clock"), tie)), values

    def _without_clock(self, cursor: Cursor) -> Iterator[Page]:
        """Give rows that no change would ever show as rejected: nothing is left out silently.

        They may come at any time, so they are looked for at every reading. The cursor stays where it is.
        """
        keys = [column(name) for name in self.settings.key]
        size = self.settings.page_rows
        first = (
            of(self.settings).where(column(self.settings.clock or "").is_(None)).order_by(*keys).limit(size)
        )
        statement, values = first, Row()
        while rows := [row for part in self.source.rows(statement, values, size) for row in part]:
            page = _named(rows)
            self._require_columns(page[-1])
            yield Page(documents=[], rejected=[self._reject(row) for row in page], cursor=cursor)
            if len(page) < size:
                return
            statement, values = first.where(_after(keys)), _bound([page[-1][n] for n in self.settings.key])

    def _reject(self, row: Row) -> Rejected:
        return Rejected(
            reason=f"the column {self.settings.clock} is NULL: no change of this row would be seen",
            where=self.name,
            remedy="let the query give every row a time, e.g. COALESCE(changed, created)",
            payload=write_row(row),
            key=self._key(row),
        )

    def _look_back(self, clock: Any) -> Any:
        back = self.settings.look_back
        match clock:
            case datetime():
                return clock - timedelta(seconds=back)
            case Decimal():
                return clock - Decimal(str(back))
            case int():
                return clock - int(back)
            case str():
                return _earlier(clock, back)
            case _:
                return clock

    def _require_columns(self, row: Row) -> None:
        if lacking := [n for n in (*self.settings.key, self.settings.clock) if n and n not in row]:
            raise Misconfigured(
                f"the query of stream {self.name} has no column {', '.join(lacking)}",
                remedy=f"it has {', '.join(row)}",
            )

    def _page(self, rows: list[Row], cursor: Cursor) -> Page:
        return Page(documents=[self._document(row) for row in rows], cursor=cursor)

    def _document(self, row: Row) -> Document:
        clock = row.get(self.settings.clock) if self.settings.clock else None
        return Document(
            object_type=self.name,
            key=self._key(row),
            payload=write_row(row),
            changed_at=None if clock is None or _is_number(clock) else self._instant(clock),
            seq=int(clock) if _is_number(clock) else None,
            deleted=bool(row.get(self.settings.deleted)) if self.settings.deleted else False,
        )

    def _instant(self, clock: Any) -> datetime:
        """Give a change time. It only orders versions, so of two readings the earlier does."""
        return parse_instant(
            clock if isinstance(clock, datetime) else str(clock), self.reader.zone, ambiguous="earliest"
        )

    def _key(self, row: Row) -> str:
        return "/".join(str(_plain(row.get(name))) for name in self.settings.key)


def _after(keys: list[Any]) -> Any:
    """Give the condition for rows behind the one whose key is bound as `_bound` names it."""
    return or_(
        *(
            and_(*(keys[m] == bindparam(f"last_{m}") for m in range(n)), keys[n] > bindparam(f"last_{n}"))
            for n in range(len(keys))
        )
    )


def _bound(key: list[Any]) -> Row:
    return {f"last_{n}": part for n, part in enumerate(key)}


def _is_number(clock: Any) -> TypeGuard[int | Decimal | float]:
    """Tell a clock that counts from one that tells the time."""
    return isinstance(clock, int | Decimal | float)


def _named(rows: list[Any]) -> list[Row]:
    """Give rows by the names of their columns."""
    names = rows[0]._fields
    return [dict(zip(names, row, strict=True)) for row in rows]


def _earlier(clock: str, seconds: float) -> str:
    """Move a time that the database keeps as text (SQLite); any other text stays."""
    try:
        moment = datetime.fromisoformat(clock) - timedelta(seconds=seconds)
    except ValueError:
        return clock
    return moment.isoformat("T" if "T" in clock else " ")


def write_row(row: Row) -> str:
    """Write a row as JSON: numbers with all their digits, times as ISO 8601, bytes as hexadecimal."""
    return orjson.dumps(row, default=_fragment).decode()


def _fragment(given: Any) -> Any:
    if isinstance(given, Decimal):
        return orjson.Fragment(str(given)) if given.is_finite() else str(given)
    return given.hex() if isinstance(given, bytes | bytearray) else str(given)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date | UUID | timedelta):
        return str(value)
    return value


def _keep(value: Any) -> Any:
    """Give a value as JSON that `_revive` makes the same value of, for the next question."""
    match value:
        case datetime():
            moment = value.astimezone(UTC) if value.tzinfo else value
            return {"time": moment.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case Decimal():
            return {"decimal": str(value)}
        case bytes() | bytearray():
            return {"bytes": value.hex()}
        case str() | int() | float() | None:
            return value
        case _:
            return {"text": str(value)}


def _revive(kept: Any) -> Any:
    match kept:
        case {"time": text}:
            return datetime.fromisoformat(text)
        case {"date": text}:
            return date.fromisoformat(text)
        case {"decimal": text}:
            return Decimal(text)
        case {"bytes": text}:
            return bytes.fromhex(text)
        case {"text": text}:
            return text
        case _:
            return kept
