"""The data products: what of the plant's data each route gives, and which of them have their readers noted.

A product is known by one name whichever door it leaves through: `batches` are those of `/v1/batches`, of a
page, of an OData set, or of an agent's tool. Each collection is a product of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from hub.store.questions.collections import list_collections

DOORS = ("rest", "page", "odata", "i3x", "mcp")
"""Ways out of the hub; streams are of the door that they go through."""
COLLECTION = "{collection}"
"""Stands for the name of a collection in the address; through OData, the name of a set."""

_ROUTES: Mapping[str, str] = {
    COLLECTION: """
        GET /v1/collections/{collection}
        GET /v1/collections/{collection}/{name}
        * /odata
        GET /odata/{path}
        POST /odata/{path}
    """,
    "audit": "GET /v1/audit/events",
    "assertions": "GET /v1/batches/{name}/assertions",
    "b2mml": "GET /v1/{noun}/{name}/b2mml",
    "balances": """
        GET /v1/batches/{name}/balance
        GET /v1/lots/{name}/balance
    """,
    "batches": """
        GET /
        GET /batches/{name}
        GET /v1/batches
        GET /v1/batches/{name}
    """,
    "changes": """
        GET /batches/{name}/changes
        GET /v1/batches/{name}/changes
    """,
    "completeness": """
        GET /v1/batches/{name}/completeness
        GET /v1/completeness
    """,
    "conflicts": """
        GET /conflicts
        GET /v1/batches/{name}/conflicts
        GET /v1/conflicts
        GET /v1/conflicts/movements
        GET /v1/conflicts/{entity_type}/{name}/{attribute}
    """,
    "equipment": """
        GET /equipment
        GET /v1/equipment
        GET /v1/equipment/{name}
    """,
    "events": "GET /v1/batches/{name}/events",
    "genealogy": "GET /v1/lots/{name}/genealogy",
    "identity": """
        GET /links
        GET /links/{link_id}
        GET /v1/links
        GET /v1/links/{link_id}
        GET /v1/rules/identity
    """,
    "jobs": "GET /v1/jobs/{token}/result",
    "kpis": """
        GET /kpis
        GET /kpis/{code}
        GET /kpis/{code}/rows
        GET /v1/kpis/{code}
        GET /v1/kpis/{code}/rows
    """,
    "lineage": """
        GET /lineage/{kind}/{name}/{attribute}
        GET /v1/lineage/{kind}/{name}/{attribute}
    """,
    "lots": """
        GET /lots/{name}
        GET /v1/lots
        GET /v1/lots/{name}
    """,
    "matrix": """
        GET /v1/matrix
        POST /v1/matrix
    """,
    "movements": "GET /v1/batches/{name}/materials",
    "news": """
        GET /v1/events
        GET /v1/events/stream
    """,
    "objects": """
        GET /i3x/v1/objects
        POST /i3x/v1/objects/list
        POST /i3x/v1/objects/related
    """,
    "object_values": """
        POST /i3x/v1/objects/history
        POST /i3x/v1/objects/value
        POST /i3x/v1/subscriptions/stream
        POST /i3x/v1/subscriptions/sync
    """,
    "phases": "GET /v1/batches/{name}/phases",
    "quarantine": """
        GET /quarantine
        GET /quarantine/{held_id}
        GET /v1/quarantine
        GET /v1/quarantine/{held_id}
    """,
    "reads": """
        GET /v1/reads
        GET /v1/reads/summary
    """,
    "results": "GET /v1/batches/{name}/results",
    "rules": """
        GET /v1/rules
        GET /v1/rules/{entity_type}/{attribute}
    """,
    "samples": """
        GET /v1/batches/{name}/samples
        GET /v1/batches/{name}/signals
        GET /v1/phases/statistics
        GET /v1/samples
        GET /v1/samples/at
        GET /v1/samples/context
        GET /v1/samples/grid
        GET /v1/samples/statistics
        GET /v1/samples/stream
        GET /v1/tags/{name}/annotations
        GET /v1/tags/{name}/erasures
    """,
    "source_records": """
        GET /source-records/{record_id}
        GET /v1/source-records/{record_id}
        GET /v1/source-records/{record_id}/payload
    """,
    "sources": "GET /v1/sources",
    "tags": "GET /v1/tags",
}

NO_PRODUCT = frozenset(
    {
        "GET /i3x/v1/info",
        "* /i3x/v1",
        "GET /i3x/v1/namespaces",
        "GET /i3x/v1/objecttypes",
        "GET /i3x/v1/relationshiptypes",
        "POST /i3x/v1/objecttypes/query",
        "POST /i3x/v1/relationshiptypes/query",
        "POST /i3x/v1/subscriptions",
        "POST /i3x/v1/subscriptions/delete",
        "POST /i3x/v1/subscriptions/list",
        "POST /i3x/v1/subscriptions/register",
        "POST /i3x/v1/subscriptions/unregister",
        "PUT /odata/{path}",
        "PATCH /odata/{path}",
        "DELETE /odata/{path}",
        "* /mcp",
        "* /mcp/{path}",
        "GET /v1/collections",
        "GET /v1/jobs/{token}",
        "GET /v1/jobs/{token}/events",
        "DELETE /v1/jobs/{token}",
        "POST /logout",
        "GET /v1/kpis",
        "GET /v1/openapi.json",
        "GET /v1/units",
        "GET /v1/webhooks",
        "GET /v1/webhooks/{webhook_id}",
        "GET /v1/webhooks/{webhook_id}/deliveries",
    }
)
"""Routes that readers may use and that give no data of the plant: descriptions, and the hub's own running.

An agent's call is none by itself: what it reads is asked of `/v1`, and noted there with the tool's name.
"""


def _read(table: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for product, routes in table.items():
        yield from ((line.strip(), product) for line in routes.split("\n") if line.strip())


PRODUCTS: Mapping[str, str] = dict(_read(_ROUTES))
"""What each route gives."""


def product_at(route: str, path: str) -> str | None:
    """Give the product of an address; None where a route has none, or the address names no collection."""
    product = PRODUCTS.get(route)
    if product != COLLECTION:
        return product
    name = path.removeprefix("/v1/collections/").partition("/")[0]
    return name if name in list_products() else None


@cache
def list_products() -> tuple[str, ...]:
    """Give the names of all products."""
    return tuple(sorted({*_ROUTES.keys() - {COLLECTION}, *list_collections(), "samples"}))


def door_of(path: str) -> str:
    """Give the door through which an address leads."""
    first = path[1:].partition("/")[0]
    return {"v1": "rest", "odata": "odata", "i3x": "i3x", "mcp": "mcp"}.get(first, "page")


@dataclass(frozen=True)
class Policy:
    """Whose reads of what are noted: pairs of door and product (`*`: any), and readers all of whose are."""

    pairs: frozenset[tuple[str, str]]
    readers: frozenset[str] = frozenset()
    written: tuple[str, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Policy | None":
        """Read what is to be noted: `*`, `samples`, `odata:*`, `mcp:batches`, `reader:3fa9c1d20b7e`.

        Nothing gives None. Raises `ValueError` for what is no product, door or reader.
        """
        written = tuple(one.strip() for one in entries)
        pairs = set[tuple[str, str]]()
        readers = set[str]()
        for entry in written:
            left, colon, right = entry.rpartition(":")
            if left == "reader" and right:
                readers.add(right)
                continue
            door = left if colon else "*"
            if door not in ("*", *DOORS) or right not in ("*", *list_products()):
                raise ValueError(
                    f"audit_reads: {entry!r} names no data product; write a product, door:product or "
                    f"reader:<id of a key>, with * for any; doors are {', '.join(DOORS)}; products are "
                    f"{', '.join(list_products())}"
                )
            pairs.add((door, right))
        return cls(frozenset(pairs), frozenset(readers), written) if written else None

    def wants(self, door: str, product: str, reader: str) -> bool:
        """Tell whether a read is noted."""
        ways = {(door, product), (door, "*"), ("*", product), ("*", "*")}
        return reader in self.readers or not ways.isdisjoint(self.pairs)
