"""Write `constraints.txt`: the exact versions that the declared ranges give today on the oldest Python.

Comes in: `pyproject.toml`. Goes out: every package of every extra and of the build, pinned, so that two
installations of one commit hold the same code. Run by hand (`poe lock`) when dependencies are to move.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A library may ask for a patch of Python that a distribution does not have (Debian 12 stays at 3.11.2).
OLDEST = "3.11.0"
HEADING = f"""\
# Exact versions of the whole environment (all extras, tools and the build) for Python {OLDEST} and later,
# written by `poe lock`. bootstrap.py and CI install with these; pyproject.toml keeps the ranges a packager
# needs.
"""


def list_wanted() -> list[str]:
    """Requirements of the package, of every extra and of the build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    build = [*project["build-system"]["requires"], "editables"]
    return [*build, *project["project"]["dependencies"], *(name for extra in extras for name in extra)]


def resolve(wanted: list[str]) -> dict[str, str]:
    """Name -> version of everything pip would install for the oldest Python, without installing it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        target = ["--target", folder, "--python-version", OLDEST, "--only-binary", ":all:"]
        options = ["--quiet", "--dry-run", "--ignore-installed", "--report", str(report), *target]
        subprocess.run([sys.executable, "-m", "pip", "install", *options, *wanted], check=True)  # noqa: S603 - names of our own file
        installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {entry["metadata"]["name"]: entry["metadata"]["version"] for entry in installs}


def main() -> int:
    """Resolve and write."""
    found = sorted(resolve(list_wanted()).items(), key=lambda pin: pin[0].lower())
    pins = [f"{name}=={version}" for name, version in found]
    (ROOT / "constraints.txt").write_text(HEADING + "\n".join(pins) + "\n", encoding="utf-8")
    print(f"constraints.txt: {len(pins)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
