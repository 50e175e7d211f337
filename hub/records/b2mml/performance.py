"""What was done: a batch's operations response with its nested segments, data, materials, people (95.02)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from hub.records.b2mml import markup
from hub.records.b2mml.gathering import Gathering
from hub.records.b2mml.markup import Document, Element, make, maybe, present, within

WHOLE = "Whole batch"
"""OperationsType of the one segment that is no step: it holds what is said of the batch as a whole."""
_LEVELS = ("unit_procedure", "operation", "phase")
_STATES = {
    "Idle": "Waiting",
    "Running": "Running",
    "Complete": "Completed",
    "Aborted": "Aborted",
    "Held": "Held",
    "Paused": "Paused",
}
"""ResponseState of ISA-95.02 by BatchStatus of ISA-88.02."""
_TOLD_TIMES = ("planned_start", "planned_end")
_SIZES = ("planned_size", "actual_size")
_RESOURCES = (("person", "Personnel"), ("equipment", "Equipment"), ("physical_asset", "PhysicalAsset"))
_SETPOINTS = (" setpoint", " SP")


def tail(key: str, *prefixes: str) -> str:
    """Give what a key adds to the first of these prefixes that it has; all of it where it has none."""
    return next((key[len(p) + 1 :] for p in prefixes if key.startswith(f"{p}/")), key)


class Performance:
    """Writes a batch's response; afterwards `place` tells where each segment went."""

    def __init__(self, facts: Gathering) -> None:
        self._facts = facts
        self._names = facts.names
        repeated = {one["id"]: one["same_as"] for one in facts.all_phases if one["same_as"] is not None}
        known = {one["id"] for one in facts.phases}
        self._stands_for = {key: first for key, first in repeated.items() if first in known}
        self._places: dict[int, str] = {}
        self._below = self._by_parent(known)
        self._data = self._by_response(facts.data)
        self._movements = self._by_response(facts.movements)
        self._uses = self._by_response(facts.uses)

    def build(self) -> Element:
        """Give the OperationsPerformance."""
        batch = self._facts.batch
        response = self._response()  # reads what decides the date
        return make(
            "OperationsPerformance",
            self._names.element("ID", "batch", batch),
            maybe("Description", batch["description"]),
            maybe("PublishedDate", self._facts.newest),
            make("OperationsType", "Production"),
            response,
        )

    def place(self, response: Mapping[str, Any] | None) -> str | None:
        """Give the path of a segment that a fact names, as `ID/ID`; None where it is not here."""
        return None if response is None else self._places.get(self._standing(response["id"]) or 0)

    # ------------------------------------------------------------------------------------ response
    def _response(self) -> Element:
        batch = self._facts.batch
        segments = self._segments(None, ())
        return make(
            "OperationsResponse",
            self._names.element("ID", "batch", batch),
            maybe("StartTime", batch["actual_start"]),
            maybe("EndTime", batch["actual_end"]),
            make("OperationsType", "Production"),
            self._names.element("OperationsRequestID", "operations_request", batch["operations_request"]),
            _state(batch),
            self._whole(),
            *segments,
        )

    def _whole(self) -> Element:
        batch = self._facts.batch
        said = [markup.told("SegmentData", field, batch[field]) for field in _TOLD_TIMES]
        said += [markup.told_amount("SegmentData", field, batch[field]) for field in _SIZES]
        return make(
            "SegmentResponse",
            make("ID", "batch", schemeID=markup.OWN),
            make("OperationsType", "Other", OtherValue=WHOLE),
            *present(said),
            *self._contents(None, prefix="", equipment=None),
        )

    # ------------------------------------------------------------------------------------ segments
    def _segments(self, parent: int | None, above: tuple[str, ...]) -> list[Element]:
        used: Counter[str] = Counter()
        titles: Counter[str] = Counter()
        found: list[Element] = []
        for phase in self._below.get(parent, []):
            own = self._own_id(phase)
            used[own] += 1
            if used[own] > 1:
                own = f"{own}#{used[own]}"
            place = (*above, own)
            self._places[phase["id"]] = "/".join(place)
            titles[phase["name"]] += 1
            found.append(self._segment(phase, place, titles[phase["name"]]))
        return found

    def _segment(self, phase: Document, place: tuple[str, ...], occurrence: int) -> Element:
        names, depth = self._names, len(place) - 1
        uses = self._equipment_first(phase)
        has_first = bool(uses) and uses[0]["equipment"] is not None
        is_scoped = phase["equipment"] is not None and not has_first
        differs = has_first and not _same(uses[0]["equipment"], phase["equipment"])
        level = None if phase["level"] == _LEVELS[min(depth, 2)] else phase["level"]
        return make(
            "SegmentResponse" if depth == 0 else "SegmentResponseChild",
            make("ID", place[-1]),
            make("Description", phase["name"]),
            maybe("ActualStartTime", phase["actual_start"]),
            maybe("ActualEndTime", phase["actual_end"]),
            scope(self._facts, phase["equipment"]) if is_scoped else None,
            names.element("ProcessSegmentID", "process_segment", phase["process_segment"]),
            names.element("SegmentRequirementID", "segment_requirement", phase["segment_requirement"]),
            markup.code("SegmentState", phase, "state"),
            markup.told("SegmentData", "level", level),
            markup.told(
                "SegmentData",
                "occurrence",
                None if phase["occurrence"] == occurrence else phase["occurrence"],
            ),
            markup.told("SegmentData", "is_derived", phase["is_derived"]),
            self._told_equipment(phase["equipment"]) if differs else None,
            *self._contents(phase["id"], prefix=phase["key"], equipment=phase["equipment"], uses=uses),
            *self._segments(phase["id"], place),
        )

    def _contents(
        self, phase: int | None, *, prefix: str, equipment: Any, uses: list[Document] | None = None
    ) -> list[Element]:
        """Give data, people, equipment, assets and materials of a segment, in the schema's order."""
        taking_part = self._uses.get(phase, []) if uses is None else uses
        resources = [
            self._use(one, word, prefix)
            for kind, word in _RESOURCES
            for one in taking_part
            if one["kind"] == kind
        ]
        return [
            *(self._datum(one) for one in self._data.get(phase, [])),
            *resources,
            *(self._movement(one, prefix, equipment) for one in self._movements.get(phase, [])),
        ]

    def _datum(self, one: Document) -> Element:
        kind = "setpoint" if one["name"].endswith(_SETPOINTS) else "actual"
        return make(
            "SegmentData",
            make("ID", one["name"]),
            make("Description", "CPP") if one["is_cpp"] else None,
            markup.value(one["value"]),
            markup.told("SegmentDataChild", "at", one["at"]),
            markup.told("SegmentDataChild", "kind", None if one["kind"] == kind else one["kind"]),
        )

    def _movement(self, one: Document, prefix: str, equipment: Any) -> Element:
        lot = one["lot"]
        above = next(
            (x["parent_lot"] for x in self._facts.lots if _same(x, lot) and x["kind"] == "sublot"), None
        )
        title = "MaterialActualProperty"
        is_elsewhere = not _same(one["equipment"], equipment)
        reverses = one["reverses"]
        return make(
            "MaterialActual",
            make("ID", tail(one["key"], f"{prefix}/material")),
            self._names.element("MaterialDefinitionID", "material_definition", one["material"]),
            self._names.element("MaterialLotID", "material_lot", above or lot),
            self._names.element("MaterialSubLotID", "material_lot", lot if above else None),
            markup.code("MaterialUse", one, "use"),
            markup.quantity(one["quantity"]),
            markup.told(title, "at", one["at"]),
            self._told_equipment(one["equipment"], title) if is_elsewhere else None,
            markup.told(title, "reverses", reverses and tail(reverses["key"], f"{prefix}/material")),
        )

    def _use(self, one: Document, word: str, prefix: str) -> Element:
        kind = one["kind"]
        title = f"{word}Actual"
        return make(
            title,
            make("ID", tail(one["key"], f"{prefix}/{kind}")),
            self._names.element(f"{word}ClassID", "resource_class", one["resource_class"]),
            self._names.element("PersonID" if kind == "person" else f"{word}ID", kind, one[kind]),
            maybe(f"{word}Use", one["use"]),
            markup.quantity(one["quantity"]),
            markup.told(f"{title}Property", "start_at", one["start_at"]),
            markup.told(f"{title}Property", "end_at", one["end_at"]),
        )

    # -------------------------------------------------------------------------------------- naming
    def _own_id(self, phase: Document) -> str:
        parent = phase["parent"]
        if parent is not None and self._below_one(phase):
            return tail(phase["key"], parent["key"])
        batch = self._facts.batch
        return tail(phase["key"], str(within(phase["batch"], "reported")), str(batch["code"]))

    def _below_one(self, phase: Document) -> bool:
        return self._standing(within(phase["parent"], "id")) is not None

    def _standing(self, key: int | None) -> int | None:
        """Give the segment that stands in the document for this one."""
        if key is None:
            return None
        key = self._stands_for.get(key, key)
        return key if key in self._known else None

    def _by_parent(self, known: set[int]) -> dict[int | None, list[Document]]:
        self._known = known
        found: dict[int | None, list[Document]] = {}
        for phase in self._facts.phases:
            parent = self._standing(within(phase["parent"], "id"))
            found.setdefault(parent, []).append(phase)
        return found

    def _by_response(self, facts: Iterable[Document]) -> dict[int | None, list[Document]]:
        found: dict[int | None, list[Document]] = {}
        for one in facts:
            response = self._standing(within(one["response"], "id"))
            found.setdefault(response, []).append(one)
        return found

    def _equipment_first(self, phase: Document) -> list[Document]:
        """Put the segment's own equipment first: a reader takes the first for the segment's."""
        uses = self._uses.get(phase["id"], [])
        return sorted(
            uses,
            key=lambda one: (one["kind"] != "equipment", not _same(one["equipment"], phase["equipment"])),
        )

    def _told_equipment(self, equipment: Any, title: str = "SegmentData") -> Element:
        """Tell another equipment, by its name with its scheme as the value's key."""
        if equipment is None:
            return make(title, make("ID", "no_equipment", schemeID=markup.OWN), markup.plain_value("true"))
        return make(
            title,
            make("ID", "equipment", schemeID=markup.OWN),
            make(
                "Value",
                make("ValueString", self._names.text("equipment", equipment)),
                make("DataType", "Identifier"),
                markup.own_key({"scheme": self._names.scheme("equipment", equipment)}),
            ),
        )


def scope(facts: Gathering, equipment: Mapping[str, Any] | None) -> Element | None:
    """Give the HierarchyScope of an equipment, of one step; its place is in EquipmentInformation."""
    if equipment is None:
        return None
    known = next((one for one in facts.equipment if one["uid"] == equipment["uid"]), None)
    level = markup.code("EquipmentLevel", known, "level") if known else None
    return make(
        "HierarchyScope",
        facts.names.element("EquipmentID", "equipment", equipment),
        level if level is not None else make("EquipmentLevel", "Other", listID=markup.OWN),
    )


def _state(batch: Mapping[str, Any]) -> Element | None:
    status = batch["status"]
    if status is None:
        return None
    state = _STATES.get(status)
    if state:
        return make("ResponseState", state)
    return make("ResponseState", "Other", OtherValue=batch.get("status_text") or status)


def _same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    return within(one, "uid") == within(other, "uid")
