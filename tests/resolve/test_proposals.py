"""Rules propose with evidence, join nothing, and take back what no longer has any."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.model import Batch, Equipment, Identifier, MaterialDefinition, MaterialLot, Record
from hub.resolve.judged import judge, undo
from hub.store.identifiers import find_names
from hub.store.links import Decision
from hub.store.statements import Told, store_documents
from hub.store.stating import link
from hub.store.systems import ensure_system
from tests.resolve.worlds import NOW, SYSTEMS, Version, World

pytestmark = pytest.mark.hypothesis  # examples are drawn inside the tests: how many depends on the engine


def few(world: World) -> settings:
    """A fifth of the profile's examples, for each costs dozens of transactions; fewer by day on PostgreSQL."""
    profile = settings()
    is_quick = world.database.dialect == "sqlite" or settings.get_current_profile_name() == "nightly"
    return settings(
        max_examples=profile.max_examples // (5 if is_quick else 12),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url)
    yield one
    one.database.close()


@pytest.fixture(scope="module")
def plain(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A store on SQLite that is told everything at once: what it proposes, every other must propose."""
    path = tmp_path_factory.mktemp("plain") / "hub.db"
    shutil.copyfile(migrated_sqlite, path)
    one = World(f"sqlite:///{path}")
    yield one
    one.database.close()


# ------------------------------------------------------------------------------------------- stories
UNIT, OTHER_UNIT, AREA = (Identifier(scheme="mes:equipment", value=v) for v in ("BR1", "BR2", "AREA"))
PRODUCT = Identifier(scheme="erp:material", value="300214")


def hours(number: float) -> datetime:
    return NOW + timedelta(hours=number)


def lot(system: str, value: str, material: str | None, *also: Identifier, version: int = 1) -> Version:
    made_of = Identifier(scheme=f"{system}:material", value=material) if material else None
    record = MaterialLot(id=Identifier(value=value), also=also, material=made_of)
    return Version(system, f"lot {value}", version, (record,))


def batch(system: str, value: str, *, version: int = 1, **about: Any) -> Version:
    return Version(system, f"batch {value}", version, (Batch(id=Identifier(value=value), **about),))


def run(system: str, value: str, start: float, end: float, **about: Any) -> Version:
    given = {"equipment": UNIT, "product": PRODUCT, **about}
    return batch(system, value, actual_start=hours(start), actual_end=hours(end), **given)


def output(system: str, value: str, made: str, **about: Any) -> Version:
    return batch(system, value, output_lot=Identifier(scheme="mes:material_lot", value=made), **about)


def gone(version: Version) -> Version:
    return Version(version.system, version.key, version.number + 1, deleted=True)


def tell(world: World, *versions: Version) -> None:
    world.take(versions)
    world.resolve()


def proposed(world: World, state: str = "proposed") -> dict[tuple[str, str], dict[str, Any]]:
    """What rules propose: the two names and the evidence."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for line in world.dump():
        kind, key, *rest = orjson.loads(line)
        if (
            kind == "link"
            and key[3] == "rule"
            and "rules" in rest[0]["evidence"]
            and rest[0]["state"] == state
        ):
            found[key[1], key[2]] = rest[0]
    return found


def rules(world: World) -> dict[tuple[str, str], list[str]]:
    return {pair: [r["rule"] for r in k["evidence"]["rules"]] for pair, k in proposed(world).items()}


def decide(world: World, decision: Decision, kind: str, *names: str) -> int:
    one, other = names
    return judge(
        world.database,
        kind,
        (one, other),
        decision=decision,
        reason="compared",
        by="QA",
        clock=lambda: NOW,
    )


# ---------------------------------------------------------------------------------------- what is proposed
def test_two_materials_of_one_lot_are_proposed_with_the_lot_and_who_says_so(world: World) -> None:
    world.begin()
    tell(world, lot("mes", "L-1", "MAB-DS"), lot("erp", "L1", "300214"))
    ((pair, found),) = proposed(world).items()
    assert pair == ("erp:material|300214", "mes:material|MAB-DS")
    assert found["evidence"] == {
        "rules": [
            {
                "rule": "same produced lot",
                "lots": [
                    {
                        "lot": "L-1",
                        "said": [
                            {"source": "erp", "record": "doc lot L1", "value": "erp:material|300214"},
                            {"source": "mes", "record": "doc lot L-1", "value": "mes:material|MAB-DS"},
                        ],
                    }
                ],
            }
        ]
    }


def test_a_proposal_goes_with_its_evidence_and_comes_again_with_it(world: World) -> None:
    world.begin()
    tell(world, lot("mes", "L-1", "MAB-DS"), lot("erp", "L1", "300214"))
    before = world.dump()
    tell(world, lot("erp", "L1", "300215", version=2))
    assert list(proposed(world)) == [("erp:material|300215", "mes:material|MAB-DS")]
    tell(world, lot("erp", "L1", None, version=3))
    assert proposed(world) == {}
    tell(world, lot("erp", "L1", "300214", version=4))
    without_records = [line for line in world.dump() if '"source_record"' not in line]
    assert without_records == [line for line in before if '"source_record"' not in line]


def test_lots_that_become_one_later_speak_then(world: World) -> None:
    world.begin()
    tell(world, lot("mes", "L-1", "MAB-DS"), lot("erp", "B26", "300214"))
    assert proposed(world) == {}
    decide(world, "same", "material_lot", "mes:material_lot|L-1", "erp:material_lot|B26")
    assert rules(world) == {("erp:material|300214", "mes:material|MAB-DS"): ["same produced lot"]}


def test_materials_that_one_system_itself_tells_apart_are_not_proposed(world: World) -> None:
    world.begin()
    apart = tuple(
        MaterialDefinition(id=Identifier(scheme="mes:material", value="MAB-DS"), also=also) for also in ((),)
    )
    known = MaterialDefinition(
        id=Identifier(scheme="mes:own", value="9"), also=(Identifier(scheme="erp:material", value="300214"),)
    )
    materials = Version("mes", "materials", 1, (*apart, known))
    tell(world, lot("mes", "L-1", "MAB-DS"), lot("erp", "L1", "300214"), materials)
    assert proposed(world) == {}
    tell(world, Version("mes", "materials", 2, apart))
    assert rules(world) == {("mes:material|MAB-DS", "erp:material|300214"): ["same produced lot"]} or rules(
        world
    ) == {("erp:material|300214", "mes:material|MAB-DS"): ["same produced lot"]}


def test_a_crosswalk_that_speaks_of_both_tells_nothing_apart(world: World) -> None:
    world.begin()
    with world.database.begin("test") as connection:
        system = ensure_system(connection, "crosswalk", "MANUAL", now=NOW)
        said = [
            link(
                "material_definition", [Identifier(scheme=a, value=b), Identifier(scheme="lims:own", value=b)]
            )
            for a, b in (("mes:material", "MAB-DS"), ("erp:material", "300214"))
        ]
        told = [
            Told(
                object_type="crosswalk",
                source_key=one.record_key,
                payload="",
                media_type="text/plain",
                version=0,
                source_time=None,
                said=[one],
            )
            for one in said
        ]
        store_documents(connection, system_id=system.id, stream="s", connector="c/1", documents=told, now=NOW)
    tell(world, lot("mes", "L-1", "MAB-DS"), lot("erp", "L1", "300214"))
    assert list(rules(world).values()) == [["same produced lot"]]


def test_two_batches_with_one_output_lot_are_proposed(world: World) -> None:
    world.begin()
    tell(world, output("mes", "X-1", "L-1"), output("erp", "77", "L1"))
    ((pair, found),) = proposed(world).items()
    assert pair == ("erp:batch|77", "mes:batch|X-1")
    assert [(r["rule"], [s["source"] for s in r["said"]]) for r in found["evidence"]["rules"]] == [
        ("same output lot", ["erp", "mes"])
    ]


def test_a_lot_that_one_system_gives_to_two_batches_says_nothing_until_it_is_one(world: World) -> None:
    world.begin()
    pooled = output("mes", "X-2", "L-1")
    tell(world, output("mes", "X-1", "L-1"), output("erp", "77", "L-1"), pooled)
    assert proposed(world) == {}
    tell(world, gone(pooled))
    assert rules(world) == {("erp:batch|77", "mes:batch|X-1"): ["same output lot"]}


@pytest.mark.parametrize(
    ("second", "is_proposed"),
    [
        (run("erp", "77", 0.5, 10), True),
        (run("erp", "77", 2, 10), True),
        (run("erp", "77", 2.1, 10), False),
        (run("erp", "77", 0, 12.6), False),
        (run("erp", "77", 20, 30), False),
        (run("erp", "77", 0, 10, equipment=OTHER_UNIT), False),
        (run("erp", "77", 0, 10, product=Identifier(scheme="erp:material", value="1")), False),
        (run("erp", "77", 0, 10, kind="campaign"), False),
        (run("erp", "77", 0, 10, campaign=Identifier(scheme="mes:batch", value="X-1")), False),
        (run("mes", "77", 0, 10), False),
    ],
    ids=[
        "nearly the same time",
        "four fifths in common",
        "less than that",
        "much longer",
        "later",
        "another unit",
        "another product",
        "a campaign",
        "part of the other",
        "the same system",
    ],
)
def test_batches_on_one_unit_at_one_time_with_one_product_are_proposed(
    world: World, second: Version, is_proposed: bool
) -> None:
    world.begin()
    tell(world, run("mes", "X-1", 0, 10), second)
    assert rules(world) == (
        {("erp:batch|77", "mes:batch|X-1"): ["same unit, time and product"]} if is_proposed else {}
    )


def test_the_score_of_a_run_is_the_share_of_time_in_common_and_the_evidence_its_times(world: World) -> None:
    world.begin()
    tell(world, run("mes", "X-1", 0, 10), run("erp", "77", 1, 10))
    (found,) = proposed(world).values()
    assert found["score"] == 0.9
    said = {(s["source"], s["value"]) for s in found["evidence"]["rules"][0]["said"]}
    assert ("erp", "2026-03-01T01:00:00Z") in said
    assert ("mes", "mes:equipment|BR1") in said


def test_an_area_is_no_unit_also_when_that_is_said_later(world: World) -> None:
    world.begin()
    area = Equipment(id=AREA, level="Area")
    tell(world, run("mes", "X-1", 0, 10, equipment=AREA), run("erp", "77", 0, 10, equipment=AREA))
    assert len(proposed(world)) == 1
    tell(world, Version("mes", "tree", 1, (area,)))
    assert proposed(world) == {}
    tell(world, Version("mes", "tree", 2, deleted=True))
    assert len(proposed(world)) == 1


def test_two_rules_that_find_one_pair_make_one_proposal(world: World) -> None:
    world.begin()
    made = {"output_lot": Identifier(scheme="mes:material_lot", value="L-1")}
    tell(world, run("mes", "X-1", 0, 10, **made), run("erp", "77", 2, 10, **made))
    (found,) = proposed(world).values()
    assert [r["rule"] for r in found["evidence"]["rules"]] == [
        "same output lot",
        "same unit, time and product",
    ]
    assert found["score"] == 1.0


# ---------------------------------------------------------------------------------- what people make of it
PAIR = ("erp:material|300214", "mes:material|MAB-DS")


@pytest.fixture
def two_materials(world: World) -> World:
    world.begin()
    tell(world, lot("mes", "L-1", "MAB-DS"), lot("erp", "L1", "300214"))
    return world


def entity_of(world: World, name: str) -> int:
    scheme, value = name.split("|")
    with world.database.read() as connection:
        return find_names(connection, [("material_definition", scheme, value)])[
            "material_definition", scheme, value
        ].entity_id


def test_a_proposal_joins_nothing_until_a_person_confirms_it(two_materials: World) -> None:
    assert entity_of(two_materials, PAIR[0]) != entity_of(two_materials, PAIR[1])
    decide(two_materials, "same", "material_definition", *PAIR)
    assert entity_of(two_materials, PAIR[0]) == entity_of(two_materials, PAIR[1])
    assert proposed(two_materials) == {}


def test_a_confirmation_undone_gives_back_the_proposal_and_everything_else(two_materials: World) -> None:
    before = two_materials.dump()
    made = decide(two_materials, "same", "material_definition", *PAIR)
    assert two_materials.dump() != before
    undo(two_materials.database, made, reason="no", by="QA", clock=lambda: NOW)
    assert two_materials.dump() == before


def test_a_rejected_proposal_is_not_made_again_by_more_evidence(two_materials: World) -> None:
    kept = decide(two_materials, "apart", "material_definition", *PAIR)
    tell(two_materials, lot("mes", "L-2", "MAB-DS"), lot("erp", "L2", "300214"))
    assert proposed(two_materials) == {}
    assert list(proposed(two_materials, "rejected")) == [PAIR]
    undo(two_materials.database, kept, reason="no", by="QA", clock=lambda: NOW)
    assert list(proposed(two_materials)) == [PAIR]


# ------------------------------------------------------------------------------------------ any order
_values = st.sampled_from(("1", "2", "3"))
_material = st.builds(
    lambda code, value: Identifier(scheme=f"{code}:material", value=value),
    st.sampled_from(sorted(SYSTEMS)),
    _values,
)
_lot = st.sampled_from(("L-1", "L1", "M-7")).map(lambda v: Identifier(value=v))
_batch = _values.map(lambda v: Identifier(value=v))
_unit = st.sampled_from((UNIT, OTHER_UNIT, AREA))
_records: st.SearchStrategy[Record] = st.one_of(
    st.builds(MaterialLot, id=_lot, material=st.none() | _material),
    st.builds(MaterialDefinition, id=_material, also=st.lists(_material, max_size=1).map(tuple)),
    st.builds(
        Batch,
        id=_batch,
        equipment=_unit,
        product=st.just(PRODUCT),
        output_lot=st.none() | _lot,
        actual_start=st.sampled_from((hours(0), hours(1))),
        actual_end=st.sampled_from((hours(10), hours(11))),
    ),
    st.builds(Equipment, id=_unit, level=st.sampled_from(("Unit", "Area"))),
)


@st.composite
def stories(draw: st.DrawFn) -> list[Version]:
    """Every version of a few documents of materials, lots, batches and units."""
    told: list[Version] = []
    for system in SYSTEMS:
        for key in draw(st.lists(st.sampled_from(("d1", "d2", "d3")), unique=True, max_size=3)):
            for number in range(1, draw(st.integers(1, 3)) + 1):
                deleted = draw(st.integers(0, 5)) == 0
                records = () if deleted else tuple(draw(st.lists(_records, min_size=1, max_size=3)))
                told.append(Version(system, key, number, records, deleted))
    return told


def test_what_is_proposed_follows_from_what_is_stated_in_whatever_order(world: World, plain: World) -> None:
    @few(world)
    @given(told=stories(), data=st.data())
    def hold(told: list[Version], data: st.DataObject) -> None:
        plain.begin()
        tell(plain, *told)
        expected = plain.dump()
        world.begin()
        for version in data.draw(st.permutations(told)):
            world.take([version])
            if data.draw(st.booleans()):
                world.resolve(data.draw(st.integers(1, 6)))
        world.resolve()
        assert world.dump() == expected
        world.rebuild()
        assert world.dump() == expected

    hold()
