"""The time now, as connectors ask for it: a test can hold it still."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_ASTRAY = timedelta(days=1)
"""No two clocks of a plant differ by so much, whatever zone one of them was thought to be in."""


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


def is_astray(mark: datetime) -> bool:
    """Tell whether a cursor's time (aware) lies ahead of every clock: a row dated in the future has set it.

    What has changed since then hides behind it; only reading from the beginning finds that.
    """
    return mark > utc_now() + _ASTRAY
