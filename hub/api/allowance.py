"""How many requests each key or person may make: so many a minute on the long run, so many at once."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from hub.api.problems import Problem

_MINUTE_NS = 60_000_000_000


class Allowance:
    """What each may ask of this process: `a_minute` on the long run (None: any number), `at_once` in a row.

    Of each it is known when all that was asked would have been asked at an even pace (the generic cell rate
    algorithm, ITU-T I.371, A.1): one number, and none of those who have not asked for a while. `clock` gives
    nanoseconds that only grow.
    """

    def __init__(
        self, a_minute: int | None, at_once: int, *, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._a_minute = a_minute
        self._at_once = at_once
        self._clock = clock
        self._even: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def count(self, name: str) -> None:
        """Count a request. Raises `Problem` (too-many-requests), uncounted, when it is one too many."""
        if self._a_minute is None:
            return
        pace_ns = _MINUTE_NS // self._a_minute
        with self._lock:
            now = self._clock()
            self._forget(now)
            even = max(self._even.get(name, now), now)
            wait_ns = even - now - (self._at_once - 1) * pace_ns
            if wait_ns <= 0:
                self._even[name] = even + pace_ns
                self._even.move_to_end(name)
                return
        wait_s = math.ceil(wait_ns / 1_000_000_000)
        raise Problem(
            "too-many-requests",
            f"A key or login may ask {self._a_minute} times a minute here, {self._at_once} in a row. Wait "
            "as Retry-After says and ask for more at once; who runs the hub can raise requests_a_minute.",
            headers={"Retry-After": str(wait_s)},
        )

    def _forget(self, now: int) -> None:
        """Forget those who are as new: the first are those who have not asked for the longest time."""
        while self._even and next(iter(self._even.values())) <= now:
            self._even.popitem(last=False)
