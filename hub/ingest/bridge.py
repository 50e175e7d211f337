"""Connectors may be plain or async; the runner is plain: one event loop a connector, on a thread of its own.

The loop goes on while the runner stores what it was given, so that keep-alives are answered meanwhile.
"""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from hub.sdk import Connector

T = TypeVar("T")


class Bridge:
    """Runs a connector's methods to their results, whether they are plain or async. Use as a context."""

    def __init__(self, connector: Connector[Any]) -> None:
        self.connector = connector
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.value(self.connector.close())
        finally:
            self._end_loop()

    def value(self, given: T | Awaitable[T]) -> T:
        """Give the value of a plain or awaitable result."""
        return self._run(given) if inspect.isawaitable(given) else cast("T", given)

    def items(self, given: Iterable[T] | AsyncIterator[T]) -> Iterator[T]:
        """Give the items of a plain or async iterable one by one."""
        if not isinstance(given, AsyncIterator):
            yield from given
            return
        try:
            while True:
                try:
                    yield self._run(anext(given))
                except StopAsyncIteration:
                    return
        finally:
            close = getattr(given, "aclose", None)
            if close is not None:
                self._run(close())

    def _run(self, given: Awaitable[T]) -> T:
        return asyncio.run_coroutine_threadsafe(_wait(given), self._running_loop()).result()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name=f"plantwide-{self.connector.name}", daemon=True
            )
            self._thread.start()
        return self._loop

    def _end_loop(self) -> None:
        if self._loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(_cancel_rest(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None


async def _wait(given: Awaitable[T]) -> T:
    return await given


async def _cancel_rest() -> None:
    """Cancel what a connector left running, and wait for it to end."""
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
