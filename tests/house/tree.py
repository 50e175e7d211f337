"""The checkout as the rules of the house see it: its files, rooms and connectors."""

import importlib
import importlib.util
import pkgutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hub", "connectors")


@cache
def read_project() -> dict[str, Any]:
    """`pyproject.toml` as a dictionary."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def list_files(suffix: str = "") -> list[Path]:
    """Files a commit would hold (tracked or new, not ignored), relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    named = {Path(name) for name in listed.split("\0") if name.endswith(suffix) and name}
    return sorted(path for path in named if (ROOT / path).is_file())


def list_modules() -> list[str]:
    """Dotted names of all modules of the product, packages included, without importing rooms."""
    names: list[str] = [*PACKAGES]
    for package in PACKAGES:
        names += [found.name for found in _walk(package, [str(ROOT / package)])]
    return names


def _walk(package: str, path: list[str]) -> list[pkgutil.ModuleInfo]:
    found: list[pkgutil.ModuleInfo] = []
    for module in pkgutil.iter_modules(path, prefix=f"{package}."):
        found.append(module)
        if module.ispkg:
            found += _walk(module.name, [str(Path(path[0]) / module.name.rpartition(".")[2])])
    return found


def list_packages() -> list[str]:
    """Dotted names of the packages among the modules: the rooms."""
    return [name for name in list_modules() if (ROOT / name.replace(".", "/") / "__init__.py").exists()]


def load(name: str) -> ModuleType:
    """Import a module of the product."""
    return importlib.import_module(name)


def list_connectors() -> dict[str, str]:
    """Entry-point name -> `module:Class` of our own connectors, as the distribution declares them."""
    return read_project()["project"]["entry-points"]["plantwide.connectors"]
