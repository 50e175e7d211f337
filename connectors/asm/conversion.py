"""Runs allotropy in a process of its own, and tells what became of each file."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from connectors.asm.settings import AsmConfig
from hub.sdk import Misconfigured

_WORKER = Path(__file__).with_name("worker.py")
_INSTALL = "install allotropy into an environment of its own, and set `python` to the Python in it"


@dataclass(frozen=True)
class Converted:
    """A file as Allotrope Simple Model, or why it is not."""

    model: str | None
    error: str = ""


def convert(config: AsmConfig, paths: Sequence[Path]) -> list[Converted]:
    """Convert files by the vendor of the settings, in their order.

    Raises `Misconfigured` where allotropy is not there or does not know the vendor.
    """
    if config.vendor is None:
        raise Misconfigured(
            "`vendor` is not set", remedy="set `vendor` to allotropy's name of the instrument"
        )
    python = str(config.python or sys.executable)
    asked = json.dumps([str(path) for path in paths]).encode()
    try:
        done = subprocess.run(  # noqa: S603 - our own file, by a Python that the settings name
            [python, "-I", str(_WORKER), config.vendor],
            input=asked,
            capture_output=True,
            timeout=config.convert_s,
            check=False,
        )
    except OSError as error:
        raise Misconfigured(f"{python} cannot be run: {error.strerror}", remedy=_INSTALL) from error
    except subprocess.TimeoutExpired as error:
        told = _answers(error.stdout or b"", config)
        late = Converted(None, f"converting took longer than {config.convert_s:g} s (`convert_s`)")
        return [*told, *[late] * (len(paths) - len(told))]
    told = _answers(done.stdout, config)
    ended = Converted(None, f"the converter ended with status {done.returncode}: {_last(done.stderr)}")
    return [*told, *[ended] * (len(paths) - len(told))]


def _answers(said: bytes, config: AsmConfig) -> list[Converted]:
    found: list[Converted] = []
    for line in said.splitlines():
        try:
            answer = cast("dict[str, Any]", json.loads(line))
        except ValueError:
            break  # cut off
        if "lacking" in answer:
            raise Misconfigured(f"allotropy is not installed ({answer['lacking']})", remedy=_INSTALL)
        if "unknown" in answer:
            known = ", ".join(answer["unknown"])
            raise Misconfigured(
                f"allotropy knows no {config.vendor}", remedy=f"set `vendor` to one of {known}"
            )
        if "model" in answer:
            found.append(Converted(json.dumps(answer["model"], ensure_ascii=False)))
        else:
            found.append(Converted(None, str(answer["error"])))
    return found


def _last(said: bytes) -> str:
    return (said.decode(errors="replace").strip().splitlines() or [""])[-1][:500]
