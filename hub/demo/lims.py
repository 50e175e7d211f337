"""The laboratory: samples with their results, specifications and usage decisions, as versions over time.

Times carry the offset of the site's wall clock. Batches are written the laboratory's way: `b26 0117`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from hub.demo.kinetics import Culture, grow
from hub.demo.ledger import Entry, Ledger, Row
from hub.demo.plan import (
    LATE_NAMED,
    REJECTED,
    SEED,
    WORKED_EXAMPLE,
    Batch,
    decided_at,
    local,
    name_in_lims,
)

CORRECTED_AT = datetime(2026, 4, 19, 14, 20, tzinfo=UTC)
EARLY_ENTRY, CORRECTED_ENTRY = "2.41", "4.21"
"""Viable cell density of B26-0122 at the end of N-2: digits exchanged, corrected after review."""
CODED_ANEW, NEW_CODE = "F26-0040", "MAB214-150"
"""The batch whose usage decision names the drug product by a code that nobody has declared."""
EXAMPLE_SAMPLE, EXAMPLE_RESULT = 4811, 91203
"""Numbers of the worked example: S-2026-004811 (day-10 titre) and R-91203 (the OOS host cell protein)."""


@dataclass(frozen=True)
class Test:
    """A test of the laboratory: code, property, method, unit and limits."""

    __test__ = False

    code: str
    property: str
    method: str
    unit: str
    lower: float | None = None
    upper: float | None = None
    is_cqa: bool = False
    text: str | None = None


IN_PROCESS = (
    Test("VCD", "Viable cell density", "TM-0031", "10^6 cells/mL"),
    Test("VIAB", "Viability", "TM-0031", "%", lower=70.0),
    Test("GLUC", "Glucose", "TM-0033", "g/L"),
    Test("LACT", "Lactate", "TM-0033", "g/L", upper=6.0),
    Test("TITRE-HPLC", "Titre", "TM-0102", "mg/mL"),
)
RELEASE = (
    Test("PROT-A280", "Protein concentration", "TM-0110", "g/L", lower=47.5, upper=52.5, is_cqa=True),
    Test("SEC-MONO", "Monomer", "TM-0112", "%", lower=97.0, is_cqa=True),
    Test("SEC-AGG", "Aggregates", "TM-0112", "%", upper=2.0, is_cqa=True),
    Test("CEX-MAIN", "Main charge variant", "TM-0114", "%", lower=55.0, upper=75.0, is_cqa=True),
    Test("POTENCY", "Relative potency", "TM-0120", "%", lower=80.0, upper=125.0, is_cqa=True),
    Test("HCP-ELISA", "Host cell protein", "TM-0117", "ng/mg", upper=100.0, is_cqa=True),
    Test("DNA-QPCR", "Residual DNA", "TM-0118", "pg/mg", upper=10.0, is_cqa=True),
    Test("PROTA-ELISA", "Residual protein A", "TM-0119", "ng/mg", upper=10.0, is_cqa=True),
    Test("ENDOTOXIN", "Endotoxin", "TM-0130", "EU/mg", upper=0.25, is_cqa=True),
    Test("BIOBURDEN", "Bioburden", "TM-0131", "CFU/10 mL", upper=10.0, is_cqa=True),
    Test("PH", "pH", "TM-0101", "pH", lower=5.8, upper=6.2),
    Test("APPEARANCE", "Appearance", "TM-0100", "", text="Clear to slightly opalescent, colourless"),
)
FILL_RELEASE = (
    Test("PROT-A280", "Protein concentration", "TM-0110", "g/L", lower=47.5, upper=52.5, is_cqa=True),
    Test("STERILITY", "Sterility", "TM-0140", "", is_cqa=True, text="No growth"),
    Test("ENDOTOXIN", "Endotoxin", "TM-0130", "EU/mg", upper=0.25, is_cqa=True),
    Test("VOLUME", "Extractable volume", "TM-0145", "mL", lower=5.0, is_cqa=True),
)
_USUAL = {
    "PROT-A280": (50.2, 0.5, 1),
    "SEC-MONO": (98.6, 0.2, 1),
    "SEC-AGG": (1.1, 0.15, 1),
    "CEX-MAIN": (65.0, 1.5, 1),
    "POTENCY": (101.0, 5.0, 0),
    "HCP-ELISA": (42.0, 9.0, 0),
    "DNA-QPCR": (2.1, 0.6, 1),
    "PROTA-ELISA": (2.4, 0.5, 1),
    "PH": (6.0, 0.03, 2),
    "VOLUME": (5.12, 0.03, 2),
}
_WORDS = {
    "ENDOTOXIN": "<0.05",
    "BIOBURDEN": "0",
    "APPEARANCE": "Clear, colourless",
    "STERILITY": "No growth",
}
SPECIFICATIONS = {
    "SPEC-MAB214-IPC": ("6", "MAB214-BR", "in-process", IN_PROCESS),
    "SPEC-MAB214-DS": ("4", "MAB214-DS", "release", RELEASE),
    "SPEC-MAB214-DP": ("2", "MAB214-DP", "release", FILL_RELEASE),
}


@dataclass(frozen=True)
class Sample:
    """A sample before it has its number: what was taken, when, and the entries of its results."""

    batch: Batch
    stage: str
    point: str
    taken: datetime
    approved: datetime
    specification: str
    entries: tuple[tuple[Test, str], ...]

    @property
    def is_release(self) -> bool:
        """Whether the product is judged by it."""
        return self.stage in {"DS", "DP"}


def keep_books(batches: tuple[Batch, ...]) -> Ledger:
    """Give the laboratory's ledger of the whole story."""
    cultures = grow(batches)
    samples = sorted(
        (s for batch in batches for s in _samples(batch, cultures.get(batch.id))),
        key=lambda s: (s.taken, s.batch.id, s.stage),
    )
    return Ledger((*_specifications(), *_written(samples), *_decisions(batches)))


# ----------------------------------------------------------------------------------------------- samples
def _samples(batch: Batch, culture: Culture | None) -> Iterator[Sample]:
    rng = Random(f"{SEED}/lims/{batch.id}")
    if culture:
        yield _seed_sample(batch, "SR-100", stage="N2", density=4.2, rng=rng)
        yield _seed_sample(batch, "SR-110", stage="N1", density=5.1, rng=rng)
        yield from _daily(batch, culture, rng)
    yield _release(batch, rng)


def _seed_sample(batch: Batch, step: str, *, stage: str, density: float, rng: Random) -> Sample:
    span = batch.span(step)
    taken = span.end - timedelta(minutes=rng.randint(40, 90))
    vcd = f"{rng.gauss(density, 0.15):.2f}"
    if batch.seed == LATE_NAMED and step == "SR-100":
        vcd = EARLY_ENTRY
    entries = ((IN_PROCESS[0], vcd), (IN_PROCESS[1], f"{rng.gauss(97.5, 0.4):.1f}"))
    return Sample(
        batch,
        stage,
        span.unit,
        taken,
        taken + timedelta(minutes=rng.randint(70, 200)),
        "SPEC-MAB214-IPC",
        entries,
    )


def _daily(batch: Batch, culture: Culture, rng: Random) -> Iterator[Sample]:
    span = batch.span("SR-120")
    for day in range(14):
        taken = span.start + timedelta(days=day, minutes=65 + rng.randint(0, 30))
        i = culture.at((taken - span.start).total_seconds() / 3600)
        true = (culture.viable, culture.viability, culture.glucose, culture.lactate, culture.product)
        read = [f"{float(series[i]) * rng.gauss(1, 0.015):.2f}" for series in true]
        read[1] = f"{min(float(culture.viability[i]) + rng.gauss(0, 0.3), 99.9):.1f}"
        if batch.seed == WORKED_EXAMPLE and day == 10:
            read[4] = "3.10"
        entries = tuple(zip(IN_PROCESS, read, strict=True))[: 5 if day >= 3 else 4]
        approved = taken + timedelta(minutes=rng.randint(80, 260))
        yield Sample(batch, "BR", span.unit, taken, approved, "SPEC-MAB214-IPC", entries)


def _release(batch: Batch, rng: Random) -> Sample:
    stage = "DS" if batch.titre else "DP"
    tests = RELEASE if batch.titre else FILL_RELEASE
    entries = [(test, _usual(test, rng)) for test in tests]
    if batch.seed == WORKED_EXAMPLE:
        entries = [(test, "118" if test.code == "HCP-ELISA" else entry) for test, entry in entries]
    if batch.seed == REJECTED:
        entries = [(test, "12" if test.code == "BIOBURDEN" else entry) for test, entry in entries]
    taken = batch.end - timedelta(minutes=25)
    approved = batch.end + timedelta(days=rng.uniform(8.0, 9.5))
    return Sample(batch, stage, batch.spans[-1].unit, taken, approved, f"SPEC-MAB214-{stage}", tuple(entries))


def _usual(test: Test, rng: Random) -> str:
    if test.code in _WORDS:
        return _WORDS[test.code]
    mean, spread, decimals = _USUAL[test.code]
    return f"{rng.gauss(mean, spread):.{decimals}f}"


# ----------------------------------------------------------------------------------------------- writing
def _written(samples: list[Sample]) -> Iterator[Entry]:
    """Number samples and results in order, so that the worked example gets its own numbers."""
    example = next(i for i, s in enumerate(samples) if any(e == "3.10" for _, e in s.entries))
    counts = [0]
    for sample in samples:
        counts.append(counts[-1] + len(sample.entries))
    oos = next(i for i, s in enumerate(samples) if s.batch.seed == WORKED_EXAMPLE and s.stage == "DS")
    inside = next(j for j, (test, _) in enumerate(samples[oos].entries) if test.code == "HCP-ELISA")
    first_result = EXAMPLE_RESULT - counts[oos] - inside
    for i, sample in enumerate(samples):
        number, result = EXAMPLE_SAMPLE + i - example, first_result + counts[i]
        yield from _versions(sample, f"S-2026-{number:06d}", result)


def _versions(sample: Sample, code: str, result: int) -> Iterator[Entry]:
    yield _sample_entry(sample, code, result, version=1, at=sample.approved)
    if sample.stage == "DS" and sample.batch.seed == WORKED_EXAMPLE:
        retested = sample.approved + timedelta(days=3, hours=2)
        yield _sample_entry(sample, code, result, version=2, at=retested, retest="41")
    if sample.stage == "N2" and sample.batch.seed == LATE_NAMED:
        entries = tuple((t, CORRECTED_ENTRY if e == EARLY_ENTRY else e) for t, e in sample.entries)
        yield _sample_entry(replace(sample, entries=entries), code, result, version=2, at=CORRECTED_AT)


def _sample_entry(
    sample: Sample, code: str, result: int, *, version: int, at: datetime, retest: str | None = None
) -> Entry:
    results = [
        _result(sample, test, entry, number=result + i) for i, (test, entry) in enumerate(sample.entries)
    ]
    if retest is not None:
        first = next(r for r in results if r["test"] == "HCP-ELISA")
        test = next(t for t, _ in sample.entries if t.code == "HCP-ELISA")
        again = _result(sample, test, retest, number=99_000 + result % 1000)
        again |= {"retestOf": first["resultId"], "replicate": 2, "measuredAt": _iso(at - timedelta(hours=5)),
                  "approvedAt": _iso(at)}  # fmt: skip
        results.append(again)
    row: Row = {
        "sampleId": code,
        "version": version,
        "batchRef": name_in_lims(sample.batch.id),
        "lotRef": sample.batch.lot if sample.is_release else None,
        "product": sample.batch.product,
        "specificationId": sample.specification,
        "stage": sample.stage,
        "sampleType": "release" if sample.is_release else "in-process",
        "samplingPoint": sample.point,
        "takenAt": _iso(sample.taken),
        "receivedAt": _iso(sample.taken + timedelta(minutes=25)),
        "status": "APPROVED",
        "modifiedAt": _iso(at),
        "reason": "Digits exchanged on entry, found in review" if version > 1 and retest is None else None,
        "results": results,
    }
    return Entry(at, "samples", code, row)


def _result(sample: Sample, test: Test, entry: str, *, number: int) -> Row:
    return {
        "resultId": f"R-{number}",
        "test": test.code,
        "property": test.property,
        "method": test.method,
        "criterionId": f"{sample.specification}/{test.code}",
        "replicate": 1,
        "entry": entry,
        "unit": test.unit or None,
        "verdict": _verdict(test, entry),
        "status": "APPROVED",
        "retestOf": None,
        "analyst": f"ANA-{number % 7 + 1:02d}",
        "measuredAt": _iso(sample.approved - timedelta(minutes=45)),
        "approvedAt": _iso(sample.approved),
    }


def _verdict(test: Test, entry: str) -> str:
    try:
        number = float(entry.lstrip("<"))
    except ValueError:
        return "PASS"
    low = test.lower is not None and number < test.lower
    high = test.upper is not None and number > test.upper
    return "FAIL" if low or high else "PASS"


def _iso(moment: datetime) -> str:
    return local(moment).isoformat(timespec="seconds")


# ----------------------------------------------------------------------- specifications, usage decisions
def _specifications() -> Iterator[Entry]:
    at = datetime(2025, 9, 15, 10, tzinfo=UTC)
    for code, (version, product, stage, tests) in SPECIFICATIONS.items():
        row: Row = {
            "specificationId": code,
            "version": version,
            "product": product,
            "stage": stage,
            "effectiveFrom": _iso(at),
            "modifiedAt": _iso(at),
            "criteria": [
                {
                    "criterionId": f"{code}/{t.code}",
                    "test": t.code,
                    "property": t.property,
                    "method": t.method,
                    "lower": t.lower,
                    "upper": t.upper,
                    "text": t.text,
                    "unit": t.unit or None,
                    "cqa": t.is_cqa,
                }
                for t in tests
            ],
        }
        yield Entry(at, "specifications", code, row)


def _decisions(batches: tuple[Batch, ...]) -> Iterator[Entry]:
    for batch in batches:
        at = decided_at(batch)
        code = f"UD-{batch.id}"
        row: Row = {
            "decisionId": code,
            "batchRef": name_in_lims(batch.id),
            "lotRef": batch.lot,
            "product": NEW_CODE if batch.id == CODED_ANEW else batch.product,
            "code": "R" if batch.is_rejected else "A",
            "decision": "Rejected" if batch.is_rejected else "Accepted",
            "disposition": "Restricted" if batch.is_rejected else "UnRestricted",
            "decidedAt": _iso(at),
            "decidedBy": "QA-02",
            "modifiedAt": _iso(at),
        }
        yield Entry(at, "usage-decisions", code, row)
