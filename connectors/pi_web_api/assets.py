"""The asset framework: a database's elements as equipment, below one another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.pi_web_api.client import PiClient, list_items
from connectors.pi_web_api.settings import AssetFramework
from hub.model import Equipment, Record
from hub.sdk import Document, Misconfigured, Page, Rejected, attempt

_FIELDS = "Id;Name;Path;Description;TemplateName"


@dataclass(frozen=True, slots=True)
class Database:
    r"""A database of the asset framework; `path` is `\\server\database`."""

    web_id: str
    path: str

    def below(self, path: str) -> str:
        r"""Give the part of a path below the database: `Cork\USP\BR-2001|Temperature`."""
        return path[len(self.path) :].lstrip("\\") if path.startswith(self.path) else path.lstrip("\\")


def find_database(client: PiClient, settings: AssetFramework) -> Database:
    r"""Find the database by name or path. Raises `Misconfigured` when there is none, or more than one."""
    params = {"selectedFields": "Items.WebId;Items.Name;Items.Path", "webIdType": "IDOnly"}
    seen: dict[str, Database] = {}
    for server in list_items(client.fetch("/assetservers", params)):
        answer = client.fetch(f"/assetservers/{server['WebId']}/assetdatabases", params)
        for item in list_items(answer):
            seen[str(item["Path"])] = Database(str(item["WebId"]), str(item["Path"]))
    wanted = settings.database.casefold()
    found = [
        database
        for path, database in seen.items()
        if wanted in {path.casefold(), path.rpartition("\\")[2].casefold()}
    ]
    if len(found) != 1:
        there = ", ".join(seen) or "none"
        raise Misconfigured(
            f"{len(found) or 'no'} database(s) are called {settings.database}; there are {there}",
            remedy=r"set `asset_framework.database` to one of these paths, or grant the user to see it",
        )
    return found[0]


def read_elements(client: PiClient, settings: AssetFramework) -> Iterator[Page]:
    """Give all elements, a document each."""
    database = find_database(client, settings)
    fields = ";".join(f"Items.{name}" for name in _FIELDS.split(";"))
    params = {
        "searchFullHierarchy": "true",
        "sortField": "Name",
        "selectedFields": f"{fields};Links.Next",
        "webIdType": "IDOnly",
    }
    for at, items in client.pages(f"/assetdatabases/{database.web_id}/elements", params):
        documents = [
            Document(
                object_type="elements",
                key=str(item["Id"]),
                payload=orjson.dumps({**item, "Place": database.below(str(item["Path"]))}).decode(),
            )
            for item in items
        ]
        yield Page(documents=documents, cursor={"at": at + len(items)})


def state_element(item: Mapping[str, Any], levels: Mapping[str, str]) -> Record | Rejected:
    """Say which equipment an element is."""
    place = str(item.get("Place") or "")
    parent, _, name = place.rpartition("\\")
    template = str(item.get("TemplateName") or "")
    return attempt(
        Equipment,
        f"element {place or item.get('Id')}",
        id={"value": place, "match": name},
        parent={"value": parent, "match": parent.rpartition("\\")[2]} if parent else None,
        description=str(item.get("Description") or "")[:400] or None,
        equipment_class=template or None,
        level=levels.get(template),
    )
