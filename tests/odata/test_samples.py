"""Samples of tags as a set: what is read is said by the filter, and pages go on where they ended."""

from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.store.tables import ENTITY_TABLES, source_record, source_system
from tests.api.factories import START, add_fact, add_thing
from tests.odata.conftest import Odata, check_error, open_door

EQUIPMENT = ENTITY_TABLES["equipment"]

TEMP = "BR2000-01.TEMP"
DAY = "time ge 2026-03-10T08:00:00Z and time lt 2026-03-10T12:00:00Z"


def read(odata: Odata, **query: Any) -> list[Any]:
    """Give all rows by the next links."""
    document = odata.get("/samples", **query)
    rows = list(document["value"])
    while link := document.get("@odata.nextLink"):
        document = odata.client.get(link).json()
        rows += document["value"]
    return rows


def test_samples_of_a_tag_come_by_time(odata: Odata) -> None:
    rows = read(odata, filter=f"tag eq '{TEMP}' and {DAY}")
    assert len(rows) == 24
    assert list(rows[0]) == ["tag", "time", "value", "text", "quality", "batch"]
    assert (rows[0]["tag"], rows[0]["time"], rows[0]["batch"]) == (TEMP, "2026-03-10T08:00:00Z", None)
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    reference = odata.client.get(
        "http://testserver/v1/samples",
        params={"tag": TEMP, "start": "2026-03-10T08:00:00Z", "end": "2026-03-10T12:00:00Z"},
    ).json()["items"]
    assert [(row["time"], row["value"]) for row in rows] == [(one["ts"], one["value"]) for one in reference]


def test_bounds_are_as_they_are_written(odata: Odata) -> None:
    def times(bounds: str) -> list[str]:
        return [row["time"][11:16] for row in read(odata, filter=f"tag eq '{TEMP}' and {bounds}")]

    assert times("time gt 2026-03-10T08:00:00Z and time le 2026-03-10T08:20:00Z") == ["08:10", "08:20"]
    assert times("time eq 2026-03-10T08:10:00Z") == ["08:10"]
    assert times("time gt 2026-03-10T09:00:00Z and time lt 2026-03-10T08:20:00Z") == []


def test_pages_of_many_tags_hold_each_sample_once(odata: Odata) -> None:
    two = (
        f"tag in ('{TEMP}','BR2000-01.DO') and time ge 2026-03-10T00:00:00Z and time lt 2026-03-11T08:00:00Z"
    )
    whole = read(odata, filter=two, orderby="tag,time", count="true")
    assert [(row["tag"], row["time"]) for row in whole] == sorted({(r["tag"], r["time"]) for r in whole})
    assert len(whole) == 2 * 144 == int(odata.ask("/samples/$count", filter=two).text)
    assert read(odata, filter=two, top=77, select="time,value") == [
        {"time": row["time"], "value": row["value"]} for row in whole[:77]
    ]


def test_a_batch_says_tags_and_times(odata: Odata) -> None:
    name = "b26 0117"  # as the laboratory writes it
    count = int(odata.ask("/samples/$count", filter=f"batch eq '{name}'").text)
    assert count > 1_000
    some = odata.get("/samples", filter=f"batch eq '{name}' and tag eq '{TEMP}' and {DAY}")["value"]
    assert len(some) == 24
    assert {row["batch"] for row in some} == {"B26-0117"}
    odata.refused(404, "/samples", filter=f"batch eq '{name}' and tag eq 'PLC7.AI_0042'")


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ({}, 400, "$filter says which samples"),
        ({"filter": f"tag eq '{TEMP}'"}, 400, "and time lt"),
        ({"filter": DAY}, 400, "$filter says which samples"),
        ({"filter": f"tag eq '{TEMP}' and {DAY} and value gt 3"}, 501, "this condition on samples"),
        ({"filter": f"tag eq '{TEMP}' or {DAY}"}, 501, "this condition on samples"),
        ({"filter": f"tag eq 'nothing' and {DAY}"}, 404, "name"),
        ({"filter": f"tag eq '{TEMP}' and {DAY}", "orderby": "value"}, 501, "$orderby of samples"),
        ({"filter": f"tag eq '{TEMP}' and {DAY}", "skip": "1"}, 400, "$skip has no meaning"),
        ({"filter": f"tag eq '{TEMP}' and {DAY}", "apply": "aggregate($count as n)"}, 400, "$apply has no meaning"),
        ({"filter": f"tag eq '{TEMP}' and {DAY}", "skiptoken": "zzz"}, 400, "start again without it"),
    ],
)  # fmt: skip
def test_what_would_read_everything_is_refused(odata: Odata, query: Any, status: int, told: str) -> None:
    assert told in odata.refused(status, "/samples", **query)["message"]


def test_a_token_belongs_to_its_own_filter(odata: Odata) -> None:
    filter = f"tag eq '{TEMP}' and time ge 2026-03-10T00:00:00Z and time lt 2026-03-12T00:00:00Z"
    link = odata.get("/samples", filter=filter)["@odata.nextLink"]
    response = odata.client.get(link.replace("2026-03-12", "2026-03-13"))
    assert response.status_code == 400
    assert "another question" in check_error(response)["message"]


def test_a_batch_that_left_its_unit_has_the_samples_of_each_stay_over_all_pages(migrated_url: str) -> None:
    with contextmanager(open_door)(migrated_url) as odata:
        with odata.database.begin("test") as connection:
            record = connection.scalar(select(func.min(source_record.c.id)))
            system = connection.scalar(select(func.min(source_system.c.id)))
            unit = connection.scalar(select(EQUIPMENT.c.id).where(EQUIPMENT.c.code == "BR2000-01"))
            batch = add_thing(connection, "batch", "B26-0200", kind="batch")
            for hour in (0, 30):
                add_fact(
                    connection,
                    "segment_response",
                    system=int(system or 0),
                    record=int(record or 0),
                    batch_id=batch,
                    name="Stay",
                    level="unit_procedure",
                    occurrence=1,
                    equipment_id=unit,
                    actual_start=START + timedelta(hours=hour),
                    actual_end=START + timedelta(hours=hour + 10),
                )
        mine = f"batch eq 'B26-0200' and tag eq '{TEMP}'"
        rows = read(odata, filter=mine, select="time")
        wanted = [START + timedelta(minutes=10 * n) for n in (*range(60), *range(180, 240))]
        assert [datetime.fromisoformat(row["time"]) for row in rows] == wanted
        assert odata.ask("/samples/$count", filter=mine).text == "120"
        between = f"{mine} and time ge 2026-03-10T19:00:00Z and time lt 2026-03-11T13:00:00Z"
        assert read(odata, filter=between) == []


def test_samples_of_another_site_are_not_there(odata: Odata) -> None:
    odata.refused(404, "/samples", "cork", filter=f"tag eq '{TEMP}' and {DAY}")
    odata.refused(404, "/samples", "cork", filter="batch eq 'B26-0117'")
    assert odata.ask("/samples", "cork", filter=f"tag eq 'CORK-T1' and {DAY}").json()["value"] == []
    assert odata.ask("/samples", "cork", filter="batch eq 'CORK-B1'").json()["value"] == []


def test_earlier_states_of_samples_are_told_as_v1_tells_them(odata: Odata) -> None:
    now = odata.ask("/samples", filter=f"tag eq '{TEMP}' and {DAY}")
    then = odata.ask("/samples", filter=f"tag eq '{TEMP}' and {DAY}", as_known_at=now.headers["Known-At"])
    assert then.status_code == 200, then.text
    assert then.json()["value"] == now.json()["value"]
