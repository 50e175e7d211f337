"""A clock that stands until it is moved."""

from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from hub.model.instant import NaiveTimeError
from hub.sdk.clock import WALL


class FakeClock:
    """The time for everything that asks `hub.sdk.utc_now()` inside the block; it moves by `advance` only.

    ```python
    with FakeClock(datetime(2026, 3, 29, 0, 59, tzinfo=UTC)) as clock:
        clock.advance(hours=1)
    ```
    """

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise NaiveTimeError(start)
        self.now = start
        self._before = WALL.read

    def __enter__(self) -> Self:
        self._before, WALL.read = WALL.read, self.read
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        WALL.read = self._before

    def read(self) -> datetime:
        """Give the time that the clock shows."""
        return self.now

    def advance(self, *, hours: float = 0.0, minutes: float = 0.0, seconds: float = 0.0) -> None:
        """Move the clock on (or back)."""
        self.now += timedelta(hours=hours, minutes=minutes, seconds=seconds)
