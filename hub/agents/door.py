"""The server of tools: over HTTP at `/mcp` as a door of the hub, or over standard input and output."""

from contextvars import ContextVar
from dataclasses import replace
from functools import wraps
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import anyio
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.agents.asking import Asker, Refused
from hub.agents.tools import Tools
from hub.api.doors import Door
from hub.api.problems import Problem
from hub.api.room import Room

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

PATH = "/mcp"
_ABOUT = (
    "Batches of a pharmaceutical plant as MES, LIMS, ERP and historian systems state them, unified. "
    "Every value leads to the record that stated it (lineage). All tools only read. Names of any system are "
    "understood."
)
_KEYS = ("x-api-key", "authorization")
_asker: ContextVar[Asker] = ContextVar("asker")


def is_installed() -> bool:
    """Tell whether the extra `mcp` is there."""
    return find_spec("mcp") is not None


def make_door() -> Door:
    """Give the door at `/mcp` (streamable HTTP, without sessions). Needs the extra `mcp`."""
    return Door(path=PATH, make=_Endpoint, refuse=Problem.respond)


def serve_standard_streams(asker: Asker, *, version: str) -> None:
    """Serve one client over standard input and output, with one key, until it ends."""
    _asker.set(asker)
    anyio.run(make_server(version).run_stdio_async)


def make_server(version: str) -> "MCPServer":
    """Give the server with all tools."""
    from mcp.server.mcpserver import MCPServer  # noqa: PLC0415 - an extra
    from mcp.server.mcpserver.exceptions import ToolError  # noqa: PLC0415 - an extra
    from mcp_types import ToolAnnotations  # noqa: PLC0415 - an extra

    server = MCPServer("plantwide", title="Plantwide", instructions=_ABOUT, version=version)

    def told(tool: Any) -> Any:
        @wraps(tool)
        async def answer(**arguments: Any) -> dict[str, Any]:
            token = _asker.set(replace(_asker.get(), tool=tool.__name__))
            try:
                return await tool(**arguments)
            except Refused as refusal:
                raise ToolError(str(refusal)) from refusal
            finally:
                _asker.reset(token)

        return answer

    for tool in Tools(_asker.get).list_all():
        server.tool(annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False))(told(tool))
    return server


class _Endpoint:
    """Answers each request by itself, so that any node of a hub may."""

    def __init__(self, room: Room) -> None:
        self._server = make_server(room.settings.version)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from mcp.server.streamable_http_manager import (  # noqa: PLC0415 - an extra
            StreamableHTTPSessionManager,
        )

        if scope["method"] != "POST":  # there is nothing to listen to: no session, no news
            await Response(status_code=405, headers={"Allow": "POST"})(scope, receive, send)
            return
        headers = Headers(scope=scope)
        shown = {name: headers[name] for name in _KEYS if name in headers}
        token = _asker.set(Asker(scope["app"], shown))
        try:
            # Its own app would want a life span of its own; a request has one here.
            lowlevel: Any = self._server._lowlevel_server  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] as said
            manager = StreamableHTTPSessionManager(lowlevel, stateless=True, json_response=True)
            async with manager.run():
                await manager.handle_request(scope, receive, send)
        finally:
            _asker.reset(token)
