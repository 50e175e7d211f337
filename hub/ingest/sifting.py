"""Samples that cannot be stored as they are told: taken out by name, so that the rest is stored.

A number that is none (NaN, infinity) told with a bad status is stored as no number: the status says it all.
Told as good it contradicts itself, and waits for a person like a time far off and a text without measure.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute

from hub.ingest.faults import make_fault
from hub.model import SAMPLE_SCHEMA
from hub.sdk import Rejected
from hub.store.quarantine import Fault

pc: Any = pyarrow.compute
"""Untyped on purpose: the stubs leave most functions partly unknown."""
SAMPLE = "sample"
"""The object type under which samples are held that were told and could not be stored."""
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Samples lie between: Parquet readers with nanoseconds end in the year 2262."""
TEXT_BYTES = 65_536
_SHOWN = 1_000
_SHOWN_TEXT = 200


def sift(table: pa.Table) -> tuple[pa.Table, list[Fault]]:
    """Give what can be stored, and an entry of the quarantine for each tag and kind of fault."""
    table = _drop_bad_numbers(table)
    faults: list[Fault] = []
    keep: Any = None
    for name, (mask, reason, remedy) in _judge(table).items():
        if pc.any(mask).as_py():
            faults += _describe(pc.filter(table, mask), name, reason=reason, remedy=remedy)
            keep = pc.invert(mask) if keep is None else pc.and_not(keep, mask)
    return (table if keep is None else pc.filter(table, keep)), faults


def reject_batches(
    batches: Iterable[pa.RecordBatch], tags: Iterable[str]
) -> tuple[list[pa.RecordBatch], list[Rejected]]:
    """Give the batches that have the columns of samples, and the tags of those that have not.

    A tag is named once; where a batch does not even tell its tags, all that were asked for are named.
    """
    sound: list[pa.RecordBatch] = []
    rejected: dict[str, Rejected] = {}
    for batch in batches:
        if batch.schema.equals(SAMPLE_SCHEMA):
            sound.append(batch)
            continue
        reason = f"samples that are none: {'; '.join(_differences(batch.schema)) or 'other columns'}"
        for tag in _tags_of(batch) or list(tags):
            remedy = "mend the connector; the time is read again at every round"
            rejected.setdefault(tag, Rejected(key=tag, reason=reason, remedy=remedy))
    return sound, list(rejected.values())


def _differences(schema: Any) -> list[str]:
    """Name the columns that samples have and this schema has not, or not of their type."""
    wanted: Any = SAMPLE_SCHEMA
    lacking = [f"{field.name} is missing" for field in wanted if field.name not in schema.names]
    other = [
        f"{field.name} is {_spell(schema.field(field.name))}, not {_spell(field)}"
        for field in wanted
        if field.name in schema.names and not schema.field(field.name).equals(field)
    ]
    return [*lacking, *other]


def _spell(field: Any) -> str:
    return f"{field.type}" if field.nullable else f"{field.type} and never null"


def _tags_of(batch: pa.RecordBatch) -> list[str]:
    schema: Any = batch.schema
    if "tag" not in schema.names or schema.field("tag").type != pa.string():
        return []
    return [tag for tag in pc.unique(batch.column("tag")).to_pylist() if tag]


def _drop_bad_numbers(table: pa.Table) -> pa.Table:
    """Store a number that is none and has a bad status as no number."""
    value = table["value"]
    is_bad = pc.greater_equal(table["quality"], pa.scalar(0x80000000, pa.uint32()))
    hollow = pc.and_(is_bad, pc.invert(pc.fill_null(pc.is_finite(value), fill_value=True)))
    if not pc.any(hollow).as_py():
        return table
    mended = pc.if_else(hollow, pa.scalar(None, pa.float64()), value)
    return table.set_column(table.column_names.index("value"), "value", mended)


def _judge(table: pa.Table) -> dict[str, tuple[Any, str, str]]:
    kind = pa.timestamp("us", tz="UTC")
    stamp = table["ts"]
    far = pc.or_(pc.less(stamp, pa.scalar(EARLIEST, kind)), pc.greater_equal(stamp, pa.scalar(LATEST, kind)))
    size = pc.fill_null(pc.binary_length(table["text"]), 0)
    return {
        "time": (
            far,
            f"times outside {EARLIEST.year} to {LATEST.year}",
            "set the source's clock right; the samples are kept here as they were told",
        ),
        "number": (
            pc.invert(pc.fill_null(pc.is_finite(table["value"]), fill_value=True)),
            "numbers that are none (NaN, infinity) told with a status that is not bad",
            "have the source tell a bad status, or no number",
        ),
        "text": (
            pc.greater(size, TEXT_BYTES),
            f"texts of more than {TEXT_BYTES:,} bytes",
            "a sample is a state, not a document: map this tag to a source of records",
        ),
        "nul": (
            pc.fill_null(pc.match_substring(table["text"], "\x00"), fill_value=False),
            "texts with the NUL character",
            "have the source end its texts before it; PostgreSQL cannot hold one",
        ),
    }


def _describe(refused: pa.Table, name: str, *, reason: str, remedy: str) -> list[Fault]:
    faults: list[Fault] = []
    for tag in pc.unique(refused["tag"]).to_pylist():
        mine = pc.filter(refused, pc.equal(refused["tag"], tag))
        first = pc.min(mine["ts"].cast(pa.int64())).as_py()
        count = f"{mine.num_rows} samples" if mine.num_rows > 1 else "a sample"
        faults.append(
            make_fault(
                SAMPLE,
                tag,
                f"{name}/{first}",
                reason=f"{count} of the tag {tag} with {reason}; the others are stored",
                remedy=remedy,
                payload=orjson.dumps(_show(mine)).decode(),
            )
        )
    return faults


def _show(refused: pa.Table) -> list[dict[str, Any]]:
    """Give samples as they were told; times in microseconds since 1970, as no calendar may hold them."""
    part = refused.slice(0, _SHOWN)
    stamps: Any = part["ts"].cast(pa.int64()).to_pylist()
    rest = part.drop_columns(["ts"]).to_pylist()
    return [
        {**row, "ts_us": at, "value": repr(row["value"]), "text": (row["text"] or "")[:_SHOWN_TEXT]}
        for at, row in zip(stamps, rest, strict=True)
    ]
