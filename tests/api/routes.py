"""Every operation of the counter, with an address that answers 200 in the small plant."""

from typing import Any

from fastapi import FastAPI

from hub.api.app import create_app
from hub.api.documentation import build_openapi
from hub.store.database import Database

ADDRESSES: dict[str, str] = {
    "/v1/batches": "/v1/batches?limit=2",
    "/v1/batches/{name}": "/v1/batches/B26-0117?include=assertions&include=history",
    "/v1/batches/{name}/samples": "/v1/batches/B26-0117/samples?points=20",
    "/v1/samples": "/v1/samples?tag=BR2000-01.PH&start=2026-03-10T00:00:00Z&end=2026-03-11T00:00:00Z",
    "/v1/equipment/{name}": "/v1/equipment/BR2000-01?include=assertions",
    "/v1/lots/{name}": "/v1/lots/B260117?include=assertions",
    "/v1/lots/{name}/genealogy": "/v1/lots/WCB-214-07/genealogy?direction=forward",
    "/v1/source-records/{record_id}": "/v1/source-records/1",
    "/v1/quarantine/{held_id}": "/v1/quarantine/1",
}
PAGES = (
    "/",
    "/batches/B26-0117",
    "/batches/B26-0117?signals=all",
    "/batches/B26-0199",
    "/lots/B260117",
    "/lots/WCB-214-07",
    "/equipment",
    "/conflicts",
    "/quarantine",
    "/quarantine/1",
    "/source-records/1",
    "/source-records/2",
)


def address(path: str) -> str:
    """Give an address of a path of the document."""
    return ADDRESSES.get(path, path.replace("{name}", "B26-0117"))


def read_document() -> dict[str, Any]:
    """Give the OpenAPI document."""
    database = Database("sqlite://")
    app: FastAPI = create_app(database)
    database.close()
    return build_openapi(app)


DOCUMENT = read_document()
OPERATIONS = [(method.upper(), path) for path, found in DOCUMENT["paths"].items() for method in found]
