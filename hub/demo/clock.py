"""The plant clock: one ISO instant in `<dir>/plant-clock`; a source shows what it had recorded by then."""

from datetime import datetime
from pathlib import Path

from hub.model.instant import format_instant, parse_instant

FILE = "plant-clock"


class ClockError(RuntimeError):
    """The plant clock cannot be read; write an ISO instant with a zone to the file, or delete its folder."""


def read_clock(directory: Path) -> datetime:
    """Give the plant's instant; `ClockError` when the file is missing or holds no instant."""
    path = directory / FILE
    try:
        return parse_instant(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise ClockError(
            f"plant clock {path}: {error}; write an ISO instant with a zone, e.g. 2026-04-20T06:00:00Z"
        ) from error


def write_clock(directory: Path, instant: datetime) -> None:
    """Set the plant's instant in one step: no reader ever sees half of it."""
    directory.mkdir(parents=True, exist_ok=True)
    fresh = directory / f"{FILE}.new"
    fresh.write_text(format_instant(instant), encoding="ascii")
    fresh.replace(directory / FILE)
