"""Routes that read strictly: JSON as the RFC has it, and no parameter that nobody asked for."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute

from hub.api.problems import Problem


class StrictRequest(Request):
    """A request whose JSON body is UTF-8 without NaN, Infinity and lone surrogates (RFC 8259)."""

    async def json(self) -> Any:
        """Give the body. Raises `json.JSONDecodeError` for anything else than JSON."""
        try:
            return orjson.loads(await self.body())
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError("not JSON", "", 0) from error


class StrictRoute(APIRoute):
    """A route that refuses parameters it does not know: a mistyped filter must not answer with everything."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = {field.alias for field in self.dependant.query_params}

        async def read_strictly(request: Request) -> Response:
            if set(request.query_params) - known:
                listed = ", ".join(sorted(known)) or "none"
                raise Problem(
                    "invalid-parameter", f"A query parameter is not known here; known are: {listed}."
                )
            return await handle(StrictRequest(request.scope, request.receive))

        return read_strictly
