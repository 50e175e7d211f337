"""The lot that an order makes: where two systems name one order's output differently, the names are one lot."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from hub.resolve.identity import DECIDER
from hub.store.database import Connection
from hub.store.entities import load_assertions
from hub.store.identifiers import names_by_id
from hub.store.links import Link, Pair, links_touching, pair_of, write_links


def link_output_lots(connection: Connection, batch_ids: Iterable[int], *, now: datetime) -> set[int]:
    """Declare as one the lots that systems name as the output of one batch made on one order they agree on.

    An order's item has one output lot (SAP: `A_ProcessOrderItem_2.Batch`; MES: `LotID` of the record that
    declares that order), so two names for it, each given beside the same order, are the same lot. Gives the
    lot names whose links changed.
    """
    said: dict[int, dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
    for a in load_assertions(connection, "batch", batch_ids):
        if a.attribute in ("output_lot", "operations_request") and a.value_name_id:
            said[a.entity_id][a.attribute][a.system_id] = a.value_name_id
    order_names = names_by_id(
        connection, [n for some in said.values() for n in some["operations_request"].values()]
    )
    wanted: dict[Pair, Link] = {}
    concerned: set[int] = set()
    for batch_id, attributes in said.items():
        lots = attributes["output_lot"]
        concerned.update(lots.values())
        for pair in _agreed(
            lots, {s: order_names[n].entity_id for s, n in attributes["operations_request"].items()}
        ):
            wanted[pair] = Link(pair, "declared", "confirmed", {"output_of_batch": batch_id})
    batches = set(said)
    standing = {
        link.pair: link
        for link in links_touching(connection, concerned)
        if link.method == "declared" and (link.evidence or {}).get("output_of_batch") in batches
    }
    changes = [w for p, w in wanted.items() if p not in standing or standing[p].state != "confirmed"]
    changes += [
        Link(p, "declared", "reversed", link.evidence)
        for p, link in standing.items()
        if p not in wanted and link.state == "confirmed"
    ]
    write_links(connection, "material_lot", changes, by=DECIDER, now=now)
    return {i for change in changes for i in change.pair}


def _agreed(lots: dict[int, int], orders: dict[int, int]) -> Iterable[Pair]:
    by_order: dict[int, set[int]] = defaultdict(set)
    for system_id, lot in lots.items():
        if system_id in orders:
            by_order[orders[system_id]].add(lot)
    for some in by_order.values():
        first, *others = sorted(some)
        yield from (pair_of(first, other) for other in others)
