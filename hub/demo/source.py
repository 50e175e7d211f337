"""One source process of the demo plant: `python -m hub.demo.source mes|erp|lims|historian --dir D --port N`.

It prints `ready {json}` with its URL once it answers, then serves until SIGTERM, SIGINT or its parent's end.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator
from datetime import datetime
from pathlib import Path

from starlette.applications import Starlette

from hub.demo.clock import ClockError, read_clock
from hub.demo.lifeline import Lifeline
from hub.demo.plan import plan_batches

KINDS = ("mes", "erp", "lims", "historian")
ERP_PATH = "/sap/opu/odata/sap"
MES_FOLDER = "mes"
Show = Callable[[datetime], object]


class SourceError(RuntimeError):
    """A source cannot start; the message says what is missing and how to give it."""


def main(arguments: list[str] | None = None) -> int:
    """Run a source; 0 after a clean end, 2 with a message when it cannot start."""
    gc.set_threshold(50_000, 20, 20)  # a source keeps nearly all that it makes, as the commands do
    asked = _read_arguments(arguments)
    directory = Path(asked.dir).resolve()
    try:
        read_clock(directory)
        if asked.kind == "historian":
            asyncio.run(_run_historian(directory, asked.port, is_supervised=asked.supervised))
        else:
            asyncio.run(_run_web(asked.kind, directory, asked.port, is_supervised=asked.supervised))
    except (ClockError, SourceError) as error:
        print(f"{asked.kind}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"{asked.kind}: cannot listen on 127.0.0.1:{asked.port}: {error}; use another --port",
            file=sys.stderr,
        )
        return 2
    return 0


def _read_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hub.demo.source", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--dir", required=True, help="folder of the plant; holds the file plant-clock")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--supervised", action="store_true", help="standard input is the starter's line")
    return parser.parse_args(arguments)


def _secret(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SourceError(
            f"environment variable {name} is not set; choose a value and give it to the hub too"
        )
    return value


def _tell_ready(kind: str, url: str) -> None:
    print("ready " + json.dumps({"source": kind, "url": url, "pid": os.getpid()}), flush=True)


def _end_on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


# ------------------------------------------------------------------------------------------- historian
async def _run_historian(directory: Path, port: int, *, is_supervised: bool) -> None:
    from hub.demo.curves import trace  # noqa: PLC0415 - a source loads only its own protocol
    from hub.demo.historian import Historian, serve_history  # noqa: PLC0415 - a source loads only its own protocol

    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    _end_on_signals(stopped.set)
    historian = Historian(directory, trace(plan_batches()))

    def show(at: datetime) -> None:
        asyncio.run_coroutine_threadsafe(historian.show(at), loop).result()

    def stop() -> None:
        loop.call_soon_threadsafe(stopped.set)

    lifeline = Lifeline(directory, show=show, stop=stop, is_supervised=is_supervised)

    def ready(url: str) -> None:
        _tell_ready("historian", url)
        lifeline.start()

    await serve_history(historian, port, ready=ready, stopped=stopped)


# ------------------------------------------------------------------------------------------- web sources
async def _run_web(kind: str, directory: Path, port: int, *, is_supervised: bool) -> None:
    import uvicorn  # noqa: PLC0415 - a source loads only its own protocol

    app, show = _build(kind, directory)

    class Serving(uvicorn.Server):
        """A server that tells when it answers, and leaves signals to this module."""

        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                _tell_ready(kind, url)
                lifeline.start()

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}" + (ERP_PATH if kind == "erp" else "")
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", http="h11", ws="none",
            server_header=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = Serving(config)

        def stop() -> None:
            server.should_exit = True

        lifeline = Lifeline(directory, show=show, stop=stop, is_supervised=is_supervised)
        _end_on_signals(stop)
        await server.serve(sockets=[listener])


def _build(kind: str, directory: Path) -> tuple[Starlette, Show]:
    from hub.demo import web  # noqa: PLC0415 - a source loads only its own protocol

    batches = plan_batches()
    if kind == "erp":
        from hub.demo.erp import keep_books  # noqa: PLC0415 - a source loads only its own protocol

        user, password = _secret("PLANTWIDE_DEMO_ERP_USER"), _secret("PLANTWIDE_DEMO_ERP_PASSWORD")
        return web.erp_app(directory, keep_books(batches), user=user, password=password), _nothing
    if kind == "lims":
        from hub.demo.lims import keep_books as keep_laboratory  # noqa: PLC0415 - a source loads only its own protocol

        token = _secret("PLANTWIDE_DEMO_LIMS_TOKEN")
        return web.lims_app(directory, keep_laboratory(batches), token=token), _nothing
    from hub.demo.folder import DocumentFolder  # noqa: PLC0415 - a source loads only its own protocol
    from hub.demo.mes import publish_all  # noqa: PLC0415 - a source loads only its own protocol

    folder = DocumentFolder(directory / MES_FOLDER, publish_all(batches))
    folder.publish(read_clock(directory))
    return web.mes_app(directory, folder), folder.publish


def _nothing(_: datetime) -> None:
    """A source that reads the clock at each request has nothing to bring up to date."""


if __name__ == "__main__":
    sys.exit(main())
