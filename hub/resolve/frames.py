"""Runs found from signals: a tag that holds the batch gives the run, conditions on the unit's signals phases.

How they are kept as samples come: `hub.resolve.deriving`.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from hub.model import Identifier, SegmentResponse, format_instant, parse_instant
from hub.resolve.conditions import Column, Condition
from hub.store.database import Connection
from hub.store.identifiers import find_names, names_of_entities
from hub.store.lake.periods import to_micros
from hub.store.samples import last_samples, read_samples
from hub.store.statements import Said, Told
from hub.store.stating import state
from hub.store.tagging import tags_of_equipment

arrow: Any = pc
"""Untyped on purpose: the stubs leave unknown what texts are coded as."""
OBJECT_TYPE = "frame"
REACH = timedelta(days=31)
"""How far before a run the value is looked for at which a signal stands when it begins."""
_UNCERTAIN = 1 << 30
"""The two highest bits of a status tell good (0) from uncertain and bad."""


@dataclass(frozen=True, kw_only=True)
class FrameRule:
    """How runs of one unit are found: the tag that holds the batch, and phases by condition.

    `gap_s`: a silence longer than this ends a run, at its last sample plus the run's usual spacing (None:
    only another value ends it). `min_s`: shorter stretches of a condition are no phase.
    """

    source: str
    equipment: Identifier
    batch_tag: str
    batch_scheme: str
    name: str
    gap_s: float | None
    min_s: float
    phases: Mapping[str, Condition]


@dataclass(frozen=True)
class Run:
    """A batch in a unit, from its first sample to its end (exclusive): another batch, or silence."""

    batch: str
    start: datetime
    end: datetime


def find_runs(pieces: Iterable[pa.Table], gap_s: float | None) -> Iterator[Run]:
    """Give the runs of equal batch values in a tag's samples, which come in pieces; blank values are no run.

    Of the samples only the times of one run are held beside a piece, and those only where there is a gap.
    """
    longest = None if gap_s is None else int(gap_s * 1e6)
    value, held = "", list[Column]()
    for label, times in _stretches_of_one(pieces, longest):
        silent = bool(held) and longest is not None and times[0] - held[-1][-1] > longest
        if silent or label != value:
            if value:
                yield Run(value, _moment(held[0][0]), _moment(_last(held, longest) if silent else times[0]))
            value, held = label, []
        held.append(times)
        if longest is None:
            held = [held[0][[0]], times[[-1]]]
    if value:
        yield Run(value, _moment(held[0][0]), _moment(_last(held, longest)))


def _stretches_of_one(pieces: Iterable[pa.Table], longest: int | None) -> Iterator[tuple[str, Column]]:
    """Give stretches of samples that say the same without a silence: what they say, and their times (µs).

    One that goes on in the next piece, or says the same in another spelling, comes as two.
    """
    for table in pieces:
        times = table["ts"].cast(pa.int64()).to_numpy()
        if not len(times):
            continue
        ends = _changes(table)
        if longest is not None:
            ends |= np.diff(times) > longest
        edges = [0, *(np.flatnonzero(ends) + 1).tolist(), len(times)]
        said = table.select(["value", "text"]).take(edges[:-1])
        labels = zip(said["value"].to_pylist(), said["text"].to_pylist(), strict=True)
        for (start, end), (number, text) in zip(pairwise(edges), labels, strict=True):
            yield _label(number, text), times[start:end]


def _changes(table: pa.Table) -> Column:
    """Tell of each sample but the first whether it differs from the one before."""
    numbers, none = table["value"].to_numpy(), table["value"].is_null().to_numpy()
    texts = arrow.dictionary_encode(table["text"].combine_chunks(), null_encoding="encode").indices.to_numpy()
    same = (numbers[1:] == numbers[:-1]) | (none[1:] & none[:-1])
    return ~same | (texts[1:] != texts[:-1])


def _last(held: Sequence[Column], longest: int | None) -> int:
    """Give when a run ends that nothing follows: its last sample stands as long as its samples usually do.

    Windows are half-open, so without this the last sample would belong to no run. A tag that is only sampled
    when it changes (no `longest`) has no usual spacing.
    """
    times = np.concatenate(held)
    return int(times[-1]) + (int(np.median(np.diff(times))) if longest is not None and len(times) > 1 else 0)


def _label(number: float | None, text: str | None) -> str:
    if text:
        return text.strip()
    if number is None:
        return ""
    return str(int(number)) if float(number).is_integer() else repr(number)


def signals_of(connection: Connection, rule: FrameRule) -> dict[int, str]:
    """Give the tags of the unit that the conditions read, by tag id."""
    needed = frozenset[str]().union(*(c.signals for c in rule.phases.values()))
    return _tags(connection, rule.equipment, source=rule.source, signals=needed)


def _tags(
    connection: Connection, equipment: Identifier, *, source: str, signals: Container[str]
) -> dict[int, str]:
    """Give the tags that a source has for these signals of a unit, by tag id."""
    key = ("equipment", equipment.scheme, equipment.value)
    unit = find_names(connection, [key]).get(key)
    if unit is None or not signals:
        return {}
    found = tags_of_equipment(connection, unit.entity_id)
    own = {n.entity_id for n in names_of_entities(connection, "tag", found) if n.system == source}
    return {i: p for i, p in found.items() if p in signals and i in own}


@dataclass(frozen=True)
class Ground:
    """The samples that a run or a phase was found in: of which tag, over which time, by which condition."""

    tag_id: int
    condition: str
    start: datetime
    end: datetime


def list_grounds(
    connection: Connection, payload: str, *, system: str, phase: str | None = None
) -> list[Ground]:
    """Give what a stored run (or a phase of it) was found in; nothing for what is no such document.

    `system` is the source of the document, `<historian>.frames`.
    """
    try:
        told: dict[str, Any] = orjson.loads(payload)
        rule, (_, start, end) = told["rule"], told["run"]
        scheme, _, value = str(rule["equipment"]).partition("|")
        span = (parse_instant(start), parse_instant(end))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return []
    source = system.removesuffix(".frames")
    tag = ("tag", f"{source}:tag", rule["batch_tag"])
    name = find_names(connection, [tag]).get(tag)
    grounds = [Ground(name.entity_id, "holds the batch", *span)] if name else []
    condition = rule["phases"].get(phase) if phase else None
    if condition:
        unit = Identifier(scheme=scheme, value=value)
        signals = _tags(connection, unit, source=source, signals=Condition(condition).signals)
        grounds += [Ground(tag_id, condition, *span) for tag_id in sorted(signals)]
    return grounds


def find_phases(
    connection: Connection, rule: FrameRule, run: Run, *, signals: Mapping[int, str]
) -> Iterator[tuple[str, datetime, datetime]]:
    """Give the phases of a run: name, start and end of each stretch in which a condition holds."""
    if not signals or run.start == run.end:
        return
    before = last_samples(connection, signals, span=(run.start - REACH, run.start))
    table = read_samples(connection, signals, run.start, run.end)
    times, columns = align(table, signals, start=run.start, before=before)
    for name, condition in rule.phases.items():
        if condition.signals <= columns.keys():
            holds = np.broadcast_to(condition.holds(columns), times.shape)
            for start, end in _stretches(holds, times, run):
                if (end - start).total_seconds() >= rule.min_s:
                    yield name, start, end


def align(
    table: pa.Table, signals: Mapping[int, str], *, start: datetime, before: Mapping[int, Mapping[str, Any]]
) -> tuple[Column, dict[str, Column]]:
    """Give the start and every sample time after it, and one column a signal: what it stands at then.

    A signal stands at a good number until its next sample, whatever that is; from one that is not good, or
    no number, until the next one nothing is known of it (NaN). `before` has the last sample of each signal
    before the start, by tag, where there is one.
    """
    stamps, tags = table["ts"].cast(pa.int64()).to_numpy(), table["tag_id"].to_numpy()
    values = _good(table["value"].to_numpy(), table["quality"].to_numpy())
    times = np.unique(np.append(stamps, to_micros(start)))
    columns: dict[str, Column] = {}
    for tag_id, name in signals.items():
        mine = tags == tag_id
        last = before.get(tag_id, _NOTHING)
        stood = _good(np.asarray([last["value"]], np.float64), np.asarray([last["quality"]]))
        at = np.searchsorted(stamps[mine], times, side="right")
        columns[name] = np.concatenate((stood, values[mine]))[at]
    return times, columns


_NOTHING: Mapping[str, Any] = {"value": None, "quality": 0}


def _good(values: Column, quality: Column) -> Column:
    """Give the numbers whose quality is good, NaN in the place of all others."""
    return np.where((quality < _UNCERTAIN) & np.isfinite(values), values, np.nan)


def _stretches(holds: Column, times: Column, run: Run) -> Iterator[tuple[datetime, datetime]]:
    """Give the spans in which a condition holds: from its first row to the next row where it does not."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], holds.astype(np.int8), [0]))))
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        end = _moment(int(times[after])) if after < len(times) else run.end
        yield _moment(int(times[first])), end


def tell_run(rule: FrameRule, run: Run, phases: Sequence[tuple[str, datetime, datetime]]) -> Told:
    """Give the document of a run and its phases; its key ends with when the run begins."""
    key = f"{rule.equipment.value}|{run.batch}|{format_instant(run.start)}"
    batch = Identifier(scheme=rule.batch_scheme, value=run.batch)
    records = [
        SegmentResponse(
            key=key,
            batch=batch,
            level="unit_procedure",
            name=rule.name,
            equipment=rule.equipment,
            actual_start=run.start,
            actual_end=run.end,
            is_derived=True,
        )
    ]
    counts: dict[str, int] = {}
    for name, start, end in sorted(phases, key=lambda p: (p[1], p[0])):
        counts[name] = counts.get(name, 0) + 1
        records.append(
            SegmentResponse(
                key=f"{key}|{name}|{counts[name]}",
                batch=batch,
                parent=key,
                level="phase",
                name=name,
                occurrence=counts[name],
                equipment=rule.equipment,
                actual_start=start,
                actual_end=end,
                is_derived=True,
            )
        )
    payload = {
        "rule": describe_rule(rule),
        "run": [run.batch, format_instant(run.start), format_instant(run.end)],
        "phases": [[n, format_instant(a), format_instant(b)] for n, a, b in phases],
    }
    said: list[Said] = [state(f"{rule.source}.frames", r) for r in records]
    return _document(key, payload, said, at=run.end)


def describe_rule(rule: FrameRule) -> dict[str, Any]:
    """Give a rule as plain data."""
    return {
        "equipment": f"{rule.equipment.scheme}|{rule.equipment.value}",
        "batch_tag": rule.batch_tag,
        "batch_scheme": rule.batch_scheme,
        "name": rule.name,
        "gap_s": rule.gap_s,
        "min_s": rule.min_s,
        "phases": {n: c.text for n, c in rule.phases.items()},
    }


def _document(key: str, payload: Any, said: list[Said], *, at: datetime) -> Told:
    return Told(
        object_type=OBJECT_TYPE,
        source_key=key,
        payload=orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode(),
        media_type="application/json",
        version=0,
        source_time=at,
        said=said,
    )


def _moment(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros))
