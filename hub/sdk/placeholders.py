"""Placeholders in settings: `${env:NAME}`, `${file:PATH}` and given names; filled in memory only."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from hub.sdk.errors import Misconfigured

_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")


def fill_placeholders(node: Any, values: Mapping[str, str], file: Path) -> Any:
    """Give settings with values in the place of placeholders; what is filled in is never written anywhere.

    Raises `Misconfigured` that names the `file` and the placeholder.
    """
    if isinstance(node, dict):
        mapping = cast("dict[Any, Any]", node)
        return {key: fill_placeholders(value, values, file) for key, value in mapping.items()}
    if isinstance(node, list):
        return [fill_placeholders(value, values, file) for value in cast("list[Any]", node)]
    if isinstance(node, str):
        return _PLACEHOLDER.sub(lambda found: _value(found.group(1), values, file), node)
    return node


def _value(name: str, values: Mapping[str, str], file: Path) -> str:
    kind, _, rest = name.partition(":")
    if kind == "env":
        found = values.get(rest, os.environ.get(rest))
        if found is None:
            raise Misconfigured(f"{file}: environment variable {rest} is not set")
        return found
    if kind == "file":
        path = Path(rest) if Path(rest).is_absolute() else file.parent / rest
        if not path.is_file():
            raise Misconfigured(f"{file}: secret file {path} does not exist")
        return path.read_text(encoding="utf-8").strip()
    if name in values:
        return values[name]
    raise Misconfigured(
        f"{file}: placeholder ${{{name}}} has no value", remedy=f"give it with --set {name}=…"
    )
