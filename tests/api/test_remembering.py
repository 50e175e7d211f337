"""Pages that are remembered: the same bytes while nothing was written, the new ones at once when something was."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.api.remembering import Answer, Memory
from hub.store.keys import create_key, revoke_key
from tests.api.conftest import Counter
from tests.api.factories import add_thing

PAGE = "/v1/batches?limit=50"
THEN = datetime(2026, 4, 20, 6, tzinfo=UTC)


def add(counter: Counter, code: str) -> None:
    with counter.database.begin("test") as connection:
        add_thing(connection, "batch", code)


def codes(counter: Counter, address: str = PAGE) -> list[str]:
    answer = counter.client.get(address)
    assert answer.status_code == 200
    return sorted(item["code"] for item in answer.json()["items"])


def test_a_page_shows_what_was_written_since_it_was_asked_for_last(either_counter: Counter) -> None:
    before = codes(either_counter)
    assert codes(either_counter) == before
    add(either_counter, "A")
    assert codes(either_counter) == ["A", *before]


def test_a_page_that_is_asked_for_again_is_the_same_with_its_headers(counter: Counter) -> None:
    page = "/v1/batches?limit=1"
    first, again = counter.client.get(page), counter.client.get(page)
    assert first.json()["next"]
    assert again.content == first.content
    for header in ("known-at", "link", "content-type", "cache-control", "x-content-type-options"):
        assert again.headers[header] == first.headers[header]
    then = counter.client.get(f"{page}&as_known_at={first.headers['known-at']}")
    assert then.content == first.content


def test_pages_of_other_questions_and_of_the_past_are_not_mixed_up(counter: Counter) -> None:
    before = codes(counter)
    known = counter.client.get(PAGE).headers["known-at"]
    add(counter, "A")
    assert codes(counter) == ["A", *before]
    assert codes(counter, f"{PAGE}&as_known_at={known}") == before
    assert codes(counter, f"{PAGE}&filter=code eq 'A'") == ["A"]
    assert codes(counter) == ["A", *before]


def test_a_remembered_page_is_given_to_nobody_without_a_valid_key(counter: Counter) -> None:
    codes(counter)
    assert counter.client.get(PAGE, headers={"X-API-Key": "pw_none_none"}).status_code == 401
    with counter.database.begin("test") as connection:
        other = create_key(connection, name="other", scopes=["read"])
    assert counter.client.get(PAGE, headers={"X-API-Key": other}).status_code == 200


def test_what_is_refused_is_not_remembered(counter: Counter) -> None:
    for _ in range(2):
        assert counter.client.get("/v1/batches?filter=nonsense").status_code == 422
    assert counter.client.get("/v1/batches?limit=0").status_code == 422


def test_the_memory_forgets_what_was_asked_least_lately_and_takes_nothing_too_long() -> None:
    memory = Memory(most_bytes=10)
    for name in "abc":
        memory.keep(("k", name, b"", ""), Answer(THEN, b"12345", None))
        memory.find(("k", "b", b"", ""), THEN)
    memory.keep(("k", "long", b"", ""), Answer(THEN, b"x" * 11, None))
    there = [n for n in ("a", "b", "c", "long") if memory.find(("k", n, b"", ""), THEN)]
    assert there == ["b", "c"]
    assert memory.find(("k", "b", b"", ""), THEN + timedelta(microseconds=1)) is None


@pytest.mark.parametrize("body", [b"", b"12345", b"123456789"])
def test_an_answer_takes_the_place_of_the_one_before(body: bytes) -> None:
    memory = Memory(most_bytes=10)
    for known_at in (THEN, THEN + timedelta(seconds=1)):
        memory.keep(("k", "a", b"", ""), Answer(known_at, body, None))
    memory.keep(("k", "b", b"", ""), Answer(THEN, b"1", None))
    assert memory.find(("k", "b", b"", ""), THEN) is not None
    assert memory.find(("k", "a", b"", ""), THEN) is None


def ask(counter: Counter, page: str, **headers: str) -> Any:
    return counter.client.get(page, headers=headers)


@pytest.mark.parametrize(
    "page", [PAGE, "/v1/collections/phases?limit=2", "/v1/batches/B26-0117", "/v1/equipment"]
)
def test_who_holds_an_answer_learns_that_it_stands_until_something_is_written(
    either_counter: Counter, page: str
) -> None:
    first = ask(either_counter, page)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for held in (tag, f'"other", {tag}', f"W/{tag}"):
        again = ask(either_counter, page, **{"If-None-Match": held})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["known-at"] == first.headers["known-at"]
    assert ask(either_counter, page, **{"If-None-Match": '"other"'}).content == first.content
    add(either_counter, "A")
    later = ask(either_counter, page, **{"If-None-Match": tag})
    assert later.status_code == 200
    assert later.headers["etag"] != tag


def test_a_tag_belongs_to_its_question_and_its_asker(counter: Counter) -> None:
    tag = ask(counter, PAGE).headers["etag"]
    assert ask(counter, "/v1/batches?limit=49", **{"If-None-Match": tag}).status_code == 200
    assert ask(counter, PAGE, **{"If-None-Match": tag, "X-API-Key": counter.operator}).status_code == 200
    assert ask(counter, PAGE, **{"If-None-Match": tag, "Accept": "text/csv"}).status_code == 200
    assert ask(counter, PAGE, **{"If-None-Match": tag, "X-API-Key": "pw_none_none"}).status_code == 401


def test_a_key_that_is_revoked_or_has_expired_opens_nothing_from_then_on(counter: Counter) -> None:
    codes(counter)
    codes(counter)
    room = counter.app.state.room
    with counter.database.begin("test") as connection:
        short = create_key(
            connection, name="s", scopes=["read"], expires_at=datetime.now(UTC) + timedelta(days=1)
        )
    assert ask(counter, PAGE, **{"X-API-Key": short}).status_code == 200
    assert ask(counter, PAGE, **{"X-API-Key": short}).status_code == 200
    clock = room.clock
    object.__setattr__(room, "clock", lambda: clock() + timedelta(days=2))
    assert ask(counter, PAGE, **{"X-API-Key": short}).status_code == 401
    object.__setattr__(room, "clock", clock)
    with counter.database.begin("test") as connection:
        assert revoke_key(connection, short.split("_")[1])
    assert ask(counter, PAGE, **{"X-API-Key": short}).status_code == 401
