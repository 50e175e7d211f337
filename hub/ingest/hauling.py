"""An agent at a historian: it asks the hub which windows it lacks, reads those, and sends them."""

from collections.abc import Collection, Iterator
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute

from hub.ingest.delivering import Delivery, Trip
from hub.ingest.entering import SAMPLES_EVERY_S, SAMPLES_STREAM, TAGS_EVERY_S, TAGS_STREAM, Errand
from hub.ingest.parcel import pack_parcel
from hub.ingest.sampling import fetch, find_sampler, list_lasting
from hub.ingest.sifting import TEXT_BYTES
from hub.ingest.wire import Kept, KeptWindow, SentRejected, SentSpan, SentTags, SentWindow, Wanted
from hub.sdk import Stream, Window

pc: Any = pyarrow.compute
"""Untyped on purpose: the stubs leave most functions partly unknown."""
_PART_ROWS = 500_000
_PART_BYTES = 32 * 1024 * 1024
"""Half of what a hub takes at once, see `hub.ingest.parcel`."""


class TagsDelivery(Delivery):
    """Delivers the list of a source's tags, always whole."""

    def __init__(self, trip: Trip) -> None:
        super().__init__(trip, Stream(name=TAGS_STREAM, snapshot=True, every_s=TAGS_EVERY_S))
        self.may_have_samples = True
        """Whether samples are worth asking for; a folder of records alone lists no tag."""

    def _read(self) -> None:
        bridge, tag_map = self._trip.bridge, self._trip.source.tag_map
        tags = list(bridge.items(find_sampler(bridge).tags()))
        self.may_have_samples = bool(tags)
        told = [tag_map.apply(tag) if tag_map else tag for tag in tags]
        sent = SentTags(
            stream=self._stream.name,
            epoch=self._epoch,
            mapping_version=self._trip.mapping_version,
            tags=[tag.model_dump(mode="json", exclude_none=True) for tag in told],
        )
        self._count(Kept.model_validate(self._post("tags", sent)))


class SamplesDelivery(Delivery):
    """Delivers the windows that the hub lacks, oldest first."""

    holds: ClassVar[Literal["records", "samples"]] = "samples"

    def __init__(self, trip: Trip) -> None:
        super().__init__(trip, Stream(name=SAMPLES_STREAM, every_s=SAMPLES_EVERY_S))
        self._seq = 0
        self._closed: set[str] = set()

    def _read(self) -> None:
        self._seq = int((self._cursor or {}).get("seq", 0))
        bridge = self._trip.bridge
        tags = list_lasting(bridge)
        extent = bridge.value(find_sampler(bridge).extent()) if tags else None
        self.means = "extent" if extent else None
        while tags:
            wanted = Wanted.model_validate(self._post("windows", self._span(tags, extent)))
            self._insist(is_kept=wanted.kept)
            for window in wanted.windows:
                errand = Errand(tuple(window.tags), Window(window.start, window.end)).without(self._closed)
                if errand.tags:
                    self._haul(errand)
            tags = [tag for tag in tags if tag not in self._closed] if wanted.more else []

    def _span(self, tags: list[str], extent: Window | None) -> SentSpan:
        history = self._trip.source.history
        return SentSpan(
            stream=self._stream.name,
            epoch=self._epoch,
            tags=tags,
            start=history.start,
            extent=(extent.start, extent.end) if extent else None,
            window_s=history.window_s,
            settle_s=history.settle_s,
        )

    def _haul(self, errand: Errand) -> None:
        """Read a window and send it, a large one in parts: only the last part says that it was read."""
        for part in fetch(self._trip.bridge, errand):
            _check(part.table, errand.tags)
            self._closed.update(one.key for one in part.rejected)
            *before, last = _cut(_shorten(part.table).combine_chunks())
            for piece in before if part.is_last else (*before, last):
                self._send(errand, piece, tags=piece["tag"].unique().to_pylist(), whole=False)
            if part.is_last:
                told = [SentRejected.of(one) for one in part.rejected]
                self._send(errand, last, tags=list(errand.tags), rejected=told)

    def _send(
        self,
        errand: Errand,
        part: pa.Table,
        *,
        tags: list[Any],
        whole: bool = True,
        rejected: list[SentRejected] | None = None,
    ) -> None:
        sent = SentWindow(
            stream=self._stream.name,
            epoch=self._epoch,
            seq=self._seq + 1,
            mapping_version=self._trip.mapping_version,
            tags=tags,
            start=errand.window.start,
            end=errand.window.end,
            whole=whole,
            rejected=rejected or [],
        )
        kept = KeptWindow.model_validate(self._post("samples", pack_parcel(sent, part)))
        self._insist(is_kept=kept.kept)
        self._seq = kept.seq
        self.done.samples += kept.samples
        self.done.rejected += kept.rejected


def _check(table: pa.Table, tags: Collection[str]) -> None:
    """Raise `ValueError` for what the hub would refuse: it is the connector's fault, and is told as such."""
    for name in ("tag", "ts", "quality"):
        if table[name].null_count:
            msg = f"samples without {name}; each needs a tag, a time and a quality"
            raise ValueError(msg)
    asked = set(tags)
    for tag in pc.unique(table["tag"]).to_pylist():
        if tag not in asked:
            msg = f"samples of tag {tag!r}, which was not asked for"
            raise ValueError(msg)


def _shorten(table: pa.Table) -> pa.Table:
    """Cut texts that the hub holds in quarantine for their length anyway: it keeps their beginning."""
    text = table["text"]
    is_long = pc.fill_null(pc.greater(pc.binary_length(text), TEXT_BYTES), fill_value=False)
    if not pc.any(is_long).as_py():
        return table
    short = pc.if_else(is_long, pc.utf8_slice_codeunits(text, 0, TEXT_BYTES + 1), text)
    return table.set_column(table.column_names.index("text"), "text", short.cast(pa.string()))


def _cut(table: pa.Table) -> Iterator[pa.Table]:
    """Cut a window's samples into parts that a body can hold; one without samples is one part."""
    if table.num_rows <= 1 or (table.num_rows <= _PART_ROWS and table.nbytes <= _PART_BYTES):
        yield table
        return
    half = table.num_rows // 2
    yield from _cut(table.slice(0, half))
    yield from _cut(table.slice(half))
