"""Whose word counts: the default rules (MODEL §2.3) and the choice they make, as pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.model import convert, parse_instant
from hub.model.shape import Field
from hub.store.rules import Rule

EXECUTION = ("MES", "DCS", "HISTORIAN", "ERP", "LIMS", "QMS")
PLANNING = ("ERP", "MES", "DCS", "LIMS", "QMS", "HISTORIAN")
QUALITY = ("LIMS", "QMS", "ERP", "MES")
STOCK = ("ERP", "MES", "LIMS", "DCS")
CLOCK_SKEW_S = 900.0

_DEFAULT = Rule("*", "*", "system", EXECUTION)
DEFAULT_RULES: tuple[Rule, ...] = (
    Rule("batch", "actual_start", "system", EXECUTION, CLOCK_SKEW_S),
    Rule("batch", "actual_end", "system", EXECUTION, CLOCK_SKEW_S),
    Rule("batch", "status", "system", EXECUTION),
    Rule("batch", "recipe", "system", EXECUTION),
    Rule("batch", "equipment", "system", EXECUTION),
    Rule("batch", "output_lot", "system", EXECUTION),
    Rule("batch", "planned_start", "system", PLANNING),
    Rule("batch", "planned_end", "system", PLANNING),
    Rule("batch", "planned_size", "system", PLANNING, 0.005),
    Rule("batch", "operations_request", "system", PLANNING),
    Rule("batch", "product", "system", PLANNING),
    Rule("batch", "actual_size", "system", STOCK, 0.005),
    Rule("material_lot", "disposition", "system", QUALITY),
    Rule("material_lot", "released_at", "system", QUALITY),
    Rule("material_lot", "expires_at", "earliest", ("ERP", "LIMS", "MES")),
    Rule("material_lot", "quantity", "system", STOCK, 0.005),
    Rule("material_lot", "material", "system", STOCK),
    Rule("material_definition", "description", "system", PLANNING),
    Rule("material_definition", "base_unit", "system", PLANNING),
    Rule("operations_request", "*", "system", PLANNING),
    Rule("test_specification", "*", "system", QUALITY),
    Rule("quality_event", "*", "system", ("QMS", "LIMS", "MES", "ERP")),
    Rule("*", "*", "system", EXECUTION),
)
"""MODEL §2.3 as data: execution facts from MES, plans and stock from ERP, quality from LIMS."""


@dataclass(frozen=True)
class Voice:
    """What one source says of one attribute: its kind and code order it among others."""

    system_id: int
    kind: str
    code: str
    value: Any
    meaning: Any
    source_time: datetime | None


@dataclass(frozen=True)
class Choice:
    """The voice that counts, and the voices that contradict it beyond tolerance."""

    winner: Voice
    clashes: frozenset[int]


def rule_for(rules: dict[tuple[str, str], Rule], entity_type: str, attribute: str) -> Rule:
    """Give the rule of an attribute, of its type, or of everything."""
    return (
        rules.get((entity_type, attribute))
        or rules.get((entity_type, "*"))
        or rules.get(("*", "*"))
        or _DEFAULT
    )


def choose(rule: Rule, field: Field, voices: Sequence[Voice]) -> Choice:
    """Choose the voice that counts. The same voices give the same choice in whatever order they came."""
    ordered = sorted(voices, key=lambda v: (_rank(rule, v.kind), v.code, v.system_id))
    if rule.strategy in ("earliest", "latest") and field.kind == "instant":
        ordered.sort(key=lambda v: v.meaning, reverse=rule.strategy == "latest")
    elif rule.strategy == "latest":
        ordered.sort(key=lambda v: v.source_time.timestamp() if v.source_time else 0.0, reverse=True)
    winner = ordered[0]
    clashes = frozenset(
        v.system_id
        for v in ordered[1:]
        if not _agrees(field, winner.meaning, v.meaning, tolerance=rule.tolerance)
    )
    return Choice(winner, clashes)


def _rank(rule: Rule, kind: str) -> int:
    return rule.order.index(kind) if kind in rule.order else len(rule.order)


def _agrees(field: Field, one: Any, other: Any, *, tolerance: float) -> bool:
    """Tell whether two values mean the same: amounts after conversion, times within seconds, else equal."""
    if one is None or other is None or one == other:
        return True
    if field.kind == "quantity":
        try:
            converted = (
                convert(other["value"], other["unit"], one["unit"]) if one.get("unit") else other["value"]
            )
        except (ValueError, AttributeError, KeyError):
            return False
        return abs(converted - one["value"]) <= tolerance * max(abs(one["value"]), 1e-12)
    if field.kind == "instant":
        return abs((one - other).total_seconds()) <= tolerance
    if field.kind == "number":
        return abs(one - other) <= tolerance * max(abs(one), 1e-12)
    return False


def meaning_of(field: Field, value: Any, entity_id: int | None) -> Any:
    """Give the comparable meaning of a stated value: an instant, an amount, the thing a name means."""
    if field.kind == "instant":
        return parse_instant(value)
    if field.kind == "reference":
        return entity_id
    return value
