import json
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


@pytest.mark.parametrize("path", READS)
def test_an_answer_is_what_its_schema_says(either_looked_at: Counter, path: str) -> None:
    answer = either_looked_at.client.get(address(path))
    assert answer.status_code == 200, answer.text
    validator(path).validate(answer.json())


@pytest.mark.parametrize("path", READS)
def test_an_example_is_what_its_schema_says(path: str) -> None:
    content: dict[str, Any] = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]
    validator(path).validate(content["application/json"]["example"])


def test_schemas_allow_no_member_that_is_not_declared(looked_at: Counter) -> None:
    document = looked_at.get("/v1/batches?limit=1")
    document["items"][0]["more"] = 1
    assert not validator("/v1/batches").is_valid(document)
