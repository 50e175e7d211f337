"""Precedence rules: versioned rows that say whose word counts for an attribute."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from hub.store.tables import precedence_rule


@dataclass(frozen=True)
class Rule:
    """Whose word counts for one attribute: strategy, order of source kinds, tolerance."""

    entity_type: str
    attribute: str
    strategy: str
    order: tuple[str, ...]
    tolerance: float = 0.0
    version: int = 1


def load_rules(connection: Connection) -> dict[tuple[str, str], Rule]:
    """Give the active rules by (entity type, attribute)."""
    columns = precedence_rule.c
    rows = connection.execute(
        select(
            columns.entity_type,
            columns.attribute,
            columns.strategy,
            columns.source_order,
            columns.tolerance,
            columns.version,
        ).where(columns.is_active)
    )
    return {
        (r.entity_type, r.attribute): Rule(
            r.entity_type, r.attribute, r.strategy, tuple(r.source_order), r.tolerance or 0.0, r.version
        )
        for r in rows
    }


def add_missing_rules(connection: Connection, rules: Iterable[Rule], *, by: str, now: datetime) -> None:
    """Store rules for attributes that have none yet."""
    known = load_rules(connection)
    rows = [
        {
            "entity_type": r.entity_type,
            "attribute": r.attribute,
            "strategy": r.strategy,
            "source_order": list(r.order),
            "tolerance": r.tolerance,
            "version": r.version,
            "is_active": True,
            "approved_by": by,
            "recorded_at": now,
        }
        for r in rules
        if (r.entity_type, r.attribute) not in known
    ]
    if rows:
        connection.execute(insert(precedence_rule), rows)
