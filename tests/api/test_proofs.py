import pytest

from tests.api.conftest import Counter
from tests.api.factories import add_assertion, add_record, add_thing

LONG = '{"id": "' + "7" * 70_000 + '"}'


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/v1/batches/NOWHERE/completeness", "look at the list"),
        ("/v1/lineage/batch/NOWHERE/actual_size", "look at the list"),
        ("/v1/lineage/kettle/B26-0117/actual_size", "material_lot"),
        ("/v1/lineage/batch/B26-0117/colour", "actual_size"),
        ("/v1/lineage/test_result/lims/none/value", "<source>/<key>"),
        ("/v1/source-records/999999/payload", "no source record"),
    ],
)
def test_what_is_not_there_is_a_problem_that_says_what_is(looked_at: Counter, path: str, says: str) -> None:
    assert says in looked_at.problem(path, 404)["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/batches/B26-0117/completeness",
        "/v1/lineage/batch/B26-0117/actual_size",
        "/v1/source-records/1/payload",
    ],
)
def test_proofs_are_for_those_who_may_read(looked_at: Counter, path: str) -> None:
    assert looked_at.client.get(path, headers={"X-API-Key": "wrong"}).status_code == 401


def test_the_chain_of_a_golden_value_holds_every_source_and_its_payload(looked_at: Counter) -> None:
    found = looked_at.get("/v1/lineage/batch/B26-0117/actual_size")
    assert found["value"] == looked_at.get("/v1/batches/B26-0117")["actual_size"]
    assert [(s["source"], s["value"]["value"], s["is_winner"]) for s in found["statements"]] == [
        ("sap.prd", 118.2, True),
        ("mes", 117.3, False),
    ]
    for statement in found["statements"]:
        record = statement["record"]
        shown = looked_at.get(f"/v1/source-records/{record['id']}")
        assert record["payload"] == shown["payload"]
        assert looked_at.client.get(record["payload_address"]).text == shown["payload"]


def test_a_long_payload_is_cut_in_the_chain_and_whole_as_a_file(counter: Counter) -> None:
    plant = counter.plant
    with counter.database.begin("test") as connection:
        record = add_record(connection, plant["mes"], LONG)
        batch = add_thing(connection, "batch", "LONG")
        add_assertion(
            connection,
            "batch",
            batch,
            "description",
            system=plant["mes"],
            record=record,
            value="long",
            is_winner=True,
        )
    (statement,) = counter.get("/v1/lineage/batch/LONG/description")["statements"]
    cut = statement["record"]
    assert cut["is_cut"]
    assert cut["payload"] == LONG[:65_536]
    response = counter.client.get(cut["payload_address"])
    assert response.text == LONG
    assert response.headers["content-disposition"].startswith("attachment")
    assert response.headers["content-type"] == "application/json; charset=utf-8"
