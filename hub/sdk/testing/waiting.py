"""Finds calls that make an event loop wait: nothing else on it is read meanwhile."""

import asyncio
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

_found: list[str] = []
_hooked = threading.Event()
_real_sleep = time.sleep
_REMEDY = "await it, hand it to asyncio.to_thread, or write the method plain (the hub gives it a thread)"


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _note(call: str) -> None:
    _found.append(f"{call} blocks the event loop, so that every other stream on it stands still; {_REMEDY}")


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and arguments[0].gettimeout() != 0.0 and _on_a_loop():
        _note("a connection that is waited for")
    elif event == "socket.getaddrinfo" and _on_a_loop():
        _note("looking up a host name")


def _sleep(seconds: float) -> None:
    if _on_a_loop():
        _note(f"time.sleep({seconds})")
    _real_sleep(seconds)


@contextmanager
def no_waiting() -> Generator[None]:
    """Fail at the end when a call inside made an event loop wait."""
    if not _hooked.is_set():
        _hooked.set()
        sys.addaudithook(_watch)
    _found.clear()
    before, time.sleep = time.sleep, _sleep
    try:
        yield
    finally:
        time.sleep = before
    if _found:
        raise AssertionError(_found[0])
