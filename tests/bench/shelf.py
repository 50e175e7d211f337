"""Objects written as JSON beforehand, changed a second apart, from which a server cuts its pages."""

import json
import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.bench.reading import T0


class Shelf:
    """`count` objects; `make` is given the number and the change time of each."""

    def __init__(self, count: int, make: Callable[[int, datetime], Any]) -> None:
        self._written: Sequence[bytes] = [
            json.dumps(make(n, T0 + timedelta(seconds=n))).encode() for n in range(count)
        ]

    def __len__(self) -> int:
        return len(self._written)

    def cut(self, start: int, size: int) -> bytes:
        """Give a JSON list of the objects from a number on."""
        return b"[" + b",".join(self._written[start : start + size]) + b"]"

    def find(self, moment: datetime | None) -> int:
        """Give the number of the first object that was changed at this time or later."""
        return 0 if moment is None else max(0, math.ceil((moment - T0).total_seconds()))
