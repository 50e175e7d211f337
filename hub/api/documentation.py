"""The OpenAPI document: declared answers and errors of every route, with an example made from its schema."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hub.api.deprecation import Deprecation, mark_deprecated
from hub.api.instant import LONGEST
from hub.api.later import mark_later
from hub.api.moment import HEADER, PARAMETER
from hub.api.problems import KINDS, MEDIA_TYPE
from hub.api.rights import OPEN_PATHS
from hub.api.schemas import EXAMPLE_TIME, EXAMPLES, JobStatus, ProblemDetails
from hub.api.tables import FORMATS

_REF = "#/components/schemas/{model}"
_DEPTH = 6
_KNOWN_AT = {
    "description": "The newest instant at which the hub had learned something of what is answered; given as "
    f"`{PARAMETER}`, it repeats this answer byte for byte.",
    "schema": {"type": "string", "format": "date-time", "maxLength": LONGEST},
}
_ETAG = {
    "description": "A strong tag of this state, for `If-None-Match` and `If-Match`.",
    "schema": {"type": "string", "maxLength": 1000},
}
_RETRY = {
    "description": "Seconds after which it may be asked again.",
    "schema": {"type": "integer", "minimum": 1},
}
OCTETS = {"type": "string", "format": "binary"}
"""The schema of a body that is bytes of any kind: generators of clients would else take it for text."""
_JOB = {
    "description": "The address of the job.",
    "schema": {"type": "string", "maxLength": 100},
}
_INTERNAL, _TOO_MANY = "internal-error", "too-many-requests"
TAGS = {
    "audit": "Who wrote what, when and why.",
    "b2mml": "Batches, lots and orders as B2MML documents.",
    "batches": "Batches with all that is known of them.",
    "collections": "Every collection of the model and of the star in one grammar.",
    "conflicts": "Where sources disagree, and what people decided.",
    "deliveries": "What agents at the edge bring.",
    "equipment": "Units, lines and areas.",
    "events": "What became known, for other systems: as pages, as a stream, and sent to webhooks.",
    "identity": "Which names are one thing.",
    "jobs": "Calls that are answered later.",
    "lineage": "Completeness, and the way of a value from its source.",
    "lots": "Lots of materials and where they went.",
    "performance": "Key figures and the rows they are made of.",
    "probes": "Whether this hub lives, is ready, and what it is.",
    "review": "What waits for people.",
    "rules": "Whose word counts.",
    "samples": "Signals by time.",
    "sources": "Systems that are read, and their records.",
}
"""What the operations are filed under."""
_registered: dict[str, type[BaseModel]] = {"ProblemDetails": ProblemDetails, "JobStatus": JobStatus}


def answers(
    model: type[BaseModel],
    *kinds: str,
    status: int = 200,
    arrow: bool = False,
    columns: bool = False,
    lines: bool = False,
    tagged: bool = False,
    description: str = "The answer",
) -> dict[int | str, dict[str, Any]]:
    """Give the `responses` of a route: its schema, and the kinds of problems it may answer with.

    `arrow` answers come as an Arrow stream too, `columns` also as Parquet and CSV, `lines` as JSON lines;
    `tagged` ones bear an entity tag, and are not sent to one who has them.
    """
    _registered[model.__name__] = model
    content: dict[str, Any] = {
        "application/json": {
            "schema": {"$ref": _REF.format(model=model.__name__)},
            "example": example_of(model),
        }
    }
    for media in FORMATS if columns else FORMATS[:1] if arrow else ():
        content[media] = {"schema": {"type": "string", "contentMediaType": media}}
    if lines:
        content["application/jsonl"] = {"schema": {"type": "string", "contentMediaType": "application/jsonl"}}
    found: dict[int | str, dict[str, Any]] = {status: {"description": description, "content": content}}
    if tagged:
        found[status]["headers"] = {"ETag": _ETAG}
        found[304] = {"description": "What `If-None-Match` names still stands", "headers": {"ETag": _ETAG}}
    return {**found, **problems(*kinds)}


def describe(model: type[BaseModel]) -> dict[str, str]:
    """Give the reference to a schema that no route takes or gives as JSON of its own."""
    _registered[model.__name__] = model
    return {"$ref": _REF.format(model=model.__name__)}


def problems(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """Give the declared problems of a route by status."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = KINDS[kind]
        entry = found.setdefault(
            status,
            {
                "description": title,
                "content": {
                    MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="ProblemDetails")}, "examples": {}}
                },
            },
        )
        if kind == _TOO_MANY:
            entry["headers"] = {"Retry-After": _RETRY}
        entry["content"][MEDIA_TYPE]["examples"][kind] = {
            "value": {
                "type": f"urn:plantwide:problem:{kind}",
                "title": title,
                "status": status,
                "detail": "What to do instead.",
            }
        }
    return found


GUARDED = (
    "malformed-request",
    "key-needed",
    "scope-missing",
    "invalid-parameter",
    "not-kept",
    "store-unavailable",
    "took-too-long",
)
"""Problems that every guarded route may answer with."""
REPEATED = ("still-running", "key-reused")
"""Those of a route that takes an `Idempotency-Key`."""


def example_of(model: type[BaseModel]) -> Any:
    """Give an example of a schema; the same every time."""
    schema = model.model_json_schema(mode="serialization")
    return _example(schema, schema.get("$defs", {}), "", _DEPTH)


def _example(schema: dict[str, Any], defs: dict[str, Any], name: str, depth: int) -> Any:
    if "$ref" in schema:
        schema = defs[schema["$ref"].rpartition("/")[2]]
    if "example" in schema:
        return schema["example"]
    if "anyOf" in schema:
        schema = schema["anyOf"][0]
        if "$ref" in schema:
            schema = defs[schema["$ref"].rpartition("/")[2]]
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {key: _example(part, defs, key, depth - 1) for key, part in schema["properties"].items()}
        case "object" if isinstance(inner := schema.get("additionalProperties"), dict) and inner:
            return {"present": _example(inner, defs, name, depth - 1)}  # pyright: ignore[reportUnknownArgumentType] # a schema
        case "object":
            return {"store": "ok"}
        case "array":
            return [_example(schema["items"], defs, name, depth - 1)] if depth > 0 else []
        case "string":
            return EXAMPLE_TIME if schema.get("format") == "date-time" else str(EXAMPLES.get(name, "text"))
        case "number":
            return 1.5
        case "integer":
            return 1
        case "boolean":
            return False
        case _:
            return EXAMPLES.get(name)


def build_openapi(app: FastAPI, deprecations: Mapping[str, Deprecation]) -> dict[str, Any]:
    """Give the OpenAPI 3.1 document of the routes under /v1 and the probes.

    Raises `ValueError` when `deprecations` name what it has not.
    """
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        openapi_version="3.1.0",
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for generated in ("HTTPValidationError", "ValidationError"):
        schemas.pop(generated, None)
    models: Sequence[Any] = [(model, "serialization") for _, model in sorted(_registered.items())]
    _, ours = models_json_schema(models, ref_template=_REF)
    schemas.update(ours["$defs"])
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    document["components"]["securitySchemes"] = {
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {
            "type": "http",
            "scheme": "basic",
            "description": "Any user name; the key is the password.",
        },
    }
    document["servers"] = [{"url": "/", "description": "The hub that serves this document."}]
    document["tags"] = [{"name": name, "description": told} for name, told in TAGS.items()]
    document["security"] = [{"apiKey": []}, {"bearer": []}, {"basic": []}]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            kinds = (_INTERNAL,) if path in OPEN_PATHS else (_TOO_MANY, _INTERNAL)
            operation["responses"] |= {str(key): value for key, value in problems(*kinds).items()}
            if path in OPEN_PATHS:
                operation["security"] = []
            if any(one["name"] == PARAMETER for one in operation.get("parameters", ())):
                operation["responses"]["200"].setdefault("headers", {})[HEADER] = _KNOWN_AT
    accepted = answers(JobStatus, status=202, description="It will be answered later: the job")[202]
    mark_later(document, {**accepted, "headers": {"Location": _JOB}})
    _say_more(document)
    mark_deprecated(document, deprecations)
    app.openapi_schema = document
    return document


def _say_more(part: Any) -> None:
    """Say of integers that they have 64 bits, and of pairs what they are lists of: generators ask for it."""
    if isinstance(part, dict):
        found = cast("dict[str, Any]", part)
        if found.get("type") == "integer":
            found.setdefault("format", "int64")
        if "prefixItems" in found:
            found.setdefault("items", found["prefixItems"][0])
        for inner in found.values():
            _say_more(inner)
    elif isinstance(part, list):
        for inner in cast("list[Any]", part):
            _say_more(inner)
