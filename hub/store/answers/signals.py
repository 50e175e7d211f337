"""Signals: tags with the spans in which their samples belong to a batch, and what they did there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, select

from hub.store.answers.readings import Document, read_rows
from hub.store.coverage import Span
from hub.store.samples import read_samples
from hub.store.sets import is_among
from hub.store.tables import ENTITY_TABLES

_SHOWN = (
    "uid",
    "code",
    "description",
    "property",
    "unit",
    "source_unit",
    "is_step",
    "criticality",
    "low",
    "high",
)


@dataclass(frozen=True)
class Signal:
    """A tag with the spans in which it belongs to a batch: at least one, in order, none touching the next."""

    tag_id: int
    tag: Document
    equipment: Document
    spans: tuple[Span, ...]

    @property
    def start(self) -> datetime:
        """When the first span begins."""
        return self.spans[0][0]

    @property
    def end(self) -> datetime:
        """When the last span ends (exclusive)."""
        return self.spans[-1][1]

    @property
    def duration(self) -> timedelta:
        """How long it belongs to the batch in all."""
        return sum((end - start for start, end in self.spans), timedelta())


def describe_signals(connection: Connection, spans: dict[int, tuple[Span, ...]]) -> list[Signal]:
    """Give the signals of these tags, each with its spans, by the codes of equipment and tag."""
    tag, equipment = ENTITY_TABLES["tag"], ENTITY_TABLES["equipment"]
    query = (
        select(
            tag.c.id,
            *(tag.c[name] for name in _SHOWN),
            equipment.c.uid.label("equipment_uid"),
            equipment.c.code.label("equipment_code"),
        )
        .select_from(tag.join(equipment, equipment.c.id == tag.c.equipment_id))
        .where(is_among(connection, tag.c.id, sorted(spans)))
        .order_by(equipment.c.code, tag.c.code, tag.c.id)
    )
    return [
        Signal(
            row["id"],
            {name: row[name] for name in _SHOWN},
            {"uid": row["equipment_uid"], "code": row["equipment_code"]},
            spans[row["id"]],
        )
        for row in (read_rows(connection, query) if spans else ())
    ]


def read_signal(connection: Connection, signal: Signal) -> pa.Table:
    """Give the samples of a signal in its spans, as `read_samples` does."""
    return pa.concat_tables(read_samples(connection, [signal.tag_id], *span) for span in signal.spans)


def summarise_signals(connection: Connection, signals: Iterable[Signal]) -> list[Document]:
    """Give each signal with count, bad count, first, last, least, greatest and mean of its good samples."""
    return [
        {
            "tag": signal.tag,
            "equipment": signal.equipment,
            "start": signal.start,
            "end": signal.end,
            "spans": list_spans(signal),
            **summarise(read_signal(connection, signal)),
        }
        for signal in signals
    ]


def summarise(samples: pa.Table) -> Document:
    """Give count, bad count, first, last, min, max and mean of the good numbers of one tag's samples."""
    quality = samples["quality"].to_numpy()
    value = samples["value"].to_numpy()
    good = value[((quality >> 30) == 0) & np.isfinite(value)]
    has = good.size > 0
    return {
        "samples": samples.num_rows,
        "not_good": int(np.count_nonzero(quality >> 30)),
        "first": float(good[0]) if has else None,
        "last": float(good[-1]) if has else None,
        "min": float(good.min()) if has else None,
        "max": float(good.max()) if has else None,
        "mean": float(good.mean()) if has else None,
    }


def list_spans(signal: Signal) -> list[Document]:
    """Give the spans of a signal as documents."""
    return [{"start": start, "end": end} for start, end in signal.spans]
