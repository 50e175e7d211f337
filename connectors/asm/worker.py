"""Converts instrument files with allotropy; run by its path in a process of its own, beside the hub.

Paths come in as a JSON list on standard input, after the vendor as argument; a line of JSON a file goes out:
`{"model": …}` or `{"error": …}`. It imports nothing of the hub, so any Python that has allotropy will do.
"""

import json
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any, TextIO


def main() -> None:
    """Convert each file; what goes wrong with one says nothing of the others."""
    paths, out = json.load(sys.stdin), sys.stdout
    sys.stdout = sys.stderr  # whatever a library prints is no answer
    try:
        vendors, read = _open_allotropy()
    except ImportError as error:
        _say(out, {"lacking": str(error)})
        return
    if sys.argv[1] not in vendors:
        _say(out, {"unknown": sorted(vendors)})
        return
    for path in paths:
        try:
            model = read(path, vendors[sys.argv[1]])
        except Exception as error:  # noqa: BLE001 - a converter may raise anything
            last = traceback.format_exception_only(error)[-1].strip()
            _say(out, {"error": last[:2000]})
        else:
            _say(out, {"model": model})


def _open_allotropy() -> tuple[dict[str, Any], Callable[[str, Any], Any]]:
    """Give its vendors by name, and its converter; the import takes seconds."""
    known: Any = import_module("allotropy.parser_factory").Vendor
    return {one.name: one for one in known}, import_module("allotropy.to_allotrope").allotrope_from_file


def _say(out: TextIO, answer: object) -> None:
    out.write(json.dumps(answer) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
