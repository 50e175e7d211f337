"""`plantwide serve` and `plantwide openapi`."""

import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.opening import (
    ConfigOption,
    DatabaseOption,
    DataOption,
    SetOption,
    fail,
    is_star_installed,
    make_desk,
    make_notary,
    open_delivered,
    open_noting,
    open_project,
    open_star,
    open_store,
    plain_errors,
    read_settings,
)
from hub.ingest.runner import Desk
from hub.ingest.sources import DeliveredSource, Project
from hub.shift.cycle import read_again
from hub.shift.settings import Settings

if TYPE_CHECKING:
    from types import FrameType

    import uvicorn
    from fastapi import FastAPI

    from hub.api.doors import Door
    from hub.api.tokens import Tokens
    from hub.shift.notary import Notary

_TRIES = 50


def serve(
    config: ConfigOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    given: SetOption = None,
    host: Annotated[str | None, typer.Option(help="address to serve on")] = None,
    port: Annotated[int | None, typer.Option(help="port; the next free one when it is taken")] = None,
    read: Annotated[bool, typer.Option(help="also read the project's sources when due")] = True,
) -> None:
    """Serve the API and the pages, and read sources when they are due."""
    settings = read_settings(config=config, data=data, database=database, host=host, port=port)
    with open_store(settings) as store:
        has_project = any((settings.config / name).is_dir() for name in ("sources", "delivered"))
        project = open_project(settings, given) if read and has_project else None
        if project is None:
            why = f"no sources in {settings.config}" if read else "sources are not read (--no-read)"
            typer.echo(f"serving what the store holds; {why}", err=True)
        delivered = open_delivered(settings, given)
        serve_hub(make_desk(store), settings, project, delivered, resolves=read)


def serve_hub(
    desk: Desk,
    settings: Settings,
    project: Project | None,
    delivered: Sequence[DeliveredSource] = (),
    *,
    resolves: bool = True,
    ready: Callable[["FastAPI", str], str] | None = None,
) -> None:
    """Serve a store until interrupted; with a project, its sources are read when due.

    Without one, what edge agents deliver is resolved, if it `resolves`. `delivered` completes what agents say
    of their sources.

    `ready` gives what is printed once the address is known.
    """
    from hub.api.app import create_app, read_version  # the web framework is imported when it serves
    from hub.api.room import ApiSettings
    from hub.ingest.live import Pace
    from hub.shift.courier import Courier, open_herald
    from hub.shift.library import Library
    from hub.shift.reckoner import Reckoner
    from hub.shift.supervisor import Supervisor
    from hub.shift.upkeep import Upkeep

    folder = None if settings.database else settings.data
    with plain_errors(ValueError):
        herald = open_herald(settings)
    noted = open_noting(settings, desk.database)
    app = create_app(
        desk.database,
        settings=ApiSettings(
            version=read_version(),
            data_folder=folder,
            jobs_folder=settings.data / "jobs",
            read_seconds=settings.read_seconds,
            public_address=settings.public_address,
            requests_a_minute=settings.requests_a_minute,
            requests_at_once=settings.requests_at_once,
        ),
        replay=partial(_read_again, desk, project) if project else None,
        doors=_list_doors(settings),
        tokens=_open_tokens(settings),
        tag_maps={one.code: one.tag_map for one in delivered},
        herald=herald,
        star=open_star(settings),
        noting=noted[0] if noted else None,
    )
    pace = Pace(flush_s=settings.live_flush_s, rows=settings.live_rows) if settings.live else None
    supervisor = Supervisor(desk, project, tick_s=settings.tick_s, pace=pace) if project or resolves else None
    notary = _open_notary(desk, settings)
    upkeep = Upkeep.of(settings, desk)
    library = Library.of(settings, desk) if is_star_installed() else None
    if notary is not None:
        notary.start()
    upkeep.start()
    reckoner = Reckoner.of(settings, desk)
    reckoner.start()
    courier = Courier(desk, herald, tick_s=settings.webhook_tick_s) if herald else None
    if courier is not None:
        courier.start()
    if library is not None:
        library.start()
    if supervisor is not None:
        supervisor.start()
    if noted is not None:
        noted[1].start()
    try:
        run_server(app, settings.host, settings.port, ready=ready)
    finally:
        if noted is not None:
            noted[1].stop()
        if supervisor is not None:
            supervisor.stop()
        if courier is not None:
            courier.stop()
        reckoner.stop()
        upkeep.stop()
        if library is not None:
            library.stop()
        if notary is not None:
            notary.stop()


def _list_doors(settings: Settings) -> "list[Door]":
    """Give the doors beside /v1; the agents' one is there when its extra is."""
    from hub.agents import door as agents  # as above
    from hub.i3x.door import make_door
    from hub.i3x.settings import I3xSettings
    from hub.odata.door import make_door as make_odata

    i3x = I3xSettings(writes=settings.i3x_writes, reason=settings.i3x_reason)
    doors = [make_door(i3x), make_odata()]
    return [*doors, agents.make_door()] if agents.is_installed() else doors


def _open_notary(desk: Desk, settings: Settings) -> "Notary | None":
    """Give who seals while we serve; without a key nobody does, and that is said."""
    from hub.store.seal.signing import KeyUnusable

    try:
        with plain_errors(ValueError):
            return make_notary(settings, desk.database)
    except KeyUnusable as error:
        typer.echo(f"plantwide: the audit trail is not sealed: {error}", err=True)
        return None


def _open_tokens(settings: Settings) -> "Tokens | None":
    """Give who verifies people's tokens; None when no issuer is set."""
    from hub.api.issuers import Issuer  # as above
    from hub.api.tokens import TokenRules, Tokens

    if settings.oidc_issuer is None:
        return None
    with plain_errors(ValueError):
        rules = TokenRules(
            issuer=settings.oidc_issuer,
            audience=settings.oidc_audience,
            roles_claim=settings.oidc_roles_claim,
            roles=settings.oidc_roles,
            skew_s=settings.oidc_skew_s,
            sites_claim=settings.oidc_sites_claim,
            sites=settings.oidc_sites,
        )
    return Tokens(rules, Issuer(settings.oidc_issuer))


def _read_again(desk: Desk, project: Project, ids: Sequence[int]) -> dict[str, int]:
    done = read_again(desk, project, set(ids))
    return {"resolved": done.released, "still_open": done.tried - done.released}


def run_server(
    app: "FastAPI", host: str, port: int, *, ready: Callable[["FastAPI", str], str] | None = None
) -> None:
    """Serve on the port, or on the next free one with a word about it, until interrupted or terminated."""
    import uvicorn  # only serving needs it

    listener = open_listener(host, port)
    url = f"http://{host}:{listener.getsockname()[1]}"
    typer.echo(ready(app, url) if ready else f"serving on {url}")

    class Server(uvicorn.Server):
        """Tells streams to end before it waits for them."""

        def handle_exit(self, sig: int, frame: "FrameType | None") -> None:
            app.state.room.live.is_stopping = True
            super().handle_exit(sig, frame)

    server = Server(configure_server(app))
    # The server shuts down and then raises the signal again: unhandled, SIGTERM would end us before our
    # callers have put their things away.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
    finally:
        listener.close()


def configure_server(app: "FastAPI") -> "uvicorn.Config":
    """Give how an application is served: its streams are its own, and what is no request is a problem too."""
    import uvicorn  # as above

    from hub.api.framing import Framing

    return uvicorn.Config(app, http=Framing, log_level="warning", lifespan="off")


def _interrupt(_number: int, _frame: Any) -> None:
    raise KeyboardInterrupt


def open_listener(host: str, port: int) -> socket.socket:  # noqa: RET503 - `fail` never returns
    """Give a listening socket on the port, or on the next free one; says so when the port was taken."""
    for candidate in range(port, port + _TRIES):
        # The protocol is named because asyncio sets TCP_NODELAY only on sockets that say they are TCP.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
        except OSError as error:
            listener.close()
            if error.errno not in (98, 48, 13):
                fail(f"cannot serve on {host}: {error.strerror}")
            continue
        if candidate != port:
            typer.echo(f"port {port} is taken; serving on {candidate} instead", err=True)
        listener.listen(512)
        return listener
    fail(f"ports {port} to {port + _TRIES - 1} are all taken; give another with --port")


def openapi(
    check: Annotated[bool, typer.Option("--check", help="compare with the file; 1 when it differs")] = False,
    file: Annotated[Path, typer.Option(help="where the document is")] = Path("openapi/plantwide.json"),
) -> None:
    """Write the OpenAPI document of the API, or check that the committed one is what the code serves."""
    from hub.api.export import export_openapi

    document = export_openapi()
    if check:
        if not file.exists() or file.read_bytes() != document:
            fail(f"{file} is not what the code serves; run `plantwide openapi`")
        typer.echo(f"{file} is current")
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(document)
    typer.echo(f"wrote {file}")
