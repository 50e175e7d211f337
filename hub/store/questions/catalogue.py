"""What each collection offers, for those who write questions and for programs that make them."""

from functools import cache
from typing import Any

from hub.store.questions.collections import Collection, find_collection, key_name, list_collections
from hub.store.questions.columns import flat_columns


@cache
def describe_all() -> list[dict[str, Any]]:
    """Give every collection: its properties, the members of its documents, its flat columns, its ways."""
    return [_describe(find_collection(name)) for name in list_collections()]


def _describe(collection: Collection) -> dict[str, Any]:
    return {
        "name": collection.name,
        "family": collection.family,
        "description": collection.description,
        "key": key_name(collection),
        "members": [slot.name for slot in collection.reading.slots],
        "properties": [
            {
                "name": one.name,
                "kind": _KINDS.get(one.kind, one.kind),
                "target": find_target(one.target),
                "values": list(one.values),
            }
            for one in collection.properties.values()
        ],
        "columns": [{"name": one.name, "type": str(one.type)} for one in flat_columns(collection.name)],
        "expansions": [
            {"name": way.name, "collection": way.target, "is_many": way.is_many}
            for way in collection.navigations.values()
        ],
    }


_KINDS = {"choice": "text", "source": "text", "said": "text"}


def find_target(kind: str) -> str | None:
    """Give the collection of what a reference leads to; None for what is no reference."""
    if not kind:
        return None
    return next(
        (n for n in list_collections() if (c := find_collection(n)).kind == kind and c.family != "star"), None
    )
