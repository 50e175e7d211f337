"""The application: layers, routes and pages around one store."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.routing import Route

from hub.api.allowance import Allowance
from hub.api.answer import answer
from hub.api.deprecation import DEPRECATIONS, Deprecation, Notice
from hub.api.documentation import build_openapi
from hub.api.doors import Door
from hub.api.idempotency import Answered
from hub.api.later import Later
from hub.api.moment import stamp
from hub.api.pages import ALL_PAGES
from hub.api.pages.rendering import render_problem
from hub.api.problems import install_problems, problem_of
from hub.api.room import ApiSettings, Replay, Room
from hub.api.routes import ALL_ROUTES
from hub.api.security import Gate, Shell
from hub.api.sessions import Sessions
from hub.api.tokens import Tokens
from hub.api.witness import Noting, Witness
from hub.events.herald import Herald
from hub.ingest.tagmap import TagMap
from hub.store.database import Database
from hub.store.keys import verify_key

if TYPE_CHECKING:
    from hub.store.star.reading import Star

_DESCRIPTION = """One view of what MES, LIMS, ERP and historian systems say.

Every address but the probes and `/v1/info` needs an API key, as `X-API-Key`, as bearer token or as Basic
password, or a token of the plant's issuer as bearer. What each may do is in docs/rights.md. Lists are paged
by an opaque cursor (`next`, and the `Link` header). Errors are RFC 9457 problems.
Times are RFC 3339 in UTC. Every value leads to the source record that stated it."""


def create_app(
    database: Database,
    *,
    settings: ApiSettings | None = None,
    replay: Replay | None = None,
    doors: Sequence[Door] = (),
    tokens: Tokens | None = None,
    tag_maps: Mapping[str, TagMap] | None = None,
    herald: Herald | None = None,
    star: "Star | None" = None,
    deprecations: Mapping[str, Deprecation] = DEPRECATIONS,
    noting: Noting | None = None,
    allowance: Allowance | None = None,
) -> FastAPI:
    """Give the application over a store that is migrated.

    `replay` reads quarantined parts again; without it that route answers 501. `doors` are what is offered
    beside `/v1`. `tokens` lets in people with tokens of the plant's issuer; without it only keys open.
    `tag_maps` complete, by source, what edge agents say of tags. Without a `herald` there are no webhooks.
    `star` are files that answer questions about the star instead of its views. `deprecations` are told to
    whoever still asks for what they name. `noting` has reads noted; without it none is. `allowance` counts
    requests; without it they are counted as the settings say.
    """
    folder = _folder_of(database)
    settings = settings or ApiSettings(
        version=read_version(), data_folder=folder, jobs_folder=folder and folder / "jobs"
    )
    app = FastAPI(
        title=settings.title,
        version=settings.version,
        description=_DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_name_operation,
    )
    sessions = Sessions(session_s=settings.session_s, login_s=settings.login_s)
    store = database.limited(settings.read_seconds)
    room = Room(store, settings, sessions, replay, tokens, tag_maps or {}, herald=herald, star=star)
    app.state.room = room
    app.state.allowance = allowance or Allowance(settings.requests_a_minute, settings.requests_at_once)
    install_problems(app, show=render_problem, stamp=stamp)
    app.add_exception_handler(Answered, _give_again)
    for door in doors:  # before our own routes, each of which would be tried for what no other can answer
        made = door.make(room)
        app.mount(door.path, made, name=door.path)
        app.router.routes.append(Route(door.path, made, include_in_schema=False))
    for router in (*ALL_ROUTES, *ALL_PAGES):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")

    @app.get("/v1/openapi.json", include_in_schema=False)
    def read_openapi() -> Response:
        return answer(app.openapi())

    app.openapi = lambda: build_openapi(app, deprecations)  # type: ignore[method-assign]  # FastAPI's own way to replace it
    app.add_middleware(Later, outer=app, read=lambda: app.routes)
    app.add_middleware(Gate, outer=app, doors=doors)
    if deprecations:
        app.add_middleware(Notice, read=lambda: app.routes, table=deprecations)
    if noting is not None:
        app.add_middleware(Witness, outer=app, read=lambda: app.routes, noting=noting)
    app.add_middleware(Shell)
    return app


def issue_login(app: FastAPI, key: str) -> str:
    """Give the path of a login that opens the pages once, within ten minutes, for whoever holds this key.

    Raises `PermissionError` when the key is not valid.
    """
    room: Room = app.state.room
    with room.database.read() as connection:
        caller = verify_key(connection, key, now=datetime.now(UTC))
    if caller is None:
        raise PermissionError("the key is not valid; make one with `plantwide key create`")
    return f"/login?once={room.sessions.issue_login(caller.public_id)}"


def read_version() -> str:
    """Give the installed version of Plantwide."""
    try:
        return version("plantwide")
    except PackageNotFoundError:
        return "0"


def _give_again(_request: Request, answered: Exception) -> Response:
    return answered.response if isinstance(answered, Answered) else problem_of(answered).respond()


def _name_operation(route: APIRoute) -> str:
    return route.name


def _folder_of(database: Database) -> Path | None:
    """Give the folder whose disk an embedded store fills."""
    file = database.engine.url.database
    return Path(file).parent if database.dialect == "sqlite" and file else None
