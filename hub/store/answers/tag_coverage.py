"""How the time of a batch is covered, tag by tag: what was read, what came, where the source said nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, select

from hub.store.answers.readings import Document
from hub.store.answers.signals import Signal
from hub.store.coverage import Span, covered_spans, join_spans
from hub.store.samples import ALL_TIME, digest_table, has_samples, survey_samples
from hub.store.tables import identifier, quarantine, source_system

SILENCE = 10
"""A stretch so many times longer than the usual time between two samples of a tag is a silence."""
HISTORY = "history"
"""The object type under which quarantine holds a tag that cannot be read."""


@dataclass(frozen=True)
class Origin:
    """A source that has a tag, and what it calls it."""

    system_id: int
    source: str
    name: str


@dataclass(frozen=True)
class TagCoverage:
    """One tag over its spans in a batch.

    `covered` are the spans that were read, cut to those; `silent` those of them in which the source said
    nothing for too long (`silence_s`). `delivered_again` counts samples that came more than once. `digest`
    is the SHA-256 of the samples. `stands` tells that a value from before still stands (step tags).
    """

    signal: Signal
    origins: tuple[Origin, ...]
    covered: tuple[Span, ...]
    silent: tuple[Span, ...]
    silence_s: float | None
    held: Document | None
    samples: int
    good: int
    delivered_again: int
    digest: str
    stands: bool


def list_coverage(connection: Connection, signals: Sequence[Signal]) -> list[TagCoverage]:
    """Give how each of these signals is covered over its time."""
    origins = _origins(connection, {s.tag_id for s in signals})
    covered = _covered(connection, origins)
    held = _held(connection, origins)
    return [
        _survey(
            connection,
            signal,
            origins=origins.get(signal.tag_id, ()),
            covered=covered.get(signal.tag_id, []),
            held=held.get(signal.tag_id),
        )
        for signal in signals
    ]


def _survey(
    connection: Connection,
    signal: Signal,
    *,
    origins: tuple[Origin, ...],
    covered: Sequence[Span],
    held: Document | None,
) -> TagCoverage:
    surveyed = [survey_samples(connection, signal.tag_id, *span) for span in signal.spans]
    table, again = pa.concat_tables(found for found, _ in surveyed), sum(more for _, more in surveyed)
    inside = [part for span in signal.spans for part in cut_spans(covered, *span)]
    is_step = bool(signal.tag["is_step"])
    stands = is_step and table.num_rows == 0 and _has_earlier(connection, signal)
    silent, silence_s = find_silence(table, inside, is_step=is_step)
    return TagCoverage(
        signal=signal,
        origins=origins,
        covered=tuple(inside),
        silent=() if stands else tuple(silent),
        silence_s=silence_s,
        held=held,
        samples=table.num_rows,
        good=int(np.count_nonzero((table["quality"].to_numpy() >> 30) == 0)),
        delivered_again=again,
        digest=digest_table(table),
        stands=stands,
    )


def cut_spans(spans: Iterable[Span], start: datetime, end: datetime) -> list[Span]:
    """Give the parts of spans inside [start, end), joined where they touch."""
    cut = [(max(a, start), min(b, end)) for a, b in spans]
    return join_spans((a, b) for a, b in cut if a < b)


def find_silence(
    samples: pa.Table, covered: Sequence[Span], *, is_step: bool
) -> tuple[list[Span], float | None]:
    """Give the stretches of read time without a sample for too long, and how long that is in seconds.

    A tag that is only sampled when it changes is silent only where a whole span has nothing, and no value
    from an earlier one still stands; one with too few samples to know what is usual, where a whole span has
    nothing.
    """
    times = samples["ts"].cast(pa.int64()).to_numpy() / 1e6
    steps = np.diff(times)
    longest = float(np.median(steps)) * SILENCE if len(steps) > 1 and not is_step else None
    silent: list[Span] = []
    for start, end in covered:
        inside = times[(times >= start.timestamp()) & (times < end.timestamp())]
        if not len(inside):
            is_short = longest is not None and (end - start).total_seconds() <= longest
            stands = is_step and bool((times < start.timestamp()).any())
            silent += [] if is_short or stands else [(start, end)]
        elif longest is not None:
            edges = np.concatenate(([start.timestamp()], inside, [end.timestamp()]))
            holes = np.flatnonzero(np.diff(edges) > longest)
            silent += [(_moment(edges[at]), _moment(edges[at + 1])) for at in holes]
    return silent, longest


def _moment(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(float(seconds) * 1e6))


def _has_earlier(connection: Connection, signal: Signal) -> bool:
    return has_samples(connection, [signal.tag_id], start=ALL_TIME[0], end=signal.start)


def _origins(connection: Connection, tag_ids: Iterable[int]) -> dict[int, tuple[Origin, ...]]:
    """Give the sources that have each tag: a name of a tag in a scheme `<source>:tag` is its name there."""
    systems = {
        row.code: row.id for row in connection.execute(select(source_system.c.code, source_system.c.id))
    }
    query = (
        select(identifier.c.entity_id, identifier.c.scheme, identifier.c.value)
        .where(identifier.c.entity_type == "tag", identifier.c.entity_id.in_(sorted(set(tag_ids))))
        .order_by(identifier.c.scheme, identifier.c.value)
    )
    found: dict[int, list[Origin]] = {}
    for tag_id, scheme, value in connection.execute(query):
        code, _, kind = scheme.partition(":")
        if kind == "tag" and code in systems:
            found.setdefault(tag_id, []).append(Origin(systems[code], code, value))
    return {tag_id: tuple(some) for tag_id, some in found.items()}


def _covered(connection: Connection, origins: dict[int, tuple[Origin, ...]]) -> dict[int, list[Span]]:
    by_system: dict[int, dict[str, int]] = {}
    for tag_id, some in origins.items():
        for origin in some:
            by_system.setdefault(origin.system_id, {})[origin.name] = tag_id
    covered: dict[int, list[Span]] = {}
    for system_id, names in by_system.items():
        for name, spans in covered_spans(connection, system_id, names).items():
            covered.setdefault(names[name], []).extend(spans)
    return covered


def _held(connection: Connection, origins: dict[int, tuple[Origin, ...]]) -> dict[int, Document]:
    """Give the open entry of quarantine for each tag that cannot be read."""
    tags = {(o.system_id, o.name): tag_id for tag_id, some in origins.items() for o in some}
    columns = quarantine.c
    query = (
        select(columns.id, columns.source_system_id, columns.source_key, columns.reason)
        .where(columns.object_type == HISTORY, columns.state == "open")
        .order_by(columns.id)
    )
    return {
        tags[row.source_system_id, row.source_key]: {"id": row.id, "reason": row.reason}
        for row in connection.execute(query)
        if (row.source_system_id, row.source_key) in tags
    }
