"""Whose word counts: the default rules (MODEL §2.3) and the choice they make, as pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.model import convert
from hub.model.comparison import comparable, difference_of, essence_of
from hub.model.mastered import MASTERED
from hub.model.shape import Field
from hub.store.decisions import Decision
from hub.store.rules import Key, Rule, Tolerance, find_rule

EXECUTION = ("MES", "DCS", "HISTORIAN", "ERP", "LIMS", "QMS")
PLANNING = ("ERP", "MES", "DCS", "LIMS", "QMS", "HISTORIAN")
QUALITY = ("LIMS", "QMS", "ERP", "MES")
STOCK = ("ERP", "MES", "LIMS", "DCS")
CLOCK_SKEW = Tolerance(absolute=900.0, unit="s")
HALF_PERCENT = Tolerance(relative=0.005)
COUNTING: Key = ("material_actual", "quantity")
"""The rule by which sightings of one movement are compared, and of whose rows count."""

_DEFAULT = Rule("*", "*", "system", EXECUTION)
DEFAULT_RULES: tuple[Rule, ...] = (
    Rule("batch", "actual_start", "system", EXECUTION, CLOCK_SKEW),
    Rule("batch", "actual_end", "system", EXECUTION, CLOCK_SKEW),
    Rule("batch", "status", "system", EXECUTION),
    Rule("batch", "recipe", "system", EXECUTION),
    Rule("batch", "equipment", "system", EXECUTION),
    Rule("batch", "output_lot", "system", EXECUTION),
    Rule("batch", "planned_start", "system", PLANNING),
    Rule("batch", "planned_end", "system", PLANNING),
    Rule("batch", "planned_size", "system", PLANNING, HALF_PERCENT),
    Rule("batch", "operations_request", "system", PLANNING),
    Rule("batch", "product", "system", PLANNING),
    Rule("batch", "actual_size", "system", STOCK, HALF_PERCENT),
    Rule("material_lot", "disposition", "system", QUALITY),
    Rule("material_lot", "released_at", "system", QUALITY),
    Rule("material_lot", "expires_at", "earliest", ("ERP", "LIMS", "MES")),
    Rule("material_lot", "quantity", "system", STOCK, HALF_PERCENT),
    Rule("material_lot", "material", "system", STOCK),
    Rule("material_definition", "description", "system", PLANNING),
    Rule("material_definition", "base_unit", "system", PLANNING),
    Rule("operations_request", "*", "system", PLANNING),
    Rule("test_specification", "*", "system", QUALITY),
    Rule("quality_event", "*", "system", ("QMS", "LIMS", "MES", "ERP")),
    Rule(*COUNTING, "system", EXECUTION, HALF_PERCENT),
    Rule("*", "*", "system", EXECUTION),
)
"""MODEL §2.3 as data: execution facts from MES, plans and stock from ERP, quality from LIMS."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What one source says of one attribute: its kind and code order it among others."""

    system_id: int
    kind: str
    code: str
    value: Any
    meaning: Any
    source_time: datetime | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What counts and whose word it is; whose word contradicts it, and by which decision that is settled.

    `meaning` is None where several voices were united. `settled` are the sources that contradict what
    counts, but were heard by the person who took the decision.
    """

    winners: frozenset[int]
    value: Any
    meaning: Any
    clashes: frozenset[int] = frozenset()
    settled: frozenset[int] = frozenset()
    decision_id: int | None = None


def rule_for(rules: Mapping[Key, Rule], entity_type: str, attribute: str) -> Rule:
    """Give the rule of an attribute, of its type, or of everything; without any, execution order."""
    return find_rule(rules, entity_type, attribute) or _DEFAULT


def range_of(entity_type: str, attribute: str) -> tuple[str, str] | None:
    """Give start and end of the time range that an attribute bounds, or None when it bounds none."""
    kind = MASTERED.get(entity_type)
    return next((span for span in kind.spans if attribute in span), None) if kind else None


def choose(  # noqa: PLR0917 - read as a sentence: by this rule, of this field, among these voices
    rule: Rule, field: Field, voices: Sequence[Voice], decisions: Sequence[Decision] = ()
) -> Choice:
    """Choose what counts. The same voices give the same choice in whatever order they came.

    A person's decision goes before the rule: the newest one that judged just what is said now.
    """
    if len(voices) == 1 and rule.strategy != "union" and not decisions:
        (one,) = voices
        return Choice(frozenset((one.system_id,)), one.value, one.meaning)
    decision = next((d for d in _newest_first(decisions) if _stands(d, field, voices)), None)
    if decision is None and rule.strategy == "union":
        return _unite(voices)
    winner = _first(rule, field, voices)
    if decision is not None:
        winner = next(v for v in voices if v.system_id == decision.system_id)
    others = frozenset(
        v.system_id
        for v in voices
        if v is not winner and not agrees(field, winner.meaning, v.meaning, tolerance=rule.tolerance)
    )
    judged = frozenset(v.system_id for v in voices if decision and v.code in decision.judged)
    return Choice(
        frozenset((winner.system_id,)),
        winner.value,
        winner.meaning,
        others - judged,
        others & judged,
        decision.id if decision else None,
    )


def _newest_first(decisions: Iterable[Decision]) -> list[Decision]:
    return sorted(decisions, key=lambda d: (d.decided_at, d.id), reverse=True)


def _stands(decision: Decision, field: Field, voices: Sequence[Voice]) -> bool:
    """Tell whether each source that was heard still says what it said then, and the chosen one is there."""
    said = {v.code: essence_of(field, v.value) for v in voices}
    return all(code in said and said[code] == value for code, value in decision.judged.items()) and any(
        v.system_id == decision.system_id for v in voices
    )


def _first(rule: Rule, field: Field, voices: Sequence[Voice]) -> Voice:
    """Give the voice that the rule puts first; order of sources settles what it leaves equal."""
    ordered = sorted(voices, key=lambda v: (rank(rule, v.kind, v.code), v.code, v.system_id))
    match _direction(rule, field):
        case "earliest" if field.kind == "instant":
            return min(ordered, key=lambda v: v.meaning)
        case "latest" if field.kind == "instant":
            return max(ordered, key=lambda v: v.meaning)
        case "earliest":
            return min(ordered, key=lambda v: (v.source_time is None, _seconds(v.source_time)))
        case "latest":
            return max(ordered, key=lambda v: (v.source_time is not None, _seconds(v.source_time)))
        case _:
            return ordered[0]


def _direction(rule: Rule, field: Field) -> str:
    """Give the strategy; the widest range starts with the earliest start and ends with the latest end."""
    if rule.strategy != "widest":
        return rule.strategy
    span = range_of(rule.entity_type, field.name)
    if span is None:
        return "system"
    return "earliest" if field.name == span[0] else "latest"


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def rank(rule: Rule, kind: str, code: str) -> int:
    """Give the place of a source in a rule's order: of its code, else of its kind; others come last."""
    for name in (code, kind):
        if name in rule.order:
            return rule.order.index(name)
    return len(rule.order)


def _unite(voices: Sequence[Voice]) -> Choice:
    """Give all that is said as one set of texts; nobody is contradicted.

    A text is a set already where it holds semicolons. The set is kept sorted, parted by semicolons.
    """
    said = {part.strip() for v in voices for part in str(v.value).split(";")} - {""}
    value = "; ".join(sorted(said, key=lambda text: (text.casefold(), text)))
    return Choice(frozenset(v.system_id for v in voices), value or voices[0].value, None)


def agrees(field: Field, one: Any, other: Any, *, tolerance: Tolerance) -> bool:
    """Tell whether two meanings are the same: amounts after conversion, times within seconds, else equal."""
    if one is None or other is None or one == other:
        return True
    difference = difference_of(field, one, other)
    if difference is None:
        return False
    apart, unit = abs(difference[0]), difference[1]
    whole = 0.0 if field.kind == "instant" else abs(one["value"] if field.kind == "quantity" else one)
    return apart <= max(tolerance.relative * whole, _absolute(tolerance, unit)) + _ROUNDING * max(
        whole, apart
    )


_ROUNDING = 1e-12
"""What arithmetic of doubles may add to a difference; no tolerance is meant that exactly."""


def _absolute(tolerance: Tolerance, unit: str | None) -> float:
    """Give the amount of a tolerance in a unit; one of another dimension allows nothing."""
    if not tolerance.absolute or not tolerance.unit or unit is None or tolerance.unit == unit:
        return tolerance.absolute
    try:
        # a span of degrees is no temperature: its factor counts, not where the scale begins
        return abs(convert(tolerance.absolute, tolerance.unit, unit) - convert(0.0, tolerance.unit, unit))
    except ValueError:
        return 0.0


def meaning_of(field: Field, value: Any, entity_id: int | None) -> Any:
    """Give the comparable meaning of a stated value: an instant, an amount, the thing a name means."""
    return entity_id if field.kind == "reference" else comparable(field, value)
