"""Documents that were read lately, as bytes, for as long as nothing is written.

A document of a list follows from the store alone. So pages of other questions about the same rows find them
here, by key, while the newest known instant is the same; another instant empties the shelf.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

Kind = tuple[str, tuple[str, ...], bool]
"""A collection, the members that are selected of it, and whether they are flat."""
_MOST_BYTES = 64 * 1024 * 1024


class Shelf:
    """Documents of one process by kind and key; safe for many threads."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._known_at: datetime | None = None
        self._documents: dict[Kind, dict[int, bytes]] = {}
        self._lock = Lock()

    def at(self, known_at: datetime | None) -> "Shelved | None":
        """Give the shelf as of an instant; None in an empty store, where there is nothing to keep."""
        return None if known_at is None else Shelved(self, known_at)

    def find(self, known_at: datetime, kind: Kind, keys: Sequence[int]) -> dict[int, bytes]:
        """Give those of these documents that are known as of this very instant."""
        with self._lock:
            if known_at != self._known_at:
                return {}
            there = self._documents.get(kind, {})
            return {key: there[key] for key in keys if key in there}

    def keep(self, known_at: datetime, kind: Kind, documents: dict[int, bytes]) -> None:
        """Keep documents, unless a newer instant is known already; a full shelf begins anew."""
        with self._lock:
            if self._known_at is not None and known_at < self._known_at:
                return
            size = sum(map(len, documents.values()))
            if known_at != self._known_at or self._bytes + size > self._most:
                self._documents.clear()
                self._known_at, self._bytes = known_at, 0
            if size <= self._most:
                self._documents.setdefault(kind, {}).update(documents)
                self._bytes += size


@dataclass(frozen=True)
class Shelved:
    """A shelf as of one instant."""

    shelf: Shelf
    known_at: datetime

    def read(
        self, kind: Kind, keys: Sequence[int], read: Callable[[list[int]], dict[int, bytes]]
    ) -> list[bytes]:
        """Give the documents of these keys in their order; `read` gives what is not there yet."""
        found = self.shelf.find(self.known_at, kind, keys)
        missing = [key for key in keys if key not in found]
        if missing:
            new = read(missing)
            self.shelf.keep(self.known_at, kind, new)
            found.update(new)
        return [found[key] for key in keys]
