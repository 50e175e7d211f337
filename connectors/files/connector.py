"""The connector class: rows of tables as documents, columns of tables as samples."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

import orjson
import pyarrow as pa

from connectors.files.folder import Folder
from connectors.files.records import TableReader
from connectors.files.series import SeriesReader, to_micros, to_tag
from connectors.files.settings import FilesConfig
from hub.model import Record, Tag
from hub.sdk import (
    BadRecord,
    Config,
    Cursor,
    Document,
    Health,
    Misconfigured,
    Page,
    Placed,
    RecordSource,
    Rejected,
    SampleSource,
    Stream,
    Window,
)
from hub.sdk.mapping import Reader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Files(RecordSource[FilesConfig], SampleSource[FilesConfig]):
    """A folder of CSV and Parquet files: record tables, sample tables, or both."""

    name: ClassVar[str] = "files"
    version: ClassVar[str] = "1.0.0"
    config_class: ClassVar[type[Config]] = FilesConfig

    def __init__(self, config: FilesConfig) -> None:
        super().__init__(config)
        folder = Folder(config.root)
        self._folder = folder
        self._tables = {
            name: TableReader(
                name,
                table,
                folder=folder,
                reader=Reader(table.reading, config.units, config.zone, config.ambiguous),
            )
            for name, table in config.streams.items()
        }
        self._series = [
            SeriesReader(name, table, folder=folder, zone=config.zone)
            for name, table in config.samples.items()
        ]

    def check(self) -> Health:
        """Look into every file's header, and into the times of sample tables."""
        root = self._folder.check()
        said = [
            f"{name}: {table.check()} file(s)" for name, table in self._tables.items() if not table.table.rows
        ]
        said += [series.check() for series in self._series]
        return Health(system=f"folder {root}", detail="; ".join(said))

    # ------------------------------------------------------------------ records

    def streams(self) -> Sequence[Stream]:
        return [
            Stream(name=name, snapshot=table.snapshot, every_s=table.every_s)
            for name, table in self.config.streams.items()
        ]

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        table = self._tables.get(stream)
        if table is None:
            raise Misconfigured(
                f"there is no stream {stream!r}", remedy=f"streams: {', '.join(self._tables)}"
            )
        return table.pages(cursor)

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        table = self._tables.get(document.object_type)
        if table is None:
            raise BadRecord(
                f"no stream {document.object_type!r} is configured any more",
                where=document.key,
                remedy="put the stream back, or drop its documents",
            )
        return list(table.mapping.apply(_read_row(document), {"key": document.key}))

    def places(self, document: Document) -> Iterable[Placed]:
        table = self._tables.get(document.object_type)
        return table.mapping.locate(_read_row(document), {"key": document.key}) if table else ()

    # ------------------------------------------------------------------ samples

    def tags(self) -> Iterable[Tag]:
        found = {name: column for series in self._series for name, column in series.tags().items()}
        return [to_tag(name, column) for name, column in sorted(found.items())]

    def extent(self) -> Window | None:
        spans = [span for series in self._series if (span := series.extent()) is not None]
        if not spans:
            return None
        first, last = min(s[0] for s in spans), max(s[1] for s in spans)
        return Window(_EPOCH + timedelta(microseconds=first), _EPOCH + timedelta(microseconds=last + 1))

    def states_quality(self) -> bool:
        return all(series.table.quality_column or series.table.bad for series in self._series)

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        start, end = to_micros(window)
        for series in self._series:
            yield from series.samples(tags, start, end)


def _read_row(document: Document) -> dict[str, Any]:
    try:
        row = orjson.loads(document.payload)
    except orjson.JSONDecodeError as error:
        raise BadRecord(f"the row is no JSON: {error}", where=document.key) from error
    if not isinstance(row, dict):
        raise BadRecord("the row is no JSON object", where=document.key)
    return cast("dict[str, Any]", row)
