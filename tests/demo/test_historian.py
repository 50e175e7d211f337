"""The historian over OPC UA: history by continuation points, statuses, units, current values."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.node import Node
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import struct_to_binary

from hub.demo.curves import (
    BAD_SENSOR_FAILURE,
    BAD_STRETCH,
    LOW_OXYGEN,
    UNCERTAIN_SENSOR_NOT_ACCURATE,
    UNCERTAIN_UNTIL,
    trace,
)
from hub.demo.historian import NAMESPACE, NODES_PER_READ
from hub.demo.history import PAGE_SIZE, encode, value_at
from hub.demo.plan import FIRST, NOW, WINDOW_START, Batch
from hub.demo.plant import Plant
from hub.demo.tags import TAGS

NEVER = datetime(1601, 1, 1, tzinfo=UTC)
"""OPC UA's word for "not given"."""
STEPS = next(name for name, tag in TAGS.items() if tag.kind == "step")


@asynccontextmanager
async def _connected(plant: Plant) -> AsyncIterator[Callable[[str], Node]]:
    async with Client(plant.urls["historian"]) as client:
        index = await client.get_namespace_index(NAMESPACE)
        yield lambda name: client.get_node(name if "=" in name else f"ns={index};s={name}")


class Seen(NamedTuple):
    """One value as a client sees it."""

    at: datetime
    value: Any
    status: int


def _seen(given: Any) -> Seen:
    return Seen(given.SourceTimestamp, given.Value.Value, given.StatusCode.value)


async def _read(node: Node, start: datetime, end: datetime, *, limit: int = 0) -> tuple[list[Seen], int]:
    details = ua.ReadRawModifiedDetails()
    details.IsReadModified = details.ReturnBounds = False
    details.StartTime, details.EndTime = _moment(start), _moment(end)
    details.NumValuesPerNode = ua.UInt32(limit)
    values: list[Seen] = []
    pages, point = 0, None
    while True:
        result: Any = await node.history_read(details, point)
        result.StatusCode.check()
        values += [_seen(value) for value in result.HistoryData.DataValues]
        pages, point = pages + 1, result.ContinuationPoint
        if not point:
            return values, pages


def _moment(at: datetime) -> ua.DateTime:
    return ua.DateTime.fromisoformat(at.isoformat())


def _run(plant: Plant, story: Callable[[Callable[[str], Node]], Awaitable[None]]) -> None:
    async def tell() -> None:
        async with _connected(plant) as node:
            await story(node)

    asyncio.run(tell())


def test_continuation_points_give_every_value_once_in_order(plant: Plant, batches: tuple[Batch, ...]) -> None:
    expected = trace(batches)["BR2000_01_TEMP"]

    async def story(node: Callable[[str], Node]) -> None:
        values, pages = await _read(node("BR2000_01_TEMP"), WINDOW_START, NOW)
        assert pages == -(-len(values) // PAGE_SIZE) > 1
        assert [int(v.at.timestamp()) for v in values] == expected.times.tolist()
        assert [v.value for v in values] == expected.values.tolist()
        few, many = await _read(node("BR2000_01_TEMP"), WINDOW_START, NOW, limit=700)
        assert many > pages
        assert few == values

    _run(plant, story)


def test_bounds_are_inclusive_and_a_reversed_window_reads_backwards(plant: Plant) -> None:
    async def story(node: Callable[[str], Node]) -> None:
        day = datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 3, 21, tzinfo=UTC)
        values, _ = await _read(node("VI01_PH"), *day)
        first, last = values[0].at, values[-1].at
        again, _ = await _read(node("VI01_PH"), first, last)
        assert again == values
        backwards, _ = await _read(node("VI01_PH"), last, first, limit=5)
        assert backwards == values[::-1]

    _run(plant, story)


def test_statuses_of_the_bad_stretch_are_kept(plant: Plant) -> None:
    name, start, end = BAD_STRETCH

    async def story(node: Callable[[str], Node]) -> None:
        values, _ = await _read(node(name), start, UNCERTAIN_UNTIL)
        bad = [v for v in values if v.status == BAD_SENSOR_FAILURE]
        doubtful = [v for v in values if v.status == UNCERTAIN_SENSOR_NOT_ACCURATE]
        assert len(bad) + len(doubtful) == len(values) > 40
        assert all(v.value is None and start <= v.at < end for v in bad)
        assert all(v.value > 40 for v in doubtful)

    _run(plant, story)


def test_status_codes_are_those_of_the_standard() -> None:
    assert StatusCodes.BadSensorFailure == BAD_SENSOR_FAILURE
    assert StatusCodes.UncertainSensorNotAccurate == UNCERTAIN_SENSOR_NOT_ACCURATE


def test_units_limits_and_descriptions_can_be_read(plant: Plant) -> None:
    async def story(node: Callable[[str], Node]) -> None:
        for name, code in (("BR2000_01_TEMP", "CEL"), ("BR2000_02_DO", "P1"), ("UF01_FLOW", "E32")):
            unit = await (await node(name).get_child("0:EngineeringUnits")).read_value()
            assert unit.UnitId.to_bytes(4, "big").lstrip(b"\0").decode() == code
            assert (await node(name).read_description()).Text == TAGS[name].description
            limits = await (await node(name).get_child("0:EURange")).read_value()
            assert (limits.Low, limits.High) == (TAGS[name].low, TAGS[name].high)
        bare = await (await node("BR2000_01_VCD").get_child("0:EngineeringUnits")).read_value()
        assert bare.UnitId == -1

    _run(plant, story)


def test_the_server_says_how_many_nodes_a_history_read_may_name(plant: Plant) -> None:
    async def story(node: Callable[[str], Node]) -> None:
        number = ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData
        assert await node(f"i={number}").read_value() == NODES_PER_READ

    _run(plant, story)


def test_tags_hang_below_the_equipment_hierarchy(plant: Plant) -> None:
    async def story(node: Callable[[str], Node]) -> None:
        path = ["LEE", "CRK", "CRK-DS1", "CRK-DS1-USP", "BR2000-01", "BR2000_01_PH"]
        at: Any = node("BR2000_01_PH")
        for expected in reversed(path):
            assert (await at.read_browse_name()).Name == expected
            at = await at.get_parent()

    _run(plant, story)


def test_the_controller_names_its_batch_ninety_nine_seconds_before_mes(plant: Plant) -> None:
    async def story(node: Callable[[str], Node]) -> None:
        values, _ = await _read(node("BR2000_01_BATCH_ID"), WINDOW_START, NOW)
        named = {v.value: v.at for v in reversed(values) if v.value}
        assert named["B26-0117"] == datetime(2026, 3, 10, 7, 58, 21, tzinfo=UTC)
        name, start, length, lowest = LOW_OXYGEN
        low, _ = await _read(node(name), start, start + length)
        assert [v.value for v in low] == [lowest]

    _run(plant, story)


def test_the_clock_hides_the_future_in_history_and_in_current_values(plant: Plant) -> None:
    plant.set_clock(FIRST)

    async def story(node: Callable[[str], Node]) -> None:
        values, _ = await _read(node("BR2000_02_BATCH_ID"), WINDOW_START, NOW)
        assert "B26-0122" not in {v.value for v in values}
        everything, _ = await _read(node("BR2000_01_TEMP"), WINDOW_START, NOW)
        assert everything[-1].at <= FIRST
        assert await node("BR2000_01_TEMP").read_value() == everything[-1].value
        assert await node("i=2258").read_value() == FIRST
        await asyncio.to_thread(plant.set_clock, NOW)
        assert await node("i=2258").read_value() == NOW
        now = _seen(await node("BR2000_01_TEMP").read_data_value())
        assert FIRST < now.at <= NOW
        assert await node("BR2000_02_BATCH_ID").read_value() == "B26-0122"

    _run(plant, story)


def test_what_has_no_history_is_refused_by_name_and_the_others_are_answered(plant: Plant) -> None:
    async def story(node: Callable[[str], Node]) -> None:
        folder, tag = (ua.HistoryReadValueId(NodeId=node(n).nodeid) for n in ("BR2000-01", "VI01_PH"))
        details = ua.ReadRawModifiedDetails(
            IsReadModified=False,
            StartTime=_moment(WINDOW_START),
            EndTime=_moment(NOW),
            NumValuesPerNode=ua.UInt32(3),
        )
        asked = ua.HistoryReadParameters(HistoryReadDetails=details, NodesToRead=[folder, tag])
        refused, answered = await node("VI01_PH").session.history_read(asked)
        assert refused.StatusCode.value == StatusCodes.BadHistoryOperationUnsupported
        assert len(answered.HistoryData.DataValues) == 3
        details.IsReadModified = True
        (modified,) = await node("VI01_PH").session.history_read(replace(asked, NodesToRead=[tag]))
        assert modified.StatusCode.value == StatusCodes.BadHistoryOperationUnsupported
        details.IsReadModified, details.StartTime, details.EndTime = False, _moment(NEVER), _moment(NEVER)
        (endless,) = await node("VI01_PH").session.history_read(replace(asked, NodesToRead=[tag]))
        assert endless.StatusCode.value == StatusCodes.BadInvalidTimestampArgument

    _run(plant, story)


@pytest.mark.parametrize("name", ["BR2000_01_TEMP", BAD_STRETCH[0], "BR2000_01_BATCH_ID", STEPS])
def test_what_is_told_is_what_asyncua_would_write(batches: tuple[Batch, ...], name: str) -> None:
    track = trace(batches)[name]
    for rows in (np.arange(len(track.times)), np.arange(len(track.times))[::-1], np.arange(0)):
        told = ua.HistoryData(DataValues=[value_at(track, int(row)) for row in rows])
        assert encode(track, rows) == struct_to_binary(told)
