"""Files as instruments write them, made for these tests."""

import json
from typing import Any

HEAD = "Date & Time,Sample ID,Sample Type,Gln,Gluc,pH,Vessel ID,Batch ID,Operator"


def row(sample: str = "S-1", batch: str = "B1", at: str = "2/18/2021  10:28:04 AM", **said: str) -> str:
    """Give a line of a FLEX2."""
    cells = (
        at,
        sample,
        "Default",
        said.get("gln", "0.560"),
        said.get("gluc", "<0.2"),
        "7.340",
        "BR-1",
        batch,
        "Ann",
    )
    return ",".join(cells)


def flex2(*rows: str, head: str = HEAD) -> str:
    """Give a file of a FLEX2."""
    return "".join(f"{line}\r\n" for line in (head, *rows))


def measurement(sample: str | None = "S-1", **said: Any) -> dict[str, Any]:
    """Give a measurement document of ASM."""
    named = {"sample document": {"sample identifier": sample, "batch identifier": "B1"}} if sample else {}
    return {"measurement identifier": "M1", "measurement time": "2024-01-02T03:04:05-05:00", **named, **said}


def asm(*measurements: dict[str, Any], **more: Any) -> str:
    """Give a document of ASM."""
    one = {"analyst": "Ann", "measurement aggregate document": {"measurement document": list(measurements)}}
    whole = {"x document": [one], **more}
    return json.dumps(
        {"$asm.manifest": "http://purl.allotrope.org/manifests/x", "x aggregate document": whole}
    )
