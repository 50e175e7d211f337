"""What a source recorded and when: versions of rows, of which a reader sees the latest at its instant."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One version of one row: `kind` is its entity set, `key` its identity inside the kind."""

    at: datetime
    kind: str
    key: str
    row: Row


class Ledger:
    """Versions of rows by time of recording."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = sorted(entries, key=lambda entry: (entry.at, entry.kind, entry.key))
        self._state = lru_cache(maxsize=4)(self._compute)

    def rows(self, kind: str, at: datetime) -> list[Row]:
        """Give the rows of a kind as they stood at an instant, in order of their first recording."""
        return self._state(at).get(kind, [])

    def _compute(self, at: datetime) -> dict[str, list[Row]]:
        latest: dict[str, dict[str, Row]] = {}
        for entry in self._entries:
            if entry.at > at:
                break
            latest.setdefault(entry.kind, {})[entry.key] = entry.row
        return {kind: list(rows.values()) for kind, rows in latest.items()}
