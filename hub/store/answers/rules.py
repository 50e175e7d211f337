"""Precedence rules as documents: those in force, and every version there ever was."""

from sqlalchemy import Connection

from hub.store.answers.readings import Document
from hub.store.rules import Key, Rule, rule_versions


def list_rules(connection: Connection, *, history: bool = False) -> list[Document]:
    """Give the rules in force and to come, by type and attribute; with `history` every version."""
    versions = rule_versions(connection)
    newest = {r.key: r.version for r in versions}
    active = {r.key: r.version for r in versions if r.is_active}
    return [
        describe_rule(rule)
        for rule in versions
        if history or rule.is_active or newest[rule.key] == rule.version > active.get(rule.key, 0)
    ]


def read_rule(connection: Connection, key: Key) -> list[Document]:
    """Give every version of one rule, the newest first; none when there is no such rule."""
    return [describe_rule(rule) for rule in reversed(rule_versions(connection, key))]


def describe_rule(rule: Rule) -> Document:
    """Give a rule as a document; `is_in_force` tells whether golden values stand by this version."""
    return {
        **refer_to_rule(rule),
        "strategy": rule.strategy,
        "order": list(rule.order),
        "tolerance": {
            "relative": rule.tolerance.relative,
            "absolute": rule.tolerance.absolute,
            "unit": rule.tolerance.unit,
        },
        "effective_from": rule.effective_from,
        "is_in_force": rule.is_active,
        "origin": rule.origin,
        "approved_by": rule.approved_by,
        "reason": rule.reason,
        "recorded_at": rule.recorded_at,
    }


def refer_to_rule(rule: Rule) -> Document:
    """Give which version of which rule it is."""
    return {"entity_type": rule.entity_type, "attribute": rule.attribute, "version": rule.version}
