"""The MES's documents: valid, published in time, broken where planned."""

from datetime import UTC, datetime
from pathlib import Path

import httpx2 as httpx
import pytest
from lxml import etree

from hub.demo.b2mml import NAMESPACE
from hub.demo.folder import DocumentFolder
from hub.demo.mes import CORRECTED_SIZE, Document, publish_all
from hub.demo.mess import MESS
from hub.demo.plan import FIRST, NOW, Batch
from hub.demo.plant import Plant

PARSER = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
NS = {"b": NAMESPACE}


@pytest.fixture(scope="module")
def documents(batches: tuple[Batch, ...]) -> tuple[Document, ...]:
    return publish_all(batches)


def _broken(documents: tuple[Document, ...]) -> list[Document]:
    def fails(document: Document) -> bool:
        try:
            etree.fromstring(document.content, PARSER)
        except etree.XMLSyntaxError:
            return True
        return False

    return [d for d in documents if fails(d)]


def test_every_whole_document_is_valid_against_the_v7_schema(
    documents: tuple[Document, ...], shared_folder: Path
) -> None:
    schema = etree.XMLSchema(etree.parse(str(shared_folder / "data/b2mml/AllSchemas.xsd")))
    broken = {d.name for d in _broken(documents)}
    for document in documents:
        if document.name not in broken:
            tree = etree.fromstring(document.content, PARSER)
            assert schema.validate(tree), f"{document.name}: {schema.error_log}"


def test_exactly_the_planned_document_is_broken(documents: tuple[Document, ...]) -> None:
    names = [d.name for d in _broken(documents)]
    assert [f"mes: {name}" for name in names] == list(MESS["broken-document"].where)


def test_all_kinds_of_documents_are_published(documents: tuple[Document, ...]) -> None:
    kinds = {d.name.split("_")[1] for d in documents}
    assert kinds == {
        "EquipmentInformation",
        "MaterialInformation",
        "OperationsSchedule",
        "OperationsPerformance",
        "BatchProductionRecord",
        "BatchInformation",
        "ProcessSegmentInformation",
        "OperationsDefinitionInformation",
        "PhysicalAssetInformation",
        "WorkCalendarInformation",
    }


def test_names_sort_by_publication(documents: tuple[Document, ...]) -> None:
    assert [d.name for d in documents] == sorted(d.name for d in documents)
    assert [d.at for d in documents] == sorted(d.at for d in documents)


def _record(documents: tuple[Document, ...], batch: str, version: int) -> etree._Element:
    name = f"BatchProductionRecord_{batch}_v{version:02d}"
    return etree.fromstring(next(d.content for d in documents if name in d.name), PARSER)


def test_the_record_of_the_worked_example_says_what_the_model_shows(documents: tuple[Document, ...]) -> None:
    record = _record(documents, "B26-0117", 2)
    assert record.findtext("b:BatchID", namespaces=NS) == "B26-0117"
    assert record.findtext("b:LotID", namespaces=NS) == "B26-0117-DS"
    order = record.find(".//b:OperationsResponse/b:OperationsRequestID", NS)
    assert order is not None
    assert (order.text, order.get("schemeID")) == ("1004711", "sap.prd:process_order")
    steps = record.findall(".//b:OperationsResponse/b:SegmentResponse", NS)
    assert [s.findtext("b:ID", namespaces=NS) for s in steps] == [
        "SR-100", "SR-110", "SR-120", "SR-125", "SR-130", "SR-140", "SR-150", "SR-160",
    ]  # fmt: skip
    assert all(s.findall("b:SegmentResponseChild/b:SegmentResponseChild", NS) for s in steps)
    medium = steps[2].find("b:MaterialActual[b:MaterialLotID='MP-26-0012']", NS)
    assert medium is not None
    assert medium.findtext("b:MaterialDefinitionID", namespaces=NS) == "100210"
    assert medium.findtext("b:Quantity/b:QuantityString", namespaces=NS) == "1500"


def test_a_correction_is_a_new_version_of_the_same_record(documents: tuple[Document, ...]) -> None:
    before, after = _record(documents, "B26-0117", 2), _record(documents, "B26-0117", 3)
    assert before.findtext("b:ID", namespaces=NS) == after.findtext("b:ID", namespaces=NS)
    product = ".//b:MaterialActual[b:MaterialLotID='B26-0117-DS']/b:Quantity/b:QuantityString"
    assert before.findtext(product, namespaces=NS) == "118.20"
    assert after.findtext(product, namespaces=NS) == CORRECTED_SIZE
    assert "118.20" in [e.text for e in after.findall(".//b:PrechangeData/b:ValueString", NS)]


def test_a_running_batch_shows_only_what_has_begun(documents: tuple[Document, ...]) -> None:
    record = _record(documents, "B26-0122", 1)
    steps = record.findall(".//b:OperationsResponse/b:SegmentResponse", NS)
    assert [s.findtext("b:SegmentState", namespaces=NS) for s in steps] == [
        "Completed",
        "Completed",
        "Running",
    ]
    assert steps[-1].find("b:ActualEndTime", NS) is None
    published = datetime.fromisoformat(record.findtext("b:PublishedDate", namespaces=NS) or "")
    times = [
        e.text or "" for e in record.iter(f"{{{NAMESPACE}}}ActualStartTime", f"{{{NAMESPACE}}}ActualEndTime")
    ]
    assert all(datetime.fromisoformat(t) <= published for t in times)


def test_the_folder_follows_the_clock_both_ways(tmp_path: Path, documents: tuple[Document, ...]) -> None:
    folder = DocumentFolder(tmp_path, documents)
    folder.publish(NOW)
    newest = [p for p in tmp_path.iterdir() if "B26-0122" in p.name]
    assert len(newest) == 1
    assert datetime.fromtimestamp(newest[0].stat().st_mtime, UTC) > FIRST
    folder.publish(FIRST)
    assert not [p for p in tmp_path.iterdir() if "B26-0122" in p.name]
    assert {p.name for p in tmp_path.iterdir()} == {d.name for d in documents if d.at <= FIRST}


def test_the_mes_serves_its_outbox_over_http_as_well(plant: Plant) -> None:
    listed = httpx.get(plant.urls["mes"] + "/").json()["documents"]
    assert {d["name"] for d in listed} == {p.name for p in plant.mes_folder.glob("*.xml")}
    content = httpx.get(f"{plant.urls['mes']}/{listed[0]['name']}").content
    assert content == (plant.mes_folder / listed[0]["name"]).read_bytes()
    plant.set_clock(FIRST)
    assert httpx.get(f"{plant.urls['mes']}/{listed[-1]['name']}").status_code == 404
