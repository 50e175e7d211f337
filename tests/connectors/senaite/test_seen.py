"""Packed memory answers as a dictionary would."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connectors.senaite import seen
from connectors.senaite.seen import Seen

T0 = datetime(2026, 3, 1, tzinfo=UTC)


@given(st.lists(st.tuples(st.integers(0, 40), st.one_of(st.none(), st.integers(0, 3))), max_size=400))
def test_it_answers_as_a_dictionary_would(events: list[tuple[int, int | None]]) -> None:
    usual, seen._RECENT = seen._RECENT, 5
    try:
        packed, plain = Seen(), dict[str, datetime | None]()
        for number, days in events:
            name, changed = f"uid-{number}", None if days is None else T0 + timedelta(days=days)
            assert packed.add(name, changed) == (name not in plain or plain[name] != changed)
            plain[name] = changed
            assert len(packed) == len(plain)
    finally:
        seen._RECENT = usual


def test_many_are_told_from_each_other() -> None:
    packed = Seen()
    assert all(packed.add(f"uid-{n}", T0) for n in range(20_000))
    assert not any(packed.add(f"uid-{n}", T0) for n in range(20_000))
    assert len(packed) == 20_000
