"""The ruler itself is straight."""

import pytest

from tests.bench.ruler import judge, seconds_side_by_side


def test_a_target_on_a_compared_figure_bounds_the_ratio() -> None:
    row = judge("put", 2.0, "ms", against=1.0, at_most=2.5)
    assert (row.ratio, row.held, row.target) == (2.0, True, "≤ 2.5 ×")


def test_a_target_on_a_lonely_figure_bounds_the_figure() -> None:
    row = judge("start", 4.0, "s", at_most=3)
    assert (row.ratio, row.held, row.target) == (None, False, "≤ 3 s")


def test_a_figure_without_a_target_is_neither_held_nor_missed() -> None:
    assert judge("size", 12.0, "MB").held is None


def test_both_bounds_must_hold() -> None:
    assert judge("share", 0.5, "", at_least=0.4, at_most=0.6).held is True
    assert judge("share", 0.7, "", at_least=0.4, at_most=0.6).held is False


def test_nothing_stands_against_zero() -> None:
    with pytest.raises(ValueError, match="positive"):
        judge("put", 1.0, "ms", against=0.0)


def test_two_actions_take_turns() -> None:
    calls = list[str]()
    seconds_side_by_side(lambda: calls.append("a"), lambda: calls.append("b"), runs=2)
    assert calls == ["a", "b"] * 3
