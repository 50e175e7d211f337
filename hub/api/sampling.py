"""Samples on their way out: the bounds of an answer, then JSON rows or an Arrow stream."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pyarrow as pa
from fastapi import Request, Response
from starlette.responses import StreamingResponse

from hub.api.answer import answer
from hub.api.problems import Problem
from hub.api.room import Room
from hub.api.slips import Slip, slip_of
from hub.model import SAMPLE_SCHEMA
from hub.store.answers.thinning import thin
from hub.store.coverage import Span
from hub.store.database import Connection
from hub.store.samples import count_at_most, read_samples

ARROW = "application/vnd.apache.arrow.stream"
_PIECE = 1_000_000


@dataclass(frozen=True)
class TagSpans:
    """A tag and the spans in which its samples are wanted, in order; there may be none."""

    tag_id: int
    code: str
    spans: Sequence[Span]


def check_window(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Give both times in UTC. Raises `Problem` when they are out of reach or in the wrong order."""
    try:
        first, last = start.astimezone(UTC), end.astimezone(UTC)
    except OverflowError as error:
        raise Problem("invalid-parameter", "`start` and `end` lie between the years 1 and 9999.") from error
    if first >= last:
        raise Problem("invalid-parameter", "`start` must be before `end`.")
    return first, last


def answer_samples(request: Request, room: Room, wanted: Sequence[TagSpans], points: int | None) -> Response:
    """Give samples as JSON or Arrow by the Accept header. Raises `Problem` when that would be too large."""
    limits = room.settings
    if len(wanted) > limits.tags_at_once:
        raise Problem("too-much-asked", f"Ask for at most {limits.tags_at_once} tags at once.")
    is_arrow = ARROW in request.headers.get("accept", "")
    with room.database.read() as connection:
        most = sum(_count(connection, one.tag_id, span) for one in wanted for span in one.spans)
        if most > limits.arrow_samples:
            raise Problem(
                "too-much-asked",
                f"This may be more than {limits.arrow_samples} samples; ask for less time or fewer tags.",
            )
        if not is_arrow:
            return _answer_json(connection, room, wanted, points=points)
    return StreamingResponse(_stream(room, wanted, points, slip_of(request.scope)), media_type=ARROW)


def _answer_json(
    connection: Connection, room: Room, wanted: Sequence[TagSpans], *, points: int | None
) -> Response:
    most = room.settings.json_samples
    items: list[dict[str, object]] = []
    for one in wanted:
        for piece in _pieces(connection, one, points):
            if len(items) + piece.num_rows > most:
                raise Problem(
                    "too-much-asked",
                    f"This is more than {most} samples. Ask with `Accept: {ARROW}`, for less time, or for "
                    "`points=` to have each tag thinned.",
                )
            items += piece.to_pylist()
    return answer(
        {
            "start": min((start for one in wanted for start, _ in one.spans), default=None),
            "end": max((end for one in wanted for _, end in one.spans), default=None),
            "tags": [one.code for one in wanted],
            "is_downsampled": points is not None,
            "items": items,
        }
    )


def _stream(room: Room, wanted: Sequence[TagSpans], points: int | None, slip: Slip | None) -> Iterator[bytes]:
    """Give an Arrow IPC stream with the columns of `SAMPLE_SCHEMA`, one piece of one tag at a time."""
    sink = _Sink()
    with room.database.read() as connection, pa.ipc.new_stream(sink, SAMPLE_SCHEMA) as writer:
        for one in wanted:
            for piece in _pieces(connection, one, points):
                writer.write_table(piece)
                if slip is not None:
                    slip.rows = (slip.rows or 0) + piece.num_rows
                yield sink.take()
    yield sink.take()


def _pieces(connection: Connection, wanted: TagSpans, points: int | None) -> Iterator[pa.Table]:
    """Cut a long time into pieces that fit in memory; thinned tags come whole, from thinned pieces."""
    thinned: list[pa.Table] = []
    for start, end in _cut(connection, wanted):
        table = read_samples(connection, [wanted.tag_id], start, end)
        if points is None:
            if table.num_rows:
                yield _name(table, wanted.code)
        else:
            thinned.append(thin(table, points))
    if thinned:
        yield _name(thin(pa.concat_tables(thinned), points or 0), wanted.code)


def _cut(connection: Connection, wanted: TagSpans) -> Iterator[Span]:
    """Cut each span into parts of about `_PIECE` samples."""
    for start, end in wanted.spans:
        number = max(1, -(-_count(connection, wanted.tag_id, (start, end)) // _PIECE))
        step = (end - start) / number
        yield from pairwise([*(start + step * at for at in range(number)), end])


def _name(table: pa.Table, code: str) -> pa.Table:
    """Put the tag's code in the place of its key."""
    names = pa.repeat(pa.scalar(code, pa.string()), table.num_rows)
    return table.drop_columns(["tag_id"]).add_column(0, "tag", names).cast(SAMPLE_SCHEMA)


def _count(connection: Connection, tag_id: int, span: Span) -> int:
    return count_at_most(connection, [tag_id], start=span[0], end=span[1])


class _Sink(io.RawIOBase):
    """A file that is read while it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        part = bytes(data)
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        """Give what was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
