"""A made-up plant for benchmarks: what MES, ERP and LIMS say of each batch, with a share of contradictions.

Each batch is 100 statements in eight documents: 21 of the MES (batch, steps, consumption), 13 of the ERP (the
same batch and consumption), 66 of the LIMS (samples with results). In every twentieth batch the ERP
contradicts the MES about its size, and about one in twenty of all amounts consumed.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import orjson

from hub.model import Batch, Identifier, Measurement, Quantity, Record, Sample, TestResult
from hub.model.execution import MaterialActual, SegmentResponse
from hub.store.statements import Said, Told
from hub.store.stating import state

STATEMENTS = 100
"""Of each batch."""
KINDS = {"mes": "MES", "erp": "ERP", "lims": "LIMS"}
_NOW = datetime(2026, 4, 20, 6, tzinfo=UTC)
_STEPS, _INPUTS, _SAMPLES, _TESTS = 8, 12, 6, 10
_ONE_IN, _TOGETHER, _LOTS = 20, 10, 250
"""One in how many contradicts; how many batches share their lots; after how many lots the first come again."""


def tell(number: int) -> Iterator[tuple[str, Told]]:
    """Give (system, document) of everything that is said of a batch: one of twenty patterns with its own names."""
    pattern = number % _ONE_IN
    for system, key, text in _pattern(pattern):
        own = text.replace(f"{pattern:06}", f"{number:06}")
        own = own.replace(f"R{pattern // _TOGETHER:03}/", f"R{number // _TOGETHER % _LOTS:03}/")
        said = [Said(kind, record, body) for kind, record, body in orjson.loads(own)]
        yield system, _document(key.replace(f"{pattern:06}", f"{number:06}"), own, said)


@cache
def _pattern(number: int) -> list[tuple[str, str, str]]:
    """Give (system, key, records as JSON) of the documents about a batch: making records takes its time."""
    told = [("mes", f"order-{number:06}", _by_mes(number)), ("erp", f"order-{number:06}", _by_erp(number))]
    told += [("lims", f"S-{number:06}-{sample}", _by_lims(number, sample)) for sample in range(_SAMPLES)]
    return [(system, key, _write(system, records)) for system, key, records in told]


def _write(system: str, records: list[Record]) -> str:
    said = (state(system, record) for record in records)
    return orjson.dumps([(one.record_type, one.record_key, one.body) for one in said]).decode()


def _by_mes(number: int) -> list[Record]:
    start = _NOW - timedelta(hours=8 * number)
    steps = [
        SegmentResponse(
            key=f"{number:06}/{step}",
            batch=_batch(number),
            level="operation",
            name=f"Step {step}",
            state="Completed",
            actual_start=start + timedelta(hours=step),
            actual_end=start + timedelta(hours=step + 1),
        )
        for step in range(_STEPS)
    ]
    inputs = [_consumption(number, at, "mes", step=f"{number:06}/{at % _STEPS}") for at in range(_INPUTS)]
    return [_header(number, size="118.2"), *steps, *inputs]


def _by_erp(number: int) -> list[Record]:
    size = "131.5" if number % _ONE_IN == 0 else "118.2"
    return [_header(number, size=size), *(_consumption(number, at, "erp") for at in range(_INPUTS))]


def _by_lims(number: int, sample: int) -> list[Record]:
    key, taken = f"{number:06}-{sample}", _NOW - timedelta(hours=8 * number - sample)
    head = Sample(
        key=key,
        code=key,
        batch=_batch(number),
        sample_type="release",
        stage="DS",
        taken_at=taken,
        status="APPROVED",
    )
    results = [
        TestResult(
            key=f"{key}/{test}",
            sample=key,
            test_code=f"T-{test}",
            property=f"property {test}",
            value=Measurement.of(str(number % 97 + test / 10), "mg/L"),
            verdict="pass",
            status="APPROVED",
            measured_at=taken + timedelta(hours=4),
        )
        for test in range(_TESTS)
    ]
    return [head, *results]


def _header(number: int, *, size: str) -> Batch:
    start = _NOW - timedelta(hours=8 * number)
    return Batch(
        id=_batch(number),
        kind="batch",
        description=f"Batch {number} of a made-up plant",
        status="Complete",
        actual_start=start,
        actual_end=start + timedelta(hours=_STEPS),
        planned_size=Quantity.of("120", "kg"),
        actual_size=Quantity.of(size, "kg"),
    )


def _consumption(number: int, at: int, system: str, *, step: str | None = None) -> MaterialActual:
    differs = system == "erp" and (number * _INPUTS + at) % _ONE_IN == 0
    return MaterialActual(
        key=f"{number:06}/{at}",
        batch=_batch(number),
        response=step,
        lot=Identifier(scheme="plant:lot", value=f"R{number // _TOGETHER:03}/{at}"),
        use="consumed",
        quantity=Quantity.of(f"{10 + at}.{5 if differs else 0}", "kg"),
        at=_NOW - timedelta(hours=8 * number - at % _STEPS),
    )


def _batch(number: int) -> Identifier:
    return Identifier(scheme="plant:batch", value=f"B{number:06}")


def _document(key: str, payload: str, said: list[Said]) -> Told:
    return Told(
        object_type="documents",
        source_key=key,
        payload=payload,
        media_type="application/json",
        version=1,
        source_time=_NOW,
        said=said,
    )
