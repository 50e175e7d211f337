"""Where sources disagree: every voice with its difference, the rule that chose, and what a person decided."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select, tuple_

from hub.model.comparison import essence_of
from hub.model.mastered import MASTERED
from hub.model.shape import Field, fields_of
from hub.store.answers.assertions import SAID, SAID_COLUMNS, describe_statements
from hub.store.answers.pages import CursorError
from hub.store.answers.readings import Document, read_rows
from hub.store.answers.rules import describe_rule
from hub.store.rules import find_rule, load_rules
from hub.store.tables import (
    ENTITY_TABLES,
    FACT_TABLES,
    assertion,
    identifier,
    source_system,
    value_decision,
)

State = Literal["open", "resolved", "all"]
Place = tuple[str, int, str]
"""Entity type, key of the thing, attribute."""

_PLACE = (assertion.c.entity_type, assertion.c.entity_id, assertion.c.attribute)
_CURRENT = assertion.c.superseded_at.is_(None)
_OPEN = and_(assertion.c.in_conflict, _CURRENT)
_SETTLED = and_(assertion.c.decision_id.is_not(None), ~assertion.c.is_winner, _CURRENT)


@dataclass(frozen=True)
class Wanted:
    """Which conflicts are asked for; `batch` and `product` are keys of things."""

    state: State = "open"
    entity_type: str | None = None
    attribute: str | None = None
    batch: int | None = None
    product: int | None = None


def list_conflicts(
    connection: Connection,
    wanted: Wanted | None = None,
    *,
    after: Sequence[Any] | None = None,
    limit: int = 100,
) -> tuple[list[Document], list[Any] | None]:
    """Give conflicts of all things by type, thing and attribute, and the key after which the next ones come.

    `after` is such a key. Raises `CursorError` when it is not.
    """
    wanted = wanted or Wanted()
    query = select(*_PLACE).where(*_conditions(wanted)).distinct().order_by(*_PLACE).limit(limit + 1)
    if after is not None:
        query = query.where(tuple_(*_PLACE) > tuple_(*_check_key(after)))
    found: list[Place] = [(row[0], row[1], row[2]) for row in connection.execute(query)]
    shown = found[:limit]
    things = _name_things(connection, shown)
    described = _describe(connection, shown)
    items = [
        {"entity_type": place[0], "entity": things.get(place[:2]), **described[place]} for place in shown
    ]
    return items, list(shown[-1]) if len(found) > limit else None


def list_conflicts_of(connection: Connection, entity_type: str, thing_id: int) -> list[Document]:
    """Give the conflicts of one thing by attribute, the open ones and the resolved."""
    query = select(*_PLACE).where(
        or_(_OPEN, _SETTLED), assertion.c.entity_type == entity_type, assertion.c.entity_id == thing_id
    )
    rows = connection.execute(query.distinct().order_by(*_PLACE))
    places: list[Place] = [(row[0], row[1], row[2]) for row in rows]
    described = _describe(connection, places)
    return [described[place] for place in places]


def read_conflict(connection: Connection, place: Place) -> Document | None:
    """Give one conflict with every decision there ever was about it; None when nobody says anything there."""
    described = _describe(connection, [place]).get(place)
    if described is None:
        return None
    entity_type, _, attribute = place
    field = _fields(entity_type)[attribute]
    decisions = [
        {**_decision(field, row), "state": row["state"], **{key: row[key] for key in _REVERSED}}
        for row in _decisions(connection, [place]).get(place, ())
    ]
    things = _name_things(connection, [place])
    return {
        "entity_type": entity_type,
        "entity": things.get(place[:2]),
        **described,
        "decisions": decisions,
    }


# ------------------------------------------------------------------------------------ which are asked for
def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [_in_state(wanted.state)]
    if wanted.entity_type is not None:
        found.append(assertion.c.entity_type == wanted.entity_type)
    if wanted.attribute is not None:
        found.append(assertion.c.attribute == wanted.attribute)
    if wanted.batch is not None:
        found.append(_around_batch(wanted.batch))
    if wanted.product is not None:
        found.append(_around("material_definition", wanted.product))
    return found


def _in_state(state: State) -> ColumnElement[bool]:
    other = assertion.alias("other")
    is_open = (
        select(other.c.id)
        .where(
            other.c.in_conflict,
            other.c.superseded_at.is_(None),
            other.c.entity_type == assertion.c.entity_type,
            other.c.entity_id == assertion.c.entity_id,
            other.c.attribute == assertion.c.attribute,
        )
        .exists()
    )
    conditions: dict[str, ColumnElement[bool]] = {
        "open": _OPEN,
        "resolved": and_(_SETTLED, ~is_open),
        "all": or_(_OPEN, _SETTLED),
    }
    return conditions[state]


def _around_batch(batch_id: int) -> ColumnElement[bool]:
    """Mean a batch, what it names, what names it, and the lots that were moved into and out of it."""
    batch = ENTITY_TABLES["batch"]
    named = [
        and_(
            assertion.c.entity_type == field.target,
            assertion.c.entity_id.in_(select(batch.c[f"{field.name}_id"]).where(batch.c.id == batch_id)),
        )
        for field in fields_of(MASTERED["batch"])
        if field.kind == "reference"
    ]
    move = FACT_TABLES["material_actual"].c
    moved = select(move.lot_id).where(move.batch_id == batch_id, move.lot_id.is_not(None))
    lots = and_(assertion.c.entity_type == "material_lot", assertion.c.entity_id.in_(moved))
    return or_(_around("batch", batch_id), lots, *named)


def _around(entity_type: str, thing_id: int) -> ColumnElement[bool]:
    """Mean a thing and the things that name it."""
    found: ColumnElement[bool] = or_(
        false(), and_(assertion.c.entity_type == entity_type, assertion.c.entity_id == thing_id)
    )
    for other, kind in MASTERED.items():
        table = ENTITY_TABLES[other]
        columns = [table.c[f"{f.name}_id"] for f in fields_of(kind) if f.target == entity_type]
        for column in columns:
            naming = select(table.c.id).where(column == thing_id)
            found = or_(found, and_(assertion.c.entity_type == other, assertion.c.entity_id.in_(naming)))
    return found


def _check_key(after: Sequence[Any]) -> Place:
    match after:
        case [str() as kind, int() as thing_id, str() as attribute] if -(2**63) <= thing_id < 2**63:
            return kind, thing_id, attribute
        case _:
            raise CursorError("the cursor is not one of ours; start again without it")


# -------------------------------------------------------------------------------------- what is said of each
def _fields(entity_type: str) -> dict[str, Field]:
    return {field.name: field for field in fields_of(MASTERED[entity_type])}


def _describe(connection: Connection, places: Sequence[Place]) -> dict[Place, Document]:
    if not places:
        return {}
    rules = load_rules(connection)
    said = _statements(connection, places)
    decided = _decisions(connection, places)
    found: dict[Place, Document] = {}
    for place, rows in said.items():
        entity_type, _, attribute = place
        field = _fields(entity_type)[attribute]
        rule = find_rule(rules, entity_type, attribute)
        state = _state(rows)
        standing = [row for row in decided.get(place, ()) if row["state"] == "standing"]
        effective = next((row["decision_id"] for row in rows if row["decision_id"]), None)
        found[place] = {
            "attribute": attribute,
            "state": state,
            "rule": describe_rule(rule) if rule else None,
            "decision": next((_decision(field, d) for d in standing if d["id"] == effective), None),
            "reopened": _reopened(field, rows, standing) if state == "open" else None,
            "statements": [_without_attribute(one) for one in describe_statements(field, rows)],
        }
    return found


def _state(rows: Sequence[Mapping[str, Any]]) -> str:
    if any(row["in_conflict"] for row in rows):
        return "open"
    is_settled = any(row["decision_id"] is not None and not row["is_winner"] for row in rows)
    return "resolved" if is_settled else "agreed"


def _without_attribute(said: Document) -> Document:
    return {key: value for key, value in said.items() if key not in ("attribute", "superseded_at")}


def _statements(connection: Connection, places: Sequence[Place]) -> dict[Place, list[dict[str, Any]]]:
    query = (
        select(assertion.c.entity_type, assertion.c.entity_id, *SAID_COLUMNS)
        .select_from(SAID)
        .where(tuple_(*_PLACE).in_(places), _CURRENT)
        .order_by(source_system.c.code, assertion.c.id)
    )
    found: dict[Place, list[dict[str, Any]]] = defaultdict(list)
    for row in read_rows(connection, query):
        found[row["entity_type"], row["entity_id"], row["attribute"]].append(row)
    return found


# ----------------------------------------------------------------------------------- what people decided
_REVERSED = ("reversed_by", "reversed_at", "reversed_reason")


def _decisions(connection: Connection, places: Sequence[Place]) -> dict[Place, list[dict[str, Any]]]:
    """Give every decision about these places, the newest first: a decision follows the name it is about."""
    columns = value_decision.c
    named = and_(identifier.c.id == columns.identifier_id, identifier.c.entity_type == columns.entity_type)
    query = (
        select(
            columns.entity_type,
            identifier.c.entity_id,
            columns.attribute,
            columns.id,
            source_system.c.code.label("counts"),
            columns.judged,
            columns.reason,
            columns.decided_by,
            columns.decided_at,
            columns.state,
            *(columns[name] for name in _REVERSED),
        )
        .select_from(
            value_decision.join(identifier, named).join(
                source_system, source_system.c.id == columns.source_system_id
            )
        )
        .where(tuple_(columns.entity_type, identifier.c.entity_id, columns.attribute).in_(places))
        .order_by(columns.decided_at.desc(), columns.id.desc())
    )
    found: dict[Place, list[dict[str, Any]]] = defaultdict(list)
    for row in read_rows(connection, query):
        found[row["entity_type"], row["entity_id"], row["attribute"]].append(row)
    return found


def _decision(field: Field, row: Mapping[str, Any]) -> Document:
    judged: dict[str, Any] = row["judged"]
    return {
        "id": row["id"],
        "counts": row["counts"],
        "decided_by": row["decided_by"],
        "decided_at": row["decided_at"],
        "reason": row["reason"],
        "judged": [{"source": code, "value": _spell(field, judged[code])} for code in sorted(judged)],
    }


def _reopened(
    field: Field, rows: Sequence[Mapping[str, Any]], standing: Iterable[Mapping[str, Any]]
) -> Document | None:
    """Give the newest decision that what is said now has overtaken, with what changed since."""
    newest = next(iter(standing), None)
    if newest is None:
        return None
    judged: dict[str, Any] = newest["judged"]
    says = {row["source"]: essence_of(field, row["value"]) for row in rows}
    changed = [
        {
            "source": code,
            "then": _spell(field, judged.get(code)),
            "now": _spell(field, says.get(code)),
        }
        for code in sorted(judged.keys() | says.keys())
        if judged.get(code) != says.get(code)
    ]
    return {**_decision(field, newest), "changed": changed}


def _spell(field: Field, essence: Any) -> Any:
    """Give what a value says with its parts named."""
    if essence is None:
        return None
    match field.kind:
        case "reference":
            return {"scheme": essence[0], "value": essence[1]}
        case "quantity":
            return {"value": essence[0], "unit": essence[1]}
        case _:
            return essence


def _name_things(connection: Connection, places: Iterable[Place]) -> dict[tuple[str, int], Document]:
    """Name things of several types: one query a type."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for kind, thing_id, _ in places:
        wanted[kind].add(thing_id)
    named: dict[tuple[str, int], Document] = {}
    for kind, ids in wanted.items():
        table = ENTITY_TABLES[kind]
        query = select(table.c.id, table.c.uid, table.c.code, table.c.description).where(
            table.c.id.in_(sorted(ids))
        )
        for row in connection.execute(query):
            named[kind, row.id] = {"uid": row.uid, "code": row.code, "description": row.description}
    return named
