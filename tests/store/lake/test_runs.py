"""Runs as they are written, read and merged: what a footer knows is the same as what is decoded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.store.lake import runs
from hub.store.lake.place import Place
from hub.store.lake.reading import count_run, read_run
from hub.store.lake.runs import RUN_SCHEMA, Run, merge, write_run

GROUP = 4
"""Rows of a row group here."""
TAGS = np.array([1, 2, 5], np.int64)
GOOD, BAD = 0, 0x80000000


def table(rows: Sequence[tuple[int, int, float | None, str | None, int, int]]) -> pa.Table:
    """Make a run's table of (tag, µs, value, text, quality, put)."""
    columns: Any = zip(*rows, strict=True) if rows else [[]] * 6
    arrays = [pa.array(c, f.type) for c, f in zip(columns, list(RUN_SCHEMA), strict=True)]
    return pa.table(arrays, schema=RUN_SCHEMA)


ROW = st.tuples(
    st.sampled_from(TAGS.tolist()),
    st.integers(0, 40),
    st.none() | st.sampled_from((0.5, -1.0)),
    st.sampled_from((None, None, None, "open")),
    st.sampled_from((GOOD, GOOD, GOOD, BAD)),
    st.sampled_from((7, 7, 7, 8)),
)


@settings(max_examples=40)
@given(
    rows=st.lists(ROW, min_size=1, max_size=30),
    columns=st.permutations(RUN_SCHEMA.names),
    first=st.integers(0, 20),
)
def test_a_cut_of_a_run_is_what_was_written_whatever_its_footer_knows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], columns: list[str], first: int
) -> None:
    written = table(sorted(rows, key=lambda row: (row[0], row[1], row[5])))
    place = Place(tmp_path_factory.mktemp("runs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(runs._OPTIONS, "row_group_size", GROUP)
        run = write_run(place, "live", written, period="1970-01")
    some, span = TAGS[:2], (first, first + 15)
    expected = [
        r for r in written.to_pylist() if r["tag_id"] in some and span[0] <= _micros(r["ts"]) < span[1]
    ]
    found = read_run(place, "live", run, tags=some, spans=[span], columns=columns)
    assert (found.select(RUN_SCHEMA.names).to_pylist() if found is not None else []) == expected
    assert count_run(place, run, tags=some, span=span) == len(expected)
    assert count_run(place, run, tags=some, span=span, roughly=True) >= len(expected)


def _micros(at: Any) -> int:
    return at.microsecond + at.second * 1_000_000


def test_of_a_run_of_alike_samples_times_and_values_alone_are_decoded(tmp_path: Path) -> None:
    place = Place(tmp_path)
    run: Run = write_run(
        place, "live", table([(1, at, 1.0, None, GOOD, 7) for at in range(9)]), period="1970-01"
    )
    with pytest.MonkeyPatch.context() as patch:
        asked: list[list[str]] = []
        opened = Place.open

        def spy(*arguments: Any, **options: Any) -> Any:
            return _Spy(opened(*arguments, **options), asked)

        patch.setattr(Place, "open", spy)
        found = read_run(place, "live", run, tags=TAGS, spans=[(0, 9)], columns=RUN_SCHEMA.names)
    assert asked == [["ts", "value"]]
    assert found is not None
    assert found.to_pylist()[0].keys() == set(RUN_SCHEMA.names)


class _Spy:
    """A file that notes which columns were decoded."""

    def __init__(self, file: Any, asked: list[list[str]]) -> None:
        self._file, self._asked = file, asked

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def metadata(self) -> Any:
        return self._file.metadata

    def read_row_groups(self, groups: list[int], **options: Any) -> pa.Table:
        self._asked.append(options["columns"])
        return self._file.read_row_groups(groups, **options)


STRETCH = st.tuples(st.sampled_from(TAGS.tolist()), st.integers(0, 60), st.integers(1, 30))


@settings(max_examples=60)
@given(parts=st.lists(st.lists(STRETCH, min_size=1, max_size=3), min_size=2, max_size=4), data=st.data())
def test_merged_parts_are_sorted_by_tag_time_and_put(
    parts: list[list[tuple[int, int, int]]], data: st.DataObject
) -> None:
    told: list[list[tuple[int, int, float | None, str | None, int, int]]] = []
    for put, stretches in enumerate(parts, start=1):
        rows = {(tag, start + n) for tag, start, length in stretches for n in range(length)}
        told.append([(tag, at, put / 2, None, GOOD, put) for tag, at in sorted(rows)])
    expected = sorted((row for part in told for row in part), key=lambda row: (row[0], row[1], row[5]))
    given_in = data.draw(st.permutations(told))
    assert merge([table(part) for part in given_in]).equals(table(expected))


@pytest.mark.parametrize("at", [0, 29])
@pytest.mark.parametrize("is_first", [True, False])
def test_the_later_put_is_the_later_row_whichever_run_is_named_first(at: int, is_first: bool) -> None:
    long = table([(1, n, 0.5, None, GOOD, 7) for n in range(30)])
    correction = table([(1, at, -1.0, None, GOOD, 8)])
    merged = merge([correction, long] if is_first else [long, correction])
    assert [row["put"] for row in merged.to_pylist() if _micros(row["ts"]) == at] == [7, 8]
