"""The stores that ours stands beside are told the same samples, and give the same answers."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console

from hub.model import SAMPLE_SCHEMA
from hub.store.lake.runs import longs
from tests.bench.__main__ import draw
from tests.bench.bench_peers_history import PEERS, as_they_come, compare, insist_on_the_same
from tests.bench.historian import days, make_windows, wanted_samples
from tests.bench.influx import write_lines
from tests.bench.peer import Peer
from tests.bench.victoria import write_csv

AT = datetime(2026, 3, 1, tzinfo=UTC)
ONE = np.array([1, 2]), np.array([36.998001, 5.0])


def make_table(*samples: tuple[str, timedelta, float]) -> pa.Table:
    rows = [
        {"tag": tag, "ts": AT + after, "value": value, "text": None, "quality": 0}
        for tag, after, value in samples
    ]
    return pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA)


def test_samples_are_written_with_all_their_digits_and_milliseconds() -> None:
    table = make_table(("A", timedelta(milliseconds=7), 36.99800109863281), ("B", timedelta(0), 5.0))
    assert write_lines(table) == b"s,t=A v=36.99800109863281 1772323200007\ns,t=B v=5 1772323200000"
    assert write_csv(table) == b"A,36.99800109863281,1772323200007\nB,5,1772323200000"


def test_a_time_that_milliseconds_cannot_hold_is_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        write_csv(make_table(("A", timedelta(microseconds=7), 1.0)))


def test_samples_come_in_the_order_of_their_times_and_none_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLANTWIDE_BENCH_SAMPLES", "1")  # a day is the least
    lots = list(as_they_come(wanted_samples()))
    whole = pa.concat_tables(make_windows(wanted_samples()))
    assert days(wanted_samples()) == 1
    assert sum(lot.num_rows for lot in lots) == whole.num_rows
    stamps = [longs(lot, "ts") for lot in lots]
    assert all(before.max() <= after.min() for before, after in pairwise(stamps))


def test_an_answer_that_lacks_a_sample_is_not_the_same() -> None:
    with pytest.raises(AssertionError):
        insist_on_the_same(ONE, (ONE[0][:1], ONE[1][:1]), 1e-11)


def test_a_time_a_millisecond_off_is_not_the_same() -> None:
    with pytest.raises(AssertionError):
        insist_on_the_same(ONE, (ONE[0] + [0, 1], ONE[1]), 1e-11)


def test_a_value_is_the_same_within_what_a_peer_keeps() -> None:
    near = ONE[1] * (1 + 1e-12)
    insist_on_the_same(ONE, (ONE[0], near), 1e-11)
    with pytest.raises(AssertionError):
        insist_on_the_same(ONE, (ONE[0], near), 0.0)


@pytest.mark.nightly
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_gives_our_answers(peer: type[Peer], tmp_path: Path) -> None:
    if peer.find() is None:
        pytest.skip(peer.missing)
    rows = list(compare(tmp_path, [peer]))  # raises where answers differ
    Console(width=200).print(draw(rows))
    assert all(row.ratio for row in rows)
