"""Marks by which a cursor remembers files: eight bytes each, in memory as in the cursor."""

import base64
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

import numpy as np

_WRITTEN = np.dtype(">u8")
"""Eight bytes, whose order as numbers is their order as bytes."""


class Marks:
    """A set of marks, sorted and packed: a folder of a hundred thousand files takes 0.8 MB, not 12."""

    def __init__(self, packed: str = "") -> None:
        self._kept = _kept(np.frombuffer(base64.b64decode(packed), _WRITTEN))
        self._new: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._kept or self._new)

    def __contains__(self, mark: bytes) -> bool:
        number = int.from_bytes(mark, "big")
        return number in self._new or self._place(number) is not None

    def add(self, mark: bytes) -> None:
        """Remember a mark."""
        self._new.add(int.from_bytes(mark, "big"))

    def discard(self, mark: bytes) -> None:
        """Forget a mark, if it is known."""
        number = int.from_bytes(mark, "big")
        self._new.discard(number)
        if (place := self._place(number)) is not None:
            del self._kept[place]

    def keep_only(self, marks: Iterable[bytes]) -> None:
        """Forget all but these."""
        self._settle()
        there = np.fromiter((int.from_bytes(mark, "big") for mark in marks), np.uint64)
        self._kept = _kept(np.intersect1d(self._kept, there))

    def pack(self) -> str:
        """Give them as text, in their order."""
        self._settle()
        return base64.b64encode(np.asarray(self._kept).astype(_WRITTEN).tobytes()).decode()

    def _settle(self) -> None:
        """Put the new ones among the others."""
        new = np.array(sorted(n for n in self._new if self._place(n) is None), np.uint64)
        self._new.clear()
        if len(new):
            kept: Any = np.asarray(self._kept)
            self._kept = _kept(np.insert(kept, kept.searchsorted(new), new))

    def _place(self, number: int) -> int | None:
        place = bisect_left(self._kept, number)
        return place if place < len(self._kept) and self._kept[place] == number else None


def _kept(numbers: Any) -> "array[int]":
    return array("Q", numbers.astype(np.uint64).tobytes())
