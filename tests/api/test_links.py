"""People see what is proposed, with both sides and the evidence, decide with a reason, and undo it."""

from typing import Any

import pytest
from httpx2 import Response
from lxml import etree

from hub.store.schemes import save_scheme_groups
from tests.api.conftest import ERP, LIMS, MES, Counter, tell
from tests.api.factories import NOW
from tests.api.routes import check_problem


def post(counter: Counter, path: str, body: dict[str, Any], status: int = 200, key: str = "") -> Any:
    headers = {"X-API-Key": key or counter.operator}
    answer = counter.client.post(path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def decide(
    counter: Counter, decision: str, one: str, other: str, status: int = 200, **more: str
) -> dict[str, Any]:
    body = {"type": "batch", "one": one, "other": other, "decision": decision, "reason": "same label", **more}
    return post(counter, "/v1/links", body, status)


def batches(counter: Counter) -> set[str]:
    return {item["code"] for item in counter.get("/v1/batches")["items"]}


def test_a_decision_joins_two_things_at_once_and_its_undoing_parts_them(three_batches: Counter) -> None:
    before = counted = three_batches.get("/v1/batches")["items"]
    assert {b["code"] for b in counted} == {"A-1", "Z"}
    made = decide(three_batches, "same", LIMS, MES)
    assert batches(three_batches) == {"A-1"}
    assert (made["state"], made["decision"], made["reason"]) == ("confirmed", "same", "same label")
    assert made["one"]["thing"]["uid"] == made["other"]["thing"]["uid"]
    gone = post(three_batches, f"/v1/links/{made['id']}/undo", {"reason": "another label"})
    assert (gone["state"], gone["undone_reason"]) == ("reversed", "another label")
    after = three_batches.get("/v1/batches")["items"]
    untimed = [{k: v for k, v in b.items() if k not in ("version", "recorded_at")} for b in before]
    assert [{k: b[k] for k in untimed[0]} for b in after] == untimed


def test_undoing_honours_the_tag_of_what_was_seen(three_batches: Counter) -> None:
    made = decide(three_batches, "same", LIMS, MES)
    address = f"/v1/links/{made['id']}"
    tag = three_batches.client.get(address).headers["ETag"]
    assert three_batches.client.get(address, headers={"If-None-Match": tag}).status_code == 304

    def undo(held: str) -> Response:
        headers = {"X-API-Key": three_batches.operator, "If-Match": held}
        return three_batches.client.post(f"{address}/undo", json={"reason": "another label"}, headers=headers)

    old = undo('"old"')
    assert (old.status_code, old.json()["current"]["state"]) == (412, "confirmed")
    assert three_batches.get(address)["state"] == "confirmed"
    done = undo(tag)
    assert (done.status_code, done.json()["state"]) == (200, "reversed")


def test_a_uid_merged_away_still_finds_the_batch_that_it_became_part_of(three_batches: Counter) -> None:
    lonely = three_batches.get("/v1/batches/Z")["uid"]
    joined = three_batches.get("/v1/batches/A-1")["uid"]
    decide(three_batches, "same", LIMS, MES)
    found = three_batches.get(f"/v1/batches/{lonely}")
    assert (found["uid"], found["merged_from"]["uid"]) == (joined, lonely)


def test_who_decided_is_the_key_and_stands_at_each_name(three_batches: Counter) -> None:
    decide(three_batches, "same", LIMS, MES)
    names = {f"{n['scheme']}|{n['value']}": n for n in three_batches.get("/v1/batches/A-1")["names"]}
    (link,) = names[LIMS]["links"]
    assert (link["name"], link["method"], link["state"], link["reason"]) == (
        MES,
        "human",
        "confirmed",
        "same label",
    )
    assert link["decided_by"].startswith("operator (")
    assert [(k["name"], k["method"], k["evidence"]) for k in names[ERP]["links"]] == [
        (MES, "normalised", {"norm": "A1"})
    ]


def test_names_kept_apart_part_and_the_evidence_that_joined_them_is_kept(three_batches: Counter) -> None:
    kept = decide(three_batches, "apart", MES, ERP)
    assert batches(three_batches) == {"A-1", "A1", "Z"}
    assert kept["evidence"]["seen"][0]["method"] == "normalised"
    (found,) = three_batches.get("/v1/links", state="rejected", method="human")["items"]
    assert found == kept


def test_a_decision_against_what_stands_is_refused_with_the_way(three_batches: Counter) -> None:
    made = decide(three_batches, "same", LIMS, MES)
    problem = decide(three_batches, "apart", MES, LIMS, 409)
    assert problem["type"] == "urn:plantwide:problem:contradicted"
    (step,) = check_problem(problem)["path"]
    assert ({step["one"], step["other"]}, step["method"], step["link_id"]) == (
        {MES, LIMS},
        "human",
        made["id"],
    )


def test_what_sources_declare_later_against_a_decision_is_flagged_and_listed(three_batches: Counter) -> None:
    kept = decide(three_batches, "apart", MES, LIMS)
    assert three_batches.get("/v1/links", state="contradicted")["items"] == []
    tell(three_batches, ("lims", "Z", (MES,)), version=2)
    (found,) = three_batches.get("/v1/links", state="contradicted")["items"]
    assert (found["id"], found["is_contradicted"]) == (kept["id"], True)
    assert three_batches.get(f"/v1/links/{kept['id']}")["is_contradicted"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"one": "mes:batch|nobody"}, 404, "not-found"),
        ({"type": "nothing"}, 404, "not-found"),
        ({"one": ERP}, 422, "invalid-parameter"),
        ({"reason": ""}, 422, "invalid-parameter"),
        ({"reason": "a\u0007b"}, 422, "invalid-parameter"),
        ({"decision": "maybe"}, 422, "invalid-parameter"),
        ({"one": "no scheme"}, 422, "invalid-parameter"),
        ({"one": 7}, 422, "invalid-parameter"),
        ({"more": "x"}, 422, "invalid-parameter"),
    ],
    ids=[
        "a name nobody uses",
        "no such type",
        "one name twice",
        "no reason",
        "a bell",
        "no such decision",
        "no scheme",
        "a number",
        "a member too many",
    ],
)
def test_a_bad_decision_is_a_problem_and_changes_nothing(
    three_batches: Counter, body: dict[str, Any], status: int, kind: str
) -> None:
    whole = {"type": "batch", "one": MES, "other": ERP, "decision": "apart", "reason": "because", **body}
    problem = post(three_batches, "/v1/links", whole, status)
    assert problem["type"] == f"urn:plantwide:problem:{kind}"
    assert three_batches.get("/v1/links", method="human", state="all")["items"] == []


def test_who_may_only_read_decides_nothing(three_batches: Counter) -> None:
    body = {"type": "batch", "one": MES, "other": ERP, "decision": "apart", "reason": "because"}
    for path, given in (("/v1/links", body), ("/v1/links/1/undo", {"reason": "because"})):
        problem = post(three_batches, path, given, 403, three_batches.reader)
        assert problem["type"] == "urn:plantwide:problem:scope-missing"


@pytest.mark.parametrize(
    ("link_id", "status", "kind"), [(1, 409, "no-decision"), (999_999, 404, "not-found")]
)
def test_only_a_standing_decision_is_undone(
    three_batches: Counter, link_id: int, status: int, kind: str
) -> None:
    problem = post(three_batches, f"/v1/links/{link_id}/undo", {"reason": "because"}, status)
    assert problem["type"] == f"urn:plantwide:problem:{kind}"


def test_the_past_shows_the_link_as_it_was(three_batches: Counter) -> None:
    made = decide(three_batches, "same", LIMS, MES)
    path = f"/v1/links/{made['id']}"
    then = three_batches.client.get(path).headers["Known-At"]
    names = three_batches.get("/v1/batches/A-1")["names"]
    post(three_batches, f"{path}/undo", {"reason": "another label"})
    assert three_batches.get(path, as_known_at=then) == made
    assert three_batches.get("/v1/batches/A-1", as_known_at=then)["names"] == names
    assert three_batches.get(path)["state"] == "reversed"


def test_links_are_listed_by_type_state_and_method_page_by_page(looked_at: Counter) -> None:
    (found,) = looked_at.get("/v1/links")["items"]
    assert (found["state"], found["score"], found["one"]["label"], found["other"]["label"]) == (
        "proposed",
        0.93,
        "B26-0119",
        "B26-0199",
    )
    assert found["other"]["thing"]["lifecycle"] == "stub"
    assert looked_at.get("/v1/links", type="material_lot")["items"] == []
    assert looked_at.get("/v1/links", method="human", state="all") == {"items": [], "next": None}
    assert looked_at.get("/v1/links", limit=1, type="batch", method="rule")["items"] == [found]


def test_each_approved_whitelist_stays_readable(counter: Counter) -> None:
    (first,) = counter.get("/v1/rules/identity")["items"]
    assert (first["version"], first["is_in_force"]) == (1, True)
    assert first["groups"] == [{"entity_type": "batch", "schemes": ["lims:batch", "mes:batch"]}]
    with counter.database.begin("test") as connection:
        save_scheme_groups(connection, {"batch": [["mes:batch", "erp:batch"]]}, now=NOW, by="alice")
    newest, old = counter.get("/v1/rules/identity")["items"]
    assert (newest["version"], newest["approved_by"], newest["is_in_force"]) == (2, "alice", True)
    assert old == {**first, "is_in_force": False}


# ------------------------------------------------------------------------------------------- on the pages
def log_in(counter: Counter, key: str) -> None:
    """Come in as a person does: by the form, then by the session's cookie alone."""
    del counter.client.headers["X-API-Key"]
    assert counter.client.post("/login", data={"key": key}).status_code == 200


def found_link(counter: Counter) -> int:
    """The link that the hub found between the names of MES and ERP."""
    (link,) = counter.get("/v1/links", state="confirmed", method="normalised")["items"]
    return link["id"]


def words(answer: Any) -> str:
    page: Any = etree.fromstring(answer.content, etree.HTMLParser(encoding="utf-8"))
    return " ".join(" ".join(page.itertext()).split())


def test_a_proposal_shows_both_sides_with_the_evidence(looked_at: Counter) -> None:
    said = words(looked_at.client.get("/links/1", headers={"Accept": "text/html"}))
    for expected in (
        "mes:batch|B26-0119",
        "lims:batch|B26-0199",
        "93 % of their time in common",
        "Same output lot",
        "stub",
    ):
        assert expected in said
    assert "plantwide link same batch 'mes:batch|B26-0119' 'lims:batch|B26-0199'" in said


def test_who_may_operate_decides_on_the_page_and_undoes_it_there(three_batches: Counter) -> None:
    link = found_link(three_batches)
    log_in(three_batches, three_batches.operator)
    made = three_batches.client.post(
        f"/links/{link}/decide", data={"decision": "apart", "reason": "two labels"}
    )
    assert made.status_code == 200
    assert "Kept apart, by operator" in words(made)
    assert batches(three_batches) == {"A-1", "A1", "Z"}
    undone = three_batches.client.post(f"{made.url.path}/undo", data={"reason": "one label"})
    assert "Undone by operator" in words(undone)
    assert batches(three_batches) == {"A-1", "Z"}


def test_a_decision_that_is_refused_says_why_on_the_page(three_batches: Counter) -> None:
    link = found_link(three_batches)
    decide(three_batches, "same", MES, ERP)
    log_in(three_batches, three_batches.operator)
    for reason, status in (("no", 422), ("two labels", 409)):
        refused = three_batches.client.post(
            f"/links/{link}/decide", data={"decision": "apart", "reason": reason}
        )
        assert refused.status_code == status
    assert "says already that the two are the same" in words(refused)


def test_who_may_only_look_sees_no_form_and_cannot_post_one(three_batches: Counter) -> None:
    link = found_link(three_batches)
    log_in(three_batches, three_batches.reader)
    page = three_batches.client.get(f"/links/{link}", headers={"Accept": "text/html"})
    assert f'action="/links/{link}/decide"' not in page.text
    data = {"decision": "apart", "reason": "two labels"}
    assert three_batches.client.post(f"/links/{link}/decide", data=data).status_code == 403


def test_another_site_cannot_post_a_decision(three_batches: Counter) -> None:
    link = found_link(three_batches)
    log_in(three_batches, three_batches.operator)
    data, headers = {"decision": "apart", "reason": "two labels"}, {"Sec-Fetch-Site": "cross-site"}
    answer = three_batches.client.post(f"/links/{link}/decide", data=data, headers=headers)
    assert answer.status_code == 403
    assert batches(three_batches) == {"A-1", "Z"}
