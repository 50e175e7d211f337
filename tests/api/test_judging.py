"""Rules and conflicts over HTTP: who says so, who says otherwise, what decided, and deciding it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hub.api import balance, schemas
from hub.api.app import create_app
from hub.model import Batch, Quantity
from hub.store.keys import create_key
from tests.api.routes import check_problem
from tests.resolve.test_counting import move, name, says
from tests.resolve.worlds import Version, World

PLACE = "/v1/conflicts/batch/B/actual_size"
RULE = "/v1/rules/batch/actual_size"


@dataclass
class Desk:
    """A client whose key may judge, over a world in which MES and ERP disagree about batch B."""

    world: World
    client: TestClient

    def get(self, path: str, **params: Any) -> Any:
        response = self.client.get(path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def send(self, method: str, path: str, status: int = 200, /, **body: Any) -> Any:
        """Send a decision about what is there now, whatever that is."""
        response = self.client.request(method, path, json=body, headers={"If-Match": "*"})
        assert response.status_code == status, response.text
        return response.json()


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url, keeps=True)
    yield one
    one.database.close()


def size(value: str, unit: str = "kg") -> Batch:
    return Batch(
        id=name("batch", "B"),
        product=name("material_definition", "N"),
        actual_size=Quantity.of(value, unit),
    )


@pytest.fixture
def desk(world: World) -> Iterator[Desk]:
    world.begin()
    world.take(
        [
            says("mes", size("117.3"), move("m", "1500"), key="a"),
            says("erp", size("118200", "g"), move("e", "1500"), key="b"),
        ]
    )
    world.resolve()
    with world.database.begin("test") as connection:
        key = create_key(connection, name="J. Murphy, QA", scopes=["operate"])
    app = create_app(world.database)
    with TestClient(app, headers={"X-API-Key": key}, raise_server_exceptions=False) as client:
        yield Desk(world, client)


def test_each_value_shows_who_says_so_who_says_otherwise_and_which_rule_decided(desk: Desk) -> None:
    said = {
        a["source"]: a
        for a in desk.get("/v1/batches/B/assertions")["items"]
        if a["attribute"] == "actual_size"
    }
    assert (said["erp"]["is_winner"], said["erp"]["difference"]) == (True, None)
    assert said["mes"]["in_conflict"]
    assert said["mes"]["difference"] == {"value": pytest.approx(-900), "unit": "g"}
    for one in said.values():
        schemas.Assertion.model_validate(one)
        assert one["rule"] == {"entity_type": "batch", "attribute": "actual_size", "version": 1}


def test_conflicts_are_found_by_type_attribute_batch_and_product(desk: Desk) -> None:
    (found,) = desk.get("/v1/conflicts")["items"]
    schemas.Conflict.model_validate(found)
    assert (found["state"], found["rule"]["tolerance"]["relative"]) == ("open", 0.005)
    for asked, expected in (
        ({"type": "batch"}, 1),
        ({"type": "material_lot"}, 0),
        ({"attribute": "actual_size"}, 1),
        ({"attribute": "status"}, 0),
        ({"batch": "B"}, 1),
        ({"product": "N"}, 1),
        ({"product": "M"}, 0),
        ({"state": "resolved"}, 0),
        ({"state": "all"}, 1),
    ):
        assert len(desk.get("/v1/conflicts", **asked)["items"]) == expected, asked


def test_a_person_lets_a_source_count_and_takes_it_back(desk: Desk) -> None:
    before = desk.world.dump()
    done = desk.send("POST", f"{PLACE}/resolve", counts="mes", reason="the scale was read again")
    schemas.ConflictWhole.model_validate(done)
    assert (done["state"], done["decision"]["counts"]) == ("resolved", "mes")
    assert done["decision"]["decided_by"].startswith("J. Murphy, QA (")
    batch = desk.get("/v1/batches/B")
    assert (batch["actual_size"]["value"], batch["has_conflict"]) == (117.3, False)
    assert [c["state"] for c in batch["conflicts"]] == ["resolved"]
    assert desk.get("/v1/conflicts")["items"] == []
    assert len(desk.get("/v1/conflicts", state="resolved")["items"]) == 1
    undone = desk.send("POST", f"{PLACE}/reopen", reason="it was another scale")
    (decision,) = undone["decisions"]
    assert (undone["state"], decision["state"], decision["reversed_reason"]) == (
        "open",
        "reversed",
        "it was another scale",
    )
    assert desk.world.dump() == before


def test_a_changed_value_opens_a_settled_conflict_and_says_which(desk: Desk) -> None:
    desk.send("POST", f"{PLACE}/resolve", counts="mes", reason="the scale was read again")
    desk.world.take([Version("erp", "b", 2, (size("119"),))])
    desk.world.resolve()
    found = desk.get(PLACE)
    schemas.ConflictWhole.model_validate(found)
    assert (found["state"], found["decision"]) == ("open", None)
    assert found["reopened"]["changed"] == [
        {
            "source": "erp",
            "then": {"value": 118200.0, "unit": "g"},
            "now": {"value": 119.0, "unit": "kg"},
        }
    ]


def test_a_new_rule_version_is_applied_at_once_and_shown_with_the_value(desk: Desk) -> None:
    given = {"strategy": "system", "order": ["mes", "ERP"], "tolerance": {"absolute": 500, "unit": "g"}}
    history = desk.send("PUT", RULE, **given, reason="the scale is calibrated")
    schemas.RuleHistory.model_validate(history)
    assert [(v["version"], v["is_in_force"], v["origin"]) for v in history["versions"]] == [
        (2, True, "person"),
        (1, False, "hub"),
    ]
    assert history["versions"][0]["approved_by"].startswith("J. Murphy, QA (")
    assert desk.get("/v1/batches/B")["actual_size"]["value"] == 117.3
    said = desk.get("/v1/batches/B/assertions")["items"]
    assert {a["rule"]["version"] for a in said if a["attribute"] == "actual_size"} == {2}
    assert desk.send("PUT", RULE, **given, reason="said again")["versions"][0]["version"] == 2
    assert len([r for r in desk.get("/v1/rules")["items"] if r["attribute"] == "actual_size"]) == 1
    every = desk.get("/v1/rules", include="history")["items"]
    assert len([r for r in every if r["attribute"] == "actual_size"]) == 2


REFUSED: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("POST", f"{PLACE}/resolve", {"counts": "lims", "reason": "why not"}, 422, "invalid-parameter"),
    ("POST", f"{PLACE}/resolve", {"counts": "mes"}, 422, "invalid-parameter"),
    ("POST", f"{PLACE}/resolve", {"counts": "mes", "reason": "a\u001fb c"}, 422, "invalid-parameter"),
    (
        "POST",
        "/v1/conflicts/batch/B/product/resolve",
        {"counts": "mes", "reason": "why not"},
        409,
        "no-conflict",
    ),
    ("POST", "/v1/conflicts/batch/B/colour/resolve", {"counts": "mes", "reason": "why"}, 404, "not-found"),
    ("POST", "/v1/conflicts/bach/B/status/resolve", {"counts": "mes", "reason": "why"}, 404, "not-found"),
    ("POST", f"{PLACE}/reopen", {"reason": "why not"}, 409, "no-decision"),
    ("PUT", RULE, {"strategy": "union", "order": ["MES"], "reason": "why not"}, 422, "invalid-rule"),
    ("PUT", RULE, {"strategy": "system", "order": ["SAP"], "reason": "why not"}, 422, "invalid-rule"),
    ("PUT", RULE, {"strategy": "system", "order": ["MES"]}, 422, "invalid-parameter"),
    ("PUT", "/v1/rules/bach/status", {"strategy": "latest", "order": [], "reason": "why"}, 404, "not-found"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "kind"), REFUSED)
def test_what_cannot_be_done_is_a_problem_and_changes_nothing(
    desk: Desk, method: str, path: str, body: dict[str, Any], status: int, kind: str
) -> None:
    before = desk.world.dump()
    problem = desk.send(method, path, status, **body)
    assert problem["type"] == f"urn:plantwide:problem:{kind}"
    assert desk.world.dump() == before


def test_a_key_that_may_only_read_judges_nothing(desk: Desk) -> None:
    with desk.world.database.begin("test") as connection:
        reader = create_key(connection, name="reader", scopes=["read"])
    body = {"counts": "mes", "reason": "why not"}
    answer = desk.client.post(f"{PLACE}/resolve", json=body, headers={"X-API-Key": reader})
    assert answer.status_code == 403


RULED = {"strategy": "system", "order": ["MES"], "tolerance": {"absolute": 500, "unit": "g"}, "reason": "why"}


def test_a_decision_is_about_what_was_seen(desk: Desk) -> None:
    tag = desk.client.get(PLACE).headers["ETag"]
    body = {"counts": "mes", "reason": "the scale was read again"}
    assert desk.client.get(PLACE, headers={"If-None-Match": tag}).status_code == 304
    desk.world.take([Version("erp", "b", 2, (size("119"),))])
    desk.world.resolve()
    before = desk.world.dump()
    refused = desk.client.post(f"{PLACE}/resolve", json=body, headers={"If-Match": tag})
    assert refused.status_code == 412
    problem = check_problem(refused.json())
    assert problem["type"] == "urn:plantwide:problem:precondition-failed"
    assert problem["changed"] == ["statements"]
    assert problem["current"] == desk.get(PLACE)
    assert desk.world.dump() == before
    done = desk.client.post(f"{PLACE}/resolve", json=body, headers={"If-Match": problem["etag"]})
    assert done.status_code == 200
    again = desk.client.post(f"{PLACE}/resolve", json=body, headers={"If-Match": problem["etag"]})
    assert (again.status_code, "decision" in again.json()["changed"]) == (412, True)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{PLACE}/resolve", {"counts": "mes", "reason": "the scale was read again"}),
        ("PUT", RULE, RULED),
    ],
)
def test_who_judges_must_say_what_was_seen(desk: Desk, method: str, path: str, body: dict[str, Any]) -> None:
    before = desk.world.dump()
    answer = desk.client.request(method, path, json=body)
    assert answer.status_code == 428
    assert answer.json()["type"] == "urn:plantwide:problem:precondition-needed"
    assert "ETag" in answer.json()["detail"]
    assert desk.world.dump() == before


@pytest.mark.parametrize("held", ['"nonsense"', "W/{tag}", "{tag}x", "", '"', "é"])
def test_a_tag_that_is_not_that_of_the_thing_matches_nothing(desk: Desk, held: str) -> None:
    told = held.format(tag=desk.client.get(RULE).headers["ETag"]).encode()
    answer = desk.client.put(RULE, json=RULED, headers={b"If-Match": told})
    assert answer.status_code == 412
    assert (
        desk.client.put(RULE, json=RULED, headers={"If-None-Match": "*", "If-Match": "*"}).status_code == 412
    )


def test_a_rule_is_replaced_by_who_saw_it_and_a_first_one_needs_no_tag(desk: Desk) -> None:
    tag = desk.client.get(RULE).headers["ETag"]
    assert desk.client.put(RULE, json=RULED, headers={"If-Match": f'"other", {tag}'}).status_code == 200
    late = desk.client.put(RULE, json=RULED, headers={"If-Match": tag})
    assert (late.status_code, late.json()["changed"]) == (412, ["versions"])
    new = "/v1/rules/material_lot/supplier_lot"
    assert desk.client.get(new).status_code == 404
    body = {**RULED, "tolerance": {}}
    assert desk.client.put(new, json=body, headers={"If-Match": "*"}).status_code == 412
    assert desk.client.put(new, json=body, headers={"If-None-Match": "*"}).status_code == 200
    assert desk.client.put(new, json=body).status_code == 428


def test_a_decision_that_is_sent_again_is_answered_though_it_has_itself_changed_what_was_seen(
    desk: Desk,
) -> None:
    headers = {"If-Match": desk.client.get(PLACE).headers["ETag"], "Idempotency-Key": "k1"}
    body = {"counts": "mes", "reason": "the scale was read again"}
    told = [desk.client.post(f"{PLACE}/resolve", json=body, headers=headers) for _ in range(2)]
    assert [one.status_code for one in told] == [200, 200]
    assert told[0].content == told[1].content
    assert len(desk.get(PLACE)["decisions"]) == 1
    old = {"If-Match": headers["If-Match"], "Idempotency-Key": "k2"}
    assert [desk.client.post(f"{PLACE}/resolve", json=body, headers=old).status_code for _ in range(2)] == [
        412,
        412,
    ]


def test_taking_a_decision_back_honours_a_tag(desk: Desk) -> None:
    desk.send("POST", f"{PLACE}/resolve", counts="mes", reason="the scale was read again")
    back = {"reason": "it was another scale"}
    answer = desk.client.post(f"{PLACE}/reopen", json=back, headers={"If-Match": '"old"'})
    assert answer.status_code == 412
    tag = desk.client.get(PLACE).headers["ETag"]
    assert desk.client.post(f"{PLACE}/reopen", json=back, headers={"If-Match": tag}).status_code == 200


def test_balances_name_the_movements_of_each_number(desk: Desk) -> None:
    found = desk.get("/v1/batches/B/balance")
    balance.BatchBalance.model_validate(found)
    (mass,) = found["dimensions"]
    (taken,) = [m for m in found["movements"] if m["counts"]]
    assert (mass["in"]["quantity"], mass["in"]["movements"]) == (1500.0, [taken["id"]])
    lot = desk.get("/v1/lots/L/balance")
    balance.LotBalance.model_validate(lot)
    assert lot["dimensions"][0]["consumed_by"][0]["batch"]["code"] == "B"
