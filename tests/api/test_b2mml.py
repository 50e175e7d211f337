"""Batches as B2MML over REST: which documents there are, and what is said where there is none."""

import pytest

from connectors.b2mml import B2mml, B2mmlConfig
from hub.model import Batch, Record
from hub.sdk import Document
from tests.api.conftest import Counter


def records(content: bytes, kind: str) -> list[Record]:
    connector = B2mml(B2mmlConfig.model_validate({"folder": "/nowhere"}))
    document = Document(object_type=kind, key=kind, payload=content.decode())
    return [part for part in connector.parse(document) if isinstance(part, Record)]


def test_a_batch_is_a_batch_production_record_that_its_reader_understands(either_looked_at: Counter) -> None:
    batch = either_looked_at.get("/v1/batches?limit=1")["items"][0]
    answered = either_looked_at.client.get(f"/v1/batches/{batch['uid']}/b2mml")
    assert answered.status_code == 200
    assert answered.headers["content-type"].startswith("application/xml")
    assert answered.headers["content-disposition"] == 'inline; filename="BatchProductionRecord.xml"'
    told = [r for r in records(answered.content, "BatchProductionRecord") if isinstance(r, Batch)]
    assert batch["code"] in {one.id.value for one in told}


def test_a_past_record_is_written_as_it_was_known(looked_at: Counter) -> None:
    uid = looked_at.get("/v1/batches?limit=1")["items"][0]["uid"]
    now = looked_at.client.get(f"/v1/batches/{uid}/b2mml")
    then = looked_at.client.get(f"/v1/batches/{uid}/b2mml", params={"as_known_at": now.headers["Known-At"]})
    assert then.content == now.content


@pytest.mark.parametrize(
    ("noun", "document", "root"),
    [
        ("batches", "BatchInformation", b"<BatchInformation "),
        ("lots", None, b"<MaterialInformation "),
        ("materials", "MaterialInformation", b"<MaterialInformation "),
    ],
)
def test_what_a_batch_needs_is_a_document_too(
    looked_at: Counter, noun: str, document: str | None, root: bytes
) -> None:
    uid = looked_at.get(f"/v1/{noun if noun != 'materials' else 'collections/materials'}?limit=1")["items"][
        0
    ]["uid"]
    params = {"document": document} if document else {}
    answered = looked_at.client.get(f"/v1/{noun}/{uid}/b2mml", params=params)
    assert answered.status_code == 200, answered.text
    assert root in answered.content


def test_a_document_that_there_is_none_of_is_refused_with_those_that_there_are(looked_at: Counter) -> None:
    lot = looked_at.get("/v1/lots?limit=1")["items"][0]["uid"]
    said = looked_at.problem(f"/v1/lots/{lot}/b2mml", 422, document="BatchInformation")
    assert said["detail"] == "Of lots there is MaterialInformation."
    assert looked_at.problem("/v1/batches/nobody/b2mml", 404)["title"] == "There is no such thing"
    assert looked_at.problem("/v1/batches/nobody/b2mml", 422, document="Poem")["status"] == 422
