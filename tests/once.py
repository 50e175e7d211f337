"""What is dear to make and the same for every worker of a test run: the first makes it, each takes a copy."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Give a folder of this worker's own with what `make` wrote into an empty one, once in this test run."""
    run = factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()
    kept, made = run / f"once-{name}", run / f"once-{name}.made"
    with (run / f"once-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            make(kept)
            made.touch()
    own = factory.mktemp(name) / "copy"
    shutil.copytree(kept, own)
    return own
