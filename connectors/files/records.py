"""Rows of tables as pages of documents: a growing file goes on, a rewritten one starts anew."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, cast

import orjson
import pyarrow.parquet as pq

from connectors.files.folder import Folder, Found, readable
from connectors.files.lines import RowReader, prefix_digest, reject_row
from connectors.files.settings import RecordTable
from hub.sdk import Cursor, Document, Misconfigured, Page, Rejected, Unavailable
from hub.sdk.mapping import Reader, RecordMapping, Scope, parse_expression


@dataclass
class _Gathering:
    """Documents and rejected rows on their way to a page."""

    documents: list[Document] = field(default_factory=list[Document])
    rejected: list[Rejected] = field(default_factory=list[Rejected])

    def add(self, part: Document | Rejected) -> int:
        """Take a part; give how many there are."""
        if isinstance(part, Document):
            self.documents.append(part)
        else:
            self.rejected.append(part)
        return len(self.documents) + len(self.rejected)

    def __bool__(self) -> bool:
        return bool(self.documents or self.rejected)

    def page(self, cursor: Cursor) -> Page:
        made = Page(
            documents=self.documents, rejected=self.rejected, cursor=orjson.loads(orjson.dumps(cursor))
        )
        self.documents, self.rejected = [], []
        return made


@dataclass
class _Progress:
    """How far a CSV was given. The bytes before that are digested once a page, not once a row."""

    behind: IO[bytes]
    offset: int
    line: int
    digest: "hashlib.blake2b"
    _digested: int = field(init=False)

    def __post_init__(self) -> None:
        self._digested = self.offset
        self.behind.seek(self.offset)

    def state(self, stamp: list[int]) -> list[Any]:
        """Give the state to go on from."""
        self.digest.update(self.behind.read(self.offset - self._digested))
        self._digested = self.offset
        return [self.offset, self.line, self.digest.hexdigest(), *stamp]


class TableReader:
    """Reads the files of one stream.

    The cursor is `{"files": {name: state}}`. A state ends with the file's change time (ns) and size once all
    of it is read, with two zeros before. It begins, for CSV, with offset, line and the digest of the bytes
    before the offset; for Parquet, with the rows read, and the change time and size at which they were.
    """

    def __init__(self, name: str, table: RecordTable, *, folder: Folder, reader: Reader) -> None:
        self.name = name
        self.table = table
        self.folder = folder
        self.mapping = RecordMapping(table.records, reader)
        self._reader = reader
        self._key, self._changed, self._seq = (
            reader.finder(parse_expression(told)) if told else None
            for told in (table.key, table.changed_at, table.seq)
        )
        self._given: set[tuple[Any, ...]] = set()
        self._progress: _Progress | None = None

    def pages(self, cursor: Cursor | None) -> Iterator[Page]:
        """Give pages from the cursor on; a snapshot is always given whole."""
        if self.table.rows:
            yield from self._written_rows(cursor)
            return
        states: dict[str, list[Any]] = {}
        if cursor and not self.table.snapshot:
            states = {str(k): list(v) for k, v in cursor.get("files", {}).items()}
        found = self.folder.find(self.table.files)
        if self.table.snapshot and not found:
            raise Unavailable(
                f"no file matches {', '.join(self.table.files)} in {self.folder.root}",
                remedy="deliver the extract; nothing is taken as deleted until it is there",
            )
        self._given = set()
        before = dict(states)
        states = {one.name: states[one.name] for one in found if one.name in states}
        gathered = _Gathering()
        self._progress = None
        for one in found:
            if not self.table.snapshot and states.get(one.name, [])[-2:] == one.stamp:
                continue
            parquet = self.table.format == "parquet" or (self.table.format is None and one.is_parquet)
            rows = self._parquet(one, states) if parquet else self._csv(one, states)
            for part in rows:
                if gathered.add(part) >= self.table.page_rows:
                    if self._progress is not None:
                        states[one.name] = self._progress.state([0, 0])
                    yield gathered.page({"files": states})
        if gathered or states != before:
            yield gathered.page({"files": states})

    def check(self) -> int:
        """Count the files and prove that their headers have the mapped columns."""
        if self.table.rows:
            return 0
        found = self.folder.find(self.table.files)
        for one in found:
            if one.size:
                self._check_columns(one, self._header(one))
        return len(found)

    # ------------------------------------------------------------------ CSV

    def _csv(self, found: Found, states: dict[str, list[Any]]) -> Iterator[Document | Rejected]:
        """Give what the file says beyond its state, and keep the state just behind what was given."""
        if not found.size:
            return
        offset, line, digest = _start(found, states.get(found.name))
        reader = RowReader(found, self.table, offset=offset, line=line)
        header = reader.header()
        self._check_columns(found, header)
        is_partly_named = "" in header
        with found.path.open("rb") as behind:
            self._progress = progress = _Progress(behind, offset, line, digest)
            for row in reader.body(header):
                if row.whole:  # a last line without an end is given, and read again once it has grown
                    progress.offset, progress.line = row.end, row.line
                if row.cells is None:
                    yield reject_row(row, found, self.table.encoding)
                else:
                    cells = dict(zip(header, row.cells, strict=True))
                    if is_partly_named:
                        cells.pop("", None)
                    told = self._tell(cells, f"{found.name}:{row.first_line}", found)
                    if told is not None:
                        yield told
            self._progress = None
            states[found.name] = progress.state([0, 0] if reader.waiting else found.stamp)
        if reader.waiting and self.table.snapshot:
            raise Unavailable(
                f"{found.name} is still being written",
                remedy="let the extract end its last line, or lower `settle_s`",
                retry_after=self.table.settle_s,
            )

    def _header(self, found: Found) -> list[str]:
        if self.table.format == "parquet" or (self.table.format is None and found.is_parquet):
            return list(_open_parquet(found).schema_arrow.names)
        return RowReader(found, self.table).header()

    def _check_columns(self, found: Found, header: list[str]) -> None:
        needed = self.mapping.sources() - set(self.table.optional)
        if self.table.file_column:
            needed.discard(self.table.file_column)
        needed |= set(self.table.distinct)
        lacking = sorted(needed - set(header))
        if lacking:
            raise Misconfigured(
                f"{found.name} has no column {', '.join(lacking)}; it has {', '.join(header[:60])}",
                remedy=f"correct the mapping of stream {self.name}, its `delimiter`, or name the column in "
                "`optional`",
            )

    # ------------------------------------------------------------------ Parquet and written rows

    def _parquet(self, found: Found, states: dict[str, list[Any]]) -> Iterator[Document | Rejected]:
        state = states.get(found.name)
        skip = int(state[0]) if state and state[1:3] == found.stamp else 0
        file = _open_parquet(found)
        self._check_columns(found, list(file.schema_arrow.names))
        number = 0
        for batch in cast("Any", file).iter_batches(batch_size=min(self.table.page_rows, 8192)):
            if number + batch.num_rows <= skip:
                number += batch.num_rows
                continue
            for row in batch.to_pylist():
                number += 1
                if number > skip:
                    states[found.name] = [number, *found.stamp, 0, 0]
                    told = self._tell(row, f"{found.name}:{number}", found)
                    if told is not None:
                        yield told
        states[found.name] = [number, *found.stamp, *found.stamp]

    def _written_rows(self, cursor: Cursor | None) -> Iterator[Page]:
        payload = orjson.dumps(self.table.rows, option=orjson.OPT_SORT_KEYS)
        digest = hashlib.blake2b(payload, digest_size=12).hexdigest()
        done = int(cursor.get("rows", 0)) if cursor and cursor.get("digest") == digest else 0
        if self.table.snapshot:
            done = 0
        gathered = _Gathering()
        for number, row in enumerate(self.table.rows[done:], done + 1):
            if gathered.add(self._document(dict(row), f"row {number}", None)) >= self.table.page_rows:
                yield gathered.page({"digest": digest, "rows": number})
        if gathered:
            yield gathered.page({"digest": digest, "rows": len(self.table.rows)})

    # ------------------------------------------------------------------ documents

    def _tell(self, row: dict[str, Any], place: str, found: Found) -> Document | Rejected | None:
        """Give the row's document; None when its distinct columns were given before in this reading."""
        if self.table.distinct:
            row = {name: row.get(name) for name in self.table.distinct}
            combination = tuple(row.values())
            if combination in self._given:
                return None
            self._given.add(combination)
        return self._document(row, place, found)

    def _document(self, row: dict[str, Any], place: str, found: Found | None) -> Document | Rejected:
        if self.table.file_column and found is not None:
            row[self.table.file_column] = found.name
        payload = orjson.dumps(row, default=str).decode()
        scope = Scope(row)
        try:
            key = self._key(scope) if self._key else place
            changed = self._changed(scope) if self._changed else None
            seq = self._seq(scope) if self._seq else None
            if key is None:
                return Rejected(
                    reason=f"the row has no name: {self.table.key!r} is blank", where=place, payload=payload
                )
            return Document(
                object_type=self.name,
                key=str(key),
                payload=payload,
                changed_at=None if changed is None else self._reader.clock(changed),
                seq=None if seq is None else int(self._reader.number(seq)),
            )
        except ValueError as error:
            return Rejected(reason=str(error), where=place, payload=payload, key=place)


def _start(found: Found, state: list[Any] | None) -> "tuple[int, int, hashlib.blake2b]":
    """Give offset, line and running digest to go on with; the beginning when the bytes have changed."""
    if state is not None:
        offset, line, known = int(state[0]), int(state[1]), str(state[2])
        digest = prefix_digest(found, offset)
        if digest is not None and digest.hexdigest() == known:
            return offset, line, digest
    return 0, 0, hashlib.blake2b(digest_size=12)


def _open_parquet(found: Found) -> pq.ParquetFile:
    readable(found)
    try:
        return pq.ParquetFile(found.path)
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"{found.name} is no whole Parquet file: {error}",
            remedy="wait until it is written, or replace it",
        ) from error
