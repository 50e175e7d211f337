from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import event

from tests.api.conftest import Counter
from tests.api.factories import START, add_fact, add_name, add_thing, merge


def walk(counter: Counter, **params: Any) -> list[str]:
    """Give the codes of all pages, followed by their Link headers."""
    codes: list[str] = []
    path: str | None = f"/v1/batches?{urlencode(params)}"
    while path:
        response = counter.client.get(path)
        assert response.status_code == 200, response.text
        codes += [batch["code"] for batch in response.json()["items"]]
        path = response.links["next"]["url"] if "next" in response.links else None
        assert (path is None) == (response.json()["next"] is None)
    return codes


def add_batches(counter: Counter, number: int, *, prefix: str = "X") -> None:
    with counter.database.begin("test") as connection:
        for at in range(number):
            start = None if at % 5 == 0 else START + timedelta(days=at // 3)
            add_thing(connection, "batch", f"{prefix}{at:03d}", actual_start=start)


@pytest.mark.parametrize(
    "order", [None, "actual_start", "actual_start desc", "code", "code desc", "actual_end"]
)
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_hold_every_batch_once(counter: Counter, order: str | None, limit: int) -> None:
    add_batches(counter, 23)
    params = {"limit": limit} | ({"order": order} if order else {})
    whole = walk(counter, **params)
    assert len(whole) == 27
    assert len(set(whole)) == 27
    assert whole == walk(counter, **{**params, "limit": 1000})
    if order == "code":
        assert whole == sorted(whole)


def test_pages_stay_stable_while_batches_come_in(either_counter: Counter) -> None:
    counter = either_counter
    add_batches(counter, 20)
    before = walk(counter, limit=1000)
    seen: list[str] = []
    cursor = None
    at = 0
    while True:
        page = counter.get("/v1/batches", limit=3, **({"cursor": cursor} if cursor else {}))
        seen += [batch["code"] for batch in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        add_batches(counter, 2, prefix=f"N{at}-")
        at += 1
    assert len(seen) == len(set(seen))
    assert [code for code in seen if code in set(before)] == before


def test_a_cursor_belongs_to_its_order(looked_at: Counter) -> None:
    cursor = looked_at.get("/v1/batches", limit=1)["next"]
    problem = looked_at.problem("/v1/batches", 422, limit=1, order="code", cursor=cursor)
    assert problem["type"].endswith("invalid-cursor")


def test_the_link_header_keeps_what_was_asked_for(looked_at: Counter) -> None:
    response = looked_at.client.get("/v1/batches", params={"limit": 1, "filter": "kind eq 'batch'"})
    query = parse_qs(urlsplit(response.links["next"]["url"]).query)
    assert query["filter"] == ["kind eq 'batch'"]
    assert query["limit"] == ["1"]


@pytest.mark.parametrize(
    ("filter", "codes"),
    [
        ("product eq '300214' and actual_start ge 2026-03-12T00:00:00Z", ["B26-0118", "B26-0119"]),
        ("product eq 'MAB214-DS' and has_conflict eq true", ["B26-0117"]),
        (
            "product eq '300214' and actual_start ge 2026-03-01T00:00:00Z and (status eq 'Running' or has_conflict eq true)",
            ["B26-0117", "B26-0118"],
        ),
        ("lifecycle eq 'stub'", ["B26-0199"]),
        ("actual_size gt 118 and actual_size_unit eq 'kg'", ["B26-0117"]),
        ("status in ('Running', 'Held')", ["B26-0118"]),
        ("not (status eq 'Complete') and product ne null", ["B26-0118"]),
        ("contains(code, '-01') and not startswith(code, 'B26-011')", ["B26-0199"]),
        ("contains(description, 'fed-BATCH')", []),
        ("contains(description, '%')", []),
        ("equipment eq null and endswith(code, '9')", ["B26-0119", "B26-0199"]),
        ("code eq 'it''s'", []),
    ],
)
def test_a_filter_finds_what_it_says(either_looked_at: Counter, filter: str, codes: list[str]) -> None:
    assert walk(either_looked_at, filter=filter) == codes


@pytest.mark.parametrize(
    ("filter", "words"),
    [
        ("status", "expected one of eq"),
        ("status eq", "expected 'text'"),
        ("status eq 'a' and", "expected a name"),
        ("(status eq 'a'", "expected )"),
        ("status eq 5", "takes 'text'"),
        ("actual_start ge 2026-03-01", "takes a time"),
        ("actual_start ge 2026-03-01T00:00:00", "with its zone"),
        ("actual_start ge 'yesterday'", "takes a time"),
        ("has_conflict gt true", "eq, ne and in"),
        ("product lt 'x'", "eq, ne and in"),
        ("status gt null", "null"),
        ("contains(actual_size, 'x')", "text"),
        ("status eq 'a' status eq 'b'", "expected `and`"),
        ("status eq 'a' $", "expected a name"),
        ("(" * 60 + "status eq 'a'" + ")" * 60, "nested deeper"),
        ("actual_size gt 1e999", "too large"),
    ],
)
def test_a_filter_that_cannot_be_answered_says_where_and_what_is_expected(
    looked_at: Counter, filter: str, words: str
) -> None:
    problem = looked_at.problem("/v1/batches", 422, filter=filter)
    assert problem["type"].endswith("invalid-filter")
    assert words in problem["detail"]


@pytest.mark.parametrize("name", ["B26-0117", "b26 0117", "B260117", "b260117"])
def test_a_batch_is_found_by_any_of_its_names(looked_at: Counter, name: str) -> None:
    assert looked_at.get(f"/v1/batches/{name}")["code"] == "B26-0117"
    assert [batch["code"] for batch in looked_at.get("/v1/batches", name=name)["items"]] == ["B26-0117"]


def test_a_name_that_two_batches_share_is_a_problem_that_lists_them(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        other = add_thing(connection, "batch", "OTHER-1")
        add_name(connection, "batch", other, "B260117", scheme="old.mes:batch")
    problem = counter.problem("/v1/batches/B260117", 409)
    assert [found["code"] for found in problem["candidates"]] == ["B26-0117", "OTHER-1"]
    # As written it is still exact: the other one is only reached by its own spelling.
    assert counter.get("/v1/batches/B26-0117")["code"] == "B26-0117"


def test_a_merged_batch_answers_with_its_survivor_and_says_so(counter: Counter) -> None:
    uid = counter.get("/v1/batches/B26-0199")["uid"]
    with counter.database.begin("test") as connection:
        merge(connection, "batch", counter.plant["stub"], counter.plant["batch"])
    found = counter.get(f"/v1/batches/{uid}")
    assert found["code"] == "B26-0117"
    assert found["merged_from"]["uid"] == uid
    assert "B26-0199" not in walk(counter)
    assert walk(counter, filter="lifecycle eq 'merged'") == ["B26-0199"]


def test_a_batch_is_whole(looked_at: Counter) -> None:
    batch = looked_at.get("/v1/batches/B26-0117", include="assertions")
    assert [name["value"] for name in batch["names"]] == ["b26 0117", "B26-0117", "B260117"]
    assert [phase["name"] for phase in batch["phases"]][:3] == [
        "N-1 expansion",
        "FedBatch",
        "Fed-batch 2000 L",
    ]
    states = [(m["source"], m["quantity"]["value"], m["count_state"]) for m in batch["materials"]]
    assert ("mes", 1500.0, "counted") in states
    assert ("sap.prd", -1550.0, "same_as") in states
    assert ("mes", 117.3, "disputed") in states
    assert batch["orders"][0]["code"] == "1004711"
    assert {signal["tag"]["code"] for signal in batch["signals"]} == {
        "BR2000-01.DO",
        "BR2000-01.PH",
        "BR2000-01.TEMP",
        "BR2000-01.VCD",
    }
    assert [conflict["attribute"] for conflict in batch["conflicts"]] == ["actual_size"]
    assert len(batch["assertions"]) == 7
    assert looked_at.get("/v1/batches/B26-0117")["assertions"] is None


def test_results_keep_what_was_written_and_tell_what_breaks_its_limits(looked_at: Counter) -> None:
    results = {r["key"]: r for r in looked_at.get("/v1/batches/B26-0117/results")["items"]}
    assert (results["R-91203"]["is_outside"], results["R-91203"]["verdict"]) == (True, "fail")
    assert results["R-91250"]["is_outside"] is False
    assert results["R-91250"]["retest_of"] == {"key": "R-91203", "id": results["R-91203"]["id"]}
    censored = next(r for r in results.values() if r["test_code"] == "ENDO")
    assert censored["value"]["text"] == "<0.05"
    assert censored["value"]["comparator"] == "<"
    assert censored["is_outside"] is False


def test_what_a_source_took_back_is_left_out_until_asked_for(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        add_fact(
            connection,
            "operations_event",
            system=counter.plant["mes"],
            record=counter.plant["record_mes"],
            batch_id=counter.plant["batch"],
            event_type="Message",
            at=START,
            is_retracted=True,
        )
    assert len(counter.get("/v1/batches/B26-0117/events")["items"]) == 1
    assert len(counter.get("/v1/batches/B26-0117/events", include="retracted")["items"]) == 2


def test_every_statement_leads_to_its_source_record(looked_at: Counter) -> None:
    for said in looked_at.get("/v1/batches/B26-0117/assertions")["items"]:
        record = looked_at.get(f"/v1/source-records/{said['source_record']}")
        assert record["source"] == said["source"]
        assert record["payload"]
        assert record["mapping_version"]


def test_a_list_of_many_batches_takes_as_many_queries_as_a_list_of_few(counter: Counter) -> None:
    add_batches(counter, 60)
    asked: list[str] = []
    event.listen(counter.database.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    counter.get("/v1/batches", limit=1)
    few = len(asked)
    counter.get("/v1/batches", limit=1000)
    assert len(asked) - few <= few + 1
    assert few <= 7  # one of them asks for the newest instant, by which a page is remembered


def test_a_lot_whose_name_holds_a_slash_is_found_and_traced_by_it(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        add_thing(connection, "material_lot", "API-5/L2", kind="lot")
    whole = counter.client.get("/v1/lots/API-5%2FL2")
    assert (whole.status_code, whole.json()["code"]) == (200, "API-5/L2")
    trace = counter.client.get("/v1/lots/API-5/L2/genealogy")
    assert [lot["code"] for lot in trace.json()["lots"]] == ["API-5/L2"]
