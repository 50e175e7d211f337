"""What B2MML documents mean: the worked batch record, the published examples, and every seeded fault."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from connectors.b2mml import B2mml, B2mmlConfig
from hub.model import (
    Batch,
    Equipment,
    Identifier,
    MaterialActual,
    MaterialDefinition,
    MaterialLot,
    OperationsEvent,
    OperationsRequest,
    Person,
    Recipe,
    Record,
    Sample,
    SegmentData,
    SegmentResponse,
    TestResult,
)
from hub.sdk import BadRecord, Document, Rejected

R = TypeVar("R", bound=Record)
V7 = 'xmlns="http://www.mesa.org/xml/B2MML"'
RECORD = (Path(__file__).parent / "B26-0117.xml").read_text(encoding="utf-8")


def parse(payload: str, **settings: Any) -> list[Record | Rejected]:
    connector = B2mml(B2mmlConfig.model_validate({"folder": "/nowhere", **settings}))
    return list(connector.parse(Document(object_type="any", key="file.xml", payload=payload)))


def of(kind: type[R], parts: Sequence[Record | Rejected]) -> list[R]:
    return [part for part in parts if isinstance(part, kind)]


def rejected(parts: Sequence[Record | Rejected]) -> list[Rejected]:
    return [part for part in parts if isinstance(part, Rejected)]


# ------------------------------------------------------------------------- the worked batch record


def test_the_worked_record_names_its_batch_as_the_other_systems_do() -> None:
    campaign, batch = of(Batch, parse(RECORD))
    assert (campaign.id.value, campaign.kind) == ("C26-03", "campaign")
    assert batch.id == Identifier(value="B26-0117")
    assert batch.campaign == Identifier(value="C26-03")
    assert batch.output_lot == Identifier(value="B26-0117-DS")
    assert batch.operations_request == Identifier(scheme="sap.prd:process_order", value="1004711")
    assert batch.recipe == Identifier(value="CR-B26-0117")
    assert batch.equipment == Identifier(value="CRK")
    assert batch.status == "Complete"
    assert batch.actual_start == datetime(2026, 3, 2, 6, 11, 4, tzinfo=UTC)
    assert batch.actual_end == datetime(2026, 3, 28, 19, 45, tzinfo=UTC)
    assert batch.planned_size is not None
    assert batch.planned_size.value == 120
    assert batch.actual_size is not None
    assert (batch.actual_size.text, batch.actual_size.source_unit) == ("118.20", "KG")


def test_the_worked_record_has_eight_unit_procedures_with_operations_and_phases_inside() -> None:
    responses = of(SegmentResponse, parse(RECORD))
    levels = Counter(response.level for response in responses)
    assert levels == {"unit_procedure": 8, "operation": 1, "phase": 1}
    fed_batch, operation, phase = responses[2:5]
    assert fed_batch.key == "B26-0117/SR-120"
    assert fed_batch.equipment == Identifier(value="BR2000-01")
    assert (fed_batch.process_segment, fed_batch.state) == (Identifier(value="PS-FEDBATCH"), "Completed")
    assert operation.parent == fed_batch.key
    assert (phase.key, phase.parent) == ("B26-0117/SR-120/FedBatch/Feed", operation.key)


def test_the_worked_record_moves_material_with_text_and_unit_as_written() -> None:
    moved = {actual.key.rpartition("/")[2]: actual for actual in of(MaterialActual, parse(RECORD))}
    assert set(moved) == {"M1", "M8", "M20"}
    medium = moved["M8"]
    assert medium.quantity is not None
    assert (medium.quantity.text, medium.quantity.source_unit, medium.quantity.value) == ("1500", "kg", 1500)
    assert (medium.use, medium.response) == ("Consumed", "B26-0117/SR-120")
    assert medium.lot == Identifier(value="MP-26-0012")
    assert MaterialLot(id=Identifier(value="MP-26-0012"), material=Identifier(value="MEDIA-PRD")) in parse(
        RECORD
    )


def test_the_worked_record_tells_values_setpoints_people_and_places() -> None:
    parts = parse(RECORD)
    titre, setpoint = of(SegmentData, parts)
    assert (titre.name, titre.value.text, titre.value.unit, titre.kind) == (
        "Harvest titre",
        "4.9",
        "g/L",
        "actual",
    )
    assert (setpoint.kind, setpoint.is_cpp) == ("setpoint", True)
    assert [person.id.value for person in of(Person, parts)] == ["OP-114"]
    assert [(e.id.value, e.level) for e in of(Equipment, parts)] == [("LEE", "Enterprise"), ("CRK", "Site")]
    (recipe,) = of(Recipe, parts)
    assert (recipe.kind, recipe.recipe_version, recipe.based_on) == (
        "control",
        "07",
        Identifier(value="MR-MAB214-DS"),
    )


def test_the_worked_record_tells_events_and_rejects_the_one_without_a_time() -> None:
    parts = parse(RECORD)
    (event,) = of(OperationsEvent, parts)
    assert (event.event_type, event.priority, event.previous) == ("Alarm", "2", "31.0")
    assert event.response == "B26-0117/SR-120/FedBatch/Feed"
    assert event.value is not None
    assert event.value.value == 28.4
    (fault,) = rejected(parts)
    assert "no TimeStamp" in fault.reason
    assert "Event[E2] (line 33)" in fault.where


def test_the_worked_record_tells_samples_with_results() -> None:
    parts = parse(RECORD)
    (sample,) = of(Sample, parts)
    (result,) = of(TestResult, parts)
    assert (sample.code, sample.response) == ("S-2026-004811", "B26-0117/SR-120")
    assert (result.sample, result.test_code, result.verdict) == (sample.key, "TITRE-HPLC", "pass")
    assert result.value.text == "3.10"


def test_a_corrected_amount_changes_only_what_it_speaks_of() -> None:
    before, after = parse(RECORD), parse(RECORD.replace("118.20", "117.30"))
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [type(part) for part in changed] == [MaterialActual, Batch]


# ------------------------------------------------------------------------------ published examples


def examples(shared_folder: Path) -> dict[str, list[Record | Rejected]]:
    connector = B2mml(B2mmlConfig(folder=shared_folder / "data" / "b2mml" / "examples"))
    told: dict[str, list[Record | Rejected]] = {}
    for page in connector.read("documents", None):
        for document in page.documents:
            try:
                told[f"{document.object_type} {document.key}"] = list(connector.parse(document))
            except BadRecord as error:
                told[f"{document.object_type} {document.key}"] = [Rejected(reason=str(error))]
    return told


@pytest.mark.against("b2mml", "MESA's published B2MML examples", how="published")
def test_every_published_example_is_read_and_the_foreign_file_is_named(shared_folder: Path) -> None:
    told = examples(shared_folder)
    faults = {name: rejected(parts) for name, parts in told.items() if rejected(parts)}
    assert list(faults) == ["unreadable cough-syrup-property.xml"]
    assert "is no B2MML or BatchML" in faults["unreadable cough-syrup-property.xml"][0].reason
    assert len(told) == 7


def test_the_published_inventory_and_lot_tell_sublot_amount_and_expiry(shared_folder: Path) -> None:
    parts = [part for parts in examples(shared_folder).values() for part in parts]
    lots = of(MaterialLot, parts)
    sublot = next(lot for lot in lots if lot.id.value == "CRBN0001_LOT01_01")
    assert sublot.parent_lot == Identifier(value="CRBN0001_LOT01")
    assert sublot.quantity is not None
    assert sublot.quantity.text == "24.910"
    assert [lot.expires_at for lot in lots if lot.expires_at] == [datetime(2013, 12, 8, tzinfo=UTC)]
    (definition,) = of(MaterialDefinition, parts)
    assert (definition.id.value, definition.base_unit) == ("CRBN0001", "kg")


def test_the_published_schedule_performance_and_recipe_are_told(shared_folder: Path) -> None:
    parts = [part for parts in examples(shared_folder).values() for part in parts]
    (request,) = of(OperationsRequest, parts)
    assert (request.id.value, request.product) == ("258456", Identifier(value="SO1215"))
    (actual,) = of(MaterialActual, parts)
    assert actual.lot == Identifier(value="430147330000056734")
    (response,) = of(SegmentResponse, parts)
    assert (response.key, response.level, response.batch) == ("53107/Weighing", "segment", None)
    (recipe,) = of(Recipe, parts)
    assert (recipe.id.value, recipe.kind, recipe.recipe_version) == ("1", "master", "1.0")


# ------------------------------------------------------------------------------------ other documents


def test_a_batch_list_tells_campaigns_batches_and_their_steps() -> None:
    parts = parse(
        """<BatchInformation xmlns="http://www.wbf.org/xml/BatchML-V0401"><BatchList>
        <BatchListEntry><ID>C1</ID><BatchListEntryType>Campaign</BatchListEntryType>
          <BatchListEntry><ID>e1</ID><BatchListEntryType>Batch</BatchListEntryType><Status>Held</Status>
            <RecipeID>MR</RecipeID><BatchID>B1</BatchID><RequestedBatchSize>12</RequestedBatchSize><UnitOfMeasure>KG</UnitOfMeasure>
            <BatchListEntry><ID>UP1</ID><BatchListEntryType>UnitProcedure</BatchListEntryType><Status>Complete</Status>
              <BatchListEntry><ID>PH1</ID><BatchListEntryType>Phase</BatchListEntryType></BatchListEntry>
            </BatchListEntry></BatchListEntry></BatchListEntry></BatchList></BatchInformation>"""
    )
    campaign, batch = of(Batch, parts)
    assert campaign.kind == "campaign"
    assert (batch.id.value, batch.status, batch.campaign) == ("B1", "Held", Identifier(value="C1"))
    assert batch.planned_size is not None
    assert batch.planned_size.unit == "kg"
    step, phase = of(SegmentResponse, parts)
    assert (step.key, step.level, step.state, step.parent) == ("B1/UP1", "unit_procedure", "Completed", None)
    assert (phase.key, phase.parent) == ("B1/UP1/PH1", "B1/UP1")


def test_equipment_and_persons_are_told_with_their_places() -> None:
    parts = parse(
        f"""<ShowEquipmentInformation {V7}><ApplicationArea><CreationDateTime>2026-01-01T00:00:00Z</CreationDateTime></ApplicationArea>
        <DataArea><Show/><EquipmentInformation><Equipment><ID>CRK</ID><EquipmentLevel>Site</EquipmentLevel>
        <EquipmentProperty><ID>TimeZone</ID><Value><ValueString>Europe/Dublin</ValueString></Value></EquipmentProperty>
        <EquipmentChild><ID>BR1</ID><EquipmentLevel>Unit</EquipmentLevel></EquipmentChild></Equipment></EquipmentInformation></DataArea></ShowEquipmentInformation>"""
    )
    site, unit = of(Equipment, parts)
    assert (site.level, site.timezone) == ("Site", "Europe/Dublin")
    assert (unit.level, unit.parent) == ("Unit", Identifier(value="CRK"))
    (person,) = of(Person, parse(f"<Person {V7}><ID>OP-1</ID><PersonName>A. Byrne</PersonName></Person>"))
    assert person.printed_name == "A. Byrne"


def performance(body: str) -> str:
    return (
        f"<OperationsPerformance {V7}><ID>P</ID><OperationsResponse><ID>R1</ID>{body}</OperationsResponse>"
        "</OperationsPerformance>"
    )


def test_a_response_outside_a_record_is_a_batch_when_the_settings_say_so() -> None:
    text = performance("<SegmentResponse><ID>S</ID></SegmentResponse>")
    assert of(Batch, parse(text)) == []
    (batch,) = of(Batch, parse(text, response_is_batch=True))
    assert batch.id == Identifier(value="R1")
    (named,) = of(Batch, parse(performance("<BatchID>B9</BatchID>")))
    assert named.id == Identifier(value="B9")


def test_segments_and_data_that_share_an_id_keep_keys_of_their_own() -> None:
    segment = (
        "<SegmentResponse><ID>S</ID><SegmentData><ID>pH</ID><Value><ValueString>7</ValueString></Value>"
        "<Value><ValueString>8</ValueString></Value></SegmentData></SegmentResponse>"
    )
    parts = parse(performance(segment * 2))
    assert [r.key for r in of(SegmentResponse, parts)] == ["R1/S", "R1/S#2"]
    assert [r.occurrence for r in of(SegmentResponse, parts)] == [1, 2]
    assert len({d.key for d in of(SegmentData, parts)}) == 4


# ------------------------------------------------------------------------------------- seeded faults


def test_a_naive_time_is_rejected_by_path_and_the_rest_goes_on() -> None:
    text = performance(
        "<SegmentResponse><ID>S</ID><ActualStartTime>2026-03-10T08:00:00</ActualStartTime></SegmentResponse>"
    )
    parts = parse(text)
    (fault,) = rejected(parts)
    assert "OperationsPerformance[P]/OperationsResponse[R1]/SegmentResponse[S]/ActualStartTime" in fault.where
    assert "set the source's `timezone`" in fault.reason
    (response,) = of(SegmentResponse, parts)
    assert response.actual_start is None
    (zoned,) = of(SegmentResponse, parse(text, timezone="Europe/Vienna"))
    assert zoned.actual_start == datetime(2026, 3, 10, 7, tzinfo=UTC)


def test_a_time_that_clocks_skip_or_show_twice_is_rejected_by_path_until_the_source_says_which() -> None:
    def ran(start: str, end: str) -> str:
        return performance(
            f"<SegmentResponse><ID>S</ID><ActualStartTime>{start}</ActualStartTime>"
            f"<ActualEndTime>{end}</ActualEndTime></SegmentResponse>"
        )

    skipped = rejected(parse(ran("2026-03-29T01:30:00", "2026-03-29T03:00:00"), timezone="Europe/Dublin"))
    assert [f.where.rpartition("/")[2].split()[0] for f in skipped] == ["ActualStartTime"]
    assert "does not exist in Europe/Dublin" in skipped[0].reason
    twice = ran("2026-10-25T01:30:00", "2026-10-25T03:00:00")
    (fault,) = rejected(parse(twice, timezone="Europe/Dublin"))
    assert "comes twice in Europe/Dublin" in fault.reason
    (late,) = of(SegmentResponse, parse(twice, timezone="Europe/Dublin", ambiguous="latest"))
    assert late.actual_start == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


MATERIAL = (
    "<SegmentResponse><ID>S</ID><MaterialActual><ID>M1</ID><MaterialUse>Consumed</MaterialUse><Quantity>"
    "<QuantityString>{}</QuantityString><UnitOfMeasure>{}</UnitOfMeasure></Quantity></MaterialActual></SegmentResponse>"
)


def test_an_unknown_unit_holds_the_movement_back_until_it_is_mapped() -> None:
    text = performance(MATERIAL.format("3", "Eimer"))
    parts = parse(text)
    (fault,) = rejected(parts)
    assert "unit 'Eimer' is not known" in fault.reason
    assert "MaterialActual[M1]/Quantity" in fault.where
    assert of(MaterialActual, parts) == []
    assert of(SegmentResponse, parts)
    (moved,) = of(MaterialActual, parse(text, units={"Eimer": "L"}))
    assert moved.quantity is not None
    assert moved.quantity.unit == "L"


def test_an_amount_that_is_no_number_is_rejected_by_path() -> None:
    (fault,) = rejected(parse(performance(MATERIAL.format("about 3", "KG"))))
    assert "MaterialActual[M1]" in fault.where


def test_an_end_before_its_start_is_rejected_and_the_other_segments_stay() -> None:
    parts = parse(
        performance(
            "<SegmentResponse><ID>S</ID><ActualStartTime>2026-03-10T08:00:00Z</ActualStartTime>"
            "<ActualEndTime>2026-03-09T08:00:00Z</ActualEndTime></SegmentResponse>"
            "<SegmentResponse><ID>T</ID></SegmentResponse>"
        )
    )
    (fault,) = rejected(parts)
    assert "actual_end 2026-03-09 08:00:00+00:00 is before actual_start" in fault.reason
    assert [r.key for r in of(SegmentResponse, parts)] == ["R1/T"]


BROKEN = {
    "truncated": (RECORD[:3000], r"file\.xml: line \d+ is no well-formed XML"),
    "no xml": ("just text", "no well-formed XML"),
    "doctype": ('<!DOCTYPE a [<!ENTITY x "y">]><Person ' + V7 + "/>", "DOCTYPE is not allowed"),
    "foreign": ('<a xmlns="urn:x"/>', "is no B2MML"),
    "unknown document": (f"<OperationsCapability {V7}/>", "an? OperationsCapability document is not read"),
    "request": (f"<GetMaterialLot {V7}/>", "asks or withdraws"),
    "empty message": (f"<SyncMaterialLot {V7}/>", "no DataArea/MaterialLot"),
    "lost characters": (f"<Person {V7}><ID>\ufffd</ID></Person>", "line 1 has bytes that are no text"),
    "too deep": (f"<Person {V7}>" + "<a>" * 300 + "</a>" * 300 + "</Person>", "no well-formed XML"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_no_readable_document_is_a_bad_record_that_says_why(fault: str) -> None:
    payload, message = BROKEN[fault]
    with pytest.raises(BadRecord, match=message) as caught:
        parse(payload)
    assert caught.value.remedy


def test_a_doctype_in_a_comment_is_only_a_comment() -> None:
    assert parse(f"<!-- <!DOCTYPE x> --><Person {V7}><ID>OP-1</ID></Person>")


def test_an_entity_never_reads_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret", encoding="utf-8")
    attack = f'<?xml version="1.0"?><!DOCTYPE Person [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><Person {V7}><ID>&x;</ID></Person>'
    with pytest.raises(BadRecord, match="DOCTYPE"):
        parse(attack)
