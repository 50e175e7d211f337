"""Write the pages that come from the code, or with --check say which are out of date (exit status 1).

Comes in: door plates (the docstring of each package), settings classes, the tables of rights and of
deprecations. Goes out: `docs/tour.md`, `docs/settings.md`, `docs/rights.md`, `docs/deprecations.md`, and the
list of rooms in `README.md` between its two tour marks.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

import hub
from hub.api.deprecation import DEPRECATIONS, SHORTEST
from hub.api.rights import KNOWN, OPEN, RIGHTS, Right
from hub.store.permissions import LOOKING, MEANINGS, ROLES, SCOPES, Permission

ROOT = Path(__file__).resolve().parent.parent
MADE = "<!-- written by `poe docs-write`; change the code it comes from instead -->"
RIGHTS_TOLD = """\
Each route of each door needs one permission; a route that the table below does not name is closed to all.
Roles and scopes are sets of permissions. A key has one or several (`plantwide key create NAME --role steward`
or `--scope read`), people who come with a token have the roles that the setting `oidc_roles` gives to what
their issuer says of them.

`401` and `403` are problem documents (`key-needed`, `scope-missing`). HEAD is asked for like GET. `*` stands
for every method, where a part of the hub judges methods itself. The scope `deliver:<source>` opens the
deliveries of that source and nothing else. *narrow* is a key with `site:` or `product:` scopes beside the
scope `read`: it sees its rows, at the addresses that can be narrowed to them (with the role reader all but
OData). The views of PostgreSQL's `mart` schema have rights of their own (`plantwide db reader`)."""
DEPRECATIONS_TOLD = """\
What was released stays: under `/v1` nothing changes its meaning, and new things are only added. When
there is a better way to ask for something, the old one is *deprecated*: it works on as before, and
tells.

**How long.** At least {days} days from the date of the header `Deprecation` to that of `Sunset`; without
a `Sunset`, its end is not decided. Only then may a release leave it out, and only if the release before
it said so. A hub with a shorter time does not start. A `/v2` would begin beside `/v1`, and deprecate it
by the same rules.

**How you are told.** Every answer of what is deprecated, a refusal too, bears

```text
Deprecation: @1830297600
Sunset: Tue, 02 Jan 2029 00:00:00 GMT
Link: </v1/openapi.json#/paths/~1v1~1old/get>; rel="deprecation"; type="application/json"
Link: </v1/new>; rel="successor-version"
```

(RFC 9745, RFC 8594, RFC 5829). A query parameter can be deprecated as well: then answers to requests
that use it say so. The description has `deprecated: true` and a sentence that says what to do instead,
so that editors strike through what is used of clients made from it; `x-sunset` there is the date. The
hub's log names each key that still asks, once a run, for whoever looks after the programs of a plant.
`CHANGELOG.md` tells it, and this page lists it."""
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


def write_rights() -> str:
    """`docs/rights.md`: permissions, who holds them, and every route by role and scope."""
    held = [*ROLES.values(), *SCOPES.values()]
    head = f"# Who may do what\n\n{MADE}\n\n{RIGHTS_TOLD}"
    permissions = [f"| `{name}` | {meaning} |" for name, meaning in MEANINGS.items()]
    meanings = "\n".join(["| permission | what for |", "|---|---|", *permissions])
    roles = [
        f"| {kind} `{name}` | {', '.join(one for one in Permission if one in found)} |"
        for kind, sets in (("role", ROLES), ("scope", SCOPES))
        for name, found in sets.items()
    ]
    who = "\n".join(["| who | permissions |", "|---|---|", *roles])
    named = [f"role {name}" for name in ROLES] + [f"scope {name}" for name in SCOPES]
    columns = ["route", "needs", "nobody", *named, "narrow"]
    rows = [
        f"| `{route}` | {right.needs} | {' | '.join(tell_cells(right, held))} |"
        for route, right in sorted(RIGHTS.items(), key=lambda row: row[0].partition(" ")[::-1])
    ]
    table = "\n".join([f"| {' | '.join(columns)} |", "|---|---|" + ":-:|" * (len(columns) - 2), *rows])
    parts = [head, "## Permissions", meanings, "## Roles and scopes", who, "## Routes", table]
    return "\n\n".join(parts) + "\n"


def write_deprecations() -> str:
    """`docs/deprecations.md`: the policy, and what is deprecated now."""
    told = DEPRECATIONS_TOLD.replace("{days}", str(SHORTEST.days))
    rows = [
        f"| `{name}` | {one.since} | {one.sunset or 'not decided'} | {one.instead} |"
        for name, one in sorted(DEPRECATIONS.items())
    ]
    table = "\n".join(["| what | since | may be gone on | instead |", "|---|---|---|---|", *rows])
    parts = ["# What will go, and when", MADE, told, "## Now", table if rows else "Nothing is deprecated."]
    return "\n\n".join(parts) + "\n"


def tell_cells(right: Right, held: Sequence[frozenset[Permission]]) -> list[str]:
    """What a route answers a stranger, each role and scope, and a narrow key that looks."""
    if right.needs == OPEN:
        return ["yes"] * (len(held) + 2)
    each = ["yes" if right.needs == KNOWN or right.needs in one else "403" for one in held]
    is_seen = right.needs == KNOWN or (right.is_narrowed and right.needs in LOOKING)
    return ["401", *each, "yes" if is_seen else "403"]


PAGES = {
    "docs/tour.md": write_tour,
    "docs/settings.md": write_settings,
    "docs/rights.md": write_rights,
    "docs/deprecations.md": write_deprecations,
    "README.md": write_readme,
}


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
