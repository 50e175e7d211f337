"""A small plant that tells one batch: the MES its steps, the laboratory its tests, a historian four tags."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import orjson
import pyarrow as pa

from hub.model import (
    SAMPLE_SCHEMA,
    Batch,
    Equipment,
    Identifier,
    MaterialActual,
    Measurement,
    Quantity,
    Recipe,
    RecipeElement,
    Record,
    Sample,
    SegmentResponse,
    Tag,
    TestCriterion,
    TestResult,
    TestSpecification,
)
from hub.records.completeness import prove
from hub.resolve.resolution import prepare, resolve
from hub.store.answers.things import find_thing
from hub.store.coverage import cover
from hub.store.database import Database
from hub.store.identifiers import ensure_tags
from hub.store.marks import note_mark
from hub.store.order import newest_known
from hub.store.quarantine import Fault, hold_faults
from hub.store.samples import put_samples
from hub.store.statements import Stored, Told, store_documents
from hub.store.stating import state
from hub.store.streams import Claim
from hub.store.systems import ensure_system, list_systems
from tests.swift import swift

DAY = datetime(2026, 3, 10, tzinfo=UTC)
START, END = DAY + timedelta(hours=8), DAY + timedelta(hours=10)
NOW = DAY + timedelta(days=5)
KINDS = {"mes": "MES", "lims": "LIMS", "pi": "HISTORIAN"}
BATCH, UNIT, PRODUCT, LOT, RECIPE = (
    Identifier(value=value) for value in ("B26-0007", "U-1", "M-1", "B26-0007-DS", "R-7")
)


def at(hour: int, minute: int = 0) -> datetime:
    """Give a time of the day of the batch."""
    return DAY + timedelta(hours=hour, minutes=minute)


def named(value: str, system: str, kind: str) -> Identifier:
    """Give a name of another system."""
    return Identifier(scheme=f"{system}:{kind}", value=value)


@dataclass
class Plant:
    """A store, and what the plant's systems say to it; everything is resolved at once."""

    database: Database
    systems: dict[str, int] = field(default_factory=dict[str, int])
    now: datetime = NOW
    _seq: int = 0

    @classmethod
    def new(cls, url: str) -> "Plant":
        """Open a migrated store and make the systems known."""
        plant = cls(swift(url))
        prepare(plant.database, now=NOW)
        with plant.database.begin("test") as connection:
            for code, kind in KINDS.items():
                known = ensure_system(connection, code, kind, now=NOW, connector="test")
                plant.systems[code] = known.id
        return plant

    @classmethod
    def again(cls, url: str) -> "Plant":
        """Open a store in which the systems are known."""
        plant = cls(swift(url), _seq=100)
        with plant.database.read() as connection:
            plant.systems = {system.code: number for number, system in list_systems(connection).items()}
        return plant

    def say(self, system: str, key: str, *records: Record, version: int = 1, **more: Any) -> Stored:
        """Let a system state records in a document whose payload is what it states, as JSON."""
        said = [state(system, record) for record in records]
        payload = orjson.dumps([[s.record_type, s.record_key, s.body] for s in said]).decode()
        document = Told(
            object_type="doc",
            source_key=key,
            payload=payload,
            media_type="application/json",
            version=version,
            source_time=more.pop("source_time", NOW + timedelta(minutes=version)),
            said=said,
            **more,
        )
        with self.database.begin("test") as connection:
            stored = store_documents(
                connection,
                system_id=self.systems[system],
                stream="docs",
                connector="test/1#1",
                documents=[document],
                now=self.now,
            )
        resolve(self.database, clock=lambda: self.now)
        return stored

    def read(self, tag: str, *spans: tuple[datetime, datetime]) -> None:
        """Note that spans of a tag were read."""
        with self.database.begin("test") as connection:
            ensure_tags(connection, "pi", [tag], now=self.now)
            for span in spans:
                cover(connection, self.systems["pi"], tags=[tag], span=span, now=self.now)

    def sample(self, tag: str, times: Sequence[datetime], *, bad: bool = False, value: float = 1.0) -> None:
        """Store samples of a tag."""
        self._seq += 1
        count = len(times)
        table = pa.table(
            {
                "tag": pa.array([tag] * count, pa.string()),
                "ts": pa.array(times, pa.timestamp("us", tz="UTC")),
                "value": pa.array([None if bad else value] * count, pa.float64()),
                "text": pa.array([None] * count, pa.string()),
                "quality": pa.array([0x80000000 if bad else 0] * count, pa.uint32()),
            },
            schema=SAMPLE_SCHEMA,
        )
        with self.database.begin("test") as connection:
            ids = ensure_tags(connection, "pi", [tag], now=self.now)
            put_samples(connection, "pi/samples", self._seq, table, ids, now=self.now)

    def hold(self, system: str, *, kind: str, key: str, payload: str = "", reason: str = "broken") -> None:
        """Put something into quarantine."""
        fault = Fault(
            object_type=kind,
            source_key=key,
            part="",
            reason=reason,
            remedy="mend it",
            payload=payload,
            media_type="text/plain",
            version=0,
            source_time=None,
        )
        with self.database.begin("test") as connection:
            hold_faults(
                connection,
                [fault],
                system_id=self.systems[system],
                stream="docs",
                connector="test/1",
                now=self.now,
            )

    def mark(
        self,
        system: str,
        *,
        kind: str = "records",
        state: str = "idle",
        means: str | None = None,
        error: str = "",
        when: datetime = NOW,
    ) -> None:
        """Note how a reading ended."""
        claim = Claim(0, self.systems[system], "samples" if kind == "samples" else "docs", 1, None, kind=kind)
        with self.database.begin("test") as connection:
            note_mark(connection, claim, state=state, now=when, means=means, error=error, moved=True)

    def known_at(self) -> datetime:
        """Give the newest instant that the store knows of."""
        with self.database.read() as connection:
            known = newest_known(connection)
        assert known is not None
        return known

    def prove(self, name: str = "B26-0007", known: datetime | None = None, **how: Any) -> dict[str, Any]:
        """Give the proof of the batch, as known at an instant if one is given."""
        with self.database.read(as_known_at=known) as connection:
            found = find_thing(connection, "batch", name)
            return prove(connection, found.id, now=self.now, **how)


# ----------------------------------------------------------------------------------- what is always said
def recipe(*steps: str, optional: str = "") -> list[Record]:
    """Give a recipe of these steps."""
    elements = [
        RecipeElement(
            key=f"R-7/{step}",
            recipe=RECIPE,
            code=step,
            name=f"Step {step}",
            level="unit_procedure",
            sequence=number,
            is_optional=step == optional,
        )
        for number, step in enumerate(steps, start=1)
    ]
    return [Recipe(id=RECIPE, kind="master", recipe_version="3", product=PRODUCT), *elements]


def run(
    step: str, *, start: datetime = START, end: datetime | None = END, state: str = "Completed"
) -> Record:
    """Give a run of a step on the unit."""
    return SegmentResponse(
        key=f"B26-0007/{step}",
        batch=BATCH,
        level="unit_procedure",
        name=step,
        equipment=UNIT,
        state=state,
        actual_start=start,
        actual_end=end,
    )


def batch(*, end: datetime | None = END, status: str | None = None, **more: Any) -> Record:
    """Give the batch as the MES knows it."""
    return Batch(
        id=BATCH,
        kind="batch",
        recipe=RECIPE,
        product=PRODUCT,
        output_lot=LOT,
        status=status or ("Running" if end is None else "Complete"),
        actual_start=START,
        actual_end=end,
        **more,
    )


def made(amount: str = "10") -> Record:
    """Give the movement of what the batch made."""
    return MaterialActual(
        key="B26-0007/out",
        batch=BATCH,
        lot=LOT,
        material=PRODUCT,
        use="Produced",
        quantity=Quantity.of(amount, "kg"),
    )


def specification(*tests: str, code: str = "SPEC-1", **more: Any) -> list[Record]:
    """Give a specification of the product that asks for these tests, each below 5 g/L; T1 is critical."""
    spec = Identifier(value=code)
    return [
        TestSpecification(
            id=spec, material=named("M-1", "mes", "material_definition"), stage="release", **more
        ),
        *(
            TestCriterion(
                key=f"{code}/{test}",
                specification=spec,
                test_code=test,
                upper=5.0,
                unit="g/L",
                is_cqa=test == "T1",
            )
            for test in tests
        ),
    ]


def result_of(
    number: int, test: str, entry: str, *, spec: str = "SPEC-1", approved: datetime | None = None, **more: Any
) -> list[Record]:
    """Give a sample of the batch with one result."""
    return [
        Sample(key=f"S-{number}", code=f"S-{number}", batch=named("B26-0007", "mes", "batch"), taken_at=END),
        TestResult(
            key=f"R-{number}",
            sample=f"S-{number}",
            criterion=f"{spec}/{test}" if spec else None,
            test_code=test,
            value=Measurement.of(entry, "g/L"),
            measured_at=END + timedelta(hours=1),
            approved_at=approved or END + timedelta(hours=2),
            **more,
        ),
    ]


def tag(name: str, *, criticality: Literal["CPP", "other"] = "other", is_step: bool = False) -> Record:
    """Give a tag of the unit."""
    return Tag(
        id=Identifier(value=name),
        equipment=named("U-1", "mes", "equipment"),
        property=name.casefold(),
        criticality=criticality,
        is_step=is_step,
    )


def unit() -> Record:
    """Give the unit."""
    return Equipment(id=UNIT, level="Unit")


def every(minutes: int, start: datetime, end: datetime) -> list[datetime]:
    """Give the times from start on, up to but not at the end."""
    count = int((end - start).total_seconds() // 60 // minutes)
    return [start + timedelta(minutes=minutes * number) for number in range(count)]


def fill_whole(url: str) -> None:
    """Fill a migrated store with the plant in which nothing lacks: two steps, two tests, one tag, every source read to its end."""
    plant = Plant.new(url)
    plant.say("mes", "EBR", unit(), batch(), *recipe("S1", "S2"), run("S1"), run("S2"), made())
    plant.say("lims", "SPEC", *specification("T1", "T2"))
    plant.say("lims", "R1", *result_of(1, "T1", "3.0"))
    plant.say("lims", "R2", *result_of(2, "T2", "4.0"))
    plant.say("pi", "TEMP", tag("TEMP", criticality="CPP"))
    plant.read("TEMP", (START - timedelta(hours=1), END + timedelta(hours=1)))
    plant.sample("TEMP", every(1, START, END))
    plant.mark("mes")
    plant.mark("lims")
    plant.mark("pi", means="snapshot")
    plant.mark("pi", kind="samples", means="extent")
    plant.database.close()
