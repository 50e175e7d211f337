"""Rules as people give them: checked against what they are about, kept as versions, applied at once."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from hub.model.mastered import MASTERED
from hub.model.shape import Field, fields_of
from hub.model.unit import UnknownUnitError, find_unit
from hub.resolve.precedence import COUNTING, range_of
from hub.resolve.resolution import enforce_rules
from hub.store.database import Connection
from hub.store.rules import Key, Rule, append_rules, newest_rules
from hub.store.systems import KINDS, list_systems

_FOR_ALL = ("system", "latest", "earliest")
_MEASURED = frozenset({"quantity", "number", "integer"})


class RuleError(ValueError):
    """A rule cannot be kept: the message says which part of it, and what may stand there."""


class NothingToRule(RuleError):
    """There are no such things, or they have no such attribute; the message lists what there is."""


def set_rules(
    connection: Connection,
    rules: Sequence[Rule],
    *,
    now: datetime,
    expected: Collection[str] = (),
) -> list[Rule]:
    """Keep rules as new versions, and let golden values follow those whose time has come; give them as kept.

    A rule that says what its newest version says already stays that version. Start and end of a time range
    follow one rule where either is `widest`. `expected` are codes of sources that will be known. Raises
    `RuleError`; then nothing is kept.
    """
    newest = newest_rules(connection)
    wanted = _check_all(connection, rules, newest=newest, expected=expected)
    append_rules(connection, [r for r in wanted.values() if _differs(r, newest.get(r.key))], now=now)
    enforce_rules(connection, now=now)
    kept = newest_rules(connection)
    return [kept[key] for key in wanted]


def take_up_rules(
    connection: Connection, rules: Sequence[Rule], *, now: datetime, expected: Collection[str] = ()
) -> list[Rule]:
    """Take up the rules of a project's settings that say something else than when last taken up; give those.

    What a person has set since then stands until the settings change. Raises `RuleError`.
    """
    before = newest_rules(connection, origin="project")
    wanted = _check_all(connection, rules, newest=newest_rules(connection), expected=expected)
    changed = [replace(r, origin="project") for r in wanted.values() if _differs(r, before.get(r.key))]
    if changed:
        append_rules(connection, changed, now=now)
        enforce_rules(connection, now=now)
    return changed


def _check_all(
    connection: Connection,
    rules: Sequence[Rule],
    *,
    newest: Mapping[Key, Rule],
    expected: Collection[str],
) -> dict[Key, Rule]:
    """Give rules by what they are about, the other end of a range among them. Raises `RuleError`."""
    codes = {s.code for s in list_systems(connection).values()} | set(expected)
    for rule in rules:
        try:
            check_rule(rule, codes)
        except RuleError as error:
            if len(rules) == 1:
                raise
            raise RuleError(f"{rule.entity_type}/{rule.attribute}: {error}") from error
    wanted = {rule.key: rule for rule in rules}
    if len(wanted) < len(rules):
        raise RuleError("attribute: one of them has two rules; keep one")
    for rule in rules:
        for end in _both_ends(rule, newest):
            other = wanted.setdefault(end.key, end)
            if "widest" in (rule.strategy, other.strategy) and rule.strategy != other.strategy:
                raise RuleError(
                    f"strategy: {rule.attribute} and {other.attribute} are one range under `widest`; "
                    "give both the same strategy"
                )
    return wanted


def _differs(rule: Rule, before: Rule | None) -> bool:
    if before is None or rule.content != before.content:
        return True
    return rule.effective_from is not None and rule.effective_from != before.effective_from


def _both_ends(rule: Rule, newest: Mapping[Key, Rule]) -> list[Rule]:
    """Give the rule for both ends of its range where it is, or the other end was, ruled as one range."""
    span = range_of(rule.entity_type, rule.attribute)
    if span is None:
        return [rule]
    ends = [(rule.entity_type, name) for name in span]
    if rule.strategy != "widest" and not any(newest[e].strategy == "widest" for e in ends if e in newest):
        return [rule]
    return [replace(rule, attribute=name) for _, name in ends]


# --------------------------------------------------------------------------------------------- checks
def check_rule(rule: Rule, codes: Collection[str]) -> None:
    """Refuse a rule that nothing could follow. Raises `RuleError`."""
    field = _find_field(rule)
    _check_strategy(rule, field)
    _check_order(rule, codes)
    _check_tolerance(rule, field)


def _find_field(rule: Rule) -> Field | None:
    """Give the field that a rule is about; None when it is about several."""
    if rule.key == COUNTING:
        return Field("quantity", "quantity")
    if rule.entity_type == "*" and rule.attribute == "*":
        return None
    kind = MASTERED.get(rule.entity_type)
    if kind is None:
        raise NothingToRule(
            f"entity_type: one of {', '.join(MASTERED)} is wanted; of facts there is "
            f"one rule, {'/'.join(COUNTING)}, and */* is the rule of all that have none"
        )
    fields = {f.name: f for f in fields_of(kind)}
    if rule.attribute != "*" and rule.attribute not in fields:
        raise NothingToRule(f"attribute: {rule.entity_type} has {', '.join(fields)}, or * for all of them")
    return fields.get(rule.attribute)


def _check_strategy(rule: Rule, field: Field | None) -> None:
    if rule.key == COUNTING:
        allowed: list[str] = ["system"]
    else:
        allowed = list(_FOR_ALL)
        if range_of(rule.entity_type, rule.attribute):
            allowed.append("widest")
        if field is not None and may_unite(field):
            allowed.append("union")
    if rule.strategy not in allowed:
        what = f"{rule.entity_type}/{rule.attribute}"
        raise RuleError(f"strategy: {what} takes {', '.join(allowed)} only")


def may_unite(field: Field) -> bool:
    """Tell whether what sources say of a field can be united as a set: free text, not a value of a list."""
    return field.kind == "text" and not field.values


def _check_order(rule: Rule, codes: Collection[str]) -> None:
    if rule.strategy == "system" and not rule.order:
        raise RuleError("order: name at least one kind of source (MES, ERP, …) or code of a source")
    for place, name in enumerate(rule.order, 1):
        if rule.order.count(name) > 1:
            raise RuleError(f"order, entry {place}: it is named twice")
        if name not in KINDS and name not in codes:
            raise RuleError(
                f"order, entry {place}: it is no kind of source ({', '.join(KINDS)}) and no code of one "
                f"({', '.join(sorted(codes)) or 'none is known yet'})"
            )


def _check_tolerance(rule: Rule, field: Field | None) -> None:
    given = rule.tolerance
    for name, value in (("relative", given.relative), ("absolute", given.absolute)):
        if not math.isfinite(value) or value < 0:
            raise RuleError(f"tolerance.{name}: a finite number from 0 on is wanted")
    if given.unit is not None and not given.absolute:
        raise RuleError("tolerance.unit: it is the unit of `absolute`, which is not given")
    if not given.relative and not given.absolute:
        return
    kind = field.kind if field else ""
    if kind not in _MEASURED | {"instant"}:
        raise RuleError("tolerance: only amounts, numbers and times have one")
    if kind == "instant" and given.relative:
        raise RuleError("tolerance.relative: a time has no size; give `absolute` in seconds")
    _check_unit(given.unit, kind)


def _check_unit(unit: str | None, kind: str) -> None:
    if unit is None:
        return
    if kind not in {"quantity", "instant"}:
        raise RuleError("tolerance.unit: numbers have no unit; leave it out")
    try:
        found = find_unit(unit)
    except UnknownUnitError as error:
        raise RuleError("tolerance.unit: it is not known; /v1/units lists all") from error
    if kind == "instant" and found.dimension != "time":
        raise RuleError("tolerance.unit: times differ by seconds, minutes, hours or days (s, min, h, d)")
