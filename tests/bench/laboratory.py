"""Made-up laboratory documents for benchmarks: each one sample with its results, on batches of a plant."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import orjson

from hub.model import Batch, Identifier, Measurement, Quantity, Record, Sample, TestResult
from hub.store.statements import Told
from hub.store.stating import state

NOW = datetime(2026, 4, 20, 6, tzinfo=UTC)
SOURCE = "lims"
TESTS = 9
PAGE = 100


def write_samples(documents: int, *, batches: int, version: int = 1) -> Iterator[Told]:
    """Give documents of `1 + TESTS` records each, spread over the batches; every version has other values."""
    for number in range(documents):
        taken = NOW - timedelta(hours=number)
        sample = f"S-{number:06}"
        records: list[Record] = [
            Sample(
                key=sample,
                code=sample,
                batch=Identifier(value=f"B{number % batches:05}"),
                sample_type="release",
                stage="DS",
                taken_at=taken,
                status="APPROVED",
            )
        ]
        records += [
            TestResult(
                key=f"{sample}/{test}",
                sample=sample,
                test_code=f"T-{test}",
                property=f"property {test}",
                value=Measurement.of(str(number % 97 + version - 1 + test / 10), "mg/L"),
                verdict="pass",
                status="APPROVED",
                measured_at=taken + timedelta(hours=4),
            )
            for test in range(TESTS)
        ]
        yield write_document("samples", sample, records, version)


def write_batches(number: int) -> Iterator[Told]:
    """Give one document a batch, with times, sizes and status."""
    for at in range(number):
        start = NOW - timedelta(hours=8 * at)
        batch = Batch(
            id=Identifier(value=f"B{at:05}"),
            kind="batch",
            description=f"Batch {at} of a made-up plant",
            product=Identifier(value=f"P{at % 7}"),
            status="Complete",
            planned_start=start,
            actual_start=start + timedelta(minutes=7),
            actual_end=start + timedelta(days=14),
            planned_size=Quantity.of("120", "kg"),
            actual_size=Quantity.of(f"{118 + at % 5}.2", "kg"),
        )
        yield write_document("batches", f"B{at:05}", [batch])


def write_document(object_type: str, key: str, records: list[Record], version: int = 1) -> Told:
    """Give a document with the payload a source would have sent for these records."""
    said = [state(SOURCE, record) for record in records]
    return Told(
        object_type=object_type,
        source_key=key,
        payload=orjson.dumps([one.body for one in said]).decode(),
        media_type="application/json",
        version=version,
        source_time=NOW,
        said=said,
    )
