"""Where in a YAML file a setting stands, so that an error can say file, line and key."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from hub.sdk.errors import Misconfigured

M = TypeVar("M", bound=BaseModel)


def find_line(text: str, keys: Sequence[str | int]) -> int | None:
    """Give the line (from 1) at which the setting under these keys stands; the nearest one around it else."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if node is None:
        return None
    line = node.start_mark.line + 1
    for key in keys:
        inner = _enter(node, key)
        if inner is None:
            continue  # Pydantic names union members and validators, which stand in no file
        node, line = inner
    return line


def _enter(node: yaml.Node, key: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value == str(key):
                return value, name.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        found = node.value[key]
        return found, found.start_mark.line + 1
    return None


def describe_fault(
    error: ValidationError, *, file: str, text: str = "", under: Sequence[str | int] = ()
) -> str:
    """Say what is wrong with settings: one clause a fault, each with file, line (from `text`) and key.

    `under` are the keys around the validated part, e.g. `("settings",)`. Values are never repeated: they may
    be secrets.
    """
    clauses: list[str] = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        keys = [*under, *fault["loc"]]
        line = find_line(text, keys) if text else None
        said = str(fault["msg"]).removeprefix("Value error, ")
        clauses.append(f"{file}{f', line {line}' if line else ''}: {'.'.join(map(str, keys))}: {said}")
    return "; ".join(clauses)


def read_settings(file: Path, kind: type[M]) -> M:
    """Read a YAML file as settings; `Misconfigured` names file, line and key of every fault."""
    try:
        text = file.read_text(encoding="utf-8")
        given = yaml.safe_load(text)
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Misconfigured(f"{file} is no YAML: {error}") from error
    try:
        return kind.model_validate(given if given is not None else {})
    except ValidationError as error:
        raise Misconfigured(describe_fault(error, file=str(file), text=text)) from error
