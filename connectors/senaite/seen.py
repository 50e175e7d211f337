"""What a reading has seen: sixteen bytes an object, because a laboratory has hundreds of thousands."""

from array import array
from bisect import bisect_left
from datetime import datetime
from typing import Any

import numpy as np

_RECENT = 1024
"""So many are remembered as they come before they are put among the others."""


class Seen:
    """Objects by name with the change time that was last seen of each, as hashes of this process."""

    def __init__(self) -> None:
        self._names = array("q")
        self._changes = array("q")
        self._recent: dict[int, int] = {}

    def __len__(self) -> int:
        """Count the objects."""
        return len(self._names) + len(self._recent)

    def add(self, name: str, changed: datetime | None) -> bool:
        """Remember an object; say whether it had not been seen as it is now."""
        mark, change = hash(name), hash(changed)
        place = bisect_left(self._names, mark)
        if place < len(self._names) and self._names[place] == mark:
            known, self._changes[place] = self._changes[place], change
            return known != change
        known = self._recent.get(mark)
        self._recent[mark] = change
        if len(self._recent) > _RECENT + len(self._names) // 16:
            self._settle()
        return known != change

    def _settle(self) -> None:
        """Put the recent ones among the others."""
        marks = np.array(sorted(self._recent), np.int64)
        changes = np.array([self._recent[mark] for mark in marks.tolist()], np.int64)
        self._recent.clear()
        names: Any = np.asarray(self._names)
        places = names.searchsorted(marks)
        self._names = _packed(np.insert(names, places, marks))
        self._changes = _packed(np.insert(np.asarray(self._changes), places, changes))


def _packed(numbers: Any) -> "array[int]":
    return array("q", numbers.tobytes())
