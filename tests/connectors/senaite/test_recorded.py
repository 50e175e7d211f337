"""The connector on what a real SENAITE 2.6.0 said: 12 samples of 3 analyses each, from received to published."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.senaite import Senaite, SenaiteConfig
from hub.model import Record, Sample, TestCriterion, TestResult
from hub.sdk import Rejected, Unauthorized
from hub.sdk.testing.loopback import Answered, Asked
from hub.sdk.testing.loopback import serve as serve_answers
from tests.connectors.senaite.laboratory import Laboratory, serve

Told = dict[str, list[Record | Rejected]]


@pytest.fixture(scope="module")
def pair(shared_folder: Path) -> Callable[[str], Any]:
    folder = shared_folder / "data" / "recorded" / "senaite-2.6.0"
    return lambda name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def lab(pair: Callable[[str], Any]) -> Iterator[Laboratory]:
    """Serve the recorded objects; of the samples, two were recorded whole and ten as the catalogue lists them."""

    def items(name: str) -> list[Any]:
        return pair(name)["body"]["items"]

    whole = {item["uid"]: item for item in items("samples_complete")}
    listed = [item for page in (1, 2, 3) for item in items(f"samples_page{page}")]
    recorded = {
        "analysis": items("analyses_complete"),
        "analysisrequest": [whole.get(item["uid"], item) for item in listed],
        "analysisspec": items("specs"),
        "analysisservice": items("services"),
        "attachment": [],
    }
    with serve(Laboratory(recorded)) as laboratory:
        yield laboratory


def connect(lab: Laboratory, **settings: Any) -> Senaite:
    given = {"url": lab.url, "user": lab.login[0], "password": lab.login[1], "page_size": 7}
    return Senaite(SenaiteConfig.model_validate({**given, **settings}))


@pytest.fixture(scope="module")
def told(lab: Laboratory) -> Told:
    with connect(lab) as connector:
        return {
            f"{stream.name} {document.key}": list(connector.parse(document))
            for stream in connector.streams()
            for page in connector.read(stream.name, None)
            for document in page.documents
        }


@pytest.mark.against("senaite", "SENAITE 2.6", how="recorded")
def test_all_that_was_recorded_is_read_and_nothing_refused(told: Told) -> None:
    assert Counter(name.split()[0] for name in told) == {"samples": 12, "analyses": 36, "specifications": 1}
    kinds = Counter(type(part) for parts in told.values() for part in parts)
    assert kinds[Rejected] == 0
    assert (kinds[Sample], kinds[TestCriterion]) == (12, 3)
    assert kinds[TestResult] == 30  # the six of the two samples just received have no result yet


def test_one_batch_is_traced_from_its_number_to_its_three_results(told: Told) -> None:
    parts = [part for parts in told.values() for part in parts]
    (sample,) = (p for p in parts if isinstance(p, Sample) and p.batch and p.batch.value == "B24000")
    found = {
        (r.test_code, r.value.text, r.value.unit, r.verdict, r.status)
        for r in parts
        if isinstance(r, TestResult) and r.sample == sample.key
    }
    assert sample.code == "HV-0001"
    assert found == {
        ("PH", "7.143", None, "pass", "published"),
        ("TITER", "4.601", "g/L", "pass", "published"),
        ("HCP", "44.223", "ng/mg", "pass", "published"),
    }


@pytest.mark.parametrize("name", ["anonymous_samples", "wrong_password_samples"])
def test_what_a_stranger_was_answered_is_never_taken_for_an_empty_laboratory(
    pair: Callable[[str], Any], name: str
) -> None:
    recorded = pair(name)
    assert (recorded["status"], recorded["body"]["count"]) == (200, 0)

    def answer(asked: Asked) -> Answered:
        known = pair("users_current")["body"]
        known["items"][0]["authenticated"] = False
        body = known if "users/current" in asked.target else recorded["body"]
        return Answered(status=200, body=json.dumps(body).encode())

    with (
        serve_answers(answer) as base,
        connect(Laboratory({}, url=f"{base}/senaite")) as connector,
        pytest.raises(Unauthorized),
    ):
        list(connector.read("samples", None))


def test_an_administrator_was_recorded_to_be_known(pair: Callable[[str], Any]) -> None:
    body = json.dumps(pair("users_current")["body"]).encode()
    with serve_answers(lambda _: Answered(status=200, body=body)) as base:
        connector = connect(Laboratory({}, url=f"{base}/senaite"))
        connector._lab.prove_login()
        connector.close()
