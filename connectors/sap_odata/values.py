"""SAP's spellings in JSON: `/Date(ms)/`, `PT06H00M00S` (V2), ISO 8601 (V4), YYYYMMDDhhmmss, ALPHA, flags."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

_DATE = re.compile(r"^/Date\((-?\d{1,15})([+-]\d{1,4})?\)/$")
_DURATION = re.compile(r"^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?$")
_TIME_OF_DAY = re.compile(r"^(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?$")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  local by meaning: SAP's dates have no zone


def read_date(value: Any) -> datetime | None:
    """Give an Edm.DateTime (naive: local by meaning) or Edm.DateTimeOffset (aware, UTC); None when initial.

    Raises ValueError for other text.
    """
    if value is None or value == "":
        return None
    found = _DATE.match(str(value))
    if found is None:
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment
    try:
        moment = _EPOCH + timedelta(milliseconds=int(found.group(1)))
    except OverflowError as error:
        raise ValueError(f"{value!r} is beyond the calendar") from error
    return moment.replace(tzinfo=UTC) if found.group(2) else moment


def read_duration(value: Any) -> timedelta:
    """Give an Edm.Time or Edm.TimeOfDay as the span since midnight (V2 has PT24H00M00S for a day's end).

    Raises ValueError for other text.
    """
    if value is None or value == "":
        return timedelta()
    clock = _TIME_OF_DAY.match(str(value))
    if clock:
        hours, minutes, seconds = (int(part) for part in clock.groups())
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    found = _DURATION.match(str(value))
    if found is None:
        raise ValueError(f"{value!r} is no time such as PT06H00M00S or 06:00:00")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _read_stamp(digits: str) -> datetime | None:
    """Give a YYYYMMDDhhmmss text as a naive time; None when initial. Raises ValueError for other text."""
    if not digits.strip("0"):
        return None
    if len(digits) != 14:
        raise ValueError(f"{digits!r} is no time stamp such as 20260302061104")
    try:
        return datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}")
    except ValueError as error:
        raise ValueError(f"{digits!r} is no time stamp such as 20260302061104: {error}") from error


def read_moment(value: Any) -> datetime | None:
    """Give a date or a time stamp, whichever it is; None when initial. Raises ValueError for other text."""
    return _read_told(value) if isinstance(value, str) else _read_moment(value)


def _read_moment(value: Any) -> datetime | None:
    text = str(value or "").strip()
    return _read_stamp(text) if text.isdecimal() else read_date(value)


_read_told = lru_cache(maxsize=1024)(_read_moment)
"""A row's change is looked at twice, and many rows were created on one day."""


def external(value: Any) -> str:
    """Give a number as people see it: purely numeric ones lose their leading zeros (conversion ALPHA)."""
    text = str(value or "").strip()
    return text.lstrip("0") or text[:1] if text.isdecimal() else text


def is_set(value: Any) -> bool:
    """Tell whether an indicator is on: `X`, true."""
    return value is True or str(value or "").strip().casefold() in {"x", "true"}
