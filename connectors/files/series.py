"""Tables of samples: an index of time ranges by block, a window parses only what it meets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute
import structlog

from connectors.files.blocks import Block, BlockReader, open_blocks
from connectors.files.columns import (
    Column,
    Times,
    read_quality,
    read_times,
    read_values,
    repeat_tag,
    sample_batch,
    to_stamps,
)
from connectors.files.folder import Folder, Found
from connectors.files.localtime import Flags, Folds, Micros
from connectors.files.settings import SeriesColumn, SeriesTable
from hub.model import Tag
from hub.sdk import Misconfigured, Window

_log = structlog.get_logger("hub.sdk")
_arrow: Any = pa
pc: Any = pyarrow.compute
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = np.iinfo(np.int64)
_MOST_KEPT = 1 << 26
"""Bytes of a block that are kept from one window to the next: Parquet's blocks often span many windows."""


@dataclass(slots=True)
class FileIndex:
    """What is known of one file: its blocks with their time ranges, and where the autumn hour repeats."""

    stamp: list[int]
    signals: dict[str, SeriesColumn]
    """Of a wide table, by tag name."""
    blocks: list[Block] = field(default_factory=list[Block])
    folds: Folds | None = None
    long_tags: set[str] = field(default_factory=set[str])
    undated: int = 0
    torn: int = 0


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block to read, with what is needed to date it, and the wanted span in UTC microseconds."""

    reader: BlockReader
    block: Block
    index: FileIndex
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Read:
    """The rows of a block with their UTC microseconds, which of them have a time, and if all are in order."""

    table: pa.Table
    micros: Micros
    known: Flags
    is_sorted: bool


class SeriesReader:
    """Reads the files of one table of samples."""

    def __init__(self, name: str, table: SeriesTable, *, folder: Folder, zone: ZoneInfo | None) -> None:
        self.name = name
        self.table = table
        self.folder = folder
        self.zone = ZoneInfo(table.zone) if table.zone else zone
        self._columns = {column.column: column for column in table.columns}
        self._indexes: dict[str, FileIndex] = {}
        self._last: BlockReader | None = None
        self._kept: tuple[tuple[BlockReader, int, tuple[str, ...]], _Read] | None = None

    # ------------------------------------------------------------------ what there is

    def tags(self) -> dict[str, SeriesColumn]:
        """Give the tags of all files with what the settings say of them."""
        found: dict[str, SeriesColumn] = {}
        for one in self.folder.find(self.table.files):
            if self.table.layout == "long":
                names = sorted(self._index(one).long_tags)
                found.update((name, self._columns.get(name, SeriesColumn(column=name))) for name in names)
            else:
                found.update(self._wide(one, self._open(one).header))
        return found

    def extent(self) -> tuple[int, int] | None:
        """Give first and last time in UTC microseconds."""
        spans = [b for one in self.folder.find(self.table.files) for b in self._index(one).blocks if b.rows]
        dated = [b for b in spans if b.low <= b.high]
        return (min(b.low for b in dated), max(b.high for b in dated)) if dated else None

    def check(self) -> str:
        """Prove that headers, times and settings fit; give a line for people."""
        found = self.folder.find(self.table.files)
        undated, torn, columns = 0, 0, set[str]()
        for one in found:
            reader = self._open(one)
            self._require(one, reader.header)
            columns |= set(reader.header)
            index = self._index(one)
            undated, torn = undated + index.undated, torn + index.torn
        lacking = [c for c in self._columns if c not in columns] if self.table.layout == "wide" else []
        said = f"{self.name}: {len(found)} file(s)"
        if found and lacking:
            said += f", vanished columns: {', '.join(lacking)}"
        said += f", {torn} row(s) with a wrong number of cells" if torn else ""
        return said + (f", {undated} row(s) without a readable time" if undated else "")

    # ------------------------------------------------------------------ samples

    def samples(self, wanted: Sequence[str], start: int, end: int) -> Iterator[pa.RecordBatch]:
        """Give the samples of these tags with start <= ts < end (UTC microseconds)."""
        asked = frozenset(wanted)
        for one in self.folder.find(self.table.files):
            index = self._index(one)
            met = [b for b in index.blocks if b.rows and b.low < end and b.high >= start]
            if not met:
                continue
            reader = self._open(one)
            names = {tag: c for tag, c in index.signals.items() if tag in asked}
            with reader.hold():
                for block in met:
                    if self.table.layout == "long":
                        yield from self._long(_Piece(reader, block, index, (start, end)), asked)
                    elif names:
                        yield from self._wide_block(_Piece(reader, block, index, (start, end)), names)

    def _wide_block(self, piece: "_Piece", names: dict[str, SeriesColumn]) -> Iterator[pa.RecordBatch]:
        columns = [c.column for c in names.values()]
        numeric = [c.column for c in names.values() if c.value_type in {"float", "integer"}]
        table, stamps = self._rows(piece, columns, numeric)
        if not len(stamps):
            return
        times = to_stamps(stamps)
        for tag, column in names.items():
            values = read_values(_array(table, column.column), self.table, column.value_type)
            batch = sample_batch(repeat_tag(tag, len(times)), times, values)
            if batch.num_rows:
                yield batch

    def _long(self, piece: "_Piece", asked: frozenset[str]) -> Iterator[pa.RecordBatch]:
        tag_column, value_column = str(self.table.tag_column), str(self.table.value_column)
        others = [self.table.quality_column] if self.table.quality_column else []
        table, stamps = self._rows(piece, [tag_column, value_column, *others], [])
        tags, cells = _names(table, tag_column), _array(table, value_column)
        codes = [_array(table, name) for name in others]
        for kind, names in self._by_kind(asked).items():
            mine = pc.is_in(tags, _arrow.array(names, _arrow.string()))
            values = read_values(cells.filter(mine), self.table, kind)
            if codes:
                values.add_quality(read_quality(codes[0].filter(mine), self.table, piece.reader.found.name))
            rows = np.asarray(mine, dtype=np.bool_)
            batch = sample_batch(tags.filter(mine), to_stamps(stamps[rows]), values)
            if batch.num_rows:
                yield batch

    def _by_kind(self, asked: frozenset[str]) -> dict[str, list[str]]:
        """Sort the tags by the type of their values."""
        kinds: dict[str, list[str]] = {}
        for tag in asked:
            kind = self._columns[tag].value_type if tag in self._columns else "float"
            kinds.setdefault(kind, []).append(tag)
        return kinds

    def _rows(
        self, piece: "_Piece", columns: Sequence[str], numeric: Sequence[str]
    ) -> tuple[pa.Table, Micros]:
        """Give the rows of a block whose times are inside the span, and their times."""
        read = self._read(piece, tuple(columns), numeric)
        start, end = piece.span
        if read.is_sorted:
            first, last = (int(place) for place in read.micros.searchsorted([start, end]))
            return read.table.slice(first, last - first), read.micros[first:last]
        keep = read.known & (read.micros >= start) & (read.micros < end)
        return read.table.filter(_arrow.array(keep)), read.micros[keep]

    def _read(self, piece: "_Piece", columns: tuple[str, ...], numeric: Sequence[str]) -> "_Read":
        """Read a block; one that reaches beyond the span is kept for the next window, unless it is large."""
        wanted = (piece.reader, piece.block.start, columns)
        known, self._kept = self._kept, None  # let go before the next is read: there are never two
        read = known[1] if known is not None and known[0] == wanted else None
        if read is None:
            del known
            read = self._date_rows(
                piece, piece.reader.read(piece.block, [*self.table.time, *columns], numeric=numeric)
            )
        if piece.block.high >= piece.span[1] and read.table.nbytes <= _MOST_KEPT:
            self._kept = (wanted, read)
        return read

    def _date_rows(self, piece: "_Piece", table: pa.Table) -> "_Read":
        times = self._times(table, piece.reader.found)
        micros = times.micros
        if not times.is_utc and piece.index.folds is not None:
            micros = piece.index.folds.to_utc(micros, piece.block.first_row, piece.reader.found.name)
        is_sorted = bool(times.known.all() and (micros[1:] >= micros[:-1]).all())
        return _Read(table, micros, times.known, is_sorted)

    # ------------------------------------------------------------------ the index

    def _open(self, found: Found) -> BlockReader:
        """Open a file, or give the last one again: its header, or footer, has been read."""
        if self._last is None or self._last.found != found:
            self._last = open_blocks(found, self.table)
        return self._last

    def _index(self, found: Found) -> FileIndex:
        known = self._indexes.get(found.name)
        if known is not None and known.stamp == found.stamp:
            return known
        reader = self._open(found)
        self._require(found, reader.header)
        index = FileIndex(found.stamp, self._wide(found, reader.header))
        if self.zone is not None:
            index.folds = Folds(self.zone, self.table.ambiguous)
        if known is not None and reader.goes_on(known.blocks):
            index.blocks, index.folds, index.long_tags = known.blocks[:-1], known.folds, known.long_tags
            if index.folds is not None:
                index.folds.forget(known.blocks[-1].first_row)
        if not self._take_dates(reader, index):
            self._scan(reader, index)
            if index.folds is not None:
                index.folds.settle(found.name)
        if index.undated or index.torn:
            _log.warning(
                "rows were left out: no readable time, or a wrong number of cells",
                file=found.name,
                undated=index.undated,
                torn=index.torn,
            )
        self._indexes[found.name] = index
        return index

    def _take_dates(self, reader: BlockReader, index: FileIndex) -> bool:
        """Take the blocks with their time ranges from what the file says of itself, if that is enough."""
        dated = reader.dated(self.table.time[0]) if self._needs_times_only() else None
        if dated is None:
            return False
        index.blocks = [block for block, _ in dated]
        index.undated = sum(undated for _, undated in dated)
        return True

    def _needs_times_only(self) -> bool:
        return len(self.table.time) == 1 and self.table.layout == "wide"

    def _scan(self, reader: BlockReader, index: FileIndex) -> None:
        """Read the time column of the blocks that are new."""
        columns = [*self.table.time, *([self.table.tag_column] if self.table.tag_column else [])]
        for block, table in reader.scan(index.blocks, columns):
            times = self._times(table, reader.found)
            index.undated += int(len(times.known) - times.known.sum())
            self._date(block, times, index.folds, where=reader.found.name)
            if self.table.tag_column:
                names = pc.unique(_names(table, self.table.tag_column)).to_pylist()
                index.long_tags |= {str(name) for name in names if name}
            index.blocks.append(block)
        index.torn = reader.torn

    @staticmethod
    def _date(block: Block, times: Times, folds: Folds | None, *, where: str) -> None:
        """Give a block its time range; an hour that comes twice counts from its first to its second time."""
        early = late = times.micros
        if not times.is_utc:
            if folds is None:
                raise Misconfigured(
                    f"the times of {where} have no zone",
                    remedy="set `timezone` (or the table's `zone`), e.g. Europe/Dublin",
                )
            local = folds.collect(times.micros, block.first_row, where)
            early, late = local.early, local.late
        if times.known.any():
            block.low, block.high = int(early[times.known].min()), int(late[times.known].max())
        else:
            block.low, block.high = _NEVER.max, _NEVER.min

    def _times(self, table: pa.Table, found: Found) -> Times:
        cells = [_array(table, column) for column in self.table.time]
        return read_times(cells, self.table.time_format, found.name)

    # ------------------------------------------------------------------ names

    def _wide(self, found: Found, header: list[str]) -> dict[str, SeriesColumn]:
        """Give the signals of a wide file by tag name."""
        stem = PurePosixPath(found.name).with_suffix("").as_posix()
        if self.table.columns:
            columns = [c for c in self.table.columns if c.column in header]
        else:
            columns = [SeriesColumn(column=n) for n in header if n and n not in self.table.time]
        return {c.tag or self.table.tag.format(column=c.column, file=stem): c for c in columns}

    def _require(self, found: Found, header: list[str]) -> None:
        named = [self.table.tag_column, self.table.value_column, self.table.quality_column]
        needed = [*self.table.time, *(n for n in named if n and self.table.layout == "long")]
        lacking = [n for n in needed if n not in header]
        if lacking:
            raise Misconfigured(
                f"{found.name} has no column {', '.join(lacking)}; it has {', '.join(header[:60])}",
                remedy=f"correct `{self.name}`: its columns, `delimiter` or `skip_lines`",
            )


def to_tag(name: str, column: SeriesColumn) -> Tag:
    """Make the record of a tag."""
    return Tag.model_validate(
        {
            "id": name,
            "description": column.description,
            "equipment": column.equipment,
            "property": column.property,
            "unit": column.unit,
            "source_unit": column.unit,
            "value_type": column.value_type,
            "is_step": column.is_step,
            "criticality": column.criticality,
            "low": column.low,
            "high": column.high,
        }
    )


def to_micros(window: Window) -> tuple[int, int]:
    """Give a window's ends as UTC microseconds."""
    step = timedelta(microseconds=1)
    return (window.start - _EPOCH) // step, (window.end - _EPOCH) // step


def _names(table: pa.Table, column: str) -> Column:
    return pc.utf8_trim_whitespace(_array(table, column).cast(_arrow.string()))


def _array(table: pa.Table, column: str) -> Column:
    cells = cast("Any", table).column(column)
    return cells.chunk(0) if cells.num_chunks == 1 else cells.combine_chunks()
