"""Writes the demo's tag map: every tag but the spare one, as the historian names it."""

import csv
import sys
from pathlib import Path

from hub.demo.tags import SPARE, TAGS
from hub.model.unit import find_unit

NODE_PREFIX = "ns=2;s="
"""What the OPC UA connector puts before a tag's name: the namespace of the demo historian is its second."""


def rows() -> list[dict[str, str]]:
    """Give the rows of `config/historian-tags.csv`."""
    return [
        {
            "tag": NODE_PREFIX + tag.name,
            "equipment": tag.equipment or "",
            "property": tag.property,
            "unit": find_unit(tag.unit).code if tag.unit else "",
            "step": "" if tag.kind == "float" else "true",
            "low": f"{tag.low:g}" if tag.kind == "float" else "",
            "high": f"{tag.high:g}" if tag.kind == "float" else "",
            "criticality": tag.criticality,
        }
        for tag in TAGS.values()
        if tag.name != SPARE
    ]


def main() -> int:
    """Write the file; run it after a change of `tags.py`."""
    file = Path(__file__).parent / "config" / "historian-tags.csv"
    table = rows()
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    print(f"{len(table)} tags written to {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
