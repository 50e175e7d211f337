"""The batch production record (88.04): one batch with everything that happened to it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from connectors.b2mml.markup import Element, child, children, text
from connectors.b2mml.own import UNSPECIFIED, read_key, read_told, said, told_text
from connectors.b2mml.performance import RESPONSES, Execution, read_response, response_facts
from connectors.b2mml.reader import Name, Reader, codes, description
from connectors.b2mml.recipes import read_recipe
from connectors.b2mml.resources import read_scope
from hub.model import Batch, Measurement, OperationsEvent, Qualification, Quantity, Sample, TestResult
from hub.model.instant import NaiveTimeError

_PERFORMANCES = (
    ("OperationsPerformances", "OperationsPerformanceRecord", "OperationsPerformance"),
    ("WorkPerformances", "WorkPerformanceRecord", "WorkPerformance"),
    ("ProductionPerformances", "ProductionPerformanceRecord", "ProductionPerformance"),
)
_MANIFEST = "ResourceQualificationsManifest"
_RESOURCES = {"person": "person", "equipment": "equipment", "physicalasset": "physical_asset"}
_VERDICTS = {
    "pass": "pass",
    "passed": "pass",
    "conforms": "pass",
    "accepted": "pass",
    "fail": "fail",
    "failed": "fail",
    "rejected": "fail",
    "inconclusive": "inconclusive",
}


def read_batch_record(reader: Reader, body: Element) -> None:
    """State what a BatchProductionRecord, and the records inside it, say."""
    batch = reader.name(body, "BatchID") or reader.name(body, "ID")
    if batch is None:
        reader.refuse(body, "the record has neither BatchID nor ID, so nobody knows whose it is")
        return
    execution = Execution(prefix=batch["value"], batch=batch, output_lot=reader.name(body, "LotID"))
    recipe, planned_size = _read_recipes(reader, body)
    facts: dict[str, Any] = {}
    for performance in _performances(body):
        read_scope(reader, performance)
        for response in children(performance, *RESPONSES):
            read_response(reader, response, execution)
            said = response_facts(reader, response, execution)
            facts |= {key: value for key, value in said.items() if value is not None}
    facts = {"planned_size": planned_size, **facts}
    _state_batch(reader, body, id=batch, recipe=recipe, output_lot=execution.output_lot, **facts)
    _read_events(reader, body, execution)
    _read_samples(reader, body, execution)
    _read_qualifications(reader, body, execution)
    for inner in children(body, "BatchProductionRecord"):
        read_batch_record(reader, inner)


def _state_batch(reader: Reader, body: Element, /, **fields: Any) -> None:
    campaign = reader.name(body, "CampaignID")
    if campaign:
        reader.state_once(Batch, body, id=campaign, kind="campaign")
    fields["recipe"] = fields["recipe"] or reader.name(body, "BatchProductionRecordSpec")
    reader.state(
        Batch,
        body,
        kind="batch",
        campaign=campaign,
        description=description(body),
        product=reader.name(body, "MaterialDefinitionID"),
        equipment=reader.name(body, "EquipmentID", "EquipmentScope"),
        **fields,
    )


def _performances(body: Element) -> Iterator[Element]:
    for holder, record, performance in _PERFORMANCES:
        for group in children(body, holder):
            for entry in children(group, record):
                yield from children(entry, performance)
            yield from children(group, performance)
        yield from children(body, performance)


def _read_recipes(reader: Reader, body: Element) -> tuple[Name | None, Quantity | None]:
    """State the recipes of a record; give the batch's own (control before master) and its size."""
    control = master = size = None
    for kind in ("MasterRecipe", "ControlRecipe"):
        for group in children(body, f"{kind}s"):
            for entry in children(group, f"{kind}Record"):
                recipe = child(entry, kind)
                if recipe is None:
                    continue
                based_on = reader.name(entry, "ExternalReference") if kind == "ControlRecipe" else None
                size = read_recipe(reader, recipe, based_on or master) or size
                if kind == "ControlRecipe":
                    control = control or reader.name(recipe, "ID")
                else:
                    master = master or reader.name(recipe, "ID")
    return control or master, size


# ------------------------------------------------------------------------------------------- events
def _read_events(reader: Reader, body: Element, execution: Execution) -> None:
    used: Counter[str] = Counter()
    for event in (e for group in children(body, "Events") for e in children(group, "Event")):
        own = text(event, "EntryID") or "event"
        used[own] += 1
        alarm = child(event, "AlarmData")
        try:
            at = _stamp(reader, event)
            value = _value(reader, child(event, "Value"))
        except ValueError as error:
            reader.refuse(event, error)
            continue
        message = "\n".join(t for m in children(event, "MessageText") if (t := text(m)))
        before = child(event, "PreviousValue")
        told = read_told(event, "UserAttribute")
        reader.state(
            OperationsEvent,
            event,
            key=execution.key("event", own if used[own] == 1 else f"{own}#{used[own]}"),
            event_type=codes(children(event, "EventType")) or "Other",
            subtype=codes(children(event, "EventSubType")),
            at=at,
            noted_at=reader.time(told.get("noted_at"), "ValueString"),
            cleared_at=reader.time(told.get("cleared_at"), "ValueString"),
            acknowledged_at=reader.time(told.get("acknowledged_at"), "ValueString"),
            tag=told_text(told, "tag"),
            priority=text(alarm, "Priority"),
            batch=execution.batch,
            response=_response_of(execution, event),
            equipment=reader.name(event, "EquipmentID"),
            actor=reader.name(event, "PersonID"),
            value=value,
            previous=text(before, "ValueString"),
            exceeded_limit=_limit(alarm),
            comment=(message or description(event, 4000) or "")[:4000] or None,
        )


def _limit(alarm: Element | None) -> str | None:
    limit = child(alarm, "AlarmLimit") if alarm is not None else None
    said = (text(limit, "ValueString"), text(limit, "UnitOfMeasure"))
    return " ".join(part for part in said if part) or None


def _stamp(reader: Reader, element: Element) -> Any:
    """Give the entry's time; ValueError when it is missing, naive or no time."""
    found = text(element, "TimeStamp")
    if found is None:
        raise ValueError("the entry has no TimeStamp, so nobody knows when it was")
    try:
        return reader.connector.instant(found)
    except NaiveTimeError as error:
        raise ValueError(f"TimeStamp: {error}") from error


def _value(reader: Reader, element: Element | None) -> Measurement | None:
    entry = text(element, "ValueString") if element is not None else None
    return None if entry is None else reader.connector.measurement(entry, text(element, "UnitOfMeasure"))


def _response_of(execution: Execution, element: Element) -> str | None:
    """Give the segment that an entry refers to, by its ID or by the last step of a path."""
    for reference in children(element, "ProceduralElementReference"):
        said = text(reference) or ""
        for candidate in (said, said.rpartition("/")[2]):
            if candidate in execution.segments:
                return execution.segments[candidate]
    return None


# ----------------------------------------------------------------------------------- qualifications
def _read_qualifications(reader: Reader, body: Element, execution: Execution) -> None:
    used: Counter[str] = Counter()
    known = ", ".join(_RESOURCES)
    for entry in (m for g in children(body, "ResourceQualifications") for m in children(g, _MANIFEST)):
        kind = _RESOURCES.get("".join((text(entry, "ResourceType") or "").split()).casefold())
        if kind is None:
            reader.refuse(entry, f"resource type {text(entry, 'ResourceType')!r} is none of {known}")
            continue
        own = text(entry, "EntryID") or text(entry, "ResourceID") or "qualification"
        used[own] += 1
        reader.state(
            Qualification,
            entry,
            key=execution.key("qualification", own if used[own] == 1 else f"{own}#{used[own]}"),
            batch=execution.batch,
            use=said(entry, "ResourceUse"),
            status=said(entry, "QualificationStatus"),
            effective_at=reader.time(entry, "EffectiveTimeStamp"),
            expires_at=reader.time(entry, "ExpirationTimeStamp"),
            **{kind: reader.name(entry, "ResourceID")},
        )


# ------------------------------------------------------------------------------------------ samples
def _read_samples(reader: Reader, body: Element, execution: Execution) -> None:
    for sample in (s for group in children(body, "Samples") for s in children(group, "Sample")):
        code = text(sample, "ExternalReference", "EntryID")
        if not code:
            reader.refuse(sample, "the sample has neither ExternalReference nor EntryID")
            continue
        key = execution.key("sample", text(sample, "EntryID") or code)
        told = read_key(child(sample, "SampleSize"))
        reader.state(
            Sample,
            sample,
            key=key,
            code=code,
            batch=None if told.get("of") == "lot" else execution.batch,
            response=_response_of(execution, sample),
            lot=reader.name(sample, "SampleSourceID") if told.get("source") == "lot" else None,
            specification=reader.name(sample, "SOPReference") if told.get("sop") == "specification" else None,
            equipment=reader.name(sample, "EquipmentID"),
            sample_type=codes(children(sample, "SampleType")),
            stage=told.get("stage"),
            taken_at=reader.time(sample, "TimeStamp"),
            received_at=reader.told_time(sample, told.get("received_at")),
            taken_by=told.get("taken_by"),
            status=told.get("status"),
        )
        for test in children(sample, "SampleTest"):
            _read_results(reader, test, key)


def _read_results(reader: Reader, test: Element, sample: str) -> None:
    title = text(test, "TestName")
    code = codes(children(test, "TestCode")) or title or "test"
    replicate = 0
    for result in children(test, "SampleTestResult"):
        disposition = text(result, "TestDisposition")
        for entry in children(result, "Results"):
            replicate += 1
            try:
                value = _value(reader, entry)
            except ValueError as error:
                reader.refuse(entry, error)
                continue
            if value is None:
                continue
            told = read_key(entry)
            status, again = told.get("status", disposition), told.get("retest_of")
            reader.state(
                TestResult,
                result,
                key=f"{sample}/test/{text(test, 'EntryID') or code}/{replicate}",
                sample=sample,
                test_code=code,
                property=title,
                kind=told.get("kind", "measured"),
                replicate=told.get("replicate", replicate),
                retest_of=f"{sample}/test/{again}" if again else None,
                value=value,
                verdict=_VERDICTS.get((disposition or "").casefold()),
                status=None if status == UNSPECIFIED else status,
                measured_at=reader.time(result, "TimeStamp"),
                approved_at=reader.told_time(entry, told.get("approved_at")),
                analyst=told.get("analyst"),
            )
