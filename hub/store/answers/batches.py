"""One batch from every side: phases, data, materials, samples and results, events, orders."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, select

from hub.model import UnknownUnitError, convert
from hub.store.answers.readings import Document, fact_reading, thing_reading
from hub.store.answers.things import read_thing, read_things
from hub.store.plans import joined_as_written
from hub.store.rubbish import rubbish_kept
from hub.store.sets import select_in
from hub.store.tables import ENTITY_TABLES, FACT_TABLES

_LIMITS = {
    **{key: key for key in ("lower", "upper", "lower_action", "upper_action")},
    "text": "text_criterion",
    **{key: key for key in ("unit", "method", "property", "is_cqa")},
}
_SAMPLE = {key: key for key in ("code", "sample_type", "stage", "taken_at", "received_at", "status")}
"""Members of a document and the columns that they are."""


def list_phases(connection: Connection, batch_id: int, *, retracted: bool = False) -> list[Document]:
    """Give the executed segments of a batch by start; `parent` names the segment that holds one."""
    return _facts(connection, "segment_response", batch_id, order=("actual_start", "id"), retracted=retracted)


def list_data(connection: Connection, batch_id: int, *, retracted: bool = False) -> list[Document]:
    """Give the values that sources reported for the segments of a batch."""
    return _facts(connection, "segment_data", batch_id, order=("name", "id"), retracted=retracted)


def list_materials(connection: Connection, batch_id: int, *, retracted: bool = False) -> list[Document]:
    """Give movements into and out of a batch; `count_state` tells which are counted, which seen twice."""
    return _facts(connection, "material_actual", batch_id, order=("at", "id"), retracted=retracted)


def list_events(connection: Connection, batch_id: int, *, retracted: bool = False) -> list[Document]:
    """Give events and alarms of a batch by time."""
    return _facts(connection, "operations_event", batch_id, order=("at", "id"), retracted=retracted)


def list_results(connection: Connection, batch_id: int, *, retracted: bool = False) -> list[Document]:
    """Give laboratory results of a batch and of the lot it made, with sample and limits, by sample and test.

    `is_outside` tells that a number breaks the limits it was tested against (null without limits).
    """
    reading = fact_reading("test_result")
    sampled = list_sample_ids(connection, batch_id)
    with rubbish_kept():
        rows = select_in(connection, _results(retracted=retracted), reading.table.c.sample_id, sampled)
        results = reading.documents(sorted(rows, key=_place_of_result()))
        _add_samples_and_limits(connection, results, sampled=sampled)
    return results


@cache
def _results(*, retracted: bool) -> Select[Any]:
    reading = fact_reading("test_result")
    return (
        reading.statement if retracted else reading.statement.where(reading.table.c.is_retracted.is_(False))
    )


@cache
def _place_of_result() -> Callable[[Sequence[Any]], Any]:
    """Give the place of a row among results: by sample, then by test in byte order, then as they came.

    An engine sorts rows as wide as these more slowly than Python sorts what it was given of them.
    """
    reading = fact_reading("test_result")
    wanted = [reading.table.c[name] for name in ("sample_id", "test_code", "id")]
    return itemgetter(*(reading.place_of(column) for column in wanted))


def _add_samples_and_limits(
    connection: Connection, results: list[Document], *, sampled: Iterable[int]
) -> None:
    """Put its sample and limits into each result: hundreds of results share one, so each is read once.

    A sample is one document in all its results: they name it by the same key.
    """
    tested = {criterion["id"] for result in results if (criterion := result["criterion"])} - {None}
    samples = _read_apart(connection, "sample", _SAMPLE, ids=sampled)
    whole: dict[int, Document] = {}
    limits = _read_apart(connection, "test_criterion", _LIMITS, ids=tested)
    unknown = dict.fromkeys(_SAMPLE)
    for result in results:
        sample = result["sample"]
        found = whole.get(sample["id"])
        if found is None:
            found = whole[sample["id"]] = {**sample, **samples.get(sample["id"], unknown)}
        result["sample"] = found
        allowed = limits.get(criterion["id"]) if limits and (criterion := result["criterion"]) else None
        result["limits"] = allowed
        result["is_outside"] = is_outside(result["value"], allowed) if allowed else None


def _read_apart(
    connection: Connection, record_type: str, keys: Mapping[str, str], *, ids: Iterable[int]
) -> dict[int, Document]:
    """Give some columns of facts by id, under their names in a document; nothing of one that has none."""
    table = FACT_TABLES[record_type]
    query = select(table.c.id, *(table.c[column] for column in keys.values()))
    rows = (tuple(row) for row in select_in(connection, query, table.c.id, sorted(ids)))
    return {
        key: dict(zip(keys, values, strict=True))
        for key, *values in rows
        if any(v is not None for v in values)
    }


def list_sample_ids(connection: Connection, batch_id: int) -> set[int]:
    """Give the samples of a batch and of the lot it made, by id."""
    # One condition a question: for an `or` over both, an engine may look through every sample there is.
    batch, sample = ENTITY_TABLES["batch"], FACT_TABLES["sample"]
    lot = connection.scalar(select(batch.c.output_lot_id).where(batch.c.id == batch_id))
    mine = [sample.c.batch_id == batch_id, *([] if lot is None else [sample.c.lot_id == lot])]
    return {found for one in mine for found in connection.scalars(select(sample.c.id).where(one))}


def list_orders(connection: Connection, batch_id: int) -> list[Document]:
    """Give the order that asked for the batch, if one is known."""
    batch = ENTITY_TABLES["batch"]
    order_id = connection.scalar(select(batch.c.operations_request_id).where(batch.c.id == batch_id))
    return [] if order_id is None else [read_thing(connection, "operations_request", order_id)]


def list_quality_events(connection: Connection, batch_id: int) -> list[Document]:
    """Give deviations and other quality events of a batch."""
    table = ENTITY_TABLES["quality_event"]
    ids = connection.scalars(
        select(table.c.id).where(table.c.batch_id == batch_id, table.c.lifecycle != "merged")
    )
    return read_things(connection, "quality_event", ids)


def is_outside(value: Document | None, limits: Document | None) -> bool | None:
    """Tell whether a measurement breaks lower or upper limit, after unit conversion; None when unknown.

    A censored value (`<0.05`) breaks a limit only when it must: its bound lies beyond and points away.
    """
    if not value or not limits or value["value"] is None:
        return None
    lower, upper = limits["lower"], limits["upper"]
    if lower is None and upper is None:
        return None
    number, sign = value["value"], value["comparator"] or ""
    if value["unit"] and limits["unit"] and value["unit"] != limits["unit"]:
        try:
            number = convert(number, value["unit"], limits["unit"])
        except (ValueError, UnknownUnitError):
            return None
    below = lower is not None and number < lower and not sign.startswith(">")
    above = upper is not None and number > upper and not sign.startswith("<")
    return below or above


def _facts(
    connection: Connection, record_type: str, batch_id: int, *, order: tuple[str, ...], retracted: bool
) -> list[Document]:
    reading = fact_reading(record_type)
    query = _facts_in(record_type, order, retracted=retracted)
    with joined_as_written(connection):
        rows = select_in(connection, query, reading.table.c.batch_id, [batch_id])
    return reading.documents(rows)


@cache
def _facts_in(record_type: str, order: tuple[str, ...], *, retracted: bool) -> Select[Any]:
    """Give the query for facts in this order; rows without a time come last on both engines."""
    reading = fact_reading(record_type)
    columns = reading.table.c
    ordered = [part for name in order for part in (columns[name].is_(None), columns[name])]
    query = reading.statement.order_by(*ordered)
    return query if retracted else query.where(columns.is_retracted.is_(False))


def list_recent(connection: Connection, entity_type: str, *, lifecycle: str, limit: int) -> list[Document]:
    """Give the newest things in a lifecycle, e.g. stubs that no source has described yet."""
    reading = thing_reading(entity_type)
    table = reading.table
    query: Select[Any] = reading.select().where(table.c.lifecycle == lifecycle)
    return reading.read(connection, query.order_by(table.c.id.desc()).limit(limit))
