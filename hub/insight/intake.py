"""What batches took in: each movement that counts, once, however many lots it went into."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from hub.resolve.genealogy import follow, total_of
from hub.resolve.netting import Movement
from hub.store.answers.matrix import Edge, RowHead, list_moves, list_steps
from hub.store.database import Connection


def list_intake(connection: Connection, heads: Sequence[RowHead]) -> dict[int, list[Edge]]:
    """Give by batch each lot that went in with the sum of its movements (None where one has no amount).

    What a batch made and used up itself counts in the place of what only went into that; else it would be
    counted twice.
    """
    ids = [head.id for head in heads]
    counted: dict[int, list[Movement]] = defaultdict(list)
    facts = {fact["id"]: fact for fact in list_moves(connection, ids)}
    for fact in facts.values():
        root = _root(fact, facts)
        if root is not None:
            counted[fact["batch_id"]].append(Movement(fact, root, fact["count_quantity"], fact["count_unit"]))
    steps = list_steps(connection, ids)
    return {
        head.id: [
            Edge(lot, None, head.id, amount)
            for lot, amount in take_in(counted[head.id], head.output_lot, steps).items()
        ]
        for head in heads
    }


def take_in(
    counted: Sequence[Movement], output_lot: int | None, steps: Mapping[int, int | None]
) -> dict[int, float | None]:
    """Give the lots that count as taken in by a batch, each with its amount; `steps` have their parents."""
    gone = list(follow(counted, output_lot, steps))
    inner: set[int] = {m.home["lot_id"] for m, _ in gone} & {lot for _, some in gone for lot in some}
    standing = set(inner)
    # What also went into something else cannot be told by an inner lot, and then neither can the lot count.
    while shared := {lot for _, outputs in gone if outputs - standing for lot in outputs & standing}:
        standing -= shared
    kept = [(m, outputs) for m, outputs in gone if not outputs or outputs - standing]
    if not kept:  # lots that went into each other, and into nothing else
        standing.clear()
        kept = gone
    taking: dict[int, list[Movement]] = defaultdict(list)
    for m, _ in kept:
        if m.home["lot_id"] not in inner - standing:
            taking[m.home["lot_id"]].append(m)
    totals = {lot: total_of(some)[0] for lot, some in taking.items()}
    return {lot: total for lot, total in totals.items() if total is None or total > 0}


def _root(fact: dict[str, Any], facts: Mapping[int, dict[str, Any]]) -> dict[str, Any] | None:
    """Give the movement that this one takes back in the end, or itself; None where it lies elsewhere."""
    seen: set[int] = set()
    while fact["reverses_id"] is not None:
        if fact["reverses_id"] not in facts or fact["id"] in seen:
            return None
        seen.add(fact["id"])
        fact = facts[fact["reverses_id"]]
    return fact
