"""A connector for the length of one test: plain and async methods alike, closed at the end."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from hub.sdk.contract import Connector
from hub.sdk.testing.verdict import fail
from hub.sdk.testing.waiting import no_waiting

K = TypeVar("K", bound=Connector[Any])
T = TypeVar("T")
MOST = 1_000
"""More pages, or batches of samples, than any small world has; a large one may give as many times more."""


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

    def collect(self, given: Iterable[T] | AsyncIterable[T], *, most: int | None = None) -> list[T]:
        """Give everything that a plain or async iterator yields; fail when it yields more than `most`."""
        if isinstance(given, AsyncIterable):
            with no_waiting():
                found = self._runner.run(_gather(given, most))
        else:
            found = list(islice(given, None if most is None else most + 1))
        _require_an_end(len(found), most)
        return found

    def each(self, given: Iterable[T] | AsyncIterable[T], *, most: int | None = None) -> Iterator[T]:
        """Give one after the other what a plain or async iterator yields; let go of it at the end.

        Fail when it yields more than `most`.
        """
        with closing(self._each(given)) as items:
            for number, item in enumerate(items, 1):
                _require_an_end(number, most)
                yield item

    def _each(self, given: Iterable[T] | AsyncIterable[T]) -> Generator[T]:
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


async def _gather(given: AsyncIterable[T], most: int | None) -> list[T]:
    found: list[T] = []
    async for item in given:
        found.append(item)
        if most is not None and len(found) > most:
            break
    return found


def _require_an_end(given: int, most: int | None) -> None:
    if most is not None and given > most:
        fail(
            f"reading does not end: after {most:,} pages or batches there was still another; the "
            "place of the next one does not move on (a next page that names itself, or a last one that "
            "nothing tells from the others)"
        )
