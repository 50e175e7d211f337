"""Runs found in signals are kept as samples come: looked for anew only where something arrived.

What is found is written down like any source's statement, marked as derived, with the rule that found it. A
history of years is gone through once; after that each derivation reads from the run before the news on.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, cast

from hub.model import parse_instant
from hub.resolve.frames import (
    OBJECT_TYPE,
    REACH,
    FrameRule,
    describe_rule,
    find_phases,
    find_runs,
    signals_of,
    tell_run,
)
from hub.store.arrivals import arrival_bounds, read_arrivals
from hub.store.bookmarks import keep_bookmark, read_bookmark
from hub.store.coverage import Span
from hub.store.database import Connection, Database
from hub.store.identifiers import find_names
from hub.store.lake.periods import from_micros
from hub.store.mappings import keep_mapping, name_mapping
from hub.store.samples import ALL_TIME, sample_span, scan_samples
from hub.store.statements import Told, list_live_hashes, store_documents
from hub.store.systems import ensure_system, find_system, note_health

CONNECTOR = ("hub.resolve.frames", "2")
_ARRIVALS = 1_000
_TICK = timedelta(microseconds=1)
Mark = dict[str, Any]
"""How far a source's samples have been looked at: `at` (µs: by which derivation), `arrival` (the newest that
was seen), `rules` (their version), `grounds` (the tags of each rule's unit)."""


def derive_frames(database: Database, rules: Sequence[FrameRule], *, now: datetime, actor: str) -> int:
    """Find runs and phases and write them down as statements of `<source>.frames`; give how many changed.

    Samples are read before the writing transaction begins, and only what differs is written in it: a long
    history keeps no put waiting. All of the past is looked at the first time, when the rules or the tags of
    their units changed, and when more has arrived than is remembered.
    """
    changed = 0
    for source in sorted({r.source for r in rules}):
        own = [rule for rule in rules if rule.source == source]
        with database.read() as connection:
            found = _look(connection, f"{source}.frames", own, now=now)
        if found is not None:
            with database.begin(actor, at=now, alone=True) as connection:
                changed += _write(connection, f"{source}.frames", own, found=found, now=now)
    return changed


@dataclass(frozen=True)
class _Found:
    """What differs from what is stored, and the mark to keep."""

    told: list[Told]
    mark: Mark


@dataclass(frozen=True)
class _Ground:
    """A rule, the tag that holds its batch (None while it has no samples) and the signals of its unit."""

    rule: FrameRule
    batch_tag: int | None
    signals: Mapping[int, str]

    def describe(self) -> list[Any]:
        """Give it as plain data."""
        return [self.batch_tag, sorted([tag, name] for tag, name in self.signals.items())]


def _look(connection: Connection, code: str, rules: Sequence[FrameRule], *, now: datetime) -> _Found | None:
    """Give the documents that are not stored as they are found now, and those of which nothing is found.

    None when nothing has come.
    """
    seen = _as_mark(read_bookmark(connection, code))
    oldest, newest = arrival_bounds(connection)
    grounds = [_ground(connection, rule) for rule in rules]
    mark = {
        "arrival": newest,
        "rules": _version_of(rules),
        "grounds": [one.describe() for one in grounds],
    }
    if mark == {name: seen.get(name) for name in mark}:
        return None
    is_known = all(mark[name] == seen.get(name) for name in ("rules", "grounds"))
    anew = not is_known or seen["arrival"] < oldest - 1 or not _are_apart(rules)
    news = None if anew else _read_news(connection, seen["arrival"])
    system_id = find_system(connection, code)
    live = {} if system_id is None else list_live_hashes(connection, system_id, [OBJECT_TYPE])
    stored = {key: content_hash for (_, key), content_hash in live.items()}
    told: list[Told] = []
    for ground in grounds:
        told += _differing(connection, ground, stored, news=news)
    # what no rule has found is left in `stored` when all was looked at, and is nobody's
    told += [_vanished(key) for key in sorted(stored)] if anew else []
    # The newest derivation counts, also when it finds that a run ended earlier than was thought.
    at = _micros(now)
    return _Found([replace(t, version=at) if not t.deleted else t for t in told], {"at": at, **mark})


def _differing(
    connection: Connection, ground: _Ground, stored: dict[str, str], *, news: Mapping[int, list[Span]] | None
) -> Iterator[Told]:
    """Give what is to be written of a rule; where all is looked at, what was found goes out of `stored`."""
    if ground.batch_tag is None:
        return
    if news is None:
        for document in _find(connection, ground, ALL_TIME):
            if stored.pop(document.source_key, None) != document.content_hash:
                yield document
        return
    starts = _starts(ground.rule, stored)
    for start, end in _stretches(ground, [at for at, _ in starts], news):
        there = {key for at, key in starts if start <= at < end}
        for document in _find(connection, ground, (start, end)):
            there.discard(document.source_key)
            if stored.get(document.source_key) != document.content_hash:
                yield document
        yield from (_vanished(key) for key in sorted(there))


def _find(connection: Connection, ground: _Ground, part: Span) -> Iterator[Told]:
    """Give the documents of the runs that begin in a part of the past; it begins and ends where runs do."""
    tag = ground.batch_tag
    span = None if tag is None else sample_span(connection, [tag])
    if tag is None or span is None:
        return
    asked = max(part[0], span[0]), min(part[1], span[1]) + _TICK  # with the sample that ends the last run
    pieces = scan_samples(connection, [tag], [asked], columns=("value", "text"))
    for run in find_runs(pieces, ground.rule.gap_s):
        if run.start < part[1]:
            phases = find_phases(connection, ground.rule, run, signals=ground.signals)
            yield tell_run(ground.rule, run, list(phases))


# ------------------------------------------------------------------------------------- where to look anew
def _read_news(connection: Connection, after: int) -> dict[int, list[Span]]:
    """Give the times of what arrived since, by tag: from the first to the last sample of each put."""
    news: dict[int, list[Span]] = {}
    while arrivals := read_arrivals(connection, after, limit=_ARRIVALS):
        for arrival in arrivals:
            for tag_id, first, last, _ in arrival.spans.tolist():
                news.setdefault(tag_id, []).append((from_micros(first), from_micros(last)))
        after = arrivals[-1].id
    return news


def _stretches(ground: _Ground, starts: Sequence[datetime], news: Mapping[int, list[Span]]) -> Iterator[Span]:
    """Give the parts of the past, in order, in which runs or phases may be others now.

    A part begins with the run before the news: where that begins nothing has changed, since what lies before
    it has not. It ends with the second run after them: the first may have been one with what came, or have
    begun elsewhere, but the sample before the second is its own. What a signal stands at tells of runs for
    `REACH` after it.
    """
    found: list[Span] = []
    for tag_id in news.keys() & {ground.batch_tag, *ground.signals}:
        reach = timedelta() if tag_id == ground.batch_tag else REACH
        for first, last in news[tag_id]:
            before = bisect_left(starts, first) - 1
            after = bisect_right(starts, last + reach) + 1
            start = starts[before] if before >= 0 else ALL_TIME[0]
            found.append((start, starts[after] if after < len(starts) else ALL_TIME[1]))
    return _join(found)


def _join(parts: Iterable[Span]) -> Iterator[Span]:
    """Give parts that do not touch, in order."""
    held: Span | None = None
    for start, end in sorted(parts):
        if held is not None and start <= held[1]:
            held = held[0], max(held[1], end)
            continue
        if held is not None:
            yield held
        held = start, end
    if held is not None:
        yield held


def _starts(rule: FrameRule, stored: Mapping[str, str]) -> list[tuple[datetime, str]]:
    """Give when the stored runs of a rule's unit begin, with their keys, in order."""
    prefix = f"{rule.equipment.value}|"
    return sorted((parse_instant(k.rpartition("|")[2]), k) for k in stored if k.startswith(prefix))


def _are_apart(rules: Sequence[FrameRule]) -> bool:
    """Tell whether a stored run's key says which of these rules it is of."""
    prefixes = sorted(f"{rule.equipment.value}|" for rule in rules)
    return not any(other.startswith(one) for one, other in pairwise(prefixes))


def _ground(connection: Connection, rule: FrameRule) -> _Ground:
    tag = ("tag", f"{rule.source}:tag", rule.batch_tag)
    name = find_names(connection, [tag]).get(tag)
    return _Ground(rule, name.entity_id if name else None, signals_of(connection, rule))


# ------------------------------------------------------------------------------------------ writing it down
def _write(
    connection: Connection, code: str, rules: Sequence[FrameRule], *, found: _Found, now: datetime
) -> int:
    """Write down what differs, unless another node has looked at the samples since; give how many changed."""
    if _as_mark(read_bookmark(connection, code)).get("at", 0) > found.mark["at"]:
        return 0  # its mark says what it has seen: what came after that is looked at again
    system = ensure_system(connection, code, "HISTORIAN", now=now, connector="frames")
    version = _version_of(rules)
    keep_mapping(connection, system.id, version=version, content=_content(rules), now=now)
    stored = store_documents(
        connection,
        system_id=system.id,
        stream="frames",
        connector=version,
        documents=found.told,
        now=now,
        own=True,
    )
    note_health(connection, system.id, state="ok", now=now, system="runs found in signals")
    keep_bookmark(connection, code, found.mark, now=now)
    return stored.documents


def _as_mark(kept: Any) -> Mark:
    """Give what was kept as a mark; a store of before kept only by which derivation."""
    if isinstance(kept, dict):
        return cast("Mark", kept)
    return {"at": kept or 0}


def _content(rules: Sequence[FrameRule]) -> dict[str, Any]:
    return {"rules": [describe_rule(rule) for rule in rules]}


def _version_of(rules: Sequence[FrameRule]) -> str:
    return name_mapping(*CONNECTOR, _content(rules))


def _micros(now: datetime) -> int:
    return int(now.timestamp() * 1e6)


def _vanished(key: str) -> Told:
    return Told(
        object_type=OBJECT_TYPE,
        source_key=key,
        payload="",
        media_type="text/plain",
        version=0,
        source_time=None,
        deleted=True,
    )
