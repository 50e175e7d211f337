"""A client that somebody else wrote (`python-odata` from PyPI) works against the door without a change."""

from typing import Any

from odata import ODataService
from requests.auth import HTTPBasicAuth

from tests.odata.conftest import Odata
from tests.odata.serving import running
from tests.odata.test_reading import uid_of


def test_the_public_python_client_reflects_filters_expands_and_follows_pages(odata: Odata) -> None:
    with running(odata) as url:
        service: Any = ODataService(
            url, reflect_entities=True, auth=HTTPBasicAuth("anybody", odata.keys["all"]), quiet_progress=True
        )
        batch = service.entities["batches"]
        found = service.query(batch).filter(batch.code.startswith("B26")).order_by(batch.code.desc()).all()
        assert [one.code for one in found] == ["B26-0199", "B26-0119", "B26-0118", "B26-0117"]
        assert found[-1].actual_size == 118.2
        assert found[-1].actual_start.isoformat() == "2026-03-02T06:00:00+00:00"
        one = service.query(batch).get(uid_of(odata))
        assert (one.code, one.product.code) == ("B26-0117", "300214")
        assert {phase.name for phase in one.phases} >= {"Growth", "Harvest"}
        assert service.query(batch).filter(batch.product_code == "300214").count() == 7
        whole = service.query(batch).expand(batch.product).filter(batch.code == "B26-0117").one()
        assert whole.product.description == "mAb 214 drug substance"
        sample = service.entities["samples"]
        query = (
            service.query(sample).filter(sample.batch == "B26-0117").filter(sample.tag == "BR2000-01.TEMP")
        )
        times = [one.time for one in query]
        assert (
            len(times)
            == len(set(times))
            == int(
                odata.ask("/samples/$count", filter="batch eq 'B26-0117' and tag eq 'BR2000-01.TEMP'").text
            )
        )
