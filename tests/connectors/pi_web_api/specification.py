"""The vendor's specification (Swagger 2.0) as a judge of requests and answers."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft4Validator

_INTEGER = re.compile(r"-?\d+$")


class Specification:
    """Judges what is asked and answered; says each fault in words."""

    def __init__(self, written: dict[str, Any]) -> None:
        self._paths = written["paths"]
        self._definitions = _loosen(written["definitions"])
        self._answer = cache(self._make_validator)

    def judge_request(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Iterator[str]:
        operation = self._find(method, path)
        if operation is None:
            yield f"{method} {path} is not in the specification"
            return
        known = {p["name"]: p for p in operation.get("parameters", []) if p["in"] == "query"}
        for name, values in query.items():
            parameter = known.get(name)
            if parameter is None:
                yield f"{method} {path} has no parameter {name}"
            elif len(values) > 1 and parameter["type"] != "array":
                yield f"{method} {path}: {name} is given {len(values)} times"
            elif parameter["type"] == "integer" and not all(map(_INTEGER.match, values)):
                yield f"{method} {path}: {name}={values} is no integer"
            elif parameter["type"] == "boolean" and not set(values) <= {"true", "false"}:
                yield f"{method} {path}: {name}={values} is no boolean"
        yield from (
            f"{method} {path} lacks {n}" for n, p in known.items() if p.get("required") and n not in query
        )
        if body is not None:
            schema = next(p["schema"] for p in operation["parameters"] if p["in"] == "body")
            yield from self._faults(schema, body, f"the body of {method} {path}")

    def judge_answer(self, method: str, path: str, status: int, answer: Any) -> Iterator[str]:
        operation = self._find(method, path)
        response = (operation or {}).get("responses", {}).get(str(status))
        if response and "schema" in response:
            yield from self._faults(response["schema"], answer, f"{status} of {method} {path}")

    def _find(self, method: str, path: str) -> dict[str, Any] | None:
        parts = path.strip("/").split("/")
        found = [
            (sum(w.startswith("{") for w in words), operations[method.lower()])
            for template, operations in self._paths.items()
            if method.lower() in operations
            and len(words := template.strip("/").split("/")) == len(parts)
            and all(w.startswith("{") or w == p for w, p in zip(words, parts, strict=True))
        ]
        return min(found, key=lambda one: one[0])[1] if found else None

    def _faults(self, schema: dict[str, Any], given: Any, where: str) -> Iterator[str]:
        reference = schema.get("$ref") or ""
        validator = self._answer(reference) if reference else self._validator(_loosen(schema))
        yield from (
            f"{where}: {list(fault.absolute_path)} {fault.message[:200]}"
            for fault in validator.iter_errors(given)
        )

    def _make_validator(self, reference: str) -> Draft4Validator:
        return self._validator({"$ref": reference})

    def _validator(self, schema: dict[str, Any]) -> Draft4Validator:
        return Draft4Validator({**schema, "definitions": self._definitions})


def _loosen(schema: Any) -> Any:
    """Take `type: object` without properties as anything, which is how .NET's `Object` is written there (a value)."""
    if isinstance(schema, list):
        return [_loosen(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "object" and not schema.keys() & {"properties", "additionalProperties"}:
        return {}
    return {key: _loosen(value) for key, value in schema.items()}
