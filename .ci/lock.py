"""Write `constraints.txt`: the exact versions a fresh environment gets today from the declared ranges.

Comes in: `pyproject.toml`. Goes out: every package of every extra and of the build, pinned, so that two
installations of one commit hold the same code. Run by hand (`poe lock`) when dependencies are to move.
"""

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADING = """\
# Exact versions of the whole environment (all extras, tools and the build), written by `poe lock`.
# bootstrap.py and CI install with these; pyproject.toml keeps the ranges a packager needs.
"""


def main() -> int:
    """Resolve in a throw-away environment and keep what came."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = ",".join(project["project"]["optional-dependencies"])
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [str(Path(folder) / "bin" / "python"), "-m", "pip"]
        wanted = [*project["build-system"]["requires"], "editables", f"{ROOT}[{extras}]"]
        subprocess.run([*pip, "install", "--quiet", *wanted], check=True)  # noqa: S603 - our own file's names
        frozen = subprocess.run(  # noqa: S603 - as above
            [*pip, "freeze"], check=True, capture_output=True, text=True
        ).stdout
    pins = [line for line in frozen.splitlines() if "==" in line]
    (ROOT / "constraints.txt").write_text(HEADING + "\n".join(pins) + "\n", encoding="utf-8")
    print(f"constraints.txt: {len(pins)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
