"""Cuts of runs: footers are remembered, so that only the row groups that hold the tags and times are read."""

from collections import OrderedDict
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa

from hub.store.lake.frames import FIELDS
from hub.store.lake.place import LakeUnreachable, Place, TableName, in_one_line
from hub.store.lake.runs import Longs, Run, cut

arrow: Any = pa
"""Untyped on purpose: the stubs take an array of numbers for one of truth values."""
_FOOTERS = 2_000
_SAID = ("tag_id", "text", "quality", "put")
_MIXED = -(1 << 63)
_FEW = 4
"""So few row groups are decoded faster by one thread than handed out to many."""


@dataclass(frozen=True)
class Footer:
    """What a file says of its row groups: lowest and highest tag, first and last time, rows.

    `said` has, by column, the one number that all rows of each group have (`_MIXED` where they differ, or
    where nobody noted it); for texts, 0 where no row has any.
    """

    metadata: Any
    lows: Longs
    highs: Longs
    firsts: Longs
    lasts: Longs
    rows: Longs
    said: Mapping[str, Longs]


class Footers:
    """The footers that were read last; files never change."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._known: OrderedDict[tuple[str, str], Footer] = OrderedDict()

    def open(self, place: Place, table: TableName, run: Run) -> tuple[Footer, Any]:
        """Give the footer of a run, and the run opened."""
        key = (place.url(table), run.path)
        with self._turn:
            known = self._known.get(key)
        if known is not None:
            return known, place.open(table, run.path, known.metadata)
        file = place.open(table, run.path)
        footer = _read_footer(file.metadata)
        with self._turn:
            self._known[key] = footer
            while len(self._known) > _FOOTERS:
                self._known.popitem(last=False)
        return footer, file


FOOTERS = Footers()


def read_run(
    place: Place,
    table: TableName,
    run: Run,
    *,
    tags: Longs,
    spans: Sequence[tuple[int, int]],
    columns: Sequence[str],
) -> pa.Table | None:
    """Give the rows of a run that are of these (sorted) tags and in these times; None when there are none."""
    with _opened(place, table, run) as (footer, file):
        groups = _groups(footer, tags, spans)
        if not len(groups):
            return None
        known = [name for name in columns if _is_said(footer, name, groups)]
        read = file.read_row_groups(
            groups.tolist(),
            columns=[name for name in columns if name not in known],
            use_threads=len(groups) > _FEW,
        )
    found = cut(_complete(read, footer, groups, known=known).select(list(columns)), tags, spans)
    return found if found.num_rows else None


def _is_said(footer: Footer, name: str, groups: Longs) -> bool:
    """Tell whether the footer says of these groups what a column holds, so that none of it is decoded."""
    return name in footer.said and bool((footer.said[name][groups] != _MIXED).all())


def _complete(read: pa.Table, footer: Footer, groups: Longs, *, known: Sequence[str]) -> pa.Table:
    """Add the columns that the footer knows."""
    for name in known:
        field: Any = FIELDS[name]
        numbers = np.repeat(footer.said[name][groups], footer.rows[groups])
        is_text = name == "text"  # known texts are none
        column = arrow.nulls(len(numbers), field.type) if is_text else arrow.array(numbers).cast(field.type)
        read = read.append_column(field, column)
    return read


def count_run(place: Place, run: Run, *, tags: Longs, span: tuple[int, int], roughly: bool = False) -> int:
    """Count the rows that `read_run` would give; whole row groups by their footer alone.

    `roughly` counts every row of each group that may hold one: never less, and nothing is decoded.
    """
    with _opened(place, "live", run) as (footer, file):
        groups = _groups(footer, tags, [span])
        if roughly:
            return int(footer.rows[groups].sum())
        alone = footer.lows[groups] == footer.highs[groups]
        inside = alone & (footer.firsts[groups] >= span[0]) & (footer.lasts[groups] < span[1])
        count = int(footer.rows[groups[inside]].sum())
        if not inside.all():
            read = file.read_row_groups(groups[~inside].tolist(), columns=["tag_id", "ts"])
            count += cut(read, tags, [span]).num_rows
    return count


def read_whole(place: Place, table: TableName, run: Run) -> pa.Table:
    """Give all rows of a run."""
    with _opened(place, table, run) as (_, file):
        return file.read()


@contextmanager
def _opened(place: Place, table: TableName, run: Run) -> Generator[tuple[Footer, Any]]:
    """Open a run. Raises `LakeUnreachable` when it is not there, or is not what was written."""
    try:
        footer, file = FOOTERS.open(place, table, run)
        with file:
            yield footer, file
    except (OSError, pa.ArrowException) as error:
        raise LakeUnreachable(
            f"the cold runs of samples cannot be read: {run.path} of {place.url(table)}: "
            f"{in_one_line(error)}; see that the samples' folder or object store is there and whole"
        ) from error


def _groups(footer: Footer, tags: Longs, spans: Sequence[tuple[int, int]]) -> Longs:
    """Give the row groups that may hold one of the tags at one of the times."""
    at = np.searchsorted(tags, footer.lows)
    holds = (at < len(tags)) & (tags[np.minimum(at, len(tags) - 1)] <= footer.highs)
    timely = np.zeros(len(holds), np.bool_)
    for start, end in spans:
        timely |= (footer.lasts >= start) & (footer.firsts < end)
    return np.flatnonzero(holds & timely)


def _read_footer(metadata: Any) -> Footer:
    names = {metadata.schema.column(at).name: at for at in range(metadata.num_columns)}
    stamp = names.get("ts", names.get("hour"))
    rows: list[tuple[int, int, int, int, int]] = []
    said: dict[str, list[int]] = {name: [] for name in _SAID if name in names}
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        tags, stamps = (group.column(at).statistics for at in (names["tag_id"], stamp))
        rows.append((tags.min_raw, tags.max_raw, stamps.min_raw, stamps.max_raw, group.num_rows))
        for name, values in said.items():
            values.append(_constant(group.column(names[name]).statistics, group.num_rows, name))
    table = np.array(rows, np.int64).reshape(-1, 5)
    alike = {name: np.array(values, np.int64) for name, values in said.items()}
    return Footer(metadata, *(np.ascontiguousarray(table[:, at]) for at in range(5)), said=alike)


def _constant(statistics: Any, rows: int, name: str) -> int:
    """Give the one number that all rows of a group have; 0 for a column of texts without any."""
    if statistics is None:
        return _MIXED
    if name == "text":
        return 0 if statistics.has_null_count and statistics.null_count == rows else _MIXED
    is_one = statistics.has_min_max and statistics.min_raw == statistics.max_raw and not statistics.null_count
    return int(statistics.min_raw) if is_one else _MIXED
