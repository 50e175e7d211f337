"""What was released stays: a client made for it works with every later hub of `/v1`."""

from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.api.compatibility import list_breaks
from tests.api.routes import DOCUMENT

RELEASED = Path(__file__).resolve().parents[2] / "openapi" / "released.json"
Change = Callable[[dict[str, Any]], Any]


def test_nothing_that_was_released_is_broken() -> None:
    breaks = list_breaks(orjson.loads(RELEASED.read_bytes()), DOCUMENT)
    told = "\n".join(breaks)
    assert not breaks, f"clients of the last release would break (CONTRIBUTING, “The API”):\n{told}"


EVENT = {
    "type": "object",
    "required": ["event"],
    "properties": {"event": {"enum": ["ready", "closing"], "type": "string"}},
}


def beside_text(event: dict[str, Any]) -> dict[str, Any]:
    """Describe a stream of events as the text that it is, with what one event holds beside it."""
    return {"type": "string", "x-event": event}


def small() -> dict[str, Any]:
    """A description in which everything is once."""
    item = {
        "type": "object",
        "additionalProperties": False,
        "required": ["code", "state"],
        "properties": {
            "code": {"type": "string"},
            "size": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "state": {"enum": ["open", "closed"], "type": "string"},
            "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
        },
    }
    given = {
        "type": "object",
        "additionalProperties": False,
        "required": ["reason"],
        "properties": {
            "reason": {"type": "string", "maxLength": 500},
            "kind": {"enum": ["one", "two"], "type": "string"},
            "ids": {"type": "array", "items": {"type": "integer", "minimum": 1}},
            "amount": {"type": "number"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    }
    answer = {
        "200": {
            "description": "The answer",
            "headers": {"ETag": {"schema": {"type": "string"}}},
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Item"}},
                "text/csv": {"schema": {"type": "string"}},
                "text/event-stream": {"schema": EVENT},
            },
        }
    }
    limit = {"in": "query", "name": "limit", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}}
    state = {"in": "query", "name": "state", "schema": {"enum": ["open", "all"], "type": "string"}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Given"}}}
    return {
        "paths": {
            "/things": {
                "get": {"operationId": "list", "parameters": [limit, state], "responses": answer},
                "post": {
                    "operationId": "decide",
                    "requestBody": {"required": True, "content": content},
                    "responses": deepcopy(answer),
                },
            },
            "/livez": {"get": {"operationId": "live", "security": [], "responses": {}}},
        },
        "components": {"schemas": {"Item": item, "Given": given}},
        "security": [{"apiKey": []}],
    }


def item(document: dict[str, Any]) -> dict[str, Any]:
    return document["components"]["schemas"]["Item"]


def given(document: dict[str, Any]) -> dict[str, Any]:
    return document["components"]["schemas"]["Given"]


def parameters(document: dict[str, Any]) -> list[dict[str, Any]]:
    return document["paths"]["/things"]["get"]["parameters"]


def answer(document: dict[str, Any]) -> dict[str, Any]:
    return document["paths"]["/things"]["get"]["responses"]["200"]


REQUIRED = {"in": "query", "name": "site", "required": True, "schema": {"type": "string"}}
BREAKS: dict[str, tuple[Change, str]] = {
    "a path": (lambda d: d["paths"].pop("/things"), "GET /things: is gone"),
    "an operation": (lambda d: d["paths"]["/things"].pop("post"), "POST /things: is gone"),
    "its name": (
        lambda d: d["paths"]["/things"]["get"].update(operationId="all"),
        "operationId is no longer list",
    ),
    "a key": (lambda d: d["paths"]["/livez"]["get"].pop("security"), "needs a key now"),
    "a parameter": (lambda d: parameters(d).pop(0), "parameter limit is gone"),
    "a new required parameter": (lambda d: parameters(d).append(REQUIRED), "parameter site is required now"),
    "a parameter required": (
        lambda d: parameters(d)[0].update(required=True),
        "parameter limit is required now",
    ),
    "a bound of a parameter": (
        lambda d: parameters(d)[0]["schema"].update(maximum=100),
        "parameter limit: maximum is 100 now, was 1000",
    ),
    "a type of a parameter": (
        lambda d: parameters(d)[0]["schema"].update(type="boolean"),
        "parameter limit: takes no integer",
    ),
    "a word of a parameter": (
        lambda d: parameters(d)[1]["schema"].update(enum=["open"]),
        "parameter state: all is no longer one of its values",
    ),
    "the body": (lambda d: d["paths"]["/things"]["post"].pop("requestBody"), "no longer takes a body"),
    "a new body": (
        lambda d: d["paths"]["/things"]["get"].update(requestBody={"required": True, "content": {}}),
        "GET /things: a body is required now",
    ),
    "a member of the body": (lambda d: given(d)["properties"].pop("kind"), "body.kind is gone"),
    "a required member of the body": (lambda d: given(d)["required"].append("kind"), "body.kind is required now"),
    "a new required member of the body": (
        lambda d: (given(d)["required"].append("by"), given(d)["properties"].update(by={"type": "string"})),
        "body.by is required now",
    ),
    "a bound in the body": (
        lambda d: given(d)["properties"]["reason"].update(maxLength=10),
        "body.reason: maxLength is 10 now, was 500",
    ),
    "a bound of the items in the body": (
        lambda d: given(d)["properties"]["ids"]["items"].update(minimum=10),
        "body.ids[]: minimum is 10 now, was 1",
    ),
    "a pattern in the body": (
        lambda d: given(d)["properties"]["reason"].update(pattern="^a"),
        "body.reason: pattern is ^a now",
    ),
    "a word in the body": (
        lambda d: given(d)["properties"]["kind"].update(enum=["one"]),
        "body.kind: two is no longer one of its values",
    ),
    "only some values in the body": (
        lambda d: given(d)["properties"]["reason"].update(enum=["why"]),
        "body.reason: takes only some values now",
    ),
    "a narrower number in the body": (
        lambda d: given(d)["properties"]["amount"].update(type="integer"),
        "body.amount: takes no number",
    ),
    "null in the body": (
        lambda d: given(d)["properties"].update(note={"type": "string"}),
        "body.note: takes no null",
    ),
    "a status": (
        lambda d: d["paths"]["/things"]["get"]["responses"].update({"202": d["paths"]["/things"]["get"]["responses"].pop("200")}),
        "no longer answers 200",
    ),
    "a media type": (lambda d: answer(d)["content"].pop("text/csv"), "answer 200: text/csv is gone"),
    "a header": (lambda d: answer(d)["headers"].pop("ETag"), "answer 200: header ETag is gone"),
    "a member of the answer": (lambda d: item(d)["properties"].pop("size"), "answer 200.size is gone"),
    "a member of the answer that may be absent": (
        lambda d: item(d)["required"].remove("code"),
        "answer 200.code may be absent now",
    ),
    "another type in the answer": (
        lambda d: item(d)["properties"].update(code={"type": "integer"}),
        "answer 200.code: may now be integer",
    ),
    "null in the answer": (
        lambda d: item(d)["properties"].update(code={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "answer 200.code: may now be null",
    ),
    "a wider number in the answer": (
        lambda d: item(d)["properties"]["size"]["anyOf"][0].update(type="number"),
        "answer 200.size: may now be number",
    ),
    "a word in the answer": (
        lambda d: item(d)["properties"]["state"].update(enum=["open"]),
        "answer 200.state: closed is no longer one of its values",
    ),
    "a word of an event": (
        lambda d: answer(d)["content"]["text/event-stream"].update(
            schema=beside_text({**EVENT, "properties": {"event": {"enum": ["ready"], "type": "string"}}})
        ),
        "answer 200.event: closing is no longer one of its values",
    ),
    "any word in the answer": (
        lambda d: item(d)["properties"]["state"].pop("enum"),
        "answer 200.state: may now be any value",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BREAKS)
def test_a_break_is_found_and_named(kind: str) -> None:
    change, told = BREAKS[kind]
    changed = small()
    change(changed)
    breaks = list_breaks(small(), changed)
    assert any(one.endswith(told) for one in breaks), breaks


ADDITIONS: dict[str, Change] = {
    "nothing": lambda d: None,
    "a path": lambda d: d["paths"].update({"/more": {"get": {"responses": {}}}}),
    "an operation": lambda d: d["paths"]["/things"].update(put={"responses": {}}),
    "a parameter": lambda d: parameters(d).append({**REQUIRED, "required": False}),
    "a wider bound": lambda d: parameters(d)[0]["schema"].update(maximum=5000),
    "no bound": lambda d: parameters(d)[0]["schema"].pop("maximum"),
    "a word that is taken": lambda d: parameters(d)[1]["schema"]["enum"].append("closed"),
    "a member that may be sent": lambda d: given(d)["properties"].update(by={"type": "string"}),
    "a member that need not be sent": lambda d: given(d)["required"].remove("reason"),
    "a wider number that is taken": lambda d: given(d)["properties"]["ids"]["items"].update(type="number"),
    "a member of the answer": lambda d: item(d)["properties"].update(by={"type": "string"}),
    "a word of the answer": lambda d: item(d)["properties"]["state"]["enum"].append("late"),
    "a narrower answer": lambda d: item(d)["properties"].update(size={"type": "integer"}),
    "a media type": lambda d: answer(d)["content"].update({"application/jsonl": {}}),
    "events beside their text": lambda d: answer(d)["content"]["text/event-stream"].update(
        schema=beside_text(EVENT)
    ),
    "a status": lambda d: d["paths"]["/things"]["get"]["responses"].update({"202": {}}),
    "a key no longer needed": lambda d: d["paths"]["/things"]["get"].update(security=[]),
}


@pytest.mark.parametrize("kind", ADDITIONS)
def test_an_addition_passes(kind: str) -> None:
    changed = small()
    ADDITIONS[kind](changed)
    assert list_breaks(small(), changed) == []


def retire(document: dict[str, Any]) -> None:
    """Deprecate an operation and a parameter, as a release does, until the first of March 2028."""
    for one in (document["paths"]["/things"]["post"], parameters(document)[1]):
        one.update({"deprecated": True, "x-sunset": "2028-03-01"})


def leave_out(document: dict[str, Any]) -> None:
    document["paths"]["/things"].pop("post")
    parameters(document).pop(1)


@pytest.mark.parametrize(
    ("is_told", "today", "gone"),
    [
        (True, date(2028, 3, 1), []),
        (True, date(2028, 2, 29), ["GET /things: parameter state is gone", "POST /things: is gone"]),
        (False, date(2028, 3, 1), ["GET /things: parameter state is gone", "POST /things: is gone"]),
    ],
)
def test_what_was_released_as_deprecated_may_be_gone_after_its_day(
    is_told: bool, today: date, gone: list[str]
) -> None:
    released, present = small(), small()
    if is_told:
        retire(released)
    leave_out(present)
    assert list_breaks(released, present, today=today) == gone
