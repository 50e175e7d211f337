"""Every operation of the counter, with an address that answers 200 in the small plant."""

from pathlib import Path
from typing import Any

import orjson
from jsonschema import Draft202012Validator

ADDRESSES: dict[str, str] = {
    "/v1/batches": "/v1/batches?limit=2",
    "/v1/collections/{collection}": "/v1/collections/batches?limit=2&expand=product",
    "/v1/collections/{collection}/{name}": "/v1/collections/batches/B26-0117",
    "/v1/{noun}/{name}/b2mml": "/v1/batches/B26-0117/b2mml",
    "/v1/batches/{name}": "/v1/batches/B26-0117?include=assertions&include=history",
    "/v1/batches/{name}/samples": "/v1/batches/B26-0117/samples?points=20",
    "/v1/samples": "/v1/samples?tag=BR2000-01.PH&start=2026-03-10T00:00:00Z&end=2026-03-11T00:00:00Z",
    "/v1/tags/{name}/annotations": "/v1/tags/BR2000-01.PH/annotations",
    "/v1/tags/{name}/erasures": "/v1/tags/BR2000-01.PH/erasures",
    "/v1/matrix": "/v1/matrix?batch=B26-0117",
    "/v1/samples/stream": "/v1/samples/stream?tag=BR2000-01.PH&once=true",
    "/v1/samples/at": "/v1/samples/at?tag=BR2000-01.PH&at=2026-03-10T09:05:00Z",
    "/v1/samples/grid": "/v1/samples/grid?tag=BR2000-01.PH&start=2026-03-10T09:00:00Z"
    "&end=2026-03-10T12:00:00Z&every_s=600",
    "/v1/samples/statistics": "/v1/samples/statistics?tag=BR2000-01.PH&start=2026-03-10T09:00:00Z"
    "&end=2026-03-12T09:00:00Z&every=day&zone=Europe/Dublin",
    "/v1/samples/context": "/v1/samples/context?tag=BR2000-01.PH&start=2026-03-10T09:00:00Z"
    "&end=2026-03-10T12:00:00Z",
    "/v1/phases/statistics": "/v1/phases/statistics?batch=B26-0117&tag=temperature",
    "/v1/equipment/{name}": "/v1/equipment/BR2000-01?include=assertions",
    "/v1/lots/{name}": "/v1/lots/B260117?include=assertions",
    "/v1/lots/{name}/genealogy": "/v1/lots/WCB-214-07/genealogy?direction=forward",
    "/v1/conflicts/{entity_type}/{name}/{attribute}": "/v1/conflicts/batch/B26-0117/actual_size",
    "/v1/rules/{entity_type}/{attribute}": "/v1/rules/batch/actual_size",
    "/v1/events": "/v1/events?limit=2",
    "/v1/events/stream": "/v1/events/stream?once=true",
    "/v1/webhooks/{webhook_id}": "/v1/webhooks/1",
    "/v1/webhooks/{webhook_id}/deliveries": "/v1/webhooks/1/deliveries",
    "/v1/kpis/{code}": "/v1/kpis/oos_rate?of=all&per=all",
    "/v1/kpis/{code}/rows": "/v1/kpis/oos_rate/rows?per=all&day=2026-03-10",
    "/v1/lots/{name}/balance": "/v1/lots/B260117/balance",
    "/v1/links/{link_id}": "/v1/links/1",
    "/v1/source-records/{record_id}": "/v1/source-records/1",
    "/v1/source-records/{record_id}/payload": "/v1/source-records/1/payload",
    "/v1/quarantine/{held_id}": "/v1/quarantine/1",
    "/v1/batches/{name}/changes": "/v1/batches/B26-0117/changes?since=2020-01-01T00:00:00Z",
    "/v1/batches/{name}/completeness": "/v1/batches/B26-0117/completeness?include=keys",
    "/v1/lineage/{kind}/{name}/{attribute}": "/v1/lineage/batch/B26-0117/actual_size?include=history",
}
PAGES = (
    "/",
    "/batches/B26-0117",
    "/batches/B26-0117?signals=all",
    "/batches/B26-0199",
    "/batches/B26-0117/changes?since=2020-01-01T00:00:00Z",
    "/lots/B260117",
    "/lots/WCB-214-07",
    "/equipment",
    "/kpis",
    "/kpis?per=all",
    "/kpis/oos_rate?per=all",
    "/kpis/oos_rate_of_property?of=product",
    "/kpis/oos_rate/rows?per=all&day=2026-03-10",
    "/conflicts",
    "/links",
    "/links/1",
    "/quarantine",
    "/quarantine/1",
    "/source-records/1",
    "/source-records/2",
    "/lineage/batch/B26-0117/actual_size",
    "/lineage/batch/B26-0117/actual_size?include=history",
)


def address(path: str) -> str:
    """Give an address of a path of the document."""
    return ADDRESSES.get(path, path.replace("{name}", "B26-0117"))


DOCUMENT: dict[str, Any] = orjson.loads(
    (Path(__file__).parents[2] / "openapi" / "plantwide.json").read_bytes()
)
"""The OpenAPI document as committed: `poe openapi` holds it against the code, and to build it takes a second."""
_MODELS: dict[str, Any] = DOCUMENT["components"]["schemas"]
_PROBLEM = Draft202012Validator(
    {
        "$ref": "#/closed",
        "closed": {**_MODELS["ProblemDetails"], "additionalProperties": False},
        "components": DOCUMENT["components"],
    }
)
OPERATIONS = [(method.upper(), path) for path, found in DOCUMENT["paths"].items() for method in found]


def check_problem(problem: dict[str, Any]) -> dict[str, Any]:
    """Give a problem, of which every member must be described: a client shows what it has a type for."""
    _PROBLEM.validate(problem)
    return problem
