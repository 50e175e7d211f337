"""Measures what Python holds while something is read."""

import gc
import tracemalloc
from collections.abc import Generator
from contextlib import contextmanager

_COLLECTED = (700, 10, 10)
"""How often Python looks for rubbish by itself; a test run that looks seldom would count rubbish as held."""


@contextmanager
def traced() -> Generator[None]:
    """Trace what is allocated inside; `tracemalloc` tells of it until the end."""
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECTED)
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
        gc.set_threshold(*before)
