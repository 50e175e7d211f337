"""Samples on their way out: the bounds of an answer, then JSON rows or an Arrow stream."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from fastapi import Request, Response
from starlette.responses import StreamingResponse

from hub.api.answer import answer
from hub.api.problems import Problem
from hub.api.room import Room
from hub.api.slips import Slip, slip_of
from hub.model import SAMPLE_SCHEMA
from hub.store.answers.pieces import read_pieces
from hub.store.answers.trend import count_examined, read_trend
from hub.store.database import Connection
from hub.store.samples import count_at_most

ARROW = "application/vnd.apache.arrow.stream"


@dataclass(frozen=True)
class Span:
    """A tag and the time for which its samples are wanted (end exclusive)."""

    tag_id: int
    code: str
    start: datetime
    end: datetime


def check_window(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Give both times in UTC. Raises `Problem` when they are out of reach or in the wrong order."""
    try:
        first, last = start.astimezone(UTC), end.astimezone(UTC)
    except OverflowError as error:
        raise Problem("invalid-parameter", "`start` and `end` lie between the years 1 and 9999.") from error
    if first >= last:
        raise Problem("invalid-parameter", "`start` must be before `end`.")
    return first, last


def answer_samples(request: Request, room: Room, spans: Sequence[Span], points: int | None) -> Response:
    """Give samples as JSON or Arrow by the Accept header. Raises `Problem` when that would be too large."""
    limits = room.settings
    if len(spans) > limits.tags_at_once:
        raise Problem("too-much-asked", f"Ask for at most {limits.tags_at_once} tags at once.")
    is_arrow = ARROW in request.headers.get("accept", "")
    with room.database.read() as connection:
        if points is None:
            _check_size(connection, spans, most=limits.arrow_samples)
        else:
            _check_thinned(connection, spans, points, most=limits.examined_samples)
        if not is_arrow:
            return _answer_json(connection, room, spans, points=points)
    return StreamingResponse(_stream(room, spans, points, slip_of(request.scope)), media_type=ARROW)


def _check_size(connection: Connection, spans: Sequence[Span], *, most: int) -> None:
    """Refuse samples as they came when they may be more than an answer may have."""
    count = _count(connection, spans)
    if count > most:
        raise Problem(
            "too-much-asked",
            f"This may be {count} samples, more than {most}. Ask for less time or fewer tags (about one "
            f"part in {-(-count // most)} at once), or for `points=` to have each tag thinned.",
        )


def _check_thinned(connection: Connection, spans: Sequence[Span], points: int, *, most: int) -> None:
    """Refuse to thin more samples than one question may look at; what hours tell need not be looked at."""
    if _count(connection, spans, roughly=True) <= most:
        return
    count = sum(
        count_examined(connection, span.tag_id, (span.start, span.end), points=points) for span in spans
    )
    if count > most:
        raise Problem(
            "too-much-asked",
            f"Up to {count} samples would have to be looked at, more than {most}. Ask for less time or fewer "
            f"tags (about one part in {-(-count // most)} at once). Of the present, and where samples are "
            "compacted, a time with as many hours as `points` is told from hours instead.",
        )


def _answer_json(
    connection: Connection, room: Room, spans: Sequence[Span], *, points: int | None
) -> Response:
    most = room.settings.json_samples
    instead = "for `points=` to have each tag thinned" if points is None else "for fewer `points` or tags"
    items: list[dict[str, object]] = []
    by_hour: list[str] = []
    for span in spans:
        for piece, is_by_hour in _pieces(connection, span, points):
            if len(items) + piece.num_rows > most:
                raise Problem(
                    "too-much-asked",
                    f"This is more than {most} samples. Ask with `Accept: {ARROW}`, for less time, or "
                    f"{instead}.",
                )
            items += piece.to_pylist()
            by_hour += [span.code] if is_by_hour else []
    return answer(
        {
            "start": min((span.start for span in spans), default=None),
            "end": max((span.end for span in spans), default=None),
            "tags": [span.code for span in spans],
            "is_downsampled": points is not None,
            "by_hour": by_hour,
            "items": items,
        }
    )


def _stream(room: Room, spans: Sequence[Span], points: int | None, slip: Slip | None) -> Iterator[bytes]:
    """Give an Arrow IPC stream with the columns of `SAMPLE_SCHEMA`, one piece of one tag at a time."""
    sink = _Sink()
    with room.database.read() as connection, pa.ipc.new_stream(sink, SAMPLE_SCHEMA) as writer:
        for span in spans:
            for piece, _ in _pieces(connection, span, points):
                writer.write_table(piece)
                if slip is not None:
                    slip.rows = (slip.rows or 0) + piece.num_rows
                yield sink.take()
    yield sink.take()


def _pieces(connection: Connection, span: Span, points: int | None) -> Iterator[tuple[pa.Table, bool]]:
    """Cut a long time into pieces that fit in memory; thinned tags come whole. Tells if hours were told."""
    window = (span.start, span.end)
    if points is not None:
        trend = read_trend(connection, span.tag_id, window, points=points)
        yield _name(trend.samples, span.code), trend.is_by_hour
        return
    for piece in read_pieces(connection, span.tag_id, window):
        yield _name(piece, span.code), False


def _name(table: pa.Table, code: str) -> pa.Table:
    """Put the tag's code in the place of its key."""
    names = pa.repeat(pa.scalar(code, pa.string()), table.num_rows)
    return table.drop_columns(["tag_id"]).add_column(0, "tag", names).cast(SAMPLE_SCHEMA)


def _count(connection: Connection, spans: Sequence[Span], *, roughly: bool = False) -> int:
    return sum(
        count_at_most(connection, [span.tag_id], start=span.start, end=span.end, roughly=roughly)
        for span in spans
    )


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
