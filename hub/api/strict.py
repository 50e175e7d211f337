"""Routes that read strictly: JSON as the RFC has it, no parameter nobody asked for, one instant an answer."""

import json
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime
from http.client import OK
from typing import Any, get_origin

import orjson
from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from hub.api.answer import JsonBytes
from hub.api.moment import HEADER, PARAMETER, PRESENT_ONLY, stamp, take_moment, take_page_moment
from hub.api.problems import Problem
from hub.api.remembering import VALIDATED, Answer, Question, is_remembered, question_of, write_tag
from hub.api.room import Room


class StrictRequest(Request):
    """A request whose JSON body is UTF-8 without NaN, Infinity and lone surrogates (RFC 8259)."""

    async def json(self) -> Any:
        """Give the body. Raises `json.JSONDecodeError` for anything else than JSON."""
        try:
            return orjson.loads(await self.body())
        except orjson.JSONDecodeError as error:
            raise json.JSONDecodeError("not JSON", "", 0) from error


class StrictRoute(APIRoute):
    """A route that refuses parameters it does not know: a mistyped filter must not answer with everything.

    One that reads takes `as_known_at` and says in the header `Known-At` which instant its answer stands for.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.is_of_present = path in PRESENT_ONLY
        self.is_remembered = is_remembered(endpoint)
        if "GET" in (options.get("methods") or ("GET",)) and not self.is_of_present:
            take = take_moment if options.get("include_in_schema", True) else take_page_moment
            options["dependencies"] = [Depends(take), *(options.get("dependencies") or ())]
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = dict(_list_query(self.dependant))

        async def read_strictly(given: Request) -> Response:
            request = StrictRequest(given.scope, given.receive)  # it reads its query once
            if self.is_of_present and PARAMETER in request.query_params:
                raise Problem("not-kept", PRESENT_ONLY[self.path])
            if not known.keys() >= request.query_params.keys():
                listed = ", ".join(sorted(known)) or "none"
                raise Problem(
                    "invalid-parameter", f"A query parameter is not known here; known are: {listed}."
                )
            for name, _ in request.query_params.multi_items():
                if not known[name] and len(request.query_params.getlist(name)) > 1:
                    # The last one would count: which is meant is not ours to say.
                    raise Problem(
                        "invalid-parameter", f"`{name}` is given several times and takes one value."
                    )
            room: Room = request.app.state.room
            response = await handle(request)
            stamp(request, response)
            question = question_of(request.scope, request.headers) if self.is_remembered else None
            if question and response.status_code == OK:
                _keep(room, question, response)
            return response

        return read_strictly


def _keep(room: Room, question: Question, response: Response) -> None:
    """Remember an answer (`hub.api.security` gives it again), and tag it."""
    headers = response.headers
    if HEADER in headers and isinstance(response, JsonBytes) and isinstance(response.body, bytes):
        known_at = datetime.fromisoformat(headers[HEADER])
        headers["ETag"] = write_tag(question, known_at, room.settings.version)
        headers.update(VALIDATED)
        room.memory.keep(question, Answer(known_at, response.body, headers.get("Link"), rows=response.rows))


def _list_query(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Give the query parameters that a route and what it depends on take; whether each takes several."""
    for field in dependant.query_params:
        yield field.alias, get_origin(field.field_info.annotation) is list
    for inner in dependant.dependencies:
        yield from _list_query(inner)
