"""A batch production record (ISA-88.04): the batch with all that happened to it, in one document."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from hub.records.b2mml import markup
from hub.records.b2mml.gathering import Gathering
from hub.records.b2mml.markup import Document, Element, entry, make, maybe, present, within
from hub.records.b2mml.performance import Performance, tail
from hub.records.b2mml.recipes import write_recipe

_RECORDS = {"control": ("ControlRecipe", "Control Recipe"), "master": ("MasterRecipe", "Master Recipe")}
_RESOURCES = (("person", "Person"), ("equipment", "Equipment"), ("physical_asset", "Physical Asset"))
_VERDICTS = {"pass": "Pass", "fail": "Fail", "inconclusive": "Inconclusive"}
_EVENT_FACTS = ("noted_at", "cleared_at", "acknowledged_at")
_SAMPLE_FACTS = ("stage", "received_at", "status")


def build_batch_record(facts: Gathering) -> Element:
    """Give the BatchProductionRecord."""
    record = _Record(facts)
    batch, names = facts.batch, facts.names
    recipe = facts.recipes[0] if facts.recipes else None
    parts = record.parts()  # reads what decides the date
    return make(
        "BatchProductionRecord",
        names.element("ID", "batch", batch),
        *entry("1", "Batch Production Record", facts.newest),
        maybe("Description", batch["description"]),
        maybe("PublishedDate", facts.newest),
        names.element("BatchID", "batch", batch),
        names.element("BatchProductionRecordSpec", "recipe", recipe),
        names.element("CampaignID", "batch", batch["campaign"]),
        names.element("EquipmentID", "equipment", batch["equipment"]),
        names.element("LotID", "material_lot", batch["output_lot"]),
        names.element("MaterialDefinitionID", "material_definition", batch["product"]),
        *parts,
    )


class _Record:
    def __init__(self, facts: Gathering) -> None:
        self._facts = facts
        self._names = facts.names
        self._performance = Performance(facts)

    def parts(self) -> list[Element]:
        performance = self._performance.build()
        head = entry("OP1", "Other", other="Operations Performance")
        held = make("OperationsPerformances", make("OperationsPerformanceRecord", *head, performance))
        return present(
            [
                self._recipes("control"),
                _holder("Events", [self._event(one) for one in self._facts.events]),
                self._recipes("master"),
                held,
                _holder("ResourceQualifications", [self._qualified(q) for q in self._facts.qualifications]),
                _holder("Samples", [self._sample(one) for one in self._facts.samples]),
            ]
        )

    def _prefixes(self, one: Mapping[str, Any], part: str) -> tuple[str, ...]:
        batch = self._facts.batch
        return f"{within(one['batch'], 'reported')}/{part}", f"{batch['code']}/{part}"

    # ------------------------------------------------------------------------------------- recipes
    def _recipes(self, kind: str) -> Element | None:
        """Give the headers; procedures and parameters are in BatchInformation."""
        title, spoken = _RECORDS[kind]
        recipes = [one for one in self._facts.recipes if (one["kind"] or "master") == kind]
        return _holder(
            f"{title}s",
            [
                make(
                    f"{title}Record",
                    *entry(f"{title}/{number}", spoken),
                    self._names.element("ExternalReference", "recipe", one["based_on"]),
                    write_recipe(self._facts, one, is_whole=False),
                )
                for number, one in enumerate(recipes, start=1)
            ],
        )

    # -------------------------------------------------------------------------------------- events
    def _event(self, one: Document) -> Element:
        actor = one["actor"]
        told = [_attribute(field, one[field]) for field in _EVENT_FACTS]
        if one["tag"]:
            told.append(_attribute("tag", self._names.text("tag", one["tag"])))
        subtype = markup.code("EventSubType", one, "subtype")
        previous = one["previous"]
        return make(
            "Event",
            *entry(tail(one["key"], *self._prefixes(one, "event")), "Event", one["at"]),
            markup.code("EventType", one, "event_type"),
            subtype if subtype is not None else make("EventSubType", **{"xsi:nil": "true"}),
            self._names.element("EquipmentID", "equipment", one["equipment"]),
            markup.value(one["value"]),
            markup.plain_value(previous, "PreviousValue") if previous else None,
            maybe("MessageText", one["comment"]),
            make("PersonID", self._names.text("person", actor)) if actor else None,
            maybe("ProceduralElementReference", self._performance.place(one["response"])),
            _alarm(one),
            *told,
        )

    # ------------------------------------------------------------------------------ qualifications
    def _qualified(self, one: Document) -> Element:
        kind, spoken = next(pair for pair in _RESOURCES if one[pair[0]])
        key = tail(one["key"], *self._prefixes(one, "qualification"))
        use = maybe("ResourceUse", one["use"])
        status = maybe("QualificationStatus", one["status"])
        unsaid = markup.unspecified("QualificationStatus", listID=markup.OWN)
        return make(
            "ResourceQualificationsManifest",
            *entry(key, "Other", other="Resource Qualification"),
            markup.unspecified("RecordReference"),
            self._names.element("ResourceID", kind, one[kind]),
            use if use is not None else markup.unspecified("ResourceUse"),
            make("ResourceType", spoken),
            status if status is not None else unsaid,
            maybe("EffectiveTimeStamp", one["effective_at"]),
            maybe("ExpirationTimeStamp", one["expires_at"]),
        )

    # ------------------------------------------------------------------------------------- samples
    def _sample(self, one: Document) -> Element:
        key = tail(one["key"], *self._prefixes(one, "sample"))
        results = self._facts.results.get(one["id"], [])
        entries = {r["key"]: _test_of(r, one["key"]) for r in results}
        groups = [(test, list(some)) for test, some in groupby(results, key=lambda r: entries[r["key"]])]
        places = {r["key"]: f"{test}/{n}" for test, some in groups for n, r in enumerate(some, start=1)}
        tests = [self._test(test, some, places) for test, some in groups]
        said = {field: one[field] for field in _SAMPLE_FACTS}
        said["taken_by"] = one["taken_by"] and self._names.text("person", one["taken_by"])
        said["source"] = "lot" if one["lot"] else None
        said["of"] = None if one["batch"] else "lot"
        said["sop"] = "specification" if one["specification"] else None
        keys = markup.own_key(said)
        return make(
            "Sample",
            *entry(key, "Sample", one["taken_at"]),
            make("ExternalReference", one["code"]),
            self._names.element("SampleSourceID", "material_lot", one["lot"]),
            _unmeasured("SampleSize", keys) if keys is not None else None,
            maybe("SampleType", one["sample_type"]),
            self._names.element("EquipmentID", "equipment", one["equipment"]),
            maybe("ProceduralElementReference", self._performance.place(one["response"])),
            self._names.element("SOPReference", "test_specification", one["specification"]),
            *tests,
        )

    def _test(self, test: str, results: list[Document], places: Mapping[str, str]) -> Element:
        first = results[0]
        return make(
            "SampleTest",
            *entry(test, "Sample Test"),
            make("TestCode", first["test_code"]),
            maybe("TestName", first["property"]),
            *(self._result(one, number, places) for number, one in enumerate(results, start=1)),
        )

    def _result(self, one: Document, number: int, places: Mapping[str, str]) -> Element:
        verdict, status = one["verdict"], one["status"]
        disposition = _VERDICTS.get(verdict or "")
        keys: dict[str, Any] = {"approved_at": one["approved_at"]}
        keys["kind"] = None if one["kind"] == "measured" else one["kind"]
        keys["replicate"] = None if one["replicate"] == number else one["replicate"]
        keys["retest_of"] = places.get(within(one["retest_of"], "key"))
        if one["analyst"]:
            keys["analyst"] = self._names.text("person", one["analyst"])
        if disposition is not None and status != disposition:
            keys["status"] = status or markup.UNSPECIFIED
        return make(
            "SampleTestResult",
            *entry(str(number), "Sample Test Result", one["measured_at"]),
            maybe("TestDisposition", disposition or status),
            markup.value(one["value"], "Results", keys),
        )


def _test_of(result: Mapping[str, Any], sample: str) -> str:
    """Give the test's entry: results of `sample/test/T1/1`, `…/2` are one test, any other is its own."""
    own = tail(result["key"], f"{sample}/test")
    test, _, number = own.rpartition("/")
    return test if own != result["key"] and number == str(result["replicate"]) else own


def _unmeasured(title: str, keys: Element) -> Element:
    """Give a quantity that nobody has stated, for the sake of its key."""
    return make(title, make("QuantityString", **{"xsi:nil": "true"}), keys)


def _alarm(one: Mapping[str, Any]) -> Element | None:
    priority, limit = one["priority"], one["exceeded_limit"]
    if not priority and not limit:
        return None
    number, _, unit = (limit or "").partition(" ")
    return make(
        "AlarmData",
        markup.unspecified("AlarmEvent", listID=markup.OWN),
        markup.unspecified("AlarmType", listID=markup.OWN),
        make("AlarmLimit", make("ValueString", number), maybe("UnitOfMeasure", unit)) if limit else None,
        maybe("Priority", priority),
    )


def _attribute(field: str, content: Any) -> Element | None:
    if content is None:
        return None
    return make("UserAttribute", make("AttributeID", field, listID=markup.OWN), markup.plain_value(content))


def _holder(title: str, parts: Iterable[Element]) -> Element | None:
    found = list(parts)
    return make(title, *found) if found else None
