"""The connector class: points or attributes as tags with samples, elements as equipment, frames as runs."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

import orjson
import pyarrow as pa

from connectors.pi_web_api.assets import find_database, read_elements, state_element
from connectors.pi_web_api.client import PiClient
from connectors.pi_web_api.frames import STREAM, FrameReader
from connectors.pi_web_api.history import HistoryReader
from connectors.pi_web_api.settings import Interpolated, PiWebApiConfig, Summary
from connectors.pi_web_api.signals import Signal, find_archives, find_signals, name_tags
from hub.model import Record, Tag, parse_instant
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

_ELEMENTS = "elements"
_BEGINNING = datetime(1970, 1, 2, tzinfo=UTC)


class PiWebApi(RecordSource[PiWebApiConfig], SampleSource[PiWebApiConfig]):
    """A PI System behind its REST door: data archives, the asset framework, event frames."""

    name: ClassVar[str] = "pi_web_api"
    version: ClassVar[str] = "1.0.0"
    config_class: ClassVar[type[Config]] = PiWebApiConfig

    def __init__(self, config: PiWebApiConfig) -> None:
        super().__init__(config)
        self._client = PiClient(config)
        self._signals: dict[str, Signal] | None = None
        frames = config.event_frames
        self._frames = None
        if frames is not None:
            self._frames = FrameReader(self._client, config)
            reader = Reader(frames.reading, config.units, config.zone, config.ambiguous)
            self._mapping = RecordMapping(frames.records, reader)

    def check(self) -> Health:
        """Ask for product, archives, database and tags, and read a moment of one tag's history."""
        product = self._client.fetch("/system")
        said: list[str] = []
        archives = find_archives(self._client, self.config) if self.config.tags == "points" else []
        said += [f"{archive.name} {archive.version}".strip() for archive in archives]
        if self.config.asset_framework is not None:
            said.append(find_database(self._client, self.config.asset_framework).path)
        signals = self._find(again=True)
        if not signals:
            raise Misconfigured(
                f"{self.config.base_url} shows no {self.config.tags} that the settings take",
                remedy="correct `points` and `data_servers`, or grant the user to read them",
            )
        name, signal = next(iter(signals.items()))
        now = self._client.server_time
        reader = HistoryReader(self._client, self.config, Window(now - timedelta(minutes=1), now))
        for item in reader.recorded([signal]):
            if isinstance(item, Rejected):
                raise Misconfigured(
                    f"the history of {name} cannot be read: {item.reason}", remedy=item.remedy
                )
        said.append(f"{len(signals)} {self.config.tags}")
        return Health(
            system=str(product.get("ProductTitle") or "PI Web API"),
            version=str(product.get("ProductVersion") or ""),
            detail="; ".join(said),
        )

    def close(self) -> None:
        self._client.close()

    # ------------------------------------------------------------------ samples

    def tags(self) -> Iterator[Tag]:
        for signal in self._find(again=True).values():
            yield from name_tags(signal, self.config)

    def extent(self) -> Window | None:
        """Give all time up to the archive's own clock, less the last step where steps are summed up."""
        stated = [
            parse_instant(archive.server_time)
            for archive in find_archives(self._client, self.config)
            if archive.server_time
        ]
        end = min(stated, default=self._client.server_time)
        if isinstance(self.config.read, Summary):
            end -= timedelta(seconds=self.config.read.step_s)
        return Window(_BEGINNING, max(_BEGINNING, end))

    def samples(self, tags: Sequence[str], window: Window) -> Iterator[pa.RecordBatch | Rejected]:
        signals = self._find()
        read = self.config.read
        reader = HistoryReader(self._client, self.config, window)
        split = [tag.rpartition("#") if isinstance(read, Summary) else ("", "", tag) for tag in tags]
        named = {tag: base if kind else tag for tag, (base, kind, _) in zip(tags, split, strict=True)}
        yield from (_gone(tag) for tag, name in named.items() if name not in signals)
        known = {tag: signals[name] for tag, name in named.items() if name in signals}
        if window.start >= window.end or not known:
            return
        if isinstance(read, Summary):
            kinds: dict[str, list[str]] = {}
            for tag, signal in known.items():
                kinds.setdefault(signal.name, []).append(tag.rpartition("#")[2])
            yield from reader.summaries(kinds, signals, read)
        elif isinstance(read, Interpolated):
            yield from reader.interpolated(list(known.values()), read)
        else:
            yield from reader.recorded(known.values())

    # ------------------------------------------------------------------ records

    def streams(self) -> Sequence[Stream]:
        given: list[Stream] = []
        if self.config.asset_framework is not None:
            every_s = self.config.asset_framework.every_s
            given.append(Stream(name=_ELEMENTS, description="equipment", snapshot=True, every_s=every_s))
        if self.config.event_frames is not None:
            given.append(Stream(name=STREAM, every_s=self.config.event_frames.every_s))
        return given

    def read(self, stream: str, cursor: Cursor | None) -> Iterator[Page]:
        if stream == _ELEMENTS and self.config.asset_framework is not None:
            return read_elements(self._client, self.config.asset_framework)
        if stream == STREAM and self._frames is not None:
            return self._frames.pages(cursor)
        names = ", ".join(s.name for s in self.streams()) or "none"
        raise Misconfigured(f"there is no stream {stream!r}", remedy=f"streams: {names}")

    def parse(self, document: Document) -> Iterable[Record | Rejected]:
        item = _read_item(document)
        if document.object_type == _ELEMENTS:
            levels = self.config.asset_framework.levels if self.config.asset_framework else {}
            return [state_element(item, levels)]
        if self._frames is None:
            raise BadRecord(
                "no `event_frames` are configured any more",
                where=document.key,
                remedy="put the setting back, or drop its documents",
            )
        return list(self._mapping.apply(item, {"key": document.key}))

    def places(self, document: Document) -> Iterable[Placed]:
        if document.object_type != STREAM or self._frames is None:
            return ()
        return self._mapping.locate(_read_item(document), {"key": document.key})

    def _find(self, *, again: bool = False) -> dict[str, Signal]:
        if self._signals is None or again:
            self._signals = find_signals(self._client, self.config)
        return self._signals


def _gone(tag: str) -> Rejected:
    return Rejected(
        key=tag,
        where=tag,
        reason="there is no such point or attribute any more, or the user may not see it",
        remedy="restore it there, or take it out of the tags",
    )


def _read_item(document: Document) -> dict[str, Any]:
    try:
        item = orjson.loads(document.payload)
    except orjson.JSONDecodeError as error:
        raise BadRecord(f"the text is no JSON: {error}", where=document.key) from error
    if not isinstance(item, dict):
        raise BadRecord("the item is no JSON object", where=document.key)
    return cast("dict[str, Any]", item)
