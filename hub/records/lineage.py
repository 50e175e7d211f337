"""Where a value comes from: whose word counts and why, who says what in which record, under which names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hub.model.enums import CONSUMED, PRODUCED
from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import Field, fields_of
from hub.resolve.frames import list_grounds
from hub.resolve.precedence import COUNTING, rule_for
from hub.store.answers import lineage, things
from hub.store.answers.tags import describe_span
from hub.store.database import Connection
from hub.store.rules import Rule, load_rules

Document = dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """What is looked for in a record: a type, the keys it may have, a field ("" for all of it), its value."""

    record_type: str
    keys: Sequence[str]
    field: str
    value: Any


Locate = Callable[[Document, Statement], list[Document]]
"""Gives the places at which a statement stands in a record; none where nobody knows."""

GENEALOGY = "lot_genealogy"
WHOLE = "record"
"""In the place of an attribute: all of a fact."""
CODE = "code"
_OWN = {"segment_response": ("duration_s",), "material_actual": ("count_state",)}
_COUNTED = frozenset({"quantity", "count_state", WHOLE})
_RUN = frozenset({"actual_start", "actual_end", "duration_s", WHOLE})


@dataclass(frozen=True)
class Sought:
    """What is asked for: a type, the name of a thing or fact of it, an attribute."""

    kind: str
    name: str
    attribute: str


class Unknown(LookupError):
    """There is no such type, or nothing of it has this attribute; the message lists what there is."""


@dataclass(frozen=True)
class Looking:
    """How to look: through which connection, whether at what was before, and what tells of places."""

    connection: Connection
    history: bool = False
    locate: Locate | None = None


def trace(looking: Looking, sought: Sought) -> Document:
    """Give the chain of a value. Raises `Unknown`, and what `find_thing` raises."""
    if sought.kind in MASTERED:
        return _trace_thing(looking, sought)
    if sought.kind in OBSERVED:
        return _trace_fact(looking, sought)
    if sought.kind == GENEALOGY:
        return _trace_edge(looking, sought)
    known = ", ".join(sorted([*MASTERED, *OBSERVED, GENEALOGY]))
    raise Unknown(f"There is no such type; there are {known}.")


def address_of(kind: str, name: str, attribute: str) -> str:
    """Give the address of a chain below `/lineage` and `/v1/lineage`."""
    return f"{kind}/{quote(name, safe='')}/{quote(attribute, safe='')}"


# ------------------------------------------------------------------------------------- mastered things
def _trace_thing(looking: Looking, sought: Sought) -> Document:
    field = _field_of(sought, fields_of(MASTERED[sought.kind]), (CODE,))
    connection = looking.connection
    found = things.find_thing(connection, sought.kind, sought.name)
    thing = things.read_thing(connection, sought.kind, found.id)
    identity = lineage.list_identity(connection, sought.kind, found.id, history=looking.history)
    said = (
        lineage.list_said(
            connection, sought.kind, found.id, attribute=sought.attribute, history=looking.history
        )
        if field
        else []
    )
    records = lineage.records_by_id(connection, {one["source_record_id"] for one in said})
    names = [f"{name['scheme']}|{name['value']}" for name in identity["names"]]
    return {
        "of": {
            "type": sought.kind,
            "attribute": sought.attribute,
            "uid": thing["uid"],
            "code": thing["code"],
            "source": None,
            "key": None,
        },
        "value": thing[sought.attribute],
        "as_written": thing.get(f"{sought.attribute}_text"),
        "decided_by": _decider(connection, sought, said),
        "statements": [
            _statement(looking, one, records, kind=sought.kind, names=names, field=sought.attribute)
            for one in said
        ],
        "identity": identity,
        "refers_to": _referred(looking, field, [one["value_identifier_id"] for one in said]),
        "made_of": [],
        "history": _states(looking, sought, found.id) if looking.history else None,
    }


def _field_of(sought: Sought, fields: Iterable[Field], more: Sequence[str]) -> Field | None:
    """Give the field that is asked for; None for what has no field. Raises `Unknown`."""
    known = {field.name: field for field in fields}
    if sought.attribute in known or sought.attribute in more:
        return known.get(sought.attribute)
    listed = ", ".join([*known, *more])
    raise Unknown(f"A {sought.kind} has no such attribute; it has {listed}.")


def _decider(connection: Connection, sought: Sought, said: Sequence[Document]) -> Document:
    """Say why a golden value counts: by a person's decision, else by the rule in force."""
    if sought.attribute == CODE:
        return _decided("names", "the name that the first system in the order of execution gives it")
    chosen = next((one["decision_id"] for one in said if one["is_winner"] and one["decision_id"]), None)
    decision = lineage.read_decision(connection, chosen) if chosen else None
    if decision is not None:
        return _decided("person", decision["reason"], decision=decision)
    if not any(one["is_winner"] for one in said):
        return _decided("nobody", "no source states it")
    rule = rule_for(load_rules(connection), sought.kind, sought.attribute)
    return _decided("rule", _describe_rule(rule), rule=_rule(rule))


def _decided(
    how: str, detail: str, *, rule: Document | None = None, decision: Document | None = None
) -> Document:
    return {"how": how, "detail": detail, "rule": rule, "decision": decision}


def _describe_rule(rule: Rule) -> str:
    order = f", in the order {', '.join(rule.order)}" if rule.order else ""
    return f"{rule.label}: {rule.strategy}{order}"


def _rule(rule: Rule) -> Document:
    return {
        "entity_type": rule.entity_type,
        "attribute": rule.attribute,
        "version": rule.version,
        "strategy": rule.strategy,
        "source_order": list(rule.order),
        "tolerance": {
            "relative": rule.tolerance.relative,
            "absolute": rule.tolerance.absolute,
            "unit": rule.tolerance.unit,
        },
        "origin": rule.origin,
        "approved_by": rule.approved_by,
        "reason": rule.reason,
        "effective_from": rule.effective_from,
        "recorded_at": rule.recorded_at,
    }


# ------------------------------------------------------------------------------------------------ facts
def _trace_fact(looking: Looking, sought: Sought) -> Document:
    own = (*_OWN.get(sought.kind, ()), "same_as", WHOLE)
    field = _field_of(sought, fields_of(OBSERVED[sought.kind]), own)
    connection = looking.connection
    source, _, key = sought.name.partition("/")
    fact_id = lineage.find_fact(connection, sought.kind, source=source, key=key)
    if fact_id is None:
        raise Unknown(
            f"No source states a {sought.kind} of this name; write `<source>/<key>`, as the members `source` "
            "and `key` of its list have them."
        )
    fact = lineage.read_fact(connection, sought.kind, fact_id)
    row = lineage.read_fact_row(connection, sought.kind, fact_id)
    records = lineage.records_by_id(connection, [row["source_record_id"]])
    name_ids = [row[f"{field.name}_identifier_id"]] if field and field.kind == "reference" else []
    statement: Document = {
        "source": source,
        "source_kind": lineage.kind_of(connection, source),
        "value": None if sought.attribute in own and sought.attribute != WHOLE else _shown(fact, sought),
        "is_winner": True,
        "in_conflict": False,
        "source_record_id": row["source_record_id"],
        "source_time": records[row["source_record_id"]]["source_time"],
        "recorded_at": row["recorded_at"],
        "superseded_at": None,
    }
    at = "" if field is None else field.name
    return {
        "of": {
            "type": sought.kind,
            "attribute": sought.attribute,
            "uid": None,
            "code": None,
            "source": source,
            "key": key,
        },
        "value": _shown(fact, sought),
        "as_written": fact.get(f"{sought.attribute}_text"),
        "decided_by": _decider_of_fact(connection, sought, fact),
        "statements": [_statement(looking, statement, records, kind=sought.kind, names=[key], field=at)],
        "identity": None,
        "refers_to": _referred(looking, field, name_ids),
        "made_of": _parts(connection, sought, row=row, record=records[row["source_record_id"]]),
        "history": _states(looking, sought, fact_id) if looking.history else None,
    }


def _shown(fact: Document, sought: Sought) -> Any:
    return fact if sought.attribute == WHOLE else fact[sought.attribute]


def _decider_of_fact(connection: Connection, sought: Sought, fact: Document) -> Document:
    if sought.attribute == "duration_s":
        return _decided("hub", "the time from start to end")
    if sought.attribute in ("same_as", "count_state"):
        rule = rule_for(load_rules(connection), *COUNTING) if sought.kind == COUNTING[0] else None
        detail = "sightings of several systems are compared, and one of them counts"
        return _decided("hub", detail, rule=_rule(rule) if rule else None)
    if fact["is_retracted"]:
        return _decided("source", "its source has taken it back")
    if fact.get("is_derived"):
        return _decided("hub", "found in signals by a rule of the site, and kept like a source's statement")
    return _decided("source", "one system saw it: what it states in its newest version")


def _parts(connection: Connection, sought: Sought, *, row: Document, record: Document) -> list[Document]:
    """Give what a fact, or this field of it, was made of or counted with: other facts, and samples."""
    parts = [
        _part("sighting", sought.kind, fact)
        for fact in lineage.list_sightings(connection, sought.kind, row)
        if sought.attribute in ("same_as", "count_state", *_RUN, *_COUNTED)
    ]
    if sought.kind == "material_actual" and sought.attribute in _COUNTED:
        seen = {(part["source"], part["key"]) for part in parts}
        for fact in lineage.list_counted_with(connection, row):
            if (fact["source"], fact["key"]) not in seen:
                parts.append(_part("counted_with", sought.kind, fact))  # noqa: PERF401 - skips what is there
    if row.get("is_derived") and sought.attribute in _RUN:
        phase = row["name"] if row["level"] == "phase" else None
        grounds = list_grounds(connection, record["payload"], system=record["source"], phase=phase)
        parts += [
            _samples(connection, ground.tag_id, start=ground.start, end=ground.end, said=ground.condition)
            for ground in grounds
        ]
    return parts


def _part(what: str, record_type: str, fact: Document) -> Document:
    quantity = fact.get("quantity")
    return {
        "what": what,
        "record_type": record_type,
        "source": fact["source"],
        "key": fact["key"],
        "source_record": fact["source_record"],
        "value": quantity if record_type == "material_actual" else None,
        "detail": fact.get("count_state") or fact.get("use") or fact.get("name"),
        "lineage": address_of(record_type, f"{fact['source']}/{fact['key']}", WHOLE),
        "samples": None,
    }


def _samples(connection: Connection, tag_id: int, *, start: Any, end: Any, said: str) -> Document:
    span = describe_span(connection, tag_id, start, end)
    return {
        "what": "samples",
        "record_type": None,
        "source": None,
        "key": None,
        "source_record": None,
        "value": None,
        "detail": said,
        "lineage": None,
        "samples": span,
    }


# ------------------------------------------------------------------------------------------- genealogy
def _trace_edge(looking: Looking, sought: Sought) -> Document:
    if sought.attribute not in ("quantity", WHOLE):
        raise Unknown(f"An edge of the genealogy has quantity and {WHOLE}.")
    connection = looking.connection
    one, _, other = sought.name.partition("/")
    lots = [things.find_thing(connection, "material_lot", name) for name in (one, other)]
    edges = lineage.list_edges(connection, lots[0].id, lots[1].id)
    if not edges:
        raise Unknown(
            "The one lot did not go straight into the other; trace it at /v1/lots/{name}/genealogy."
        )
    batches = [edge["batch_id"] for edge in edges if edge["batch_id"] is not None]
    moved = lineage.list_moved(connection, [lot.id for lot in lots], batches)
    went_in = [m for m in moved if m["lot"]["uid"] == lots[0].uid and m["use"] in CONSUMED]
    came_out = [m for m in moved if m["lot"]["uid"] == lots[1].uid and m["use"] in PRODUCED]
    shown = [
        {
            "kind": edge["kind"],
            "batch": None if edge["uid"] is None else {"uid": edge["uid"], "code": edge["code"]},
            "quantity": edge["quantity"],
            "unit": edge["unit"],
        }
        for edge in edges
    ]
    return {
        "of": {
            "type": GENEALOGY,
            "attribute": sought.attribute,
            "uid": None,
            "code": None,
            "source": None,
            "key": f"{lots[0].uid}/{lots[1].uid}",
        },
        "value": shown,
        "as_written": None,
        "decided_by": _decided(
            "hub", "drawn from the movements that count: what a step took went into what it made"
        ),
        "statements": [],
        "identity": None,
        "refers_to": None,
        "made_of": [
            *(_part("went_in", "material_actual", fact) for fact in went_in),
            *(_part("came_out", "material_actual", fact) for fact in came_out),
        ],
        "history": None,
    }


# ------------------------------------------------------------------------------------------ every chain
def _statement(
    looking: Looking,
    one: Document,
    records: dict[int, Document],
    *,
    kind: str,
    names: Sequence[str],
    field: str,
) -> Document:
    record = records[one["source_record_id"]]
    keys = [name for name in names if kind in OBSERVED or name.startswith(f"{one['source']}:")]
    shown = (
        "source",
        "source_kind",
        "value",
        "is_winner",
        "in_conflict",
        "source_time",
        "recorded_at",
        "superseded_at",
    )
    return {
        **{name: one[name] for name in shown},
        "places": looking.locate(record, Statement(kind, keys, field, one["value"]))
        if looking.locate
        else [],
        "record": record,
    }


def _referred(looking: Looking, field: Field | None, name_ids: Sequence[int | None]) -> list[Document] | None:
    """Give what each name that was stated means, and the names and links by which it does."""
    connection = looking.connection
    if field is None or field.kind != "reference":
        return None
    found: list[Document] = []
    for name_id in dict.fromkeys(name_ids):
        name = None if name_id is None else lineage.read_name(connection, name_id)
        if name is None:
            continue
        thing = things.read_thing(connection, name["entity_type"], name["entity_id"])
        found.append(
            {
                "name": {key: name[key] for key in ("scheme", "value", "label", "method")},
                "type": name["entity_type"],
                "uid": thing["uid"],
                "code": thing["code"],
                **lineage.list_identity(
                    connection, name["entity_type"], name["entity_id"], history=looking.history
                ),
            }
        )
    return found


def _states(looking: Looking, sought: Sought, row_id: int) -> list[Document]:
    """Give what the value was over time, each with who changed it, when and why; equal ones once."""
    kind = MASTERED.get(sought.kind) or OBSERVED[sought.kind]
    fields = {field.name: field for field in fields_of(kind)}
    shown = list(fields) if sought.attribute == WHOLE else [sought.attribute]
    columns = [name for one in shown for name in lineage.columns_of(sought.kind, one)]
    states: list[Document] = []
    for state in lineage.list_states(looking.connection, sought.kind, row_id):
        row = state.pop("row")
        value = {name: row[name] for name in columns if name in row}
        if not states or states[-1]["value"] != value:
            states.append({**state, "value": value})
    named = _Named(looking.connection, fields)
    return [{**state, "value": named.read(state["value"])} for state in states]


class _Named:
    """Puts the codes of things in the place of their keys."""

    def __init__(self, connection: Connection, fields: Mapping[str, Field]) -> None:
        self._connection = connection
        self._targets = {f"{f.name}_id": f for f in fields.values() if f.kind in ("reference", "peer")}
        self._codes: dict[tuple[str, int], str] = {}

    def read(self, value: Document) -> Document:
        return {
            self._name(column): self._code(column, stored)
            for column, stored in value.items()
            if not column.endswith("_identifier_id")
        }

    def _name(self, column: str) -> str:
        return self._targets[column].name if column in self._targets else column

    def _code(self, column: str, stored: Any) -> Any:
        field = self._targets.get(column)
        if field is None or field.kind == "peer" or not field.target:
            return stored
        key = (field.target, int(stored))
        if key not in self._codes:
            self._codes[key] = things.read_thing(self._connection, *key)["code"]
        return self._codes[key]
