"""Write the pages that come from the code, or with --check say which are out of date (exit status 1).

Comes in: door plates (the docstring of each package) and settings classes. Goes out: `docs/tour.md`,
`docs/settings.md`, and the list of rooms in `README.md` between its two tour marks.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

import hub

ROOT = Path(__file__).resolve().parent.parent
MADE = "<!-- written by `poe docs-write`; change the code it comes from instead -->"
TOUR_MARKS = ("<!-- tour -->", "<!-- /tour -->")
ORDER = ("model", "sdk", "store", "ingest", "resolve", "records", "insight", "shift", "api", "cli", "demo")


def read_plate(package: Path) -> str:
    """Docstring of a package, as it stands, without importing it."""
    return ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""


def list_rooms() -> Iterator[tuple[str, str]]:
    """(path, plate) of every room, in the order of the sentence; rooms inside a room follow it."""
    rooms = {path.parent.name for path in (ROOT / "hub").glob("*/__init__.py")}
    for name in [*ORDER, *sorted(rooms - set(ORDER))]:
        room = ROOT / "hub" / name
        yield f"hub/{name}", read_plate(room)
        for inner in sorted(path.parent for path in room.rglob("*/__init__.py")):
            yield str(inner.relative_to(ROOT)), read_plate(inner)


def list_connectors() -> Iterator[tuple[str, str]]:
    """(path, plate) of each connector."""
    for package in sorted(path.parent for path in (ROOT / "connectors").glob("*/__init__.py")):
        yield str(package.relative_to(ROOT)), read_plate(package)


def first_sentence(plate: str) -> str:
    """What stands before the first full stop that ends a sentence."""
    words = re.sub(r"\s+", " ", plate)
    return re.split(r"(?<=[a-z)0-9`])\.(?:\s|$)", words, maxsplit=1)[0].rstrip(".") + "."


def write_tour() -> str:
    """`docs/tour.md`: the plates in full."""
    rooms = [f"## `{path}`\n\n{plate}" for path, plate in list_rooms() if plate]
    doors = [f"### `{path}`\n\n{plate}" for path, plate in list_connectors() if plate]
    head = (
        "# A tour of the house\n\n"
        "A source says something; the hub writes it down, finds out what it is about, and lets people see,"
        " judge and release. Data flows down that sentence; imports only go up it."
    )
    parts = [head, MADE, *rooms, "## `connectors`", read_plate(ROOT / "connectors"), *doors]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_readme() -> str:
    """`README.md` with one line for each room between the tour marks."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, after = text.split(TOUR_MARKS[0])[0], text.split(TOUR_MARKS[1])[1]
    rooms = [(path, plate) for path, plate in list_rooms() if path.count("/") == 1]
    lines = [f"- `{path}`: {first_sentence(plate)}" for path, plate in rooms if plate]
    return f"{before}{TOUR_MARKS[0]}\n" + "\n".join(lines) + f"\n{TOUR_MARKS[1]}{after}"


def list_settings() -> list[type[BaseSettings]]:
    """Every settings class of the hub, by name."""
    found: dict[str, type[BaseSettings]] = {}
    for module in pkgutil.walk_packages(hub.__path__, "hub."):
        if module.name.endswith("__main__"):
            continue
        for thing in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(thing) and issubclass(thing, BaseSettings) and thing.__module__ == module.name:
                found[f"{thing.__module__}.{thing.__name__}"] = thing
    return [found[name] for name in sorted(found)]


def write_settings() -> str:
    """`docs/settings.md`: each setting, its environment variable, default and meaning."""
    sources = (
        "A setting comes from `plantwide.toml`, from the environment, or from a secrets directory; the"
        " environment wins over the file."
    )
    parts = ["# Settings", MADE, sources]
    for settings in list_settings():
        prefix = settings.model_config.get("env_prefix", "")
        rows = [describe_setting(prefix, name, field) for name, field in settings.model_fields.items()]
        parts.append(re.sub(r"\s+", " ", inspect.getdoc(settings) or settings.__name__))
        parts.append("\n".join(["| setting | environment | default | meaning |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def describe_setting(prefix: str, name: str, field: FieldInfo) -> str:
    """One line of the table."""
    default = "required" if field.is_required() else f"`{field.default}`"
    if field.default_factory is not None:
        default = "computed"
    meaning = re.sub(r"\s+", " ", field.description or "").replace("|", "\\|")
    return f"| `{name}` | `{(prefix + name).upper()}` | {default} | {meaning} |"


PAGES = {"docs/tour.md": write_tour, "docs/settings.md": write_settings, "README.md": write_readme}


def main(arguments: list[str]) -> int:
    """Write what differs, or with --check only name it."""
    stale = list[str]()
    for name, write in PAGES.items():
        path, page = ROOT / name, write()
        if not path.exists() or path.read_text(encoding="utf-8") != page:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(page, encoding="utf-8")
    if not stale:
        print("generated pages are up to date")
    elif "--check" in arguments:
        print(f"out of date: {', '.join(stale)}; run: poe docs-write")
        return 1
    else:
        print(f"written: {', '.join(stale)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
