"""The audit trail at the counter: who wrote what, of one thing or of all, by pages."""

from datetime import datetime

import pytest
from sqlalchemy import update

from hub.store.tables import ENTITY_TABLES
from tests.api.conftest import Counter


def test_each_write_of_a_thing_is_told_with_who_when_why_and_what_was_there_before(
    either_counter: Counter,
) -> None:
    counter = either_counter
    batch = ENTITY_TABLES["batch"]
    with counter.database.begin("QA", reason="a slip") as connection:
        connection.execute(
            update(batch).where(batch.c.id == counter.plant["batch"]).values(description="mended")
        )
    newest, first = counter.get("/v1/audit/events", thing="batch/b26 0117")["items"]
    assert (newest["action"], newest["actor"], newest["reason"], newest["version"]) == (
        "update",
        "QA",
        "a slip",
        2,
    )
    assert '"code":"B26-0117"' in newest["before"].replace(" ", "")
    assert (first["action"], first["before"], first["prev_hash"]) == ("insert", None, None)
    assert newest["prev_hash"] == first["hash"]
    then = newest["recorded_at"]
    assert counter.get("/v1/audit/events", thing="batch/B26-0117", end=then)["items"] == [first]
    assert [e["actor"] for e in counter.get("/v1/audit/events", start=then)["items"]] == ["QA"]


def test_all_writes_come_by_pages_newest_first(counter: Counter) -> None:
    seen, cursor = [], None
    while True:
        page = counter.get("/v1/audit/events", limit=7, **({"cursor": cursor} if cursor else {}))
        seen += page["items"]
        if (cursor := page["next"]) is None:
            break
    whole = counter.get("/v1/audit/events", limit=1000)["items"]
    assert seen == whole
    assert len(seen) > 7
    times = [datetime.fromisoformat(e["recorded_at"]) for e in seen]
    assert times == sorted(times, reverse=True)


def test_what_a_key_is_verified_by_is_not_told(counter: Counter) -> None:
    keys = [e for e in counter.get("/v1/audit/events", limit=1000)["items"] if e["entity_type"] == "api_key"]
    assert keys
    assert [e["before"] for e in keys if e["before"] is not None] == []


@pytest.mark.parametrize(
    ("thing", "status", "told"),
    [
        ("batch/NOBODY", 404, "look at the list"),
        ("B26-0117", 422, "type/name"),
        ("test_result/first", 422, "write its id"),
    ],
)
def test_a_thing_that_is_none_is_told(counter: Counter, thing: str, status: int, told: str) -> None:
    assert told in counter.problem("/v1/audit/events", status, thing=thing)["detail"]
