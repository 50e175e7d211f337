"""What SENAITE's objects mean: results with verdict and retest, samples, limits, attachments, seeded faults."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
import pytest

from hub.model import (
    DocumentOwner,
    ExternalDocument,
    Identifier,
    Record,
    Sample,
    TestCriterion,
    TestResult,
    TestSpecification,
)
from hub.sdk import Document, Rejected
from tests.connectors.senaite.laboratory import Item, Laboratory, analysis, objects, sample
from tests.connectors.senaite.test_reading import connect

R = TypeVar("R", bound=Record)
Parts = Sequence[Record | Rejected]


def parse(stream: str, item: Item, **settings: Any) -> Parts:
    with connect(Laboratory({}, url="http://127.0.0.1:1"), **settings) as connector:
        return list(
            connector.parse(Document(object_type=stream, key="k", payload=orjson.dumps(item).decode()))
        )


def of(kind: type[R], parts: Parts) -> list[R]:
    return [part for part in parts if isinstance(part, kind)]


def result(**fields: Any) -> TestResult:
    (told,) = of(TestResult, parse("analyses", analysis("a1", **fields)))
    return told


def test_a_verified_analysis_is_a_result_of_its_sample() -> None:
    told = result()
    assert (told.key, told.sample, told.test_code, told.property) == ("a1", "s1", "TITER", "Titer")
    assert (told.value.text, told.value.value, told.value.unit) == ("4.60", 4.6, "g/L")
    assert (told.verdict, told.status, told.kind) == ("pass", "verified", "measured")
    assert told.measured_at == datetime(2026, 3, 9, 7, tzinfo=UTC)
    assert told.analyst == Identifier(value="ana")


@pytest.mark.parametrize(
    ("entry", "limits", "verdict"),
    [
        ("2.5", {}, "pass"),
        ("2.5", {"min_operator": "gt"}, "fail"),
        ("8.01", {}, "fail"),
        ("8", {"max_operator": "lt"}, "fail"),
        ("<2.5", {}, "fail"),
        ("<3", {}, "inconclusive"),
        ("<3", {"min": ""}, "pass"),
        (">7", {}, "inconclusive"),
        (">9", {}, "fail"),
        ("turbid", {}, None),
        ("4", {"min": "", "max": ""}, None),
    ],
)
def test_the_limits_of_the_analysis_judge_what_is_sure(entry: str, limits: Item, verdict: str | None) -> None:
    ranges = {**analysis("a1")["ResultsRange"], **limits}
    assert result(Result=entry, ResultsRange=ranges).verdict == verdict


def test_a_retest_points_at_the_result_that_was_withdrawn() -> None:
    again, withdrawn = result(RetestOf={"uid": "a0"}), result(review_state="retracted", Result="9.9")
    assert again.retest_of == "a0"
    assert (withdrawn.status, withdrawn.verdict) == ("retracted", None)


@pytest.mark.parametrize("state", ["registered", "unassigned", "assigned"])
def test_an_analysis_without_a_submitted_result_states_none(state: str) -> None:
    assert parse("analyses", analysis("a1", review_state=state)) == []


def test_below_the_detection_limit_is_told_as_such() -> None:
    told = result(Result="0.05", DetectionLimitOperand="<", ResultsRange={})
    assert (told.value.text, told.value.comparator, told.value.value) == ("<0.05", "<", 0.05)


def test_a_chosen_option_is_told_by_its_text() -> None:
    options = [{"ResultValue": "1", "ResultText": "clear"}, {"ResultValue": "2", "ResultText": "turbid"}]
    assert result(Result="2", ResultOptions=options, Unit=None).value.text == "turbid"


def test_a_result_in_an_unknown_unit_waits() -> None:
    (part,) = parse("analyses", analysis("a1", Unit="drops"))
    assert isinstance(part, Rejected)
    assert "drops" in part.reason
    (told,) = of(TestResult, parse("analyses", analysis("a1", Unit="drops"), units={"drops": "mL"}))
    assert told.value.unit == "mL"


def test_a_calculated_result_says_so() -> None:
    assert result(Calculation={"uid": "c1"}).kind == "calculated"


def test_a_sample_names_what_it_was_taken_from() -> None:
    (told,) = of(Sample, parse("samples", sample("s1")))
    assert (told.key, told.code, told.sample_type) == ("s1", "HV-s1", "Clarified harvest")
    assert (told.batch, told.lot) == (Identifier(scheme="batch", value="B26001"), None)
    assert told.specification == Identifier(value="spec1")
    assert told.taken_at == datetime(2026, 3, 9, 6, tzinfo=UTC)
    (by_lot,) = of(Sample, parse("samples", sample("s1"), batch_field=None, lot_field="ClientReference"))
    assert (by_lot.batch, by_lot.lot) == (None, Identifier(scheme="lot", value="L-77"))


def test_fields_are_read_by_the_catalogues_names_too() -> None:
    listed = {
        "uid": "s1",
        "id": "HV-1",
        "getClientSampleID": "B7",
        "getDateSampled": "2026-03-09T06:00:00+00:00",
    }
    (told,) = of(Sample, parse("samples", listed))
    assert told.batch is not None
    assert (told.batch.value, told.taken_at) == ("B7", datetime(2026, 3, 9, 6, tzinfo=UTC))


def test_a_specification_has_its_limits_with_the_units_of_its_tests() -> None:
    item = {
        "specification": objects()["analysisspec"][0],
        "services": {
            "TITER": {"title": "Titer", "unit": "g/L"},
            "HCP": {"title": "Host cell protein", "unit": "ng/mg"},
        },
    }
    parts = parse("specifications", item)
    (specification,) = of(TestSpecification, parts)
    assert specification.id == Identifier(value="spec1", match="Harvest release")
    titer, hcp = of(TestCriterion, parts)
    assert (titer.lower, titer.lower_text, titer.upper, titer.lower_action, titer.unit) == (
        2.5,
        "2.50",
        8.0,
        3.0,
        "g/L",
    )
    assert (hcp.lower, hcp.upper, hcp.text_criterion, hcp.property) == (
        None,
        100.0,
        "<100",
        "Host cell protein",
    )


def test_an_attachment_belongs_to_the_sample_whose_analysis_names_it() -> None:
    (owner,) = of(DocumentOwner, parse("analyses", analysis("a3", Attachment=[{"uid": "f1"}])))
    assert (owner.document, owner.sample) == (Identifier(value="f1"), "s1")
    (file,) = of(ExternalDocument, parse("attachments", objects()["attachment"][0]))
    assert (file.id.value, file.title, file.media_type) == ("f1", "titer.pdf", "application/pdf")
