"""Connectors may be plain or async; the runner is plain: one event loop a connector, driven item by item."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from hub.sdk import Connector

T = TypeVar("T")


class Bridge:
    """Runs a connector's methods to their results, whether they are plain or async. Use as a context."""

    def __init__(self, connector: Connector[Any]) -> None:
        self.connector = connector
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.value(self.connector.close())
        finally:
            if self._runner is not None:
                self._runner.close()

    def value(self, given: T | Awaitable[T]) -> T:
        """Give the value of a plain or awaitable result."""
        if inspect.isawaitable(given):
            return self._loop().run(_wait(given))
        return cast("T", given)

    def items(self, given: Iterable[T] | AsyncIterator[T]) -> Iterator[T]:
        """Give the items of a plain or async iterable one by one."""
        if not isinstance(given, AsyncIterator):
            yield from given
            return
        try:
            while True:
                try:
                    yield self._loop().run(_next(given))
                except StopAsyncIteration:
                    return
        finally:
            close = getattr(given, "aclose", None)
            if close is not None:
                self._loop().run(_wait(close()))

    def _loop(self) -> asyncio.Runner:
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner


async def _wait(given: Awaitable[T]) -> T:
    return await given


async def _next(given: AsyncIterator[T]) -> T:
    return await anext(given)
