"""Connectors with one mistake each: the kit must find every one and name it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hub.sdk.testing import ConnectorSuite
from tests.sdk.seeded.curve import LIVE_MISTAKES, SAMPLE_MISTAKES, CurveSuite, LiveSuite
from tests.sdk.seeded.feed import FEED_MISTAKES, FeedSuite
from tests.sdk.seeded.notes import MISTAKES, NotesSuite


@dataclass(frozen=True)
class Seed:
    """A wrong connector, the promise that it breaks, and what the kit must say of it."""

    kind: type[Any]
    promise: str
    message: str
    make: Callable[[], ConnectorSuite]

    @property
    def name(self) -> str:
        """The class and the promise it breaks."""
        return f"{self.kind.__name__}-{self.promise.removeprefix('test_')[:40]}"

    @contextmanager
    def suite(self) -> Generator[Any]:
        """Give the suite on the wrong connector, its world running."""
        suite: Any = self.make()
        suite.kind = self.kind
        with suite.running() if hasattr(suite, "running") else _nothing():
            yield suite


@contextmanager
def _nothing() -> Generator[None]:
    yield


def _seeds() -> list[Seed]:
    tables: list[tuple[Callable[[], ConnectorSuite], list[Any]]] = [
        (NotesSuite, MISTAKES),
        (CurveSuite, SAMPLE_MISTAKES),
        (LiveSuite, LIVE_MISTAKES),
        (FeedSuite, FEED_MISTAKES),
    ]
    return [Seed(kind, promise, message, make) for make, rows in tables for kind, promise, message in rows]


SEEDS = _seeds()
