"""The connector class: a database described by settings alone."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, cast

import orjson
import pyarrow as pa

from connectors.sql.database import Source
from connectors.sql.series import Series
from connectors.sql.settings import SqlConfig
from connectors.sql.stream import StreamReader
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
from hub.sdk.mapping import Reader, RecordMapping


class Sql(RecordSource[SqlConfig], SampleSource[SqlConfig]):
    """Views of a database, read only: a query is a mapping, history tables come as columns."""

    name: ClassVar[str] = "sql"
    version: ClassVar[str] = "1.0.0"
    config_class: ClassVar[type[Config]] = SqlConfig

    def __init__(self, config: SqlConfig) -> None:
        super().__init__(config)
        self._source = Source(config)
        self._series = [Series(name, one, self._source, config) for name, one in config.samples.items()]
        self._streams = {name: self._stream(name) for name in config.streams}

    def _stream(self, name: str) -> StreamReader:
        settings = self.config.streams[name]
        reader = Reader(settings.reading, self.config.units, self.config.zone, self.config.ambiguous)
        return StreamReader(name, settings, self._source, reader, RecordMapping(settings.rules, reader))

    def check(self) -> Health:
        """Log in, and read one row of every stream and the span of every history table."""
        said = [stream.check() for stream in self._streams.values()]
        for series in self._series:
            span = series.extent()
            said.append(f"{series.name}: {f'{span.start} to {span.end}' if span else 'no row'}")
        return Health(system=self._source.dialect, detail="; ".join(said))

    def close(self) -> None:
        self._source.close()

    # ------------------------------------------------------------------ records

    def streams(self) -> Sequence[Stream]:
        return [
            Stream(name=name, snapshot=one.clock is None, every_s=one.every_s)
            for name, one in self.config.streams.items()
        ]

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        reader = self._streams.get(stream)
        if reader is None:
            raise Misconfigured(
                f"there is no stream {stream!r}", remedy=f"streams: {', '.join(self._streams)}"
            )
        return reader.pages(cursor)

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        reader = self._streams.get(document.object_type)
        if reader is None:
            raise BadRecord(
                f"no stream {document.object_type!r} is configured any more",
                where=document.key,
                remedy="put the stream back, or drop its documents",
            )
        return list(reader.mapping.apply(_read_row(document), {"key": document.key}))

    def places(self, document: Document) -> Iterable[Placed]:
        reader = self._streams.get(document.object_type)
        return reader.mapping.locate(_read_row(document), {"key": document.key}) if reader else ()

    # ------------------------------------------------------------------ samples

    def tags(self) -> Iterable[Tag]:
        return (tag for series in self._series for tag in series.tags())

    def extent(self) -> Window | None:
        spans = [span for series in self._series if (span := series.extent()) is not None]
        return Window(min(s.start for s in spans), max(s.end for s in spans)) if spans else None

    def states_quality(self) -> bool:
        return all(series.settings.quality for series in self._series)

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch]:
        for series in self._series:
            yield from series.samples(tags, window)


def _read_row(document: Document) -> dict[str, Any]:
    try:
        row = orjson.loads(document.payload)
    except orjson.JSONDecodeError as error:
        raise BadRecord(f"the row is no JSON: {error}", where=document.key) from error
    if not isinstance(row, dict):
        raise BadRecord("the row is no JSON object", where=document.key)
    return cast("dict[str, Any]", row)
