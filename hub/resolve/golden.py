"""Golden values: what each source says of a thing now, whose word counts, and what changed because of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.model import format_instant, parse_instant
from hub.model.mastered import MASTERED
from hub.model.shape import Field, fields_of
from hub.model.unit import canonical_amount
from hub.resolve.precedence import EXECUTION, Choice, Voice, choose, meaning_of, rule_for
from hub.store.database import Connection
from hub.store.entities import (
    Assertion,
    add_assertions,
    append_audit,
    load_assertions,
    load_entities,
    mark_assertions,
    renew_assertions,
    supersede,
    update_entities,
)
from hub.store.identifiers import Name, Wanted, find_names, names_by_id, names_of_entities
from hub.store.mentions import mentioned
from hub.store.pending import Statement, statements_of_names
from hub.store.rules import load_rules
from hub.store.systems import System, list_systems

ACTOR = "hub.resolve"


@dataclass(frozen=True)
class _Said:
    statement: Statement
    value: Any
    name_id: int | None


def restate(connection: Connection, entity_type: str, ids: Iterable[int], *, now: datetime) -> set[int]:
    """Bring assertions and golden rows of these things in line with what is stated; give what changed."""
    wanted = sorted(set(ids))
    rows = load_entities(connection, entity_type, wanted)
    names: dict[int, list[Name]] = defaultdict(list)
    for name in names_of_entities(connection, entity_type, wanted):
        names[name.entity_id].append(name)
    statements = statements_of_names(connection, [n.id for some in names.values() for n in some])
    by_name: dict[int, list[Statement]] = defaultdict(list)
    for statement in statements:
        by_name[statement.identifier_id or 0].append(statement)
    said = _what_is_said(connection, entity_type, names=names, by_name=by_name)
    current = _settle_assertions(connection, entity_type, ids=wanted, said=said, now=now)
    return _settle_rows(
        connection, entity_type, rows=rows, names=names, by_name=by_name, current=current, now=now
    )


def _what_is_said(
    connection: Connection,
    entity_type: str,
    *,
    names: dict[int, list[Name]],
    by_name: dict[int, list[Statement]],
) -> dict[tuple[int, str, int], _Said]:
    """Give per thing, attribute and system what it says last; later versions win attribute by attribute."""
    fields = {f.name: f for f in fields_of(MASTERED[entity_type])}
    found = find_names(connection, _references(fields, by_name))
    said: dict[tuple[int, str, int], Statement] = {}
    for entity_id, some in names.items():
        for statement in (s for n in some for s in by_name.get(n.id, ())):
            for name in fields.keys() & statement.body.keys():
                if not _is_known(fields[name], statement.body[name], found):
                    continue
                key = (entity_id, name, statement.system_id)
                before = said.get(key)
                if before is None or _order(statement) > _order(before):
                    said[key] = statement
    return {key: _Said(s, *_value(fields[key[1]], s.body[key[1]], found)) for key, s in said.items()}


def _references(fields: dict[str, Field], by_name: dict[int, list[Statement]]) -> set[Wanted]:
    return {
        (field.target or "", stated["scheme"], stated["value"])
        for some in by_name.values()
        for statement in some
        for field in fields.values()
        if field.kind == "reference" and (stated := statement.body.get(field.name))
    }


def _is_known(field: Field, stated: Any, found: dict[Wanted, Name]) -> bool:
    """Tell whether a value can be taken up: a name not known yet comes when its statement has its turn."""
    return field.kind != "reference" or (field.target or "", stated["scheme"], stated["value"]) in found


def _order(statement: Statement) -> tuple[int, str, str, str]:
    return (*statement.rank, statement.record_key)


def _value(field: Field, stated: Any, found: dict[Wanted, Name]) -> tuple[Any, int | None]:
    if field.kind == "reference":
        name = found[field.target or "", stated["scheme"], stated["value"]]
        return {"scheme": name.scheme, "value": name.value, "label": name.label}, name.id
    return stated, None


def _settle_assertions(
    connection: Connection,
    entity_type: str,
    *,
    ids: Sequence[int],
    said: dict[tuple[int, str, int], _Said],
    now: datetime,
) -> list[Assertion]:
    standing = {
        (a.entity_id, a.attribute, a.system_id): a for a in load_assertions(connection, entity_type, ids)
    }
    same = {
        key
        for key, a in standing.items()
        if key in said and (a.value, a.value_name_id) == (said[key].value, said[key].name_id)
    }
    supersede(connection, [a.id for key, a in standing.items() if key not in same], now=now)
    renewed = [
        (standing[key].id, said[key].statement.record_id, said[key].statement.source_time)
        for key in same
        if (standing[key].record_id, standing[key].source_time)
        != (said[key].statement.record_id, said[key].statement.source_time)
    ]
    renew_assertions(connection, renewed)
    add_assertions(
        connection,
        [
            {
                "entity_type": entity_type,
                "entity_id": entity_id,
                "attribute": attribute,
                "source_system_id": system_id,
                "source_record_id": one.statement.record_id,
                "value": one.value,
                "value_identifier_id": one.name_id,
                "source_time": one.statement.source_time,
                "recorded_at": now,
                "is_winner": False,
                "in_conflict": False,
            }
            for (entity_id, attribute, system_id), one in sorted(said.items())
            if (entity_id, attribute, system_id) not in same
        ],
    )
    if len(same) == len(said) == len(standing) and not renewed:
        return list(standing.values())
    return load_assertions(connection, entity_type, ids)


def _settle_rows(
    connection: Connection,
    entity_type: str,
    *,
    rows: dict[int, dict[str, Any]],
    names: dict[int, list[Name]],
    by_name: dict[int, list[Statement]],
    current: Sequence[Assertion],
    now: datetime,
) -> set[int]:
    choices = _choose_all(connection, entity_type, current)
    _mark(connection, current, choices)
    systems = list_systems(connection)
    alive = mentioned(connection, [n.id for some in names.values() for n in some])
    changed: list[tuple[int, dict[str, Any]]] = []
    events: list[dict[str, Any]] = []
    for entity_id, some in names.items():
        golden = _golden(
            entity_type,
            {f: choices[entity_id, f] for f in _attributes(entity_type) if (entity_id, f) in choices},
        )
        used = [n for n in some if n.id in alive]
        golden["lifecycle"] = _lifecycle(used, by_name)
        golden["code"] = _code(used or some, by_name, systems)
        golden["has_conflict"] = any(
            choices[entity_id, f].clashes for f in _attributes(entity_type) if (entity_id, f) in choices
        )
        golden["merged_into_id"] = None
        before = rows[entity_id]
        differs = {k: v for k, v in golden.items() if before[k] != v}
        if not differs:
            continue
        golden["version"] = before["version"] + 1
        changed.append((entity_id, golden))
        events.append(_event(before, golden, differs))
    update_entities(connection, entity_type, changed)
    append_audit(connection, entity_type, events, actor=ACTOR, now=now)
    return {entity_id for entity_id, _ in changed}


def _attributes(entity_type: str) -> list[str]:
    return [f.name for f in fields_of(MASTERED[entity_type])]


def _choose_all(
    connection: Connection, entity_type: str, current: Sequence[Assertion]
) -> dict[tuple[int, str], Choice]:
    rules = load_rules(connection)
    systems = list_systems(connection)
    fields = {f.name: f for f in fields_of(MASTERED[entity_type])}
    meant = names_by_id(connection, [a.value_name_id for a in current if a.value_name_id])
    voices: dict[tuple[int, str], list[Voice]] = defaultdict(list)
    for a in current:
        entity_id = meant[a.value_name_id].entity_id if a.value_name_id else None
        system = systems[a.system_id]
        voices[a.entity_id, a.attribute].append(
            Voice(
                a.system_id,
                system.kind,
                system.code,
                a.value,
                meaning_of(fields[a.attribute], a.value, entity_id),
                a.source_time,
            )
        )
    return {
        (entity_id, attribute): choose(rule_for(rules, entity_type, attribute), fields[attribute], some)
        for (entity_id, attribute), some in voices.items()
    }


def _mark(
    connection: Connection, current: Sequence[Assertion], choices: dict[tuple[int, str], Choice]
) -> None:
    marks: list[tuple[int, bool, bool]] = []
    for a in current:
        choice = choices[a.entity_id, a.attribute]
        wins, clashes = a.system_id == choice.winner.system_id, a.system_id in choice.clashes
        if (wins, clashes) != (a.is_winner, a.in_conflict):
            marks.append((a.id, wins, clashes))
    mark_assertions(connection, marks)


def _golden(entity_type: str, choices: dict[str, Choice]) -> dict[str, Any]:
    golden: dict[str, Any] = {}
    for field in fields_of(MASTERED[entity_type]):
        choice = choices.get(field.name)
        value = choice.winner.value if choice else None
        match field.kind:
            case "reference":
                golden[f"{field.name}_id"] = choice.winner.meaning if choice else None
            case "quantity":
                amount, unit = canonical_amount(value["value"], value.get("unit")) if value else (None, None)
                golden[field.name], golden[f"{field.name}_unit"] = amount, unit
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


def _code(names: Sequence[Name], by_name: dict[int, list[Statement]], systems: dict[int, System]) -> str:
    """Give what people call it: the name of the first system in execution order that states it."""
    kinds = {s.code: s.kind for s in systems.values()}

    def rank(name: Name) -> tuple[bool, int, str, str]:
        kind = kinds.get(name.system, "")
        place = EXECUTION.index(kind) if kind in EXECUTION else len(EXECUTION)
        return not by_name.get(name.id), place, name.scheme, name.value

    return min(names, key=rank).label


def _event(before: dict[str, Any], golden: dict[str, Any], differs: dict[str, Any]) -> dict[str, Any]:
    changed = {k: {"from": _plain(before[k]), "to": _plain(v)} for k, v in differs.items()}
    return {
        "entity_id": before["id"],
        "version": golden["version"],
        "action": "create" if before["version"] == 0 else "update",
        "reason": None,
        "changed": changed,
        "image": {k: _plain(v) for k, v in golden.items()},
    }


def _plain(value: Any) -> Any:
    return format_instant(value) if isinstance(value, datetime) else value
