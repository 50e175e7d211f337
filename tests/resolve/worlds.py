"""Small worlds for property tests: a few systems, few names that overlap, documents in several versions."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import Connection, make_url, select

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
from hub.resolve.conflicts import reopen_conflict, settle_conflict
from hub.resolve.precedence import DEFAULT_RULES
from hub.resolve.resolution import judge_again, prepare, resolve, resolve_again
from hub.resolve.ruling import set_rules
from hub.store.answers.conflicts import State, Wanted, list_conflicts
from hub.store.database import Database
from hub.store.decisions import add_decision, find_decision
from hub.store.dump import dump_canonical
from hub.store.identifiers import find_names, names_by_id
from hub.store.rules import Rule, add_missing_rules
from hub.store.schemes import save_scheme_groups
from hub.store.statements import Told, store_documents
from hub.store.stating import state
from hub.store.systems import ensure_system
from hub.store.tables import ENTITY_TABLES
from tests.databases import empty, vacuum
from tests.swift import Rehearsal, rehearsal, swift

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_VACUUM_AFTER = 100
"""Examples: what was taken back lies in PostgreSQL's tables until then."""
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


@dataclass(frozen=True)
class Decided:
    """A person's decision, by names and codes."""

    entity_type: str
    scheme: str
    value: str
    attribute: str
    counts: str
    judged: Mapping[str, Any]
    decided_at: datetime


@dataclass
class World:
    """A migrated store into which versions of documents come; `begin` makes it new.

    What comes is taken back, and other connections do not see it. With `keeps` it is committed, as it must be
    where others look at the store or the past is read, and beginning anew takes longer.
    """

    url: str
    keeps: bool = False
    database: Database = field(init=False)
    systems: dict[str, int] = field(default_factory=dict[str, int])
    _begun: int = 0
    _seconds: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        """Open it, and let it know systems, whitelist and rules."""
        self.database = swift(self.url) if self.keeps else rehearsal(self.url)
        self.learn()
        if self.keeps and self.database.dialect == "sqlite":
            self.database.close()
            shutil.copyfile(self._path, self._path.with_suffix(".new"))

    @property
    def _path(self) -> Path:
        return Path(make_url(self.url).database or "")

    def begin(self) -> None:
        """Start anew with what it knew at first."""
        self._begun += 1
        if isinstance(self.database, Rehearsal):
            self.database.end()
            if self._begun % _VACUUM_AFTER == 0:
                vacuum(self.database)
            self.database.start()
        elif self._begun > 1:
            self._make_anew()

    def _make_anew(self) -> None:
        if self.database.dialect == "sqlite":
            self.database.close()
            shutil.copyfile(self._path.with_suffix(".new"), self._path)
        else:
            empty(self.database)
            self.learn()

    def learn(self) -> None:
        """Store what all examples begin with."""
        with self.database.begin("test") as connection:
            self.systems = {
                code: ensure_system(connection, code, kind, now=NOW).id for code, kind in SYSTEMS.items()
            }
            save_scheme_groups(connection, WHITELIST, now=NOW)
            add_missing_rules(connection, RULES, by="test", now=NOW)
        prepare(self.database, now=NOW)

    def take(self, versions: Sequence[Version], *, now: datetime = NOW) -> None:
        """Store versions, those of one system together, as received at a time."""
        for code, system_id in self.systems.items():
            told = [v.told() for v in versions if v.system == code]
            if told:
                with self.database.begin("test") as connection:
                    store_documents(
                        connection,
                        system_id=system_id,
                        stream="s",
                        connector="test/1",
                        documents=told,
                        now=now,
                    )

    def resolve(self, chunk: int = 4000) -> None:
        """Resolve what waits."""
        resolve(self.database, clock=lambda: NOW, chunk=chunk)

    def rule(self, *rules: Rule) -> None:
        """Give rules new versions, as a person does."""
        with self.database.begin("test", at=NOW, alone=True) as connection:
            set_rules(connection, rules, now=NOW)

    def conflicts(self, state: State = "open") -> list[dict[str, Any]]:
        """Give the conflicts, with the key of the thing under `place`."""
        with self.database.read() as connection:
            items, _ = list_conflicts(connection, Wanted(state), limit=1000)
            return [{**item, "place": self._place(connection, item)} for item in items]

    def _place(self, connection: Connection, item: dict[str, Any]) -> tuple[str, int, str]:
        table = ENTITY_TABLES[item["entity_type"]].c
        thing = connection.scalars(select(table.id).where(table.uid == item["entity"]["uid"])).one()
        return item["entity_type"], thing, item["attribute"]

    def settle(self, place: tuple[str, int, str], counts: str) -> Decided:
        """Decide a conflict as a person does; give the decision in words that hold in any world."""
        entity_type, thing, attribute = place
        with self.database.begin("test", at=NOW, alone=True) as connection:
            made = settle_conflict(
                connection,
                entity_type,
                thing,
                attribute=attribute,
                counts=counts,
                by="test",
                reason="so it was",
                now=NOW + timedelta(seconds=next(self._seconds)),
            )
            found = find_decision(connection, made)
            assert found is not None
            name = names_by_id(connection, [found.name_id])[found.name_id]
        about = (entity_type, name.scheme, name.value, attribute)
        return Decided(*about, counts, found.judged, found.decided_at)

    def decide(self, decided: Decided) -> bool:
        """Let the same decision be taken here; tells whether the name it is about means a thing."""
        with self.database.begin("test", at=NOW, alone=True) as connection:
            key = (decided.entity_type, decided.scheme, decided.value)
            name = find_names(connection, [key]).get(key)
            if name is None or not name.entity_id:  # people have spoken of it, and no system does
                return False
            add_decision(
                connection,
                entity_type=decided.entity_type,
                name_id=name.id,
                attribute=decided.attribute,
                system_id=self.systems[decided.counts],
                judged=decided.judged,
                by="test",
                reason="so it was",
                now=decided.decided_at,
            )
            judge_again(connection, decided.entity_type, [name.entity_id], now=NOW)
        return True

    def undo(self, place: tuple[str, int, str], decision: int | None = None) -> None:
        """Take a decision back."""
        with self.database.begin("test", at=NOW, alone=True) as connection:
            reopen_conflict(
                connection,
                place[0],
                place[1],
                attribute=place[2],
                by="test",
                reason="it was not so",
                now=NOW,
                decision_id=decision,
            )

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
    """A name in the system's own scheme, or one that it borrows; now and then called something shorter."""
    schemes = st.sampled_from(("", "", "", *(f"{code}:{kind}" for code in sorted(SYSTEMS))))
    return st.builds(
        lambda scheme, value, match: Identifier(scheme=scheme, value=value, match=match),
        schemes,
        st.sampled_from(values),
        st.sampled_from((None, None, None, *values[:3])),
    )


_batch, _lot = _names(_BATCHES, "batch"), _names(_LOTS, "material_lot")
_order = st.sampled_from(("1", "2")).map(lambda v: Identifier(scheme="erp:order", value=v))
_amount = st.builds(
    lambda value, unit: Quantity.of(repr(value * 1000 if unit == "g" else value), unit),
    st.sampled_from(_AMOUNTS),
    st.sampled_from(("kg", "kg", "g", None)),
)
_material = st.sampled_from(("M", "N")).map(lambda v: Identifier(scheme="erp:material", value=v))
_minute = st.integers(0, 3).map(lambda n: NOW + timedelta(hours=n))
_key = st.sampled_from(("k1", "k2", "k3"))


def _maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


def _pointing(kind: Callable[..., Record], peer: str, **given: Any) -> st.SearchStrategy[Any]:
    """Records that may point at another one of the same kind."""

    def build(key: str, other: str | None, **rest: Any) -> Record:
        return kind(key=key, **{peer: None if other == key else other}, **rest)

    return st.builds(build, key=_key, other=_maybe(_key), **given)


_records: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        Batch,
        id=_batch,
        also=st.lists(_batch, max_size=1).map(tuple),
        description=_maybe(st.sampled_from(("x", "y"))),
        status=_maybe(st.sampled_from(("Running", "Complete"))),
        actual_size=_maybe(_amount),
        planned_start=_maybe(_minute),
        campaign=_maybe(_batch),
        operations_request=_maybe(_order),
        output_lot=_maybe(_lot),
    ),
    st.builds(
        MaterialLot,
        id=_lot,
        also=st.lists(_lot, max_size=1).map(tuple),
        expires_at=_maybe(_minute),
        parent_lot=_maybe(_lot),
        material=_maybe(_material),
    ),
    st.builds(Sample, key=_key, code=st.just("s"), batch=_maybe(_batch), lot=_maybe(_lot)),
    _pointing(
        TestResult,
        "retest_of",
        sample=_key,
        test_code=st.just("t"),
        value=st.just(Measurement.of("<0.05")),
    ),
    _pointing(
        SegmentResponse,
        "parent",
        name=st.just("run"),
        batch=_maybe(_batch),
        equipment=st.just(Identifier(scheme="mes:equipment", value="R1")),
        actual_start=st.just(NOW),
        actual_end=_minute,
    ),
    _pointing(
        MaterialActual,
        "reverses",
        batch=_maybe(_batch),
        lot=_maybe(_lot),
        material=_maybe(_material),
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
