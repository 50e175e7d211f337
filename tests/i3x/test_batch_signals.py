"""What was measured in a batch, as objects around it: the batch's samples and no other, on both engines."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from hub.model import format_instant
from hub.store.database import Database
from hub.store.keys import create_key
from tests.api.factories import START, add_fact, add_name, add_record, add_samples, add_system, add_thing
from tests.i3x.conftest import BOGUS, SMALL, Filled, I3x, open_door
from tests.i3x.test_query import put
from tests.i3x.test_subscribe import subscribe, sync, updates_of

WHOLE = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2027-01-01T00:00:00Z"}


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def fill(database: Database) -> Filled:
    """Put a unit into a store that B1 left for B2 and came back to; its tag says the hour, four times in each."""
    with database.begin("test") as connection:
        system = add_system(connection, "mes", "MES")
        said = {"system": system, "record": add_record(connection, system)}
        unit = add_thing(connection, "equipment", "U1", level="Unit")
        kinds = {"U1.T": ("temperature", "float", "Cel"), "U1.S": (None, "string", None)}
        tags = {
            code: add_thing(
                connection, "tag", code, equipment_id=unit, property=name, value_type=kind, unit=unit_of
            )
            for code, (name, kind, unit_of) in kinds.items()
        }
        for code, spans in {"B1": [(1, 3), (5, 7), (9, 10)], "B2": [(3, 5)], "B3": []}.items():
            batch = add_thing(connection, "batch", code, kind="batch")
            add_name(connection, "batch", batch, code)
            for number, (first, last) in enumerate(spans, start=1):
                add_fact(
                    connection, "segment_response", **said, batch_id=batch, equipment_id=unit, name="Run",
                    level="unit_procedure", occurrence=number, actual_start=hour(first), actual_end=hour(last),
                )  # fmt: skip
        add_samples(connection, tags["U1.T"], [number / 4 for number in range(32)], step_s=900)
        keys = {scope: create_key(connection, name=scope, scopes=[scope]) for scope in ("read", "operate")}
    return Filled(database.url, {**tags}, keys)


@pytest.fixture
def away(migrated_url: str) -> Iterator[I3x]:
    database = Database(migrated_url)
    filled = fill(database)
    database.close()
    yield from open_door(filled, SMALL.model_copy(update={"writes": True, "samples": 40}))


def holder_of(i3x: I3x, batch: str) -> str:
    return f"{i3x.id_of(batch, 'batch')}/signal"


def signal_of(i3x: I3x, batch: str, tag: str) -> str:
    return f"{holder_of(i3x, batch)}/{i3x.id_of(tag, 'tag').removeprefix('tag/')}"


def history_of(i3x: I3x, one: str, **span: str) -> list[Any]:
    (item,) = i3x.bulk("/objects/history", elementIds=[one], **{**WHOLE, **span})
    return [value["value"] for value in item["result"]["values"]]


def value_of(i3x: I3x, one: str) -> tuple[Any, str, str]:
    (item,) = i3x.bulk("/objects/value", elementIds=[one])
    return item["result"]["value"], item["result"]["quality"], item["result"]["timestamp"]


def test_a_signal_of_a_batch_says_what_was_measured_while_the_batch_was_there(away: I3x) -> None:
    one, other = signal_of(away, "B1", "U1.T"), signal_of(away, "B2", "U1.T")
    quarters = [number / 4 for number in range(32)]
    assert history_of(away, one) == [v for v in quarters if 1 <= v < 3 or 5 <= v < 7]
    assert history_of(away, other) == [v for v in quarters if 3 <= v < 5]
    narrow = {"startTime": format_instant(hour(2.5)), "endTime": format_instant(hour(5.25))}
    assert history_of(away, one, **narrow) == [2.5, 2.75, 5.0, 5.25]
    elsewhere = {"startTime": format_instant(hour(3)), "endTime": format_instant(hour(4))}
    assert history_of(away, one, **elsewhere) == [None]


def test_a_signal_of_a_batch_says_now_what_was_measured_last_in_it(away: I3x) -> None:
    # In its last hours there nothing was measured: what counts is what was before.
    assert value_of(away, signal_of(away, "B1", "U1.T")) == (6.75, "Good", format_instant(hour(6.75)))
    assert value_of(away, signal_of(away, "B2", "U1.T"))[0] == 4.75
    assert value_of(away, signal_of(away, "B1", "U1.S"))[:2] == (None, "GoodNoData")
    assert value_of(away, away.id_of("U1.T", "tag"))[0] == 7.75


def test_the_signals_of_a_batch_are_read_at_once(away: I3x) -> None:
    holder, one = holder_of(away, "B1"), signal_of(away, "B1", "U1.T")
    (item,) = away.bulk("/objects/value", elementIds=[holder], maxDepth=0)
    assert item["result"]["value"] == {"signals": 2}
    assert item["result"]["components"][one]["value"] == 6.75
    (item,) = away.bulk("/objects/history", elementIds=[holder], maxDepth=2, **WHOLE)
    assert [v["value"] for v in item["result"]["components"][one]["values"]] == history_of(away, one)


def test_a_batch_leads_to_its_signals_and_they_lead_back(away: I3x) -> None:
    holder, one = holder_of(away, "B1"), signal_of(away, "B1", "U1.T")
    batch = away.id_of("B1", "batch")
    [children, parts, above] = [
        {
            (e["sourceRelationship"], e["object"]["elementId"], e["object"]["displayName"])
            for e in item["result"]
        }
        for item in away.bulk("/objects/related", elementIds=[batch, holder, one])
    ]
    assert ("HasChildren", holder, "Signals of B1") in children
    assert parts == {
        ("HasParent", batch, "B1"),
        ("HasComponent", one, "temperature"),
        ("HasComponent", signal_of(away, "B1", "U1.S"), "U1.S"),
    }
    assert above == {("ComponentOf", holder, "Signals of B1")}


def test_a_signal_of_a_batch_tells_its_unit_its_tag_and_when_it_was_the_batchs(away: I3x) -> None:
    one = signal_of(away, "B1", "U1.T")
    (item,) = away.bulk("/objects/list", elementIds=[one], includeMetadata=True)
    told = item["result"]["metadata"]
    assert told["engUnit"] == "Cel"
    assert told["tag"] == {"elementId": away.id_of("U1.T", "tag"), "code": "U1.T"}
    assert told["equipment"] == {"elementId": away.id_of("U1", "equipment"), "code": "U1"}
    assert told["spans"] == [
        {"startTime": format_instant(hour(first)), "endTime": format_instant(hour(last))}
        for first, last in ((1, 3), (5, 7), (9, 10))
    ]
    behind = away.client.get(f"http://testserver{told['system']['href']}")
    assert [row["value"] for row in behind.json()["items"]] == history_of(away, one)


def test_a_batch_that_ran_nowhere_has_no_signals(away: I3x) -> None:
    holder = holder_of(away, "B3")
    (item,) = away.bulk("/objects/list", elementIds=[holder])
    assert item["result"]["isComposition"] is False
    assert value_of(away, holder)[0] == {"signals": 0}
    lost = [f"{holder}/{BOGUS}", f"{holder_of(away, 'B1')}/", f"batch/{BOGUS}/signal", f"{holder}s"]
    items = away.bulk("/objects/value", elementIds=lost)
    assert {item["responseDetail"]["status"] for item in items} == {404}


def test_signals_of_batches_are_in_no_list_and_whoever_asks_is_told_where_they_are(away: I3x) -> None:
    assert not [one for one in away.objects() if "/signal" in one]
    for kind in ("type:batch_signals", "type:batch_tag_float"):
        response = away.client.get("/objects", params={"typeElementId": kind})
        assert (response.status_code, response.json()["result"]) == (206, [])
        assert "/objects/related" in response.json()["responseDetail"]["detail"]


def test_too_many_samples_of_batches_are_said_to_be_cut(away: I3x) -> None:
    ids = [*(signal_of(away, batch, "U1.T") for batch in ("B1", "B2")), away.id_of("U1.T", "tag")]
    # the first that are asked for come whole; of what lacks altogether one row says that there is none
    for asked, told in ((ids, [16, 8, 16]), (ids[::-1], [32, 8, 1])):
        response = away.client.post("/objects/history", json={"elementIds": asked, **WHOLE})
        assert response.status_code == 206
        assert [len(item["result"]["values"]) for item in response.json()["results"]] == told


def test_a_signal_of_a_batch_is_written_at_its_tag(away: I3x) -> None:
    one = signal_of(away, "B1", "U1.T")
    (refused,) = put(away, {one: {"value": 1.0}})
    assert refused["responseDetail"]["status"] == 403
    assert "tag/" in refused["responseDetail"]["detail"]
    (same,) = put(away, {one: {"value": 6.75}})
    assert same["success"]
    assert value_of(away, away.id_of("U1.T", "tag"))[0] == 7.75


def test_whoever_follows_a_signal_of_a_batch_is_told_each_sample_that_is_the_batchs(away: I3x) -> None:
    one, other = signal_of(away, "B1", "U1.T"), signal_of(away, "B2", "U1.T")
    mine = subscribe(away, one, other)
    assert dict(updates_of(sync(away, mine))) == {one: 6.75, other: 4.75}
    sync(away, mine, lastSequenceNumber=-1)
    with away.database.begin("test") as connection:
        tag = away.plant["U1.T"]
        add_samples(connection, tag, [91.0, 92.0], seq=2, start=hour(9.1))
        add_samples(connection, tag, [81.0], seq=3, start=hour(8))
    assert updates_of(sync(away, mine)) == [(one, 91.0), (one, 92.0)]
    sync(away, mine, lastSequenceNumber=-1)
    assert sync(away, mine) == []
