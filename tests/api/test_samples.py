from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from hub.api.app import create_app
from hub.api.room import ApiSettings
from hub.model import SAMPLE_SCHEMA
from hub.store.samples import put_samples
from tests.api.conftest import Counter
from tests.api.factories import NOW, START, add_samples, add_thing

ARROW = {"Accept": "application/vnd.apache.arrow.stream"}
WINDOW = {"start": "2026-03-10T00:00:00Z", "end": "2026-03-20T00:00:00Z"}


def read_arrow(counter: Counter, path: str, **params: Any) -> pa.Table:
    response = counter.client.get(path, params=params, headers=ARROW)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == ARROW["Accept"]
    with pa.ipc.open_stream(response.content) as reader:
        return reader.read_all()


@pytest.mark.parametrize("points", [None, 50])
def test_arrow_and_json_say_the_same(either_looked_at: Counter, points: int | None) -> None:
    params = {"tag": ["BR2000-01.PH", "BR2000-01.DO"], **WINDOW} | ({"points": points} if points else {})
    table = read_arrow(either_looked_at, "/v1/samples", **params)
    assert table.schema.equals(SAMPLE_SCHEMA)
    rows = either_looked_at.get("/v1/samples", **params)["items"]
    for row in rows:
        row["ts"] = datetime.fromisoformat(row["ts"])
    assert rows == table.to_pylist()
    assert len(rows) > 20


def test_start_is_inclusive_and_end_exclusive(looked_at: Counter) -> None:
    found = looked_at.get(
        "/v1/samples", tag="PLC7.AI_0042", start="2026-03-10T08:00:00Z", end="2026-03-10T08:02:00Z"
    )
    assert [row["value"] for row in found["items"]] == [1.0, 2.0]
    assert found["items"][0]["ts"] == "2026-03-10T08:00:00Z"


def test_bad_quality_is_kept_as_it_was_said(looked_at: Counter) -> None:
    rows = looked_at.get("/v1/samples", tag="BR2000-01.PH", **WINDOW)["items"]
    bad = [row for row in rows if row["quality"] == 0x80000000]
    assert len(bad) == 120
    assert all(row["value"] is None for row in bad)


def test_thinning_keeps_the_extremes_and_both_ends_of_the_bad_stretch(looked_at: Counter) -> None:
    whole = looked_at.get("/v1/samples", tag="BR2000-01.PH", **WINDOW)["items"]
    thin = looked_at.get("/v1/samples", tag="BR2000-01.PH", points=40, **WINDOW)
    assert thin["is_downsampled"]
    assert len(thin["items"]) <= 40
    numbers = [row["value"] for row in whole if row["quality"] == 0]
    kept = [row["value"] for row in thin["items"] if row["quality"] == 0]
    assert min(numbers) in kept
    assert max(numbers) in kept
    bad = [row["ts"] for row in whole if row["quality"]]
    assert [row["ts"] for row in thin["items"] if row["quality"]] == [bad[0], bad[-1]]
    assert all(row in whole for row in thin["items"])


def test_too_many_rows_of_json_are_refused_with_what_to_do_instead(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        tag = add_thing(connection, "tag", "FAST")
        add_samples(connection, tag, list(np.arange(12_000.0)), step_s=1)
    problem = counter.problem("/v1/samples", 422, tag="FAST", **WINDOW)
    assert problem["type"].endswith("too-much-asked")
    assert "arrow" in problem["detail"]
    assert read_arrow(counter, "/v1/samples", tag="FAST", **WINDOW).num_rows == 12_000
    assert len(counter.get("/v1/samples", tag="FAST", points=100, **WINDOW)["items"]) <= 100


def test_an_answer_beyond_all_bounds_is_refused(counter: Counter) -> None:
    app = create_app(counter.database, settings=ApiSettings(arrow_samples=100, tags_at_once=1))
    client = TestClient(app, headers={"X-API-Key": counter.reader, **ARROW})
    assert client.get("/v1/samples", params={"tag": "BR2000-01.PH", **WINDOW}).status_code == 422
    tags = ["BR2000-01.PH", "BR2000-01.DO"]
    assert client.get("/v1/samples", params={"tag": tags, **WINDOW}).status_code == 422


def test_long_times_come_in_pieces_that_lose_nothing(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read_arrow(counter, "/v1/samples", tag="BR2000-01.PH", **WINDOW)
    monkeypatch.setattr("hub.store.answers.pieces.PIECE", 100)
    pieces = read_arrow(counter, "/v1/samples", tag="BR2000-01.PH", **WINDOW)
    assert pieces.equals(whole)
    thinned = counter.get("/v1/samples", tag="BR2000-01.PH", points=40, **WINDOW)["items"]
    monkeypatch.undo()
    assert thinned == counter.get("/v1/samples", tag="BR2000-01.PH", points=40, **WINDOW)["items"]


def test_a_state_shows_every_change_on_a_screen(counter: Counter) -> None:
    states = [f"step {at // 100 % 7}" for at in range(5_000)]
    with counter.database.begin("test") as connection:
        tag = add_thing(connection, "tag", "STATE")
        table = pa.table(
            {
                "tag": ["t"] * 5_000,
                "ts": [START + timedelta(seconds=at) for at in range(5_000)],
                "value": [None] * 5_000,
                "text": states,
                "quality": [0] * 5_000,
            },
            schema=SAMPLE_SCHEMA,
        )
        put_samples(connection, "states", 1, table, {"t": tag}, now=NOW)
    rows = counter.get("/v1/samples", tag="STATE", points=1_000, **WINDOW)["items"]
    shown = {row["ts"]: row["text"] for row in rows}
    for at in range(0, 5_000, 100):
        assert shown[f"{START + timedelta(seconds=at):%Y-%m-%dT%H:%M:%SZ}"] == states[at]
    assert len(rows) <= 1_000


def test_a_long_time_of_a_fast_tag_is_told_by_hours_today_and_later(
    either_counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More samples than an answer as they came may have; a trend of them is no larger than any other."""
    monkeypatch.setattr("hub.store.answers.trend.BY_HOUR_ABOVE", 1_000)
    counter = either_counter
    with counter.database.begin("test") as connection:
        tag = add_thing(connection, "tag", "FAST")
        add_samples(connection, tag, [float(at * 37 % 101) for at in range(5_000)], bad=range(600, 700))
    app = create_app(counter.database, settings=ApiSettings(arrow_samples=4_000))
    client = TestClient(app, headers={"X-API-Key": counter.reader})
    params: dict[str, Any] = {"tag": ["FAST", "PLC7.AI_0042"], **WINDOW, "points": 100}
    answer = client.get("/v1/samples", params=params)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["by_hour"] == ["FAST"]
    rows = [row for row in told["items"] if row["tag"] == "FAST"]
    assert len(rows) <= 100
    assert {row["quality"] for row in rows} == {0x401, 0x80000000}
    with counter.database.begin("test") as connection:
        add_samples(connection, tag, [999.0] * 9, seq=2)
    assert client.get("/v1/samples", params=params).json() != told
    then = {**params, "as_known_at": answer.headers["Known-At"]}
    assert client.get("/v1/samples", params=then).content == answer.content
    refused = client.get("/v1/samples", params={**params, "points": []}, headers=ARROW)
    assert refused.status_code == 422
    assert "`points=`" in refused.json()["detail"]


def test_thinning_more_samples_than_may_be_looked_at_is_refused_with_what_to_ask(counter: Counter) -> None:
    app = create_app(counter.database, settings=ApiSettings(examined_samples=100))
    client = TestClient(app, headers={"X-API-Key": counter.reader})
    answer = client.get("/v1/samples", params={"tag": "BR2000-01.PH", **WINDOW, "points": 100})
    assert answer.status_code == 422
    assert "less time or fewer tags (about one part in" in answer.json()["detail"]


def test_the_newest_write_of_a_time_is_given(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        add_samples(connection, counter.plant["stray"], [9.0], start=START, seq=2)
    rows = counter.get("/v1/samples", tag="PLC7.AI_0042", **WINDOW)["items"]
    assert [row["value"] for row in rows] == [9.0, 2.0, 3.0]


def test_samples_of_a_batch_are_those_of_its_units_in_its_time(looked_at: Counter) -> None:
    table = read_arrow(looked_at, "/v1/batches/B26-0117/samples")
    assert set(table["tag"].to_pylist()) == {
        "BR2000-01.DO",
        "BR2000-01.PH",
        "BR2000-01.TEMP",
        "BR2000-01.VCD",
    }
    one = looked_at.get("/v1/batches/b26 0117/samples", tag="BR2000-01.TEMP", points=10)
    assert one["tags"] == ["BR2000-01.TEMP"]
    ends = looked_at.get("/v1/batches/B26-0117/signals")["items"][0]
    times: Any = table["ts"].to_pylist()
    assert min(times) >= datetime.fromisoformat(ends["start"])


def test_signals_have_figures_of_their_good_samples(looked_at: Counter) -> None:
    signals = {s["tag"]["code"]: s for s in looked_at.get("/v1/batches/B26-0117/signals")["items"]}
    acid = signals["BR2000-01.PH"]
    assert acid["not_good"] == 120
    assert 6.9 < acid["min"] <= acid["mean"] <= acid["max"] < 7.1


def test_unmapped_tags_are_listed_with_their_last_value(looked_at: Counter) -> None:
    tags = looked_at.get("/v1/tags", unmapped="true")["items"]
    assert [tag["code"] for tag in tags] == ["PLC7.AI_0042"]
    assert tags[0]["latest"]["value"] == 3.0
    assert datetime.fromisoformat(tags[0]["latest"]["ts"]) == datetime(2026, 3, 10, 8, 2, tzinfo=UTC)
    assert len(looked_at.get("/v1/tags")["items"]) == 5
