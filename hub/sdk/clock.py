"""The time now, as connectors ask for it: a test can hold it still."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _read_wall() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Wall:
    read: Callable[[], datetime] = _read_wall


WALL = _Wall()
"""Where the clock hangs. A test hangs up another one (`hub.sdk.testing.FakeClock`)."""


def utc_now() -> datetime:
    """Give the time now, aware, UTC. Use it in place of `datetime.now`, and the kit can try any hour."""
    return WALL.read()
