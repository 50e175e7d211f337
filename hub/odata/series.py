"""The set of samples: `$filter` names tags and a time, or a batch; pages go on by tag and time.

A filter is more than a condition here, it says what is read. So it is taken apart: `tag eq`, `tag in`,
`batch eq`, and bounds of `time`, joined by `and`; anything else has no meaning yet and is 501.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson
from fastapi import Response

from hub.odata.answering import Case, link_on, page_size, write_set
from hub.odata.refusals import VERSION, Refusal, not_compiled
from hub.resolve.signals import list_signals
from hub.store.answers.pages import CursorError, Page
from hub.store.answers.tags import find_tags
from hub.store.answers.things import NotFound, find_thing, read_thing
from hub.store.database import Connection
from hub.store.questions.documents import TooMuch
from hub.store.questions.expression import Both, Comparison, Expression, Literal, Membership, Path
from hub.store.questions.scope import BY_BATCH, sees_series
from hub.store.samples import count_at_most, read_samples, sample_span

TAKES: dict[str, tuple[str, ...]] = {
    "set": ("$filter", "$select", "$orderby", "$top", "$count", "$skiptoken"),
    "count": ("$filter",),
}
"""The options that the set takes; the others have no meaning here."""
_NAMES = ("tag", "time", "value", "text", "quality", "batch")
_FORM = (
    "$filter says which samples: tag eq 'TIC-101' (or tag in ('TIC-101','TIC-102')) and time ge "
    "2026-03-01T00:00:00Z and time lt 2026-03-02T00:00:00Z, or batch eq 'B26-0117' with or without both"
)
_TAGS = 200
_TICK = timedelta(microseconds=1)
_ENDS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_SHARE = 2.0


@dataclass(frozen=True)
class Wanted:
    """Which samples: tags by any name, a batch by any name, from a time on and before another."""

    tags: tuple[str, ...] = ()
    batch: str | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class _Span:
    tag_id: int
    code: str
    start: datetime
    end: datetime


def answer_series(connection: Connection, case: Case) -> Response:
    """Answer about samples. Raises `Refusal`, `NotCompiled`, `NotFound`, `TooMuch`."""
    options = case.options
    if case.address.kind not in TAKES:
        raise not_compiled("samples by key (ask with $filter)")
    wanted = _read_wanted(options.condition)
    _check_order(case, wanted)
    spans, batch = _find_spans(connection, case, wanted)
    if case.address.kind == "count":
        return Response(str(_count(connection, case, spans)), media_type="text/plain", headers=VERSION)
    limit = page_size(case.asked, options, case.settings)
    rows, cursor = _read_page(connection, case, spans, limit=limit)
    names = options.select or _NAMES
    items = [{name: batch if name == "batch" else row[name] for name in names} for row in rows]
    shown = f"({','.join(options.select)})" if options.select else ""
    return write_set(
        f"samples{shown}",
        Page(items),
        asked=case.asked,
        options=options,
        count=_count(connection, case, spans) if options.count else None,
        following=link_on(case.asked, options, cursor, shown=len(items)),
    )


def _read_wanted(condition: Expression | None) -> Wanted:
    if condition is None:
        raise Refusal(400, "invalid-query", f"{_FORM}.", target="$filter")
    wanted = Wanted()
    for part in condition.parts if isinstance(condition, Both) else (condition,):
        wanted = _take(wanted, part)
    if wanted.batch is None and (not wanted.tags or wanted.start is None or wanted.end is None):
        raise Refusal(400, "invalid-query", f"{_FORM}.", target="$filter")
    return wanted


def _take(wanted: Wanted, part: Expression) -> Wanted:
    match part:
        case Both(parts):
            for one in parts:
                wanted = _take(wanted, one)
            return wanted
        case Comparison("eq", Path(("tag",)), Literal(str() as name)) if not wanted.tags:
            return replace(wanted, tags=(name,))
        case Membership(Path(("tag",)), choices) if not wanted.tags:
            return replace(wanted, tags=tuple(str(one.value) for one in choices))
        case Comparison("eq", Path(("batch",)), Literal(str() as name)) if wanted.batch is None:
            return replace(wanted, batch=name)
        case Comparison(sign, Path(("time",)), Literal(datetime() as at)):
            return _bound(wanted, sign, at.astimezone(UTC), part)
        case _:
            raise not_compiled(f"this condition on samples; {_FORM}", target="$filter")


def _bound(wanted: Wanted, sign: str, at: datetime, part: Comparison) -> Wanted:  # noqa: PLR0917 - a bound of what is wanted
    first, last = wanted.start or _ENDS[0], wanted.end or _ENDS[1]
    after = min(at, _ENDS[1] - _TICK) + _TICK
    match sign:
        case "ge":
            return replace(wanted, start=max(first, at))
        case "gt":
            return replace(wanted, start=max(first, after))
        case "lt":
            return replace(wanted, end=min(last, at))
        case "le":
            return replace(wanted, end=min(last, after))
        case "eq":
            return replace(wanted, start=max(first, at), end=min(last, after))
        case _:
            raise not_compiled(f"{part.operator} of the time of samples", target="$filter")


def _check_order(case: Case, wanted: Wanted) -> None:
    """Samples come by tag, in the order in which tags are named, and by time."""
    steps = [(one.path.steps, one.descending) for one in case.options.order]
    by_time = [(("time",), False)]
    is_one = len(wanted.tags) == 1
    if steps and steps not in (
        [(("tag",), False), *by_time],
        by_time if is_one else None,
        [(("tag",), False)],
    ):
        raise not_compiled("$orderby of samples but tag,time", target="$orderby")


def _find_spans(connection: Connection, case: Case, wanted: Wanted) -> tuple[list[_Span], str | None]:
    """Give what is to be read, by code of tag, and the batch's code. Raises `NotFound`, `Refusal`."""
    if len(wanted.tags) > _TAGS:
        raise Refusal(400, "too-much-asked", f"Ask for at most {_TAGS} tags at once.", target="$filter")
    if wanted.batch is None and not sees_series(connection):
        raise Refusal(403, "scope-missing", f"{BY_BATCH}: batch eq 'B26-0117'", target="$filter")
    start, end = wanted.start or _ENDS[0], wanted.end or _ENDS[1]
    tags = find_tags(connection, wanted.tags)
    if wanted.batch is None:
        spans = [_Span(tag_id, code, start, end) for tag_id, code in tags.items()]
        return sorted((one for one in spans if one.start < one.end), key=lambda one: one.code), None
    batch = find_thing(connection, "batch", wanted.batch)
    signals = list_signals(connection, batch.id, now=case.database.now())
    if set(tags) - {one.tag_id for one in signals}:
        raise NotFound("tag")
    spans = [
        _Span(one.tag_id, one.tag["code"], max(start, first), min(end, last))
        for one in signals
        if not tags or one.tag_id in tags
        for first, last in one.spans
    ]
    code = str(read_thing(connection, "batch", batch.id)["code"])
    in_order = sorted(spans, key=lambda one: (one.code, one.tag_id, one.start))
    return [one for one in in_order if one.start < one.end], code


def _read_page(
    connection: Connection, case: Case, spans: Sequence[_Span], *, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Give the rows of a page, and where the next begins."""
    print_of = _fingerprint(case)
    at, since = (
        _read_token(case.options.skiptoken, print_of, len(spans)) if case.options.skiptoken else (0, None)
    )
    rows: list[dict[str, Any]] = []
    for number in range(at, len(spans)):
        span = spans[number]
        start = since if since is not None and number == at else span.start
        for piece in _pieces(connection, span, start, want=limit + 1 - len(rows)):
            rows += [{**row, "tag": span.code, "time": row["ts"]} for row in piece]
            if len(rows) > limit:
                return rows[:limit], _write_token(print_of, number, rows[limit]["time"])
    return rows, None


def _pieces(
    connection: Connection, span: _Span, start: datetime, *, want: int
) -> Iterator[list[dict[str, Any]]]:
    """Give samples of a span piece by piece, each about as long as holds what is still wanted."""
    share = _SHARE
    while start < span.end and want > 0:
        most = count_at_most(connection, [span.tag_id], start=start, end=span.end)
        if not most:
            return
        part = min(1.0, share * want / most)
        first = start if start > _ENDS[0] else _first(connection, span)
        stop = span.end if part == 1.0 else first + max((span.end - first) * part, _TICK)
        piece = read_samples(connection, [span.tag_id], start, stop)
        rows = cast("list[dict[str, Any]]", piece.slice(0, want).drop_columns(["tag_id"]).to_pylist())
        yield rows
        # Where nothing was, a longer stretch is looked at next.
        share = _SHARE if rows else share * 4
        want -= len(rows)
        start = stop


def _first(connection: Connection, span: _Span) -> datetime:
    found = sample_span(connection, [span.tag_id])
    return found[0] if found else span.start


def _count(connection: Connection, case: Case, spans: Sequence[_Span]) -> int:
    most = case.settings.counted
    bounds = [count_at_most(connection, [one.tag_id], start=one.start, end=one.end) for one in spans]
    if sum(bounds) > most:
        raise TooMuch(f"more than {most} samples would be counted; ask for less time, or without $count")
    return sum(
        read_samples(connection, [one.tag_id], one.start, one.end).num_rows
        for one, bound in zip(spans, bounds, strict=True)
        if bound
    )


def _fingerprint(case: Case) -> str:
    return hashlib.sha256(repr((case.options.condition, case.options.as_known_at)).encode()).hexdigest()[:12]


def _write_token(print_of: str, number: int, at: datetime) -> str:
    content = orjson.dumps([print_of, number, at.isoformat()])
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _read_token(token: str, print_of: str, spans: int) -> tuple[int, datetime]:
    try:
        told, number, written = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        at = datetime.fromisoformat(written)
        is_ours = isinstance(told, str) and type(number) is int and at.tzinfo is not None
    except (ValueError, TypeError) as error:
        raise CursorError("the $skiptoken is not one of ours; start again without it") from error
    if not is_ours or told != print_of or not 0 <= number < spans:
        raise CursorError("the $skiptoken belongs to another question; start again without it")
    return number, at.astimezone(UTC)
