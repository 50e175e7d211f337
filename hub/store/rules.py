"""Precedence rules: versioned rows that say whose word counts for an attribute; no version is removed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, insert, select, update

from hub.store.tables import precedence_rule

Key = tuple[str, str]
"""Entity type and attribute; `*` stands for all that have no rule of their own."""


@dataclass(frozen=True)
class Tolerance:
    """How far two values may lie apart and still agree: a part of the one that counts, or an amount.

    The amount is in `unit`, or in the unit of the value that counts; for times it is seconds.
    """

    relative: float = 0.0
    absolute: float = 0.0
    unit: str | None = None


@dataclass(frozen=True)
class Rule:
    """Whose word counts for one attribute: strategy, order of source kinds and codes, tolerance.

    `origin` says where a version came from: `hub` (the defaults), `project` (its settings), `person`.
    """

    entity_type: str
    attribute: str
    strategy: str
    order: tuple[str, ...] = ()
    tolerance: Tolerance = Tolerance()
    version: int = 1
    effective_from: datetime | None = None
    approved_by: str = ""
    reason: str | None = None
    origin: str = "hub"
    is_active: bool = True
    recorded_at: datetime | None = None
    id: int = 0

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.entity_type, self.attribute

    @property
    def content(self) -> tuple[Any, ...]:
        """What it says, whoever approved it and when."""
        return self.strategy, self.order, self.tolerance

    @property
    def label(self) -> str:
        """Its name and version, as reasons of changes give it."""
        return f"{self.entity_type}/{self.attribute} version {self.version}"


_COLUMNS = precedence_rule.c
_QUERY = select(precedence_rule)
_ACTIVE = _QUERY.where(_COLUMNS.is_active)


def load_rules(connection: Connection) -> dict[Key, Rule]:
    """Give the rules by which the golden values stand now."""
    return {r.key: r for r in _read(connection, _ACTIVE)}


def find_rule(rules: Mapping[Key, Rule], entity_type: str, attribute: str) -> Rule | None:
    """Give the rule of an attribute, of its type, or of everything."""
    return rules.get((entity_type, attribute)) or rules.get((entity_type, "*")) or rules.get(("*", "*"))


def newest_rules(connection: Connection, origin: str | None = None) -> dict[Key, Rule]:
    """Give the newest version of each rule, in force or not yet; with `origin` the newest that came so."""
    query = _QUERY if origin is None else _QUERY.where(_COLUMNS.origin == origin)
    return {r.key: r for r in _read(connection, query.order_by(_COLUMNS.version))}


def rule_versions(connection: Connection, key: Key | None = None) -> list[Rule]:
    """Give all versions of one rule, or of all, the oldest first."""
    query = _QUERY.order_by(_COLUMNS.entity_type, _COLUMNS.attribute, _COLUMNS.version)
    if key is not None:
        query = query.where(_COLUMNS.entity_type == key[0], _COLUMNS.attribute == key[1])
    return _read(connection, query)


def due_rules(connection: Connection, now: datetime) -> list[Rule]:
    """Give the versions that ought to be in force at `now` and are not: the highest one that has begun."""
    return _read(connection, _due(), {"now": now})


@cache
def _due() -> Select[*tuple[Any, ...]]:
    newest = (
        select(_COLUMNS.entity_type, _COLUMNS.attribute, func.max(_COLUMNS.version).label("version"))
        .where(_COLUMNS.effective_from <= bindparam("now", type_=_COLUMNS.effective_from.type))
        .group_by(_COLUMNS.entity_type, _COLUMNS.attribute)
        .subquery()
    )
    return (
        _QUERY.join(
            newest,
            (_COLUMNS.entity_type == newest.c.entity_type)
            & (_COLUMNS.attribute == newest.c.attribute)
            & (_COLUMNS.version == newest.c.version),
        )
        .where(~_COLUMNS.is_active)
        .order_by(_COLUMNS.entity_type, _COLUMNS.attribute)
    )


def append_rules(connection: Connection, rules: Sequence[Rule], *, now: datetime) -> list[Rule]:
    """Append versions, numbered after the newest of each rule and not in force yet; give them as stored."""
    newest = newest_rules(connection)
    stored: list[Rule] = []
    for rule in rules:
        before = newest.get(rule.key)
        numbered = replace(
            rule,
            version=before.version + 1 if before else 1,
            effective_from=rule.effective_from or now,
            is_active=False,
            recorded_at=now,
        )
        new = insert(precedence_rule).values(_row(numbered)).returning(_COLUMNS.id)
        stored.append(replace(numbered, id=int(connection.scalar(new) or 0)))
    return stored


def put_in_force(connection: Connection, rule: Rule) -> None:
    """Let golden values stand by this version from now on, and by no other of the same rule."""
    same = (_COLUMNS.entity_type == rule.entity_type) & (_COLUMNS.attribute == rule.attribute)
    connection.execute(
        update(precedence_rule)
        .where(same, _COLUMNS.is_active, _COLUMNS.id != rule.id)
        .values(is_active=False)
    )
    connection.execute(update(precedence_rule).where(_COLUMNS.id == rule.id).values(is_active=True))


def add_missing_rules(connection: Connection, rules: Iterable[Rule], *, by: str, now: datetime) -> None:
    """Store rules for attributes that have none yet, in force at once."""
    known = newest_rules(connection)
    rows = [
        _row(replace(r, approved_by=by, effective_from=now, recorded_at=now, is_active=True))
        for r in rules
        if r.key not in known
    ]
    if rows:
        connection.execute(insert(precedence_rule), rows)


def _row(rule: Rule) -> dict[str, Any]:
    return {
        "entity_type": rule.entity_type,
        "attribute": rule.attribute,
        "strategy": rule.strategy,
        "source_order": list(rule.order),
        "tolerance_relative": rule.tolerance.relative or None,
        "tolerance_absolute": rule.tolerance.absolute or None,
        "tolerance_unit": rule.tolerance.unit,
        "version": rule.version,
        "is_active": rule.is_active,
        "origin": rule.origin,
        "effective_from": rule.effective_from,
        "approved_by": rule.approved_by,
        "reason": rule.reason,
        "recorded_at": rule.recorded_at,
    }


def _read(connection: Connection, query: Any, given: Mapping[str, Any] | None = None) -> list[Rule]:
    return [_rule(row) for row in connection.execute(query, given).mappings()]


def _rule(row: RowMapping) -> Rule:
    return Rule(
        entity_type=row["entity_type"],
        attribute=row["attribute"],
        strategy=row["strategy"],
        order=tuple(row["source_order"]),
        tolerance=Tolerance(
            row["tolerance_relative"] or 0.0, row["tolerance_absolute"] or 0.0, row["tolerance_unit"]
        ),
        version=row["version"],
        effective_from=row["effective_from"],
        approved_by=row["approved_by"],
        reason=row["reason"],
        origin=row["origin"],
        is_active=row["is_active"],
        recorded_at=row["recorded_at"],
        id=row["id"],
    )
