"""Samples: put into hot frames of the database, folded into cold runs, read as one; the last write counts."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, func, select
from sqlalchemy import text as sql

from hub.store.arrivals import note_arrival
from hub.store.attribution import stamp_of
from hub.store.bulk import format_instants, insert_columns, insert_row
from hub.store.coverage import Span, join_spans
from hub.store.lake.cellar import cellar_of
from hub.store.lake.frames import STORED_SCHEMA, BadSamples, arrange, as_run, digest_put, pack, spans_of
from hub.store.lake.periods import from_micros, split, to_micros
from hub.store.lake.runs import RUN_SCHEMA, Longs, keep, longs, merge, take, write_run
from hub.store.lake.state import read_lake
from hub.store.lake.view import Cut, View
from hub.store.locks import PUTTING
from hub.store.past.reading import then_of
from hub.store.sets import select_in, upsert
from hub.store.tables import sample_annotation, sample_erasure, sample_hot, sample_put, tag_latest

__all__ = ["STORED_SCHEMA", "BadSamples", "put_samples", "read_samples", "scan_samples"]

STAGED_ROWS = 250_000
"""A put of so many samples is written as sorted files at once, which a fold only has to name."""
MOST_ERASED = 20_000_000
"""Puts wait while samples are erased, so that not more of them are looked at in one go."""
ALL_TIME = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
COLUMNS = ("value", "text", "quality")
_EMPTY = STORED_SCHEMA.empty_table()
_NEWER = 'CASE WHEN excluded.ts >= tag_latest.ts THEN excluded."{0}" ELSE tag_latest."{0}" END'
_BEGINS = "coalesce(tag_latest.first_at, tag_latest.ts)"
_EARLIER = f"CASE WHEN excluded.first_at < {_BEGINS} THEN excluded.first_at ELSE {_BEGINS} END"
_CHANGED = [f'"{name}" = {_NEWER.format(name)}' for name in ("value", "text", "quality", "ts")]
_NEWER_COUNTS = f"ON CONFLICT (tag_id) DO UPDATE SET {', '.join(_CHANGED)}, first_at = {_EARLIER}"
_SEEN = {
    "sqlite": "SELECT 1 FROM sample_put WHERE stream = ? AND seq = ?",
    "postgresql": "SELECT 1 FROM sample_put WHERE stream = %s AND seq = %s",
}


class TooManyToErase(Exception):
    """More samples may lie there than are erased at once; erase less time at once."""


def put_samples(  # noqa: PLR0917 - stream and number are one place, table and ids one content
    connection: Connection, stream: str, seq: int, table: pa.Table, tag_ids: dict[str, int], *, now: datetime
) -> int:
    """Store samples (`SAMPLE_SCHEMA`) under a stream's sequence number; give how many rows were stored.

    They are true when the caller's transaction commits. A sequence already seen changes nothing. Raises
    `BadSamples` for tags that `tag_ids` does not know and for what is no table of samples.
    """
    if table.num_rows == 0 or _is_entered(connection, stream, seq):
        return 0
    arranged = arrange(table, tag_ids)
    spans = spans_of(arranged)
    span = {"first_at": from_micros(spans[:, 1].min()), "last_at": from_micros(spans[:, 2].max())}
    if connection.dialect.name == "postgresql":  # a fold waits for puts that have drawn a number
        connection.execute(sql("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": PUTTING})
    row = {
        "stream": stream,
        "seq": seq,
        **span,
        "count": arranged.num_rows,
        "digest": digest_put(arranged),
        "received_at": now,
        "recorded_at": stamp_of(connection) or now,
    }
    put_id = insert_row(connection, sample_put, row, key="id")
    content = _stage(connection, arranged, put_id) or {"frame": pack(arranged)}
    insert_row(connection, sample_hot, {"put_id": put_id, **span, "count": arranged.num_rows, **content})
    _keep_latest(connection, arranged, spans)
    note_arrival(connection, spans, now=now)
    return arranged.num_rows


def _is_entered(connection: Connection, stream: str, seq: int) -> bool:
    """Tell whether a stream's sequence number was put before."""
    return connection.exec_driver_sql(_SEEN[connection.dialect.name], (stream, seq)).first() is not None


def _stage(connection: Connection, arranged: pa.Table, put_id: int) -> dict[str, Any] | None:
    """Write a large put as sorted files, which outlast a power cut before anybody refers to them."""
    cellar = cellar_of(connection)
    if arranged.num_rows < STAGED_ROWS or not cellar.has_place:
        return None
    state = read_lake(connection)
    if state.live < 0:
        return None
    place, daily = cellar.lake.place, cellar.lake.snapshot("live", state.live).daily
    rows = as_run(arranged, put_id).cast(RUN_SCHEMA)
    runs = [
        write_run(place, "live", keep(rows, inside), period=period)
        for period, inside in split(longs(rows, "ts"), daily=daily)
    ]
    return {"files": [run.as_json() for run in runs]}


def scan_samples(
    connection: Connection,
    tag_ids: Iterable[int],
    spans: Iterable[Span],
    *,
    columns: Sequence[str] = COLUMNS,
) -> Iterator[pa.Table]:
    """Give the samples of these tags in these half-open times, in pieces that follow each other in time.

    A piece is a month, or a day where there are many samples. It is sorted by tag_id (int64) and ts
    (timestamp[us, UTC]) and has one row for each; further `columns` out of value (float64), text (string),
    quality (uint32: OPC UA status) and put (int64: by which put it came). Ask for no more columns than you
    need: each is decoded.
    """
    tags, cuts = _wanted(tag_ids, spans)
    if len(tags) and cuts:
        yield from _view(connection, cuts).pieces(tags, cuts, columns=columns)


def read_samples(  # noqa: PLR0917 - a span is said from start to end
    connection: Connection, tag_ids: Iterable[int], start: datetime, end: datetime
) -> pa.Table:
    """Give the samples of these tags with start <= ts < end, sorted by tag and time, one a (tag, time).

    Columns: tag_id int64, ts timestamp[us, UTC], value float64, text string, quality uint32.
    """
    parts = list(scan_samples(connection, tag_ids, [(start, end)]))
    return merge(parts).cast(STORED_SCHEMA) if parts else STORED_SCHEMA.empty_table()


def survey_samples(  # noqa: PLR0917 - as read_samples
    connection: Connection, tag_id: int, start: datetime, end: datetime
) -> tuple[pa.Table, int]:
    """Give the samples of one tag as `read_samples` does, and how many more came for the same times."""
    tags, cuts = _wanted([tag_id], [(start, end)])
    came = 0
    if cuts:
        came = sum(part.num_rows for part in _view(connection, cuts).candidates(tags, cuts))
    table = read_samples(connection, [tag_id], start, end)
    return table, came - table.num_rows


def list_puts(connection: Connection, tag_ids: Iterable[int], spans: Iterable[Span]) -> list[int]:
    """Give the puts by which samples of these tags came in these times, those that were superseded too."""
    tags, cuts = _wanted(tag_ids, spans)
    found: set[int] = set()
    if len(tags) and cuts:
        for part in _view(connection, cuts).candidates(tags, cuts):
            found.update(np.unique(longs(part, "put")).tolist())
    return sorted(found)


def list_arrivals(connection: Connection, put_ids: Iterable[int]) -> dict[int, datetime]:
    """Give when each of these puts arrived, by the hub's clock."""
    c = sample_put.c
    rows = select_in(connection, select(c.id, c.received_at), c.id, put_ids)
    return {row.id: row.received_at for row in rows}


def count_samples(connection: Connection) -> int:
    """Give how many samples have been stored (one that was sent again counts again)."""
    if then_of(connection) is not None:
        return int(connection.scalar(select(func.coalesce(func.sum(sample_put.c.count), 0))) or 0)
    c = sample_hot.c
    hot = connection.execute(select(c.put_id, c["count"].label("rows"))).all()
    state = read_lake(connection)
    return state.folded + sum(int(row.rows) for row in hot if row.put_id > state.watermark)


def count_at_most(
    connection: Connection, tag_ids: Iterable[int], *, start: datetime, end: datetime, roughly: bool = False
) -> int:
    """Give an upper bound of the samples of tags in a window: what came again may count again.

    `roughly` decodes nothing, and may count the neighbours in a file of tags with few samples.
    """
    tags, cuts = _wanted(tag_ids, [(start, end)])
    return _view(connection, cuts).count(tags, cuts[0], roughly=roughly) if len(tags) and cuts else 0


def has_samples(connection: Connection, tag_ids: Iterable[int], *, start: datetime, end: datetime) -> bool:
    """Tell whether any of these tags has a sample in a window."""
    wanted = sorted(set(tag_ids))
    if then_of(connection) is None:
        c = tag_latest.c
        query = select(c.tag_id).where(c.ts >= start, c.first_at < end)
        wanted = [row.tag_id for row in select_in(connection, query, c.tag_id, wanted)]
    tags, cuts = _wanted(wanted, [(start, end)])
    if not len(tags) or not cuts:
        return False
    view = _view(connection, cuts)
    return any(next(view.pieces(tags[at : at + 1], cuts), None) is not None for at in range(len(tags)))


def sample_span(connection: Connection, tag_ids: Iterable[int]) -> tuple[datetime, datetime] | None:
    """Give the first and last sample time of these tags, or None."""
    ids = sorted(set(tag_ids))
    if then_of(connection) is None:
        c = tag_latest.c
        rows = select_in(connection, select(c.first_at, c.ts), c.tag_id, ids)
        return (min(r.first_at for r in rows), max(r.ts for r in rows)) if rows else None
    edges: list[int] = []
    for part in scan_samples(connection, ids, [ALL_TIME], columns=()):
        stamps = longs(part, "ts")
        edges += [int(stamps.min()), int(stamps.max())]
    return (from_micros(min(edges)), from_micros(max(edges))) if edges else None


def list_sampled_tags(connection: Connection) -> list[int]:
    """Give the tags that have samples."""
    return list(connection.scalars(select(tag_latest.c.tag_id).order_by(tag_latest.c.tag_id)))


def last_samples(connection: Connection, tag_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Give the newest sample of each of these tags that has one, out of all: ts, value, text, quality.

    Of two of the same time the one that was put later counts, as for `tag_latest`.
    """
    tags, cuts = _wanted(tag_ids, [ALL_TIME])
    found = merge([_EMPTY, *_seek(connection, tags, cuts[0], ahead=False)]).to_pylist()
    return {row.pop("tag_id"): row for row in found}


def nearest_samples(connection: Connection, tag_ids: Iterable[int], at: datetime, *, ahead: bool) -> pa.Table:
    """Give each tag's last sample before an instant, however long before; `ahead` the first from it on.

    Columns as for `read_samples`, a row a tag that has one, sorted by tag. In the present `tag_latest` tells
    mostly where it lies. Raises `NotKept` for a past in which it may be among samples that were let go since.
    """
    wanted, found = set(tag_ids), [_EMPTY]
    if wanted and then_of(connection) is None:
        wanted, edges = _ends_known(connection, wanted, at, ahead=ahead)
        found += _read_edges(connection, edges)
        wanted |= edges.keys() - {tag_id for part in found for tag_id in part["tag_id"].to_pylist()}
    for span in _outward(connection, at, ahead=ahead):
        tags, cuts = _wanted(wanted, [span])
        if len(tags) and cuts:
            parts = _seek(connection, tags, cuts[0], ahead=ahead)
            found += parts
            wanted -= {tag_id for part in parts for tag_id in part["tag_id"].to_pylist()}
    return merge(found)


def digest_samples(connection: Connection, tag_id: int) -> tuple[int, str]:
    """Give count and SHA-256 of what a reader sees of a tag: the same data give the same digest."""
    table = read_samples(connection, [tag_id], *ALL_TIME)
    return table.num_rows, digest_table(table)


def digest_table(table: pa.Table) -> str:
    """Give the SHA-256 of samples as `read_samples` gives them, of whichever tag in whichever hub."""
    sha = hashlib.sha256()
    for column in ("ts", "value", "text", "quality"):
        values = table[column].combine_chunks()
        sha.update(repr(values.to_pylist()).encode() if column == "text" else b"")
        if column != "text":
            plain = values.cast(pa.int64()) if column == "ts" else values
            sha.update(plain.to_numpy(zero_copy_only=False).tobytes())
    return sha.hexdigest()


# -------------------------------------------------------------------------- what people do to samples
def erase_samples(
    connection: Connection, tag_id: int, span: Span, *, reason: str, by: str, now: datetime
) -> tuple[int, int]:
    """Let the samples that a tag has in a time count no more; give the erasure's id and how many they were.

    None is lost, and the past still shows them; what is put later for the same time counts again. A put is
    before the erasure or after it as a whole: puts wait until this transaction ends. Whoever follows arrivals
    is told. Raises `TooManyToErase`.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sql("SELECT pg_advisory_xact_lock(:key)"), {"key": PUTTING})
    if count_at_most(connection, [tag_id], start=span[0], end=span[1]) > MOST_ERASED:
        raise TooManyToErase(f"more than {MOST_ERASED:,} samples may lie there; erase less time at once")
    pieces = (longs(part, "ts") for part in scan_samples(connection, [tag_id], [span], columns=()))
    gone = [(len(stamps), int(stamps[0]), int(stamps[-1])) for stamps in pieces]
    newest_put = connection.scalar(select(func.max(sample_put.c.id))) or 0
    row = {"tag_id": tag_id, "start_at": span[0], "end_at": span[1], "put_id": newest_put}
    told = {"reason": reason, "erased_by": by, "recorded_at": now}
    made = insert_row(connection, sample_erasure, {**row, **told}, key="id")
    connection.execute(tag_latest.delete().where(tag_latest.c.tag_id == tag_id))
    last = last_samples(connection, [tag_id]).get(tag_id)
    first = next(scan_samples(connection, [tag_id], [ALL_TIME], columns=()), None)
    if last is not None and first is not None:
        row = {"tag_id": tag_id, **last, "first_at": from_micros(longs(first, "ts").min())}
        upsert(connection, tag_latest, [row], keys=["tag_id"])
    if gone:
        note_arrival(connection, np.array([(tag_id, gone[0][1], gone[-1][2], 0)], np.int64), now=now)
    return made, sum(count for count, _, _ in gone)


def annotate_samples(
    connection: Connection, tag_id: int, span: Span, *, text: str, author: str, now: datetime
) -> int:
    """Note something of a stretch of a tag's time; give the annotation's id."""
    row = {"tag_id": tag_id, "start_at": span[0], "end_at": span[1], "text": text, "author": author}
    return insert_row(connection, sample_annotation, {**row, "recorded_at": now}, key="id")


# ------------------------------------------------------------------------------------------ inside
def _wanted(tag_ids: Iterable[int], spans: Iterable[Span]) -> tuple[Longs, list[Cut]]:
    """Give tags in order and times as whole microseconds, joined where they touch."""
    cuts = [(to_micros(a), to_micros(b)) for a, b in join_spans(span for span in spans if span[0] < span[1])]
    return np.unique(np.fromiter(tag_ids, np.int64)), cuts


def _view(connection: Connection, cuts: Sequence[Cut]) -> View:
    return View(connection, from_micros(cuts[0][0]), from_micros(cuts[-1][1]))


def _keep_latest(connection: Connection, arranged: pa.Table, spans: Longs) -> None:
    """Update the last values, never backwards in time, and where samples begin."""
    last = np.cumsum(spans[:, 3]) - 1
    numbers, texts = arranged["value"].to_numpy()[last], arranged["text"]
    is_text = texts.null_count < len(texts)
    columns = {
        "tag_id": spans[:, 0].tolist(),
        "ts": format_instants(spans[:, 2]),
        "value": [None if number != number else number for number in numbers.tolist()],  # noqa: PLR0124 - NaN
        "text": take(arranged.select(["text"]), last)["text"].to_pylist() if is_text else [None] * len(last),
        "quality": arranged["quality"].to_numpy()[last].tolist(),
        "first_at": format_instants(spans[:, 1]),
    }
    insert_columns(connection, tag_latest, columns, conflict=_NEWER_COUNTS)


# ---------------------------------------------------------------------------------------- far away
def _seek(connection: Connection, tags: Longs, cut: Cut, *, ahead: bool) -> list[pa.Table]:
    """Give the last sample of each tag in a time, or the first; a period is read only for those without."""
    view, found = _view(connection, [cut]), list[pa.Table]()
    while len(tags):
        part = next(view.pieces(tags, [cut], columns=COLUMNS, backwards=not ahead), None)
        if part is None:
            break
        there, stamps = longs(part, "tag_id"), longs(part, "ts")
        turns = there[1:] != there[:-1]
        ends = np.insert(turns, 0, True) if ahead else np.append(turns, True)
        found.append(keep(part, ends).cast(STORED_SCHEMA))
        tags = np.setdiff1d(tags, there)
        cut = (int(stamps.max()) + 1, cut[1]) if ahead else (cut[0], int(stamps.min()))
    return found


def _ends_known(
    connection: Connection, tag_ids: set[int], at: datetime, *, ahead: bool
) -> tuple[set[int], dict[int, int]]:
    """Give the tags of which `tag_latest` does not tell what is nearest, and the time (µs) of those it does.

    A tag that has nothing on that side is among neither.
    """
    c = tag_latest.c
    unknown, edges = set[int](), dict[int, int]()
    for row in select_in(connection, select(c.tag_id, c.ts, c.first_at), c.tag_id, tag_ids):
        first = row.first_at or ALL_TIME[0]
        edge, is_there = (first, row.ts >= at) if ahead else (row.ts, first < at)
        if is_there and (edge >= at) == ahead:
            edges[row.tag_id] = to_micros(edge)
        elif is_there:
            unknown.add(row.tag_id)
    return unknown, edges


def _read_edges(connection: Connection, edges: Mapping[int, int]) -> list[pa.Table]:
    """Give the sample that each tag has at its time."""
    spans = [(from_micros(at), from_micros(at + 1)) for at in edges.values()]
    parts = [part.cast(STORED_SCHEMA) for part in scan_samples(connection, edges, spans)]
    if not parts:
        return []
    table = merge(parts)
    own = np.array([edges[tag_id] for tag_id in longs(table, "tag_id").tolist()], np.int64)
    return [keep(table, longs(table, "ts") == own)]


def _outward(connection: Connection, at: datetime, *, ahead: bool) -> list[Span]:
    """Give the times to look in, one after the other; those of which the past may not be kept come last."""
    if ahead:
        return [(at, ALL_TIME[1])]
    kept = read_lake(connection).retained_from if then_of(connection) is not None else None
    if kept is None or not ALL_TIME[0] < kept < at:
        return [(ALL_TIME[0], at)]
    return [(kept, at), (ALL_TIME[0], kept)]
