"""Reading S/4HANA: the promises of the door, change stamps, paging, and every seeded fault."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.sap_odata import SapConfig, SapOdata
from hub.sdk import ConnectorError, Cursor, Document, Misconfigured, Page, Unauthorized, Unavailable
from hub.sdk.testing import RecordSuite
from tests.connectors.sap_odata.rows import (
    CHARACTERISTICS,
    DECISIONS,
    DOCUMENTS,
    INSPECTIONS,
    LOTS,
    ORDERS,
    PRODUCTION_ORDERS,
    PRODUCTS,
    RESULTS,
    document,
    lot,
    ms,
    order,
    product,
    tables,
)
from tests.connectors.sap_odata.sap_server import CLIENT, PASSWORD, USER, Sap, error_body, serve

ALL = [
    *("products", "batches", "orders", "production_orders", "material_documents"),
    *("inspection_lots", "inspection_characteristics", "inspection_results", "usage_decisions"),
]


def connect(sap: Sap, **settings: Any) -> SapOdata:
    given = {
        "url": sap.url,
        "client": CLIENT,
        "user": USER,
        "password": PASSWORD,
        "timezone": "Europe/Dublin",
        "stamp_timezone": "UTC",
        "page_size": 2,
        **settings,
    }
    return SapOdata(SapConfig.model_validate(given))


@pytest.fixture
def sap() -> Iterator[Sap]:
    with serve(Sap(tables())) as server:
        yield server


def read(sap: Sap, stream: str, cursor: Cursor | None = None, **settings: Any) -> list[Page]:
    with connect(sap, **settings) as connector:
        return list(connector.read(stream, cursor))


def keys(pages: list[Page]) -> list[str]:
    return [document.key for page in pages for document in page.documents]


def documents(pages: list[Page]) -> list[Document]:
    return [document for page in pages for document in page.documents]


class TestSapOdataKeepsThePromises(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, sap: Sap) -> None:
        self.sap = sap

    def make(self) -> SapOdata:
        return connect(self.sap)

    def make_refused(self) -> SapOdata:
        return connect(self.sap, password="not-the-password")

    def holds(self) -> dict[str, int]:
        names = {
            "orders": ORDERS,
            "products": PRODUCTS,
            "batches": LOTS,
            "material_documents": DOCUMENTS,
            "production_orders": PRODUCTION_ORDERS,
            "inspection_lots": INSPECTIONS,
            "inspection_characteristics": CHARACTERISTICS,
            "inspection_results": RESULTS,
            "usage_decisions": DECISIONS,
        }
        return {stream: len(self.sap.tables[table]) for stream, table in names.items()}

    def make_exact(self) -> SapOdata:
        self.make()  # it sets the server up
        # products are dated by the day: those of the last one come again
        return connect(self.sap, overlap_s=0, protocol=self.sap.protocol, streams=["orders"])

    def make_large(self, factor: int) -> SapOdata:
        self.make()  # as above
        self.sap.tables[ORDERS] = [
            order(str(2_000_000 + n), f"2026030208{n // 60:02d}{n % 60:02d}", f"B{n}")
            for n in range(300 * factor)
        ]
        self.sap.server_page = 100
        more = {"streams": ALL} if self.sap.protocol == "v4" else {}
        return connect(self.sap, page_size=100, protocol=self.sap.protocol, **more)

    def grow(self) -> bool:
        self.sap.tables[ORDERS] += [
            order("1004720", "20260302081500", "B260126"),
            order("1004721", "", "B260127", MfgOrderCreationDate=ms("2026-03-02")),
            order("1004722", "20260302090000", "B260128"),
        ]
        self.sap.tables[PRODUCTS] += [product("300299", "2026-01-10"), product("300300", None)]
        self.sap.tables[LOTS].append(lot("B260199"))
        self.sap.tables[DOCUMENTS].append(document("4900099999"))
        return True


class TestSapOdataOverSmallServerPagesKeepsThePromises(TestSapOdataKeepsThePromises):
    """The server cuts finer than it was asked to, as gateways do."""

    def make(self) -> SapOdata:
        self.sap.server_page = 2
        return connect(self.sap, page_size=3)


class TestSapOdataOverV4KeepsThePromises(TestSapOdataKeepsThePromises):
    """The same rows as V4 writes them, in server pages with a next link."""

    def make(self) -> SapOdata:
        self.sap.protocol, self.sap.server_page = "v4", 2
        return connect(self.sap, protocol="v4", page_size=3, streams=ALL)

    def make_refused(self) -> SapOdata:
        self.sap.protocol = "v4"
        return connect(self.sap, protocol="v4", password="not-the-password")


# ------------------------------------------------------------------------------------ reading changes


def test_both_versions_give_records_that_say_the_same(sap: Sap) -> None:
    def told(protocol: str) -> list[Any]:
        sap.protocol = protocol
        with connect(sap, protocol=protocol, streams=ALL) as connector:
            return [
                part
                for stream in connector.streams()
                for page in connector.read(stream.name, None)
                for document in page.documents
                for part in connector.parse(document)
            ]

    for row in (*sap.tables[ORDERS], *sap.tables[PRODUCTION_ORDERS]):
        row["MfgOrderPlannedEndTime"] = "PT23H00M00S"  # V4 has no 24:00
    assert told("v2") == told("v4")


def test_v4_is_asked_with_its_own_literals(sap: Sap) -> None:
    sap.protocol = "v4"
    read(
        sap,
        "products",
        {"changed": "2026-01-10T00:00:00", "created": "2026-01-10T00:00:00"},
        protocol="v4",
        overlap_s=0,
    )
    filters = {str(options.get("$filter")) for _, options in sap.asked}
    assert filters == {"LastChangeDate ge 2026-01-10", "CreationDate ge 2026-01-10"}


def test_rows_of_inspections_are_completed_by_one_question_a_page(sap: Sap) -> None:
    page = read(sap, "inspection_results", page_size=50, streams=ALL)[0]
    assert [path for path, _ in sap.asked] == [RESULTS, CHARACTERISTICS]
    assert '"InspectionSpecification":"TITER"' in page.documents[0].payload


def test_a_version_that_the_service_does_not_speak_is_told(sap: Sap) -> None:
    with (
        connect(sap, protocol="v4") as connector,
        pytest.raises(Misconfigured, match="no OData V4 collection"),
    ):
        connector.check()


def test_the_first_read_gives_everything_and_the_next_only_what_the_overlap_repeats(sap: Sap) -> None:
    first = read(sap, "orders", overlap_s=0)
    assert sorted(keys(first)) == ["1004710", "1004711", "1004712", "1004713", "1004719"]
    assert first[-1].cursor == {"changed": "2026-03-02T08:15:00", "created": "2026-03-01T00:00:00"}
    again = read(sap, "orders", first[-1].cursor, overlap_s=0)
    assert set(keys(again)) == {"1004711", "1004712", "1004713", "1004719"}
    filters = [options.get("$filter") for _, options in sap.asked[-3:]]
    assert "LastChangeDateTime ge '20260302081500'" in filters
    assert "MfgOrderCreationDate ge datetime'2026-03-01T00:00:00'" in filters


def test_the_overlap_looks_back_behind_the_last_change(sap: Sap) -> None:
    read(sap, "batches", {"changed": "2026-04-14T12:06:36", "created": "2026-03-01T08:00:00"}, overlap_s=60)
    assert sap.asked[0][1]["$filter"] == "LastChangeDateTime ge datetimeoffset'2026-04-14T12:05:36Z'"


def test_rows_never_changed_are_found_by_their_creation(sap: Sap) -> None:
    cursor = read(sap, "orders")[-1].cursor
    sap.tables[ORDERS].append(order("1004750", "", "B260150", MfgOrderCreationDate=ms("2026-03-05")))
    assert "1004750" in keys(read(sap, "orders", cursor))


def test_a_system_where_nothing_was_ever_changed_is_not_read_whole_again(sap: Sap) -> None:
    sap.tables[ORDERS] = [
        order(f"10047{n}", "", f"B{n}", MfgOrderCreationDate=ms(f"2026-03-{n}")) for n in range(10, 20)
    ]
    cursor = read(sap, "orders")[-1].cursor
    assert cursor == {"created": "2026-03-19T00:00:00", "changed": "2026-03-18T00:00:00"}
    assert keys(read(sap, "orders", cursor, overlap_s=0)) == ["1004719"]


def change(sap: Sap, *numbers: int) -> Callable[[], None]:
    """Give what happens when orders change: they move behind all others."""

    def happen() -> None:
        latest = max(row["LastChangeDateTime"] for row in sap.tables[ORDERS])
        for number in numbers:
            sap.tables[ORDERS][number]["LastChangeDateTime"] = latest = str(int(latest) + 1)

    return happen


@pytest.mark.parametrize("page_size", [1, 2, 3, 5])
@pytest.mark.parametrize("server_page", [2, 1000])
@pytest.mark.parametrize(
    "changes",
    [[[0]], [[1]], [[], [0, 1]], [[0, 1, 2, 3, 4, 5, 6, 7]], [[0], [1], [2], [3], [4]], [[11]] * 5],
    ids=["the first", "the last of a page", "two", "more than a page", "one after another", "the newest"],
)
def test_orders_that_change_while_they_are_read_push_no_other_out_of_sight(
    sap: Sap, changes: list[list[int]], page_size: int, server_page: int
) -> None:
    sap.tables[ORDERS] = [order(f"10047{n:02d}", f"20260302{n:02d}0000") for n in range(12)]
    sap.server_page = server_page
    sap.meanwhile = [change(sap, *numbers) for numbers in changes]
    pages = read(sap, "orders", page_size=page_size)
    assert {f"10047{n:02d}" for n in range(12)} == set(keys(pages))
    sap.meanwhile = []
    pages += read(sap, "orders", pages[-1].cursor)
    last = {row["ManufacturingOrder"].lstrip("0"): row["LastChangeDateTime"] for row in sap.tables[ORDERS]}
    given = {d.key: d.changed_at for d in documents(pages)}
    assert {key: f"{at:%Y%m%d%H%M%S}" for key, at in given.items() if at} == last


def test_a_row_is_given_once_where_nothing_changes(sap: Sap) -> None:
    sap.tables[ORDERS] = [order(f"10047{n:02d}", f"20260302{n:02d}0000") for n in range(12)]
    assert len(keys(read(sap, "orders", page_size=5))) == 12
    assert [options["$skip"] for _, options in sap.asked] == ["0", "4", "9"]


def test_an_order_dated_in_the_future_hides_no_change(sap: Sap) -> None:
    wrong = order("1004799", "99991231000000", MfgOrderCreationDate=ms("9999-12-31"))
    sap.tables[ORDERS].append(wrong)
    first = read(sap, "orders")
    assert first[-1].cursor == {"changed": "2026-03-02T08:15:00", "created": "2026-03-01T00:00:00"}
    assert "1004799" in keys(first)
    sap.tables[ORDERS].append(order("1004720", "20260302101500"))
    assert {"1004720", "1004799"} <= set(keys(read(sap, "orders", first[-1].cursor)))


def test_a_mark_that_lies_in_the_future_already_begins_anew(sap: Sap) -> None:
    wrong = {"changed": "9999-12-31T00:00:00", "created": "2026-03-01T00:00:00"}
    pages = read(sap, "orders", wrong)
    assert {"1004710", "1004711", "1004712", "1004713", "1004719"} == set(keys(pages))
    assert pages[-1].cursor["changed"] == "2026-03-02T08:15:00"


def test_only_the_plants_of_the_settings_are_asked_for(sap: Sap) -> None:
    sap.tables[ORDERS][0]["ProductionPlant"] = "2020"
    assert keys(read(sap, "orders", plants=["2020", "3030"])) == ["1004710"]


def test_versions_come_from_the_change_stamp(sap: Sap) -> None:
    found = {d.key: d for d in documents(read(sap, "orders"))}
    changed_at = found["1004711"].changed_at
    assert changed_at is not None
    assert changed_at.isoformat() == "2026-03-02T08:15:00+00:00"
    assert found["1004719"].version < found["1004711"].version
    nowhere = {d.key: d for d in documents(read(sap, "orders", timezone=None, stamp_timezone=None))}
    assert nowhere["1004711"].seq == 20260302081500


def test_next_is_followed_on_our_own_host_only(sap: Sap) -> None:
    sap.server_page = 1
    assert len(keys(read(sap, "products", page_size=50))) == 4
    assert all(path == PRODUCTS for path, _ in sap.asked)
    assert all(options["sap-client"] == CLIENT for _, options in sap.asked)


def test_a_row_with_an_unreadable_stamp_costs_only_itself(sap: Sap) -> None:
    sap.tables[ORDERS][0]["LastChangeDateTime"] = "soon"
    found = read(sap, "orders")
    assert "1004711" in keys(found)
    (fault,) = [rejected for page in found for rejected in page.rejected]
    assert fault.where == "A_ProcessOrder_2 1004710"


# ---------------------------------------------------------------------------------------- seeded faults

FAULTS: dict[str, tuple[tuple[int, dict[str, str], str], type[ConnectorError], str]] = {
    "server error": (
        (500, {}, error_body("SY/530", "Short dump")),
        Unavailable,
        "answered 500: SY/530: Short dump",
    ),
    "xml error": (
        (503, {}, "<error><message lang='en'>Down for upgrade</message></error>"),
        Unavailable,
        "Down for upgrade",
    ),
    "bad request": (
        (400, {}, error_body("005056A509B1", "Property Nope not found in type A_ProductType")),
        Misconfigured,
        "answered 400: 005056A509B1: Property Nope not found",
    ),
    "no right": (
        (403, {}, error_body("/IWFND/MED/403", "No authorization")),
        Unauthorized,
        "No authorization",
    ),
    "login page": ((200, {}, "<html>Please log on</html>"), Misconfigured, "a login page"),
    "truncated": ((200, {}, '{"d": {"results": [{"Product"'), Unavailable, "no whole JSON"),
    "v4": ((200, {}, '{"value": []}'), Misconfigured, "no OData V2 collection"),
    "text": ((200, {}, '"hello"'), Misconfigured, "no OData V2 collection"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_system_is_an_error_that_says_what_to_do(sap: Sap, fault: str) -> None:
    answer, kind, message = FAULTS[fault]
    sap.faults.append(answer)
    with pytest.raises(kind, match=message) as caught:
        read(sap, "products")
    assert PASSWORD not in str(caught.value)


def test_too_many_requests_say_when_to_come_again(sap: Sap) -> None:
    sap.faults.append((429, {"retry-after": "7"}, error_body("429", "Slow down")))
    with pytest.raises(Unavailable, match="Slow down") as caught:
        read(sap, "products")
    assert caught.value.retry_after == 7.0


def test_a_wrong_password_is_refused_at_once(sap: Sap) -> None:
    with pytest.raises(Unauthorized, match="check the user"):
        read(sap, "orders", password="not-the-password")


def test_check_names_the_service_that_is_missing(sap: Sap) -> None:
    del sap.tables[LOTS]
    with (
        connect(sap) as connector,
        pytest.raises(Misconfigured, match="No service found for 'API_BATCH_SRV/Batch'"),
    ):
        connector.check()
    with connect(sap, streams=["orders"]) as connector:
        assert connector.check().detail == "reads orders"
        assert [stream.name for stream in connector.streams()] == ["orders"]


def test_half_a_login_is_refused() -> None:
    with pytest.raises(ValidationError, match="`user` and `password` together"):
        SapConfig.model_validate({"url": "https://s4.example.com", "user": "U"})
