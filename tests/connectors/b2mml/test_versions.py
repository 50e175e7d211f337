"""Documents of the versions before V0401: their namespaces, and what their elements were called."""

import pytest

from connectors.b2mml import B2mml, B2mmlConfig
from hub.model import (
    Batch,
    Equipment,
    Identifier,
    MaterialActual,
    MaterialRequirement,
    OperationsDefinition,
    OperationsRequest,
    Record,
    Sample,
    SegmentResponse,
)
from hub.sdk import BadRecord, Document

SPACES = (
    "http://www.wbf.org/xml/B2MML-V02",
    "http://www.wbf.org/xml/b2mml-v0300",
    "http://www.wbf.org/xml/B2MML-V0401",
    "http://www.wbf.org/xml/B2MML-V05",
    "http://www.mesa.org/xml/B2MML-V0600",
    "http://www.mesa.org/xml/B2MML",
)
PERFORMANCE = """<b:ProductionPerformance xmlns:b="{space}" xmlns:v="http://vendor.example/own">
 <b:ID>PP-1</b:ID>
 <b:Location><b:EquipmentID>CRK</b:EquipmentID><b:EquipmentElementLevel>Site</b:EquipmentElementLevel>
  <b:Location><b:EquipmentID>USP</b:EquipmentID><b:EquipmentElementLevel>Area</b:EquipmentElementLevel></b:Location>
 </b:Location>
 <b:ProductionResponse><b:ID>R-1</b:ID><b:ProductionRequestID>O-1</b:ProductionRequestID>
  <b:SegmentResponse><b:ID>S-1</b:ID><b:ProcessSegmentID>Mix</b:ProcessSegmentID>
   <b:Location><b:EquipmentID>MIX-1</b:EquipmentID><b:EquipmentElementLevel>Unit</b:EquipmentElementLevel></b:Location>
   <b:ActualStartTime>2004-03-01T08:00:00Z</b:ActualStartTime><v:ID>of a vendor</v:ID>
   <b:MaterialProducedActual><b:ID>M1</b:ID><b:MaterialDefinitionID>SYRUP</b:MaterialDefinitionID>
    <b:MaterialLotID>L-7</b:MaterialLotID><b:Quantity>12.50</b:Quantity><b:UnitOfMeasure>kg</b:UnitOfMeasure>
   </b:MaterialProducedActual>
   <b:MaterialConsumedActual><b:ID>M2</b:ID><b:MaterialDefinitionID>SUGAR</b:MaterialDefinitionID>
    <b:Quantity><b:QuantityString>3</b:QuantityString><b:UnitOfMeasure>kg</b:UnitOfMeasure></b:Quantity>
   </b:MaterialConsumedActual>
  </b:SegmentResponse>
 </b:ProductionResponse>
</b:ProductionPerformance>"""
PRODUCT = """<ProductDefinitionInformation xmlns="{space}"><ProductDefinition>
 <ID>SYRUP</ID><Version>2</Version><Description>Cough syrup</Description>
 <ProductProductionRule><ID>RULE-9</ID><Version>1</Version></ProductProductionRule>
 <ManufacturingBill><ID>B1</ID><MaterialDefinitionID>SUGAR</MaterialDefinitionID>
  <Quantity><QuantityString>3</QuantityString><UnitOfMeasure>kg</UnitOfMeasure></Quantity></ManufacturingBill>
 <ProductSegment><ID>Mix</ID>
  <MaterialProducedSpecification><ID>P1</ID><MaterialDefinitionID>SYRUP</MaterialDefinitionID></MaterialProducedSpecification>
 </ProductSegment>
</ProductDefinition></ProductDefinitionInformation>"""
SCHEDULE = """<ProcessProductionSchedule xmlns="{space}"><ApplicationArea>
 <CreationDateTime>2004-03-01T08:00:00Z</CreationDateTime></ApplicationArea>
 <DataArea><Process/><ProductionSchedule><ID>S</ID><ProductionRequest><ID>O-1</ID>
  {rule}<ProductionPriority>3</ProductionPriority></ProductionRequest></ProductionSchedule></DataArea>
</ProcessProductionSchedule>"""


def parse(payload: str) -> list[Record]:
    connector = B2mml(B2mmlConfig.model_validate({"folder": "/nowhere", "response_is_batch": True}))
    parts = list(connector.parse(Document(object_type="any", key="f.xml", payload=payload)))
    assert all(isinstance(part, Record) for part in parts), parts
    return [part for part in parts if isinstance(part, Record)]


@pytest.mark.parametrize("space", SPACES)
def test_a_performance_of_any_version_says_the_same(space: str) -> None:
    parts = parse(PERFORMANCE.format(space=space))
    (batch,) = (p for p in parts if isinstance(p, Batch))
    (segment,) = (p for p in parts if isinstance(p, SegmentResponse))
    made, used = (p for p in parts if isinstance(p, MaterialActual))
    assert (batch.id.value, batch.operations_request) == ("R-1", Identifier(value="O-1"))
    assert (segment.key, segment.equipment) == ("R-1/S-1", Identifier(value="MIX-1"))
    assert (made.use, used.use) == ("Produced", "Consumed")
    assert made.quantity is not None
    assert (made.quantity.text, made.quantity.unit) == ("12.50", "kg")
    places = {e.id.value: (e.level, e.parent and e.parent.value) for e in parts if isinstance(e, Equipment)}
    assert places == {"CRK": ("Site", None), "USP": ("Area", "CRK"), "MIX-1": ("Unit", None)}


@pytest.mark.parametrize("space", SPACES[:3])
def test_a_product_definition_is_how_its_product_is_made(space: str) -> None:
    parts = parse(PRODUCT.format(space=space))
    (definition,) = (p for p in parts if isinstance(p, OperationsDefinition))
    assert (definition.id.value, definition.definition_version) == ("RULE-9", "2")
    assert definition.product == Identifier(value="SYRUP")
    needs = {n.material.value: n.use for n in parts if isinstance(n, MaterialRequirement) and n.material}
    assert needs == {"SUGAR": "Consumed", "SYRUP": "Produced"}


@pytest.mark.parametrize(
    "rule",
    [
        "<ProductProductionRuleID>RULE-9</ProductProductionRuleID>",
        "<ProductProductionRule><ID>RULE-9</ID></ProductProductionRule>",
        "<ProductProductionRule>RULE-9</ProductProductionRule>",
    ],
)
def test_a_production_rule_is_how_an_order_is_made(rule: str) -> None:
    (order,) = (
        p for p in parse(SCHEDULE.format(space=SPACES[1], rule=rule)) if isinstance(p, OperationsRequest)
    )
    assert order.operations_definition == Identifier(value="RULE-9")
    assert order.priority == "3"


@pytest.mark.parametrize(
    "space", ["http://www.wbf.org.evil.example/xml/B2MML-V02", "http://www.wbf.org/xml/Other"]
)
def test_a_namespace_that_only_looks_like_one_is_no_b2mml(space: str) -> None:
    with pytest.raises(BadRecord, match="is no B2MML"):
        parse(PERFORMANCE.format(space=space))


def test_a_key_that_only_pretends_to_be_the_hubs_says_nothing() -> None:
    crowd = "&amp;".join(f"status=s{number}" for number in range(500))
    sample = (
        "<Samples><Sample><EntryID>S</EntryID><ObjectType>Sample</ObjectType><SampleSize><QuantityString/>"
        f'<Key schemeID="plantwide">{crowd}</Key></SampleSize></Sample></Samples>'
    )
    record = f'<BatchProductionRecord xmlns="{SPACES[-1]}"><ID>B</ID>{sample}</BatchProductionRecord>'
    (told,) = (part for part in parse(record) if isinstance(part, Sample))
    assert (told.code, told.status) == ("S", None)
