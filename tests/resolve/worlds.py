"""Small worlds for property tests: a few systems, few names that overlap, documents in several versions."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from hub.model import (
    Batch,
    Identifier,
    MaterialActual,
    MaterialLot,
    Quantity,
    Record,
    Sample,
    SegmentResponse,
    TestResult,
)
from hub.model.measurement import Measurement
from hub.resolve.precedence import DEFAULT_RULES
from hub.resolve.resolution import prepare, resolve, resolve_again
from hub.store.database import Database
from hub.store.dump import dump_canonical
from hub.store.links import save_scheme_groups
from hub.store.rules import Rule, add_missing_rules
from hub.store.statements import Told, store_documents
from hub.store.stating import state
from hub.store.systems import ensure_system
from tests.swift import swift

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SYSTEMS = {"mes": "MES", "erp": "ERP", "lims": "LIMS"}
WHITELIST = {
    "batch": [["mes:batch", "erp:batch", "lims:batch"]],
    "material_lot": [["mes:material_lot", "erp:material_lot"], ["mes:material_lot", "lims:material_lot"]],
}
RULES = (*DEFAULT_RULES, Rule("batch", "description", "latest", ("MES", "ERP")))


@dataclass(frozen=True)
class Version:
    """One version of a document of one system; no records and `deleted` when the source let go of it."""

    system: str
    key: str
    number: int
    records: tuple[Record, ...] = ()
    deleted: bool = False

    def told(self) -> Told:
        """Give it as ingest would tell it."""
        said = [state(self.system, record) for record in self.records]
        return Told(
            object_type="doc",
            source_key=self.key,
            payload=repr((self.number, said)),
            media_type="text/plain",
            version=self.number,
            source_time=NOW + timedelta(minutes=self.number),
            deleted=self.deleted,
            said=said,
        )


@dataclass
class World:
    """A store into which versions of documents come; `begin` makes it new."""

    template: Path
    path: Path
    database: Database = field(init=False)
    systems: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        """Open it."""
        self.database = swift(f"sqlite:///{self.path}")

    def begin(self) -> None:
        """Start anew with systems, whitelist and rules."""
        self.database.close()
        shutil.copyfile(self.template, self.path)
        with self.database.begin() as connection:
            self.systems = {
                code: ensure_system(connection, code, kind, now=NOW).id for code, kind in SYSTEMS.items()
            }
            save_scheme_groups(connection, WHITELIST, now=NOW)
            add_missing_rules(connection, RULES, by="test", now=NOW)
        prepare(self.database, now=NOW)

    def take(self, versions: Sequence[Version]) -> None:
        """Store versions, those of one system together."""
        for code, system_id in self.systems.items():
            told = [v.told() for v in versions if v.system == code]
            if told:
                with self.database.begin() as connection:
                    store_documents(
                        connection,
                        system_id=system_id,
                        stream="s",
                        connector="test/1",
                        documents=told,
                        now=NOW,
                    )

    def resolve(self, chunk: int = 4000) -> None:
        """Resolve what waits."""
        resolve(self.database, clock=lambda: NOW, chunk=chunk)

    def rebuild(self) -> None:
        """Resolve everything again."""
        resolve_again(self.database, clock=lambda: NOW)

    def dump(self) -> list[str]:
        """Give the canonical dump."""
        with self.database.read() as connection:
            return [line.decode() for line in dump_canonical(connection)]


# ------------------------------------------------------------------------------------------ drawing
_BATCHES = ("A-1", "A1", "a 1", "B-2", "B2", "0B2")
_LOTS = ("L-1", "L1", "M-7", "M7")
_AMOUNTS = (1.0, 0.1, 0.2, 99.8, 100.0, 100.3)


def _names(values: Sequence[str], kind: str) -> st.SearchStrategy[Identifier]:
    """A name in the system's own scheme, or one that it borrows from another system."""
    own = st.sampled_from(values).map(lambda v: Identifier(value=v))
    borrowed = st.builds(
        lambda code, value: Identifier(scheme=f"{code}:{kind}", value=value),
        st.sampled_from(sorted(SYSTEMS)),
        st.sampled_from(values),
    )
    return own | borrowed


_batch, _lot = _names(_BATCHES, "batch"), _names(_LOTS, "material_lot")
_order = st.sampled_from(("1", "2")).map(lambda v: Identifier(scheme="erp:order", value=v))
_amount = st.sampled_from(_AMOUNTS).map(lambda v: Quantity.of(repr(v), "kg"))
_minute = st.integers(0, 3).map(lambda n: NOW + timedelta(hours=n))
_key = st.sampled_from(("k1", "k2", "k3"))


def _maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


_records: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        Batch,
        id=_batch,
        also=st.lists(_batch, max_size=1).map(tuple),
        description=_maybe(st.sampled_from(("x", "y"))),
        status=_maybe(st.sampled_from(("Running", "Complete"))),
        actual_size=_maybe(_amount),
        campaign=_maybe(_batch),
        operations_request=_maybe(_order),
        output_lot=_maybe(_lot),
    ),
    st.builds(MaterialLot, id=_lot, also=st.lists(_lot, max_size=1).map(tuple), expires_at=_maybe(_minute)),
    st.builds(Sample, key=_key, code=st.just("s"), batch=_maybe(_batch), lot=_maybe(_lot)),
    st.builds(
        TestResult,
        key=_key,
        sample=_key,
        test_code=st.just("t"),
        retest_of=_maybe(_key),
        value=st.just(Measurement.of("<0.05")),
    ),
    st.builds(
        SegmentResponse,
        key=_key,
        name=st.just("run"),
        parent=_maybe(_key),
        batch=_maybe(_batch),
        equipment=st.just(Identifier(scheme="mes:equipment", value="R1")),
        actual_start=st.just(NOW),
        actual_end=_minute,
    ),
    st.builds(
        MaterialActual,
        key=_key,
        batch=_maybe(_batch),
        lot=_maybe(_lot),
        response=_maybe(_key),
        use=st.sampled_from(("Consumed", "Produced")),
        quantity=_maybe(_amount),
    ),
)


@st.composite
def versions(draw: st.DrawFn) -> list[Version]:
    """Draw every version of a few documents; versions of one document differ in number."""
    drawn: list[Version] = []
    for system in SYSTEMS:
        for key in draw(st.lists(st.sampled_from(("d1", "d2", "d3")), unique=True, max_size=3)):
            for number in range(1, draw(st.integers(1, 3)) + 1):
                deleted = draw(st.integers(0, 5)) == 0
                records = () if deleted else tuple(draw(st.lists(_records, min_size=1, max_size=3)))
                drawn.append(Version(system, key, number, records, deleted))
    return drawn
