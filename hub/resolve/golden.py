"""Golden values: what each source says of a thing now, whose word counts, and what changed because of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from hub.model import parse_instant
from hub.model.mastered import MASTERED
from hub.model.shape import Field, fields_of
from hub.model.unit import canonical_amount
from hub.resolve.precedence import EXECUTION, Choice, Voice, choose, meaning_of, rule_for
from hub.store.database import Connection
from hub.store.decisions import Decision, standing_decisions
from hub.store.entities import (
    Assertion,
    add_assertions,
    load_assertions,
    load_entities,
    supersede,
    update_assertions,
    update_entities,
)
from hub.store.identifiers import Name, Wanted, find_names, names_of_entities
from hub.store.mentions import mentioned
from hub.store.pending import Statement, statements_of_names
from hub.store.rules import load_rules
from hub.store.systems import System, list_systems

Place = tuple[int, str]
"""A thing and one of its attributes."""
Changes = dict[int, frozenset[str]]
"""The things whose golden rows changed, and in which columns."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What one system says of an attribute: the statement, the value to be kept, the name it is if any."""

    statement: Statement
    value: Any
    name: Name | None


Saids = dict[Place, dict[int, _Said]]


@dataclass(frozen=True)
class _Known:
    """What there is to know of some things: golden rows, names, statements by name."""

    rows: dict[int, dict[str, Any]]
    names: dict[int, list[Name]]
    by_name: dict[int, list[Statement]]


def restate(connection: Connection, entity_type: str, ids: Iterable[int], *, now: datetime) -> Changes:
    """Bring assertions and golden rows of these things in line with what is stated; give what changed."""
    known = _gather(connection, entity_type, sorted(set(ids)))
    systems = list_systems(connection)
    said = _what_is_said(connection, entity_type, known)
    choices = _choose_all(connection, entity_type, said=said, known=known, systems=systems)
    _settle_assertions(connection, entity_type, ids=known.rows, said=said, choices=choices, now=now)
    return _settle_rows(connection, entity_type, known=known, choices=choices, systems=systems)


def _gather(connection: Connection, entity_type: str, ids: Sequence[int]) -> _Known:
    rows = load_entities(connection, entity_type, ids)
    names: dict[int, list[Name]] = defaultdict(list)
    for name in names_of_entities(connection, entity_type, ids):
        names[name.entity_id].append(name)
    by_name: dict[int, list[Statement]] = defaultdict(list)
    for statement in statements_of_names(connection, [n.id for some in names.values() for n in some]):
        by_name[statement.identifier_id or 0].append(statement)
    return _Known(rows, names, by_name)


@cache
def _fields(entity_type: str) -> dict[str, Field]:
    return {f.name: f for f in fields_of(MASTERED[entity_type])}


# ------------------------------------------------------------------------------------ what is said
def _what_is_said(connection: Connection, entity_type: str, known: _Known) -> Saids:
    """Give per thing, attribute and system what it says last; later versions win attribute by attribute."""
    fields = _fields(entity_type)
    found = find_names(connection, _references(fields, known.by_name))
    latest: dict[Place, dict[int, Statement]] = defaultdict(dict)
    for entity_id, some in known.names.items():
        for statement in (s for n in some for s in known.by_name.get(n.id, ())):
            for name in fields.keys() & statement.body.keys():
                if not _is_known(fields[name], statement.body[name], found):
                    continue
                by_system = latest[entity_id, name]
                before = by_system.get(statement.system_id)
                if before is None or _order(statement) > _order(before):
                    by_system[statement.system_id] = statement
    return {
        place: {i: _say(fields[place[1]], s, found) for i, s in by_system.items()}
        for place, by_system in latest.items()
    }


def _references(fields: dict[str, Field], by_name: dict[int, list[Statement]]) -> set[Wanted]:
    references = [f for f in fields.values() if f.kind == "reference"]
    return {
        (field.target or "", stated["scheme"], stated["value"])
        for some in by_name.values()
        for statement in some
        for field in references
        if (stated := statement.body.get(field.name))
    }


def _is_known(field: Field, stated: Any, found: dict[Wanted, Name]) -> bool:
    """Tell whether a value can be taken up: a name not known yet comes when its statement has its turn."""
    return field.kind != "reference" or (field.target or "", stated["scheme"], stated["value"]) in found


def _order(statement: Statement) -> tuple[int, str, str, str]:
    return (*statement.rank, statement.record_key)


def _say(field: Field, statement: Statement, found: dict[Wanted, Name]) -> _Said:
    stated = statement.body[field.name]
    if field.kind != "reference":
        return _Said(statement, stated, None)
    name = found[field.target or "", stated["scheme"], stated["value"]]
    return _Said(statement, {"scheme": name.scheme, "value": name.value, "label": name.label}, name)


# ----------------------------------------------------------------------------------- whose word counts
def _choose_all(
    connection: Connection,
    entity_type: str,
    *,
    said: Saids,
    known: _Known,
    systems: dict[int, System],
) -> dict[Place, Choice]:
    """Let the rules, and what people have decided, choose among the voices of each thing and attribute."""
    rules = load_rules(connection)
    decisions = _decisions(connection, known.names)
    fields = _fields(entity_type)
    by_attribute = {name: rule_for(rules, entity_type, name) for name in fields}
    return {
        place: choose(
            by_attribute[place[1]],
            fields[place[1]],
            [_voice(fields[place[1]], systems[i], one) for i, one in some.items()],
            decisions.get(place, ()),
        )
        for place, some in said.items()
    }


def _voice(field: Field, system: System, said: _Said) -> Voice:
    meaning = meaning_of(field, said.value, said.name.entity_id if said.name else None)
    return Voice(system.id, system.kind, system.code, said.value, meaning, said.statement.source_time)


def _decisions(connection: Connection, names: Mapping[int, list[Name]]) -> dict[Place, list[Decision]]:
    """Give the standing decisions of people about each thing and attribute."""
    things = {n.id: entity_id for entity_id, some in names.items() for n in some}
    found: dict[Place, list[Decision]] = defaultdict(list)
    for decision in standing_decisions(connection, things):
        found[things[decision.name_id], decision.attribute].append(decision)
    return found


# -------------------------------------------------------------------------------------- writing it down
def _settle_assertions(
    connection: Connection,
    entity_type: str,
    *,
    ids: Iterable[int],
    said: Saids,
    choices: dict[Place, Choice],
    now: datetime,
) -> None:
    """Write what is newly said, close what is no longer said, and note how each stands among the others."""
    standing = {
        (a.entity_id, a.attribute, a.system_id): a for a in load_assertions(connection, entity_type, ids)
    }
    new: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    kept: set[tuple[int, str, int]] = set()
    for place in sorted(said):
        choice = choices[place]
        for system_id, one in sorted(said[place].items()):
            key = (*place, system_id)
            before = standing.get(key)
            told = _told(one, choice, system_id)
            if before is not None and (before.value, before.value_name_id) == (
                one.value,
                one.name.id if one.name else None,
            ):
                kept.add(key)
                if _told_before(before) != told:
                    moved.append({"id": before.id, **told})
                continue
            new.append(
                {
                    "entity_type": entity_type,
                    "entity_id": place[0],
                    "attribute": place[1],
                    "source_system_id": system_id,
                    "value": one.value,
                    "value_identifier_id": one.name.id if one.name else None,
                    "recorded_at": now,
                    **told,
                }
            )
    supersede(connection, [a.id for key, a in standing.items() if key not in kept], now=now)
    update_assertions(connection, moved)
    add_assertions(connection, new)


def _told(said: _Said, choice: Choice, system_id: int) -> dict[str, Any]:
    """Give what may change about an assertion whose value stands: what says it last, and how it stands."""
    wins = system_id in choice.winners
    return {
        "source_record_id": said.statement.record_id,
        "source_time": said.statement.source_time,
        "is_winner": wins,
        "in_conflict": system_id in choice.clashes,
        "decision_id": choice.decision_id if wins or system_id in choice.settled else None,
    }


def _told_before(a: Assertion) -> dict[str, Any]:
    return {
        "source_record_id": a.record_id,
        "source_time": a.source_time,
        "is_winner": a.is_winner,
        "in_conflict": a.in_conflict,
        "decision_id": a.decision_id,
    }


def _settle_rows(
    connection: Connection,
    entity_type: str,
    *,
    known: _Known,
    choices: dict[Place, Choice],
    systems: dict[int, System],
) -> Changes:
    alive = mentioned(connection, [n.id for some in known.names.values() for n in some])
    kinds = {s.code: s.kind for s in systems.values()}
    fields = _fields(entity_type).values()
    changed: list[tuple[int, dict[str, Any]]] = []
    changes: Changes = {}
    for entity_id, some in known.names.items():
        chosen = {f.name: c for f in fields if (c := choices.get((entity_id, f.name)))}
        used = [n for n in some if n.id in alive]
        golden = _golden(fields, chosen)
        golden["lifecycle"] = _lifecycle(used, known.by_name)
        golden["code"] = _code(used or some, known.by_name, kinds)
        golden["has_conflict"] = any(c.clashes for c in chosen.values())
        golden["merged_into_id"] = None
        before = known.rows[entity_id]
        differing = frozenset(k for k, v in golden.items() if before[k] != v)
        if differing:
            changes[entity_id] = differing
            golden["version"] = before["version"] + 1
            changed.append((entity_id, golden))
    update_entities(connection, entity_type, changed)
    return changes


def _golden(fields: Iterable[Field], chosen: dict[str, Choice]) -> dict[str, Any]:
    golden: dict[str, Any] = {}
    for field in fields:
        choice = chosen.get(field.name)
        value = choice.value if choice else None
        match field.kind:
            case "reference":
                golden[f"{field.name}_id"] = choice.meaning if choice else None
            case "quantity":
                amount, unit = canonical_amount(value["value"], value.get("unit")) if value else (None, None)
                golden[field.name], golden[f"{field.name}_unit"] = amount, unit
                told: dict[str, Any] = value or {}
                golden[f"{field.name}_text"] = told.get("text")
                golden[f"{field.name}_source_unit"] = told.get("source_unit")
            case "choice":
                golden[field.name], golden[f"{field.name}_text"] = field.split(value)
            case "instant":
                golden[field.name] = parse_instant(value) if value else None
            case _:
                golden[field.name] = value
    return golden


def _lifecycle(used: Sequence[Name], by_name: dict[int, list[Statement]]) -> str:
    """Say how a thing stands: stated, only referred to, or neither any more."""
    if any(by_name.get(n.id) for n in used):
        return "active"
    return "stub" if used else "retracted"


def _code(names: Sequence[Name], by_name: dict[int, list[Statement]], kinds: dict[str, str]) -> str:
    """Give what people call it: the current name of the first system in execution order that states it."""

    def rank(name: Name) -> tuple[bool, bool, int, str, str]:
        kind = kinds.get(name.system, "")
        place = EXECUTION.index(kind) if kind in EXECUTION else len(EXECUTION)
        return not name.is_active, not by_name.get(name.id), place, name.scheme, name.value

    return min(names, key=rank).label
