"""Signals of a batch: which tags of its units, over which time, and what they did there."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, case, func, select

from hub.model.quality import quality_class
from hub.store.answers.equipment import list_below
from hub.store.answers.readings import Document, read_rows
from hub.store.samples import read_samples
from hub.store.tables import ENTITY_TABLES, FACT_TABLES

_ABOVE_UNIT = frozenset(
    {
        "Enterprise",
        "Site",
        "Area",
        "ProcessCell",
        "ProductionLine",
        "ProductionUnit",
        "StorageZone",
        "WorkCenter",
    }
)
"""Levels that hold many units: their own tags are a batch's, those of all their units are not."""


@dataclass(frozen=True)
class Signal:
    """A tag with the time for which it belongs to a batch."""

    tag_id: int
    tag: Document
    equipment: Document
    start: datetime
    end: datetime


def list_signals(connection: Connection, batch_id: int, *, now: datetime) -> list[Signal]:
    """Give the tags of the units on which a batch ran, each over its time there (`now` if open)."""
    windows = _windows(connection, batch_id, now)
    below = {unit: _reach(connection, unit) for unit in windows}
    wanted = set[int]().union(*below.values())
    if not wanted:
        return []
    tag, equipment = ENTITY_TABLES["tag"], ENTITY_TABLES["equipment"]
    query = (
        select(
            tag.c.id,
            tag.c.uid,
            tag.c.code,
            tag.c.description,
            tag.c.property,
            tag.c.unit,
            tag.c.source_unit,
            tag.c.is_step,
            tag.c.criticality,
            tag.c.low,
            tag.c.high,
            tag.c.equipment_id,
            equipment.c.uid.label("equipment_uid"),
            equipment.c.code.label("equipment_code"),
        )
        .select_from(tag.join(equipment, equipment.c.id == tag.c.equipment_id))
        .where(tag.c.equipment_id.in_(sorted(wanted)), tag.c.lifecycle.not_in(("merged", "retracted")))
        .order_by(equipment.c.code, tag.c.code, tag.c.id)
    )
    signals: list[Signal] = []
    for row in read_rows(connection, query):
        spans = [window for unit, window in windows.items() if row["equipment_id"] in below[unit]]
        shown = (
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
        signals.append(
            Signal(
                row["id"],
                {name: row[name] for name in shown},
                {"uid": row["equipment_uid"], "code": row["equipment_code"]},
                min(start for start, _ in spans),
                max(end for _, end in spans),
            )
        )
    return signals


def ran_in_units(connection: Connection, batch_id: int, *, now: datetime) -> bool:
    """Tell whether any system says on which equipment a batch ran."""
    return bool(_windows(connection, batch_id, now))


def summarise_signals(connection: Connection, signals: Iterable[Signal]) -> list[Document]:
    """Give each signal with count, bad count, first, last, least, greatest and mean of its good samples."""
    return [
        {
            "tag": signal.tag,
            "equipment": signal.equipment,
            "start": signal.start,
            "end": signal.end,
            **summarise(read_samples(connection, [signal.tag_id], signal.start, signal.end)),
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


def batch_window(connection: Connection, batch_id: int, *, now: datetime) -> tuple[datetime, datetime] | None:
    """Give the time of a batch: its actual times, or those of its phases; until `now` when it has no end."""
    batch, run = ENTITY_TABLES["batch"], FACT_TABLES["segment_response"]
    golden = connection.execute(
        select(batch.c.actual_start, batch.c.actual_end).where(batch.c.id == batch_id)
    ).one()
    seen = connection.execute(
        select(func.min(run.c.actual_start), func.max(run.c.actual_end)).where(
            run.c.batch_id == batch_id, run.c.is_retracted.is_(False)
        )
    ).one()
    start = golden[0] or seen[0]
    return None if start is None else (start, golden[1] or seen[1] or max(now, start))


def describe_quality(code: int) -> str:
    """Give good, uncertain or bad."""
    return quality_class(code)


def _windows(connection: Connection, batch_id: int, now: datetime) -> dict[int, tuple[datetime, datetime]]:
    """Give the time of the batch on each piece of equipment where it ran."""
    run, batch = FACT_TABLES["segment_response"], ENTITY_TABLES["batch"]
    unfinished = func.sum(case((run.c.actual_end.is_(None), 1), else_=0))
    query = (
        select(run.c.equipment_id, func.min(run.c.actual_start), func.max(run.c.actual_end), unfinished)
        .where(
            run.c.batch_id == batch_id,
            run.c.equipment_id.is_not(None),
            run.c.actual_start.is_not(None),
            run.c.is_retracted.is_(False),
        )
        .group_by(run.c.equipment_id)
    )
    windows: dict[int, tuple[datetime, datetime]] = {}
    for equipment_id, start, end, still_open in connection.execute(query):
        windows[equipment_id] = (start, max(start, now) if still_open or end is None else end)
    main: Any = connection.scalar(select(batch.c.equipment_id).where(batch.c.id == batch_id))
    window = batch_window(connection, batch_id, now=now)
    if main is not None and main not in windows and window is not None:
        windows[main] = window
    return windows


def _reach(connection: Connection, equipment_id: int) -> set[int]:
    table = ENTITY_TABLES["equipment"]
    level = connection.scalar(select(table.c.level).where(table.c.id == equipment_id))
    return {equipment_id} if level in _ABOVE_UNIT else list_below(connection, equipment_id)
