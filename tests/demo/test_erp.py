"""The ERP over real HTTP: OData V2 as S/4HANA answers it."""

from typing import Any

import httpx2 as httpx
import pytest
from lxml import etree

from hub.demo.odata import PAGE_SIZE
from hub.demo.plan import FIRST
from hub.demo.plant import Plant

ORDERS = "/API_PROCESS_ORDER_2_SRV/A_ProcessOrder_2"
ITEMS = "/API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentItem"
HEADERS = "/API_MATERIAL_DOCUMENT_SRV/A_MaterialDocumentHeader"


def _rows(client: httpx.Client, path: str, **options: str) -> list[dict[str, Any]]:
    answer = client.get(path, params={f"${k}": v for k, v in options.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()["d"]["results"]


def test_a_wrong_password_is_refused(plant: Plant) -> None:
    answer = httpx.get(plant.urls["erp"] + ORDERS, auth=("PLANTWIDE", "wrong"))
    assert answer.status_code == 401
    assert "basic" in answer.headers["www-authenticate"].lower()


def test_an_order_has_the_shapes_of_odata_v2(erp: httpx.Client) -> None:
    order = erp.get(f"{ORDERS}('000001004711')", params={"$expand": "to_ProcessOrderItem"}).json()["d"]
    assert order["Material"] == "000000000000300214"
    assert order["MfgOrderPlannedStartDate"] == "/Date(1772409600000)/"
    assert order["MfgOrderPlannedStartTime"] == "PT06H00M00S"
    assert (order["TotalQuantity"], order["ProductionUnit"], order["ProductionUnitISOCode"]) == (
        "120.000",
        "KG",
        "KGM",
    )
    assert len(order["LastChangeDateTime"]) == 14
    item = order["to_ProcessOrderItem"]["results"][0]
    assert (item["Batch"], item["MfgOrderItemGoodsReceiptQty"]) == ("B260117", "118.200")
    assert "__deferred" in order["to_ProcessOrderOperation"]


def test_server_pages_follow_next_without_loss(erp: httpx.Client) -> None:
    seen: list[str] = []
    url: str | None = (
        str(erp.base_url).rstrip("/") + ITEMS + "?$inlinecount=allpages&$orderby=MaterialDocument"
    )
    total, pages = 0, 0
    while url:
        body = erp.get(url).json()["d"]
        seen += [row["MaterialDocument"] for row in body["results"]]
        total, pages, url = int(body["__count"]), pages + 1, body.get("__next")
        assert len(body["results"]) <= PAGE_SIZE
    assert pages > 1
    assert len(seen) == total == len(set(seen))
    assert seen == sorted(seen)


def test_client_pages_by_top_and_skip_are_the_same_rows(erp: httpx.Client) -> None:
    whole = _rows(erp, ORDERS, orderby="LastChangeDateTime,ManufacturingOrder", top="50")
    parts = [
        _rows(erp, ORDERS, orderby="LastChangeDateTime,ManufacturingOrder", top="7", skip=str(n))
        for n in (0, 7, 14)
    ]
    assert [r for part in parts for r in part] == whole
    assert len(whole) == 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ManufacturingOrder eq '000001004711'", ["000001004711"]),
        ("LastChangeDateTime gt '20260419000000' and Material eq '000000000000300214'", None),
        ("(ManufacturingOrder eq '000001004711' or ManufacturingOrder eq '000001004714') and TotalQuantity ge 120M",
         ["000001004711", "000001004714"]),
        ("MfgOrderPlannedStartDate ge datetime'2026-04-11T00:00:00'", ["000001004713", "000001004726"]),
        ("not (OrderIsTechnicallyCompleted eq 'X') and startswith(ManufacturingOrder,'00000100472')",
         ["000001004720", "000001004723", "000001004726"]),
        ("MfgOrderActualReleaseDate eq null", []),
    ],
)  # fmt: skip
def test_filters_do_what_they_say(erp: httpx.Client, text: str, expected: list[str] | None) -> None:
    found = [
        row["ManufacturingOrder"] for row in _rows(erp, ORDERS, filter=text, orderby="ManufacturingOrder")
    ]
    if expected is None:
        assert found == ["000001004711", "000001004720", "000001004726"]
    else:
        assert found == expected


def test_change_times_with_an_offset_can_be_filtered(erp: httpx.Client) -> None:
    path = "/API_BATCH_SRV/Batch"
    everything = _rows(erp, path, top="200")
    changed = _rows(erp, path, filter="LastChangeDateTime gt datetimeoffset'2026-04-19T00:00:00Z'")
    assert 0 < len(changed) < len(everything)
    assert all(row["LastChangeDateTime"].endswith("+0000)/") for row in changed)
    assert "B260122" in [row["Batch"] for row in changed]


def test_documents_can_be_filtered_by_day_and_time_of_creation(erp: httpx.Client) -> None:
    text = "CreationDate eq datetime'2026-04-19T00:00:00' and CreationTime ge time'PT13H40M11S'"
    found = _rows(erp, HEADERS, filter=text, expand="to_MaterialDocumentItem")
    moves = [row["to_MaterialDocumentItem"]["results"][0]["GoodsMovementType"] for row in found]
    assert moves == ["262", "261"]


def test_a_reversal_is_a_new_document_and_flags_the_old_one(erp: httpx.Client) -> None:
    lot = "ManufacturingOrder eq '000001004711' and Batch eq 'MP260012'"
    first, reversal, again = _rows(erp, ITEMS, filter=lot, orderby="MaterialDocument")
    assert (first["GoodsMovementType"], first["QuantityInEntryUnit"]) == ("261", "1550.000")
    assert first["GoodsMovementIsCancelled"] is True
    assert reversal["GoodsMovementType"] == "262"
    assert reversal["ReversedMaterialDocument"] == first["MaterialDocument"] == "4900012201"
    assert (again["GoodsMovementType"], again["QuantityInEntryUnit"]) == ("261", "1500.000")
    assert again["GoodsMovementIsCancelled"] is False


def test_a_receipt_may_be_posted_in_another_unit(erp: httpx.Client) -> None:
    receipt = _rows(erp, ITEMS, filter="GoodsMovementType eq '101' and Batch eq 'B260117'")[0]
    assert (receipt["QuantityInEntryUnit"], receipt["EntryUnit"], receipt["EntryUnitISOCode"]) == (
        "118200.000",
        "G",
        "GRM",
    )
    assert (receipt["QuantityInBaseUnit"], receipt["MaterialBaseUnitISOCode"]) == ("118.200", "KGM")


def test_wall_clock_times_keep_their_hour_over_the_change_to_summer_time(erp: httpx.Client) -> None:
    rows = _rows(erp, ORDERS, filter="Material eq '000000000000300214'")
    assert {row["MfgOrderPlannedStartTime"] for row in rows} == {"PT06H00M00S"}


@pytest.mark.parametrize(
    ("path", "options", "status", "part"),
    [
        (ORDERS, {"$filter": "Nope eq 1"}, 400, "Property Nope not found"),
        (ORDERS, {"$filter": "ManufacturingOrder eq"}, 400, "operand"),
        (ORDERS, {"$filter": "ManufacturingOrder § 1"}, 400, "Invalid token"),
        (ORDERS, {"$orderby": "Nope"}, 400, "Property Nope"),
        (ORDERS, {"$expand": "to_Nope"}, 400, "to_Nope"),
        (ORDERS, {"$top": "many"}, 400, "$top"),
        (ORDERS, {"$format": "xml"}, 400, "xml"),
        (f"{ORDERS}('1')", {}, 404, "not found"),
        ("/API_PROCESS_ORDER_2_SRV/A_Nope", {}, 404, "A_Nope"),
        ("/API_NOPE_SRV/A_Nope", {}, 404, "API_NOPE_SRV"),
    ],
)
def test_errors_come_in_the_sap_body(
    erp: httpx.Client, path: str, options: dict[str, str], status: int, part: str
) -> None:
    answer = erp.get(path, params=options)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert part in error["message"]["value"]
    assert error["code"]
    assert "errordetails" in error["innererror"]


def test_metadata_declares_every_entity_set_and_the_simulator_says_what_it_is(erp: httpx.Client) -> None:
    answer = erp.get("/API_PROCESS_ORDER_2_SRV/$metadata")
    assert "not SAP" in answer.headers["x-simulator"]
    root = etree.fromstring(answer.content)
    sets = {e.get("Name") for e in root.iter("{http://schemas.microsoft.com/ado/2008/09/edm}EntitySet")}
    assert sets == {
        "A_ProcessOrder_2", "A_ProcessOrderItem_2", "A_ProcessOrderOperation_2", "A_ProcessOrderComponent_2",
    }  # fmt: skip


def test_select_and_count_are_answered(erp: httpx.Client) -> None:
    row = _rows(erp, ORDERS, select="ManufacturingOrder", top="1")[0]
    assert set(row) == {"__metadata", "ManufacturingOrder"}
    assert erp.get(f"{ORDERS}/$count").text == "20"


def test_the_clock_hides_what_was_not_yet_booked(plant: Plant, erp: httpx.Client) -> None:
    named = "/API_PROCESS_ORDER_2_SRV/A_ProcessOrderItem_2"
    assert [r["ManufacturingOrder"] for r in _rows(erp, named, filter="Batch eq 'B260122'")] == [
        "000001004726"
    ]
    plant.set_clock(FIRST)
    assert _rows(erp, named, filter="Batch eq 'B260122'") == []
    assert _rows(erp, ITEMS, filter="GoodsMovementType eq '262'") == []
    (issue,) = _rows(erp, ITEMS, filter="MaterialDocument eq '4900012201'")
    assert issue["GoodsMovementIsCancelled"] is False
