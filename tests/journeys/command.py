"""The `plantwide` command as a person runs it: in a process of its own, from an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLANTWIDE = Path(sys.executable).with_name("plantwide")


def run_plantwide(*words: str | Path, folder: Path, timeout_s: float = 900, **environment: str) -> str:
    """Give what the command prints; it must end with status 0 and without a trace.

    It runs in `folder`, so that no `plantwide.toml` of the checkout is read, with `environment` on top.
    """
    done = subprocess.run(
        [PLANTWIDE, *map(str, words)],
        cwd=folder,
        env=plain_environment(**environment),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"plantwide {' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def plain_environment(**more: str) -> dict[str, str]:
    """Give this environment without settings of a hub that happens to be configured here, or of this test run."""
    settings = ("DATA", "DATABASE", "CONFIG", "HOST", "PORT", "TICK_S", "LOG_LEVEL")
    hidden = {f"PLANTWIDE_{name}" for name in settings} | {"PYTEST_ADDOPTS"}
    return {k: v for k, v in os.environ.items() if k not in hidden} | more
