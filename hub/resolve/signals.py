"""Signals of a batch: the tags whose samples belong to it, each with the spans in which they do."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from hub.resolve.context import place_batches
from hub.store.answers.signals import Signal, describe_signals
from hub.store.coverage import Span, join_spans
from hub.store.database import Connection


def list_signals(connection: Connection, batch_id: int, *, now: datetime) -> list[Signal]:
    """Give the tags whose samples belong to a batch, as their context says; what is open lasts until `now`.

    A unit that the batch left and came back to has a span for each time, and what ran there between is none
    of its business.
    """
    return list_signals_of(connection, [batch_id], now=now)[batch_id]


def list_signals_of(
    connection: Connection, batch_ids: Iterable[int], *, now: datetime
) -> dict[int, list[Signal]]:
    """Give the signals of each of these batches, as `list_signals` does of one."""
    wanted = list(batch_ids)
    context = place_batches(connection, wanted, now=now)
    spans: dict[int, dict[int, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for place, reached in context.reached.items():
        for one in reached:
            spans[one.executed.batch][place] += one.spans
    there = {
        batch: {
            kind.tag_id: tuple(join_spans(places[kind.equipment_id]))
            for kind in context.kinds.values()
            if kind.equipment_id is not None and kind.equipment_id in places
        }
        for batch, places in spans.items()
    }
    told = describe_signals(connection, {tag: cuts for tags in there.values() for tag, cuts in tags.items()})
    return {
        batch: [replace(one, spans=tags[one.tag_id]) for one in told if one.tag_id in tags]
        for batch in wanted
        for tags in (there.get(batch, {}),)
    }
