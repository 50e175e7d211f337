"""How good samples are: range, quality, gaps, stuck values, doubtful times; and what was not checked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute

from hub.model import Tag
from hub.sdk import Rejected, Window

pc: Any = pyarrow.compute
_MANY = 10.0
"""A pause of so many usual intervals between two samples is a gap."""
_RESERVED = 0x30003000
"""Bits of a status code that are always zero (OPC UA part 4, 7.39)."""
_INFO_TYPE, _INFO_BITS = 0xC00, 0x3FF
_STUCK = 50
"""So many equal numbers in a row are a signal that stands still."""


@dataclass(frozen=True)
class TagQuality:
    """What the samples of one tag are like in a window; shares are 0 to 1, spans in seconds."""

    tag: str
    samples: int
    good: float
    out_of_range: int
    gaps: int
    longest_gap_s: float
    stuck: int
    doubtful_times: int
    faults: tuple[str, ...]
    not_checked: tuple[str, ...]


def survey(
    given: Iterable[pa.RecordBatch | Rejected],
    *,
    tags: Mapping[str, Tag],
    window: Window,
    zone: ZoneInfo | None,
    states_quality: bool = True,
) -> list[TagQuality]:
    """Judge the samples of each tag. A tag without samples is judged too; a rejected one says why.

    `states_quality` is the connector's word: without it a tag whose samples are all good was not checked.
    """
    parts: dict[str, list[Any]] = {name: [] for name in tags}
    refused: dict[str, str] = {}
    for item in given:
        if isinstance(item, Rejected):
            refused[item.key] = item.reason
            continue
        table: Any = pa.Table.from_batches([item])
        held: Any = pc.unique(item.column("tag")).to_pylist()
        for name in held:
            parts.setdefault(name, []).append(table.filter(pc.equal(table.column("tag"), name)))
    return [
        _judge(name, tags.get(name), some, refused.get(name), window, zone, states_quality)
        for name, some in sorted(parts.items())
    ]


def _judge(  # noqa: PLR0917 - one tag's evidence, handed on whole
    name: str,
    tag: Tag | None,
    parts: list[Any],
    refused: str | None,
    window: Window,
    zone: ZoneInfo | None,
    states_quality: bool,  # noqa: FBT001 - one tag's evidence as well
) -> TagQuality:
    faults, unchecked = ([f"cannot be read: {refused}"] if refused else []), list[str]()
    if not parts:
        unchecked.append("everything: the window holds no sample")
        return TagQuality(name, 0, 0.0, 0, 0, 0.0, 0, 0, tuple(faults or ["no sample"]), tuple(unchecked))
    table: Any = pa.concat_tables(parts)
    table = table.sort_by("ts")
    micros = table.column("ts").cast(pa.int64()).to_numpy()
    values = table.column("value").to_numpy(zero_copy_only=False).astype(float)
    codes = table.column("quality").to_numpy()
    foreign = ~_are_statuses(codes)
    good = (codes >> 30 == 0) & ~foreign
    if foreign.any():
        unchecked.append("quality: where the codes are none of OPC UA, 0 may mean bad")
    elif not states_quality and not codes.any():
        unchecked.append("quality: the source states none")
    out = _out_of_range(values[good], tag, unchecked)
    gaps, longest = _gaps(micros, unchecked)
    stuck = _stuck(values, tag, unchecked)
    doubtful = _doubtful(micros, zone, window=window, unchecked=unchecked)
    if tag is None or not (tag.unit or tag.source_unit):
        unchecked.append("unit: none is stated")
    poor = int((~good & ~foreign).sum())
    told = (
        (out, f"{out} outside {tag.low if tag else None} to {tag.high if tag else None}"),
        (poor, f"{poor} of bad or uncertain quality"),
        (int(foreign.sum()), _told_foreign(codes[foreign])),
        (gaps, f"{gaps} gap(s), the longest {longest:.0f} s"),
        (stuck, f"stands still over {stuck} samples"),
        (doubtful, f"{doubtful} in the hour that comes twice when clocks are put back"),
    )
    faults += [text for count, text in told if count]
    return TagQuality(
        name,
        len(values),
        float(good.mean()),
        out,
        gaps,
        longest,
        stuck,
        doubtful,
        tuple(faults),
        tuple(unchecked),
    )


def _are_statuses(codes: Any) -> Any:
    """Tell which codes can be status codes of OPC UA; 192, OPC DA's good, cannot: it is info without a type.

    A severity of 3, reserved bits that are set and reserved types of info are none either.
    """
    info = codes & _INFO_TYPE
    untyped = (info == 0) & (codes & _INFO_BITS != 0)
    return (codes >> 30 != 3) & (codes & _RESERVED == 0) & (info < 0x800) & ~untyped


def _told_foreign(codes: Any) -> str:
    few = ", ".join(str(code) for code in np.unique(codes)[:3])
    return (
        f"{len(codes)} with a quality code that is no OPC UA status ({few}): map the source's codes to those"
    )


def _out_of_range(values: Any, tag: Tag | None, unchecked: list[str]) -> int:
    low, high = (tag.low, tag.high) if tag else (None, None)
    if low is None and high is None:
        unchecked.append("range: no low or high is stated")
        return 0
    below = values < low if low is not None else np.zeros(len(values), bool)
    above = values > high if high is not None else np.zeros(len(values), bool)
    return int((below | above).sum())


def _gaps(micros: Any, unchecked: list[str]) -> tuple[int, float]:
    """A signal that is written on change only has long pauses by nature: those show here as well."""
    pauses = np.diff(micros) / 1e6
    pauses = pauses[pauses > 0]
    if len(pauses) < 10:
        unchecked.append("gaps: fewer than ten intervals")
        return 0, 0.0
    long = pauses[pauses > _MANY * float(np.median(pauses))]
    return len(long), float(long.max()) if len(long) else 0.0


def _stuck(values: Any, tag: Tag | None, unchecked: list[str]) -> int:
    if np.isnan(values).all() or (
        tag is not None and (tag.is_step or tag.value_type in {"boolean", "string"})
    ):
        unchecked.append("stuck values: the tag holds states, not a measured number")
        return 0
    same = np.concatenate([[False], values[1:] == values[:-1]])
    starts = np.flatnonzero(~same)
    longest = int(np.diff(np.append(starts, len(values))).max())
    return longest if longest >= _STUCK else 0


def _doubtful(micros: Any, zone: ZoneInfo | None, *, window: Window, unchecked: list[str]) -> int:
    """Count instants whose local time comes twice: who writes local times cannot tell them apart."""
    if zone is None:
        unchecked.append("doubtful times: the source states no time zone")
        return 0
    count = 0
    for start, end in _twice(window.start, window.end, zone):
        first, last = (int(moment.timestamp() * 1e6) for moment in (start, end))
        count += int(((micros >= first) & (micros < last)).sum())
    return count


def _twice(start: datetime, end: datetime, zone: ZoneInfo) -> Iterable[tuple[datetime, datetime]]:
    """Give the spans around each moment at which clocks are put back, as far as they are repeated."""
    hour = timedelta(hours=1)
    moment = start.replace(minute=0, second=0, microsecond=0) - hour
    while moment <= end + hour:
        now, later = ((m.astimezone(zone).utcoffset() or timedelta()) for m in (moment, moment + hour))
        if later < now:
            yield moment + hour - (now - later), moment + hour + (now - later)
        moment += hour
