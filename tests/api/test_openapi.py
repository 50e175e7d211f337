import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hub.api.export import export_openapi
from hub.api.rights import OPEN_PATHS
from tests.api.conftest import Counter
from tests.api.routes import DOCUMENT, OPERATIONS, address

ROOT = Path(__file__).resolve().parents[2]
READS = sorted(
    path
    for method, path in OPERATIONS
    if method == "GET" and "application/json" in DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]
)


def validator(path: str, status: str = "200") -> Draft202012Validator:
    """Give the validator of a route's declared answer."""
    schema = DOCUMENT["paths"][path]["get"]["responses"][status]["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_the_committed_document_is_what_the_code_serves() -> None:
    assert (ROOT / "openapi" / "plantwide.json").read_bytes() == export_openapi()


def test_the_export_is_the_same_every_time_and_the_served_document_equals_it(looked_at: Counter) -> None:
    assert export_openapi() == export_openapi()
    assert looked_at.get("/v1/openapi.json") == json.loads(export_openapi())


def test_operations_are_named_after_their_functions_once_each() -> None:
    names = [found["operationId"] for methods in DOCUMENT["paths"].values() for found in methods.values()]
    assert len(names) == len(set(names))
    assert "list_batches" in names


def test_the_document_is_31_and_has_no_shape_of_the_framework() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in json.dumps(DOCUMENT)


def test_only_open_routes_are_declared_without_a_key() -> None:
    assert DOCUMENT["security"]
    bare = {path for path, found in DOCUMENT["paths"].items() if found.get("get", {}).get("security") == []}
    assert bare == OPEN_PATHS & set(DOCUMENT["paths"])


@pytest.mark.parametrize("path", [path for path in READS if path != "/v1/jobs/{token}"])  # `test_jobs.py`
def test_an_answer_is_what_its_schema_says(either_looked_at: Counter, path: str) -> None:
    answer = either_looked_at.client.get(address(path), headers=either_looked_at.headers_for(path))
    assert answer.status_code == 200, answer.text
    validator(path).validate(answer.json())


@pytest.mark.parametrize("path", READS)
def test_an_example_is_what_its_schema_says(path: str) -> None:
    content: dict[str, Any] = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]
    validator(path).validate(content["application/json"]["example"])


def test_what_clients_send_is_bounded() -> None:
    """Deliveries are bounded as a whole (`delivery_bytes`), lists in addresses by what may be asked at once."""
    found = [
        f"{method} {path} {where}"
        for path, methods in DOCUMENT["paths"].items()
        if not path.startswith("/v1/deliveries/")
        for method, operation in methods.items()
        for where, schema in list_inputs(operation)
        if is_unbounded(schema, is_list_bounded=where != "body")
    ]
    assert found == []


def list_inputs(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each plain value that a client sends, and whether it is in the body."""
    for one in operation.get("parameters", ()):
        yield from ((one["name"], part) for part in list_values(one["schema"]))
    for one in operation.get("requestBody", {}).get("content", {}).values():
        yield from (("body", part) for part in list_values(one["schema"]))


def list_values(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    yield schema
    for inner in (*schema.get("properties", {}).values(), *schema.get("anyOf", ())):
        yield from list_values(inner)
    if "items" in schema:
        yield from list_values(schema["items"])


def is_unbounded(schema: dict[str, Any], *, is_list_bounded: bool) -> bool:
    match schema.get("type"):
        case "string":
            return not {"maxLength", "enum", "const", "pattern"} & set(schema)
        case "array":
            return not is_list_bounded and "maxItems" not in schema
        case "object":
            return schema.get("additionalProperties") is not False
        case _:
            return False


def test_every_operation_is_filed_under_a_described_tag_and_tells_of_its_own_failures() -> None:
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    used = {tag for methods in DOCUMENT["paths"].values() for one in methods.values() for tag in one["tags"]}
    assert used == tags
    assert all(
        "500" in one["responses"] for methods in DOCUMENT["paths"].values() for one in methods.values()
    )


def test_schemas_allow_no_member_that_is_not_declared(looked_at: Counter) -> None:
    document = looked_at.get("/v1/batches?limit=1")
    document["items"][0]["more"] = 1
    assert not validator("/v1/batches").is_valid(document)


MEMBERS = [
    (model, name, schema)
    for model, found in DOCUMENT["components"]["schemas"].items()
    for name, schema in found.get("properties", {}).items()
]


def test_every_member_says_its_type() -> None:
    """Clients made from the description would else have `any` there."""
    words = {"type", "$ref", "anyOf", "enum", "const"}
    assert [f"{model}.{name}" for model, name, schema in MEMBERS if not words & set(schema)] == []


def test_no_member_of_a_type_of_its_own_is_named_like_its_model() -> None:
    """Generators name a variable after a model, and one after each member; two types in one do not pass."""
    named = [(model, schema) for model, name, schema in MEMBERS if name.replace("_", "") == model.lower()]
    assert [model for model, schema in named if schema.get("type") != "boolean"] == []


def test_a_stream_is_described_as_text_with_its_events_beside_it() -> None:
    content = DOCUMENT["paths"]["/v1/samples/stream"]["get"]["responses"]["200"]["content"]
    schema = content["text/event-stream"]["schema"]
    assert schema["type"] == "string"
    assert "samples" in schema["x-event"]["properties"]["event"]["enum"]
