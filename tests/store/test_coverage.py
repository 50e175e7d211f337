"""Covered windows: half-open, and what is missing of a span is exactly what no window holds."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.store.coverage import Span, cover, covered_spans, join_spans, missing_spans
from hub.store.systems import ensure_system
from tests.databases import is_waiting
from tests.swift import swift

START = datetime(2026, 3, 1, tzinfo=UTC)


def moment(hour: int) -> datetime:
    return START + timedelta(hours=hour)


SPANS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda p: (moment(p[0]), moment(p[0] + p[1]))),
    max_size=6,
)


def hours(spans: list[Span]) -> set[int]:
    """Give the hours that half-open spans hold."""
    return {h for h in range(40) for start, end in spans if start <= moment(h) < end}


@given(spans=SPANS, first=st.integers(0, 25), length=st.integers(0, 10))
def test_missing_is_the_span_without_what_is_covered(spans: list[Span], first: int, length: int) -> None:
    missing = missing_spans(spans, moment(first), moment(first + length))
    assert hours(missing) == set(range(first, first + length)) - hours(spans)
    assert missing == sorted(missing)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(missing))


@given(spans=SPANS)
def test_joined_spans_hold_the_same_hours_and_nothing_touches(spans: list[Span]) -> None:
    joined = join_spans(spans)
    assert hours(joined) == hours(spans)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(joined))


def test_covering_again_and_beside_grows_one_span_of_that_tag_only(migrated_url: str) -> None:
    database = swift(migrated_url)
    with database.begin("test") as connection:
        system = ensure_system(connection, "pi", "HISTORIAN", now=START)
        for first, last in ((0, 2), (0, 2), (4, 6), (2, 4)):
            span = (moment(first), moment(last))
            cover(connection, system.id, tags=["a"], span=span, now=START)
        cover(connection, system.id, tags=["a", "b"], span=(moment(10), moment(11)), now=START)
        spans = covered_spans(connection, system.id, ["a", "b", "c"])
    database.close()
    assert spans == {
        "a": [(moment(0), moment(6)), (moment(10), moment(11))],
        "b": [(moment(10), moment(11))],
    }


def test_two_nodes_that_cover_at_once_forget_nothing(migrated_url: str) -> None:
    database = swift(migrated_url)
    with database.begin("test") as connection:
        system = ensure_system(connection, "pi", "HISTORIAN", now=START)

    def extend(last: int) -> None:
        with database.begin("test") as connection:
            cover(connection, system.id, tags=["a"], span=(moment(last - 2), moment(last)), now=START)

    extend(2)
    with ThreadPoolExecutor(1) as pool:
        with database.begin("test") as connection:
            cover(connection, system.id, tags=["a"], span=(moment(2), moment(4)), now=START)
            other = pool.submit(extend, 6)
            while not other.done() and not is_waiting(database):
                pass
        other.result()
    with database.read() as connection:
        spans = covered_spans(connection, system.id, ["a"])
    database.close()
    assert spans == {"a": [(moment(0), moment(6))]}
