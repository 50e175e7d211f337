"""Answers to questions in five formats: JSON by pages, JSON lines, CSV, Parquet, Arrow as they are read."""

import io
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import chain, islice
from typing import Any, Literal, cast, get_args

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from hub.api.answer import answer_page
from hub.api.problems import Problem
from hub.api.room import Room
from hub.api.slips import Slip, slip_of
from hub.api.staleness import read_max_stale
from hub.api.tables import ARROW, CSV, PARQUET, plain_times
from hub.store.database import Connection
from hub.store.past.reading import then_of
from hub.store.questions.columns import schema_of, stream_columns
from hub.store.questions.documents import count, read_page, read_shelved_page, stream_documents
from hub.store.questions.question import Question
from hub.store.snapshot import Snapshot
from hub.store.star.choosing import choose

Format = Literal["json", "jsonl", "csv", "parquet", "arrow"]
JSON, JSON_LINES = "application/json", "application/jsonl"
MEDIA: dict[Format, str] = {
    "json": JSON,
    "jsonl": JSON_LINES,
    "csv": CSV,
    "parquet": PARQUET,
    "arrow": ARROW,
}
"""The formats and their media types."""
_ALIASES = {"application/x-ndjson": "jsonl", "application/*": "json", "*/*": "json", "text/*": "csv"}
_LINES = 500
_ROW_GROUP = 8
"""Batches of one row group of Parquet."""

_csv: Any = pyarrow.csv
_parquet: Any = pyarrow.parquet


def choose_format(request: Request, asked: Format | None) -> Format:
    """Give the format that is asked for by `format`, or else preferred by Accept; JSON when all are equal.

    Raises `Problem` when none of them would be taken.
    """
    if asked is not None:
        return asked
    accepted = request.headers.get("accept", "") or "*/*"
    by_media = {media: name for name, media in MEDIA.items()}
    best: tuple[float, Format] | None = None
    for part in accepted.split(","):
        media, _, rest = part.strip().partition(";")
        found = by_media.get(media.strip().lower()) or _ALIASES.get(media.strip().lower())
        quality = _quality(rest)
        if found in get_args(Format) and quality > 0 and (best is None or quality > best[0]):
            best = quality, cast("Format", found)
    if best is None:
        raise Problem("not-acceptable", f"Accept one of {', '.join(MEDIA.values())}, or say `format=`.")
    return best[1]


def answer_question(
    request: Request,
    room: Room,
    question: Question,
    *,
    form: Format,
    cursor: str | None = None,
    limit: int | None = None,
) -> Response:
    """Give the answer to a question: a page of JSON, or all of it (at most `limit`) in another format."""
    if form == "json":
        most = room.settings.page_rows
        if limit is not None and limit > most:
            raise Problem(
                "too-much-asked",
                f"A page has at most {most} items. Go on by `next`, or ask with `format=jsonl`.",
            )
        return answer_listed(request, room, question, cursor=cursor, limit=100 if limit is None else limit)
    if cursor is not None:
        raise Problem(
            "invalid-cursor", "Only JSON comes in pages; ask for all in this format without `cursor`."
        )
    if question.expand and form != "jsonl":
        raise Problem(
            "invalid-filter",
            "Columns hold no expansions: ask for JSON or JSON lines, or for each collection.",
        )
    slip = slip_of(request.scope)
    return _stream(room, question, form=form, limit=limit, older=read_max_stale(request), slip=slip)


def answer_listed(
    request: Request, room: Room, question: Question, *, cursor: str | None, limit: int
) -> Response:
    """Give a page of JSON; documents of rows that were read since the last write are not read again."""
    with room.database.read() as connection:
        known_at = room.database.known_at if isinstance(room.database, Snapshot) else None
        shelved = None if then_of(connection) is not None else room.shelf.at(known_at)
        if shelved is None:
            page = read_page(connection, question, cursor=cursor, limit=limit)
        else:
            page = read_shelved_page(connection, question, shelved, cursor=cursor, limit=limit)
    return answer_page(request, page)


def _stream(
    room: Room,
    question: Question,
    *,
    form: Format,
    limit: int | None,
    older: timedelta,
    slip: Slip | None,
) -> Response:
    """Begin the answer, so that what is wrong is a problem, and read on as it is sent."""
    most = room.settings.rows_at_once
    with ExitStack() as opened:
        connection = opened.enter_context(room.database.read())
        if form != "jsonl" and question.collection.family == "star":
            connection = opened.enter_context(_open_files(room, connection, question, older=older))
        if (limit is None or limit > most) and count(connection, question, most=most + 1) > most:
            raise Problem(
                "too-much-asked",
                f"This is more than {most} rows. Narrow the filter, or go by parts of its order.",
            )
        parts: Iterator[bytes]
        if form == "jsonl":
            parts = _write_lines(stream_documents(connection, question, limit=limit), slip)
        else:
            schema = schema_of(question.collection, question.select)
            batches = stream_columns(connection, question, limit=limit)
            parts = _COLUMNS[form](batches if slip is None else slip.count(batches), schema)
        first = next(parts, b"")
        reading = opened.pop_all()
    headers = {"Content-Disposition": f'inline; filename="{question.collection.name}.{form}"'}
    return StreamingResponse(_until_end(reading, first, parts), media_type=MEDIA[form], headers=headers)


@contextmanager
def _open_files(
    room: Room, connection: Connection, question: Question, *, older: timedelta
) -> Generator[Connection]:
    """Give the star's files instead of the store where they may answer; if older, say of when they are."""
    chosen = choose(room.star, connection, question.collection.name, older=older)
    if chosen is None:
        yield connection
        return
    if not chosen.is_current and isinstance(room.database, Snapshot):
        room.database.known_at = chosen.manifest.known_at
    with chosen.read(connection) as files:
        yield files


def _until_end(reading: ExitStack, first: bytes, parts: Iterator[bytes]) -> Generator[bytes]:
    """Let go of the reading when all is sent, or nobody listens any more."""
    with reading:
        yield from chain((first,), parts)


def _write_lines(documents: Iterator[dict[str, Any]], slip: Slip | None) -> Iterator[bytes]:
    while some := list(islice(documents, _LINES)):
        if slip is not None:
            slip.rows = (slip.rows or 0) + len(some)
        yield b"".join(orjson.dumps(one, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE) for one in some)


class _Sink(io.RawIOBase):
    """Takes what a writer writes, and gives it away piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def tell(self) -> int:
        return self._at

    def take(self) -> bytes:
        """Give what was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _write_arrow(batches: Iterable[Any], schema: Any) -> Iterator[bytes]:
    sink = _Sink()
    writer: Any = pa.ipc.new_stream(sink, schema)
    for batch in batches:
        writer.write_batch(batch)
        yield sink.take()
    writer.close()
    yield sink.take()


def _write_csv(batches: Iterable[Any], schema: Any) -> Iterator[bytes]:
    sink = _Sink()
    writer: Any = None
    for batch in batches:
        table = plain_times(pa.Table.from_batches([batch], schema=schema))
        if writer is None:
            writer = _csv.CSVWriter(sink, table.schema)
        writer.write_table(table)
        yield sink.take()
    if writer is not None:
        writer.close()
    yield sink.take()


def _write_parquet(batches: Iterator[Any], schema: Any) -> Iterator[bytes]:
    sink = _Sink()
    writer: Any = _parquet.ParquetWriter(sink, schema, compression="zstd")
    while some := list(islice(batches, _ROW_GROUP)):
        writer.write_table(pa.Table.from_batches(some, schema=schema))
        yield sink.take()
    writer.close()
    yield sink.take()


_COLUMNS: dict[str, Any] = {"arrow": _write_arrow, "csv": _write_csv, "parquet": _write_parquet}


def _quality(parameters: str) -> float:
    for one in parameters.split(";"):
        name, _, value = one.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
