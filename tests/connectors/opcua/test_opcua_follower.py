"""What a server's messages amount to: nothing is promised that a lost message or a full queue may have held."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.opcua import OpcUaConfig
from connectors.opcua.browsing import Signal
from connectors.opcua.decoding import Columns
from connectors.opcua.live import Follower, Told
from connectors.opcua.subscription import Item, Message
from hub.sdk import Rejected, Whole

START = datetime(2026, 3, 1, tzinfo=UTC)
TICK = 1_000_000
FIRST = int(START.timestamp()) * TICK
TAGS = ("a", "b", "c")
OVERFLOW = 0x480


def config_of(promise: str = "always") -> OpcUaConfig:
    return OpcUaConfig.model_validate(
        {
            "endpoint": "opc.tcp://followed",
            "insecure": True,
            "security": {"policy": "None"},
            "live": {"promise": promise},
        }
    )


def follower_of(promise: str = "always", *, items: dict[int, Item] | None = None) -> Follower:
    found = items or {n: Item(tag, Signal(tag, tag, (tag,)), True) for n, tag in enumerate(TAGS)}
    return Follower(found, since=START, config=config_of(promise))


def changes(rows: Sequence[tuple[int, int, float, int]]) -> tuple[Columns, ...]:
    """Give values (handle, time, number, status) as they are decoded."""
    made = Columns()
    handle, ts, number, status = zip(*rows, strict=True)
    made.handle.append(np.array(handle, np.uint32))
    made.add(np.array(ts, np.int64), np.array(number, np.float64), np.array(status, np.uint32))
    return (made,)


def told_by(follower: Follower, *messages: Message) -> list[Told]:
    return [item for message in messages for item in follower.take(message)]


def alive(number: int, at: int) -> Message:
    return Message(number, FIRST + at * TICK, is_keep_alive=True)


def rows_of(told: Sequence[Told]) -> list[dict[str, Any]]:
    return [row for item in told if isinstance(item, pa.RecordBatch) for row in item.to_pylist()]


def promised(told: Sequence[Told]) -> list[tuple[tuple[str, ...], int, int]]:
    """Give promises as tags and seconds."""
    return [
        (
            tuple(i.tags),
            int((i.window.start - START).total_seconds()),
            int((i.window.end - START).total_seconds()),
        )
        for i in told
        if isinstance(i, Whole)
    ]


# ------------------------------------------------------------------------------------ any course
@dataclass(frozen=True)
class Turn:
    """One turn of a server: which tags change, after what pause, and what goes wrong."""

    changes: tuple[int, ...]
    skew: int
    dropped: int
    is_lost: bool
    has_more: bool


TURNS = st.builds(
    Turn,
    changes=st.lists(st.integers(0, len(TAGS) - 1), max_size=5).map(tuple),
    skew=st.integers(0, 3),
    dropped=st.sampled_from([0, 0, 1, 2]),
    is_lost=st.sampled_from([False, False, False, True]),
    has_more=st.sampled_from([False, False, True]),
)


@given(turns=st.lists(TURNS, min_size=3, max_size=20))
def test_whatever_was_promised_had_been_told(turns: list[Turn]) -> None:
    """A server writes a message, dates it a little later, and may lose it, or values before it.

    What changes while it dates a message comes with the next one.
    """
    follower = follower_of()
    clock, published, number = 0, 0, 1
    sampled: list[tuple[str, int]] = []
    waiting: list[tuple[int, int, float, int]] = []
    told: set[tuple[str, int]] = set()
    promises: list[tuple[Whole, frozenset[tuple[str, int]]]] = []
    for turn in turns:
        for handle in turn.changes:
            clock += 1
            sampled.append((TAGS[handle], FIRST + clock))
            waiting.append((handle, FIRST + clock, 1.0, 0))
        kept = [row for at, row in enumerate(waiting) if at >= turn.dropped or not _follows(waiting, at)]
        marked = {row[0] for row in waiting} if len(kept) < len(waiting) else set()
        rows = [(h, ts, v, OVERFLOW if h in marked else s) for h, ts, v, s in kept]
        has_more = turn.has_more and len(rows) > 1
        rows, waiting = (rows[:1], rows[1:]) if has_more else (rows, [])
        clock = max(clock, published + 1)
        published = clock + turn.skew
        data = changes(rows) if rows else ()
        message = Message(number, FIRST + published, is_keep_alive=not rows, has_more=has_more, changes=data)
        number += bool(rows)
        if turn.is_lost:
            continue
        for item in follower.take(message):
            told |= {(row["tag"], _ticks(row["ts"])) for row in rows_of([item])}
            if isinstance(item, Whole):
                promises.append((item, frozenset(told)))
    for promise, before in promises:
        start, end = promise.window.start, promise.window.end
        within = {s for s in sampled if s[0] in promise.tags and start <= _moment(s[1]) < end}
        assert within <= before


def _follows(rows: list[tuple[int, int, float, int]], at: int) -> bool:
    """Whether a later value of the same tag can carry the mark."""
    return any(row[0] == rows[at][0] for row in rows[at + 1 :])


def _moment(ticks: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks)


def _ticks(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


# ---------------------------------------------------------------------------------- case by case
def test_a_promise_reaches_to_the_message_before() -> None:
    told = told_by(follower_of(), alive(1, 1), alive(1, 2), alive(1, 5))
    assert promised(told) == [(TAGS, 1, 2)]


def test_messages_from_before_the_items_were_made_promise_nothing() -> None:
    told = told_by(follower_of(), alive(1, -5), alive(1, -3), alive(1, 1), alive(1, 2), alive(1, 3))
    assert promised(told) == [(TAGS, 1, 2)]


def test_a_clock_that_is_set_back_begins_a_new_stretch() -> None:
    follower = follower_of()
    told = told_by(follower, *(alive(1, at) for at in (10, 20, 30, 4, 8, 12)))
    assert promised(told) == [(TAGS, 10, 20), (TAGS, 4, 8)]


def test_a_message_that_is_missing_is_named_and_the_stretch_is_not_promised() -> None:
    told = told_by(
        follower_of(), alive(1, 1), alive(1, 2), alive(3, 3), alive(3, 4), alive(3, 5), alive(3, 6)
    )
    (missing,) = [item for item in told if isinstance(item, Rejected)]
    assert missing.key == ""
    assert "message 1 did not come, but 3" in missing.reason
    assert promised(told) == [(TAGS, 3, 4), (TAGS, 4, 5)]


def test_numbers_begin_again_after_the_last_one() -> None:
    follower = follower_of()
    follower._number = 0xFFFFFFFF
    assert not [i for i in told_by(follower, alive(1, 1), alive(1, 2)) if isinstance(i, Rejected)]


def test_a_keep_alive_with_the_number_of_the_last_message_is_no_loss() -> None:
    data = Message(1, FIRST + TICK, changes=changes([(0, FIRST, 1.0, 0)]))
    assert not [i for i in told_by(follower_of(), data, alive(1, 2)) if isinstance(i, Rejected)]


def test_statuses_are_as_history_has_them_and_what_is_no_value_yet_is_left_out() -> None:
    rows = [
        (0, FIRST + 1, 1.0, OVERFLOW),
        (0, FIRST + 2, 1.0, 0x40000680),
        (1, FIRST + 3, 1.0, 0x80320000),
        (2, 0, 1.0, 0),
        (9, FIRST + 4, 1.0, 0),
    ]
    told = rows_of(told_by(follower_of(), Message(1, FIRST + TICK, changes=changes(rows))))
    assert [(row["tag"], row["quality"]) for row in told] == [("a", 0), ("a", 0x40000600), ("c", 0)]
    assert told[2]["ts"] == START + timedelta(seconds=1)  # without any time of its own: when it was sent


def test_states_have_number_and_word() -> None:
    signal = Signal("s", "s", ("s",), states={0: "Idle", 1: "Running"})
    follower = follower_of(items={4: Item("s", signal, True)})
    data = changes([(4, FIRST + 1, 1.0, 0), (4, FIRST + 2, 7.0, 0)])
    told = rows_of(told_by(follower, Message(1, FIRST + TICK, changes=data)))
    assert [(row["value"], row["text"]) for row in told] == [(1.0, "Running"), (7.0, None)]


@pytest.mark.parametrize(
    ("promise", "expected"),
    [
        ("auto", [("by exception", "no history")]),
        ("always", [("by exception", "sampled", "no history")]),
        ("never", [("no history",)]),
    ],
)
def test_what_may_be_promised_is_what_the_server_reports_or_what_has_nothing_else(
    promise: str, expected: list[tuple[str, ...]]
) -> None:
    items = {
        0: Item("by exception", Signal("0", "0", ("0",)), True),
        1: Item("sampled", Signal("1", "1", ("1",)), False),
        2: Item("no history", Signal("2", "2", ("2",), keeps_history=False), False),
    }
    told = told_by(follower_of(promise, items=items), alive(1, 1), alive(1, 2), alive(1, 3))
    assert [tags for tags, _, _ in promised(told)] == expected
