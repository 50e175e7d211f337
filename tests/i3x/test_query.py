"""Query and update requirements of i3X 1.0, each test named by the id of its requirement."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hub.i3x.door import REASON
from tests.api.factories import START
from tests.i3x.conftest import BOGUS, I3x, check_bulk, list_puts

STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
FIRST, LAST = "2026-03-10T08:00:00Z", "2026-03-24T08:00:00Z"


def check_vqt(said: dict[str, Any]) -> None:
    """Hold a value against the pairing of null and quality, and its timestamp against RFC 3339 in UTC."""
    assert said["quality"] in {"Good", "GoodNoData", "Bad", "Uncertain"}
    assert (said["value"] is None) == (said["quality"] in {"Bad", "GoodNoData"})
    assert STAMP.match(said["timestamp"])


def values_of(i3x: I3x, ids: list[str], **more: Any) -> dict[str, Any]:
    items = i3x.bulk("/objects/value", elementIds=ids, **more)
    return {item["elementId"]: item["result"] for item in items}


def history_of(i3x: I3x, ids: list[str], start: str = FIRST, end: str = LAST, **more: Any) -> dict[str, Any]:
    items = i3x.bulk("/objects/history", elementIds=ids, startTime=start, endTime=end, **more)
    return {item["elementId"]: item["result"] for item in items}


def unit_signals(i3x: I3x, unit: str) -> dict[str, str]:
    uid = i3x.id_of(unit, "equipment").removeprefix("equipment/")
    return {level: f"context/{uid}/{level}" for level in ("batch", "unit_procedure", "operation", "phase")}


def test_qry_01_objects_say_a_value_a_quality_and_a_time(i3x: I3x) -> None:
    for said in values_of(i3x, list(i3x.everything())).values():
        assert set(said) == {"isComposition", "value", "quality", "timestamp"}
        check_vqt(said)


def test_qry_02_no_value_goes_with_bad_and_no_data_only(i3x: I3x) -> None:
    said = values_of(i3x, [i3x.id_of("BR2000-01.STATE"), i3x.id_of("BR2000-01.TEMP"), i3x.id_of("B26-0199")])
    assert [one["quality"] for one in said.values()] == ["GoodNoData", "Good", "Uncertain"]


def test_qry_03_values_are_as_their_type_says(i3x: I3x) -> None:
    types = {one["elementId"]: Draft202012Validator(one["schema"]) for one in i3x.get("/objecttypes")}
    listed = i3x.everything()
    said = values_of(i3x, list(listed))
    checked = {
        listed[one]["typeElementId"]
        for one, value in said.items()
        if value["value"] is not None
        and not list(types[listed[one]["typeElementId"]].iter_errors(value["value"]))
    }
    with_value = {listed[one]["typeElementId"] for one, value in said.items() if value["value"] is not None}
    assert checked == with_value
    assert len(checked) > 12


def test_qry_04_values_come_in_the_order_asked_for(i3x: I3x) -> None:
    tag = i3x.id_of("BR2000-01.TEMP")
    bad, good = i3x.bulk("/objects/value", elementIds=[BOGUS, tag])
    assert bad["responseDetail"]["status"] == 404
    assert good["result"]["value"] == pytest.approx(35.5, abs=0.5)


def test_qry_05_depth_0_gives_all_parts_however_deep(i3x: I3x) -> None:
    listed = i3x.everything()
    parts: dict[str, set[str]] = {}
    for one in listed.values():
        if one["typeElementId"] != "type:batch" and one["parentId"] in listed:
            parts.setdefault(one["parentId"], set()).add(one["elementId"])

    def below(top: str) -> set[str]:
        mine = parts.get(top, set()) if listed[top]["isComposition"] else set()
        mine = {one for one in mine if listed[one]["typeElementId"] not in HANGING}
        return mine.union(*(below(one) for one in mine)) if mine else mine

    wholes = [one for one in listed if listed[one]["isComposition"]]
    said = values_of(i3x, wholes, maxDepth=0)
    for one in wholes:
        assert set(said[one]["components"]) == below(one) != set()
        for part in said[one]["components"].values():
            assert set(part) == {"value", "quality", "timestamp"}
            check_vqt(part)
    assert len(below(i3x.id_of("B26-0117", "batch"))) > 8


HANGING = {
    "type:equipment",
    "type:sample",
    "type:material_actual",
    "type:operations_event",
    "type:batch_signals",
}
"""Types whose objects hang from others without being a part of them."""


def test_qry_05_depth_n_gives_parts_n_levels_down(i3x: I3x) -> None:
    batch, listed = i3x.id_of("B26-0117", "batch"), i3x.objects()
    two = values_of(i3x, [batch], maxDepth=2)[batch]["components"]
    three = values_of(i3x, [batch], maxDepth=3)[batch]["components"]
    every = values_of(i3x, [batch], maxDepth=0)[batch]["components"]
    assert {listed[one]["parentId"] for one in two} == {batch}
    assert {listed[one]["parentId"] for one in three} == {batch} | {
        o for o in two if listed[o]["isComposition"]
    }
    assert set(two) < set(three) <= set(every)


def test_qry_06_depth_1_gives_no_parts(i3x: I3x) -> None:
    batch = i3x.id_of("B26-0117", "batch")
    for more in ({}, {"maxDepth": 1}, {"maxDepth": None}):
        said = values_of(i3x, [batch], **more)[batch]
        assert said["isComposition"] is True
        assert "components" not in said


def test_qry_07_objects_say_what_they_said(i3x: I3x) -> None:
    for said in history_of(i3x, list(i3x.everything())).values():
        assert set(said) == {"isComposition", "values"}
        assert said["values"]


def test_qry_08_what_was_said_lies_between_both_times_in_order(i3x: I3x) -> None:
    start, end = "2026-03-10T09:00:00Z", "2026-03-10T12:00:00+00:00"
    tag = i3x.id_of("BR2000-01.TEMP")
    for said in history_of(i3x, list(i3x.everything()), start, end).values():
        stamps = [one["timestamp"] for one in said["values"]]
        assert stamps == sorted(stamps)
        for one in said["values"]:
            check_vqt(one)
            assert "2026-03-10T09:00:00Z" <= one["timestamp"] <= "2026-03-10T12:00:00Z"
    assert len(history_of(i3x, [tag], start, end)[tag]["values"]) == 19


def test_qry_09_an_unknown_object_has_no_history(i3x: I3x) -> None:
    (item,) = i3x.bulk("/objects/history", elementIds=[BOGUS], startTime=FIRST, endTime=LAST)
    assert item["responseDetail"]["status"] == 404


@pytest.mark.parametrize(
    "times",
    [
        {},
        {"startTime": FIRST},
        {"endTime": LAST},
        {"startTime": "yesterday", "endTime": LAST},
        {"startTime": "2026-03-10T08:00:00", "endTime": LAST},
        {"startTime": LAST, "endTime": FIRST},
        {"startTime": 17, "endTime": LAST},
    ],
)
def test_qry_10_times_that_are_none_are_refused(i3x: I3x, times: dict[str, Any]) -> None:
    response = i3x.client.post("/objects/history", json={"elementIds": [], **times})
    assert response.status_code == 400
    assert response.json()["success"] is False
    assert response.json()["responseDetail"]["status"] == 400


def test_qry_11_history_has_parts_too(i3x: I3x) -> None:
    unit = i3x.id_of("BR2000-01", "equipment")
    said = history_of(i3x, [unit], maxDepth=2)[unit]
    assert set(said["components"]) == set(values_of(i3x, [unit], maxDepth=2)[unit]["components"])
    for part in said["components"].values():
        assert set(part) == {"isComposition", "values"}
        for one in part["values"]:
            check_vqt(one)


# ------------------------------------------------------------------ what a unit says of its context
def test_a_unit_says_which_batch_and_phase_runs_there(i3x: I3x) -> None:
    signals = unit_signals(i3x, "BR2000-01")
    said = values_of(i3x, list(signals.values()))
    assert said[signals["batch"]]["value"] == "B26-0117"
    assert said[signals["unit_procedure"]]["quality"] == "Good"
    assert said[signals["batch"]]["timestamp"] <= said[signals["unit_procedure"]]["timestamp"]


def test_a_unit_says_of_any_time_what_its_samples_belong_to(i3x: I3x) -> None:
    from hub.resolve.context import find_innermost, place_tags
    from hub.store.answers.tag_kinds import read_kinds

    signals = unit_signals(i3x, "BR2000-01")
    end = START + timedelta(days=30)
    told = history_of(i3x, [signals["batch"]], "2026-02-01T00:00:00Z", "2026-04-09T00:00:00Z")
    values = told[signals["batch"]]["values"]
    assert len(values) >= 2
    with i3x.database.read() as connection:
        kinds = read_kinds(connection, range(1, 20))
        tag = next(kind for kind in kinds.values() if kind.code == "BR2000-01.TEMP")
        context = place_tags(connection, {tag.tag_id: tag}, START - timedelta(days=37), end, now=i3x.clock())
    spans = [span for one in find_innermost(context.of(tag)) for span in one.spans]
    for at in range(0, 60 * 24, 5):
        moment = START - timedelta(days=30) + timedelta(hours=at)
        if moment < i3x.clock():
            stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            before = [one for one in values if one["timestamp"].partition(".")[0].rstrip("Z") + "Z" <= stamp]
            is_running = any(first <= moment < last for first, last in spans)
            assert (before[-1]["value"] is not None) == is_running, moment


def test_a_unit_where_nothing_runs_has_no_data(i3x: I3x) -> None:
    signals = unit_signals(i3x, "CH-01")
    assert {one["quality"] for one in values_of(i3x, list(signals.values())).values()} == {"GoodNoData"}


# ------------------------------------------------------------------ what the guide asks for beyond
def test_too_many_parts_are_said_to_be_cut(make_i3x: Any) -> None:
    small = make_i3x(parts=3)
    batch = small.id_of("B26-0117", "batch")
    response = small.client.post("/objects/value", json={"elementIds": [batch], "maxDepth": 0})
    assert response.status_code == 206
    assert response.json()["responseDetail"]["status"] == 206
    assert len(response.json()["results"][0]["result"]["components"]) == 3


def test_too_many_samples_are_said_to_be_cut(make_i3x: Any) -> None:
    small = make_i3x(samples=10)
    tag = small.id_of("BR2000-01.TEMP")
    body = {"elementIds": [tag], "startTime": FIRST, "endTime": LAST}
    response = small.client.post("/objects/history", json=body)
    assert response.status_code == 206
    first = response.json()["results"][0]["result"]["values"]
    assert len(first) == 10
    again = small.client.post("/objects/history", json={**body, "startTime": first[-1]["timestamp"]})
    assert again.json()["results"][0]["result"]["values"][0] == first[-1]


def test_members_that_may_not_be_null_never_are(i3x: I3x) -> None:
    types = {one["elementId"]: one["schema"] for one in i3x.get("/objecttypes")}
    listed = i3x.objects()
    for one, said in values_of(i3x, list(listed)).items():
        schema = types[listed[one]["typeElementId"]]
        for name, value in (said["value"] if isinstance(said["value"], dict) else {}).items():
            assert value is not None or "null" in schema["properties"][name]["type"]


def test_a_bad_sample_has_no_value(i3x: I3x) -> None:
    tag = i3x.id_of("BR2000-01.PH")
    values = history_of(i3x, [tag])[tag]["values"]
    bad = [one for one in values if one["quality"] == "Bad"]
    assert len(bad) == 120
    assert {one["value"] for one in bad} == {None}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"elementIds": "x"}', 400),
        (b'{"elementIds": ["\\ud800"]}', 400),
        (b'{"elementIds": [], "maxDepth": -1}', 400),
        (b'{"elementIds": [], "maxDepth": NaN}', 400),
        (b"[]", 400),
    ],
)
def test_a_malformed_body_is_refused_in_the_envelope(i3x: I3x, body: bytes, status: int) -> None:
    response = i3x.client.post("/objects/value", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    assert response.json()["success"] is False
    assert set(response.json()["responseDetail"]) == {"title", "status", "detail"}


def test_an_address_or_method_that_there_is_not_is_refused_in_the_envelope(i3x: I3x) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("GET", "/objects/value", 400)):
        response = i3x.client.request(method, path)
        assert response.status_code == status
        assert response.json()["responseDetail"]["status"] == status


def test_too_many_at_once_are_refused(make_i3x: Any) -> None:
    response = make_i3x(objects_at_once=2).client.post("/objects/list", json={"elementIds": ["a", "b", "c"]})
    assert response.status_code == 400


# ------------------------------------------------------------------ updates
def put(i3x: I3x, values: dict[str, Any], path: str = "/objects/value") -> list[Any]:
    updates = [{"elementId": one, "value": value} for one, value in values.items()]
    response = i3x.client.put(path, json={"updates": updates})
    assert response.status_code == 200, response.text
    return check_bulk(response.json(), [one["elementId"] for one in updates])


def test_upd_01_values_are_written(writable: I3x) -> None:
    assert writable.get("/info")["capabilities"]["update"] == {"current": True, "history": True}
    (item,) = put(writable, {writable.id_of("BR2000-01.TEMP"): {"value": 7.77}})
    assert item == {"success": True, "elementId": item["elementId"], "result": None}


def test_upd_01_whatever_is_written_back_as_it_was_read_is_taken(writable: I3x) -> None:
    ids = list(writable.everything())
    said = {one: value for one, value in values_of(writable, ids).items() if value["value"] is not None}
    items = put(writable, {one: {"value": v["value"], "quality": v["quality"]} for one, v in said.items()})
    assert all(item["success"] for item in items)


def test_upd_02_what_was_written_is_read(writable: I3x) -> None:
    number, text, flag = (writable.id_of(f"BR2000-01.{name}") for name in ("TEMP", "STATE", "RUN"))
    writable.clock.now = START + timedelta(days=20)
    put(
        writable,
        {number: {"value": 7.77, "quality": "Uncertain"}, text: {"value": "Held"}, flag: {"value": True}},
    )
    said = values_of(writable, [number, text, flag])
    assert [(one["value"], one["quality"]) for one in said.values()] == [
        (7.77, "Uncertain"),
        ("Held", "Good"),
        (True, "Good"),
    ]
    put(writable, {text: {"value": None, "quality": "Bad"}, flag: {"value": None, "quality": "GoodNoData"}})
    assert [one["quality"] for one in values_of(writable, [text, flag]).values()] == ["Bad", "GoodNoData"]


def test_upd_03_what_cannot_be_written_fails_alone(writable: I3x) -> None:
    tag, batch = writable.id_of("BR2000-01.TEMP"), writable.id_of("B26-0117", "batch")
    items = put(
        writable,
        {
            tag: {"value": 1.5},
            BOGUS: {"value": 1},
            batch: {"value": {"status": "Running"}},
            writable.id_of("BR2000-01.RUN"): {"value": 1},
            writable.id_of("BR2000-01.PH"): {"value": 7, "quality": "Bad"},
            writable.id_of("BR2000-01.DO"): {"value": 7, "timestamp": "2031-01-01T00:00:00Z"},
            writable.id_of("BR2000-01.VCD"): {"value": 7, "quality": "Fine"},
            writable.id_of("PLC7.AI_0042"): {"value": 7, "timestamp": "today"},
        },
    )
    assert [item.get("responseDetail", {}).get("status") for item in items] == [None, 404, 403, *[400] * 5]
    assert values_of(writable, [tag])[tag]["value"] != 1.5  # it has a later sample
    assert "Running" not in str(values_of(writable, [batch])[batch]["value"]["status"])


def test_upd_04_the_past_is_written(writable: I3x) -> None:
    tag = writable.id_of("BR2000-01.TEMP")
    at = "2026-03-10T08:05:00Z"
    (item,) = put(writable, {tag: {"value": 19.5, "quality": "Good", "timestamp": at}}, "/objects/history")
    assert item["success"]
    (value,) = history_of(writable, [tag], at, at)[tag]["values"]
    assert value == {"value": 19.5, "quality": "Good", "timestamp": at}
    (item,) = put(writable, {tag: {"value": 19.5, "quality": "Good"}}, "/objects/history")
    assert item["responseDetail"]["status"] == 400


def test_upd_05_writes_that_are_off_are_said_not_to_be_offered(i3x: I3x) -> None:
    for path in ("/objects/value", "/objects/history"):
        response = i3x.client.put(path, json={"updates": []})
        assert response.status_code == 501
        assert response.json()["responseDetail"]["status"] == 501


def test_a_write_needs_a_key_that_may_and_a_reason(writable: I3x) -> None:
    tag = writable.id_of("BR2000-01.TEMP")
    body = {"updates": [{"elementId": tag, "value": {"value": 1.0}}]}
    reader = writable.client.put("/objects/value", json=body, headers={"X-API-Key": writable.keys["read"]})
    assert reader.status_code == 403
    silent = writable.client.put("/objects/value", json=body, headers={REASON: " "})
    assert silent.status_code == 400
    assert REASON in silent.json()["responseDetail"]["detail"]


def test_a_write_leaves_an_audit_row_with_who_and_why(writable: I3x) -> None:
    put(writable, {writable.id_of("BR2000-01.TEMP"): {"value": 1.0}})
    actor, reason = list_puts(writable.database)[-1]
    assert actor.startswith("operate (")
    assert reason == "a test of the door"


def test_a_standing_reason_is_that_of_clients_that_send_none(make_i3x: Callable[..., I3x]) -> None:
    i3x = make_i3x(writes=True, reason="the gateway, as SOP 7 says")
    tag = i3x.id_of("BR2000-01.TEMP")
    put(i3x, {tag: {"value": 1.0}})
    assert list_puts(i3x.database)[-1][1] == "a test of the door"
    del i3x.client.headers[REASON]
    put(i3x, {tag: {"value": 2.0}})
    actor, reason = list_puts(i3x.database)[-1]
    assert actor.startswith("operate (")
    assert reason == "the gateway, as SOP 7 says"
    i3x.client.headers[REASON] = " "
    body = {"updates": [{"elementId": tag, "value": {"value": 3.0}}]}
    assert i3x.client.put("/objects/value", json=body).status_code == 400


def test_numbers_that_are_none_are_refused(writable: I3x) -> None:
    tag = writable.id_of("BR2000-01.TEMP")
    body = f'{{"updates":[{{"elementId":"{tag}","value":{{"value":NaN}}}}]}}'
    response = writable.client.put(
        "/objects/value", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
