"""History tables into Arrow: windows of long rows or wide columns, never a record a sample."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import pyarrow.compute
from sqlalchemy import bindparam, func

from connectors.sql.database import Source, column, of
from connectors.sql.settings import Query, SampleQuery, SqlConfig
from hub.model import SAMPLE_SCHEMA, Identifier, Tag
from hub.sdk import BadRecord, Misconfigured, Window

pa: Any = pyarrow
pc: Any = pyarrow.compute
_BAD = 0x80000000
"""OPC UA status `Bad` (Part 4, 7.39): a row without a value."""
_SLACK = timedelta(hours=3)
"""Local times are asked for so much wider, because clocks are put back; UTC then cuts exactly."""


@dataclass(frozen=True)
class Series:
    """One history table."""

    name: str
    settings: SampleQuery
    source: Source
    config: SqlConfig
    _zoned: list[bool] = field(default_factory=list[bool])
    """Whether its times have a zone, once a row has told."""

    def tags(self) -> Iterator[Tag]:
        """Give the tags: of a wide table its columns, of a long one what `tags` or a scan finds."""
        if self.settings.layout == "wide":
            for name, unit in self.settings.columns.items():
                yield Tag(id=Identifier(value=self._tag(name)), unit=self._unit(unit), source_unit=unit)
            return
        if self.settings.tags is None:
            tag = column(self.settings.tag)
            statement: Any = of(self.settings).with_only_columns(tag.label("tag")).distinct()
        else:
            statement = of(Query(query=self.settings.tags))
        for rows in self.source.rows(statement, {}, 10_000):
            for row in rows:
                told: dict[str, Any] = dict(row._mapping)
                unit = told.get("unit")
                yield Tag(
                    id=Identifier(value=str(told[self.settings.tag if self.settings.tag in told else "tag"])),
                    unit=self._unit(unit),
                    source_unit=unit,
                    low=told.get("low"),
                    high=told.get("high"),
                )

    def extent(self) -> Window | None:
        """Give the span of the table's times, when it has any."""
        time = column(self.settings.time)
        statement = of(self.settings).with_only_columns(func.min(time).label("a"), func.max(time).label("z"))
        row = self.source.first(statement, {})
        if row is None or row["a"] is None:
            return None
        self._require_time(row["a"])
        times = self._utc(pa.array([row["a"], row["z"]])).to_pylist()
        return Window(times[0], times[1] + timedelta(microseconds=1))

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[Any]:
        """Give the samples of these tags in the window."""
        wanted = set(tags)
        columns = [c for c in self.settings.columns if self._tag(c) in wanted]
        if window.start == window.end or (self.settings.layout == "wide" and not columns):
            return
        is_zoned = self._is_zoned()
        time = column(self.settings.time)
        names = [self.settings.time, *columns]
        if self.settings.layout == "long":
            names = [self.settings.time, self.settings.tag, self.settings.value]
            names += [self.settings.quality] if self.settings.quality else []
        statement = of(self.settings).with_only_columns(*(column(name) for name in names))
        statement = statement.where(time >= bindparam("window_start"), time < bindparam("window_end"))
        if self.settings.layout == "long":
            tag = column(self.settings.tag)
            statement = statement.where(tag.in_(bindparam("window_tags", expanding=True)))
        for part in _slices(sorted(wanted), 500) if self.settings.layout == "long" else [()]:
            values: dict[str, Any] = {
                "window_start": self._asked(window.start, -_SLACK, is_zoned=is_zoned),
                "window_end": self._asked(window.end, _SLACK, is_zoned=is_zoned),
            }
            if part:
                values["window_tags"] = list(part)
            for rows in self.source.cells(statement, values, self.settings.batch_rows):
                given = list(zip(*rows, strict=True))
                yield from self._long(given, window) if part else self._wide(given, columns, window)

    def _is_zoned(self) -> bool:
        """Look at one row, once a reading: the times of a column all have a zone, or none has."""
        if self._zoned:
            return self._zoned[0]
        time = column(self.settings.time)
        statement = of(self.settings).with_only_columns(time.label("t")).where(time.is_not(None)).limit(1)
        row = self.source.first(statement, {})
        if row is None:
            return False
        self._require_time(row["t"])
        self._zoned.append(row["t"].tzinfo is not None)
        return self._zoned[0]

    def _require_time(self, given: Any) -> None:
        if not isinstance(given, datetime):
            raise Misconfigured(
                f"the column {self.settings.time} of {self.name} holds {type(given).__name__}, no time",
                remedy="CAST it to a timestamp in the query; SQLite has none and cannot hold a history",
            )

    def _asked(self, moment: datetime, slack: timedelta, *, is_zoned: bool) -> datetime:
        if is_zoned:
            return moment
        zone = self.config.zone
        if zone is None:
            raise Misconfigured(
                f"the times of {self.name} have no zone", remedy="set `timezone`, e.g. Europe/Dublin or UTC"
            )
        return (moment + slack).astimezone(zone).replace(tzinfo=None)

    def _utc(self, times: Any) -> Any:
        """Give times as UTC microseconds; local ones by the source's zone."""
        if times.type.tz is not None:
            return times.cast(pa.timestamp("us", "UTC"))
        zone = self.config.timezone
        if zone is None:
            raise Misconfigured(f"the times of {self.name} have no zone", remedy="set `timezone`")
        ambiguous = "raise" if self.config.ambiguous == "error" else self.config.ambiguous
        try:
            local = pc.assume_timezone(
                times.cast(pa.timestamp("us")), zone, ambiguous=ambiguous, nonexistent="raise"
            )
        except pa.ArrowInvalid as error:
            raise BadRecord(
                f"a local time of {self.name} comes twice or never when clocks change: {error}",
                remedy="set `ambiguous` to earliest or latest, or let the query give UTC",
            ) from error
        return local.cast(pa.timestamp("us", "UTC"))

    def _long(self, given: list[tuple[Any, ...]], window: Window) -> Iterator[Any]:
        times = self._utc(pa.array(given[0], _time_type(given[0])))
        tags = pa.array(given[1], pa.string())
        numbers, texts, lacks = _values(given[2])
        quality = pc.if_else(lacks, pa.scalar(_BAD, pa.uint32()), pa.scalar(0, pa.uint32()))
        if self.settings.quality:
            quality = pa.array([self._code(word) for word in given[3]], pa.uint32())
        batch = pa.RecordBatch.from_arrays([tags, times, numbers, texts, quality], schema=SAMPLE_SCHEMA)
        yield from _within(batch, window)

    def _wide(self, given: list[tuple[Any, ...]], columns: list[str], window: Window) -> Iterator[Any]:
        times = self._utc(pa.array(given[0], _time_type(given[0])))
        n = len(times)
        quality = pa.repeat(pa.scalar(0, pa.uint32()), n)
        inside = _inside(times, window)
        is_whole = inside.true_count == n
        for name, cells in zip(columns, given[1:], strict=True):
            numbers, texts, lacks = _values(cells)
            tag = pa.repeat(pa.scalar(self._tag(name)), n)
            batch = pa.RecordBatch.from_arrays([tag, times, numbers, texts, quality], schema=SAMPLE_SCHEMA)
            if lacks.true_count or not is_whole:
                batch = batch.filter(pc.and_not(inside, lacks))
            if batch.num_rows:
                yield batch

    def _code(self, word: Any) -> int:
        if not self.settings.qualities:
            return int(word) if word is not None else _BAD
        found = self.settings.qualities.get(str(word), self.settings.qualities.get("*"))
        if found is None:
            raise Misconfigured(
                f"{self.name} writes the quality {word!r}",
                remedy='add it to `qualities`, or "*" for all others',
            )
        return found

    def _tag(self, name: str) -> str:
        return self.settings.tag.replace("{column}", name)

    def _unit(self, unit: str | None) -> str | None:
        return None if unit is None else self.config.units.get(unit, unit)


def _time_type(times: Sequence[Any]) -> Any:
    return pa.timestamp("us", "UTC") if times[0].tzinfo is not None else pa.timestamp("us")


def _values(cells: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Give a column's numbers, its texts, and where it has neither."""
    stated: Any = next((cell for cell in cells if cell is not None), 0.0)
    nothing = pa.nulls(len(cells), pa.string())
    if type(stated) is float:
        try:
            numbers = pa.array(cells, pa.float64())
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # others among them
            pass
        else:
            return numbers, nothing, numbers.is_null()
    if isinstance(stated, Decimal):
        numbers = pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())
    elif isinstance(stated, bool | int | float):
        numbers = pa.array(cells, pa.bool_() if isinstance(stated, bool) else None).cast(pa.float64())
    else:
        return _mixed(cells)
    return numbers, nothing, numbers.is_null()


def _mixed(cells: Sequence[Any]) -> tuple[Any, Any, Any]:
    """Read a text column: what is a number counts as one, the rest stays text."""
    numbers: list[float | None] = []
    texts: list[str | None] = []
    for cell in cells:
        try:
            numbers.append(float(cell))
            texts.append(None)
        except (TypeError, ValueError):
            numbers.append(None)
            texts.append(None if cell is None else str(cell))
    return (
        pa.array(numbers, pa.float64()),
        pa.array(texts, pa.string()),
        pa.array([cell is None for cell in cells]),
    )


def _inside(times: Any, window: Window) -> Any:
    """Tell which times are in the window: start is in, end is out."""
    kind = pa.timestamp("us", "UTC")
    start, end = (pa.scalar(m.astimezone(UTC), kind) for m in (window.start, window.end))
    return pc.and_(pc.greater_equal(times, start), pc.less(times, end))


def _within(batch: Any, window: Window) -> Iterator[Any]:
    """Cut by the window exactly."""
    inside = _inside(batch.column("ts"), window)
    kept = batch if inside.true_count == len(inside) else batch.filter(inside)
    if kept.num_rows:
        yield kept


def _slices(names: list[str], size: int) -> Iterator[tuple[str, ...]]:
    """Give tags in portions: databases limit the number of bound values."""
    for _, part in groupby(enumerate(names), lambda one: one[0] // size):
        yield tuple(name for _, name in part)
