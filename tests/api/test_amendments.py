"""What people do to samples: notes on a tag's time, and erasures that the past does not know."""

from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response

from hub.store.keys import create_key
from tests.api.conftest import Counter
from tests.api.factories import START, add_name, add_samples
from tests.api.test_streaming import read_once

TAG = "PLC7.AI_0042"
NOTES, ERASURES = f"/v1/tags/{TAG}/annotations", f"/v1/tags/{TAG}/erasures"
SPAN = {"start": "2026-03-10T08:01:00Z", "end": "2026-03-10T08:02:00Z"}
OUT = {**SPAN, "reason": "the probe was out"}
DAY = {"start": "2026-03-10T00:00:00Z", "end": "2026-03-11T00:00:00Z"}


def post(counter: Counter, path: str, body: dict[str, Any], **headers: str) -> Response:
    return counter.client.post(path, json=body, headers={"X-API-Key": counter.operator, **headers})


def values(counter: Counter, **params: Any) -> list[float]:
    return [row["value"] for row in counter.get("/v1/samples", tag=TAG, **DAY, **params)["items"]]


def last_known(counter: Counter) -> str:
    return counter.client.get("/v1/samples", params={"tag": TAG, **DAY}).headers["Known-At"]


def test_what_is_erased_counts_no_more_and_is_still_known_as_before(either_counter: Counter) -> None:
    counter = either_counter
    assert values(counter) == [1.0, 2.0, 3.0]
    then = last_known(counter)
    made = post(counter, ERASURES, OUT)
    assert made.status_code == 201, made.text
    assert made.json()["hidden"] == 1
    assert values(counter) == [1.0, 3.0]
    assert values(counter, as_known_at=then) == [1.0, 2.0, 3.0]
    listed = counter.get(ERASURES, **DAY)["items"]
    assert listed == [{key: value for key, value in made.json().items() if key != "hidden"}]
    assert (listed[0]["reason"], listed[0]["erased_by"][:10]) == ("the probe was out", "operator (")
    assert counter.get(ERASURES, as_known_at=then)["items"] == []
    assert counter.get(ERASURES, start=SPAN["end"])["items"] == []
    trail = counter.get("/v1/audit/events", thing=f"sample_erasure/{listed[0]['id']}")["items"]
    assert [(one["reason"], one["actor"]) for one in trail] == [("the probe was out", listed[0]["erased_by"])]


def test_what_comes_later_for_an_erased_time_counts(either_counter: Counter) -> None:
    post(either_counter, ERASURES, OUT)
    with either_counter.database.begin("test") as connection:
        add_samples(
            connection, either_counter.plant["stray"], [9.0], start=START + timedelta(minutes=1), seq=2
        )
    assert values(either_counter) == [1.0, 9.0, 3.0]


def test_the_last_value_is_that_which_counts(either_counter: Counter) -> None:
    post(either_counter, ERASURES, {**OUT, "end": "2026-03-11T00:00:00Z"})
    (tag,) = either_counter.get("/v1/tags", filter=f"code eq '{TAG}'")["items"]
    assert tag["latest"]["value"] == 1.0
    post(either_counter, ERASURES, {**DAY, "reason": "never was a probe"})
    (tag,) = either_counter.get("/v1/tags", filter=f"code eq '{TAG}'")["items"]
    assert tag["latest"] is None


def test_an_erasure_that_is_sent_twice_is_made_once(either_counter: Counter) -> None:
    made = [post(either_counter, ERASURES, OUT, **{"Idempotency-Key": "k1"}) for _ in range(2)]
    assert made[0].content == made[1].content
    assert (made[1].status_code, made[1].headers["Idempotency-Replayed"]) == (201, "true")
    assert len(either_counter.get(ERASURES)["items"]) == 1
    other = post(either_counter, ERASURES, {**OUT, "reason": "another"}, **{"Idempotency-Key": "k1"})
    assert other.json()["type"].endswith("key-reused")


def test_whoever_follows_a_tag_is_told_where_samples_count_no_more(either_counter: Counter) -> None:
    last = read_once(either_counter, None, tag=TAG)[-1][2]
    post(either_counter, ERASURES, OUT)
    (_, (kind, told, number), _) = read_once(either_counter, last, tag=TAG)
    assert (kind, told["tag"], told["count"], told["first"]) == ("span", TAG, 0, SPAN["start"])
    assert number is not None
    assert either_counter.client.get(told["read"]).json()["items"] == []


def test_a_note_is_found_by_its_time_and_not_known_before(either_counter: Counter) -> None:
    counter = either_counter
    then = last_known(counter)
    made = post(counter, NOTES, {**SPAN, "text": "probe calibrated"})
    assert made.status_code == 201, made.text
    assert (made.json()["text"], made.json()["author"][:10]) == ("probe calibrated", "operator (")
    assert counter.get(NOTES)["items"] == counter.get(NOTES, **SPAN)["items"] == [made.json()]
    for elsewhere in ({"end": SPAN["start"]}, {"start": SPAN["end"]}, {"as_known_at": then}):
        assert counter.get(NOTES, **elsewhere)["items"] == []
    assert counter.get("/v1/tags/BR2000-01.PH/annotations")["items"] == []


def test_notes_come_by_pages_in_the_order_of_time(either_counter: Counter) -> None:
    for minute, text in ((3, "c"), (1, "a"), (2, "b")):
        post(either_counter, NOTES, {"at": f"2026-03-10T08:0{minute}:00Z", "text": text})
    first = either_counter.get(NOTES, limit=2)
    rest = either_counter.get(NOTES, limit=2, cursor=first["next"])
    assert [one["text"] for one in (*first["items"], *rest["items"])] == ["a", "b", "c"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (ERASURES, SPAN, 422),
        (ERASURES, {**OUT, "reason": " "}, 422),
        (ERASURES, {**OUT, "end": SPAN["start"]}, 422),
        (ERASURES, {**OUT, "start": "2026-03-10T08:00:00"}, 422),
        (ERASURES.replace(TAG, "nobody"), OUT, 404),
        (NOTES, {"text": "wet"}, 422),
        (NOTES, {"text": "wet", "start": SPAN["start"]}, 422),
        (NOTES, {"text": "wet", **SPAN, "at": SPAN["start"]}, 422),
        (NOTES, {"text": "", **SPAN}, 422),
        (NOTES, {"text": "wet", "at": "9999-12-31T23:59:59.999999Z"}, 422),
        (NOTES.replace(TAG, "nobody"), {"text": "wet", **SPAN}, 404),
    ],
)
def test_what_cannot_be_noted_or_erased_is_refused(
    counter: Counter, path: str, body: dict[str, Any], status: int
) -> None:
    answer = post(counter, path, body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert counter.get(NOTES)["items"] == counter.get(ERASURES)["items"] == []


def test_more_than_may_be_erased_at_once_is_refused(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.store.samples.MOST_ERASED", 2)
    answer = post(counter, ERASURES, {**DAY, "reason": "never was a probe"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:plantwide:problem:too-much-asked")
    assert "less time" in answer.json()["detail"]
    assert values(counter) == [1.0, 2.0, 3.0]


def test_whoever_notes_need_not_be_able_to_erase(counter: Counter) -> None:
    with counter.database.begin("test") as connection:
        author = create_key(connection, name="author", scopes=["role:author"])
    asked = {NOTES: {"text": "wet", **SPAN}, ERASURES: OUT}
    for key, codes in ((author, [201, 403]), (counter.reader, [403, 403])):
        answers = [post(counter, path, body, **{"X-API-Key": key}) for path, body in asked.items()]
        assert [answer.status_code for answer in answers] == codes


def test_a_tag_with_slashes_in_its_name_can_be_noted_upon(counter: Counter) -> None:
    tag = counter.get("/v1/tags", filter=f"code eq '{TAG}'")["items"][0]
    with counter.database.begin("test") as connection:
        add_name(connection, "tag", counter.plant["stray"], "Area/Unit/AI", scheme="pi:tag")
    made = post(counter, "/v1/tags/Area/Unit/AI/annotations", {"text": "wet", **SPAN})
    assert made.status_code == 201, made.text
    assert counter.get(f"/v1/tags/{tag['uid']}/annotations")["items"] == [made.json()]
