"""A connector for the length of one test: plain and async methods alike, closed at the end."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from hub.sdk.contract import Connector
from hub.sdk.testing.waiting import no_waiting

K = TypeVar("K", bound=Connector[Any])
T = TypeVar("T")


class Session(Generic[K]):
    """One connector on one event loop, as the hub would hold it."""

    def __init__(self, connector: K) -> None:
        self.connector = connector
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.wait(self.connector.close())
        finally:
            self._runner.close()

    def wait(self, given: T | Awaitable[T]) -> T:
        """Give the answer of a method that may be plain or async."""
        if isinstance(given, Awaitable):
            with no_waiting():
                return self._runner.run(_finish(cast("Awaitable[T]", given)))
        return given

    def collect(self, given: Iterable[T] | AsyncIterable[T]) -> list[T]:
        """Give everything that a plain or async iterator yields."""
        if isinstance(given, AsyncIterable):
            with no_waiting():
                return self._runner.run(_gather(given))
        return list(given)

    def each(self, given: Iterable[T] | AsyncIterable[T]) -> Iterator[T]:
        """Give one after the other what a plain or async iterator yields; let go of it at the end."""
        if not isinstance(given, AsyncIterable):
            yield from given
            return
        iterator = aiter(given)
        try:
            while True:
                try:
                    yield self._runner.run(_next(iterator))
                except StopAsyncIteration:
                    return
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                self._runner.run(close())


async def _finish(given: Awaitable[T]) -> T:
    return await given


async def _next(given: AsyncIterator[T]) -> T:
    return await anext(given)


async def _gather(given: AsyncIterable[T]) -> list[T]:
    return [item async for item in given]
