"""What B2MML documents say of plans, recipes, classes, assets, tests and resources."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from connectors.b2mml import B2mml, B2mmlConfig
from connectors.b2mml.quality import read_limits
from hub.model import (
    Equipment,
    EquipmentAssetMapping,
    Identifier,
    MaterialRequirement,
    OperationsDefinition,
    OperationsEvent,
    OperationsRequest,
    Person,
    PhysicalAsset,
    ProcessSegment,
    Qualification,
    RecipeElement,
    RecipeParameter,
    Record,
    ResourceActual,
    ResourceClass,
    ResourceProperty,
    Sample,
    SegmentRequirement,
    SegmentResponse,
    TestCriterion,
    TestResult,
    TestSpecification,
)
from hub.sdk import Document, Rejected

R = TypeVar("R", bound=Record)
V7 = 'xmlns="http://www.mesa.org/xml/B2MML"'
RECORD = (Path(__file__).parent / "B26-0117.xml").read_text(encoding="utf-8")


def connector(**settings: Any) -> B2mml:
    return B2mml(B2mmlConfig.model_validate({"folder": "/nowhere", **settings}))


def parse(payload: str, *, faults: int = 0, **settings: Any) -> list[Record | Rejected]:
    """Give what a document says; as many parts cannot be read as the test knows of."""
    told = list(connector(**settings).parse(Document(object_type="any", key="file.xml", payload=payload)))
    assert len([part for part in told if isinstance(part, Rejected)]) == faults
    return told


def of(kind: type[R], parts: Sequence[Record | Rejected]) -> list[R]:
    return [part for part in parts if isinstance(part, kind)]


def published(shared_folder: Path, file: str) -> list[Record | Rejected]:
    """Give what one of the published examples says."""
    return parse((shared_folder / "data" / "b2mml" / "examples" / file).read_text(encoding="utf-8-sig"))


# ------------------------------------------------------------------------------------------ recipes


def test_the_published_recipe_tells_its_whole_procedure(shared_folder: Path) -> None:
    elements = of(RecipeElement, published(shared_folder, "cough-syrup-recipe.xml"))
    assert Counter(e.element_type for e in elements) == {
        "Procedure": 1,
        "UnitProcedure": 2,
        "Operation": 11,
        "Phase": 36,
        "Begin": 15,
        "End": 15,
    }
    by_name = {e.name: e for e in elements}
    make, suspension = by_name["Mix Slurry 1"], by_name["Make Suspension"]
    assert (make.level, suspension.level) == ("operation", "unit_procedure")
    assert make.parent == suspension.key
    assert suspension.parent == by_name["Cough Syrup"].key
    assert {e.recipe_version for e in elements} == {"1.0"}
    assert {e.recipe.value for e in elements} == {"1"}


def test_the_parts_of_a_procedure_are_numbered_within_what_they_stand_in(shared_folder: Path) -> None:
    elements = of(RecipeElement, published(shared_folder, "cough-syrup-recipe.xml"))
    inside: dict[str | None, list[int]] = {}
    for element in elements:
        if element.sequence:
            inside.setdefault(element.parent, []).append(element.sequence)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in inside.values())
    assert [e.sequence for e in elements if e.element_type in ("Begin", "End")] == [None] * 30


def test_the_published_recipe_tells_the_parameters_of_its_phases(shared_folder: Path) -> None:
    parts = published(shared_folder, "cough-syrup-recipe.xml")
    parameters = of(RecipeParameter, parts)
    assert len(parameters) == 29  # and 22 rows that are empty
    assert {p.element for p in parameters} <= {e.key for e in of(RecipeElement, parts)}
    assert Counter(p.parameter_type for p in parameters).keys() <= {
        "ProcessInput",
        "ProcessOutput",
        "ProcessParameter",
    }
    operator = next(p for p in parameters if p.name == "Operator")
    assert operator.value is not None
    assert (operator.value.text, operator.value.value, operator.value.unit) == (
        "qualified operator",
        None,
        None,
    )
    amount = next(p for p in parameters if p.value and p.value.source_unit == "Kiloliters")
    assert amount.value is not None
    assert amount.value.unit == "kL"


RECIPE = f"""<BatchInformation {V7}><MasterRecipe><ID>MR-1</ID><Version>07</Version>
<Formula><Parameter><ID>Batch size</ID><ParameterType>ProcessInput</ParameterType>
  <Value><ValueString>120</ValueString><UnitOfMeasure>KG</UnitOfMeasure></Value></Parameter></Formula>
<RecipeElement><ID>SR-120</ID><Description>Fed-batch</Description><RecipeElementType>UnitProcedure</RecipeElementType>
  <BuildingBlockElementID>PS-PRODUCTION</BuildingBlockElementID>
  <Parameter><ID>Temperature</ID><Description>CPP</Description><ParameterType>ProcessParameter</ParameterType>
    <Value><ValueString>36.80</ValueString><UnitOfMeasure>Cel</UnitOfMeasure></Value>
    <Parameter><ID>Low limit</ID><ParameterType>ProcessParameter</ParameterType><Value><ValueString>36.50</ValueString></Value></Parameter>
    <Parameter><ID>High limit</ID><ParameterType>ProcessParameter</ParameterType><Value><ValueString>37.10</ValueString></Value></Parameter>
    <Parameter><ID>Deadband</ID><ParameterType>Vendor thing</ParameterType><Value><ValueString>0.1</ValueString></Value></Parameter></Parameter>
  <OtherInformation><ID>ProcessSegmentID</ID><Value><ValueString>PS-FEDBATCH</ValueString></Value></OtherInformation>
  <OtherInformation><ID>EquipmentClassID</ID><Value><ValueString>Bioreactor</ValueString></Value></OtherInformation>
  <OtherInformation><ID>Duration</ID><Value><ValueString>P13DT20H</ValueString></Value></OtherInformation>
  <OtherInformation><ID>Optional</ID><Value><ValueString>false</ValueString></Value></OtherInformation>
</RecipeElement></MasterRecipe></BatchInformation>"""


def test_an_element_tells_its_segment_its_class_of_equipment_and_how_long_it_takes() -> None:
    (element,) = of(RecipeElement, parse(RECIPE))
    assert (element.key, element.code, element.recipe_version) == ("MR-1/07/SR-120", "SR-120", "07")
    assert element.process_segment == Identifier(value="PS-FEDBATCH")
    assert element.equipment_class == Identifier(value="Bioreactor")
    assert (element.standard_duration_s, element.is_optional) == (13 * 86400 + 20 * 3600, False)
    without = RECIPE.replace("ProcessSegmentID", "Remark")
    assert of(RecipeElement, parse(without))[0].process_segment is None
    (named,) = of(RecipeElement, parse(without, building_blocks_are_segments=True))
    assert named.process_segment == Identifier(value="PS-PRODUCTION")


def test_a_parameter_tells_nominal_and_limits_as_they_were_written() -> None:
    size, temperature, deadband = of(RecipeParameter, parse(RECIPE))
    assert (size.element, size.name, size.parameter_type) == (None, "Batch size", "ProcessInput")
    assert temperature.element == "MR-1/07/SR-120"
    assert temperature.value is not None
    assert (temperature.value.text, temperature.value.unit) == ("36.80", "Cel")
    assert (temperature.lower, temperature.lower_text) == (36.5, "36.50")
    assert (temperature.upper, temperature.upper_text) == (37.1, "37.10")
    assert temperature.is_cpp
    assert (deadband.key, deadband.parameter_type) == (
        "MR-1/07/SR-120/parameter/Temperature/Deadband",
        "Vendor thing",
    )


# -------------------------------------------------------------------------------------------- plans


def test_the_published_schedule_tells_its_steps_and_what_they_need(shared_folder: Path) -> None:
    parts = published(shared_folder, "PRO-20121210181416-27942.xml")
    steps = {s.id.value: s for s in of(SegmentRequirement, parts)}
    (request,) = of(OperationsRequest, parts)
    assert all(s.operations_request == request.id for s in steps.values())
    assert steps["258456|0010/Weighing"].parent == Identifier(value="258456|0010")
    assert steps["258456|0010/Weighing"].process_segment == Identifier(value="Weighing")
    needs = of(MaterialRequirement, parts)
    assert len({n.key for n in needs}) == len(needs) == 7
    assert Counter(n.use for n in needs) == {"Produced": 1, "Consumed": 4, "Other": 2}
    made = next(n for n in needs if n.use == "Produced")
    assert made.quantity is not None
    assert (made.material, made.quantity.text, made.quantity.source_unit) == (
        Identifier(value="SO1215"),
        "1.000",
        "KG",
    )
    assert made.segment_requirement == Identifier(value="258456|0010")


def test_a_request_names_its_definition_and_a_response_the_step_it_answers() -> None:
    asked = parse(
        f"""<OperationsRequest {V7}><ID schemeID="sap:process_order">1004711</ID><OperationsDefinitionID>MR-1 07</OperationsDefinitionID>
        <SegmentRequirement><ID>0010</ID><EarliestStartTime>2026-03-02T06:00:00Z</EarliestStartTime>
          <LatestEndTime>2026-03-28T20:00:00Z</LatestEndTime><ProcessSegmentID>PS-1</ProcessSegmentID><Duration>PT36H</Duration>
          <OperationsDefinitionID>MR-1 07</OperationsDefinitionID><OperationsSegmentID>OS-1</OperationsSegmentID>
          <SegmentState>Released</SegmentState><EquipmentRequirement><ID>E</ID><EquipmentID>BR2000-01</EquipmentID></EquipmentRequirement>
        </SegmentRequirement></OperationsRequest>"""
    )
    (request,) = of(OperationsRequest, asked)
    assert request.operations_definition == Identifier(value="MR-1 07")
    (step,) = of(SegmentRequirement, asked)
    assert (step.id.value, step.operations_segment, step.state) == ("1004711|0010", "OS-1", "Released")
    assert (step.equipment, step.duration_s) == (Identifier(value="BR2000-01"), 36 * 3600)
    assert step.latest_end == datetime(2026, 3, 28, 20, tzinfo=UTC)
    answered = parse(
        f"""<OperationsPerformance {V7}><ID>P</ID><OperationsResponse><ID>R</ID><OperationsRequestID>1004711</OperationsRequestID>
        <SegmentResponse><ID>S</ID><SegmentRequirementID>0010</SegmentRequirementID></SegmentResponse>
        </OperationsResponse></OperationsPerformance>"""
    )
    assert of(SegmentResponse, answered)[0].segment_requirement == step.id


def test_definitions_and_segments_are_told_with_what_they_need() -> None:
    (outer, inner) = of(
        ProcessSegment,
        parse(
            f"""<ProcessSegmentInformation {V7}><ProcessSegment><ID>PS-USP</ID><OperationsType>Production</OperationsType>
            <ProcessSegmentChild><ID>PS-SEED</ID><Duration>P4D</Duration></ProcessSegmentChild></ProcessSegment></ProcessSegmentInformation>"""
        ),
    )
    assert (outer.operations_type, inner.parent, inner.standard_duration_s) == (
        "Production",
        outer.id,
        4 * 86400,
    )
    told = parse(
        f"""<OperationsDefinition {V7}><ID>OD-1</ID><Version>3</Version><EffectiveStartDate>2026-01-01T00:00:00Z</EffectiveStartDate>
        <OperationsType>Production</OperationsType><OperationsSegment><ID>OS-1</ID><MaterialSpecification><ID>M1</ID>
        <MaterialDefinitionID>300214</MaterialDefinitionID><MaterialUse>Produced</MaterialUse><Quantity><QuantityString>120</QuantityString><UnitOfMeasure>KG</UnitOfMeasure></Quantity>
        </MaterialSpecification></OperationsSegment></OperationsDefinition>"""
    )
    (definition,) = of(OperationsDefinition, told)
    assert (definition.product, definition.definition_version) == (Identifier(value="300214"), "3")
    (need,) = of(MaterialRequirement, told)
    assert (need.operations_definition, need.use) == (definition.id, "Produced")


# ---------------------------------------------------------------------------- classes, assets, properties


def test_classes_of_equipment_and_material_of_one_id_are_two_things() -> None:
    (reactor,) = of(ResourceClass, parse(f"<EquipmentClass {V7}><ID>A</ID></EquipmentClass>"))
    (group,) = of(ResourceClass, parse(f"<MaterialClass {V7}><ID>A</ID></MaterialClass>"))
    assert (reactor.kind, reactor.own_scheme) == ("equipment", "equipment_class")
    assert (group.kind, group.own_scheme) == ("material", "material_class")


def test_an_asset_tells_its_serial_number_and_the_roles_it_played() -> None:
    parts = parse(
        f"""<PhysicalAssetInformation {V7}><PhysicalAsset><ID>A-17</ID><FixedAssetID>FA-900</FixedAssetID><VendorID>Sartorius</VendorID>
        <EquipmentAssetMapping><EquipmentID>BR2000-01</EquipmentID><PhysicalAssetID>A-17</PhysicalAssetID>
          <StartTime>2026-01-01T00:00:00Z</StartTime><EndTime>2026-06-01T00:00:00Z</EndTime></EquipmentAssetMapping>
        <PhysicalAssetProperty><ID>Serial number</ID><Value><ValueString>S-1</ValueString></Value></PhysicalAssetProperty>
        <PhysicalAssetProperty><ID>Single use</ID><Value><ValueString>true</ValueString></Value></PhysicalAssetProperty>
        <PhysicalAssetProperty><ID>Volume</ID><Value><ValueString>2000</ValueString><UnitOfMeasure>L</UnitOfMeasure></Value></PhysicalAssetProperty>
        <PhysicalAssetClassID>Bag</PhysicalAssetClassID></PhysicalAsset></PhysicalAssetInformation>"""
    )
    (asset,) = of(PhysicalAsset, parts)
    assert (asset.serial_number, asset.vendor, asset.is_single_use) == ("S-1", "Sartorius", True)
    assert asset.also == (Identifier(scheme="fixed_asset", value="FA-900"),)
    (mapping,) = of(EquipmentAssetMapping, parts)
    assert (mapping.equipment, mapping.physical_asset) == (Identifier(value="BR2000-01"), asset.id)
    assert mapping.end_at == datetime(2026, 6, 1, tzinfo=UTC)
    (volume,) = of(ResourceProperty, parts)
    assert volume.value is not None
    assert (volume.name, volume.value.text, volume.physical_asset) == ("Volume", "2000", asset.id)


def test_equipment_tells_its_class_its_asset_and_properties_that_are_no_fields() -> None:
    parts = parse(
        f"""<Equipment {V7}><ID>BR1</ID><EquipmentLevel>Skid</EquipmentLevel><PhysicalAssetID>A-1</PhysicalAssetID>
        <EquipmentProperty><ID>TimeZone</ID><Value><ValueString>Europe/Dublin</ValueString></Value></EquipmentProperty>
        <EquipmentProperty><ID>Working volume</ID><Value><ValueString>1600</ValueString><UnitOfMeasure>L</UnitOfMeasure></Value>
          <EquipmentPropertyChild><ID>Minimum</ID><Value><ValueString>400</ValueString><UnitOfMeasure>L</UnitOfMeasure></Value></EquipmentPropertyChild></EquipmentProperty>
        <EquipmentClassID>Bioreactor</EquipmentClassID></Equipment>"""
    )
    (equipment,) = of(Equipment, parts)
    assert (equipment.level, equipment.equipment_class) == ("Skid", Identifier(value="Bioreactor"))
    assert [m.key for m in of(EquipmentAssetMapping, parts)] == ["BR1/A-1"]
    volume, least = of(ResourceProperty, parts)
    assert (volume.key, volume.parent) == ("equipment BR1/Working volume", None)
    assert (least.key, least.parent) == ("equipment BR1/Working volume/Minimum", volume.key)


def test_the_published_material_keeps_the_properties_that_are_no_fields(shared_folder: Path) -> None:
    properties = of(ResourceProperty, published(shared_folder, "MAT-20121210170256-CRBN0001.xml"))
    assert [(p.name, p.value.text) for p in properties if p.value] == [
        ("HazardousMaterialWarning", "C"),
        ("HazardousMaterialWarning", "XN"),
    ]
    assert len({p.key for p in properties}) == 2


# -------------------------------------------------------------------------- execution, tests and events


def test_the_worked_record_tells_which_equipment_and_people_took_part() -> None:
    parts = parse(RECORD, faults=1)  # an event of the record has no time
    actuals = of(ResourceActual, parts)
    responses = {r.key for r in of(SegmentResponse, parts)}
    assert {a.response for a in actuals} <= responses
    reactor = next(a for a in actuals if a.equipment == Identifier(value="BR2000-01"))
    assert (reactor.kind, reactor.person) == ("equipment", None)
    people = {a.person.value for a in actuals if a.person}
    assert people <= {p.id.value for p in of(Person, parts)}


def test_a_class_without_an_instance_took_part_too() -> None:
    (actual,) = of(
        ResourceActual,
        parse(
            f"""<OperationsPerformance {V7}><ID>P</ID><OperationsResponse><ID>R</ID><SegmentResponse><ID>S</ID>
            <PersonnelActual><PersonnelClassID>Operators</PersonnelClassID><PersonnelUse>Second check</PersonnelUse>
              <Quantity><QuantityString>2</QuantityString><UnitOfMeasure>EA</UnitOfMeasure></Quantity></PersonnelActual>
            </SegmentResponse></OperationsResponse></OperationsPerformance>"""
        ),
    )
    assert actual.resource_class == Identifier(scheme="person_class", value="Operators")
    assert actual.quantity is not None
    assert (actual.kind, actual.use, actual.quantity.value) == ("person", "Second check", 2.0)


def test_qualifications_and_alarm_limits_of_a_record_are_told() -> None:
    parts = parse(
        f"""<BatchProductionRecord {V7}><ID>E</ID><EntryID>1</EntryID><BatchID>B1</BatchID>
        <Events><Event><EntryID>E1</EntryID><TimeStamp>2026-03-10T08:00:00Z</TimeStamp><EventType>Alarm</EventType><EventSubType>Vendor alarm</EventSubType>
          <AlarmData><AlarmLimit><ValueString>30</ValueString><UnitOfMeasure>%</UnitOfMeasure></AlarmLimit></AlarmData></Event></Events>
        <ResourceQualifications><ResourceQualificationsManifest><EntryID>Q1</EntryID><RecordReference>S</RecordReference><ResourceID>OP-114</ResourceID>
          <ResourceUse>Operator</ResourceUse><ResourceType>Person</ResourceType><QualificationStatus>Qualified</QualificationStatus>
          <EffectiveTimeStamp>2025-01-01T00:00:00Z</EffectiveTimeStamp><ExpirationTimeStamp>2027-01-01T00:00:00Z</ExpirationTimeStamp>
        </ResourceQualificationsManifest></ResourceQualifications></BatchProductionRecord>"""
    )
    (event,) = of(OperationsEvent, parts)
    assert (event.event_type, event.subtype, event.exceeded_limit) == ("Alarm", "Vendor alarm", "30 %")
    (qualification,) = of(Qualification, parts)
    assert (qualification.person, qualification.status) == (Identifier(value="OP-114"), "Qualified")
    assert qualification.batch == Identifier(value="B1")


@pytest.mark.parametrize(
    ("expression", "limits"),
    [
        ("95 <= x <= 105", {"lower": "95", "upper": "105"}),
        ("x <= 0.050", {"upper": "0.050"}),
        (">= 4.5", {"lower": "4.5"}),
        ("pH >= 6.9 and pH <= 7.1", {"lower": "6.9", "upper": "7.1"}),
        ("x < 0.05", {}),
        ("clear to slightly opalescent", {}),
        ("x <= 5 or repeated", {}),
        ("", {}),
    ],
)
def test_only_an_expression_that_is_nothing_but_limits_becomes_limits(
    expression: str, limits: dict[str, str]
) -> None:
    assert read_limits(expression) == limits


def test_specifications_results_and_events_of_their_own_documents_are_told() -> None:
    parts = parse(
        f"""<OperationsTestInformation {V7}><TestSpecification><ID>SPEC-DS</ID><Version>4</Version>
        <TestSpecificationCriteria><ID>HCP</ID><Expression>x &lt;= 100</Expression><EvaluatedPropertyID>Host cell protein</EvaluatedPropertyID></TestSpecificationCriteria>
        <EvaluatedProperty><ID>Host cell protein</ID></EvaluatedProperty></TestSpecification>
        <TestResult><ID>T1</ID><EvaluationDate>2026-04-01T00:00:00Z</EvaluationDate><TestableObjectID>B26-0117-DS</TestableObjectID><EvaluatedCriterionResult>Pass</EvaluatedCriterionResult>
        <PropertyMeasurement><ID>1</ID><TestableObjectPropertyID>HCP</TestableObjectPropertyID><Value><ValueString>&lt;41</ValueString><UnitOfMeasure>ng/mg</UnitOfMeasure></Value></PropertyMeasurement></TestResult>
        </OperationsTestInformation>"""
    )
    (specification,) = of(TestSpecification, parts)
    assert specification.specification_version == "4"
    (criterion,) = of(TestCriterion, parts)
    assert (criterion.upper, criterion.upper_text, criterion.property) == (100.0, "100", "Host cell protein")
    (sample,) = of(Sample, parts)
    (result,) = of(TestResult, parts)
    assert (result.sample, sample.lot, result.verdict) == (
        sample.key,
        Identifier(value="B26-0117-DS"),
        "pass",
    )
    assert (result.value.value, result.value.comparator) == (41.0, "<")
    (event,) = of(
        OperationsEvent,
        parse(
            f"""<OperationsEvent {V7}><ID>77</ID><EffectiveTimeStamp>2026-03-10T08:00:00Z</EffectiveTimeStamp>
            <RecordTimeStamp>2026-03-10T08:05:00Z</RecordTimeStamp><OperationsEventType>Alert</OperationsEventType></OperationsEvent>"""
        ),
    )
    assert (event.event_type, event.at.minute, event.noted_at) == (
        "Alert",
        0,
        datetime(2026, 3, 10, 8, 5, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("word", "verdict"), [("Passed", "pass"), ("Failed", "fail"), ("Rejected", "fail"), ("Pending", None)]
)
def test_a_test_that_was_rejected_has_failed(word: str, verdict: str | None) -> None:
    (result,) = of(
        TestResult,
        parse(
            f"""<TestResult {V7}><ID>T1</ID><EvaluatedCriterionResult>{word}</EvaluatedCriterionResult>
            <PropertyMeasurement><ID>1</ID><Value><ValueString>41</ValueString></Value></PropertyMeasurement>
            </TestResult>"""
        ),
    )
    assert (result.verdict, result.status) == (verdict, word)
