"""Connectors may be plain or async; the runner is plain: one event loop a connector, on a thread of its own.

The loop goes on while the runner stores what it was given, so that keep-alives are answered meanwhile.
"""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

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

    def feed(self, given: AsyncIterator[T]) -> "Feed[T]":
        """Give the items of an async iterator to somebody who cannot wait for ever."""
        return Feed(given, self._running_loop())

    def _run(self, given: Awaitable[T]) -> T:
        return asyncio.run_coroutine_threadsafe(_wait(given), self._running_loop()).result()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(
                target=loop.run_forever, name=f"plantwide-{self.connector.name}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # no more threads: a loop that nobody runs must not be waited for
                loop.close()
                raise
            self._loop, self._thread = loop, thread
        return self._loop

    def _end_loop(self) -> None:
        if self._loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(_cancel_rest(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None


class Feed(Generic[T]):
    """Items of an async iterator, taken with limited patience: the wait for one goes on where it stopped."""

    def __init__(self, given: AsyncIterator[T], loop: asyncio.AbstractEventLoop) -> None:
        self._given = given
        self._loop = loop
        self._awaited: Future[T] | None = None
        self._task: asyncio.Task[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()

    def take(self, patience_s: float, unless: Future[None]) -> T | None:
        """Give the next item; None when none comes in time, or when `unless` is done before.

        Raises what the iterator raises, `StopAsyncIteration` at its end.
        """
        if self._awaited is None:
            self._awaited = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
        either: set[Future[Any]] = {self._awaited, unless}
        wait(either, patience_s, return_when=FIRST_COMPLETED)
        if not self._awaited.done():
            return None
        awaited, self._awaited = self._awaited, None
        return awaited.result()

    async def _next(self) -> T:
        self._task = asyncio.current_task()
        return await anext(self._given)

    async def _close(self) -> None:
        """End the wait, then the iterator: it lets go of what it holds."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        close = getattr(self._given, "aclose", None)
        if close is not None:
            await close()


async def _wait(given: Awaitable[T]) -> T:
    return await given


async def _cancel_rest() -> None:
    """Cancel what a connector left running, and wait for it to end."""
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
