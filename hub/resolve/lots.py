"""The lot that an order makes: two names that systems give one order's output are names of one lot."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import combinations

from hub.resolve.components import OUTPUT_RULE
from hub.resolve.identity import DECIDER
from hub.store.database import Connection
from hub.store.entities import Assertion, assertions_ever, load_assertions, things_saying
from hub.store.identifiers import names_by_id
from hub.store.links import Link, Pair, links_touching, pair_of, settle_links


def link_output_lots(connection: Connection, batch_ids: Iterable[int], *, now: datetime) -> set[int]:
    """Link by rule the lots that systems name as the output of one batch made on one order they agree on.

    An order's item has one output lot (SAP: `A_ProcessOrderItem_2.Batch`; MES: `LotID` of the record that
    declares that order), so two names for it, each given beside the same order, are the same lot. The links
    of every lot that these batches name, or once named, are brought in line with what is said now by any
    batch. Gives the lot names whose links changed.
    """
    concerned = {
        a.value_name_id
        for a in assertions_ever(connection, "batch", attribute="output_lot", ids=batch_ids)
        if a.value_name_id
    }
    if not concerned:
        return set()
    naming = things_saying(connection, "batch", attribute="output_lot", name_ids=concerned)
    agreed = _agreed(connection, load_assertions(connection, "batch", naming))
    standing = {k.pair: k for k in links_touching(connection, concerned) if k.rule == OUTPUT_RULE}
    wanted = {
        pair: Link(pair, "rule", _state(standing.get(pair)), {"rule": OUTPUT_RULE, "orders": sorted(orders)})
        for pair, orders in agreed.items()
        if concerned & set(pair)
    }
    return settle_links(
        connection, "material_lot", standing=standing.values(), wanted=wanted, by=DECIDER, now=now
    )


def _state(standing: Link | None) -> str:
    """Keep what a standing link came to; a new one joins until a person's word cuts it."""
    return "confirmed" if standing is None or standing.state == "reversed" else standing.state


def _agreed(connection: Connection, said: Sequence[Assertion]) -> dict[Pair, set[str]]:
    """Give the pairs of lot names that two systems give one batch beside the same order, with its names."""
    names: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    for a in said:
        if a.value_name_id:
            names[a.entity_id, a.attribute][a.system_id] = a.value_name_id
    orders = names_by_id(
        connection, [n for (_, what), s in names.items() if what == "operations_request" for n in s.values()]
    )
    lots: dict[tuple[int, int], set[int]] = defaultdict(set)
    called: dict[tuple[int, int], set[str]] = defaultdict(set)
    for (batch_id, attribute), by_system in names.items():
        for system_id, lot in by_system.items():
            order = names.get((batch_id, "operations_request"), {}).get(system_id)
            if attribute == "output_lot" and order:
                made = (batch_id, orders[order].entity_id)
                lots[made].add(lot)
                called[made].add(f"{orders[order].scheme}|{orders[order].value}")
    agreed: dict[Pair, set[str]] = defaultdict(set)
    for made, some in lots.items():
        for two in combinations(some, 2):
            agreed[pair_of(*two)] |= called[made]
    return agreed
