"""The laboratory over real HTTP."""

from datetime import datetime
from typing import Any

import httpx2 as httpx
import pytest

from hub.demo.lims import CORRECTED_ENTRY, EARLY_ENTRY
from hub.demo.plan import FIRST
from hub.demo.plant import Plant


def _all(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    url: str | None = path
    total = -1
    while url:
        body = client.get(url).json()
        rows += body["data"]
        total, url = body["total"], body["links"]["next"]
    assert len(rows) == total
    return rows


def test_without_the_token_nothing_is_told(plant: Plant) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert httpx.get(plant.urls["lims"] + "/api/v1/samples", headers=headers).status_code == 401


def test_pages_hold_every_sample_once_oldest_change_first(lims: httpx.Client) -> None:
    rows = _all(lims, "/api/v1/samples?pageSize=37")
    assert len({r["sampleId"] for r in rows}) == len(rows) > 150
    changes = [datetime.fromisoformat(r["modifiedAt"]) for r in rows]
    assert changes == sorted(changes)
    numbered = [lims.get(f"/api/v1/samples?page={n}&pageSize=100").json()["data"] for n in (1, 2, 3)]
    assert [r for page in numbered for r in page] == rows


def test_modified_since_is_inclusive(lims: httpx.Client) -> None:
    rows = _all(lims, "/api/v1/samples")
    at = rows[-3]["modifiedAt"]
    later = lims.get("/api/v1/samples", params={"modifiedSince": at}).json()["data"]
    assert later == rows[-3:]


@pytest.mark.parametrize("query", ["page=0", "pageSize=many", "modifiedSince=yesterday"])
def test_bad_parameters_are_named(lims: httpx.Client, query: str) -> None:
    answer = lims.get(f"/api/v1/samples?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_request"


def test_times_carry_the_offset_of_the_site(lims: httpx.Client) -> None:
    rows = _all(lims, "/api/v1/samples")
    offsets = {r["takenAt"][-6:] for r in rows}
    assert offsets == {"+00:00", "+01:00"}


def test_an_out_of_specification_result_is_followed_by_its_retest(lims: httpx.Client) -> None:
    (sample,) = [s for s in _all(lims, "/api/v1/samples") if s["sampleId"] == "S-2026-004831"]
    assert (sample["batchRef"], sample["version"]) == ("b26 0117", 2)
    first, again = [r for r in sample["results"] if r["test"] == "HCP-ELISA"]
    assert (first["resultId"], first["entry"], first["verdict"]) == ("R-91203", "118", "FAIL")
    assert (again["retestOf"], again["entry"], again["verdict"]) == ("R-91203", "41", "PASS")
    assert next(r["entry"] for r in sample["results"] if r["test"] == "ENDOTOXIN") == "<0.05"


def test_the_worked_examples_sample_has_its_number(lims: httpx.Client) -> None:
    (sample,) = [s for s in _all(lims, "/api/v1/samples") if s["sampleId"] == "S-2026-004811"]
    titre = next(r for r in sample["results"] if r["test"] == "TITRE-HPLC")
    assert (sample["batchRef"], titre["entry"], titre["unit"]) == ("b26 0117", "3.10", "mg/mL")


def test_specifications_and_decisions_are_told(lims: httpx.Client) -> None:
    specifications = _all(lims, "/api/v1/specifications")
    criteria = {c["criterionId"] for s in specifications for c in s["criteria"]}
    used = {r["criterionId"] for s in _all(lims, "/api/v1/samples") for r in s["results"]}
    assert used <= criteria
    decisions = {d["batchRef"]: d["code"] for d in _all(lims, "/api/v1/usage-decisions")}
    assert decisions["b26 0112"] == "R"
    assert decisions["b26 0117"] == "A"


def test_the_early_result_is_there_first_and_corrected_later(plant: Plant, lims: httpx.Client) -> None:
    def early() -> list[tuple[int, str]]:
        rows = [s for s in _all(lims, "/api/v1/samples") if s["batchRef"] == "b26 0122"]
        return [(s["version"], s["results"][0]["entry"]) for s in rows if s["stage"] == "N2"]

    assert early() == [(2, CORRECTED_ENTRY)]
    plant.set_clock(FIRST)
    assert early() == [(1, EARLY_ENTRY)]
    assert not [p for p in plant.mes_folder.glob("*.xml") if "B26-0122" in p.name]
