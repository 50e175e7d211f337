"""Writes the package of a new connector: it installs, reads, and passes its conformance test as it is."""

import re
from importlib.resources import files
from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")
_TARGETS = {
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
    "example.yaml.txt": "example.yaml",
    "connector.py.txt": "plantwide_{name}/__init__.py",
    "test_connector.py.txt": "tests/test_{name}.py",
}


def write_connector(name: str, folder: Path) -> Path:
    """Write `folder/plantwide-<name>`; ValueError for a bad name, FileExistsError when it is there."""
    if not _NAME.fullmatch(name):
        msg = f"{name!r} is no connector name: small letters, digits and _, beginning with a letter"
        raise ValueError(msg)
    target = folder / f"plantwide-{name.replace('_', '-')}"
    if target.exists():
        msg = f"{target} exists already; choose another name or folder"
        raise FileExistsError(msg)
    words = {"NAME": name, "CLASS": "".join(part.capitalize() for part in name.split("_"))}
    for template, place in _TARGETS.items():
        text = files("hub.cli").joinpath("template", template).read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        path = target / place.format(name=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return target
