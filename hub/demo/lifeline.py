"""The line between a source process and whoever started it: nudges in, instants out, and the end of both."""

import os
import selectors
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from hub.demo.clock import ClockError, read_clock
from hub.model.instant import format_instant

_LOOK_AGAIN = 0.5


class Lifeline(threading.Thread):
    """Keeps a source in step with the plant clock and ends it with its parent.

    Supervised, each line on standard input asks for the instant shown, answered by `at <instant>` on
    standard output, and the end of standard input ends the source. In any case the clock file is looked
    at twice a second, and a source whose parent has died ends.
    """

    def __init__(
        self,
        directory: Path,
        *,
        show: Callable[[datetime], object],
        stop: Callable[[], None],
        is_supervised: bool,
    ) -> None:
        super().__init__(name="lifeline", daemon=True)
        self._directory = directory
        self._show = show
        self._stop = stop
        self._is_supervised = is_supervised
        self._parent = os.getppid()

    def run(self) -> None:
        """Listen until the parent is gone."""
        selector = selectors.DefaultSelector()
        if self._is_supervised:
            selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while os.getppid() == self._parent:
            if not selector.select(_LOOK_AGAIN):
                self._follow()
                continue
            asked = os.read(sys.stdin.fileno(), 4096)
            if not asked:
                break
            for _ in range(asked.count(b"\n")):
                self._answer()
        self._stop()

    def _follow(self) -> datetime | None:
        try:
            at = read_clock(self._directory)
        except ClockError as error:
            os.write(2, f"clock {error}\n".encode())
            return None
        self._show(at)
        return at

    def _answer(self) -> None:
        at = self._follow()
        # Written past Python's buffer: its lock may be gone when the process is just ending.
        os.write(1, f"at {format_instant(at) if at else 'nothing'}\n".encode())
