"""Local times into UTC, in columns: the hour that comes twice in autumn is told apart by the file's order."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hub.sdk import Misconfigured

Micros: TypeAlias = npt.NDArray[np.int64]
"""Microseconds since 1970, local or UTC."""
Flags: TypeAlias = npt.NDArray[np.bool_]

_DAY = 86_400_000_000
_QUARTER = 900_000_000
_START = datetime(1970, 1, 1)  # noqa: DTZ001  # local on purpose


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """Two readings of local times: the earlier and the later; equal but for one hour."""

    early: Micros
    late: Micros
    missing: Flags
    """Local times that do not exist: clocks were put forward over them."""

    @property
    def ambiguous(self) -> Flags:
        """Where the two readings differ."""
        return (self.early != self.late) & ~self.missing


def read_local(local: Micros, zone: ZoneInfo) -> LocalTimes:
    """Give both UTC readings of local microseconds; offsets are looked up by day."""
    days, where = np.unique(local // _DAY, return_inverse=True)
    first, second = _offsets(days * _DAY, zone)
    after, _ = _offsets((days + 1) * _DAY, zone)
    steady = (first == second) & (first == after)
    early, late = first[where], first[where]
    turning = ~steady[where]
    if turning.any():
        quarters, at = np.unique(local[turning] // _QUARTER, return_inverse=True)
        one, two = _offsets(quarters * _QUARTER, zone)
        early[turning], late[turning] = one[at], two[at]
    return LocalTimes(local - early, local - late, early < late)


def _offsets(moments: Micros, zone: ZoneInfo) -> tuple[Micros, Micros]:
    """Give the zone's offsets at local moments, for the first and the second time they come."""
    one = np.empty(len(moments), np.int64)
    two = np.empty(len(moments), np.int64)
    for number, moment in enumerate(moments.tolist()):
        local = (_START + timedelta(microseconds=moment)).replace(tzinfo=zone)
        one[number] = _micros(local.utcoffset())
        two[number] = _micros(local.replace(fold=1).utcoffset())
    return one, two


def _micros(offset: timedelta | None) -> int:
    return (offset or timedelta()) // timedelta(microseconds=1)


@dataclass(slots=True)
class Folds:
    """Where in a file the hour that comes twice comes for the second time: row by local day."""

    zone: ZoneInfo
    policy: Literal["earliest", "latest", "error"]
    seen: dict[int, list[tuple[Micros, Micros]]] = field(
        default_factory=lambda: defaultdict[int, list[tuple[Micros, Micros]]](list)
    )
    turns: Mapping[int, int | None] = field(default_factory=dict[int, int | None])

    def collect(self, local: Micros, first_row: int, where: str) -> LocalTimes:
        """Note the ambiguous rows of one block of the file; give both readings of all."""
        times = self._read(local, where)
        (rows,) = np.nonzero(times.ambiguous)
        for day in np.unique(local[rows] // _DAY).tolist():
            mine = rows[local[rows] // _DAY == day]
            self.seen[day].append((mine + first_row, local[mine]))
        return times

    def forget(self, from_row: int) -> None:
        """Drop what was noted from this row on: the block is read again."""
        for day, parts in list(self.seen.items()):
            self.seen[day] = [(r, t) for r, t in parts if int(r[0]) < from_row]
            if not self.seen[day]:
                del self.seen[day]

    def settle(self, where: str) -> None:
        """Find the one row of each day at which local time falls back; None for none or several.

        Raises `Misconfigured` where that leaves open what is meant and the settings do not say.
        """
        turns: dict[int, int | None] = {}
        for day, parts in self.seen.items():
            rows = np.concatenate([rows for rows, _ in parts])
            times = np.concatenate([times for _, times in parts])
            (falls,) = np.nonzero(np.diff(times) < 0)
            turns[day] = int(rows[falls[0] + 1]) if len(falls) == 1 else None
            if turns[day] is None and self.policy == "error":
                raise Misconfigured(
                    f"{where}: local time {_show(int(times[0]))} comes twice in {self.zone.key}, and the "
                    "file's order does not tell which is meant",
                    remedy="set `ambiguous` to earliest or latest",
                )
        self.turns = turns

    def to_utc(self, local: Micros, first_row: int, where: str) -> Micros:
        """Give UTC microseconds; `Misconfigured` for times that never were."""
        times = self._read(local, where)
        doubtful = times.ambiguous
        if not doubtful.any():
            return times.early
        late = np.zeros(len(local), np.bool_)
        (rows,) = np.nonzero(doubtful)
        for day in np.unique(local[rows] // _DAY).tolist():
            mine = rows[local[rows] // _DAY == day]
            turn = self.turns.get(day)
            late[mine] = self.policy == "latest" if turn is None else mine + first_row >= turn
        return np.where(late, times.late, times.early)

    def _read(self, local: Micros, where: str) -> LocalTimes:
        times = read_local(local, self.zone)
        if times.missing.any():
            moment = _show(int(local[times.missing][0]))
            raise Misconfigured(
                f"{where}: local time {moment} does not exist in {self.zone.key}: clocks went forward",
                remedy="if the source's clock keeps one offset all year, set a fixed zone such as Etc/GMT-1",
            )
        return times


def _show(local: int) -> str:
    return (_START + timedelta(microseconds=local)).isoformat(sep=" ")
