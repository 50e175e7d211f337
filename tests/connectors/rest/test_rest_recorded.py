"""A real laboratory system read by settings alone: talk recorded of SENAITE 2.6, played from loopback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.rest import Rest, RestConfig
from hub.model import Sample
from hub.sdk import Unauthorized
from hub.sdk.testing import Cassette

SETTINGS: dict[str, Any] = {
    "probe": "/users/current",
    "login_proof": "items[0].authenticated",
    "streams": {
        "samples": {
            "path": "/analysisrequest",
            "params": {"limit": 5, "sort_on": "modified", "sort_order": "asc"},
            "items": "items",
            "key": "uid",
            "changed_at": "modified",
            "total": "count",
            "paging": {"kind": "next_url", "path": "next"},
            "records": [
                {
                    "record": "sample",
                    "fields": {"key": "uid", "code": "id", "batch": "getClientSampleID"},
                }
            ],
        }
    },
}


@pytest.fixture
def senaite(shared_folder: Path) -> Iterator[str]:
    files = sorted((shared_folder / "data" / "recorded" / "senaite-2.6.0").glob("*.json"))
    cassette = Cassette.of_pairs(files, prefix="/senaite", secrets={})
    with cassette.play() as url:
        yield f"{url}/senaite/@@API/senaite/v1"


def read(url: str, **settings: Any) -> list[Sample]:
    with Rest(RestConfig.model_validate({"base_url": url, **SETTINGS, **settings})) as connector:
        connector.check()
        documents = [d for page in connector.read("samples", None) for d in page.documents]
        return [part for d in documents for part in connector.parse(d) if isinstance(part, Sample)]


@pytest.mark.against("rest", "SENAITE 2.6", how="recorded")
def test_every_sample_of_a_real_laboratory_is_read_over_three_pages(senaite: str) -> None:
    samples = read(senaite)
    assert sorted(str(sample.code) for sample in samples) == [f"HV-{n:04d}" for n in range(1, 13)]
    assert {sample.batch.value for sample in samples if sample.batch} == {f"B240{n:02d}" for n in range(12)}


def test_a_login_that_the_laboratory_does_not_prove_is_refused_before_the_first_page(senaite: str) -> None:
    proof = {"login_proof": "items[0].no_such_proof"}
    with pytest.raises(Unauthorized, match="the login was not accepted"):
        read(senaite, **proof)
    config = RestConfig.model_validate({"base_url": senaite, **SETTINGS, **proof})
    with Rest(config) as connector, pytest.raises(Unauthorized, match="the login was not accepted"):
        list(connector.read("samples", None))
