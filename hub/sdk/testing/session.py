"""A connector for the length of one test: plain and async methods alike, closed at the end."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Iterable
from types import TracebackType
from typing import Any, Generic, NoReturn, Self, TypeVar, cast

from hub.sdk.contract import Connector

K = TypeVar("K", bound=Connector[Any])
T = TypeVar("T")


def fail(message: str) -> NoReturn:
    """Say which promise is broken and how to keep it."""
    raise AssertionError(message)


def require(kept: object, message: str) -> None:
    """Fail with the message unless the promise is kept."""
    if not kept:
        fail(message)


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
            return self._runner.run(_finish(cast("Awaitable[T]", given)))
        return given

    def collect(self, given: Iterable[T] | AsyncIterable[T]) -> list[T]:
        """Give everything that a plain or async iterator yields."""
        if isinstance(given, AsyncIterable):
            return self._runner.run(_gather(given))
        return list(given)


async def _finish(given: Awaitable[T]) -> T:
    return await given


async def _gather(given: AsyncIterable[T]) -> list[T]:
    return [item async for item in given]
