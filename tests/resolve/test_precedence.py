"""Whose word counts: the same voices give the same choice in whatever order they are heard."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model import Batch
from hub.model.comparison import difference_of
from hub.model.shape import Field, fields_of
from hub.resolve.precedence import Choice, Voice, choose
from hub.store.decisions import Decision
from hub.store.rules import Rule, Tolerance

FIELDS = {field.name: field for field in fields_of(Batch)}
START = datetime(2026, 3, 1, tzinfo=UTC)
KINDS = ("MES", "ERP", "LIMS", "QMS")
KG, G = {"value": 118.2, "unit": "kg"}, {"value": 118200.0, "unit": "g"}


def voice(system_id: int, meaning: Any, kind: str = "MES", told_at: datetime | None = START) -> Voice:
    return Voice(system_id, kind, f"s{system_id}", meaning, meaning, told_at)


def rule(attribute: str, strategy: str = "system", *order: str, **tolerance: Any) -> Rule:
    return Rule("batch", attribute, strategy, order or ("ERP", "MES"), Tolerance(**tolerance))


def decision(system_id: int, judged: dict[str, Any], at: int = 0) -> Decision:
    return Decision(at + 1, "batch", 1, "status", system_id, judged, START + timedelta(minutes=at))


@given(
    said=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2)), min_size=1, max_size=5),
    strategy=st.sampled_from(("system", "earliest", "latest", "widest")),
    judged=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=3),
    data=st.data(),
)
def test_the_choice_does_not_depend_on_the_order_of_voices_or_decisions(
    said: list[tuple[str, int]], strategy: str, judged: list[tuple[int, int]], data: st.DataObject
) -> None:
    field = FIELDS["actual_start"]
    voices = [voice(n, START + timedelta(hours=h), kind) for n, (kind, h) in enumerate(said)]
    decisions = [decision(n, {f"s{n}": START + timedelta(hours=h)}, at) for at, (n, h) in enumerate(judged)]
    choices = {
        choose(
            rule("actual_start", strategy, absolute=60.0),
            field,
            data.draw(st.permutations(voices)),
            data.draw(st.permutations(decisions)),
        )
        for _ in range(3)
    }
    assert len(choices) == 1


@pytest.mark.parametrize(
    ("attribute", "one", "other", "tolerance", "clashes"),
    [
        ("actual_size", KG, G, {}, False),
        ("actual_size", KG, {"value": 117.3, "unit": "kg"}, {"relative": 0.005}, True),
        ("actual_size", KG, {"value": 117.7, "unit": "kg"}, {"relative": 0.005}, False),
        ("actual_size", KG, {"value": 117.3, "unit": "kg"}, {"absolute": 1.0}, False),
        ("actual_size", KG, {"value": 117.3, "unit": "kg"}, {"absolute": 1.0, "unit": "kg"}, False),
        ("actual_size", KG, {"value": 117.3, "unit": "kg"}, {"absolute": 899.0, "unit": "g"}, True),
        ("actual_size", KG, {"value": 117.3, "unit": "kg"}, {"absolute": 900.0, "unit": "g"}, False),
        ("actual_size", KG, {"value": 117.3, "unit": "kg"}, {"absolute": 900.0, "unit": "L"}, True),
        ("actual_size", G, {"value": 117.3, "unit": "kg"}, {"absolute": 900.0}, False),
        ("actual_size", KG, {"value": 118.2, "unit": "L"}, {"relative": 0.5}, True),
        ("actual_size", KG, {"value": 118.2, "unit": None}, {"relative": 0.5}, True),
        ("actual_start", START, START + timedelta(seconds=900), {"absolute": 900.0, "unit": "s"}, False),
        ("actual_start", START, START + timedelta(seconds=901), {"absolute": 900.0, "unit": "s"}, True),
        ("actual_start", START, START + timedelta(seconds=900), {"absolute": 15.0, "unit": "min"}, False),
        ("actual_start", START, START + timedelta(seconds=1), {"relative": 1.0}, True),
        ("status", "Running", "Complete", {"relative": 1.0}, True),
        ("status", "Running", "Running", {}, False),
    ],
)
def test_values_clash_beyond_tolerance_after_conversion(
    attribute: str, one: Any, other: Any, tolerance: dict[str, Any], clashes: bool
) -> None:
    choice = choose(
        rule(attribute, "system", "MES", **tolerance), FIELDS[attribute], [voice(1, one), voice(2, other)]
    )
    assert choice.clashes == (frozenset({2}) if clashes else frozenset())


def test_a_source_named_by_its_code_has_its_own_place_and_its_kind_another() -> None:
    voices = [voice(1, "Running", "MES"), voice(2, "Complete", "MES"), voice(3, "Idle", "ERP")]
    winners = [
        choose(rule("status", "system", *order), FIELDS["status"], voices).value
        for order in (("MES", "ERP"), ("s2", "MES"), ("ERP", "MES"), ("MES", "s1", "s2"), ("LIMS",))
    ]
    assert winners == ["Running", "Complete", "Idle", "Running", "Running"]


def test_the_word_of_a_source_that_no_order_names_counts_when_nobody_else_speaks() -> None:
    assert choose(rule("status"), FIELDS["status"], [voice(1, "Idle", "FILE")]).value == "Idle"


@pytest.mark.parametrize(
    ("strategy", "attribute", "expected"),
    [
        ("earliest", "actual_start", 0),
        ("latest", "actual_start", 2),
        ("widest", "actual_start", 0),
        ("widest", "actual_end", 2),
        ("widest", "planned_start", 0),
        ("widest", "planned_end", 2),
    ],
)
def test_times_are_compared_by_what_they_are(strategy: str, attribute: str, expected: int) -> None:
    voices = [voice(n, START + timedelta(hours=h)) for n, h in enumerate((1, 0, 2))]
    choice = choose(rule(attribute, strategy), FIELDS[attribute], voices)
    assert choice.value == START + timedelta(hours=expected)


@pytest.mark.parametrize(("strategy", "expected"), [("earliest", "b"), ("latest", "a")])
def test_all_else_is_compared_by_when_it_was_said_and_the_undated_comes_last(
    strategy: str, expected: str
) -> None:
    voices = [
        voice(1, "a", told_at=START + timedelta(hours=1)),
        voice(2, "b", told_at=START),
        voice(3, "c", told_at=None),
    ]
    assert choose(rule("description", strategy), FIELDS["description"], voices).value == expected


def test_a_union_is_the_set_of_all_texts_and_contradicts_nobody() -> None:
    voices = [voice(1, "pH drift; b"), voice(2, "Antifoam"), voice(3, " b ;pH drift")]
    choice = choose(rule("description", "union"), FIELDS["description"], voices)
    assert choice == Choice(frozenset({1, 2, 3}), "Antifoam; b; pH drift", None)
    assert choose(rule("description", "union"), FIELDS["description"], voices[:1]).value == "b; pH drift"


# ------------------------------------------------------------------------------- what a person decided
STATUS = FIELDS["status"]
TWO = [voice(1, "Running", "ERP"), voice(2, "Complete", "MES")]


def test_a_decision_counts_while_every_value_it_judged_stands() -> None:
    made = decision(2, {"s1": "Running", "s2": "Complete"})
    assert choose(rule("status"), STATUS, TWO) == Choice(
        frozenset({1}), "Running", "Running", clashes=frozenset({2})
    )
    assert choose(rule("status"), STATUS, TWO, [made]) == Choice(
        frozenset({2}), "Complete", "Complete", settled=frozenset({1}), decision_id=1
    )
    for said in (
        [voice(1, "Idle", "ERP"), TWO[1]],
        [TWO[0], voice(2, "Held", "MES")],
        [TWO[0]],
        [TWO[1]],
    ):
        assert choose(rule("status"), STATUS, said, [made]) == choose(rule("status"), STATUS, said)


def test_a_voice_that_nobody_heard_then_makes_a_conflict_of_what_was_decided() -> None:
    made = decision(2, {"s1": "Running", "s2": "Complete"})
    choice = choose(rule("status"), STATUS, [*TWO, voice(3, "Held", "LIMS")], [made])
    assert (choice.winners, choice.clashes, choice.settled) == ({2}, {3}, {1})
    agreeing = choose(rule("status"), STATUS, [*TWO, voice(3, "Complete", "LIMS")], [made])
    assert (agreeing.winners, agreeing.clashes) == ({2}, frozenset())


def test_the_newest_decision_that_fits_counts_and_an_older_one_when_the_values_come_back() -> None:
    first = decision(2, {"s1": "Running", "s2": "Complete"})
    second = decision(1, {"s1": "Running", "s2": "Complete"}, at=1)
    third = decision(2, {"s1": "Idle", "s2": "Complete"}, at=2)
    assert choose(rule("status"), STATUS, TWO, [first, second, third]).decision_id == 2
    assert choose(rule("status"), STATUS, TWO, [first, third]).decision_id == 1
    changed = [voice(1, "Idle", "ERP"), TWO[1]]
    assert choose(rule("status"), STATUS, changed, [first, second, third]).decision_id == 3


def test_an_amount_written_otherwise_is_the_same_word() -> None:
    field = FIELDS["actual_size"]
    voices = [
        voice(1, {"value": 118.2, "unit": "kg", "text": "118.200"}, "ERP"),
        voice(2, {"value": 117.3, "unit": "kg", "text": "117.3"}),
    ]
    made = decision(2, {"s1": [118.2, "kg"], "s2": [117.3, "kg"]})
    assert choose(rule("actual_size"), field, voices, [made]).winners == {2}


# --------------------------------------------------------------------------------------- differences
@pytest.mark.parametrize(
    ("field", "one", "other", "expected"),
    [
        (FIELDS["actual_size"], KG, {"value": 117300.0, "unit": "g"}, (-0.9, "kg")),
        (FIELDS["actual_size"], G, {"value": 117.3, "unit": "kg"}, (-900.0, "g")),
        (FIELDS["actual_size"], KG, {"value": 1.0, "unit": "L"}, None),
        (FIELDS["actual_start"], START, START + timedelta(minutes=3), (180.0, "s")),
        (FIELDS["status"], "Running", "Complete", None),
    ],
)
def test_a_difference_is_given_in_the_unit_of_what_counts(
    field: Field, one: Any, other: Any, expected: tuple[float, str] | None
) -> None:
    found = difference_of(field, one, other)
    assert found == (None if expected is None else (pytest.approx(expected[0]), expected[1]))
