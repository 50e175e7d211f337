"""Timed values of a PI Web API as columns: numbers, digital states, and flags as OPC UA statuses."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from hub.model.quality import BAD, BAD_NO_DATA, GOOD, GOOD_ENTRY_REPLACED, UNCERTAIN
from hub.sdk.columns import make_batch, read_times, split_values

UNCERTAIN_SUBSTITUTE = 0x40910000
_BAD_OUT_OF_RANGE, _BAD_NO_COMMUNICATION = 0x803C0000, 0x80310000
_BAD_NOT_CONNECTED, _BAD_DEVICE, _BAD_OUT_OF_SERVICE = 0x808A0000, 0x808B0000, 0x808D0000
_BAD_CONFIGURATION = 0x80890000
SYSTEM_STATES: Mapping[str, int] = {
    "no data": BAD_NO_DATA,
    "pt created": BAD_NO_DATA,
    "i/o timeout": _BAD_NO_COMMUNICATION,
    "comm fail": _BAD_NO_COMMUNICATION,
    "not connect": _BAD_NOT_CONNECTED,
    "equip fail": _BAD_DEVICE,
    "out of serv": _BAD_OUT_OF_SERVICE,
    "scan off": _BAD_OUT_OF_SERVICE,
    "shutdown": _BAD_OUT_OF_SERVICE,
    "intf shut": _BAD_OUT_OF_SERVICE,
    "configure": _BAD_CONFIGURATION,
    "over range": _BAD_OUT_OF_RANGE,
    "under range": _BAD_OUT_OF_RANGE,
}
"""Statuses of states of the set `System`, which stand in a value's place when there is none; others are Bad.
The state's name stays as text."""


def decode_values(tag: str, items: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Give samples of one tag. Raises `ValueError` when a time is none, `KeyError` when it is missing."""
    times = read_times([item["Timestamp"] for item in items])
    given = [item.get("Value") for item in items]
    status = [_status(item) for item in items]
    odd = [n for n, value in enumerate(given) if isinstance(value, dict)]
    plain = given
    if odd:
        plain = given.copy()
        for n in odd:
            plain[n] = None
    numbers, texts = split_values(plain)
    if odd:
        numbers, texts, status = _with_states(given, odd, (numbers.to_pylist(), texts.to_pylist(), status))
    return make_batch(tag, times, value=numbers, text=texts, quality=status)


def _with_states(
    given: list[Any], odd: list[int], columns: tuple[Any, Any, list[int]]
) -> tuple[Any, Any, Any]:
    """Put digital states in: number and name; of a system state, or of errors in its place, the name."""
    numbers, texts, status = columns
    for n in odd:
        state: dict[str, Any] = given[n]
        name = state.get("Name")
        if "Errors" in state:
            texts[n], status[n] = "; ".join(map(str, state["Errors"] or ()))[:400], BAD
        elif name is None:
            numbers_of, texts_of = split_values([state])
            numbers[n], texts[n] = numbers_of.to_pylist()[0], texts_of.to_pylist()[0]
        elif state.get("IsSystem"):
            texts[n], status[n] = str(name), SYSTEM_STATES.get(str(name).casefold(), BAD)
        else:
            value = state.get("Value")
            numbers[n] = float(value) if isinstance(value, int | float) else None
            texts[n] = str(name)
    return numbers, texts, status


def _status(item: Mapping[str, Any]) -> int:
    """Give the status of a value by its flags: bad before questionable before substituted (edited later)."""
    if item.get("Good") is False or item.get("Errors"):
        return BAD
    if item.get("Questionable"):
        return UNCERTAIN_SUBSTITUTE if item.get("Substituted") else UNCERTAIN
    return GOOD_ENTRY_REPLACED if item.get("Substituted") else GOOD
