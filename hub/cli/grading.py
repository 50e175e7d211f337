"""Runs the conformance suites of connectors in a process of their own, and reads what they found."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hub.sdk.testing.grades import Finding, Proof


class Ungradable(Exception):
    """The suites cannot be run; the message says why and what helps."""


def run_suites(connectors: Sequence[str], tests: Sequence[Path]) -> tuple[list[Finding], list[Proof]]:
    """Run the suites with pytest; give what they found.

    A suite that fails is a finding. Raises `Ungradable` when there is no pytest, or nothing to run.
    """
    if find_spec("pytest") is None:
        raise Ungradable("pytest is not installed; suites run with it: pip install pytest")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "grades.json"
        places = [str(path) for path in tests or _places(connectors)]
        command = [sys.executable, "-m", "pytest", *places, "-q", "--grades", str(target)]
        done = subprocess.run(  # noqa: S603 - our own interpreter, paths that a person gave
            [*command, "-p", "no:cacheprovider"], capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, 1) or not target.is_file():
            tail = "\n".join(f"{done.stdout}\n{done.stderr}".strip().splitlines()[-15:])
            raise Ungradable(f"the suites could not be run (pytest ended with {done.returncode}):\n{tail}")
        told: list[dict[str, Any]] = json.loads(target.read_text(encoding="utf-8"))
    return (
        [Finding(**one) for one in told if "promise" in one],
        [Proof(**one) for one in told if "software" in one],
    )


def _places(connectors: Sequence[str]) -> list[Path]:
    """Give the folders of the suites: one a connector in our own layout, else `tests`."""
    root = Path("tests") / "connectors"
    own = [root / name for name in connectors if (root / name).is_dir()]
    places = own or [Path("tests")]
    if missing := [str(place) for place in places if not place.is_dir()]:
        raise Ungradable(f"no suites in {', '.join(missing)}; give --tests FOLDER")
    return places
