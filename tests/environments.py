"""Environments of somebody else: a real virtual environment that borrows what is installed here."""

import os
import subprocess
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_QUIET = {
    "PIP_NO_DEPS": "1",
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads its own negations backwards: this turns isolation off
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # those of here take longer to load than the tests to run
}


@dataclass(frozen=True)
class Environment:
    """A virtual environment: what is installed into it is seen by nobody else."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def site(self) -> Path:
        """Where its packages lie."""
        return next((self.folder / "lib").glob("python*")) / "site-packages"

    def variables(self, **more: str) -> dict[str, str]:
        """Give environment variables under which its commands come first, and pip asks nobody."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        outer = {k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"}  # of this run alone
        return {**outer, **_QUIET, "PATH": path, "VIRTUAL_ENV": str(self.folder), **more}

    def run(self, command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a line of shell in a folder, output and errors in one."""
        return subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=self.variables(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )


def install_peer(folder: Path, packages: Sequence[str], *, kept: str | None) -> Path:
    """Give where the programs of packages from PyPI lie; pip needs a minute or two.

    `kept` is a folder that has them already, or in which they stay for the next run.
    """
    home = Path(kept) if kept else folder / "peer"
    if not (home / "bin" / "pip").exists():
        venv.create(home, with_pip=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *packages], check=True, capture_output=True)
    return home / "bin"


def make_environment(folder: Path) -> Environment:
    """Make one with `plantwide`, `pytest` and `pip` of here."""
    venv.create(folder, symlinks=True, with_pip=False)
    made = Environment(folder)
    here = sysconfig.get_path("purelib")
    (made.site / "borrowed.pth").write_text(f"import site; site.addsitedir({here!r})\n", encoding="utf-8")
    for name, code in {
        "plantwide": "from hub.cli import app; app()",
        "pytest": "import sys, pytest; sys.exit(pytest.main())",
        "pip": "import runpy, sys; sys.argv[0] = 'pip'; runpy.run_module('pip', run_name='__main__')",
    }.items():
        script = folder / "bin" / name
        script.write_text(f"#!{made.python}\n{code}\n", encoding="utf-8")
        script.chmod(0o755)
    return made
