"""What a batch is expected to have, and what stands against it: steps and runs, criteria and results."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from hub.store.answers.readings import Document, read_rows
from hub.store.answers.subject import Subject
from hub.store.tables import ENTITY_TABLES, FACT_TABLES, source_record, source_system


@dataclass(frozen=True)
class Step:
    """A step of a recipe that is to be run."""

    id: int
    key: str
    source: str
    source_record: int
    recipe: Document
    parent_id: int | None
    code: str
    name: str
    level: str | None
    sequence: int | None
    segment_id: int | None
    is_optional: bool


@dataclass(frozen=True)
class Run:
    """An executed procedural element of a batch, as one source saw it."""

    id: int
    key: str
    source: str
    source_record: int
    name: str
    level: str
    segment_id: int | None
    segment_code: str | None
    state: str | None
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Criterion:
    """A test that a specification in force asks for, with the limits it sets."""

    ids: frozenset[int]
    key: str
    source: str
    source_record: int
    specification: Document
    test_code: str
    property: str | None
    method: str | None
    is_cqa: bool
    limits: Document


@dataclass(frozen=True)
class Result:
    """A result of a test; `said_at` is when its source said it as it stands now."""

    id: int
    key: str
    source: str
    source_record: int
    test_code: str
    kind: str
    criterion_id: int | None
    retest_of_id: int | None
    value: Document
    verdict: str | None
    status: str | None
    version: int
    measured_at: datetime | None
    approved_at: datetime | None
    said_at: datetime | None


def list_steps(connection: Connection, recipe_ids: Sequence[int]) -> list[Step]:
    """Give the steps of the first of these recipes that has any; none when no source states them.

    The procedure is no step: its run is the batch itself.
    """
    element, recipe = FACT_TABLES["recipe_element"], ENTITY_TABLES["recipe"]
    for recipe_id in recipe_ids:
        query = (
            select(
                element,
                source_system.c.code.label("source"),
                recipe.c.uid.label("recipe_uid"),
                recipe.c.code.label("recipe_code"),
                recipe.c.recipe_version,
            )
            .select_from(
                element.join(source_system, source_system.c.id == element.c.source_system_id).join(
                    recipe, recipe.c.id == element.c.recipe_id
                )
            )
            .where(
                element.c.recipe_id == recipe_id,
                element.c.level.is_not(None),
                element.c.element_type.is_distinct_from("Procedure"),
                element.c.is_retracted.is_(False),
            )
            .order_by(element.c.sequence.is_(None), element.c.sequence, element.c.source_key, element.c.id)
        )
        steps = [_step(row) for row in read_rows(connection, query)]
        if steps:
            return steps
    return []


def _step(row: Document) -> Step:
    return Step(
        id=row["id"],
        key=row["source_key"],
        source=row["source"],
        source_record=row["source_record_id"],
        recipe={
            "uid": row["recipe_uid"],
            "code": row["recipe_code"],
            "version": row["recipe_version"],
        },
        parent_id=row["parent_id"],
        code=row["code"],
        name=row["name"],
        level=row["level"],
        sequence=row["sequence"],
        segment_id=row["process_segment_id"],
        is_optional=bool(row["is_optional"]),
    )


def list_runs(connection: Connection, batch_id: int) -> list[Run]:
    """Give the runs of a batch that its sources reported; what was found in signals is not among them."""
    run, segment = FACT_TABLES["segment_response"], ENTITY_TABLES["process_segment"]
    query = (
        select(
            run.c.id,
            run.c.source_key.label("key"),
            source_system.c.code.label("source"),
            run.c.source_record_id.label("source_record"),
            run.c.name,
            run.c.level,
            run.c.process_segment_id.label("segment_id"),
            segment.c.code.label("segment_code"),
            run.c.state,
            run.c.actual_start.label("start"),
            run.c.actual_end.label("end"),
        )
        .select_from(
            run.join(source_system, source_system.c.id == run.c.source_system_id).outerjoin(
                segment, segment.c.id == run.c.process_segment_id
            )
        )
        .where(run.c.batch_id == batch_id, run.c.is_retracted.is_(False), run.c.is_derived.is_not(True))
        .order_by(run.c.actual_start.is_(None), run.c.actual_start, run.c.id)
    )
    return [Run(**row) for row in read_rows(connection, query)]


def list_criteria(connection: Connection, subject: Subject, at: datetime) -> list[Criterion]:
    """Give what the specifications in force at a time ask for, by specification and test.

    They are those of what the batch makes, and of what it is tested against already. Of several of one
    material and stage the one that came into force last counts; one that does not say when it came into
    force counts while no other does.
    """
    in_force = _in_force(_specifications(connection, subject), at)
    criteria = _criteria_of(connection, [s["id"] for some in in_force for s in some])
    by_place: dict[int, tuple[int, Document]] = {}
    for place, some in enumerate(in_force):
        for one in some:
            by_place[one["id"]] = (place, some[0])
    grouped: dict[tuple[int, str], list[Document]] = {}
    for row in criteria:
        grouped.setdefault((by_place[row["specification_id"]][0], row["test_code"]), []).append(row)
    found: list[Criterion] = []
    for rows in grouped.values():
        _, specification = by_place[rows[0]["specification_id"]]
        asked = [row for row in rows if row["specification_id"] == specification["id"]]
        if asked:
            found.append(_criterion(asked[0], specification, frozenset(row["id"] for row in rows)))
    return found


def _specifications(connection: Connection, subject: Subject) -> list[Document]:
    table, material = ENTITY_TABLES["test_specification"], ENTITY_TABLES["material_definition"]
    materials = select(table.c.material_id).where(table.c.id.in_(_tested_against(connection, subject)))
    wanted = {*subject.material_ids, *(m for m in connection.scalars(materials) if m is not None)}
    query = (
        select(
            table.c.id,
            table.c.uid,
            table.c.code,
            table.c.specification_version,
            table.c.stage,
            table.c.material_id,
            table.c.effective_from,
            table.c.effective_to,
            material.c.code.label("material"),
        )
        .select_from(table.join(material, material.c.id == table.c.material_id))
        .where(
            table.c.material_id.in_(sorted(wanted)),
            table.c.lifecycle.not_in(("merged", "retracted")),
        )
        .order_by(material.c.code, table.c.stage, table.c.code, table.c.id)
    )
    return read_rows(connection, query)


def _tested_against(connection: Connection, subject: Subject) -> list[int]:
    """Give the specifications that samples of a batch, or criteria of their results, belong to."""
    sample, result = FACT_TABLES["sample"], FACT_TABLES["test_result"]
    criterion = FACT_TABLES["test_criterion"]
    by_sample = select(sample.c.specification_id).where(sampled(subject))
    tested = select(result.c.criterion_id).where(
        result.c.sample_id.in_(select(sample.c.id).where(sampled(subject))), result.c.is_retracted.is_(False)
    )
    by_result = select(criterion.c.specification_id).where(criterion.c.id.in_(tested))
    found = {*connection.scalars(by_sample.distinct()), *connection.scalars(by_result.distinct())}
    return sorted(number for number in found if number is not None)


def _in_force(specifications: Sequence[Document], at: datetime) -> list[list[Document]]:
    """Give the specifications of each material and stage, the one in force first; none where none is."""
    grouped: dict[tuple[int, str | None], list[Document]] = {}
    for one in specifications:
        began = one["effective_from"] is None or one["effective_from"] <= at
        if began:
            grouped.setdefault((one["material_id"], one["stage"]), []).append(one)
    found: list[list[Document]] = []
    for some in grouped.values():
        some.sort(key=lambda s: (s["effective_from"] is None, s["code"]))
        dated = [s for s in some if s["effective_from"] is not None]
        dated.sort(key=lambda s: s["effective_from"], reverse=True)
        ordered = [*dated, *(s for s in some if s["effective_from"] is None)]
        if ordered[0]["effective_to"] is None or ordered[0]["effective_to"] > at:
            found.append(ordered)
    return found


def _criteria_of(connection: Connection, specification_ids: Sequence[int]) -> list[Document]:
    table = FACT_TABLES["test_criterion"]
    query = (
        select(table, source_system.c.code.label("source"))
        .select_from(table.join(source_system, source_system.c.id == table.c.source_system_id))
        .where(table.c.specification_id.in_(specification_ids), table.c.is_retracted.is_(False))
        .order_by(table.c.test_code, table.c.source_key, table.c.id)
    )
    return read_rows(connection, query)


def _criterion(row: Document, specification: Document, ids: frozenset[int]) -> Criterion:
    return Criterion(
        ids=ids,
        key=row["source_key"],
        source=row["source"],
        source_record=row["source_record_id"],
        specification={
            "uid": specification["uid"],
            "code": specification["code"],
            "version": specification["specification_version"],
            "stage": specification["stage"],
            "material": specification["material"],
        },
        test_code=row["test_code"],
        property=row["property"],
        method=row["method"],
        is_cqa=bool(row["is_cqa"]),
        limits={"lower": row["lower"], "upper": row["upper"], "unit": row["unit"]},
    )


def list_tested(connection: Connection, subject: Subject) -> list[Result]:
    """Give the results of the samples of a batch and of the lots it made, by time."""
    result, sample = FACT_TABLES["test_result"], FACT_TABLES["sample"]
    # asked for first: an engine that reads the past would look through all results for a query inside
    samples = list(connection.scalars(select(sample.c.id).where(sampled(subject))))
    query = (
        select(
            result,
            source_system.c.code.label("source"),
            source_record.c.source_time.label("said_at"),
        )
        .select_from(
            result.join(source_system, source_system.c.id == result.c.source_system_id).join(
                source_record, source_record.c.id == result.c.source_record_id
            )
        )
        .where(result.c.sample_id.in_(sorted(samples)), result.c.is_retracted.is_(False))
        .order_by(result.c.measured_at.is_(None), result.c.measured_at, result.c.id)
    )
    return [_result(row) for row in read_rows(connection, query)]


def sampled(subject: Subject, *, retracted: bool = False) -> ColumnElement[bool]:
    """Give the condition that a sample belongs to a batch: taken of it, or of a lot that it made."""
    sample = FACT_TABLES["sample"]
    mine = or_(sample.c.batch_id == subject.id, sample.c.lot_id.in_(sorted(subject.lot_ids)))
    return mine if retracted else and_(mine, sample.c.is_retracted.is_(False))


def _result(row: dict[str, Any]) -> Result:
    return Result(
        id=row["id"],
        key=row["source_key"],
        source=row["source"],
        source_record=row["source_record_id"],
        test_code=row["test_code"],
        kind=row["kind"],
        criterion_id=row["criterion_id"],
        retest_of_id=row["retest_of_id"],
        value={
            "value": row["value_num"],
            "text": row["value_text"],
            "comparator": row["comparator"],
            "unit": row["unit"],
        },
        verdict=row["verdict"],
        status=row["status"],
        version=row["version"],
        measured_at=row["measured_at"],
        approved_at=row["approved_at"],
        said_at=row["said_at"],
    )
