"""Pieces of a file that can be parsed alone: byte ranges of a CSV, row groups of a Parquet file."""

import hashlib
import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from connectors.files.folder import Found, readable
from connectors.files.lines import RowReader, true_encoding
from connectors.files.settings import SeriesTable
from hub.sdk import Misconfigured, Unavailable


@dataclass(slots=True)
class Block:
    """A piece: where it is, which rows it holds, and their time range in UTC microseconds."""

    start: int
    end: int
    first_row: int
    rows: int
    mark: str = ""
    low: int = 0
    high: int = 0


class BlockReader(ABC):
    """Reads one file of samples piece by piece."""

    found: Found
    header: list[str]
    torn: int = 0
    """Rows of the last scan that had a wrong number of cells."""

    @contextmanager
    def hold(self) -> Generator[None]:
        """Keep the file open, once it is, while several of its pieces are read."""
        yield

    @abstractmethod
    def scan(self, known: Sequence[Block], columns: Sequence[str]) -> Iterator[tuple[Block, pa.Table]]:
        """Give the pieces behind the known ones, with these columns."""

    @abstractmethod
    def read(self, block: Block, columns: Sequence[str], *, numeric: Sequence[str]) -> pa.Table:
        """Give these columns of a piece; `numeric` ones as numbers where all cells are some."""

    def goes_on(self, known: Sequence[Block]) -> bool:
        """Whether the file still begins with the known pieces, all but the last of them unchanged."""
        del known
        return False

    def dated(self, column: str) -> list[tuple[Block, int]] | None:
        """Give all pieces with their time ranges, and the rows of each without a time, as the file tells it.

        None where it does not tell, or its times have no zone: then `scan` finds out.
        """
        del column
        return None


class CsvBlocks(BlockReader):
    """A CSV in byte ranges that end at line ends. Cells with line ends in them are not supported."""

    def __init__(self, found: Found, table: SeriesTable) -> None:
        self.found = found
        self.table = table
        rows = RowReader(found, table)
        self.header = rows.header()
        self._recoded: bytes | None = None
        self._encoding = true_encoding(found, table.encoding)

    def goes_on(self, known: Sequence[Block]) -> bool:
        """Compare the marks (digests) of the first and of the last full piece."""
        if len(known) < 2 or known[-1].start > self._size():
            return False
        return all(_mark(self._bytes(b.start, b.end)) == b.mark for b in (known[0], known[-2]))

    def scan(self, known: Sequence[Block], columns: Sequence[str]) -> Iterator[tuple[Block, pa.Table]]:
        """Cut the rest of the file into pieces of about `block_bytes`."""
        start = known[-1].end if known else self._body_start()
        row = known[-1].first_row + known[-1].rows if known else 0
        while start < self._size():
            data = self._bytes(start, start + self.table.block_bytes)
            cut = data.rfind(b"\n") + 1
            while not cut and start + len(data) < self._size():  # a line longer than a block
                data = self._bytes(start, start + 2 * len(data))
                cut = data.rfind(b"\n") + 1
            if start + len(data) >= self._size() and cut < len(data) and self._settled():
                cut = len(data)
            if not cut:
                return
            data = data[:cut]
            torn: list[str] = []
            table = self._parse(data, columns, numeric=(), torn=torn)
            self.torn += len(torn)
            block = Block(start, start + cut, row, table.num_rows, mark=_mark(data))
            yield block, table
            start += cut
            row += table.num_rows

    def read(self, block: Block, columns: Sequence[str], *, numeric: Sequence[str]) -> pa.Table:
        data = self._bytes(block.start, block.end)
        try:
            return self._parse(data, columns, numeric=numeric)
        except pa.ArrowInvalid:  # a cell that is no number: read all as text
            return self._parse(data, columns, numeric=())

    def _parse(
        self, data: bytes, columns: Sequence[str], *, numeric: Sequence[str], torn: list[str] | None = None
    ) -> pa.Table:
        names = [name or f"\x00{number}" for number, name in enumerate(self.header)]
        types = {c: pa.float64() if c in numeric else pa.string() for c in columns}

        def skip(row: pacsv.InvalidRow) -> Literal["skip"]:
            if torn is not None:
                torn.append(row.text or "")
            return "skip"

        try:
            return pacsv.read_csv(
                cast("Any", pa.BufferReader(self._utf8(data))),
                read_options=pacsv.ReadOptions(
                    column_names=names, use_threads=False, block_size=len(data) + 1
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=self.table.delimiter,
                    quote_char=self.table.quote or False,
                    invalid_row_handler=skip,
                ),
                convert_options=pacsv.ConvertOptions(
                    include_columns=list(dict.fromkeys(columns)),
                    column_types=types,
                    null_values=["", *self.table.missing],
                    strings_can_be_null=False,
                    decimal_point=self.table.decimal,
                ),
            )
        except pa.ArrowInvalid as error:
            if numeric:
                raise
            raise Misconfigured(
                f"{self.found.name} cannot be read: {error}",
                remedy="check `encoding`, `delimiter` and `quote`",
            ) from error

    def _utf8(self, data: bytes) -> bytes:
        if self._encoding in {"utf-8", "utf-8-sig", "ascii"} or self._recoded is not None:
            return data
        try:
            return data.decode(self._encoding).encode()
        except UnicodeDecodeError as error:
            raise self._wrong_encoding(error) from error

    def _bytes(self, start: int, end: int) -> bytes:
        if self._encoding.startswith(("utf-16", "utf-32")):
            return self._whole()[start:end]
        with self.found.path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def _whole(self) -> bytes:
        """Recode a file of wide characters at once: its byte ranges are those of its UTF-8 form."""
        if self._recoded is None:
            try:
                self._recoded = self.found.path.read_bytes().decode(self._encoding).encode()
            except UnicodeDecodeError as error:
                raise self._wrong_encoding(error) from error
        return self._recoded

    def _wrong_encoding(self, error: UnicodeDecodeError) -> Misconfigured:
        return Misconfigured(
            f"{self.found.name} is no {self.table.encoding} (byte {error.start} of a block)",
            remedy="set `encoding` to what the file is written in",
        )

    def _size(self) -> int:
        return len(self._whole()) if self._encoding.startswith(("utf-16", "utf-32")) else self.found.size

    def _body_start(self) -> int:
        """Find the byte after the header."""
        lines = self.table.skip_lines + (0 if self.table.names else 1)
        start = 0
        for _ in range(lines):
            data, step = b"", 1 << 16
            while b"\n" not in data and start + len(data) < self._size():
                data = self._bytes(start, start + step)
                step *= 2
            start += data.find(b"\n") + 1 if b"\n" in data else len(data)
        return start

    def _settled(self) -> bool:
        return time.time() - self.found.mtime_ns / 1e9 >= self.table.settle_s


class ParquetBlocks(BlockReader):
    """A Parquet file by row groups."""

    def __init__(self, found: Found, table: SeriesTable) -> None:
        readable(found)
        self.found = found
        self.table = table
        self._is_held = False
        self._opened: tuple[Any, pq.ParquetFile] | None = None
        self._footer: pq.FileMetaData | None = None
        with self.hold():
            file = self._open()
            self._footer = file.metadata
            self._schema = file.schema_arrow  # made anew each time that it is asked for
        self.header = list(self._schema.names)

    @contextmanager
    def hold(self) -> Generator[None]:
        if self._is_held:
            yield
            return
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            if self._opened is not None:
                self._opened[0].close()
                self._opened = None

    def _open(self) -> pq.ParquetFile:
        """Give the file, open until it is no longer held; its footer is read once.

        Raises `Unavailable` for a file that is not whole, or not the one that was found.
        """
        if self._opened is not None:
            return self._opened[1]
        try:
            handle: Any = cast("Any", pa).OSFile(str(self.found.path))
            seen = os.fstat(handle.fileno())
            file = pq.ParquetFile(handle, metadata=self._footer)
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"{self.found.name} is no whole Parquet file: {error}",
                remedy="wait until it is written, or replace it",
            ) from error
        self._opened = handle, file
        if [seen.st_mtime_ns, seen.st_size] != self.found.stamp:
            raise Unavailable(
                f"{self.found.name} was written anew while it was read", remedy="it is read again by itself"
            )
        return file

    def dated(self, column: str) -> list[tuple[Block, int]] | None:
        """Take the ranges from the statistics of the row groups: no time is read."""
        kind: Any = cast("Any", self._schema).field(column).type
        if not pa.types.is_timestamp(kind) or kind.tz is None:
            return None
        told = cast("pq.FileMetaData", self._footer)
        leaf = next((n for n in range(told.num_columns) if told.schema.column(n).path == column), None)
        to_micros = None if leaf is None else _micros_of(told.schema.column(leaf))
        if leaf is None or to_micros is None:
            return None
        blocks: list[tuple[Block, int]] = []
        row = 0
        for group in range(told.num_row_groups):
            rows = told.row_group(group).num_rows
            statistics: Any = told.row_group(group).column(leaf).statistics
            if statistics is None or not (statistics.has_min_max and statistics.has_null_count):
                return None
            low, high = to_micros(statistics.min_raw), to_micros(statistics.max_raw)
            blocks.append((Block(group, group + 1, row, rows, low=low, high=high), statistics.null_count))
            row += rows
        return blocks

    def scan(self, known: Sequence[Block], columns: Sequence[str]) -> Iterator[tuple[Block, pa.Table]]:
        del known  # a Parquet file never grows: it is read anew
        row = 0
        with self.hold():
            file = self._open()
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                block = Block(group, group + 1, row, rows)
                yield block, self.read(block, columns, numeric=())
                row += rows

    def read(self, block: Block, columns: Sequence[str], *, numeric: Sequence[str]) -> pa.Table:
        del numeric  # the file knows its types
        wanted = list(dict.fromkeys(columns))
        with self.hold():
            file = cast("Any", self._open())
            return file.read_row_group(block.start, columns=wanted, use_threads=False).select(wanted)


def open_blocks(found: Found, table: SeriesTable) -> BlockReader:
    """Open a file of samples by its format."""
    parquet = table.format == "parquet" or (table.format is None and found.is_parquet)
    return ParquetBlocks(found, table) if parquet else CsvBlocks(found, table)


def _mark(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def _micros_of(column: Any) -> Callable[[int], int] | None:
    """Give how a stored time of this column becomes microseconds, as Arrow's cast has it (towards zero)."""
    unit: Any = json.loads(column.logical_type.to_json()).get("timeUnit")
    return _UNITS.get(unit)


def _milliseconds(stored: int) -> int:
    return stored * 1000


def _microseconds(stored: int) -> int:
    return stored


def _nanoseconds(stored: int) -> int:
    return stored // 1000 if stored >= 0 else -(-stored // 1000)


_UNITS: dict[str, Callable[[int], int]] = {
    "milliseconds": _milliseconds,
    "microseconds": _microseconds,
    "nanoseconds": _nanoseconds,
}
