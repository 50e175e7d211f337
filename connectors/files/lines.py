"""CSV rows with the place where each ends, so that reading can go on there: a half line at the end waits."""

import csv
import hashlib
import time
from collections import deque
from collections.abc import Iterator
from typing import IO, NamedTuple

from connectors.files.folder import Found, readable
from connectors.files.settings import Table
from hub.sdk import Misconfigured, Rejected

_CHUNK = 1 << 20
_ROW_LINES = 200
"""A quoted cell may span lines, but not this many: then a quote was never closed."""

_PLAIN_CHARACTERS = 100_000
"""Longer lines are left to the csv module, which has a limit for a cell."""


class Line(NamedTuple):
    """One line: its bytes, its text (None when it cannot be decoded), its number, and where it ends."""

    raw: bytes
    text: str | None
    number: int
    end: int
    whole: bool


class Row(NamedTuple):
    """One table row, or why there is none. `end` is the byte after it; `line` the number of its last line."""

    cells: list[str] | None
    first_line: int
    line: int
    end: int
    raw: bytes
    whole: bool = True
    fault: str = ""


class RowReader:
    """Reads one CSV file from a byte offset on."""

    def __init__(self, found: Found, table: Table, *, offset: int = 0, line: int = 0) -> None:
        readable(found)
        self.found = found
        self.table = table
        self.waiting = False
        self._encoding = true_encoding(found, table.encoding)
        self._offset = offset
        self._line = line

    def header(self) -> list[str]:
        """Give the column names; `Misconfigured` when they cannot be read or are not unique."""
        if self.table.names:
            return list(self.table.names)
        for row in RowReader(self.found, self.table).rows(skip=self.table.skip_lines):
            if row.cells is None:
                raise Misconfigured(
                    f"{self.found.name}: the header cannot be read: {row.fault}",
                    remedy="check `encoding`, `delimiter`, `quote` and `skip_lines`",
                )
            return self._check_header(row.cells)
        return []

    def body(self, header: list[str]) -> Iterator[Row]:
        """Give the rows after the header; rows with another number of cells carry a fault."""
        skip = 0 if self._offset else self.table.skip_lines
        head = not self._offset and not self.table.names
        yield from self.rows(skip=skip, head=head, width=len(header))

    def rows(self, *, skip: int = 0, head: bool = False, width: int | None = None) -> Iterator[Row]:
        """Give rows from the offset on, without `skip` lines and the header; blank lines are passed over."""
        with self.found.path.open("rb", buffering=_CHUNK) as file:
            lines = _Lines(file, self.table, encoding=self._encoding, at=(self._offset, self._line))
            for _ in range(skip):
                next(lines, None)
            while head and (taken := self._take(lines, None)) is not None and taken.cells == []:
                pass
            while True:
                yield from lines.plain_rows(width)
                taken = self._take(lines, width)
                if taken is None:
                    return
                if taken.cells != []:
                    yield taken

    def _take(self, lines: "_Lines", width: int | None) -> Row | None:
        """Read one row with the csv module, which knows quotes, over as many lines as it takes.

        When it is faulty, only its first line is used up.
        """
        used: list[Line] = []
        fault, cells = "", None
        try:
            cells = next(self._parse(lines, used), None)
        except (csv.Error, UnicodeError) as error:
            fault = str(error)
        if not used:
            return None
        first, last = used[0], used[-1]
        if not last.whole and (len(used) > 1 or not self._settled()):
            self.waiting = True
            return None
        if cells is not None and width is not None and cells and len(cells) != width:
            fault = f"{len(cells)} cells where the header has {width}"
        if fault:
            lines.push(used[1:])
            raw, end, whole = first.raw, first.end, first.whole
            return Row(None, first.number, first.number, end, raw=raw, whole=whole, fault=fault)
        raw = b"".join(one.raw for one in used)
        return Row(cells, first.number, last.number, last.end, raw=raw, whole=last.whole)

    def _parse(self, lines: "_Lines", used: list[Line]) -> Iterator[list[str]]:
        def texts() -> Iterator[str]:
            for line in lines:
                used.append(line)
                if line.text is None:
                    msg = (
                        f"the text is no {self.table.encoding}; set `encoding` to what the file is written in"
                    )
                    raise UnicodeError(msg)
                if len(used) > _ROW_LINES:
                    msg = f"a quote is not closed within {_ROW_LINES} lines"
                    raise csv.Error(msg)
                yield line.text

        quote = self.table.quote
        return csv.reader(
            texts(),
            delimiter=self.table.delimiter,
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
            strict=bool(quote),
        )

    def _settled(self) -> bool:
        """Whether nobody has written to the file for a while."""
        return time.time() - self.found.mtime_ns / 1e9 >= self.table.settle_s

    def _check_header(self, cells: list[str]) -> list[str]:
        names = [cell.strip() for cell in cells]
        doubled = sorted({n for n in names if n and names.count(n) > 1})
        if doubled:
            raise Misconfigured(
                f"{self.found.name}: the header names {', '.join(doubled)} twice",
                remedy="give the columns their own names with `names` and set `skip_lines`",
            )
        return names


class _Lines:
    """The lines of a file from a place `at` on (byte, lines before it), which can be taken back."""

    def __init__(self, file: IO[bytes], table: Table, *, encoding: str, at: tuple[int, int]) -> None:
        self._encoding = encoding.removesuffix("-sig")
        self._newline = "\n".encode(self._encoding)
        self._end, self._number = at
        file.seek(self._end)
        self._raw = _split(file, self._newline)
        self._table = table
        self._back: deque[Line] = deque()

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> Line:
        if self._back:
            return self._back.popleft()
        raw = next(self._raw)
        self._end += len(raw)
        self._number += 1
        return self._line(raw, self._end, self._number)

    def push(self, lines: list[Line]) -> None:
        """Put lines back, first line first."""
        self._back.extendleft(reversed(lines))

    def plain_rows(self, width: int | None) -> Iterator[Row]:
        """Give rows as long as each is a whole line without quotes: cut as the csv module would, and quicker.

        Blank lines are passed over. The first line that is anything else is taken back.
        """
        if self._back:
            return
        end, number, encoding = self._end, self._number, self._encoding
        delimiter, quote = self._table.delimiter, self._table.quote or "\n"
        for raw in self._raw:
            end += len(raw)
            number += 1
            try:
                text = raw.decode(encoding)
            except UnicodeDecodeError:
                text = ""
            body = text.removesuffix("\n")
            if len(body) == len(text) or quote in body or end == len(raw) or len(body) > _PLAIN_CHARACTERS:
                break
            if "\r" in body and "\r" in (body := body.removesuffix("\r")):
                break
            if body:
                cells = body.split(delimiter)
                if width is not None and len(cells) != width:
                    break
                yield Row(cells, number, number, end, raw)
        else:
            self._end, self._number = end, number
            return
        self._end, self._number = end, number
        self._back.append(self._line(raw, end, number))

    def _line(self, raw: bytes, end: int, number: int) -> Line:
        """Make a line; a byte order mark before the first one is no text of it."""
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError:
            text = None
        if text and end == len(raw):
            text = text.removeprefix("\ufeff")
        return Line(raw, text, number, end=end, whole=raw.endswith(self._newline))


def reject_row(row: Row, found: Found, encoding: str) -> Rejected:
    """Say which line of which file could not be read."""
    return Rejected(
        reason=row.fault,
        where=f"{found.name}:{row.first_line}",
        remedy="correct the line, or the table's `delimiter`, `quote` and `encoding`",
        payload=row.raw.decode(encoding, errors="replace").rstrip("\r\n"),
        key=f"{found.name}:{row.first_line}",
    )


def prefix_digest(found: Found, upto: int) -> "hashlib.blake2b | None":
    """Give the running digest of the first `upto` bytes; None when the file is shorter."""
    if found.size < upto:
        return None
    digest = hashlib.blake2b(digest_size=12)
    left = upto
    with found.path.open("rb") as file:
        while left and (chunk := file.read(min(_CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
    return None if left else digest


def true_encoding(found: Found, encoding: str) -> str:
    """Give the encoding with its byte order: UTF-16 and UTF-32 say it in the file's first bytes."""
    if encoding not in {"utf-16", "utf-32"}:
        return encoding
    with found.path.open("rb") as file:
        mark = file.read(4)
    big = mark[:2] in {b"\xfe\xff", b"\x00\x00"}
    return f"{encoding}-{'be' if big else 'le'}"


def _split(file: IO[bytes], newline: bytes) -> Iterator[bytes]:
    """Give lines with their ends; wide line ends must lie at whole characters."""
    return iter(file) if newline == b"\n" else _split_wide(file, newline)


def _split_wide(file: IO[bytes], newline: bytes) -> Iterator[bytes]:
    width, rest = len(newline), b""
    while chunk := file.read(_CHUNK):
        rest += chunk
        start = at = 0
        while (at := rest.find(newline, at)) >= 0:
            if at % width:
                at += 1
                continue
            at += width
            yield rest[start:at]
            start = at
        rest = rest[start:]
    if rest:
        yield rest
