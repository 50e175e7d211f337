"""Whose word counts: the same voices give the same choice in whatever order they are heard."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model import Batch
from hub.model.shape import Field, fields_of
from hub.resolve.precedence import Voice, choose
from hub.store.rules import Rule

FIELDS = {field.name: field for field in fields_of(Batch)}
START = datetime(2026, 3, 1, tzinfo=UTC)
KINDS = ("MES", "ERP", "LIMS", "QMS")


def voice(system_id: int, meaning: Any, kind: str = "MES") -> Voice:
    told = START + timedelta(hours=system_id)
    return Voice(system_id, kind, f"s{system_id}", meaning, meaning, told)


@given(
    said=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2)), min_size=1, max_size=5),
    strategy=st.sampled_from(("system", "earliest", "latest")),
    data=st.data(),
)
def test_the_choice_does_not_depend_on_the_order_of_voices(
    said: list[tuple[str, int]], strategy: str, data: st.DataObject
) -> None:
    rule = Rule("batch", "actual_start", strategy, ("ERP", "MES"), tolerance=60.0)
    voices = [voice(n, START + timedelta(hours=h), kind) for n, (kind, h) in enumerate(said)]
    shuffled = data.draw(st.permutations(voices))
    field = FIELDS["actual_start"]
    assert choose(rule, field, shuffled) == choose(rule, field, voices)


@pytest.mark.parametrize(
    ("field", "one", "other", "clashes"),
    [
        (FIELDS["actual_size"], {"value": 118.2, "unit": "kg"}, {"value": 118200.0, "unit": "g"}, False),
        (FIELDS["actual_size"], {"value": 118.2, "unit": "kg"}, {"value": 117.3, "unit": "kg"}, True),
        (FIELDS["actual_size"], {"value": 118.2, "unit": "kg"}, {"value": 118.2, "unit": "L"}, True),
        (FIELDS["actual_start"], START, START + timedelta(seconds=0.004), False),
        (FIELDS["actual_start"], START, START + timedelta(seconds=1), True),
        (FIELDS["status"], "Running", "Complete", True),
    ],
)
def test_values_clash_beyond_tolerance_after_conversion(
    field: Field, one: Any, other: Any, clashes: bool
) -> None:
    rule = Rule("batch", field.name, "system", ("MES",), tolerance=0.005)
    choice = choose(rule, field, [voice(1, one), voice(2, other)])
    assert choice.clashes == (frozenset({2}) if clashes else frozenset())
