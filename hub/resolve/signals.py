"""Signals of a batch: the tags whose samples belong to it, each with the spans in which they do."""

from datetime import datetime

from hub.resolve.context import place_batches
from hub.store.answers.signals import Signal, describe_signals
from hub.store.coverage import join_spans
from hub.store.database import Connection


def list_signals(connection: Connection, batch_id: int, *, now: datetime) -> list[Signal]:
    """Give the tags whose samples belong to a batch, as their context says; what is open lasts until `now`.

    A unit that the batch left and came back to has a span for each time, and what ran there between is none
    of its business.
    """
    context = place_batches(connection, [batch_id], now=now)
    spans = {
        place: tuple(join_spans(span for one in reached for span in one.spans))
        for place, reached in context.reached.items()
        if reached
    }
    there = {
        kind.tag_id: spans[kind.equipment_id]
        for kind in context.kinds.values()
        if kind.equipment_id is not None and kind.equipment_id in spans
    }
    return describe_signals(connection, there)
