from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.store.database import Database
from hub.store.replies import (
    KEPT,
    LEASE,
    Asked,
    Claim,
    OtherRequest,
    Reply,
    StillRunning,
    claim_request,
    forget_replies,
    has_old_replies,
    keep_reply,
    release_claim,
)

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
ASKED = Asked("abc", "key-1", "d" * 64)
REPLY = Reply(200, "application/json", b'{"done":1}')


@pytest.fixture
def store(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url)
    yield database
    database.close()


def claim(store: Database, asked: Asked = ASKED, now: datetime = NOW) -> Claim:
    found = claim_request(store, asked, now=now)
    assert isinstance(found, Claim)
    return found


def answer(store: Database, held: Claim) -> None:
    with store.begin() as connection:
        keep_reply(connection, held, REPLY)


def test_what_was_answered_is_given_again_to_the_same_caller_only(store: Database) -> None:
    answer(store, claim(store))
    assert claim_request(store, ASKED, now=NOW + timedelta(hours=23)) == REPLY
    assert isinstance(claim_request(store, replace(ASKED, caller="other"), now=NOW), Claim)


def test_another_request_under_the_same_key_is_refused(store: Database) -> None:
    answer(store, claim(store))
    with pytest.raises(OtherRequest):
        claim_request(store, replace(ASKED, request="e" * 64), now=NOW)


def test_while_the_first_is_worked_on_a_second_is_not_begun(store: Database) -> None:
    held = claim(store)
    with pytest.raises(StillRunning):
        claim_request(store, ASKED, now=NOW + timedelta(seconds=1))
    release_claim(store, held)
    claim(store)


def test_a_claim_of_the_dead_is_taken_over_and_the_dead_change_nothing(store: Database) -> None:
    first = claim(store)
    second = claim(store, now=NOW + LEASE)
    with pytest.raises(StillRunning):
        answer(store, first)
    release_claim(store, first)
    answer(store, second)
    assert claim_request(store, ASKED, now=NOW + LEASE) == REPLY


def test_an_answer_is_there_only_when_the_work_is(store: Database) -> None:
    held = claim(store)

    def fail() -> None:
        with store.begin() as connection:
            keep_reply(connection, held, REPLY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert isinstance(claim_request(store, ASKED, now=NOW + LEASE), Claim)


def test_after_a_day_a_key_is_free_and_the_answer_is_let_go(store: Database) -> None:
    answer(store, claim(store))
    later = NOW + KEPT
    assert not has_old_replies(store, now=later - timedelta(seconds=1))
    assert has_old_replies(store, now=later)
    answer(store, claim(store, replace(ASKED, request="e" * 64), now=later))
    assert not has_old_replies(store, now=later)
    assert forget_replies(store, now=later + KEPT) == 1
    claim(store, now=later + KEPT)
