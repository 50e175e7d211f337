"""The fast decoder gives what asyncua's own decoder gives, whatever the mixture of values."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.opcua.decoding import decode_changes, decode_history
from connectors.opcua.session import decode_other
from hub.sdk.opcua.stack import Buffer, binary, ua

START = datetime(2026, 3, 1, tzinfo=UTC)
VALUES = st.one_of(
    st.floats(allow_nan=False, width=64).map(lambda v: ua.Variant(v, ua.VariantType.Double)),
    st.floats(allow_nan=False, width=32).map(lambda v: ua.Variant(v, ua.VariantType.Float)),
    st.integers(-(2**31), 2**31 - 1).map(lambda v: ua.Variant(v, ua.VariantType.Int32)),
    st.integers(0, 2**16 - 1).map(lambda v: ua.Variant(v, ua.VariantType.UInt16)),
    st.booleans().map(lambda v: ua.Variant(v, ua.VariantType.Boolean)),
    st.text(max_size=8).map(lambda v: ua.Variant(v, ua.VariantType.String)),
    st.text(min_size=1, max_size=8).map(
        lambda v: ua.Variant(ua.LocalizedText(v), ua.VariantType.LocalizedText)
    ),
    st.just(ua.Variant()),
    st.lists(st.integers(0, 9), min_size=1, max_size=3).map(lambda v: ua.Variant(v, ua.VariantType.Int32)),
)
STATUSES = st.sampled_from([0, 0x40000000, 0x808C0000])


def encode(given_rows: list[tuple[Any, int, bool]]) -> bytes:
    """Give the body of a HistoryData with these values, one a second."""
    data = ua.HistoryData()
    for n, (value, status, both) in enumerate(given_rows):
        moment = START + timedelta(seconds=n)
        data.DataValues.append(
            ua.DataValue(
                value,
                ua.StatusCode(ua.UInt32(status)),
                SourceTimestamp=moment,
                ServerTimestamp=moment if both else None,
            )
        )
    return binary.struct_to_binary(data)


def plain(value: Any) -> tuple[float | None, str | None]:
    """Give number and text of a variant as the hub keeps them."""
    inner = value.Value
    if inner is None:
        return None, None
    if isinstance(inner, ua.LocalizedText):
        return None, inner.Text
    if isinstance(inner, str):
        return None, inner
    return (None, str(inner)) if isinstance(inner, list) else (float(inner), None)


@given(st.lists(st.tuples(VALUES, STATUSES, st.booleans()), max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_mixture_of_values_is_decoded(mixture: list[tuple[Any, int, bool]]) -> None:
    columns = decode_history(encode(mixture), decode_other)
    ts, number, status = columns.joined()
    first = int(START.timestamp() * 1e6)
    assert ts.tolist() == [first + n * 1_000_000 for n in range(len(mixture))]
    assert status.tolist() == [code for _, code, _ in mixture]
    for n, (value, _, _) in enumerate(mixture):
        expected, text = plain(value)
        assert columns.texts.get(n) == text
        assert math.isnan(number[n]) if expected is None else number[n] == expected


@given(st.lists(st.tuples(VALUES, STATUSES, st.booleans(), st.integers(0, 3)), max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_mixture_of_changes_is_decoded_with_its_handles(
    mixture: list[tuple[Any, int, bool, int]],
) -> None:
    told = ua.DataChangeNotification()
    history = decode_history(encode([row[:3] for row in mixture]), decode_other)
    plain_rows = binary.struct_from_binary(ua.HistoryData, Buffer(encode([row[:3] for row in mixture])))
    for value, (_, _, _, handle) in zip(plain_rows.DataValues, mixture, strict=True):
        told.MonitoredItems.append(ua.MonitoredItemNotification(ClientHandle=handle, Value=value))
    columns = decode_changes(binary.struct_to_binary(told), decode_other)
    assert columns.handles().tolist() == [handle for _, _, _, handle in mixture]
    assert columns.texts == history.texts
    for one, other in zip(columns.joined(), history.joined(), strict=True):
        assert np.array_equal(one, other, equal_nan=one.dtype == np.float64)


def test_long_runs_of_one_layout_are_decoded() -> None:
    rows = [
        (ua.Variant(float(n), ua.VariantType.Double), 0x808C0000 if n % 997 == 996 else 0, True)
        for n in range(5000)
    ]
    _, number, status = decode_history(encode(rows), decode_other).joined()
    assert number.tolist() == [float(n) for n in range(5000)]
    assert [n for n, code in enumerate(status) if code] == [996, 1993, 2990, 3987, 4984]


def test_bytes_that_end_early_are_an_error() -> None:
    body = encode([(ua.Variant(1.0, ua.VariantType.Double), 0, False)] * 3)
    with pytest.raises(ValueError, match="ends 1 value"):
        decode_history(body[:-1], decode_other)
