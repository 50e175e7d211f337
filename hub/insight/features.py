"""Features: figures of a batch that a site declares (tag, phase, statistic), computed from its samples."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np

from hub.insight.course import Course
from hub.insight.courses import load_courses, to_micros
from hub.insight.selection import names_of
from hub.insight.statistics import STATISTICS, Spans, compute
from hub.resolve.conditions import Condition
from hub.resolve.context import Context, Reached, cut_holds
from hub.store.answers.tag_kinds import TagKind
from hub.store.coverage import Span, join_spans
from hub.store.database import Connection

_Micros = list[tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A declared figure.

    `tag` is a tag's code, uid or the property it measures; `phase` the name of executed segments (None: all
    of the batch's time where the tag applies), `occurrence` the how-manieth of them (None: all as one).
    `where` narrows the time to that in which a condition on signals of the same unit holds, each signal
    standing at its last value; `state` is what `duration_in_state` counts.
    """

    name: str
    tag: str
    statistic: str
    phase: str | None = None
    occurrence: int | None = None
    where: Condition | None = None
    state: float | str | None = None
    max_gap: timedelta | None = None
    without_holds: bool = False
    description: str | None = None

    def describe(self) -> dict[str, Any]:
        """Give the declaration as plain data, without what says nothing."""
        given: dict[str, Any] = {
            "tag": self.tag,
            "statistic": self.statistic,
            "phase": self.phase,
            "occurrence": self.occurrence,
            "where": self.where.text if self.where else None,
            "state": self.state,
            "max_gap_s": self.max_gap.total_seconds() if self.max_gap else None,
            "without_holds": self.without_holds or None,
            "description": self.description,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Figure:
    """What came of a feature for a batch: a value, or the reason why there is none; `spans` it is of."""

    feature: Feature
    value: float | None
    unit: str | None
    reason: str | None
    tag: str | None = None
    spans: tuple[Span, ...] = ()


def compute_features(
    connection: Connection, context: Context, *, batch_id: int, features: Sequence[Feature]
) -> list[Figure]:
    """Give each feature of a batch; what cannot be told says why."""
    return _Batch(connection, context, batch_id=batch_id, features=features).figures()


class _Batch:
    """One batch: its tags and where they apply, each read once."""

    def __init__(
        self, connection: Connection, context: Context, *, batch_id: int, features: Sequence[Feature]
    ) -> None:
        self.features = features
        self.context = context
        self.reached: dict[int, list[Reached]] = {}
        for place, some in context.reached.items():
            mine = [one for one in some if one.executed.batch == batch_id]
            if mine:
                self.reached[place] = mine
        self.kinds = [kind for kind in context.kinds.values() if kind.equipment_id in self.reached]
        self.courses = self._load(connection)

    def figures(self) -> list[Figure]:
        return [self._figure(feature) for feature in self.features]

    def _load(self, connection: Connection) -> dict[int, Course]:
        """Read the tags that features speak of, those of one equipment together."""
        wanted = {feature.tag for feature in self.features}
        wanted |= {signal for feature in self.features if feature.where for signal in feature.where.signals}
        by_place: dict[int, list[TagKind]] = {}
        for kind in self.kinds:
            if kind.equipment_id is not None and wanted & set(names_of(kind)):
                by_place.setdefault(kind.equipment_id, []).append(kind)
        courses: dict[int, Course] = {}
        gaps = any(feature.max_gap is not None for feature in self.features)
        for place, kinds in by_place.items():
            spans = join_spans(span for one in self.reached[place] for span in one.spans)
            courses.update(load_courses(connection, kinds, spans, for_gaps=gaps))
        return courses

    def _figure(self, feature: Feature) -> Figure:
        found = [(kind, spans) for kind in self._tags(feature.tag) if (spans := self._spans(feature, kind))]
        if not found:
            return Figure(feature, None, None, self._why_not(feature))
        if len(found) > 1:
            codes = ", ".join(sorted(kind.code for kind, _ in found))
            return Figure(feature, None, None, f"{len(found)} tags answer ({codes}); declare one by its code")
        [(kind, (spans, is_open))] = found
        unit = STATISTICS[feature.statistic].unit
        unit = kind.unit if unit == "same" else unit
        about: Any = {"tag": kind.code, "spans": tuple(spans)}
        if is_open:
            return Figure(feature, None, unit, "the time that it is about has not ended yet", **about)
        micros = [(to_micros(start), to_micros(end)) for start, end in spans]
        if feature.where is not None:
            signals = {name: self._signal(name, kind) for name in feature.where.signals}
            if missing := sorted(name for name, course in signals.items() if course is None):
                reason = f"no signal {', '.join(missing)} on {kind.code}'s equipment"
                return Figure(feature, None, unit, reason, **about)
            known = {name: course for name, course in signals.items() if course is not None}
            micros = narrow(micros, feature.where, known)
        value = self._value(feature, kind, micros)
        reason = None if value is not None else "no good sample tells it"
        return Figure(feature, value, unit, reason, **about)

    def _value(self, feature: Feature, kind: TagKind, micros: _Micros) -> float | None:
        course = self.courses[kind.tag_id]
        if feature.max_gap is not None:
            course = replace(course, max_gap=feature.max_gap // timedelta(microseconds=1))
        starts = np.asarray([start for start, _ in micros], dtype=np.int64)
        ends = np.asarray([end for _, end in micros], dtype=np.int64)
        spans = Spans(starts, ends, np.zeros(len(micros), dtype=np.int64), 1)
        value = float(compute(course, spans, [feature.statistic], state=feature.state)[feature.statistic][0])
        return value if np.isfinite(value) else None

    def _tags(self, name: str) -> list[TagKind]:
        return [kind for kind in self.kinds if name in names_of(kind)]

    def _signal(self, name: str, kind: TagKind) -> Course | None:
        """Give the signal of a condition: on the tag's own equipment, else the only one of the batch."""
        named = self._tags(name)
        near = [one for one in named if one.equipment_id == kind.equipment_id] or named
        return self.courses.get(near[0].tag_id) if len(near) == 1 else None

    def _spans(self, feature: Feature, kind: TagKind) -> tuple[list[Span], bool] | None:
        """Give the time a feature is about where the tag applies, and whether it still goes on."""
        meant = [
            one
            for one in self.reached.get(kind.equipment_id or 0, ())
            if feature.phase in (None, one.executed.name)
            and feature.occurrence in (None, one.executed.occurrence)
        ]
        if not meant:
            return None
        cut = [
            span
            for one in meant
            for span in (cut_holds(self.context, one) if feature.without_holds else one.spans)
        ]
        return join_spans(cut), any(one.executed.is_open for one in meant)

    def _why_not(self, feature: Feature) -> str:
        if not self._tags(feature.tag):
            return f"no unit of the batch has a tag {feature.tag}"
        return f"the batch had no {feature.phase or 'run'} where {feature.tag} is measured"


def narrow(spans: Iterable[tuple[int, int]], condition: Condition, signals: Mapping[str, Course]) -> _Micros:
    """Give the parts of spans (µs) in which a condition holds; each signal stands at its last sample.

    It is looked at whenever one of the signals has a sample, and where a span begins.
    """
    found: _Micros = []
    for start, end in spans:
        inside = [
            c.times[np.searchsorted(c.times, start) : np.searchsorted(c.times, end)] for c in signals.values()
        ]
        times = np.unique(np.concatenate([np.asarray([start]), *inside]))
        holds = condition.holds({name: course.at(times, stepped=True) for name, course in signals.items()})
        padded = np.concatenate(([False], np.broadcast_to(holds, times.shape), [False])).astype(np.int8)
        edges = np.flatnonzero(np.diff(padded))
        stops = np.append(times, end)
        found += [(int(times[a]), int(stops[b])) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return found
