"""Python's search for cycles of rubbish, put off while many rows are in hand."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def rubbish_kept() -> Generator[None]:
    """Let Python look for no cycles of rubbish: it would look at each row in hand again and again.

    For seconds at most: meanwhile cycles stay in memory. When several threads do so at once, the search goes
    on as soon as the one that put it off is done.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
