"""What the hub knows of a batch or of what it needs, read when a document wants it: each fact once."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any

from hub.model.mastered import MASTERED
from hub.model.observed import OBSERVED
from hub.model.shape import fields_of
from hub.records.b2mml.markup import Document, Element
from hub.records.b2mml.naming import Names
from hub.store.answers.things import read_thing
from hub.store.database import Connection
from hub.store.questions.collections import FACTS, THINGS
from hub.store.questions.documents import stream_documents
from hub.store.questions.question import ask

_NO_BATCH: Document = {"uid": "", **{field.name: None for field in fields_of(MASTERED["batch"])}}
MOST = 100_000
"""The most facts of one kind in a document."""
_AT_ONCE = 100
_DEPTH = 20


class TooLarge(ValueError):
    """A batch has more facts of one kind than a document may hold; ask for its collections instead."""


class Gathering:
    """Reads the facts about a thing, as a rule a batch; `batch` has no values where it is another thing.

    What another fact stands for, and what was taken back, is left out.
    """

    def __init__(
        self, connection: Connection, kind: str, thing_id: int, *, receiver: str | None = None
    ) -> None:
        self._connection = connection
        self.names = Names(connection, receiver)
        self.kind = kind
        self.newest: datetime | None = None
        """When the newest of what has been read was known: the document's version."""
        self.subject = self._note(kind, [read_thing(connection, kind, thing_id)], MASTERED)[0]
        self.names.learn_of(kind, [self.subject["uid"]])
        self.batch = self.subject if kind == "batch" else dict(_NO_BATCH)

    def subject_id(self) -> Element | None:
        """Give the ID of a document about the thing."""
        return self.names.element("ID", self.kind, self.subject)

    # ------------------------------------------------------------------------------------ execution
    @cached_property
    def all_phases(self) -> list[Document]:
        """Executed segments, also those that only repeat another's."""
        return self._facts("phases", self._of_batch)

    @cached_property
    def phases(self) -> list[Document]:
        """Executed segments, each once."""
        return [one for one in self.all_phases if one["same_as"] is None]

    @cached_property
    def data(self) -> list[Document]:
        """Values of segments, and of the batch."""
        return self._once("phase_data", self._of_batch)

    @cached_property
    def movements(self) -> list[Document]:
        """Movements that count: none that repeats, disputes or takes back another."""
        return [
            one
            for one in self._once("movements", self._of_batch)
            if one["count_state"] != "netted" and one["disputes"] is None
        ]

    @cached_property
    def uses(self) -> list[Document]:
        """Equipment, assets and people that took part."""
        return self._once("resource_uses", self._of_batch)

    @cached_property
    def events(self) -> list[Document]:
        """Events and alarms."""
        return self._once("events", self._of_batch)

    @cached_property
    def qualifications(self) -> list[Document]:
        """What people and equipment were qualified for."""
        return self._once("qualifications", self._of_batch)

    @cached_property
    def times(self) -> list[Document]:
        """Stretches of time of the equipment that was used for the batch."""
        return self._once("equipment_times", self._of_batch)

    @cached_property
    def samples(self) -> list[Document]:
        """Samples of the batch, and those of its lot that name no batch."""
        of = self._of_batch
        if lot := self.batch["output_lot"]:
            of = f"{of} or (batch/uid eq null and lot/uid eq '{lot['uid']}')"
        return self._once("lab_samples", of)

    @cached_property
    def results(self) -> dict[int, list[Document]]:
        """Results by the sample's key."""
        found: dict[int, list[Document]] = {}
        for one in self._among("results", "sample", [s["id"] for s in self.samples], facts=True):
            found.setdefault(one["sample"]["id"], []).append(one)
        return found

    # ---------------------------------------------------------------------------------- what is needed
    @cached_property
    def recipes(self) -> list[Document]:
        """The batch's recipe, what that is based on, and so on."""
        first = self.subject if self.kind == "recipe" else self.batch["recipe"]
        return self._upwards("recipes", first, "based_on")

    @cached_property
    def recipe_elements(self) -> list[Document]:
        """Parts of the procedures of the recipes."""
        return self._among("recipe_elements", "recipe/uid", _uids(self.recipes), facts=True)

    @cached_property
    def recipe_parameters(self) -> list[Document]:
        """Parameters of the recipes and of their parts."""
        return self._among("recipe_parameters", "recipe/uid", _uids(self.recipes), facts=True)

    @cached_property
    def orders(self) -> list[Document]:
        """The order that the batch answers, or that is looked at."""
        is_order = self.kind == "operations_request"
        return self._things("orders", [self.subject if is_order else self.batch["operations_request"]])

    @cached_property
    def requirements(self) -> list[Document]:
        """The steps that the order asks for."""
        return self._among("segment_requirements", "operations_request/uid", _uids(self.orders))

    @cached_property
    def needs(self) -> list[Document]:
        """Materials that the order and its steps need or give."""
        steps = self._among(
            "material_requirements", "segment_requirement/uid", _uids(self.requirements), facts=True
        )
        seen = {one["id"] for one in steps}
        whole = self._among("material_requirements", "operations_request/uid", _uids(self.orders), facts=True)
        return sorted([*steps, *(one for one in whole if one["id"] not in seen)], key=lambda one: one["id"])

    @cached_property
    def segments(self) -> list[Document]:
        """The process segments of what was done and asked for, and what they are part of."""
        using = (*self.phases, *self.requirements, *self.recipe_elements)
        found = self._things("segments", [one["process_segment"] for one in using])
        return self._with_parents("segments", found, "parent")

    @cached_property
    def definitions(self) -> list[Document]:
        """The operations definitions by which the order is made."""
        asking = (*self.orders, *self.requirements)
        return self._things("operations", [one["operations_definition"] for one in asking])

    @cached_property
    def definition_needs(self) -> list[Document]:
        """Materials that these definitions need or give."""
        uids = _uids(self.definitions)
        return self._among("material_requirements", "operations_definition/uid", uids, facts=True)

    @cached_property
    def lots(self) -> list[Document]:
        """What went in and came out, and the lots of which these are parts; of a lot also its parts."""
        if self.kind == "material_lot":
            parts = self._among("lots", "parent_lot/uid", [self.subject["uid"]])
            return self._with_parents("lots", [self.subject, *parts], "parent_lot")
        found = self._things("lots", [self.batch["output_lot"], *(m["lot"] for m in self.movements)])
        return self._with_parents("lots", found, "parent_lot")

    @cached_property
    def materials(self) -> list[Document]:
        """Kinds of the materials that were made and used."""
        if self.kind == "material_definition":
            return [self.subject]
        named = [self.batch["product"], *(m["material"] for m in (*self.movements, *self.lots, *self.needs))]
        return self._things("materials", named)

    @cached_property
    def properties(self) -> dict[str, list[Document]]:
        """Properties of lots, materials and equipment by their owner's uid."""
        found: dict[str, list[Document]] = {}
        for owner, things in (
            ("lot", self.lots),
            ("material", self.materials),
            ("equipment", self.equipment),
        ):
            for one in self._among("resource_properties", f"{owner}/uid", _uids(things), facts=True):
                found.setdefault(one[owner]["uid"], []).append(one)
        return found

    @cached_property
    def equipment(self) -> list[Document]:
        """The equipment that was used, with what it is part of."""
        sites = [one["site"] for one in self.orders]
        used = [one["equipment"] for one in (*self.phases, *self.uses, *self.times, *self.requirements)]
        named = [self.batch["equipment"], *sites, *used]
        return self._with_parents("equipment", self._things("equipment", named), "parent")

    # ----------------------------------------------------------------------------------------- reading
    @property
    def _of_batch(self) -> str:
        return f"batch/uid eq '{self.batch['uid']}'"

    def _once(self, noun: str, condition: str) -> list[Document]:
        return [one for one in self._facts(noun, condition) if one["same_as"] is None]

    def _facts(self, noun: str, condition: str) -> list[Document]:
        return self._note(FACTS[noun], self._ask(noun, condition), OBSERVED)

    def _ask(self, noun: str, condition: str) -> list[Document]:
        found = list(stream_documents(self._connection, ask(noun, filter=condition), limit=MOST + 1))
        if len(found) > MOST:
            raise TooLarge(f"the batch has more than {MOST:,} {noun}; ask for that collection instead")
        return found

    def _among(self, noun: str, member: str, values: Iterable[Any], *, facts: bool = False) -> list[Document]:
        """Give those of a collection whose member is one of these values."""
        found: list[Document] = []
        wanted = sorted(set(values))
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            listed = ", ".join(f"'{one}'" if isinstance(one, str) else str(one) for one in some)
            found += self._ask(noun, f"{member} in ({listed})")
        if facts:
            return self._note(FACTS[noun], [one for one in found if one["same_as"] is None], OBSERVED)
        self.names.learn_of(THINGS[noun], _uids(found))
        return self._note(THINGS[noun], found, MASTERED)

    def _things(self, noun: str, references: Iterable[Any]) -> list[Document]:
        """Give the golden documents of what is referred to, by code."""
        found = self._among(noun, "uid", {one["uid"] for one in references if one and one["uid"]})
        return sorted(found, key=lambda one: (one["code"] or "", one["uid"]))

    def _upwards(self, noun: str, reference: Any, member: str) -> list[Document]:
        found: list[Document] = []
        while reference and len(found) < _DEPTH:
            here = self._things(noun, [reference])
            if not here or here[0]["uid"] in _uids(found):
                break
            found += here
            reference = here[0][member]
        return found

    def _with_parents(self, noun: str, found: list[Document], member: str) -> list[Document]:
        for _ in range(_DEPTH):
            known = set(_uids(found))
            above = [up for one in found if (up := one[member]) and up["uid"] not in known]
            if not above:
                break
            found = [*found, *self._things(noun, above)]
        return found

    def _note(self, kind: str, found: list[Document], classes: Any) -> list[Document]:
        """Learn the names in documents, and how new they are."""
        self.names.learn(fields_of(classes[kind]), found)
        times = [one["recorded_at"] for one in found]
        self.newest = max([*times, *([self.newest] if self.newest else [])], default=None)
        return found


def _uids(found: Iterable[Document]) -> list[str]:
    return [str(one["uid"]) for one in found]
