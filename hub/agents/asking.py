"""Asking the hub's own API in its own process, with the key of whoever called the tool.

So a tool sees what that key may see and nothing else, and what the API refuses is refused here in its words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from starlette.types import ASGIApp, Message, Scope


class Refused(Exception):
    """The API does not answer that; its words say what to do instead."""


@dataclass(frozen=True)
class Asker:
    """Whoever asks: the application, the headers that hold their key, the tool that asks for them."""

    app: ASGIApp
    headers: Mapping[str, str]
    tool: str | None = None

    async def get(self, *steps: str, **query: Any) -> Any:
        """Give the JSON below `/v1`; parameters that are None are left out. Raises `Refused`."""
        given = {name: value for name, value in query.items() if value is not None}
        path = "/v1/" + "/".join(quote(step, safe="") for step in steps)
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/v1/" + "/".join(steps),
            "raw_path": path.encode(),
            "query_string": urlencode(given, doseq=True).encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in self.headers.items()],
            "state": {"door": "mcp", "tool": self.tool},
            "client": None,
            "server": None,
        }
        parts: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            parts.append(message)

        await self.app(scope, receive, send)
        answer: Any = orjson.loads(b"".join(part.get("body", b"") for part in parts))
        if parts[0]["status"] != HTTPStatus.OK:
            raise Refused(_say(answer))
        return answer


def _say(problem: Mapping[str, Any]) -> str:
    """Give a problem in one sentence after another, with the places or candidates that it names."""
    said = [f"{problem.get('title')}.", str(problem.get("detail"))]
    said += [f"{one['at']}: {one['detail']}." for one in problem.get("errors", ())]
    codes = [str(one.get("code")) for one in problem.get("candidates", ())]
    return " ".join([*said, *([f"Candidates: {', '.join(codes)}."] if codes else [])])
