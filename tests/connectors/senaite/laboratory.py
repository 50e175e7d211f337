"""A small SENAITE on loopback after its JSON API's documentation and what a real 2.6 was recorded to answer.

It pages, sorts by a catalogue's own change time, knows one user, and answers strangers 200 and nothing.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hub.sdk.testing.loopback import Answered, Asked
from hub.sdk.testing.loopback import serve as serve_answers

Item = dict[str, Any]
USER, PASSWORD = "hub", "lims-Secret!"
_PREFIX = "/senaite/@@API/senaite/v1/"
_DAYS = {"today": 0, "yesterday": 1, "this-week": 7, "this-month": 30, "this-year": 365}


@dataclass
class Laboratory:
    """Objects by portal type; `today` is its own date, `moves` what changes after each question."""

    objects: dict[str, list[Item]]
    today: datetime = datetime(2026, 3, 10, 12, tzinfo=UTC)
    login: tuple[str, str] = (USER, PASSWORD)
    moves: list[tuple[str, str, str]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def answer(self, asked: Asked) -> Answered:
        parts = urlsplit(asked.target)
        options = dict(parse_qsl(parts.query))
        kind = parts.path.removeprefix(_PREFIX)
        self.asked.append((kind, options))
        pair = base64.b64encode(":".join(self.login).encode()).decode()
        is_known = asked.headers.get("authorization") == f"Basic {pair}"
        if kind == "users/current":
            who = {"username": self.login[0] if is_known else "Anonymous User", "authenticated": is_known}
            return self.page([who], options)
        if kind == "version":
            return _tell({"version": "2.6.0"})
        if kind not in self.objects:
            return _tell({"message": "Not Found", "type": "APIError", "success": False}, 404)
        told = self.page(self.listed(kind, options) if is_known else [], options)
        if self.moves and is_known:
            moved, uid, at = self.moves.pop(0)
            self.change(moved, uid, at)
        return told

    def listed(self, kind: str, options: dict[str, str]) -> list[Item]:
        items = sorted(self.objects[kind], key=lambda item: str(item.get("catalogued") or item["modified"]))
        if "recent_modified" in options:
            midnight = self.today.replace(hour=0, minute=0, second=0)
            first = (midnight - timedelta(days=_DAYS[options["recent_modified"]])).isoformat()
            items = [item for item in items if item["modified"] >= first]
        return items

    def page(self, items: list[Item], options: dict[str, str]) -> Answered:
        size, start = int(options.get("limit", "25")), int(options.get("b_start", "0"))
        return _tell({"count": len(items), "pagesize": size, "items": items[start : start + size]})

    def change(self, kind: str, uid: str, at: str) -> None:
        for item in self.objects[kind]:
            if item["uid"] == uid:
                item["modified"] = at


def _tell(body: Any, status: int = 200) -> Answered:
    return Answered(
        status=status, headers={"content-type": "application/json"}, body=json.dumps(body).encode()
    )


@contextmanager
def serve(laboratory: Laboratory) -> Iterator[Laboratory]:
    """Serve it on a free loopback port; `url` leads to the site."""
    with serve_answers(laboratory.answer) as base:
        laboratory.url = f"{base}/senaite"
        yield laboratory


def at(minute: int) -> str:
    return f"2026-03-09T08:{minute:02d}:00+00:00"


def analysis(uid: str, minute: int = 0, **fields: Any) -> Item:
    limits = {
        "keyword": "TITER",
        "min": "2.5",
        "max": "8",
        "min_operator": "geq",
        "max_operator": "leq",
        "warn_min": "3",
        "warn_max": "",
    }
    return {
        "uid": uid, "id": "TITER", "title": "Titer", "Keyword": "TITER", "Result": "4.60", "Unit": "g/L",
        "review_state": "verified", "parent_uid": "s1", "ResultCaptureDate": "2026-03-09T07:00:00+00:00",
        "ResultsRange": limits, "RetestOf": {}, "Attachment": {}, "Calculation": {}, "ResultOptions": None,
        "DetectionLimitOperand": None, "Analyst": None, "getSubmittedBy": "ana", "modified": at(minute), **fields,
    }  # fmt: skip


def sample(uid: str, minute: int = 0, **fields: Any) -> Item:
    return {
        "uid": uid, "id": f"HV-{uid}", "ClientSampleID": "B26001", "ClientReference": "L-77", "BatchID": "C26-1",
        "Specification": {"uid": "spec1"}, "SampleTypeTitle": "Clarified harvest", "Sampler": "bo", "Attachment": {},
        "DateSampled": "2026-03-09T06:00:00+00:00", "DateReceived": "2026-03-09T06:30:00+00:00",
        "review_state": "verified", "modified": at(minute), **fields,
    }  # fmt: skip


def objects() -> dict[str, list[Item]]:
    limits = [
        {
            "keyword": "TITER",
            "min": "2.50",
            "max": "8",
            "min_operator": "geq",
            "max_operator": "leq",
            "warn_min": "3",
            "warn_max": "",
        },
        {
            "keyword": "HCP",
            "min": "",
            "max": "100",
            "min_operator": "geq",
            "max_operator": "lt",
            "warn_min": "",
            "warn_max": "",
        },
    ]
    return {
        "analysisservice": [
            {"uid": "v1", "Keyword": "TITER", "title": "Titer", "Unit": "g/L", "modified": at(0)},
            {"uid": "v2", "Keyword": "HCP", "title": "Host cell protein", "Unit": "ng/mg", "modified": at(0)},
            {"uid": "v3", "Keyword": "PH", "title": "pH", "Unit": None, "modified": at(0)},
        ],
        "analysisspec": [{"uid": "spec1", "title": "Harvest release", "ResultsRange": limits, "modified": at(0)}],
        "analysisrequest": [sample(f"s{n}", n // 3) for n in range(1, 8)],
        "analysis": [
            analysis("a1"),
            analysis("a2", 1, review_state="retracted", Result="9.90"),
            analysis("a3", 1, RetestOf={"uid": "a2"}, Attachment={"uid": "f1"}),
            analysis("a4", 1, review_state="unassigned", Result=None),
            analysis("a5", 2, Result="2.0"),
        ],
        "attachment": [
            {"uid": "f1", "id": "attachment-1", "AttachmentFile": {"filename": "titer.pdf", "content_type": "application/pdf", "download": "http://lims/attachment-1/download"}, "DateLoaded": "2026-03-09T07:05:00+00:00", "modified": at(2)},
        ],
    }  # fmt: skip
