"""Genealogy: what a batch's counted movements say of which lot went into which."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from hub.model.enums import CONSUMED, PRODUCED
from hub.resolve.netting import Movement, add_up
from hub.store.facts import Edge


def draw_edges(
    counted: Sequence[Movement], output_lot_id: int | None, parents: dict[int, int | None]
) -> dict[Edge, tuple[float | None, str | None]]:
    """Give a batch's genealogy: what a step consumed went into what that step, or the batch, produced."""
    taking: dict[Edge, list[Movement]] = defaultdict(list)
    for m, outputs in follow(counted, output_lot_id, parents):
        for lot in outputs:
            taking[m.home["lot_id"], lot, "consume"].append(m)
    totals = {edge: total_of(some) for edge, some in taking.items()}
    return {e: (q, None if q is None else unit) for e, (q, unit) in totals.items() if q is None or q > 0}


def follow(
    counted: Sequence[Movement], output_lot_id: int | None, parents: Mapping[int, int | None]
) -> Iterator[tuple[Movement, set[int]]]:
    """Give each movement of a lot into a batch with the lots that it went into: none where none is known.

    A movement that only went into its own lot is left out.
    """
    moved = [m for m in counted if m.home["lot_id"]]
    consumed = [m for m in moved if m.home["use"] in CONSUMED]
    produced = [m.home for m in moved if m.home["use"] in PRODUCED]
    by_step: dict[int | None, set[int]] = defaultdict(set)
    for fact in produced:
        by_step[fact["response_id"]].add(fact["lot_id"])
    taken = {m.home["lot_id"] for m in consumed}
    ends = {f["lot_id"] for f in produced} - taken
    final = {output_lot_id} if output_lot_id else ends
    for m in consumed:
        outputs = _outputs(m.home["response_id"], by_step, parents) or final
        others = outputs - {m.home["lot_id"]}
        if others or not outputs:
            yield m, others


def total_of(movements: Sequence[Movement]) -> tuple[float | None, str | None]:
    """Give the sum of movements with its unit; None when one of them has no amount."""
    unit = min((m.unit for m in movements if m.unit is not None), default=None)
    return add_up(movements, unit), unit


def _outputs(
    step: int | None, by_step: Mapping[int | None, set[int]], parents: Mapping[int, int | None]
) -> set[int]:
    """Give what a step produced, or the nearest step above it that produced anything."""
    seen: set[int] = set()
    while step is not None and step not in seen:
        seen.add(step)
        if by_step.get(step):
            return by_step[step]
        step = parents.get(step)
    return set()
