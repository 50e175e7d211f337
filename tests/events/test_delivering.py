"""Webhooks are told everything at least once and in order, whatever the receiver and the hub suffer meanwhile."""

import base64
import hashlib
import hmac
import logging
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from structlog.testing import capture_logs

from hub.events.delivering import Delivery
from hub.ingest.runner import Desk
from hub.sdk.http import HttpLimits
from hub.sdk.testing.loopback import Answered, Asked
from hub.shift.courier import Courier
from hub.store.outbox.position import Position
from hub.store.webhooks import claim_webhook, forget_attempts, remove_webhook, resume_webhook
from tests.events.receiver import NOW, OK, Post, receiving

BROKEN = Answered(status=500, body=b"no")


def test_events_come_in_order_once_and_each_is_a_cloudevent(post: Post) -> None:
    with receiving() as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-1", "B-2")
        post.rename("B-1", "B-9")
        assert post.deliver(key) == 3
        assert post.deliver(key) == 0
        assert receiver.labels == ["B-1", "B-2", "B-9"]
        post.make("B-3")
        assert post.deliver(key) == 1
    told = [orjson.loads(one.body) for one in receiver.came]
    assert [one["id"] for one in told] == receiver.ids == sorted(set(receiver.ids))
    first = told[0]
    uid = first["subject"].removeprefix("batch/")
    assert first["data"]["href"] == f"https://hub.example/v1/batches/{uid}"
    assert (first["specversion"], first["source"]) == ("1.0", "https://hub.example")
    assert (first["type"], first["data"]["change"]) == ("plantwide.batch.changed.v1", "new")
    assert told[2]["data"]["attributes"] == ["code"]
    assert {one.headers["content-type"] for one in receiver.came} == {"application/cloudevents+json"}
    assert [one["outcome"] for one in post.attempts(key)] == ["delivered"] * 4


def test_the_signature_is_that_of_the_public_specification(post: Post) -> None:
    with receiving() as receiver:
        key, secret = post.subscribe(receiver.url)
        post.make("B-1")
        post.deliver(key)
    [came] = receiver.came
    said = b".".join(
        [came.headers["webhook-id"].encode(), came.headers["webhook-timestamp"].encode(), came.body]
    )
    assert secret.startswith("whsec_")
    bare = base64.b64decode(secret.removeprefix("whsec_"))
    assert len(bare) == 32
    signature = base64.b64encode(hmac.digest(bare, said, hashlib.sha256)).decode()
    assert came.headers["webhook-signature"] == f"v1,{signature}"
    assert int(came.headers["webhook-timestamp"]) == NOW.timestamp()


class Mortal(Delivery):
    """Dies when an event was taken and before that is noted."""

    def _note(self, *_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def _let_go(self, *_: Any, **__: Any) -> None:
        """Let go of nothing: whoever is dead does not."""


def test_what_was_taken_before_a_crash_comes_again_with_the_same_id(post: Post) -> None:
    with receiving() as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-1", "B-2")
        with pytest.raises(KeyboardInterrupt):
            post.deliver(key, Mortal(post.database, post.herald, "embedded", lambda: post.now))
        assert receiver.labels == ["B-1"]
        assert post.deliver(key) == 2
    assert receiver.labels == ["B-1", "B-1", "B-2"]
    assert receiver.ids[0] == receiver.ids[1] != receiver.ids[2]
    assert receiver.came[0].body == receiver.came[1].body


def test_a_receiver_that_fails_is_asked_again_ever_later_and_misses_nothing(post: Post) -> None:
    with receiving() as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-1", "B-2")
        receiver.reply = lambda _: BROKEN
        pauses = list[timedelta]()
        for _ in range(3):
            assert post.deliver(key) == 0
            assert post.deliver(key) == 0  # not due yet
            pauses.append(post.state(key)["due_at"] - post.now)
            post.now = post.state(key)["due_at"]
        assert pauses == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
        assert post.state(key)["last_error"] == "the receiver answered 500"
        receiver.reply = lambda _: OK
        assert post.deliver(key) == 2
    assert receiver.labels == ["B-1"] * 4 + ["B-2"]
    assert len(set(receiver.ids)) == 2
    state = post.state(key)
    assert (state["attempts"], state["failing_since"], state["state"]) == (0, None, "active")
    assert [one["attempt"] for one in post.attempts(key)] == [1, 4, 3, 2, 1]


def test_a_receiver_that_says_when_is_not_asked_before(post: Post) -> None:
    busy = Answered(status=503, headers={"Retry-After": "120"})
    with receiving(lambda _: busy) as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-1")
        post.deliver(key)
    assert post.state(key)["due_at"] - post.now == timedelta(seconds=120)


def test_after_a_day_of_failures_it_rests_with_a_reason_until_somebody_resumes_it(post: Post) -> None:
    with receiving(lambda _: BROKEN) as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-1")
        post.deliver(key)
        while post.state(key)["state"] == "active":
            post.now = post.state(key)["due_at"]
            post.deliver(key)
        assert post.now - NOW >= timedelta(days=1)
        assert "500" in post.state(key)["reason"]
        asked = len(receiver.came)
        post.pass_time(days=2)
        assert post.deliver(key) == 0
        assert len(receiver.came) == asked
        receiver.reply = lambda _: OK
        with post.database.begin() as connection:
            assert resume_webhook(connection, key, now=post.now)
        assert post.deliver(key) == 1
    assert post.state(key)["reason"] is None


def test_a_receiver_that_is_gone_is_told_nothing_more(post: Post) -> None:
    with receiving(lambda _: Answered(status=410)) as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-1")
        post.deliver(key)
        post.pass_time(days=3)
        post.deliver(key)
    assert len(receiver.came) == 1
    state = post.state(key)
    assert state["state"] == "disabled"
    assert "410" in state["reason"]


def test_a_redirect_is_not_followed(post: Post) -> None:
    with receiving() as elsewhere:
        moved = Answered(status=307, headers={"Location": elsewhere.url})
        with receiving(lambda _: moved) as receiver:
            key, _ = post.subscribe(receiver.url)
            post.make("B-1")
            post.deliver(key)
    assert elsewhere.came == []
    assert "redirect" in post.state(key)["last_error"]


def test_a_receiver_that_hangs_is_given_up_and_one_that_talks_for_ever_is_not_listened_to(post: Post) -> None:
    post.limits = HttpLimits(max_bytes=1000, timeout_s=0.3, connect_s=0.3)
    over = threading.Event()

    def hang(_: Asked) -> Answered:
        over.wait(60)
        return OK

    with receiving(hang) as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-1")
        assert post.deliver(key) == 0
        over.set()
    assert "no answer within 0.3 s" in post.state(key)["last_error"]
    post.limits = HttpLimits(max_bytes=1000, timeout_s=15.0)
    with receiving(lambda _: Answered(status=200, body=b"x" * 5_000_000)) as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-2")
        assert post.deliver(key) == 1


def test_a_receiver_that_hangs_delays_nobody_else(post: Post) -> None:
    """The one answers only when the other has been told: were they in one line, neither ever would."""
    is_other_told, is_first_told = threading.Event(), threading.Event()

    def wait(_: Asked) -> Answered:
        assert is_other_told.wait(14)
        is_first_told.set()
        return OK

    def take(_: Asked) -> Answered:
        is_other_told.set()
        return OK

    with receiving(wait) as slow, receiving(take) as quick:
        keys = [post.subscribe(one.url)[0] for one in (slow, quick)]
        post.make("B-1")
        courier = Courier(Desk(post.database, clock=lambda: post.now), post.herald, tick_s=0.01)
        courier.start()
        assert is_first_told.wait(30)
        courier.stop()
    assert [post.state(key)["last_error"] for key in keys] == [None, None]
    assert (slow.labels, quick.labels) == (["B-1"], ["B-1"])


def test_only_the_types_that_were_asked_for_are_sent(post: Post) -> None:
    with receiving() as receiver:
        key, _ = post.subscribe(receiver.url, "plantwide.lot.changed.v1")
        post.make("B-1")
        assert post.deliver(key) == 0
    assert receiver.came == []


def test_a_webhook_may_begin_with_the_first_event_there_is(post: Post) -> None:
    post.make("B-1", "B-2")
    with receiving() as receiver:
        key, _ = post.subscribe(receiver.url, after=Position(0))
        post.deliver(key)
    assert receiver.labels == ["B-1", "B-2"]


def test_an_address_that_is_not_allowed_is_never_asked(post: Post) -> None:
    with receiving() as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-1")
        post.networks = ()
        assert post.deliver(key) == 0
    assert receiver.came == []
    assert "webhook_networks" in post.state(key)["last_error"]


def test_without_its_master_key_nothing_is_sent_and_the_reason_is_told(post: Post) -> None:
    with receiving() as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-1")
        place = post.folder / "keys" / "webhooks.key"
        kept = place.read_text()
        place.unlink()
        assert post.deliver(key) == 0
        assert "backup" in post.state(key)["last_error"]
        post.subscribe(receiver.url)  # a new master key: the old secrets do not come back with it
        post.pass_time(minutes=1)
        assert post.deliver(key) == 0
        assert "master key" in post.state(key)["last_error"]
        assert receiver.came == []
        place.write_text(kept)
        post.pass_time(minutes=1)
        assert post.deliver(key) == 1


def test_a_webhook_that_is_removed_while_it_is_told_ends_there(post: Post) -> None:
    with receiving() as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-1", "B-2")

        def remove(_: Asked) -> Answered:
            with post.database.begin("test") as connection:
                assert remove_webhook(connection, key)
            return OK

        receiver.reply = remove
        post.deliver(key)
        assert post.deliver(key) == 0
    assert receiver.labels == ["B-1"]


def test_one_that_takes_the_place_of_another_is_told_what_the_other_did_not_want(post: Post) -> None:
    """SQLite gives the number of a row that is gone to the next one."""
    with receiving() as receiver:
        key, _ = post.subscribe(receiver.url, "plantwide.lot.changed.v1")
        begun, delivery = Position.parse(post.state(key)["position"]), post.start()
        post.make("B-1")
        assert post.deliver(key, delivery) == 0
        with post.database.begin("test") as connection:
            remove_webhook(connection, key)
        other, _ = post.subscribe(receiver.url, after=begun)
        assert post.deliver(other, delivery) == 1
    assert receiver.labels == ["B-1"]


def test_nodes_take_turns_and_one_that_died_is_replaced_at_once(
    migrated_postgres_url: str, tmp_path: Path
) -> None:
    post = Post.on_postgres(migrated_postgres_url, tmp_path)
    key, _ = post.subscribe("http://127.0.0.1:9/hook")
    post.database.presence.show("alive")
    for owner, other, is_taken in (("alive", "another", False), ("dead", "another", True)):
        with post.database.begin() as connection:
            assert claim_webhook(connection, key, owner=owner, now=post.now) is not None
        with post.database.begin() as connection:
            taken = claim_webhook(connection, key, owner=other, now=post.now) is not None
        assert taken is is_taken
        post.pass_time(minutes=5)
    post.database.close()


def test_of_many_attempts_the_newest_are_kept(post: Post) -> None:
    with receiving() as receiver:
        key, _ = post.subscribe(receiver.url)
        post.make("B-1", "B-2", "B-3")
        post.deliver(key)
    with post.database.begin() as connection:
        forget_attempts(connection, key, kept=2)
    assert [one["event_id"] for one in post.attempts(key)] == receiver.ids[:0:-1]


def test_the_secret_is_in_no_file_of_the_store_and_in_no_log(
    migrated_sqlite: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    post = Post.on_sqlite(migrated_sqlite, tmp_path)
    caplog.set_level(logging.DEBUG)
    structlog.reset_defaults()
    with capture_logs() as logged, receiving(lambda _: BROKEN) as receiver:
        key, secret = post.subscribe(receiver.url)
        post.make("B-1")
        post.deliver(key)
    master = (tmp_path / "keys" / "webhooks.key").read_text().strip()
    assert (tmp_path / "keys" / "webhooks.key").stat().st_mode & 0o077 == 0
    assert any("not delivered" in one["event"] for one in logged)
    bare = [base64.b64decode(one.partition("_")[2]) for one in (secret, master)]
    for text in (secret, master):
        assert text.partition("_")[2] not in caplog.text + repr(logged)
    assert "/hook" not in caplog.text + repr(logged)  # of an address too the end may be a secret
    for file in (tmp_path / "store").iterdir():
        held = file.read_bytes()
        for hidden in (
            *bare,
            *(one.hex().encode() for one in bare),
            secret[6:].encode(),
            master[6:].encode(),
        ):
            assert hidden not in held, file
    assert receiver.url.encode() in b"".join(file.read_bytes() for file in (tmp_path / "store").iterdir())
    post.database.close()
