"""Which batches lack phases, results or samples: what a reviewer must chase before anything is compared."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from hub.store.answers.readings import Document
from hub.store.samples import has_samples
from hub.store.tables import ENTITY_TABLES, FACT_TABLES


def list_completeness(connection: Connection, *, now: datetime) -> list[Document]:
    """Give every batch with what it has: phases, results, samples of its units during its time; by code.

    Phases that the hub derived from samples count as phases. Stubs without a time and retracted batches are
    listed too; merged ones, and campaigns, which only hold batches, are not.
    """
    batch = ENTITY_TABLES["batch"]
    with_phases, with_results = _with_phases(connection), _with_results(connection)
    with_samples = _with_samples(connection, now)
    query = (
        select(batch.c.id, batch.c.uid, batch.c.code, batch.c.lifecycle, batch.c.kind)
        .where(batch.c.lifecycle != "merged", batch.c.kind.is_distinct_from("campaign"))
        .order_by(batch.c.code, batch.c.id)
    )
    return [
        {
            "uid": row.uid,
            "code": row.code,
            "lifecycle": row.lifecycle,
            "kind": row.kind,
            "has_phases": row.id in with_phases,
            "has_results": row.id in with_results,
            "has_samples": row.id in with_samples,
        }
        for row in connection.execute(query)
    ]


def _with_phases(connection: Connection) -> set[int]:
    run = FACT_TABLES["segment_response"]
    return set(
        connection.scalars(
            select(run.c.batch_id)
            .where(run.c.batch_id.is_not(None), run.c.is_retracted.is_(False))
            .distinct()
        )
    )


def _with_results(connection: Connection) -> set[int]:
    batch, sample, result = ENTITY_TABLES["batch"], FACT_TABLES["sample"], FACT_TABLES["test_result"]
    tested = select(sample.c.batch_id, sample.c.lot_id).where(
        sample.c.id.in_(select(result.c.sample_id).where(result.c.is_retracted.is_(False))),
        sample.c.is_retracted.is_(False),
    )
    rows = connection.execute(tested.distinct()).all()
    lots = {row.lot_id for row in rows if row.lot_id is not None}
    made = connection.execute(
        select(batch.c.id, batch.c.output_lot_id).where(batch.c.output_lot_id.is_not(None))
    )
    return {row.batch_id for row in rows if row.batch_id is not None} | {
        row.id for row in made if row.output_lot_id in lots
    }


def _with_samples(connection: Connection, now: datetime) -> set[int]:
    """Give batches with at least one sample of their units in their time."""
    windows = _windows(connection, now)
    tags = _tags(connection, {unit for _, unit, _, _ in windows})
    proved: set[int] = set()
    for batch_id, unit, start, end in windows:
        if batch_id not in proved and has_samples(connection, tags.get(unit, ()), start=start, end=end):
            proved.add(batch_id)
    return proved


def _windows(connection: Connection, now: datetime) -> list[tuple[int, int, datetime, datetime]]:
    """Give (batch, equipment, start, end) for every place where a batch ran."""
    batch, run = ENTITY_TABLES["batch"], FACT_TABLES["segment_response"]
    runs = select(run.c.batch_id, run.c.equipment_id, run.c.actual_start, run.c.actual_end).where(
        run.c.batch_id.is_not(None),
        run.c.equipment_id.is_not(None),
        run.c.actual_start.is_not(None),
        run.c.is_retracted.is_(False),
    )
    whole = select(batch.c.id, batch.c.equipment_id, batch.c.actual_start, batch.c.actual_end).where(
        batch.c.equipment_id.is_not(None), batch.c.actual_start.is_not(None), batch.c.lifecycle != "merged"
    )
    rows = [*connection.execute(whole), *connection.execute(runs)]
    return [(row[0], row[1], row[2], row[3] or max(now, row[2])) for row in rows]


def _tags(connection: Connection, units: Iterable[int]) -> dict[int, list[int]]:
    """Give the tags of each unit and of what hangs below it."""
    equipment, tag = ENTITY_TABLES["equipment"], ENTITY_TABLES["tag"]
    wanted = set(units)
    parents = dict(connection.execute(select(equipment.c.id, equipment.c.parent_id)).all())
    found: dict[int, list[int]] = {}
    for row in connection.execute(
        select(tag.c.id, tag.c.equipment_id).where(tag.c.equipment_id.is_not(None))
    ):
        place, seen = row.equipment_id, set[int]()
        while place is not None and place not in seen:
            if place in wanted:
                found.setdefault(place, []).append(row.id)
            seen.add(place)
            place = parents.get(place)
    return found
