"""Writes: samples of signals, put by whoever holds the key, for a reason, under audit; nothing else changes.

What the hub knows of things and facts is what sources say and people decide, with the losers kept; a write
that replaced it whole would say neither. So such an object may be written with what it says already, which
changes nothing, and with nothing else.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pyarrow as pa

from hub.i3x.bodies import Update, Written, read_time
from hub.i3x.elements import Element
from hub.i3x.envelope import Refusal, not_found
from hub.i3x.space import find_elements
from hub.i3x.values import read_values
from hub.model import SAMPLE_SCHEMA
from hub.store.database import Connection
from hub.store.samples import put_samples

STREAM = "i3x"
_QUALITIES = {"Good": 0, "GoodNoData": 0x00A50000, "Uncertain": 0x40000000, "Bad": 0x80000000}
"""OPC UA status codes; GoodNoData has one of its own."""
_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True)
class _Sample:
    tag: Element
    at: datetime
    value: float | None
    text: str | None
    quality: int


def write_updates(
    connection: Connection, updates: Sequence[Update], *, now: datetime, is_history: bool
) -> list[Refusal | None]:
    """Write each update that can be written; None for each that was. Of two of one object the last counts."""
    elements = find_elements(connection, {one.element_id for one in updates}, now=now)
    others = [one for one in elements.values() if not one.is_tag]
    said = read_values(connection, others, now=now)
    samples: dict[tuple[str, datetime], _Sample] = {}
    results: list[Refusal | None] = []
    for update in updates:
        element = elements.get(update.element_id)
        try:
            if element is None:
                raise not_found("object")
            if element.id in said:
                _check_unchanged(update.value, said[element.id]["value"])
            else:
                sample = _read(element, update.value, now=now, is_history=is_history)
                samples[element.id, sample.at] = sample
            results.append(None)
        except Refusal as refusal:
            results.append(refusal)
    if samples:
        _put(connection, list(samples.values()), now=now)
    return results


def _check_unchanged(written: Written, value: Any) -> None:
    now = orjson.loads(orjson.dumps(value, option=orjson.OPT_UTC_Z))
    if written.value != now:
        raise Refusal(
            403,
            "What is known of this object comes from sources and decisions; correct it at its source, or "
            "decide with /v1/conflicts. Only signals are written here; one of a batch at its tag/….",
        )


def _read(element: Element, written: Written, *, now: datetime, is_history: bool) -> _Sample:
    if is_history and (written.timestamp is None or written.quality is None):
        raise Refusal(400, "A value of the past has a timestamp and a quality.")
    quality = written.quality or "Good"
    if quality not in _QUALITIES:
        raise Refusal(400, f"quality is one of {', '.join(_QUALITIES)}.")
    at = now if written.timestamp is None else read_time(written.timestamp, "timestamp")
    if at > now + _AHEAD:
        raise Refusal(400, "timestamp lies in the future.")
    value, text = _read_value(element.type.removeprefix("type:"), written.value)
    if (value is None and text is None) != (quality in ("Bad", "GoodNoData")):
        raise Refusal(400, "No value goes with Bad and GoodNoData, a value with Good and Uncertain.")
    return _Sample(element, at, value, text, _QUALITIES[quality])


def _read_value(form: str, value: Any) -> tuple[float | None, str | None]:
    """Give number and text of a value of a tag's type. Raises `Refusal`."""
    match form, value:
        case _, None:
            return None, None
        case "tag_boolean", bool():
            return float(value), None
        case (("tag_float" | "tag_integer" | "tag_any"), (int() | float())) if not isinstance(value, bool):
            if math.isfinite(value):
                return float(value), None
        case (("tag_string" | "tag_any"), str()):
            return None, value
        case _:
            pass
    raise Refusal(400, "The value does not fit the schema of this signal's type.")


def _put(connection: Connection, samples: Sequence[_Sample], *, now: datetime) -> None:
    ids = {one.tag.id: one.tag.row.id for one in samples if one.tag.row is not None}
    columns = {
        "tag": [one.tag.id for one in samples],
        "ts": [one.at for one in samples],
        "value": [one.value for one in samples],
        "text": [one.text for one in samples],
        "quality": [one.quality for one in samples],
    }
    table = pa.table(columns, schema=SAMPLE_SCHEMA)
    put_samples(connection, f"{STREAM}.{uuid4()}", 1, table, ids, now=now)
