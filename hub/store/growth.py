"""How much a process has stored, told each time that it has doubled."""

from threading import Lock

_FIRST = 5_000
"""Records after which it tells for the first time: less is read whole in no time."""


class Growth:
    """How many records this process has stored."""

    def __init__(self) -> None:
        self._lock, self._stored, self._due = Lock(), 0, _FIRST

    def add(self, records: int) -> bool:
        """Count records that were stored; tell whether they are twice as many now as when it told last."""
        with self._lock:
            self._stored += records
            if self._stored < self._due:
                return False
            self._due = 2 * self._stored
            return True
