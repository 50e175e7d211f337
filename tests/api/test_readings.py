"""Samples worked out: what the counter answers, against numpy over the raw samples it also gives."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient

from hub.api.app import create_app
from hub.api.room import ApiSettings
from hub.store.database import Database
from hub.store.lake.cleaning import retire
from hub.store.lake.compaction import compact
from hub.store.lake.folding import fold
from hub.store.lake.turn import taken_turn
from hub.store.samples import erase_samples
from tests.api.conftest import Counter
from tests.api.factories import NOW, START, add_fact, add_record, add_samples, add_system, add_thing
from tests.api.test_samples import read_arrow

TAG = "BR2000-01.TEMP"


def raw(counter: Counter, tag: str = TAG) -> Any:
    table = read_arrow(
        counter, "/v1/samples", tag=tag, start="2026-03-01T00:00:00Z", end="2026-04-01T00:00:00Z"
    )
    return table.to_pandas()


def test_a_sloping_tag_is_read_between_its_samples_and_a_step_tag_is_not(looked_at: Counter) -> None:
    rows = raw(looked_at)
    one, other = rows["value"].iloc[10], rows["value"].iloc[11]
    at = rows["ts"].iloc[10] + pd.Timedelta(minutes=2.5)
    [found] = looked_at.get("/v1/samples/at", tag=TAG, at=at.isoformat())["items"]
    assert found["value"] == pytest.approx(one + (other - one) / 4)
    assert (found["is_interpolated"], found["is_good"], found["quality"]) == (True, True, 0)
    assert pd.Timestamp(found["sampled_at"]) == rows["ts"].iloc[10]
    [stepped] = looked_at.get("/v1/samples/at", tag=TAG, at=at.isoformat(), method="stepped")["items"]
    assert (stepped["value"], stepped["is_interpolated"]) == (one, False)


def test_before_the_first_sample_and_inside_a_bad_stretch_there_is_no_value(looked_at: Counter) -> None:
    rows = raw(looked_at, "BR2000-01.PH")
    bad = rows.loc[rows["quality"] != 0, "ts"].iloc[3]
    for at in (START - timedelta(days=40), bad + timedelta(minutes=1)):
        [found] = looked_at.get("/v1/samples/at", tag="BR2000-01.PH", at=at.isoformat())["items"]
        assert (found["value"], found["is_good"]) == (None, False)


FAR = START + timedelta(days=400)


@pytest.mark.parametrize("is_cold", [False, True])
def test_what_was_set_long_ago_stands_and_what_the_past_knew_of_it_too(
    either_counter: Counter, tmp_path: Path, is_cold: bool
) -> None:
    """Set 40 days before, or a year: `tag_latest` tells of the newest sample, and samples of what was before."""
    counter = either_counter
    database = Database(counter.database.url, samples=tmp_path / "samples")
    client = TestClient(create_app(database), headers={"X-API-Key": counter.reader})
    with database.begin("test") as connection:
        steps = add_thing(connection, "tag", "SET", is_step=True)
        slope = add_thing(connection, "tag", "SLOPE")
        for number, tag in enumerate((steps, slope)):
            add_samples(connection, tag, [1.0 + number], start=START, seq=number)
            add_samples(connection, tag, [5.0 + number], start=FAR, seq=10 + number)

    def ask(at: datetime, then: str | None = None) -> tuple[list[float | None], bytes, str]:
        known = {} if then is None else {"as_known_at": then}
        answer = client.get("/v1/samples/at", params={"tag": ["SET", "SLOPE"], "at": at.isoformat(), **known})
        assert answer.status_code == 200, answer.text
        values = [row["value"] for row in answer.json()["items"]]
        return values, answer.content, answer.headers["Known-At"]

    if is_cold:
        with taken_turn(database, owner="embedded", clock=lambda: NOW) as turn:
            assert turn is not None
            fold(turn, rows=10)
            compact(turn, runs=2)
    instants = [START + timedelta(days=at) for at in (-40, 40, 200, 440, 4_000)]
    before = [ask(at) for at in instants]
    assert [values for values, *_ in before] == [
        [None, None],
        [1.0, pytest.approx(2.4)],
        [1.0, pytest.approx(4.0)],
        [5.0, 6.0],
        [5.0, 6.0],
    ]
    with database.begin("test") as connection:
        add_samples(connection, steps, [7.0], start=START + timedelta(days=2), seq=20)
        add_samples(connection, slope, [7.0], start=START + timedelta(days=420), seq=21)
        span = (FAR, FAR + timedelta(days=1))
        erase_samples(connection, steps, span, reason="out", by="ann", now=NOW)
    assert [ask(at)[0][0] for at in instants] == [None, *[7.0] * 4]
    assert ask(instants[4])[0] == [7.0, 7.0]
    for at, seen in zip(instants, before, strict=True):
        assert ask(at, seen[2]) == seen
    database.close()


def test_a_past_from_which_samples_were_let_go_says_so_rather_than_nothing(
    either_counter: Counter, tmp_path: Path
) -> None:
    database = Database(either_counter.database.url, samples=tmp_path / "samples")
    client = TestClient(create_app(database), headers={"X-API-Key": either_counter.reader})
    with database.begin("test") as connection:
        old = add_thing(connection, "tag", "OLD", is_step=True)
        kept = add_thing(connection, "tag", "KEPT", is_step=True)
        add_samples(connection, old, [1.0], start=START)
        add_samples(connection, kept, [2.0], start=START + timedelta(days=60))
    asked = {"at": (START + timedelta(days=200)).isoformat()}
    before = {tag: client.get("/v1/samples/at", params={"tag": tag, **asked}) for tag in ("OLD", "KEPT")}
    with taken_turn(database, owner="embedded", clock=lambda: datetime.now(UTC)) as turn:
        assert turn is not None
        fold(turn, rows=10)
        assert retire(turn, START + timedelta(days=30), by="ann", reason="old") == ["2026-03"]
    assert client.get("/v1/samples/at", params={"tag": "OLD", **asked}).json()["items"][0]["value"] is None
    then = {**asked, "as_known_at": before["OLD"].headers["Known-At"]}
    refused = client.get("/v1/samples/at", params={"tag": "OLD", **then})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:plantwide:problem:not-kept")
    again = client.get("/v1/samples/at", params={"tag": "KEPT", **then})
    assert again.content == before["KEPT"].content
    assert again.json()["items"][0]["value"] == 2.0
    database.close()


def test_a_grid_has_every_tag_at_every_instant_in_each_format(looked_at: Counter) -> None:
    params: dict[str, Any] = {
        "tag": [TAG, "BR2000-01.DO"],
        "start": "2026-03-10T09:00:00Z",
        "end": "2026-03-10T12:00:00Z",
        "every_s": 300,
    }
    table = read_arrow(looked_at, "/v1/samples/grid", **params)
    assert table.num_rows == 36
    rows = raw(looked_at)
    seconds = table["ts"].to_pandas().astype("int64").to_numpy()
    expected = np.interp(seconds, rows["ts"].astype("int64"), rows["value"])
    assert table[TAG].to_numpy() == pytest.approx(expected)
    told = looked_at.get("/v1/samples/grid", **params)
    assert [row[TAG] for row in told["items"]] == table[TAG].to_pylist()
    assert told["units"] == {TAG: "Cel", "BR2000-01.DO": "%"}
    for media, read in (("text/csv", pd.read_csv), ("application/vnd.apache.parquet", pd.read_parquet)):
        answer = looked_at.client.get("/v1/samples/grid", params=params, headers={"Accept": media})
        assert answer.headers["content-type"].startswith(media)
        frame = read(io.BytesIO(answer.content))
        assert frame[TAG].tolist() == pytest.approx(table[TAG].to_pylist())
        assert [pd.Timestamp(at) for at in frame["ts"]] == table["ts"].to_pandas().tolist()


def test_days_are_those_of_the_place_also_when_clocks_change(looked_at: Counter) -> None:
    found = looked_at.get(
        "/v1/samples/statistics",
        tag=TAG,
        start="2026-03-28T00:00:00Z",
        end="2026-03-30T23:00:00Z",
        every="day",
        zone="Europe/Dublin",
        statistic=["duration", "count"],
    )
    assert [(row["start"], row["statistics"]["duration"] / 3600) for row in found["items"]] == [
        ("2026-03-28T00:00:00Z", 24),
        ("2026-03-29T00:00:00Z", 23),
        ("2026-03-29T23:00:00Z", 24),
    ]


def test_windows_tell_what_pandas_tells(looked_at: Counter) -> None:
    table = read_arrow(
        looked_at,
        "/v1/samples/statistics",
        tag=[TAG, "BR2000-01.PH"],
        start="2026-03-10T08:00:00Z",
        end="2026-03-20T08:00:00Z",
        every_s=86_400,
        statistic=["count", "mean", "std", "min", "max", "median", "time_mean"],
    )
    for tag in (TAG, "BR2000-01.PH"):
        rows = raw(looked_at, tag)
        good = rows[(rows["quality"] == 0) & (rows["ts"] < pd.Timestamp("2026-03-20T08:00Z"))]
        days = good.groupby(good["ts"].dt.floor("D"))["value"].agg(
            ["count", "mean", "std", "min", "max", "median"]
        )
        mine = table.filter(pa.compute.equal(table["tag"], tag)).to_pandas().set_index(days.index)  # type: ignore[attr-defined]
        for name in days.columns:
            assert mine[name].tolist() == pytest.approx(days[name].tolist())
    assert table.num_rows == 22
    assert (table["start"][0].as_py().hour, table["start"][1].as_py().hour) == (8, 0)


def test_executed_segments_are_told_each_over_its_own_time(looked_at: Counter) -> None:
    rows = raw(looked_at)
    told = looked_at.get("/v1/phases/statistics", batch="B26-0117", tag="temperature", level="operation")
    phases = {p["name"]: p for p in looked_at.get("/v1/batches/B26-0117/phases")["items"]}
    names = [item["operation"] for item in told["items"]]
    assert names == ["Inoculate", "Growth", "Production", "Harvest"]
    for item in told["items"]:
        phase = phases[item["name"]]
        start, end = pd.Timestamp(phase["actual_start"]), pd.Timestamp(phase["actual_end"])
        inside = rows[(rows["ts"] >= start) & (rows["ts"] < end)]["value"]
        assert (item["start"], item["end"]) == (phase["actual_start"], phase["actual_end"])
        assert item["unit_procedure"] == "Fed-batch 2000 L"
        assert item["statistics"]["count"] == len(inside)
        assert item["statistics"]["mean"] == pytest.approx(inside.mean())
    only = looked_at.get("/v1/phases/statistics", batch="b26 0117", tag=TAG, phase=["Growth", "Harvest"])
    assert [item["name"] for item in only["items"]] == ["Growth", "Harvest"]


def test_a_sample_says_which_batch_and_operation_it_belongs_to(looked_at: Counter) -> None:
    found = looked_at.get(
        "/v1/samples/context", tag=TAG, start="2026-03-10T14:00:00Z", end="2026-03-10T16:00:00Z"
    )["items"]
    assert [(row["operation"], row["batch"]) for row in found[:2]] == [("Inoculate", "B26-0117")] * 2
    ends = START + timedelta(days=0.3)
    for row in found:
        expected = "Inoculate" if datetime.fromisoformat(row["ts"]) < ends else "Growth"
        assert row["operation"] == expected
    stray = looked_at.get(
        "/v1/samples/context", tag="PLC7.AI_0042", start="2026-03-10T00:00:00Z", end="2026-03-11T00:00:00Z"
    )["items"]
    assert [(row["value"], row["batch"]) for row in stray] == [(1.0, None), (2.0, None), (3.0, None)]


def test_a_unit_that_two_batches_share_gives_its_samples_to_both(either_counter: Counter) -> None:
    counter = either_counter
    with counter.database.begin("test") as connection:
        system = add_system(connection, "dcs", "DCS")
        other = add_thing(connection, "batch", "B26-0777", kind="batch")
        add_fact(
            connection,
            "segment_response",
            system=system,
            record=add_record(connection, system),
            batch_id=other,
            name="Rinse",
            level="phase",
            occurrence=1,
            equipment_id=counter.plant["reactor"],
            actual_start=START + timedelta(days=1),
            actual_end=START + timedelta(days=1, minutes=30),
        )
    span = {
        "start": (START + timedelta(days=1)).isoformat(),
        "end": (START + timedelta(days=1, hours=1)).isoformat(),
    }
    found = counter.get("/v1/samples/context", tag=TAG, **span)["items"]
    assert [(row["batch"], row["phase"]) for row in found[:2]] == [("B26-0117", None), ("B26-0777", "Rinse")]
    assert len(found) == 6 + 3
    told = counter.get("/v1/phases/statistics", batch="B26-0777", tag="temperature", statistic="count")
    assert [item["statistics"] for item in told["items"]] == [{"count": 3.0}]


def test_time_in_which_the_unit_was_held_can_be_left_out(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        add_fact(
            connection,
            "equipment_time",
            system=counter.plant["mes"],
            record=counter.plant["record_mes"],
            equipment_id=counter.plant["reactor"],
            basis="actual",
            state="Held",
            start_at=START + timedelta(hours=2),
            end_at=START + timedelta(hours=4),
        )
    asked: dict[str, Any] = {
        "batch": "B26-0117",
        "tag": TAG,
        "phase": "Inoculate",
        "statistic": ["count", "duration"],
    }
    [whole] = counter.get("/v1/phases/statistics", **asked)["items"]
    [without] = counter.get("/v1/phases/statistics", **asked, holds="exclude")["items"]
    assert whole["statistics"] == pytest.approx({"count": 44, "duration": 0.3 * 86400})
    assert without["statistics"] == pytest.approx({"count": 32, "duration": 0.3 * 86400 - 7200})


def test_a_late_sample_changes_the_answer_and_not_what_was_known_before(either_counter: Counter) -> None:
    counter = either_counter
    asked: dict[str, Any] = {
        "tag": "PLC7.AI_0042",
        "start": "2026-03-10T08:00:00Z",
        "end": "2026-03-10T09:00:00Z",
        "statistic": "max",
    }
    before = counter.client.get("/v1/samples/statistics", params=asked)
    with counter.database.begin("test") as connection:
        add_samples(connection, counter.plant["stray"], [9.0], start=START + timedelta(minutes=5), seq=2)
    assert counter.get("/v1/samples/statistics", **asked)["items"][0]["statistics"] == {"max": 9.0}
    then = {**asked, "as_known_at": before.headers["Known-At"]}
    assert counter.client.get("/v1/samples/statistics", params=then).content == before.content
    assert before.json()["items"][0]["statistics"] == {"max": 3.0}


SPAN = {"start": "2026-03-10T00:00:00Z", "end": "2026-03-11T00:00:00Z"}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("statistics", {**SPAN, "every_s": 0.01}, "longer"),
    ("statistics", {**SPAN, "statistic": "duration_in_state"}, "state"),
    ("statistics", {**SPAN, "every": "day", "zone": "Mars/Olympus"}, "Europe/Dublin"),
    ("statistics", {**SPAN, "every": "day", "every_s": 60}, "not both"),
    ("grid", {**SPAN, "every_s": 0.001}, "every_s"),
    ("grid", {"start": "2026-03-10T00:00:01Z", "end": "2026-03-10T00:00:02Z", "every_s": 60}, "multiple"),
    ("grid", {**SPAN, "every_s": 1}, "Arrow".lower()),
    ("context", {"start": SPAN["end"], "end": SPAN["start"]}, "before"),
]


@pytest.mark.parametrize(("path", "params", "said"), REFUSED)
def test_a_question_that_cannot_be_answered_is_refused_with_what_to_ask(
    looked_at: Counter, path: str, params: dict[str, Any], said: str
) -> None:
    problem = looked_at.problem(f"/v1/samples/{path}", 422, tag=TAG, **params)
    assert said in problem["detail"], problem


def test_looking_at_too_many_samples_is_refused_before_any_is_read(counter: Counter) -> None:
    app = create_app(counter.database, settings=ApiSettings(examined_samples=100, batches_at_once=1))
    client = TestClient(app, headers={"X-API-Key": counter.reader})
    for asked in (
        f"/v1/samples/statistics?tag={TAG}&start=2026-03-10T00:00:00Z&end=2026-03-20T00:00:00Z",
        "/v1/phases/statistics?batch=B26-0117",
        "/v1/phases/statistics?batch=B26-0117&batch=B26-0118",
    ):
        answer = client.get(asked)
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:plantwide:problem:too-much-asked"


def test_an_open_segment_lasts_until_now(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        unit = add_thing(connection, "equipment", "MIX-1", level="Unit")
        tag = add_thing(connection, "tag", "MIX-1.SPEED", equipment_id=unit, property="speed", is_step=True)
        batch = add_thing(connection, "batch", "B26-0888", kind="batch", equipment_id=unit, actual_start=NOW)
        add_samples(connection, tag, [5.0], start=NOW - timedelta(days=2))
    del batch
    [found] = counter.get("/v1/phases/statistics", batch="B26-0888", statistic=["time_mean", "count"])[
        "items"
    ]
    assert (found["level"], found["is_open"], found["statistics"]) == (
        "batch",
        True,
        {"time_mean": 5, "count": 0},
    )
    assert datetime.fromisoformat(found["end"]) > datetime(2026, 4, 21, tzinfo=UTC)
