"""Reading Benchling: the promises of the door, two log-ins, tokens that shift, and what a schema is asked for."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.benchling import Benchling, BenchlingConfig
from hub.sdk import Cursor, Misconfigured, Page, Unauthorized
from hub.sdk.testing import RecordSuite
from tests.connectors.benchling.tenant import CLIENT, KEY, SECRET, Tenant, at, entity, objects, result, serve

ENTITIES = [
    {"schema_id": "ts_material", "becomes": "material"},
    {
        "schema_id": "ts_lot",
        "becomes": "lot",
        "fields": {"material": "product", "expires_at": "expires", "supplier_lot": "supplier"},
    },
    {
        "schema_id": "ts_sample",
        "becomes": "sample",
        "fields": {"batch": "batch", "lot": "lot", "taken_at": "taken"},
    },
]
TESTS = [
    {"schema_id": "assaysch_hplc", "subject": "sample", "measured_at": "at"},
    {
        "schema_id": "assaysch_run",
        "of": "runs",
        "subject": "lot",
        "subject_is": "lot",
        "tests": {"yield": "YIELD"},
    },
]
OAUTH = {"client_id": CLIENT, "client_secret": SECRET}


def connect(tenant: Tenant, **settings: Any) -> Benchling:
    given = {
        "url": tenant.url,
        "entities": ENTITIES,
        "tests": TESTS,
        "page_size": 2,
        "timezone": "UTC",
        **settings,
    }
    if "oauth" not in given:
        given.setdefault("api_key", KEY)
    return Benchling(BenchlingConfig.model_validate(given))


@pytest.fixture(name="tenant")
def small_tenant() -> Iterator[Tenant]:
    with serve(Tenant(objects())) as tenant:
        yield tenant


def read(tenant: Tenant, stream: str, cursor: Cursor | None = None, **settings: Any) -> list[Page]:
    with connect(tenant, **settings) as connector:
        return list(connector.read(stream, cursor))


def keys(pages: list[Page]) -> list[str]:
    return [document.key for page in pages for document in page.documents]


class _Suite(RecordSuite):
    @pytest.fixture(autouse=True)
    def world(self, tenant: Tenant) -> None:
        self.tenant = tenant

    def holds(self) -> Counter[str]:
        return Counter(item["schema"]["id"] for items in self.tenant.objects.values() for item in items)

    def make_exact(self) -> Benchling:
        return connect(self.tenant, overlap_s=1)

    def make_large(self, factor: int) -> Benchling:
        self.tenant.objects["custom-entities"] = [
            *self.tenant.objects["custom-entities"],
            *(entity(f"bfi_n{n}", "ts_lot", n // 60) for n in range(300 * factor)),
        ]
        return connect(self.tenant, page_size=100)

    def grow(self) -> bool:
        self.tenant.objects["custom-entities"] += [
            entity("bfi_l50", "ts_lot", 2),
            entity("bfi_l51", "ts_lot", 40),
        ]
        self.tenant.objects["assay-results"] += [result("res_90", 2), result("res_91", 41)]
        return True


class TestBenchlingWithAKeyKeepsThePromises(_Suite):
    def make(self) -> Benchling:
        return connect(self.tenant)

    def make_refused(self) -> Benchling:
        return connect(self.tenant, api_key="sk_stolen")


class TestBenchlingAsAnAppKeepsThePromises(_Suite):
    def make(self) -> Benchling:
        return connect(self.tenant, oauth=OAUTH)

    def make_refused(self) -> Benchling:
        return connect(self.tenant, oauth={**OAUTH, "client_secret": "stolen-secret"})


# ------------------------------------------------------------------------------------------ log-ins


def test_a_key_that_is_refused_says_what_benchling_said(tenant: Tenant) -> None:
    with (
        connect(tenant, api_key="nope") as connector,
        pytest.raises(Unauthorized, match="Authentication failed"),
    ):
        connector.check()


def test_an_app_logs_in_once_for_all_pages(tenant: Tenant) -> None:
    read(tenant, "ts_lot", oauth=OAUTH)
    assert tenant.tokens == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"api_key": None}, "api_key"),
        ({"api_key": "k", "oauth": OAUTH}, "api_key"),
        ({"entities": [], "tests": []}, "at least one schema"),
        ({"entities": [*ENTITIES, ENTITIES[0]]}, "named twice"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        connect(Tenant({}, url="http://127.0.0.1:1"), **settings)


def test_a_schema_that_is_not_there_is_told(tenant: Tenant) -> None:
    entities = [{"schema_id": "ts_gone", "becomes": "lot"}]
    with (
        connect(tenant, entities=entities) as connector,
        pytest.raises(Misconfigured, match="No schema ts_gone"),
    ):
        connector.check()


# ------------------------------------------------------------------------------------------- reading


def test_objects_that_change_while_they_are_read_push_no_other_out_of_sight(tenant: Tenant) -> None:
    lots = [entity(f"bfi_{n}", "ts_lot", n) for n in range(10)]
    tenant.objects["custom-entities"] = lots
    tenant.moves = [("custom-entities", f"bfi_{n}", at(30 + n)) for n in (0, 1, 2)]
    pages = read(tenant, "ts_lot")
    assert set(keys(pages)) == {f"bfi_{n}" for n in range(10)}
    assert pages[-1].cursor == {"since": "2026-03-09T08:00:32.250000Z"}


def test_an_object_dated_in_the_future_hides_no_change(tenant: Tenant) -> None:
    lots = [*(entity(f"bfi_{n}", "ts_lot", n) for n in range(5)), entity("bfi_wrong", "ts_lot", 5)]
    lots[-1]["modifiedAt"] = "9999-01-01T00:00:00Z"
    tenant.objects["custom-entities"] = lots
    pages = read(tenant, "ts_lot")
    assert "bfi_wrong" in keys(pages)
    assert pages[-1].cursor == {"since": "2026-03-09T08:00:04.250000Z"}
    lots.append(entity("bfi_new", "ts_lot", 6))
    assert {"bfi_new", "bfi_wrong"} <= set(keys(read(tenant, "ts_lot", pages[-1].cursor)))
    wrong = {"since": "9999-01-01T00:00:00Z"}
    assert set(keys(read(tenant, "ts_lot", wrong))) == {str(lot["id"]) for lot in lots}


def test_many_objects_of_one_instant_are_followed_by_their_token(tenant: Tenant) -> None:
    tenant.objects["assay-results"] = [result(f"res_{n}", 3) for n in range(20)]
    assert set(keys(read(tenant, "assaysch_hplc"))) == {f"res_{n}" for n in range(20)}


def test_archived_objects_are_asked_for_too(tenant: Tenant) -> None:
    read(tenant, "ts_lot")
    assert {options["archiveReason"] for _, options in tenant.asked} == {"ANY_ARCHIVED_OR_NOT_ARCHIVED"}


def test_each_collection_is_asked_in_its_own_words(tenant: Tenant) -> None:
    since = {"since": "2026-03-09T08:00:02Z"}
    for stream in ("ts_lot", "assaysch_hplc"):
        read(tenant, stream, since, overlap_s=1, page_size=100)
    (_, of_lots), (_, of_results) = tenant.asked
    assert of_lots["modifiedAt"] == "> 2026-03-09T08:00:00Z"
    assert of_results["modifiedAt.gte"] == "2026-03-09T08:00:01Z"


def test_the_runs_of_the_last_days_are_read_again_each_time(tenant: Tenant) -> None:
    pages = read(tenant, "assaysch_run")
    assert keys(pages) == [f"run_{n}" for n in range(1, 6)]
    assert [page.cursor for page in pages[:-1]] == [{}, {}]
    late = {"since": "2026-03-06T00:00:00Z"}
    assert keys(read(tenant, "assaysch_run", late, runs_look_back_days=2)) == ["run_4", "run_5"]
