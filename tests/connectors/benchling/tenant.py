"""A small Benchling tenant on loopback, after the published specification of its v2 API.

It filters by schema and change time, sorts, and pages by an offset in a token, so that changes under way shift what
lies behind them. A test tool: no rights but a login.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hub.model import parse_instant
from hub.sdk.testing.loopback import Answered, Asked
from hub.sdk.testing.loopback import serve as serve_answers

Item = dict[str, Any]
KEY, CLIENT, SECRET = "sk_Key!", "app_1", "app-Secret9"
LISTS = {"custom-entities": "customEntities", "assay-results": "assayResults", "assay-runs": "assayRuns"}


@dataclass
class Tenant:
    """Objects by path; `moves` is what changes after each question."""

    objects: dict[str, list[Item]]
    moves: list[tuple[str, str, str]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tokens: int = 0
    url: str = ""

    def answer(self, asked: Asked) -> Answered:
        parts = urlsplit(asked.target)
        path = parts.path.removeprefix("/api/v2/")
        login = asked.headers.get("authorization", "")
        if path == "token":
            return self.log_in(login)
        key = base64.b64encode(f"{KEY}:".encode()).decode()
        if login not in {f"Basic {key}", f"Bearer token{self.tokens}"}:
            return _tell(
                {"error": {"message": "Authentication failed", "type": "invalid_request_error"}}, 401
            )
        options = dict(parse_qsl(parts.query))
        self.asked.append((path, options))
        known = {item["schema"]["id"] for items in self.objects.values() for item in items}
        if options["schemaId"] not in known:
            return _tell(
                {"error": {"message": f"No schema {options['schemaId']}", "type": "invalid_request_error"}},
                400,
            )
        found = self.found(path, options)
        start, size = int(options.get("nextToken") or 0), int(options["pageSize"])
        body: Item = {LISTS[path]: found[start : start + size]}
        body["nextToken"] = str(start + size) if start + size < len(found) else ""
        told = _tell(body)
        if self.moves:
            moved, own, at = self.moves.pop(0)
            next(i for i in self.objects[moved] if i["id"] == own)["modifiedAt"] = at
        return told

    def log_in(self, login: str) -> Answered:
        pair = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if login != f"Basic {pair}":
            return _tell({"error": "invalid_client"}, 401)
        self.tokens += 1
        return _tell({"access_token": f"token{self.tokens}", "token_type": "Bearer", "expires_in": 900})

    def found(self, path: str, options: dict[str, str]) -> list[Item]:
        items = [item for item in self.objects[path] if item["schema"]["id"] == options["schemaId"]]
        if path == "assay-runs":
            first = int(options.get("minCreatedTime", "0"))
            return [item for item in items if parse_instant(item["createdAt"]).timestamp() >= first]
        items.sort(key=lambda item: parse_instant(item["modifiedAt"]))
        if "modifiedAt" in options:
            later = parse_instant(options["modifiedAt"].removeprefix("> "))
            items = [item for item in items if parse_instant(item["modifiedAt"]) > later]
        if "modifiedAt.gte" in options:
            since = parse_instant(options["modifiedAt.gte"])
            items = [item for item in items if parse_instant(item["modifiedAt"]) >= since]
        return items


def _tell(body: Any, status: int = 200) -> Answered:
    return Answered(
        status=status, headers={"content-type": "application/json"}, body=json.dumps(body).encode()
    )


@contextmanager
def serve(tenant: Tenant) -> Iterator[Tenant]:
    """Serve it on a free loopback port."""
    with serve_answers(tenant.answer) as base:
        tenant.url = base
        yield tenant


def at(second: int) -> str:
    return f"2026-03-09T08:00:{second:02d}.250000+00:00"


def text(value: str | None) -> Item:
    return {"type": "text", "value": value, "textValue": value, "displayValue": value, "isMulti": False}


def number(value: float | None, unit: str | None = None, shown: str | None = None) -> Item:
    told = {"id": "unit_1", "name": unit, "symbol": unit} if unit else None
    return {
        "type": "float",
        "value": value,
        "textValue": shown,
        "displayValue": shown,
        "unit": told,
        "isMulti": False,
    }


def link(own: str, name: str) -> Item:
    return {
        "type": "custom_entity_link",
        "value": own,
        "textValue": name,
        "displayValue": name,
        "isMulti": False,
    }


def entity(own: str, schema: str, second: int = 0, **fields: Any) -> Item:
    return {
        "id": own, "name": f"Name of {own}", "entityRegistryId": own.upper(), "schema": {"id": schema, "name": "Lot"},
        "fields": fields, "archiveRecord": None, "createdAt": at(0), "modifiedAt": at(second),
        "creator": {"id": "ent_1", "name": "Ana", "handle": "ana"},
    }  # fmt: skip


def result(own: str, second: int = 0, **fields: Any) -> Item:
    known = {
        "sample": link("bfi_s1", "S1"),
        "titer": number(4.6, "g/L"),
        "ph": number(7.1),
        "at": {"type": "datetime", "value": "2026-03-08T09:00:00+01:00"},
        "remark": text("fine"),
    }
    return {
        "id": own, "schema": {"id": "assaysch_hplc", "name": "HPLC"}, "fields": {**known, **fields}, "fieldValidation": {},
        "archiveRecord": None, "isReviewed": False, "createdAt": at(0), "modifiedAt": at(second),
        "creator": {"id": "ent_1", "name": "Ana", "handle": "ana"},
    }  # fmt: skip


def objects() -> dict[str, list[Item]]:
    return {
        "custom-entities": [
            entity("bfi_m1", "ts_material"),
            *(entity(f"bfi_l{n}", "ts_lot", n // 3, product=link("bfi_m1", "MAB-1"), expires={"type": "date", "value": "2027-03-01"}, supplier=text("SUP-9")) for n in range(1, 8)),
            entity("bfi_s1", "ts_sample", batch=text("B26001"), lot=link("bfi_l1", "BFI_L1"), taken={"type": "datetime", "value": "2026-03-08T07:00:00Z"}),
        ],
        "assay-results": [result(f"res_{n}", n // 2) for n in range(5)],
        "assay-runs": [{"id": f"run_{n}", "schema": {"id": "assaysch_run", "name": "Run"}, "fields": {"lot": link("bfi_l1", "BFI_L1"), "yield": number(88.5, "%")}, "isReviewed": True, "validationStatus": "VALID", "createdAt": f"2026-03-0{n}T08:00:00.5+00:00"} for n in range(1, 6)],
    }  # fmt: skip
