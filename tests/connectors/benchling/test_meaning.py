"""What a tenant's objects mean, as the settings say: materials, lots, samples, results and what was said of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
import pytest

from hub.model import Identifier, MaterialDefinition, MaterialLot, Record, Sample, TestResult
from hub.sdk import BadRecord, Document, Rejected
from tests.connectors.benchling.tenant import Item, Tenant, entity, link, number, objects, result, text
from tests.connectors.benchling.test_reading import TESTS, connect

R = TypeVar("R", bound=Record)
Parts = Sequence[Record | Rejected]


def parse(item: Item, **settings: Any) -> Parts:
    with connect(Tenant({}, url="http://127.0.0.1:1"), **settings) as connector:
        payload = orjson.dumps(item).decode()
        return list(connector.parse(Document(object_type=item["schema"]["id"], key="k", payload=payload)))


def of(kind: type[R], parts: Parts) -> list[R]:
    return [part for part in parts if isinstance(part, kind)]


def results_of(item: Item, **settings: Any) -> dict[str, TestResult]:
    return {told.test_code: told for told in of(TestResult, parse(item, **settings))}


def test_entities_are_what_the_settings_say() -> None:
    material, lot, *_, sample = objects()["custom-entities"]
    (product,) = of(MaterialDefinition, parse(material))
    assert (product.id, product.also) == (
        Identifier(value="bfi_m1", match="BFI_M1"),
        (Identifier(scheme="registry", value="BFI_M1"),),
    )
    (made,) = of(MaterialLot, parse(lot))
    assert made.material == Identifier(value="bfi_m1", match="MAB-1")
    assert (made.expires_at, made.supplier_lot) == (datetime(2027, 3, 1, tzinfo=UTC), "SUP-9")
    (taken,) = of(Sample, parse(sample))
    assert (taken.key, taken.code) == ("bfi_s1", "BFI_S1")
    assert taken.lot == Identifier(value="bfi_l1", match="BFI_L1")
    assert taken.batch == Identifier(scheme="batch", value="B26001")
    assert taken.taken_at == datetime(2026, 3, 8, 7, tzinfo=UTC)


def test_an_archived_lot_is_closed_and_an_archived_sample_says_why() -> None:
    archived = {"archiveRecord": {"reason": "Made in error"}}
    assert of(MaterialLot, parse({**entity("bfi_l1", "ts_lot"), **archived}))[0].disposition == "Closed"
    assert (
        of(Sample, parse({**entity("bfi_s1", "ts_sample"), **archived}))[0].status
        == "archived: Made in error"
    )


def test_every_number_of_a_result_is_a_test_of_its_sample() -> None:
    told = results_of(result("res_1"))
    assert set(told) == {"titer", "ph"}
    titer = told["titer"]
    assert (titer.key, titer.sample) == ("res_1/titer", "bfi_s1")
    assert (titer.value.value, titer.value.unit, titer.status) == (4.6, "g/L", "not reviewed")
    assert titer.measured_at == datetime(2026, 3, 8, 8, tzinfo=UTC)
    assert titer.analyst == Identifier(value="ent_1", match="Ana")


def test_named_tests_are_read_whatever_their_type_and_others_are_not() -> None:
    named = [{**TESTS[0], "tests": {"remark": "LOOK"}}]
    assert {code: r.value.text for code, r in results_of(result("res_1"), tests=named).items()} == {
        "LOOK": "fine"
    }


def test_what_is_no_number_keeps_its_words() -> None:
    told = results_of(result("res_1", titer=number(None, "g/L", shown="<0.05")))
    assert (told["titer"].value.comparator, told["titer"].value.value) == ("<", 0.05)


def test_an_empty_field_states_nothing() -> None:
    assert set(results_of(result("res_1", titer=number(None)))) == {"ph"}


@pytest.mark.parametrize(
    ("about", "status"),
    [
        ({"isReviewed": True}, "reviewed"),
        ({"fieldValidation": {"titer": {"validationStatus": "INVALID"}}}, "INVALID"),
        ({"archiveRecord": {"reason": "Retracted"}, "isReviewed": True}, "archived: Retracted"),
    ],
)
def test_a_result_says_what_was_said_about_it(about: Item, status: str) -> None:
    assert results_of({**result("res_1"), **about})["titer"].status == status


def test_a_value_in_an_unknown_unit_costs_only_itself() -> None:
    parts = parse(result("res_1", titer=number(4.6, "blobs")))
    assert [r.test_code for r in of(TestResult, parts)] == ["ph"]
    (part,) = (p for p in parts if isinstance(p, Rejected))
    assert "blobs" in part.reason
    assert part.where.endswith("fields/titer")


def test_a_result_of_no_sample_waits() -> None:
    (part,) = parse(result("res_1", sample=text(None)))
    assert isinstance(part, Rejected)
    assert "names no sample" in part.reason


def test_a_run_of_a_lot_is_a_sample_of_it() -> None:
    parts = parse(objects()["assay-runs"][0])
    (sample,), (told,) = of(Sample, parts), of(TestResult, parts)
    assert sample.lot == Identifier(value="bfi_l1", match="BFI_L1")
    assert (told.sample, told.test_code, told.value.value, told.status) == ("run_1", "YIELD", 88.5, "VALID")


def test_a_batch_is_named_by_what_the_field_shows() -> None:
    named = [{"schema_id": "assaysch_hplc", "subject": "sample", "subject_is": "batch"}]
    (sample,) = of(Sample, parse(result("res_1", sample=link("bfi_9", "B26001")), tests=named))
    assert sample.batch == Identifier(scheme="batch", value="B26001")


def test_a_schema_that_is_configured_no_more_is_told() -> None:
    with pytest.raises(BadRecord, match="configured any more"):
        parse(entity("x", "ts_other"))
