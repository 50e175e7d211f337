"""Each route of the counter shows an example of what it answers and declares what can go wrong."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.routes import DOCUMENT

OPEN = {"/livez", "/readyz", "/v1/info"}
PROBLEM = "application/problem+json"


def list_operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, path, operation) of every operation of the exported document."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", path, operation


OPERATIONS = list(list_operations())
EACH = pytest.mark.parametrize(
    ("path", "operation"), [o[1:] for o in OPERATIONS], ids=[o[0] for o in OPERATIONS]
)


@EACH
def test_a_route_shows_an_example_of_every_json_answer(path: str, operation: dict[str, Any]) -> None:
    bare = [
        (path, status, kind)
        for status, answer in operation["responses"].items()
        for kind, content in answer.get("content", {}).items()
        if kind.endswith("json") and not ("example" in content or content.get("examples"))
    ]
    assert bare == []


@EACH
def test_a_route_says_in_a_sentence_what_it_answers(path: str, operation: dict[str, Any]) -> None:
    assert len((operation.get("description") or operation.get("summary") or "").split()) >= 3, path


@EACH
def test_a_route_declares_the_errors_it_can_answer_with(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    expected = set[str]() if path in OPEN else {"401", "403", "503"}
    if "{" in path:
        expected |= {"404"}
    if path == "/readyz":
        expected |= {"503"}
    assert expected <= set(responses)
    wordless = [
        s
        for s, answer in responses.items()
        if s[0] in "45" and path not in OPEN and PROBLEM not in answer["content"]
    ]
    assert wordless == []


def test_only_probes_and_the_card_at_the_door_are_open() -> None:
    unguarded = {path for _, path, operation in OPERATIONS if "401" not in operation["responses"]}
    assert unguarded == OPEN
