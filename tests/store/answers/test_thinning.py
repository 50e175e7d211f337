"""Thinning for a screen: what may be lost, what never is, and that pieces do not matter."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.store.answers import thinning
from hub.store.answers.thinning import Sieve, Thinner, choose_extremes
from hub.store.lake.frames import STORED_SCHEMA

BAD = 0x80000000
Said = float | str | None
"""A good number, a good text, or a bad sample."""


def told(said: Sequence[Said], *, step_us: int = 1_000_000) -> pa.Table:
    """Give samples of one tag, one each so many microseconds."""
    rows = [
        {
            "tag_id": 7,
            "ts": at * step_us,
            "value": one if isinstance(one, float) else None,
            "text": one if isinstance(one, str) else None,
            "quality": BAD if one is None else 0,
        }
        for at, one in enumerate(said)
    ]
    return pa.Table.from_pylist(rows, schema=STORED_SCHEMA)


def thin(pieces: Sequence[pa.Table], points: int) -> list[dict[str, Any]]:
    thinner = Thinner(points)
    for piece in pieces:
        thinner.add(piece)
    return thinner.take().to_pylist()


def turns(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the rows at which text or status is another than before."""
    found: list[dict[str, Any]] = []
    for row in rows:
        if not found or (row["text"], row["quality"]) != (found[-1]["text"], found[-1]["quality"]):
            found.append(row)
    return found


def test_a_state_shows_every_change_at_its_own_instant() -> None:
    whole = told([f"step {at // 100 % 7}" for at in range(5_000)])
    thinned = thin([whole], 1_000)
    assert turns(thinned) == turns(whole.to_pylist())
    assert len(turns(thinned)) == 50
    assert thinned[-1] == whole.to_pylist()[-1]


def test_a_valve_told_as_a_number_shows_every_change_too() -> None:
    whole = told([float(at // 333 % 2) for at in range(5_000)]).to_pylist()
    thinned = thin([pa.Table.from_pylist(whole, schema=STORED_SCHEMA)], 100)
    edges = [row for at, row in enumerate(whole) if at % 333 in {0, 332} or at == 4_999]
    assert thinned == edges


def test_where_runs_begin_is_kept_before_where_they_end() -> None:
    whole = told([f"step {at // 10}" for at in range(5_000)])
    thinned = thin([whole], 600)
    assert turns(thinned) == turns(whole.to_pylist())
    assert len(thinned) == 501


def test_more_changes_than_points_are_thinned_and_the_state_is_right_at_the_ends() -> None:
    whole = told([f"step {at % 7}" for at in range(5_000)]).to_pylist()
    thinned = thin([pa.Table.from_pylist(whole, schema=STORED_SCHEMA)], 100)
    assert 90 <= len(thinned) <= 100
    assert (thinned[0], thinned[-1]) == (whole[0], whole[-1])
    gaps = np.diff([row["ts"].timestamp() for row in thinned])
    assert gaps.max() <= 2 * 5_000 / 50


def test_bad_stretches_and_numbers_share_the_points() -> None:
    said: list[Said] = [None if at % 5 == 0 else float(at % 13) for at in range(5_000)]
    said[2_222] = 99.0
    thinned = thin([told(said)], 100)
    assert len(thinned) <= 100
    assert sum(1 for row in thinned if row["quality"]) == 50
    assert 99.0 in [row["value"] for row in thinned]


@pytest.mark.parametrize("points", [9, thinning.MOST_POINTS + 1])
def test_a_number_of_points_that_cannot_be_kept_is_refused(points: int) -> None:
    with pytest.raises(ValueError, match="thin to 10 at least"):
        Thinner(points)


SAID = st.one_of(
    st.floats(-9, 9, width=16),
    st.sampled_from(("Run", "Idle", "Run", None)),
)
RUNS = st.lists(st.tuples(SAID, st.integers(1, 9)), min_size=1, max_size=60)


@given(
    runs=RUNS,
    cuts=st.lists(st.integers(0, 540), max_size=8),
    points=st.integers(10, 60),
    held=st.integers(20, 80),
    step=st.sampled_from((1, 7_777, 3_600_000_000)),
)
def test_pieces_do_not_matter_and_extremes_and_ends_are_kept(
    runs: list[tuple[Said, int]], cuts: list[int], points: int, held: int, step: int
) -> None:
    whole = told([one for one, times in runs for _ in range(times)], step_us=step)
    edges = [0, *sorted(cut for cut in cuts if cut < whole.num_rows), whole.num_rows]
    pieces = [whole.slice(a, b - a) for a, b in pairwise(edges)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sieve.__init__, "__kwdefaults__", {"width": 1, "most": held})
        found = thin([whole], points)
        assert thin(pieces, points) == found
    rows = whole.to_pylist()
    assert len(found) <= points
    assert [row for row in rows if row in found] == found
    numbers = [row["value"] for row in rows if row["value"] is not None]
    kept = [row["value"] for row in found if row["value"] is not None]
    assert (min(kept, default=0), max(kept, default=0)) == (min(numbers, default=0), max(numbers, default=0))
    assert bool(kept) == bool(numbers)


def test_a_sieve_widens_no_more_than_it_must() -> None:
    sieve = Sieve(choose_extremes, most=100)
    whole = told([float(at % 17) for at in range(10_000)])
    for at in range(0, 10_000, 500):
        sieve.add(whole.slice(at, 500))
    assert 50 < sieve.take().num_rows <= 100
