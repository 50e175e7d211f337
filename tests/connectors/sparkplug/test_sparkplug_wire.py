"""The Sparkplug payload: what an encoder wrote is what is read, and nonsense is said to be some."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sparkplug.wire import BrokenPayloadError, read_payload, settle_value, write_rebirth
from tests.connectors.sparkplug.edge_node import BOOLEAN, DOUBLE, INT32, INT64, STRING, metric, payload

VALUES = st.one_of(
    st.tuples(st.just(DOUBLE), st.floats(allow_nan=False)),
    st.tuples(st.just(INT32), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(INT64), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(BOOLEAN), st.booleans()),
    st.tuples(st.just(STRING), st.text(max_size=40)),
    st.tuples(st.just(DOUBLE), st.none()),
)


METRICS = st.lists(st.tuples(st.text(min_size=1, max_size=20), VALUES, st.integers(0, 2**40)), max_size=3)


@given(METRICS, st.integers(0, 255))
@settings(max_examples=40)
def test_what_was_written_is_read(metrics: list[tuple[str, tuple[int, object], int]], seq: int) -> None:
    data = payload(
        [metric(n, kind, value, at=at, alias=at) for n, (kind, value), at in metrics], at=17, seq=seq
    )
    read = read_payload(data)
    assert (read.timestamp, read.seq) == (17, seq)
    assert [(m.name, m.timestamp, m.alias, settle_value(m, m.datatype)) for m in read.metrics] == [
        (name, at, at, value) for name, (_, value), at in metrics
    ]


@given(st.binary(max_size=60))
def test_any_bytes_are_a_payload_or_said_to_be_none(data: bytes) -> None:
    with suppress(BrokenPayloadError):
        assert read_payload(data) == read_payload(data)


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_payload_that_breaks_off_is_no_other_payload(cut: int) -> None:
    data = payload([metric("TEMP", DOUBLE, 36.9, at=1_772_323_200_000)], at=1_772_323_200_000, seq=1)
    with suppress(BrokenPayloadError):
        assert not [m for m in read_payload(data[:cut]).metrics if m.value not in (None, 36.9)]


def test_a_rebirth_is_the_command_of_the_specification() -> None:
    (told,) = read_payload(write_rebirth(1_772_323_200_000)).metrics
    assert (told.name, told.datatype, told.value) == ("Node Control/Rebirth", BOOLEAN, True)


@pytest.mark.parametrize(
    ("datatype", "raw", "value"), [(1, 0xFF, -1), (1, 0xFFFF_FFFF, -1), (2, 0x8000, -32768), (5, 200, 200)]
)
def test_short_numbers_keep_their_sign(datatype: int, raw: int, value: int) -> None:
    (told,) = read_payload(payload([metric("X", datatype, raw)], at=1, seq=0)).metrics
    assert settle_value(told, datatype) == value
