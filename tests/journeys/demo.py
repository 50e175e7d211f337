"""A demo that has run, for tests that look at what it left behind."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Demo:
    """A demo that has run once: its data folder, its store, what it printed."""

    data: Path
    url: str
    printed: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.data.parent
