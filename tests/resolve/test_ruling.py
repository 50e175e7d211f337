"""Rules are versions: a new one chooses every value anew at once, and the trail says which and why."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.model import Batch, Identifier, Quantity
from hub.resolve.resolution import resolve
from hub.resolve.ruling import RuleError, check_rule, set_rules, take_up_rules
from hub.store.rules import Rule, Tolerance, load_rules, rule_versions
from hub.store.tables import ENTITY_TABLES, audit_event
from tests.resolve.worlds import NOW, Version, World, versions

pytestmark = pytest.mark.hypothesis
BATCH = ENTITY_TABLES["batch"].c


@pytest.fixture(scope="module")
def world(module_url: str) -> Iterator[World]:
    one = World(module_url)
    yield one
    one.database.close()


@pytest.fixture(scope="module")
def plain(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A store on SQLite that had its rules from the start."""
    path = tmp_path_factory.mktemp("plain") / "hub.db"
    shutil.copyfile(migrated_sqlite, path)
    one = World(f"sqlite:///{path}")
    yield one
    one.database.close()


def says(system: str, number: int = 1, **stated: Any) -> Version:
    record = Batch(id=Identifier(scheme="erp:batch", value="B"), **stated)
    return Version(system, "d", number, (record,))


def golden(world: World, *columns: str) -> tuple[Any, ...]:
    with world.database.read() as connection:
        return tuple(connection.execute(select(*(BATCH[c] for c in columns))).one())


def rules_of(world: World) -> dict[tuple[str, str], int]:
    """Give the version in force of each rule that is not the first."""
    with world.database.read() as connection:
        return {key: r.version for key, r in load_rules(connection).items() if r.version > 1}


SIZES = [
    says("mes", actual_size=Quantity.of("117.3", "kg")),
    says("erp", actual_size=Quantity.of("118200", "g")),
]


# ------------------------------------------------------------------------------------ the law of it
_ORDERS = st.lists(
    st.sampled_from(("MES", "ERP", "LIMS", "mes", "lims")), unique=True, min_size=1, max_size=3
)
_TOLERANCES = st.builds(Tolerance, st.sampled_from((0.0, 0.005, 0.5)), st.sampled_from((0.0, 1.0)))
_RULES: st.SearchStrategy[Rule] = st.one_of(
    st.builds(
        lambda attribute, order, tolerance: Rule("batch", attribute, "system", tuple(order), tolerance),
        st.just("actual_size"),
        _ORDERS,
        _TOLERANCES,
    ),
    st.builds(
        lambda attribute, strategy, order: Rule("batch", attribute, strategy, tuple(order)),
        st.sampled_from(("description", "status", "campaign", "output_lot", "*")),
        st.sampled_from(("system", "latest", "earliest")),
        _ORDERS,
    ),
    st.builds(lambda order: Rule("batch", "description", "union", tuple(order)), _ORDERS),
    st.builds(lambda order: Rule("batch", "planned_start", "widest", tuple(order)), _ORDERS),
    st.builds(lambda order: Rule("*", "*", "latest", tuple(order)), _ORDERS),
    st.builds(
        lambda order, tolerance: Rule("material_actual", "quantity", "system", tuple(order), tolerance),
        _ORDERS,
        _TOLERANCES,
    ),
    st.builds(
        lambda strategy, order: Rule("material_lot", "expires_at", strategy, tuple(order)),
        st.sampled_from(("earliest", "latest")),
        _ORDERS,
    ),
)


def test_the_state_is_that_of_a_hub_that_had_the_rules_from_the_start(world: World, plain: World) -> None:
    @settings(
        max_examples=max(4, settings().max_examples // (8 if world.database.dialect == "sqlite" else 25)),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(drawn=versions(), rules=st.lists(_RULES, min_size=1, max_size=3), data=st.data())
    def hold(drawn: list[Version], rules: list[Rule], data: st.DataObject) -> None:
        plain.begin()
        for rule in rules:
            plain.rule(rule)
        plain.take(drawn)
        plain.resolve()
        world.begin()
        cuts = sorted(data.draw(st.integers(0, len(drawn)), label="cut") for _ in rules)
        done = 0
        for rule, cut in zip(rules, cuts, strict=True):
            world.take(drawn[done:cut])
            if data.draw(st.booleans(), label="resolve first"):
                world.resolve(2)
            world.rule(rule)
            done = cut
        world.take(drawn[done:])
        world.resolve()
        assert world.dump() == plain.dump()

    hold()


# ------------------------------------------------------------------------------------- versions
def test_a_changed_rule_changes_each_value_at_once_and_the_trail_names_the_version(world: World) -> None:
    world.begin()
    world.take(SIZES)
    world.resolve()
    assert golden(world, "actual_size", "has_conflict", "version") == (118.2, True, 1)
    by_mes = Rule("batch", "actual_size", "system", ("MES",), reason="the scale is calibrated")
    world.rule(by_mes)
    assert golden(world, "actual_size", "has_conflict", "version") == (117.3, True, 2)
    world.rule(Rule("batch", "actual_size", "system", ("MES",), Tolerance(absolute=1000.0, unit="g")))
    assert golden(world, "actual_size", "has_conflict") == (117.3, False)
    with world.database.read() as connection:
        noted = connection.execute(
            select(audit_event.c.reason)
            .where(audit_event.c.entity_type == "batch", audit_event.c.reason.is_not(None))
            .order_by(audit_event.c.id)
        ).scalars()
        assert list(noted) == [
            "rule batch/actual_size version 2: the scale is calibrated",
            "rule batch/actual_size version 3",
        ]
        versions_kept = rule_versions(connection, ("batch", "actual_size"))
    assert [(v.version, v.is_active, v.order) for v in versions_kept] == [
        (1, False, ("ERP", "MES", "LIMS", "DCS")),
        (2, False, ("MES",)),
        (3, True, ("MES",)),
    ]


def test_a_rule_that_changes_no_value_writes_none(world: World) -> None:
    world.begin()
    world.take(SIZES)
    world.resolve()
    with world.database.read() as connection:
        before = connection.execute(
            select(audit_event.c.id).where(audit_event.c.entity_type == "batch")
        ).all()
    world.rule(Rule("batch", "actual_size", "system", ("erp", "MES"), Tolerance(0.0001)))
    with world.database.read() as connection:
        after = connection.execute(select(audit_event.c.id).where(audit_event.c.entity_type == "batch")).all()
    assert after == before


def test_the_same_rule_again_is_no_new_version(world: World) -> None:
    world.begin()
    for _ in range(2):
        world.rule(Rule("batch", "status", "latest", ("LIMS",)))
    assert rules_of(world) == {("batch", "status"): 2}


def test_a_version_of_a_later_date_waits_for_it_and_is_then_applied_by_the_next_resolution(
    world: World,
) -> None:
    world.begin()
    world.take(SIZES)
    world.resolve()
    later = NOW + timedelta(days=7)
    world.rule(Rule("batch", "actual_size", "system", ("MES",), effective_from=later))
    world.resolve()
    assert golden(world, "actual_size") == (118.2,)
    resolve(world.database, clock=lambda: later - timedelta(seconds=1))
    assert golden(world, "actual_size") == (118.2,)
    resolve(world.database, clock=lambda: later)
    assert golden(world, "actual_size") == (117.3,)
    assert rules_of(world) == {("batch", "actual_size"): 2}


def test_a_version_given_later_stands_above_one_that_begins_later(world: World) -> None:
    world.begin()
    later = NOW + timedelta(days=7)
    world.rule(Rule("batch", "status", "system", ("LIMS",), effective_from=later))
    world.rule(Rule("batch", "status", "system", ("ERP",)))
    resolve(world.database, clock=lambda: later)
    assert rules_of(world) == {("batch", "status"): 3}


# ---------------------------------------------------------------------------------- ranges and sets
def test_a_range_is_as_wide_as_all_its_voices_and_ruled_as_one(world: World) -> None:
    world.begin()
    hours = [NOW + timedelta(hours=h) for h in range(5)]
    world.take(
        [
            says("mes", planned_start=hours[1], planned_end=hours[3]),
            says("erp", planned_start=hours[2], planned_end=hours[4]),
            says("lims", planned_start=hours[0]),
        ]
    )
    world.resolve()
    assert golden(world, "planned_start", "planned_end") == (hours[2], hours[4])
    world.rule(Rule("batch", "planned_end", "widest", ("MES",)))
    assert golden(world, "planned_start", "planned_end") == (hours[0], hours[4])
    assert rules_of(world) == {("batch", "planned_start"): 2, ("batch", "planned_end"): 2}
    world.rule(Rule("batch", "planned_start", "system", ("MES",)))
    assert golden(world, "planned_start", "planned_end") == (hours[1], hours[3])
    with pytest.raises(RuleError, match="one range"):
        world.rule(Rule("batch", "planned_start", "widest"), Rule("batch", "planned_end", "system", ("MES",)))
    assert rules_of(world) == {("batch", "planned_start"): 3, ("batch", "planned_end"): 3}


def test_a_union_keeps_all_texts_as_one_sorted_set_and_all_sources_as_its_voices(world: World) -> None:
    world.begin()
    world.take([says("mes", description="pH drift; foam"), says("erp", description="Foam "), says("lims")])
    world.resolve()
    assert golden(world, "description", "has_conflict") == ("pH drift; foam", True)
    world.rule(Rule("batch", "description", "union", ("MES",)))
    assert golden(world, "description", "has_conflict") == ("Foam; foam; pH drift", False)
    voices = [orjson.loads(line)[2] for line in world.dump() if line.startswith('["assertion"')]
    assert [(v["wins"], v["clashes"]) for v in voices] == [(True, False), (True, False)]
    world.take([Version("erp", "d", 2, deleted=True)])
    world.resolve()
    assert golden(world, "description") == ("foam; pH drift",)


# -------------------------------------------------------------------------------- a project's settings
def test_a_project_s_rules_are_taken_up_when_they_change_and_a_person_s_stand_until_then(
    world: World,
) -> None:
    def settle(*rules: Rule) -> None:
        with world.database.begin("hub.shift", at=NOW, alone=True) as connection:
            take_up_rules(connection, rules, now=NOW, expected=("sap",))

    world.begin()
    world.take(SIZES)
    world.resolve()
    by_mes = Rule("batch", "actual_size", "system", ("MES", "sap"), approved_by="QA", reason="calibrated")
    for _ in range(2):
        settle(by_mes)
        assert (golden(world, "actual_size"), rules_of(world)) == ((117.3,), {by_mes.key: 2})
    world.rule(Rule("batch", "actual_size", "system", ("ERP",)))
    for _ in range(2):
        settle(by_mes)
        assert (golden(world, "actual_size"), rules_of(world)) == ((118.2,), {by_mes.key: 3})
    settle(Rule("batch", "actual_size", "system", ("LIMS", "MES"), approved_by="QA", reason="new"))
    assert (golden(world, "actual_size"), rules_of(world)) == ((117.3,), {by_mes.key: 4})


# -------------------------------------------------------------------------------------- what is refused
REFUSED = {
    "a type there is not": (Rule("bach", "status", "system", ("MES",)), "entity_type: one of"),
    "an attribute it does not have": (Rule("batch", "colour", "system", ("MES",)), "attribute: batch has"),
    "a fact's attribute": (Rule("test_result", "value", "system", ("MES",)), "material_actual/quantity"),
    "no order": (Rule("batch", "status", "system"), "order: name at least one"),
    "a source twice": (Rule("batch", "status", "system", ("MES", "MES")), "entry 1: it is named twice"),
    "a source nobody knows": (Rule("batch", "status", "system", ("MES", "Mes")), "order, entry 2"),
    "an order, for all": (Rule("batch", "*", "union"), "strategy: batch/* takes system, latest, earliest"),
    "a range of a text": (Rule("batch", "status", "widest", ("MES",)), "strategy: batch/status takes"),
    "a set of a list's values": (Rule("batch", "kind", "union", ("MES",)), "strategy: batch/kind takes"),
    "a set of amounts": (Rule("batch", "actual_size", "union", ("MES",)), "strategy: batch/actual_size"),
    "counting by time": (Rule("material_actual", "quantity", "latest", ("MES",)), "takes system only"),
    "a tolerance of a text": (
        Rule("batch", "status", "system", ("MES",), Tolerance(0.1)),
        "tolerance: only amounts",
    ),
    "a tolerance of all": (Rule("batch", "*", "system", ("MES",), Tolerance(0.1)), "tolerance: only amounts"),
    "a part of a time": (
        Rule("batch", "actual_start", "system", ("MES",), Tolerance(0.1)),
        "tolerance.relative: a time",
    ),
    "kilograms of time": (
        Rule("batch", "actual_start", "system", ("MES",), Tolerance(absolute=1, unit="kg")),
        "tolerance.unit: times",
    ),
    "a unit nobody knows": (
        Rule("batch", "actual_size", "system", ("MES",), Tolerance(absolute=1, unit="stone")),
        "tolerance.unit: it is not known",
    ),
    "a unit of nothing": (
        Rule("batch", "actual_size", "system", ("MES",), Tolerance(0.1, unit="kg")),
        "tolerance.unit: it is the unit of",
    ),
    "less than nothing": (
        Rule("batch", "actual_size", "system", ("MES",), Tolerance(absolute=-1)),
        "tolerance.absolute: a finite number",
    ),
    "no number": (
        Rule("batch", "actual_size", "system", ("MES",), Tolerance(float("nan"))),
        "tolerance.relative: a finite number",
    ),
}


@pytest.mark.parametrize(("rule", "message"), REFUSED.values(), ids=REFUSED)
def test_a_rule_that_nothing_could_follow_is_refused_with_the_part_that_is_wrong(
    rule: Rule, message: str
) -> None:
    with pytest.raises(RuleError) as refused:
        check_rule(rule, ("mes",))
    assert message in str(refused.value)


def test_one_refused_rule_keeps_none(world: World) -> None:
    world.begin()
    with (
        pytest.raises(RuleError, match="batch/colour: attribute"),
        world.database.begin("test", at=NOW, alone=True) as connection,
    ):
        set_rules(
            connection,
            [Rule("batch", "status", "latest"), Rule("batch", "colour", "latest")],
            now=NOW,
        )
    assert rules_of(world) == {}
