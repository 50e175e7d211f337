"""What the Sparkplug connector makes of births, gaps, deaths and restarts, at a real broker."""

import asyncio

import orjson
import pytest

from hub.sdk import Unavailable
from hub.sdk.mqtt import MqttSession
from tests.connectors.broker import Mosquitto
from tests.connectors.ear import followed, list_tags, run
from tests.connectors.sparkplug.edge_node import DOUBLE, EdgeNode, metric
from tests.connectors.sparkplug.test_sparkplug_conformance import make_sparkplug

PLACE = "Site1/USP-A/BR-2001"


def test_tags_say_place_property_unit_and_kind(sparkplug_broker: Mosquitto, edge: EdgeNode) -> None:
    async def story() -> None:
        tags = await list_tags(make_sparkplug(sparkplug_broker))
        told = tags[f"{PLACE}:TEMP"]
        assert told.equipment is not None
        assert (told.equipment.value, told.equipment.label, told.property) == (PLACE, "BR-2001", "TEMP")
        assert (told.unit, told.source_unit, told.value_type, told.is_step) == ("Cel", "degC", "float", False)
        assert (tags[f"{PLACE}:STEP"].value_type, tags[f"{PLACE}:BatchID"].value_type) == (
            "integer",
            "string",
        )
        assert not [tag for tag in tags if "Node Control" in tag or "bdSeq" in tag]

    run(story)


@pytest.mark.parametrize("aliases", [False, True])
def test_values_come_with_their_time_number_text_and_quality(
    sparkplug_broker: Mosquitto, edge: EdgeNode, aliases: bool
) -> None:
    edge.aliases = aliases

    async def story() -> None:
        async with followed(make_sparkplug(sparkplug_broker)) as ear:
            await ear.until(lambda: len(ear.of(f"{PLACE}:STEP")) > 3, doing=edge.tell)
            steps = {-int(row["value"]) for row in ear.of(f"{PLACE}:STEP")}
            assert max(steps) > 2
            assert {row["text"] for row in ear.of(f"{PLACE}:BatchID")} == {
                f"B26-{step:04d}" for step in steps
            }
            before = len(ear.of(f"{PLACE}:TEMP"))
            now = edge.clock + 5
            edge.tell(
                metric("TEMP", DOUBLE, None, at=now),
                metric("TEMP", DOUBLE, 1.5, at=now + 1, properties={"Quality": 500}),
                metric("TEMP", DOUBLE, 9.5, at=now - 60_000, historical=True),
            )
            await ear.until(lambda: len(ear.of(f"{PLACE}:TEMP")) >= before + 4)
            last = [(r["value"], hex(r["quality"])) for r in ear.of(f"{PLACE}:TEMP")[-3:]]
            assert last == [(None, "0x809b0000"), (1.5, "0x40000000"), (9.5, "0x0")]

    run(story)


def test_a_lost_message_breaks_the_promise_and_asks_for_a_birth(
    sparkplug_broker: Mosquitto, edge: EdgeNode
) -> None:
    async def story() -> None:
        async with followed(make_sparkplug(sparkplug_broker)) as ear:
            await ear.until(lambda: len(ear.promises) > 1, doing=edge.tell)
            births, promised = edge.births, ear.promises[-1].window.end
            edge.swallow()
            await ear.until(lambda: f"{PLACE}:TEMP" in {r.key for r in ear.rejected}, doing=edge.tell)
            assert "did not come" in ear.rejected[0].reason
            count = len(ear.promises)
            await ear.until(lambda: len(ear.promises) > count, doing=edge.tell)
            assert edge.births > births
            assert ear.promises[count].window.start > promised

    run(story)


def test_what_was_heard_and_not_stored_comes_again_and_only_that(
    sparkplug_broker: Mosquitto, edge: EdgeNode
) -> None:
    async def story() -> None:
        connector = make_sparkplug(sparkplug_broker, client_id="hub-restarts")
        async with followed(connector, stores=False) as ear:
            await ear.until(lambda: len(ear.of(f"{PLACE}:TEMP")) > 3, doing=edge.tell)
            heard = {row["ts"] for row in ear.of(f"{PLACE}:TEMP")}
        await asyncio.to_thread(edge.tell)  # while nobody listens
        async with followed(connector) as ear:
            await ear.until(lambda: {row["ts"] for row in ear.of(f"{PLACE}:TEMP")} > heard)
            again = {row["ts"] for row in ear.of(f"{PLACE}:TEMP")}
            await ear.until(lambda: len(ear.promises) > 0, doing=edge.tell)
        async with followed(connector) as ear:
            await asyncio.to_thread(edge.tell)
            await ear.until(lambda: bool(ear.of(f"{PLACE}:TEMP")))
            assert not {row["ts"] for row in ear.of(f"{PLACE}:TEMP")} & (heard | again)

    run(story)


def test_a_new_metric_ends_the_subscription_and_is_not_lost(
    sparkplug_broker: Mosquitto, edge: EdgeNode
) -> None:
    async def story() -> None:
        connector = make_sparkplug(sparkplug_broker, client_id="hub-learns")
        async with followed(connector) as ear:
            await ear.until(lambda: len(ear.of(f"{PLACE}:TEMP")) > 1, doing=edge.tell)
            edge.extra.append("NEW")
            await asyncio.to_thread(edge.be_born)
            with pytest.raises(Unavailable, match="1 new metric"):
                await ear.until(lambda: False)
        async with followed(connector) as ear:
            await ear.until(lambda: bool(ear.of(f"{PLACE}:NEW")))

    run(story)


def test_a_node_that_dies_leaves_bad_samples_and_no_promise(sparkplug_broker: Mosquitto) -> None:
    async def story() -> None:
        with EdgeNode(sparkplug_broker) as edge:
            async with followed(make_sparkplug(sparkplug_broker)) as ear:
                await ear.until(lambda: len(ear.promises) > 0, doing=edge.tell)
                await asyncio.to_thread(edge.device_dies)
                await ear.until(lambda: ear.of(f"{PLACE}:TEMP")[-1]["quality"] == 0x80310000)
                await asyncio.to_thread(edge.fall)
                await ear.until(lambda: any("is gone" in r.reason for r in ear.rejected))

    run(story)


def test_a_primary_host_says_whether_it_listens(sparkplug_broker: Mosquitto, edge: EdgeNode) -> None:
    async def state() -> bool:
        broker = make_sparkplug(sparkplug_broker, client_id="onlooker").config.broker
        async with MqttSession(broker, ["spBv1.0/STATE/plantwide"], is_lasting=False) as session:
            async for some in session.messages(2.0):
                return orjson.loads(some[-1].payload)["online"]
        return False

    async def story() -> None:
        async with followed(make_sparkplug(sparkplug_broker, host_id="plantwide")) as ear:
            await ear.until(lambda: bool(ear.rows), doing=edge.tell)
            assert await state() is True
        assert await state() is False

    run(story)


def test_nonsense_costs_its_node_a_promise_and_nothing_else(
    sparkplug_broker: Mosquitto, edge: EdgeNode
) -> None:
    async def story() -> None:
        async with followed(make_sparkplug(sparkplug_broker)) as ear:
            await ear.until(lambda: bool(ear.rows), doing=edge.tell)
            sparkplug_broker.say("spBv1.0/Site1/DDATA/USP-A/BR-2001", b"\x12\xff\xff{not sparkplug}")
            await ear.until(lambda: any("breaks off" in r.reason for r in ear.rejected))
            count = len(ear.of(f"{PLACE}:TEMP"))
            await ear.until(lambda: len(ear.of(f"{PLACE}:TEMP")) > count, doing=edge.tell)

    run(story)


def test_a_broker_that_goes_away_is_unavailable(sparkplug_broker: Mosquitto, edge: EdgeNode) -> None:
    async def story() -> None:
        async with followed(make_sparkplug(sparkplug_broker)) as ear:
            await ear.until(lambda: bool(ear.rows), doing=edge.tell)
            sparkplug_broker.down()
            try:
                with pytest.raises(Unavailable, match="ended the session"):
                    await ear.until(lambda: False)
            finally:
                sparkplug_broker.up()

    run(story)
