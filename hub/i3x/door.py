"""The application of the i3X door: its routes, its errors, and who may come in."""

from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from hub.api.doors import Door
from hub.api.live import LiveResponse
from hub.api.parameters import name_actor
from hub.api.problems import problem_of
from hub.api.room import Room
from hub.api.standing import standing_of
from hub.api.strict import StrictRequest
from hub.i3x import bodies
from hub.i3x.elements import Edge, Element, JsonObject, describe
from hub.i3x.envelope import (
    WITHHELD,
    Refusal,
    answer,
    answer_bulk,
    answer_printed,
    answer_problem,
    answer_refusal,
    not_found,
)
from hub.i3x.listing import Listing
from hub.i3x.naming import NAMESPACES
from hub.i3x.schemas import is_unlisted, list_types, relationships_by_id, types_by_id
from hub.i3x.settings import I3xSettings
from hub.i3x.space import find_elements, list_edges, list_root_elements
from hub.i3x.streaming import follow, tell_loss, write_comment
from hub.i3x.subscriptions import Book, Owner
from hub.i3x.values import descend, list_withheld, read_history, read_values
from hub.i3x.writing import write_updates
from hub.store.database import Connection
from hub.store.questions.scope import narrow_connection

PATH = "/i3x/v1"
REASON = "Plantwide-Reason"
"""The header in which whoever writes says why."""
_AROUND = (
    "Signals of batches are in no list: /objects/related leads from a batch to <batch>/signal by HasChildren "
    "and from there to each by HasComponent."
)


class I3xRoute(APIRoute):
    """A route whose body is read as strictly as those of /v1."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def read(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return read


def make_door(settings: I3xSettings | None = None) -> Door:
    """Give the door at `/i3x/v1`."""
    return Door(
        path=PATH,
        make=partial(create_i3x, settings=settings or I3xSettings()),
        refuse=answer_problem,
    )


def create_i3x(room: Room, *, settings: I3xSettings) -> FastAPI:
    """Give the application over a room."""
    app = FastAPI(title="i3X", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    counter = Counter(room, settings)
    app.include_router(counter.router())
    app.add_middleware(GZipMiddleware, minimum_size=0, compresslevel=1)
    for kind in (HTTPException, RequestValidationError, Refusal):
        app.add_exception_handler(kind, _answer_error)
    app.add_exception_handler(Exception, _answer_error)
    return app


def _answer_error(_request: Request, error: Exception) -> Response:
    return answer_refusal(error) if isinstance(error, Refusal) else answer_problem(problem_of(error))


class Counter:
    """The routes, over a room, its subscriptions and the lists that were printed last."""

    def __init__(self, room: Room, settings: I3xSettings) -> None:
        self._room = room
        self._settings = settings
        self._book = Book(room.database, settings, self._now)
        self._listing = Listing(settings)

    def _now(self) -> datetime:
        return self._room.clock()

    def router(self) -> APIRouter:
        """Give the routes."""
        router = APIRouter(route_class=I3xRoute)
        for method, path, endpoint in (
            ("GET", "/info", self.read_info),
            ("GET", "/namespaces", self.list_namespaces),
            ("GET", "/objecttypes", self.list_object_types),
            ("POST", "/objecttypes/query", self.query_object_types),
            ("GET", "/relationshiptypes", self.list_relationship_types),
            ("POST", "/relationshiptypes/query", self.query_relationship_types),
            ("GET", "/objects", self.list_objects),
            ("POST", "/objects/list", self.query_objects),
            ("POST", "/objects/related", self.query_related),
            ("POST", "/objects/value", self.query_values),
            ("PUT", "/objects/value", self.write_values),
            ("POST", "/objects/history", self.query_history),
            ("PUT", "/objects/history", self.write_history),
            ("POST", "/subscriptions", self.create_subscription),
            ("POST", "/subscriptions/list", self.list_subscriptions),
            ("POST", "/subscriptions/delete", self.delete_subscriptions),
            ("POST", "/subscriptions/register", self.register),
            ("POST", "/subscriptions/unregister", self.unregister),
            ("POST", "/subscriptions/sync", self.sync),
            ("POST", "/subscriptions/stream", self.stream),
        ):
            router.add_api_route(path, endpoint, methods=[method], response_model=None)
        return router

    # ---------------------------------------------------------------------------------- what there is
    def read_info(self) -> Response:
        """Say which version of i3X this is and what of it is offered."""
        can_write = self._settings.writes
        return answer(
            {
                "specVersion": "1.0",
                "serverVersion": self._room.settings.version,
                "serverName": self._room.settings.title,
                "capabilities": {
                    "query": {"history": True},
                    "update": {"current": can_write, "history": can_write},
                    "subscribe": {"stream": True},
                },
            }
        )

    def list_namespaces(self) -> Response:
        """Give the namespaces of types."""
        return answer([{"uri": uri, "displayName": name} for uri, name in NAMESPACES.items()])

    def list_object_types(self, namespaceUri: str | None = None) -> Response:  # noqa: N803 - i3X's word
        """Give the types of objects, of a namespace or all."""
        return answer([t for t in list_types() if namespaceUri in (None, t["namespaceUri"])])

    def query_object_types(self, body: bodies.ElementIds) -> Response:
        """Give types of objects by id."""
        return self._pick(body.element_ids, types_by_id(), "object type")

    def list_relationship_types(self, namespaceUri: str | None = None) -> Response:  # noqa: N803 - i3X's word
        """Give the types of relationships, of a namespace or all."""
        found = relationships_by_id().values()
        return answer([t for t in found if namespaceUri in (None, t["namespaceUri"])])

    def query_relationship_types(self, body: bodies.ElementIds) -> Response:
        """Give types of relationships by id."""
        return self._pick(body.element_ids, relationships_by_id(), "relationship type")

    def list_objects(  # noqa: PLR0917 - who asks, and i3X's words
        self,
        request: Request,
        typeElementId: str | None = None,  # noqa: N803 - i3X's word
        includeMetadata: Annotated[bool | None, Query()] = False,  # noqa: FBT002, N803 - as above
        root: bool | None = None,  # noqa: FBT001 - as above
    ) -> Response:
        """Give objects without their values: all, those of a type, or those that hang from nothing."""
        if typeElementId is not None and is_unlisted(typeElementId):
            return answer([], partial=_AROUND)
        with self._read(request) as connection:
            if root:
                tops = list_root_elements(connection, limit=self._settings.objects)
                wanted = [one for one in tops if typeElementId in (None, one.type)]
                return answer([describe(one, metadata=bool(includeMetadata)) for one in wanted])
            printed, is_whole = self._listing.print(
                connection, type_id=typeElementId, metadata=bool(includeMetadata)
            )
        partial = None if is_whole else self._listing.refusal
        return answer_printed(printed, partial=partial)

    def query_objects(self, request: Request, body: bodies.ListObjects) -> Response:
        """Give objects by id, without their values."""
        with self._read(request) as connection:
            found = self._find(connection, body.element_ids)
            edges: dict[str, list[Edge]] = {}
            if body.include_metadata:
                edges = self._relate(connection, found)
        results = [
            describe(found[one], metadata=bool(body.include_metadata), edges=edges.get(one))
            if one in found
            else not_found("object")
            for one in body.element_ids
        ]
        return answer_bulk(body.element_ids, results)

    def query_related(self, request: Request, body: bodies.RelatedObjects) -> Response:
        """Give what objects are related to."""
        wanted, most = body.relationship_type, self._settings.related
        with self._read(request) as connection:
            found = self._find(connection, body.element_ids)
            edges = self._relate(connection, found)
        results: list[Any] = []
        is_whole = True
        for one in body.element_ids:
            if one not in found:
                results.append(not_found("object"))
                continue
            mine = [edge for edge in edges[one] if wanted in (None, edge[0])]
            is_whole = is_whole and len(mine) <= most
            results.append(
                [
                    {
                        "sourceRelationship": relationship,
                        "object": describe(other, metadata=bool(body.include_metadata)),
                    }
                    for relationship, other in mine[:most]
                ]
            )
        told = (
            f"An object has more than {most} related ones; ask for one relationshipType, or from their side."
        )
        return answer_bulk(body.element_ids, results, partial=None if is_whole else told)

    # ---------------------------------------------------------------------------------- what it says
    def query_values(self, request: Request, body: bodies.Values) -> Response:
        """Give what objects say now, with their parts as deep as is asked for."""
        depth = 1 if body.max_depth is None else body.max_depth
        with self._read(request) as connection:
            found = self._find(connection, body.element_ids)
            tree = descend(connection, list(found.values()), depth=depth, most=self._settings.parts)
            asked = [*found.values(), *(part for parts in tree.parts.values() for part in parts)]
            said = read_values(connection, asked, now=self._room.clock())
            withheld = list_withheld(connection, found.values())
        results: list[Any] = []
        for one in body.element_ids:
            if one not in found or one in withheld:
                results.append(WITHHELD if one in withheld else not_found("object"))
                continue
            result = {"isComposition": found[one].is_composition, **said[one]}
            if depth != 1 and one in tree.parts:
                result["components"] = {part.id: said[part.id] for part in tree.parts[one]}
            results.append(result)
        return answer_bulk(body.element_ids, results, partial=None if tree.is_whole else self._too_deep)

    def query_history(self, request: Request, body: bodies.History) -> Response:
        """Give what objects said between two instants, both included."""
        start, end = body.read_span()
        depth = 1 if body.max_depth is None else body.max_depth
        limits = self._settings
        with self._read(request) as connection:
            found = self._find(connection, body.element_ids)
            tree = descend(connection, list(found.values()), depth=depth, most=limits.parts)
            asked = {one.id: one for one in found.values()}
            asked |= {part.id: part for parts in tree.parts.values() for part in parts}
            now = self._room.clock()
            told = read_history(connection, asked.values(), start, end, now=now, most=limits.samples)
            withheld = list_withheld(connection, found.values())
        results: list[Any] = []
        for one in body.element_ids:
            if one not in found or one in withheld:
                results.append(WITHHELD if one in withheld else not_found("object"))
                continue
            result: JsonObject = {"isComposition": found[one].is_composition, "values": told.values[one]}
            if depth != 1 and one in tree.parts:
                result["components"] = {
                    part.id: {"isComposition": part.is_composition, "values": told.values[part.id]}
                    for part in tree.parts[one]
                }
            results.append(result)
        partial = None if tree.is_whole else self._too_deep
        if not told.is_whole:
            partial = f"There are more than {limits.samples} samples; ask on from the last timestamp of each."
        return answer_bulk(body.element_ids, results, partial=partial)

    @property
    def _too_deep(self) -> str:
        return f"There are more than {self._settings.parts} parts; ask for the parts themselves."

    # ---------------------------------------------------------------------------------- what is written
    def write_values(self, request: Request, body: bodies.Updates) -> Response:
        """Write signals now."""
        return self._write(request, body, is_history=False)

    def write_history(self, request: Request, body: bodies.Updates) -> Response:
        """Write signals at times of the past."""
        return self._write(request, body, is_history=True)

    def _write(self, request: Request, body: bodies.Updates, *, is_history: bool) -> Response:
        if not self._settings.writes:
            raise Refusal(501, "Writes are off; who runs the hub turns them on with the setting i3x_writes.")
        reason = request.headers.get(REASON, self._settings.reason or "").strip()
        if not 3 <= len(reason) <= 400 or not reason.isprintable():
            raise Refusal(
                400,
                f"Say why in the header {REASON}, in 3 to 400 characters; for clients that cannot, who runs "
                "the hub may give a standing reason with the setting i3x_reason.",
            )
        if len(body.updates) > self._settings.updates_at_once:
            raise Refusal(400, f"Write at most {self._settings.updates_at_once} values at once.")
        with self._room.database.begin(name_actor(request.state.caller), reason=reason) as connection:
            results = write_updates(connection, body.updates, now=self._room.clock(), is_history=is_history)
        return answer_bulk([one.element_id for one in body.updates], results)

    # ---------------------------------------------------------------------------------- what is followed
    def create_subscription(self, request: Request, body: bodies.NewSubscription) -> Response:
        """Begin a subscription."""
        one = self._book.create(_owner(request, body), body.display_name)
        told = {"clientId": body.client_id, "subscriptionId": one.id, "displayName": one.name}
        return answer(told)

    def list_subscriptions(self, request: Request, body: bodies.Subscriptions) -> Response:
        """Give subscriptions of a client by id."""
        return self._each(body, lambda one: self._book.find(_owner(request, body), one).describe())

    def delete_subscriptions(self, request: Request, body: bodies.Subscriptions) -> Response:
        """End subscriptions of a client."""
        return self._each(body, lambda one: self._book.delete(_owner(request, body), one))

    def register(self, request: Request, body: bodies.Registration) -> Response:
        """Follow objects."""
        one = self._book.find(_owner(request, body), body.subscription_id)
        depth = 1 if body.max_depth is None else body.max_depth
        return answer_bulk(body.element_ids, self._book.register(one, body.element_ids, depth))

    def unregister(self, request: Request, body: bodies.Registration) -> Response:
        """Follow objects no more."""
        one = self._book.find(_owner(request, body), body.subscription_id)
        return answer_bulk(body.element_ids, self._book.unregister(one, body.element_ids))

    def sync(self, request: Request, body: bodies.Sync) -> Response:
        """Give what has not been acknowledged, and what is new."""
        one = self._book.find(_owner(request, body), body.subscription_id)
        batches, has_lost = self._book.sync(one, body.last_sequence_number)
        return answer(batches, partial=tell_loss(self._settings) if has_lost else None)

    def stream(self, request: Request, body: bodies.OneSubscription) -> Response:
        """Follow a subscription as server-sent events; an earlier stream of it ends."""
        one = self._book.find(_owner(request, body), body.subscription_id)
        room, live = self._room, self._room.live
        if live.streams >= room.settings.streams_at_once:
            most = room.settings.streams_at_once
            raise Refusal(400, f"There are {most} open streams here; close one, or ask with sync.")
        stream = one.begin_stream()
        live.streams += 1

        def end() -> None:
            live.streams -= 1
            one.end_stream(stream)

        standing = standing_of(request, room)
        events = follow(room, self._settings, self._book, one, stream, standing=standing)
        farewell = write_comment(tell_loss(self._settings))
        return LiveResponse(events, slow_s=room.settings.slow_client_s, ended=end, farewell=farewell)

    # ---------------------------------------------------------------------------------- one for all
    @contextmanager
    def _read(self, request: Request) -> Generator[Connection]:
        """Give what whoever asks sees."""
        with self._room.database.read() as connection:
            yield narrow_connection(connection, request.state.caller.rows)

    def _find(self, connection: Connection, ids: list[str]) -> dict[str, Element]:
        if len(ids) > self._settings.objects_at_once:
            raise Refusal(400, f"Ask for at most {self._settings.objects_at_once} objects at once.")
        return find_elements(connection, ids, now=self._now())

    def _relate(self, connection: Connection, found: dict[str, Element]) -> dict[str, list[Edge]]:
        return list_edges(connection, list(found.values()), limit=self._settings.related, now=self._now())

    @staticmethod
    def _pick(ids: list[str], known: dict[str, Any], what: str) -> Response:
        return answer_bulk(ids, [known.get(one, not_found(what)) for one in ids])

    @staticmethod
    def _each(body: bodies.Subscriptions, act: Callable[[str], Any]) -> Response:
        results: list[Any] = []
        for one in body.subscription_ids:
            try:
                results.append(act(one))
            except Refusal as refusal:
                results.append(refusal)
        return answer_bulk(body.subscription_ids, results, name="subscriptionId")


def _owner(request: Request, body: bodies.Client) -> Owner:
    """Give whose a subscription is."""
    caller = request.state.caller
    return Owner(caller.public_id, body.client_id, caller.rows)
