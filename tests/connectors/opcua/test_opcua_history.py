"""Servers with little patience: places that are dropped, requests that are too large, tags that fail for a while."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from connectors.opcua.browsing import Signal
from connectors.opcua.decoding import Columns
from connectors.opcua.history import HistoryReader
from connectors.opcua.session import Answer, UaSession
from hub.sdk import Unavailable, Window
from hub.sdk.opcua.stack import ua

START = datetime(2026, 3, 1, tzinfo=UTC)
COUNT = 50
TICKS = [int(START.timestamp()) * 1_000_000 + n // 3 * 1_000_000 for n in range(COUNT)]
"""Three samples share each second, so that asking again by time meets ties."""


class Impatient:
    """Answers ten values at a time; `holds` places at most, and `takes` nodes at most."""

    endpoint = "opc.tcp://impatient"

    def __init__(self, *, holds: int = 100, takes: int = 100, status: str = "Good") -> None:
        self.limits = SimpleNamespace(history=100)
        self.holds, self.takes, self.status = holds, takes, status
        self.asked: list[int] = []
        self.released: list[Any] = []
        self.served = 0

    async def history(self, nodes: Sequence[tuple[Any, bytes | None]], details: Any) -> list[Answer]:
        if len(nodes) > self.takes:
            raise ua.UaStatusCodeError(ua.StatusCodes.BadTooManyOperations)
        self.asked.append(len(nodes))
        return [self._answer(node, point, details, number) for number, (node, point) in enumerate(nodes)]

    def _answer(self, node: Any, point: bytes | None, details: Any, number: int) -> Answer:
        if node == "broken":
            return Answer(self.status, Columns(), None)
        if point is not None and number >= self.holds:
            return Answer("BadContinuationPointInvalid", Columns(), None)
        since = int(details.StartTime.timestamp() * 1e6)
        first = int(point) if point else next((n for n, t in enumerate(TICKS) if t >= since), COUNT)
        rows = range(first, min(first + 10, COUNT))
        columns = Columns()
        columns.add(
            np.array([TICKS[n] for n in rows], np.int64),
            np.array([float(n) for n in rows]),
            np.zeros(len(rows), np.uint32),
        )
        return Answer("Good", columns, str(rows.stop).encode() if rows.stop < COUNT else None)

    async def release(self, nodes: Sequence[tuple[Any, bytes | None]], details: Any) -> None:
        self.released += nodes


def read(server: Impatient, *names: str) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Give the numbers of each tag, and the tags that could not be read."""

    async def run() -> tuple[dict[str, list[float]], dict[str, str]]:
        window = Window(START, START + timedelta(hours=1))
        reader = HistoryReader(cast("UaSession", server), window, values_per_node=10)
        found: dict[str, list[float]] = {}
        signals = {name: Signal(name, name, (name,)) for name in names}
        async with aclosing(reader.read(signals, 20)) as batches:
            async for batch in batches:
                for row in batch.to_pylist():
                    found.setdefault(row["tag"], []).append(row["value"])
        return found, reader.faults

    return asyncio.run(run())


def test_a_place_that_the_server_has_dropped_is_asked_for_again_by_time() -> None:
    server = Impatient(holds=1)
    found, _ = read(server, "a", "b", "c")
    assert found == {name: [float(n) for n in range(COUNT)] for name in "abc"}


def test_a_server_that_takes_fewer_nodes_is_asked_for_fewer() -> None:
    server = Impatient(takes=3)
    found, _ = read(server, *"abcdefgh")
    assert {len(rows) for rows in found.values()} == {COUNT}
    assert max(server.asked) <= 3
    assert len(found) == 8


def test_a_tag_that_is_closed_is_named_and_the_others_go_on() -> None:
    found, faults = read(Impatient(status="BadUserAccessDenied"), "a", "broken", "b")
    assert faults == {"broken": "BadUserAccessDenied"}
    assert {len(rows) for rows in found.values()} == {COUNT}


def test_a_fault_that_may_pass_is_tried_again_as_a_whole_and_places_are_given_back() -> None:
    server = Impatient(status="BadNoCommunication")
    with pytest.raises(Unavailable, match="broken answered BadNoCommunication"):
        read(server, "a", "broken")
    server = Impatient()

    async def leave_early() -> None:
        reader = HistoryReader(
            cast("UaSession", server), Window(START, START + timedelta(hours=1)), values_per_node=10
        )
        async with aclosing(reader.read({"a": Signal("a", "a", ("a",))}, 20)) as batches:
            await anext(batches)
            await anext(batches)

    asyncio.run(leave_early())
    assert server.released == [("a", b"20")]
