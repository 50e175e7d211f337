"""The door on a real port of loopback, for clients that somebody else wrote."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from tests.odata.conftest import Odata


@contextmanager
def running(odata: Odata) -> Iterator[str]:
    """Serve the door; give its address."""
    app: Any = odata.client.app
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/odata/"
        finally:
            server.should_exit = True
            thread.join()
