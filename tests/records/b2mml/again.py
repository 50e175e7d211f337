"""Compares what a hub holds of a batch with what its own documents say when they are read again.

What is expected is asked of the collections, not of the code that writes. References count as equal when they lead
to the same thing, amounts when they are the same number in one unit, keys of other facts when these are equal.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from connectors.b2mml import B2mml, B2mmlConfig
from hub.model import Identifier, Record
from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.record import Mastered
from hub.model.shape import Field, fields_of
from hub.model.unit import convert
from hub.sdk import Document, Rejected
from hub.store.database import Connection
from hub.store.questions.collections import FACTS, THINGS
from hub.store.questions.documents import stream_documents
from hub.store.questions.question import ask

Told = dict[str, Any]

NO_PLACE: Mapping[str, frozenset[str]] = {
    "test_result": frozenset({"criterion"}),
    "recipe_element": frozenset({"sequence"}),  # counted anew: the order of the elements
}
"""Fields that B2MML cannot hold; connectors/b2mml/README.md lists them for readers."""
IMPLIED = frozenset({("material_lot", "kind"), ("batch", "kind")})
"""What an element says by its name: a MaterialLot is a lot, what has a record is a batch."""
_PEERS = {
    "segment_response": ("name", "level", "actual_start", "occurrence"),
    "sample": ("code",),
    "test_result": ("test_code", "measured_at"),
    "recipe_element": ("code", "name"),
    "material_actual": ("use",),
    "resource_property": ("name",),
}
"""By which of its fields a fact is known where another points at it."""


def read_again(documents: Mapping[Any, bytes], folder: Any) -> list[Record]:
    """Give all that the documents state; nothing in them may be refused."""
    connector = B2mml(B2mmlConfig.model_validate({"folder": folder}))
    found: list[Record] = []
    for kind, content in documents.items():
        document = Document(
            object_type=kind, key=kind, payload=content.decode(), media_type="application/xml"
        )
        for part in connector.parse(document):
            assert not isinstance(part, Rejected), part
            found.append(part)
    connector.close()
    return found


class Held:
    """What the hub holds, and how its names are understood."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._things: dict[str, list[Told]] = {}

    def ask(self, noun: str, condition: str | None = None) -> list[Told]:
        """Give the documents of a collection."""
        return list(stream_documents(self._connection, ask(noun, filter=condition), limit=None))

    @cached_property
    def _names(self) -> dict[tuple[str, str, str], str]:
        from sqlalchemy import select

        from hub.store.tables import ENTITY_TABLES, identifier

        found: dict[tuple[str, str, str], str] = {}
        for kind, table in ENTITY_TABLES.items():
            query = select(identifier.c.scheme, identifier.c.value, table.c.uid).where(
                identifier.c.entity_type == kind, identifier.c.entity_id == table.c.id
            )
            for scheme, value, uid in self._connection.execute(query):
                found[kind, scheme, value] = uid
                found.setdefault((kind, "", value), uid)
        return found

    def thing(self, kind: str, name: Identifier) -> str:
        """Give the uid of what a name leads to."""
        return self._names.get((kind, name.scheme, name.value)) or f"nobody is called {kind} {name}"

    # ------------------------------------------------------------------------------------ comparing
    def said(self, kind: str, records: Iterable[Record]) -> Counter[str]:
        """Count the facts of a type that records state."""
        mine = [r for r in records if r.record_type == kind]
        peers = {r.record_key: r for r in records if r.record_type in _PEERS}
        shapes = {k: fields_of(OBSERVED[k]) for k in _PEERS if k in OBSERVED}

        def peer(field: Field, key: str) -> str:
            other = peers[key]
            values = {f.name: self._value(f, getattr(other, f.name)) for f in shapes[other.record_type]}
            return repr([values[n] for n in _PEERS[other.record_type]])

        return Counter(
            repr(
                {
                    f.name: peer(f, v) if f.kind == "peer" and v else self._value(f, v)
                    for f in fields_of(OBSERVED[kind])
                    if f.name not in NO_PLACE.get(kind, ()) and (v := getattr(r, f.name)) is not None
                }
            )
            for r in mine
        )

    def held(self, kind: str, facts: Iterable[Told]) -> Counter[str]:
        """Count the same facts as they are stored."""
        found: list[str] = []
        for fact in facts:
            told: Told = {}
            for f in fields_of(OBSERVED[kind]):
                if f.name in NO_PLACE.get(kind, ()) or fact[f.name] is None:
                    continue
                told[f.name] = self._peer(f, fact[f.name]) if f.kind == "peer" else self._stored(f, fact)
            found.append(repr({k: v for k, v in told.items() if v is not None}))
        return Counter(found)

    def _peer(self, field: Field, peer: Told) -> str | None:
        kind = field.target or ""
        noun = next(n for n, k in FACTS.items() if k == kind)
        (other,) = self.ask(noun, f"id eq {peer['id']} and is_retracted in (true, false)")
        if other["same_as"]:
            return self._peer(field, {"id": other["same_as"]})
        shape = {f.name: f for f in fields_of(OBSERVED[kind])}
        return repr([None if other[n] is None else self._stored(shape[n], other) for n in _PEERS[kind]])

    def _stored(self, field: Field, fact: Told) -> Any:
        value = fact[field.name]
        match field.kind:
            case "reference":
                return value["uid"]
            case "choice":
                return fact[f"{field.name}_text"] or value
            case "quantity" | "measurement":
                return _amount(value)
            case _:
                return value

    def _value(self, field: Field, value: Any) -> Any:
        match field.kind:
            case "reference":
                return None if value is None else self.thing(field.target or "", value)
            case "quantity" | "measurement":
                return None if value is None else _amount(value.model_dump())
            case _:
                return value

    def golden(self, kind: str, thing: Told, records: Iterable[Record]) -> list[str]:
        """Give what the records of a thing lack, or say otherwise than the hub."""
        mine = [
            r
            for r in records
            if isinstance(r, Mastered) and r.record_type == kind and self.thing(kind, r.id) == thing["uid"]
        ]
        if not mine:
            return [f"{kind} {thing['code']} is not in the documents"]
        wrong: list[str] = []
        for field in fields_of(MASTERED[kind]):
            if field.name in NO_PLACE.get(kind, ()):
                continue
            stored = None if thing[field.name] is None else self._stored(field, thing)
            if (kind, field.name) in IMPLIED and stored is None:
                continue
            said = {repr(self._value(field, v)) for r in mine if (v := getattr(r, field.name)) is not None}
            if said != ({repr(stored)} if stored is not None else set()):
                wrong.append(f"{kind} {thing['code']}: {field.name} is {stored!r}, read again {said}")
        return wrong

    def things(self, kind: str, uids: Iterable[str]) -> list[Told]:
        """Give things by their uids."""
        noun = next(n for n, k in THINGS.items() if k == kind)
        return [t for uid in sorted(set(uids)) for t in self.ask(noun, f"uid eq '{uid}'")]


_OF_BATCH = (
    "phases",
    "phase_data",
    "movements",
    "resource_uses",
    "lab_samples",
    "events",
    "qualifications",
    "equipment_times",
)


def compare(held: Held, batch: Told, records: list[Record]) -> list[str]:
    """Give every difference between what is held of a batch and what was read again."""
    of = f"batch/uid eq '{batch['uid']}' and same_as eq null"
    facts = {noun: held.ask(noun, of) for noun in _OF_BATCH}
    facts["movements"] = [
        one for one in facts["movements"] if one["count_state"] != "netted" and one["disputes"] is None
    ]
    if lot := batch["output_lot"]:
        facts["lab_samples"] += held.ask("lab_samples", f"batch/uid eq null and lot/uid eq '{lot['uid']}'")
    facts["results"] = [r for s in facts["lab_samples"] for r in held.ask("results", f"sample eq {s['id']}")]
    recipes = _recipes(held, batch)
    for noun in ("recipe_elements", "recipe_parameters"):
        facts[noun] = [f for r in recipes for f in held.ask(noun, f"recipe/uid eq '{r['uid']}'")]
    orders = _named(held, "operations_request", [batch["operations_request"]])
    steps = [
        s for o in orders for s in held.ask("segment_requirements", f"operations_request/uid eq '{o['uid']}'")
    ]
    needs = [
        *(
            n
            for o in orders
            for n in held.ask("material_requirements", f"operations_request/uid eq '{o['uid']}'")
        ),
        *(
            n
            for s in steps
            for n in held.ask("material_requirements", f"segment_requirement/uid eq '{s['uid']}'")
        ),
    ]
    facts["material_requirements"] = list({n["id"]: n for n in needs}.values())
    definitions = _named(
        held, "operations_definition", [o["operations_definition"] for o in (*orders, *steps)]
    )
    for one in definitions:
        facts["material_requirements"] += held.ask(
            "material_requirements", f"operations_definition/uid eq '{one['uid']}'"
        )
    using = (*facts["phases"], *steps, *facts["recipe_elements"])
    segments = _named(held, "process_segment", [one["process_segment"] for one in using])
    lots = _named(held, "material_lot", [batch["output_lot"], *(m["lot"] for m in facts["movements"])])
    materials = _named(held, "material_definition", [m["material"] for m in facts["movements"]])
    units = _named(held, "equipment", [p["equipment"] for p in facts["phases"]])
    wrong: list[str] = []
    for noun, some in facts.items():
        kind = FACTS[noun]
        wrong += [
            f"{noun}: {one}" for one in missing_and_new(held.held(kind, some), held.said(kind, records))
        ]
    for kind, things in (
        ("batch", [batch]),
        ("recipe", recipes),
        ("operations_request", orders),
        ("segment_requirement", steps),
        ("operations_definition", definitions),
        ("process_segment", segments),
        ("material_lot", lots),
        ("material_definition", materials),
        ("equipment", units),
    ):
        wrong += [one for thing in things for one in held.golden(kind, thing, records)]
    return wrong


def _named(held: Held, kind: str, references: Iterable[Any]) -> list[Told]:
    return held.things(kind, {one["uid"] for one in references if one})


def _recipes(held: Held, batch: Told) -> list[Told]:
    found = _named(held, "recipe", [batch["recipe"]])
    return [*found, *_named(held, "recipe", [one["based_on"] for one in found])]


def _amount(amount: Mapping[str, Any]) -> tuple[Any, ...]:
    """Give number, sign and unit; amounts of one dimension in one unit."""
    value, unit = amount["value"], amount["unit"]
    for common in ("kg", "L", "1"):
        try:
            value, unit = convert(value, unit, common), common
            break
        except (ValueError, TypeError):
            continue
    if value is None:
        return amount["text"], unit
    return f"{value:.9g}", amount.get("comparator"), unit


def missing_and_new(held: Counter[str], said: Counter[str]) -> list[str]:
    """Give what is only on one side."""
    return [*(f"lost: {one}" for one in held - said), *(f"new: {one}" for one in said - held)]
