"""What the MQTT connector makes of declared shapes, restarts, retained messages and nonsense, at a real broker."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.mqtt import Mqtt
from connectors.mqtt.topics import TopicPattern
from hub.model import Batch
from hub.sdk import Misconfigured, Page, Unavailable
from hub.sdk.testing import FakeClock
from tests.connectors.broker import Mosquitto
from tests.connectors.ear import followed, list_tags, run
from tests.connectors.mqtt.test_mqtt_conformance import NUMBERS, STREAM, make_mqtt, say_batch, say_value


def test_declared_shapes_become_samples_with_time_quality_and_unit(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        site = f"site-{next(NUMBERS)}"
        say_value(mosquitto, site, "TEMP", 1.0, retain=True)
        snapshot = {"at": "2026-03-01T08:00:00Z", "ph": 7.01, "gas": {"do": 40.5}}
        mosquitto.say(f"{site}/BR-1/snapshot", json.dumps(snapshot), retain=True)
        connector = make_mqtt(mosquitto)
        tags = await list_tags(connector)
        assert (tags["BR-1.TEMP"].unit, tags["BR-1.TEMP"].property) == ("Cel", "TEMP")
        assert tags["BR-1.PH"].equipment is not None
        async with followed(connector) as ear:
            await ear.until(lambda: len(ear.rows) >= 3)
            at = say_value(mosquitto, site, "TEMP", 36.6)
            mosquitto.say(f"{site}/BR-1/TEMP/value", json.dumps({"v": None, "t": at + 1, "q": "STALE"}))
            await ear.until(lambda: any(r["quality"] for r in ear.rows))
        mine = [
            (r["value"], hex(r["quality"]))
            for r in ear.rows
            if r["tag"] == "BR-1.TEMP" and r["ts"].timestamp() * 1000 >= at
        ]
        assert mine == [(36.6, "0x0"), (None, "0x80000000")]
        assert {(r["tag"], r["value"]) for r in ear.rows} >= {("BR-1.PH", 7.01), ("BR-1.DO", 40.5)}

    run(story)


def test_what_was_not_stored_comes_again_and_what_was_does_not(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        connector = make_mqtt(mosquitto, client_id="restarting")
        say_value(mosquitto, "cork", "TEMP", 1.0, retain=True)
        async with followed(connector, stores=False) as ear:
            await ear.until(lambda: bool(ear.rows))
            say_value(mosquitto, "cork", "TEMP", 42.0)
            await ear.until(lambda: 42.0 in {r["value"] for r in ear.rows})
        say_value(mosquitto, "cork", "TEMP", 43.0)  # while nobody listens
        async with followed(connector) as ear:
            await ear.until(lambda: {42.0, 43.0} <= {r["value"] for r in ear.rows})
            await ear.until(lambda: bool(ear.promises))
        async with followed(connector) as ear:
            say_value(mosquitto, "cork", "TEMP", 44.0)
            await ear.until(lambda: 44.0 in {r["value"] for r in ear.rows})
            assert not {42.0, 43.0} & {r["value"] for r in ear.rows}

    run(story)


def test_a_new_topic_ends_the_subscription_and_is_not_lost(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        say_value(mosquitto, "cork", "TEMP", 1.0, retain=True)
        connector = make_mqtt(mosquitto, client_id="learning")
        async with followed(connector) as ear:
            await ear.until(lambda: bool(ear.rows))
            say_value(mosquitto, "cork", f"NEW-{next(NUMBERS)}", 7.0)
            with pytest.raises(Unavailable, match="1 new tag"):
                await ear.until(lambda: False, doing=lambda: None)
        async with followed(connector) as ear:
            await ear.until(lambda: any(".NEW-" in r["tag"] for r in ear.rows))

    run(story)


def test_nonsense_is_named_by_its_topic_and_the_others_go_on(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        say_value(mosquitto, "cork", "TEMP", 1.0, retain=True)
        async with followed(make_mqtt(mosquitto)) as ear:
            await ear.until(lambda: bool(ear.rows))
            mosquitto.say("cork/BR-1/TEMP/value", b"36.5 degrees")
            mosquitto.say("cork/BR-1/TEMP/value", b'{"v": 1}')
            say_value(mosquitto, "cork", "TEMP", 55.0)
            await ear.until(lambda: 55.0 in {r["value"] for r in ear.rows})
        assert {(r.where, r.reason.partition(":")[0]) for r in ear.rejected} == {
            ("cork/BR-1/TEMP/value", "the message is no JSON"),
            ("cork/BR-1/TEMP/value", "a value of BR-1.TEMP has no 't'"),
        }

    run(story)


def test_a_retained_value_without_a_time_is_no_sample(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        signals = [{"topic": "bare/{signal}", "tag": "{@signal}"}]
        mosquitto.say("bare/LEVEL", b"17.5", retain=True)
        connector = make_mqtt(mosquitto, signals=signals)
        assert await list_tags(connector) == {}
        mosquitto.say("bare/LEVEL", b"18.5")
        with pytest.raises(Unavailable, match="LEVEL"):
            async with followed(connector) as ear:
                await ear.until(lambda: False, doing=lambda: mosquitto.say("bare/LEVEL", b"19.5"))
        async with followed(connector) as ear:
            await ear.until(
                lambda: 20.5 in {r["value"] for r in ear.rows},
                doing=lambda: mosquitto.say("bare/LEVEL", b"20.5"),
            )
        assert 17.5 not in {r["value"] for r in ear.rows}

    run(story)


async def read_pages(connector: Mqtt, *, pages: int = 100) -> list[Page]:
    found: list[Page] = []
    given = connector.read("batches", None)
    async for page in given:
        found.append(page)
        if len(found) == pages:
            break
    await given.aclose()  # type: ignore[attr-defined]
    return found


@pytest.mark.against("mqtt", "Mosquitto", how="live")
def test_a_message_is_acknowledged_when_its_page_is_committed(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        site = f"site-{next(NUMBERS)}"
        stream = {**STREAM, "topic": STREAM["topic"].replace("{site}", site)}
        connector = make_mqtt(mosquitto, client_id=f"records-{site}", streams={"batches": stream}, signals=[])
        assert await read_pages(connector) == []  # from now on the broker keeps what comes
        for number in range(4):
            text = f'{{"id": "B{number}", "kg": 2.50}}'
            mosquitto.say(f"{site}/BR-1/batch/{number}", text)
        (first,) = await read_pages(connector, pages=1)  # falls before the commit
        again = [d.key for page in await read_pages(connector) for d in page.documents]
        assert [d.key for d in first.documents] == again[: len(first.documents)]
        assert again == [f"BR-1/B{number}" for number in range(4)]
        assert await read_pages(connector) == []
        (batch,) = connector.parse(first.documents[0])
        assert isinstance(batch, Batch)
        assert batch.actual_size is not None
        assert (batch.id.value, batch.equipment and batch.equipment.value, batch.actual_size.text) == (
            "B0",
            "BR-1",
            "2.50",
        )

    run(story)


def test_a_look_at_a_topic_that_never_rests_ends_in_time_and_the_next_one_goes_on(
    mosquitto: Mosquitto,
) -> None:
    async def story() -> None:
        site = f"site-{next(NUMBERS)}"
        topic = STREAM["topic"].replace("{site}", site)
        client_id = f"records-{site}"

        def make(idle_s: float) -> Mqtt:
            stream = {**STREAM, "topic": topic, "idle_s": idle_s, "look_s": 10}
            return make_mqtt(mosquitto, client_id=client_id, streams={"batches": stream}, signals=[])

        def say() -> None:
            said.append(f"BR-1/B{len(said)}")
            mosquitto.say(f"{site}/BR-1/batch/{len(said)}", f'{{"id": "B{len(said) - 1}"}}')

        said: list[str] = []
        assert await read_pages(make(0.2)) == []  # from now on the broker keeps what comes
        say()
        looks: list[list[str]] = []
        for _ in range(2):
            looks.append([])
            with FakeClock(datetime(2026, 3, 1, tzinfo=UTC)) as clock:
                async for page in make(60.0).read("batches", None):
                    looks[-1] += [document.key for document in page.documents]
                    assert len(looks[-1]) < 10, "a look ends, though something always comes"
                    say()  # before this page is committed the next message is there
                    clock.advance(seconds=4)
        looks.append([d.key for page in await read_pages(make(0.2)) for d in page.documents])
        assert [key for look in looks for key in look] == said

    run(story)


def test_what_is_retained_is_told_whole_however_long_that_takes(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        site = f"site-{next(NUMBERS)}"
        stream = {**STREAM, "topic": STREAM["topic"].replace("{site}", site), "look_s": 10}
        for number in range(6):
            say_batch(mosquitto, number, "2026-03-01T08:00:00Z", site=site)
        connector = make_mqtt(mosquitto, streams={"batches": stream}, signals=[])
        with FakeClock(datetime(2026, 3, 1, tzinfo=UTC)) as clock:
            keys: list[str] = []
            async for page in connector.read("batches", None):
                keys += [document.key for document in page.documents]
                clock.advance(seconds=20)
        assert len(keys) == 6

    run(story)


def test_a_message_that_cannot_be_read_waits_with_its_text(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        site = f"site-{next(NUMBERS)}"
        stream = {**STREAM, "topic": STREAM["topic"].replace("{site}", site)}
        connector = make_mqtt(mosquitto, streams={"batches": stream}, signals=[])
        mosquitto.say(f"{site}/BR-1/batch/1", b"{half", retain=True)
        mosquitto.say(f"{site}/BR-1/batch/2", b'{"kg": 1}', retain=True)
        say_batch(mosquitto, 3, "2026-03-01T08:00:00Z", site=site)
        pages = await read_pages(connector)
        rejected = [r for page in pages for r in page.rejected]
        assert sorted((r.where.rpartition("/")[2], r.payload) for r in rejected) == [
            ("1", "{half"),
            ("2", '{"kg": 1}'),
        ]
        assert [d.key for page in pages for d in page.documents] == ["BR-1/B26-0003"]

    run(story)


@pytest.mark.parametrize(
    ("pattern", "topic", "words"),
    [
        ("a/{b}/c", "a/x/c", {"b": "x", "topic": "a/x/c"}),
        ("a/{b}/#", "a/x/c/d", {"b": "x", "topic": "a/x/c/d"}),
        ("a/+/{b}", "a/x/y", {"b": "y", "topic": "a/x/y"}),
        ("a/{b}", "a/x/y", None),
        ("a.c/{b}", "abc/x", None),
    ],
)
def test_topics_are_read_by_their_pattern(pattern: str, topic: str, words: dict[str, str] | None) -> None:
    assert TopicPattern.parse(pattern).read(topic) == words


@pytest.mark.parametrize(
    ("signals", "said"),
    [
        ([{"topic": "a/{b}x"}], "level '{b}x' is none"),
        ([{"topic": "a/#/b"}], "level '#' is none"),
        ([{"topic": "{a}/{a}"}], "names two levels alike"),
        ([{"topic": "a", "value": "a[b"}], "a\\[b"),
        ([], "neither `signals` nor `streams`"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    mosquitto: Mosquitto, signals: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        make_mqtt(mosquitto, signals=signals)


def test_a_stream_that_is_not_there_is_told(mosquitto: Mosquitto) -> None:
    with pytest.raises(Misconfigured, match="no stream 'orders'"):
        make_mqtt(mosquitto).read("orders", None)
