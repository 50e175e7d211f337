"""Rows that stand under an address of their own: asked for item by item, and kept with the item."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from pydantic import ValidationError
from typer.testing import CliRunner

from connectors.rest import Rest
from hub.cli import app
from hub.model import TestResult
from hub.sdk import BadRecord, Document, Misconfigured
from tests.connectors.rest.laboratory import TOKEN, Laboratory, item
from tests.connectors.rest.test_rest import read
from tests.connectors.rest.test_rest_conformance import STREAM, Suite, make_rest, second

DETAIL: dict[str, Any] = {"path": "/samples/{id}/results", "into": "said"}
SPLIT: dict[str, Any] = {
    "detail": DETAIL,
    "records": [STREAM["records"][0], {**STREAM["records"][1], "each": "said.results[*]"}],
}


class _SplitSuite(Suite):
    split: ClassVar[dict[str, Any]] = {}

    def prepare(self) -> None:
        self.laboratory.splits = True

    def make(self) -> Rest:
        return make_rest(self.laboratory.base, **SPLIT, **self.split)

    def make_refused(self) -> Rest:
        return make_rest(self.laboratory.base, token="stolen", **SPLIT, **self.split)


class TestDetailsOfSortedPages(_SplitSuite):
    def make_large(self, factor: int) -> Rest:
        self.laboratory.items = [item(n, second(n)) for n in range(100 * factor)]
        return make_rest(self.laboratory.base, **SPLIT, paging={"kind": "page", "size": 50})


class TestDetailsOfPagesThatShift(_SplitSuite):
    split: ClassVar[dict[str, Any]] = {"incremental": {"param": "since"}}

    def prepare(self) -> None:
        super().prepare()
        self.laboratory.sorts = False


class TestDetailsOfNextUrls(_SplitSuite):
    split: ClassVar[dict[str, Any]] = {
        "paging": {"kind": "next_url", "path": "next", "size_param": "size", "size": 2}
    }


class TestDetailsOfSnapshots(_SplitSuite):
    split: ClassVar[dict[str, Any]] = {"incremental": None, "snapshot": True}


@pytest.fixture
def split(laboratory: Laboratory) -> Laboratory:
    """A laboratory whose results stand under an address of their own."""
    laboratory.splits = True
    return laboratory


def asked_for(laboratory: Laboratory) -> list[str]:
    """Give the samples whose results were asked for, one by one."""
    asked = [re.fullmatch(r"/samples/(.+)/results", path.partition("?")[0]) for path in laboratory.asked]
    return [found[1] for found in asked if found]


def results_of(rest: Rest, document: Document) -> list[TestResult]:
    return [part for part in rest.parse(document) if isinstance(part, TestResult)]


def test_item_and_detail_are_one_document_word_for_word(split: Laboratory) -> None:
    split.items[0]["results"][0]["entry"] = 1e22
    rest = make_rest(split.base, **SPLIT)
    documents, _ = read(rest)
    assert documents[0].payload == (
        '{"id":"S-001","version":1,"batchRef":"b26 0001","modified":"2026-03-01T08:00:00Z",'
        '"said":{"sample":"S-001","results":[{"id":"R-1","test":"TITRE","entry":1e+22,"unit":"mg/mL"}]}}'
    )
    assert [r.key for d in documents for r in results_of(rest, d)] == [f"R-{n}" for n in range(1, 8)]
    (placed,) = [p for p in rest.places(documents[0]) if isinstance(p.record, TestResult)]
    assert placed.fields["value"].path == "said.results[0].entry"


@pytest.mark.parametrize("incremental", [{"param": "since", "sorted": True}, {"param": "since"}, None])
def test_each_item_is_asked_for_once_a_reading(split: Laboratory, incremental: dict[str, Any] | None) -> None:
    read(make_rest(split.base, **{**SPLIT, "incremental": incremental}))
    assert sorted(asked_for(split)) == [f"S-{n:03d}" for n in range(1, 8)]


def test_later_only_what_has_changed_is_asked_for(split: Laboratory) -> None:
    _, cursor = read(make_rest(split.base, **SPLIT))
    split.items[2] = {**split.items[2], "modified": "2026-03-01T12:00:00Z"}
    split.asked.clear()
    read(make_rest(split.base, **SPLIT), cursor)
    assert asked_for(split) == ["S-007", "S-003"]  # the newest of before again, for late commits


def test_parameters_go_with_the_question_for_a_detail(split: Laboratory) -> None:
    read(make_rest(split.base, **{**SPLIT, "detail": {**DETAIL, "params": {"voided": False}}}))
    assert "/samples/S-001/results?voided=false" in split.asked


def test_details_are_asked_for_at_the_pace_that_a_source_allows(
    split: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("hub.sdk.http.time.sleep", waits.append)
    rest = make_rest(split.base, **SPLIT)
    read(Rest(rest.config.model_copy(update={"per_second": 0.01})))
    assert len(waits) == len(split.asked) - 1 > len(asked_for(split))


def test_an_item_without_detail_is_refused_and_the_rest_goes_on(split: Laboratory) -> None:
    del split.items[0]["results"]
    rest = make_rest(split.base, **SPLIT)
    documents, _ = read(rest)
    with pytest.raises(BadRecord, match=r"GET /samples/S-001/results gave nothing when this was read"):
        list(rest.parse(documents[0]))
    assert sum(len(results_of(rest, d)) for d in documents[1:]) == 6


def test_a_detail_larger_than_the_limit_costs_its_item_alone(split: Laboratory) -> None:
    split.items[0]["results"][0]["test"] = "x" * 2**20
    rest = make_rest(split.base, **SPLIT)
    rest = Rest(rest.config.model_copy(update={"max_mib": 1}))
    documents, _ = read(rest)
    with pytest.raises(BadRecord, match="more than `max_mib`"):
        list(rest.parse(documents[0]))
    assert len(documents) == 7


def test_a_deleted_item_is_not_asked_for(split: Laboratory) -> None:
    split.items[0]["cancelled"] = True
    del split.items[0]["results"]
    documents, _ = read(make_rest(split.base, **SPLIT, deleted="cancelled"))
    assert [d.key for d in documents if d.deleted] == ["S-001"]
    assert "S-001" not in asked_for(split)


def test_what_the_source_wrote_is_one_step_of_the_address(split: Laboratory) -> None:
    split.items = split.items[:2]
    split.items[0]["id"], split.items[1]["id"] = "..", "../keys?all=1"
    rest = make_rest(split.base, **SPLIT)
    documents, _ = read(rest)
    assert asked_for(split) == ["..%2Fkeys%3Fall%3D1"]
    with pytest.raises(BadRecord, match="'id' of the item names no address"):
        list(rest.parse(documents[0]))
    assert len(results_of(rest, documents[1])) == 1


def test_nothing_of_the_item_is_overwritten(split: Laboratory) -> None:
    with pytest.raises(Misconfigured, match="S-001 has 'batchRef' of its own"):
        read(make_rest(split.base, **{**SPLIT, "detail": {**DETAIL, "into": "batchRef"}}))


def test_check_finds_a_wrong_address_of_details_and_forgives_an_item_without(split: Laboratory) -> None:
    del split.items[0]["results"]
    with make_rest(split.base, **SPLIT) as rest:
        rest.check()
    wrong = make_rest(split.base, **{**SPLIT, "detail": {**DETAIL, "path": "/sample/of/{id}/results"}})
    with wrong, pytest.raises(Misconfigured, match=r"stream samples: none of 2 items has a detail; .* 404"):
        wrong.check()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"path": "/samples/results"}, "needs a path of the item in braces"),
        ({"path": "//elsewhere.example/{id}"}, "path"),
        ({"path": "https://elsewhere.example/{id}"}, "path"),
        ({"into": "a.b"}, "into"),
    ],
)
def test_a_detail_that_cannot_work_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        make_rest("http://127.0.0.1:9", **{**SPLIT, "detail": {**DETAIL, **wrong}})


@pytest.fixture
def site(split: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Site":
    monkeypatch.chdir(tmp_path)
    return Site(split.base, tmp_path / "site" / "sources" / "lab.yaml")


@dataclass(frozen=True)
class Site:
    """A project that reads the laboratory, and the commands on it."""

    base: str
    file: Path

    def configure(self, **settings: Any) -> None:
        stream = {name: value for name, value in {**STREAM, **SPLIT}.items() if name != "incremental"}
        given = {
            "base_url": self.base,
            "auth": {"bearer": TOKEN},
            "streams": {"samples": stream},
            **settings,
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        said = {"code": "lab", "kind": "LIMS", "connector": "rest", "settings": given}
        self.file.write_text(yaml.safe_dump(said), encoding="utf-8")

    def run(self, *words: str) -> str:
        return CliRunner().invoke(app, list(words)).output

    def sync(self) -> str:
        return self.run("source", "sync", "lab", "--config", "site")


def test_an_item_without_detail_waits_in_quarantine_until_a_reading_brings_it(
    split: Laboratory, site: Site
) -> None:
    site.configure()
    results = split.items[0].pop("results")
    assert "6 documents, 12 records; 1 in quarantine" in site.sync()
    told = site.run("quarantine", "list")
    assert "lab  samples S-001 at detail" in told
    assert "GET /samples/S-001/results gave nothing" in told
    site.run("quarantine", "replay", "--config", "site")
    assert "1 open" in site.run("quarantine", "list")
    split.items[0]["results"] = results
    assert "1 documents, 2 records" in site.sync()
    assert "1 open" not in site.run("quarantine", "list")


def test_a_stored_detail_is_read_again_without_asking_the_source(split: Laboratory, site: Site) -> None:
    split.items[0]["results"][0]["unit"] = "mg/pint"
    site.configure()
    assert "7 documents, 13 records; 1 in quarantine" in site.sync()
    site.configure(units={"mg/pint": "mg/L"})
    split.asked.clear()
    site.run("quarantine", "replay", "--config", "site")
    assert "1 open" not in site.run("quarantine", "list")
    assert not split.asked
