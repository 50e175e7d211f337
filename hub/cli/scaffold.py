"""Writes the package of a new connector: it installs, reads, and passes its conformance test as it is."""

import re
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path
from typing import Literal

Kind = Literal["python", "rest", "sql"]
"""What is at the other end: anything that Python can ask, a JSON API, or views of a database."""
_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")
_TARGETS = {
    "pyproject.toml.txt": "pyproject.toml",
    "{kind}/README.md.txt": "README.md",
    "{kind}/example.yaml.txt": "example.yaml",
    "{kind}/connector.py.txt": "plantwide_{name}/__init__.py",
    "{kind}/streams.yaml.txt": "plantwide_{name}/streams.yaml",
    "{kind}/test_connector.py.txt": "tests/test_{name}.py",
}


def write_connector(name: str, folder: Path, kind: Kind = "python") -> Path:
    """Write `folder/plantwide-<name>`; ValueError for a bad name, FileExistsError when it is there."""
    if not _NAME.fullmatch(name) or iskeyword(name):
        msg = f"{name!r} is no connector name: small letters, digits and _, beginning with a letter"
        raise ValueError(msg)
    dashed = name.replace("_", "-")
    target = folder / f"plantwide-{dashed}"
    if target.exists():
        msg = f"{target} exists already; choose another name or folder"
        raise FileExistsError(msg)
    words = {
        "NAME": name,
        "DASHED": dashed,
        "CLASS": "".join(part.capitalize() for part in name.split("_")),
    }
    for template, place in _TARGETS.items():
        source = files("hub.cli").joinpath("template", template.format(kind=kind))
        if not source.is_file():  # only what is described by settings has streams
            continue
        text = source.read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        path = target / place.format(name=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return target
