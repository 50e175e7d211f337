"""An ear for live samples: it hears a subscription until something is so, and acknowledges, or does not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pyarrow as pa
import pytest

from hub.model import Tag
from hub.sdk import Receipt, Rejected, SampleSource, Whole


class Ear:
    """Hears a subscription until something is so; `stores` says whether what is heard is acknowledged."""

    def __init__(self, given: AsyncIterator[Any], *, stores: bool) -> None:
        self.given = given
        self.stores = stores
        self.rows: list[dict[str, Any]] = []
        self.promises: list[Whole] = []
        self.rejected: list[Rejected] = []
        self.awaited: asyncio.Future[Any] | None = None

    async def until(self, is_so: Callable[[], bool], *, doing: Callable[[], None] | None = None) -> None:
        """Listen until it is so, doing something now and then."""
        clock = asyncio.get_running_loop().time
        end, acted = clock() + 20, 0.0
        while not is_so():
            if clock() > end:
                pytest.fail(f"it never was so; heard {len(self.rows)} samples, {self.rejected[:2]}")
            if doing is not None and clock() - acted > 0.1:
                acted = clock()
                await asyncio.to_thread(doing)
            self.awaited = self.awaited or asyncio.ensure_future(anext(self.given))
            await asyncio.wait({self.awaited}, timeout=0.1)
            if self.awaited.done():
                awaited, self.awaited = self.awaited, None
                self.take(awaited.result())

    def take(self, item: Any) -> None:
        if isinstance(item, pa.RecordBatch):
            self.rows += item.to_pylist()
        elif isinstance(item, Whole):
            self.promises.append(item)
        elif isinstance(item, Receipt):
            if self.stores:
                item.stored()
        else:
            self.rejected.append(item)

    def of(self, tag: str) -> list[dict[str, Any]]:
        """Give what was heard of a tag."""
        return [row for row in self.rows if row["tag"] == tag]


async def list_tags(connector: SampleSource[Any]) -> dict[str, Tag]:
    return {tag.id.value: tag async for tag in connector.tags()}  # type: ignore[union-attr] - these connectors are asynchronous


@asynccontextmanager
async def followed(connector: SampleSource[Any], *, stores: bool = True) -> AsyncIterator[Ear]:
    tags = await list_tags(connector)
    given = connector.subscribe(sorted(tags))
    ear = Ear(given, stores=stores)
    try:
        yield ear
    finally:
        if ear.awaited is not None:
            ear.awaited.cancel()
            await asyncio.gather(ear.awaited, return_exceptions=True)
        await given.aclose()  # type: ignore[attr-defined]


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def tell() -> None:
        await asyncio.wait_for(story(), 50)

    asyncio.run(tell())
